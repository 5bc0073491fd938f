//! Expressions: whatever the text, it is refused in its place or runs; and made by the bytes, it runs as it should.
//!
//! An input is taken twice. As a text it is compiled: a refusal stands inside the text, and what is accepted gives the
//! same however rows are cut into batches. As bytes it chooses a well-typed expression and rows, and the program must
//! agree with the naive interpreter ([`crate::expression`]).

use std::ops::Range;
use std::sync::LazyLock;

use rules::expression::{Evaluated, compile};

use super::Target;
use crate::dice::Dice;
use crate::expression::{World, compare};

pub(super) const TARGET: Target = Target {
    name: "expression",
    short: 2_000,
    words: &[
        "(",
        ")",
        ",",
        "'",
        "''",
        "\"",
        "-",
        "--",
        "/*",
        "*/",
        "+",
        "*",
        "/",
        "%",
        "||",
        "=",
        "<>",
        "<=",
        ".",
        ":n",
        ":w",
        ":",
        ";",
        "i",
        "d",
        "e",
        "f",
        "s",
        "p",
        "q",
        "1",
        "0",
        "1.5",
        "1e0",
        "0.000000000000000001",
        "9223372036854775807",
        "9223372036854775808",
        "1e309",
        "NULL",
        "TRUE",
        " AND ",
        " OR ",
        " NOT ",
        " IS NULL",
        " IS NOT TRUE",
        " IS DISTINCT FROM ",
        " BETWEEN ",
        " IN (",
        " NOT IN (",
        " LIKE ",
        "CASE WHEN ",
        " THEN ",
        " ELSE ",
        " END",
        "CAST(",
        "TRY_CAST(",
        " AS int)",
        " AS decimal(10, 3))",
        " AS text)",
        "abs(",
        "round(",
        "floor(",
        "ceil(",
        "greatest(",
        "least(",
        "power(",
        "sqrt(",
        "ln(",
        "exp(",
        "coalesce(",
        "nullif(",
        "lower(",
        "upper(",
        "trim(",
        "length(",
        "substring(",
        "starts_with(",
        "regexp_like(",
        "concat(",
        "date_part(",
        "seconds_between(",
        "geo_km(",
        "in_list(",
        "'trusted'",
        "'(a{9}){9}'",
        "'[a-z]+$'",
        "\u{df}",
        "\u{1f600}",
        "\n",
    ],
    check,
};

const ROWS: usize = 12;

/// The rows every text is evaluated over.
static WORLD: LazyLock<World> = LazyLock::new(|| World::random(7, ROWS));

/// Steps a program may have per byte of its text: `a BETWEEN b AND c` makes the most of few.
const STEPS_PER_BYTE: usize = 4;

fn check(input: &[u8]) -> Result<(), String> {
    text(&String::from_utf8_lossy(input))?;
    let (rows, choices) = input.split_at(input.len().min(1));
    let rows = rows.first().map_or(1, |rows| usize::from(*rows % 9));
    compare(&mut Dice::of_bytes(choices), rows).map(drop)
}

fn text(text: &str) -> Result<(), String> {
    let program = match compile(text, &WORLD.names()) {
        Ok(program) => program,
        Err(problems) if problems.is_empty() => return Err("refused for no reason".to_owned()),
        Err(problems) => {
            let outside = problems.iter().find(|p| text.get(p.span.clone()).is_none());
            return outside.map_or(Ok(()), |p| Err(format!("outside of the text: {p:?}")));
        }
    };
    if program.nodes() > STEPS_PER_BYTE * text.len() || program.cost() == 0 {
        let (steps, cost) = (program.nodes(), program.cost());
        return Err(format!("{steps} steps of {cost} ns"));
    }
    let again = compile(text, &WORLD.names());
    if again.as_ref().map(|again| again.canonical()) != Ok(program.canonical()) {
        return Err(format!("{} and again {again:?}", program.canonical()));
    }
    let whole = WORLD.evaluate(&program);
    for row in 0..ROWS {
        let one = WORLD.evaluate_rows(&program, row..row + 1);
        let part = whole.values.slice(row, 1);
        if one.values.to_data() != part.to_data()
            || faults(&one, 0..1) != faults(&whole, row..row + 1)
        {
            return Err(format!("row {row}: alone {one:?}, among others {whole:?}"));
        }
    }
    Ok(())
}

/// The causes told of a row.
fn faults(evaluated: &Evaluated, rows: Range<usize>) -> Vec<&'static str> {
    let faults = evaluated.faults.iter();
    let told = faults.filter(|(_, bits)| rows.clone().any(|row| bits.value(row)));
    told.map(|(cause, _)| cause.name()).collect()
}
