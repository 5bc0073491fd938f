//! Random expressions over random columns: the vectorised program against a naive interpreter, row by row.
//!
//! The idea: the interpreter below is written from the semantics in `expression/mod.rs`, shares no code with the
//! kernels, walks a tree and keeps one value at a time. A failure prints the expression, the row and the seed.

mod interpreter;
mod trees;

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray,
};
use arrow::datatypes::{Decimal128Type, Float64Type, Int64Type};

use interpreter::{answer, narrow};
use trees::{tree, write};

use super::super::Cause;
use super::World;
use crate::ruleset::Column;
use crate::value::Type;

/// How many expressions are compared; each over [`ROWS`] rows.
const EXPRESSIONS: u64 = 3_000;
const ROWS: usize = 24;
const SEED: u64 = 0x5eed_0fca_4d5e;

/// A generator of its own, so that a seed means the same for ever (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(n).unwrap()).unwrap()
    }

    fn of<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }
}

/// A value of the interpreter; `Err` is a null that an error made.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Null,
    Int(i64),
    Decimal(i128, u32),
    Float(f64),
    Text(String),
    Bool(bool),
}

type Answer = Result<Cell, Cause>;

/// A tree that is well typed by construction.
#[derive(Clone, Debug)]
enum Tree {
    Column(usize),
    Literal(String, Cell),
    Infix(&'static str, Box<Tree>, Box<Tree>),
    Prefix(&'static str, Box<Tree>),
    Suffix(&'static str, Box<Tree>),
    Call(&'static str, Vec<Tree>),
    Cast(Box<Tree>, &'static str, Kind),
    In(Box<Tree>, Vec<Tree>, bool),
    Case(Vec<(Tree, Tree)>, Option<Box<Tree>>),
}

/// What the type of a tree is; the scale of a decimal follows from its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Int,
    Decimal(u32),
    Float,
    Text,
    Bool,
}

const COLUMNS: [(&str, Kind); 8] = [
    ("i", Kind::Int),
    ("j", Kind::Int),
    ("d", Kind::Decimal(2)),
    ("e", Kind::Decimal(4)),
    ("f", Kind::Float),
    ("s", Kind::Text),
    ("p", Kind::Bool),
    ("q", Kind::Bool),
];

#[test]
fn programs_agree_with_a_naive_interpreter() {
    let mut faults = 0usize;
    let mut known = 0usize;
    for case in 0..EXPRESSIONS {
        let seed = SEED ^ case;
        let mut dice = Dice(seed);
        let rows = random_rows(&mut dice);
        let world = world(&rows);
        let kind = dice.of(&[
            Kind::Int,
            Kind::Decimal(2),
            Kind::Float,
            Kind::Text,
            Kind::Bool,
            Kind::Bool,
        ]);
        let tree = tree(&mut dice, kind, 4);
        let text = write(&tree);
        let program = world
            .compile(&text)
            .unwrap_or_else(|problems| panic!("seed {seed}: {text}: {problems:?}"));
        let evaluated = world.evaluate(&program);
        for (at, row) in rows.iter().enumerate() {
            let expected = narrow(answer(&tree, row));
            let got = read(&evaluated.values, at);
            let fault = evaluated.faults.iter().any(|(_, bits)| bits.value(at));
            match &expected {
                Ok(cell) => {
                    assert!(
                        same(cell, &got),
                        "seed {seed}: {text}\nrow {row:?}\nexpected {cell:?}, got {got:?}"
                    );
                    assert!(
                        !fault || *cell == Cell::Null,
                        "seed {seed}: {text}\nrow {row:?}: fault at a value"
                    );
                    known += usize::from(*cell != Cell::Null);
                }
                Err(cause) => {
                    assert!(
                        got == Cell::Null,
                        "seed {seed}: {text}\nrow {row:?}\nexpected {cause:?}, got {got:?}"
                    );
                    let told = evaluated
                        .faults
                        .iter()
                        .any(|(c, bits)| c == cause && bits.value(at));
                    assert!(
                        told,
                        "seed {seed}: {text}\nrow {row:?}\n{cause:?} is not told: {:?}",
                        evaluated.faults
                    );
                    faults += 1;
                }
            }
        }
    }
    // The comparison means nothing if hardly anything came out, or nothing went wrong.
    let cells = usize::try_from(EXPRESSIONS).unwrap() * ROWS;
    assert!(known > cells / 3, "{known} known of {cells}");
    assert!(faults > cells / 200, "{faults} faults of {cells}");
}

fn random_rows(dice: &mut Dice) -> Vec<Vec<Cell>> {
    (0..ROWS)
        .map(|_| {
            COLUMNS
                .iter()
                .map(|(_, kind)| {
                    if dice.below(5) == 0 {
                        Cell::Null
                    } else {
                        value(dice, *kind)
                    }
                })
                .collect()
        })
        .collect()
}

fn value(dice: &mut Dice, kind: Kind) -> Cell {
    match kind {
        Kind::Int => {
            Cell::Int(dice.of(&[0, 1, -1, 2, 3, 7, -10, 100, i64::MAX, i64::MIN, 1 << 53]))
        }
        Kind::Decimal(scale) => {
            let most = 10i128.pow(18) - 1;
            Cell::Decimal(
                dice.of(&[0, 1, -1, 50, 250, -12_345, 10_000, 99_950, most, -most]),
                scale,
            )
        }
        Kind::Float => {
            Cell::Float(dice.of(&[0.0, -0.0, 1.0, -1.5, 2.5, 0.1, 1e300, -1e300, 3.0, 1e-300]))
        }
        Kind::Text => Cell::Text(
            dice.of(&["", "a", "ab", "Ab", "b%", "10", "-3", "2.5", "ß"])
                .to_owned(),
        ),
        Kind::Bool => Cell::Bool(dice.below(2) == 0),
    }
}

fn world(rows: &[Vec<Cell>]) -> World {
    let mut world = World::new(&[]);
    world.rows = rows.len();
    for (at, (name, kind)) in COLUMNS.iter().enumerate() {
        let cells: Vec<&Cell> = rows.iter().map(|row| &row[at]).collect();
        let ty = match kind {
            Kind::Int => Type::Int,
            Kind::Decimal(scale) => Type::Decimal(u8::try_from(*scale).unwrap()),
            Kind::Float => Type::Float,
            Kind::Text => Type::Text,
            Kind::Bool => Type::Bool,
        };
        let array: ArrayRef = match kind {
            Kind::Int => Arc::new(cells.iter().map(|c| int(c)).collect::<Int64Array>()),
            Kind::Decimal(_) => Arc::new(
                cells
                    .iter()
                    .map(|c| {
                        if let Cell::Decimal(m, _) = c {
                            Some(*m)
                        } else {
                            None
                        }
                    })
                    .collect::<Decimal128Array>()
                    .with_data_type(ty.arrow()),
            ),
            Kind::Float => Arc::new(
                cells
                    .iter()
                    .map(|c| {
                        if let Cell::Float(x) = c {
                            Some(*x)
                        } else {
                            None
                        }
                    })
                    .collect::<Float64Array>(),
            ),
            Kind::Text => Arc::new(cells.iter().map(|c| text(c)).collect::<StringArray>()),
            Kind::Bool => Arc::new(cells.iter().map(|c| truth(c)).collect::<BooleanArray>()),
        };
        world.columns.push(Column {
            name: (*name).to_owned(),
            ty,
        });
        world.arrays.push(Some(array));
    }
    world
}

fn int(cell: &Cell) -> Option<i64> {
    if let Cell::Int(x) = cell {
        Some(*x)
    } else {
        None
    }
}

fn text(cell: &Cell) -> Option<String> {
    if let Cell::Text(x) = cell {
        Some(x.clone())
    } else {
        None
    }
}

fn truth(cell: &Cell) -> Option<bool> {
    if let Cell::Bool(x) = cell {
        Some(*x)
    } else {
        None
    }
}

fn read(values: &ArrayRef, row: usize) -> Cell {
    use arrow::datatypes::DataType;
    if values.is_null(row) {
        return Cell::Null;
    }
    match values.data_type() {
        DataType::Int64 => Cell::Int(values.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Cell::Float(values.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => Cell::Bool(values.as_boolean().value(row)),
        DataType::Utf8 => Cell::Text(values.as_string::<i32>().value(row).to_owned()),
        DataType::Decimal128(_, scale) => Cell::Decimal(
            values.as_primitive::<Decimal128Type>().value(row),
            u32::try_from(*scale).unwrap(),
        ),
        other => panic!("{other}"),
    }
}

fn same(expected: &Cell, got: &Cell) -> bool {
    match (expected, got) {
        (Cell::Float(a), Cell::Float(b)) => a.to_bits() == b.to_bits() || (*a == 0.0 && *b == 0.0),
        (a, b) => a == b,
    }
}
