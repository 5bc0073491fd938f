//! Random expressions over random columns: the vectorised program against a naive interpreter, row by row.
//!
//! The idea: the interpreter below is written from the semantics in `expression/mod.rs`, shares no code with the
//! kernels, walks a tree and keeps one value at a time. A failure prints the expression, the row and the seed.

use std::cmp::Ordering;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray,
};
use arrow::datatypes::{Decimal128Type, Float64Type, Int64Type};

use super::World;
use crate::expression::Cause;
use crate::ruleset::Column;
use crate::value::Type;

/// How many expressions are compared; each over [`ROWS`] rows.
const EXPRESSIONS: u64 = 6_000;
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
    Case(Vec<(Tree, Tree)>, Option<Box<Tree>>, Kind),
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

// --- Trees.

fn number(dice: &mut Dice) -> Kind {
    dice.of(&[Kind::Int, Kind::Int, Kind::Decimal(2), Kind::Float])
}

fn tree(dice: &mut Dice, kind: Kind, depth: usize) -> Tree {
    if depth == 0 || dice.below(6) == 0 {
        return leaf(dice, kind);
    }
    let below = depth - 1;
    let boxed = |dice: &mut Dice, kind| Box::new(tree(dice, kind, below));
    if dice.below(7) == 0 {
        return branch(dice, kind, below);
    }
    match kind {
        Kind::Int => match dice.below(8) {
            0..=4 => {
                let op = dice.of(&["+", "-", "*", "/", "%"]);
                Tree::Infix(op, boxed(dice, Kind::Int), boxed(dice, Kind::Int))
            }
            5 => Tree::Prefix("-", boxed(dice, Kind::Int)),
            6 => Tree::Call(
                dice.of(&["abs", "floor", "ceil"]),
                vec![tree(dice, Kind::Int, below)],
            ),
            _ => {
                let from = dice.of(&[Kind::Text, Kind::Decimal(2), Kind::Bool]);
                Tree::Cast(boxed(dice, from), "int", Kind::Int)
            }
        },
        Kind::Decimal(_) => match dice.below(6) {
            0..=2 => {
                let other = dice.of(&[Kind::Int, Kind::Decimal(2)]);
                let op = dice.of(&["+", "-", "*", "%"]);
                Tree::Infix(op, boxed(dice, Kind::Decimal(2)), boxed(dice, other))
            }
            3 => Tree::Call(
                dice.of(&["abs", "floor", "ceil", "round"]),
                vec![tree(dice, Kind::Decimal(2), below)],
            ),
            4 => Tree::Prefix("-", boxed(dice, Kind::Decimal(2))),
            _ => {
                let from = dice.of(&[Kind::Text, Kind::Int]);
                Tree::Cast(boxed(dice, from), "decimal(10, 3)", Kind::Decimal(3))
            }
        },
        Kind::Float => {
            let (a, b) = (number(dice), number(dice));
            match dice.below(5) {
                0..=2 => Tree::Infix(
                    dice.of(&["+", "-", "*", "/", "%"]),
                    boxed(dice, Kind::Float),
                    boxed(dice, a),
                ),
                3 => Tree::Infix("/", boxed(dice, Kind::Decimal(2)), boxed(dice, b)),
                _ => Tree::Call(
                    dice.of(&["sqrt", "abs", "floor"]),
                    vec![tree(dice, Kind::Float, below)],
                ),
            }
        }
        Kind::Text => match dice.below(4) {
            0 => Tree::Infix("||", boxed(dice, Kind::Text), boxed(dice, Kind::Text)),
            1 => Tree::Call(
                "concat",
                vec![tree(dice, Kind::Text, below), tree(dice, Kind::Text, below)],
            ),
            2 => Tree::Call(
                dice.of(&["lower", "upper"]),
                vec![tree(dice, Kind::Text, below)],
            ),
            _ => Tree::Cast(boxed(dice, Kind::Int), "text", Kind::Text),
        },
        Kind::Bool => {
            let (a, b) = (number(dice), number(dice));
            match dice.below(9) {
                0 | 1 => Tree::Infix(
                    dice.of(&["AND", "OR"]),
                    boxed(dice, Kind::Bool),
                    boxed(dice, Kind::Bool),
                ),
                2..=4 => {
                    let op = dice.of(&["=", "<>", "<", "<=", ">", ">=", "IS DISTINCT FROM"]);
                    Tree::Infix(op, boxed(dice, a), boxed(dice, b))
                }
                5 => Tree::Infix(
                    dice.of(&["=", "<", ">="]),
                    boxed(dice, Kind::Text),
                    boxed(dice, Kind::Text),
                ),
                6 => Tree::Prefix("NOT ", boxed(dice, Kind::Bool)),
                7 => {
                    let op = dice.of(&[
                        "IS TRUE",
                        "IS FALSE",
                        "IS NULL",
                        "IS NOT NULL",
                        "IS NOT TRUE",
                    ]);
                    Tree::Suffix(op, boxed(dice, Kind::Bool))
                }
                _ => {
                    let kind = dice.of(&[a, Kind::Text]);
                    let items = (0..=dice.below(3)).map(|_| leaf(dice, kind)).collect();
                    Tree::In(boxed(dice, kind), items, dice.below(2) == 0)
                }
            }
        }
    }
}

/// CASE, COALESCE and the like, of any kind.
fn branch(dice: &mut Dice, kind: Kind, below: usize) -> Tree {
    let one = |dice: &mut Dice| tree(dice, kind, below);
    match dice.below(3) {
        0 => {
            let whens = (0..=dice.below(2))
                .map(|_| (tree(dice, Kind::Bool, below), one(dice)))
                .collect();
            let otherwise = (dice.below(2) == 0).then(|| Box::new(one(dice)));
            Tree::Case(whens, otherwise, kind)
        }
        1 if kind != Kind::Bool => {
            Tree::Call(dice.of(&["greatest", "least"]), vec![one(dice), one(dice)])
        }
        _ => Tree::Call("coalesce", vec![one(dice), one(dice)]),
    }
}

fn leaf(dice: &mut Dice, kind: Kind) -> Tree {
    let columns: Vec<usize> = (0..COLUMNS.len())
        .filter(|at| {
            let of = COLUMNS[*at].1;
            of == kind || matches!((of, kind), (Kind::Decimal(_), Kind::Decimal(_)))
        })
        .collect();
    if dice.below(3) > 0 {
        return Tree::Column(dice.of(&columns));
    }
    let (text, cell) = match kind {
        Kind::Int => {
            let x = dice.of(&[0i64, 1, 2, -3, 100]);
            (x.to_string(), Cell::Int(x))
        }
        Kind::Decimal(_) => dice.of(&[
            ("1.5".to_owned(), Cell::Decimal(15, 1)),
            ("0.00".to_owned(), Cell::Decimal(0, 2)),
            ("-2.345".to_owned(), Cell::Decimal(-2_345, 3)),
            ("7.0".to_owned(), Cell::Decimal(70, 1)),
        ]),
        Kind::Float => dice.of(&[
            ("1e0".to_owned(), Cell::Float(1.0)),
            ("25e-1".to_owned(), Cell::Float(2.5)),
            ("0e0".to_owned(), Cell::Float(0.0)),
        ]),
        Kind::Text => {
            let x = dice.of(&["a", "", "10"]);
            (format!("'{x}'"), Cell::Text(x.to_owned()))
        }
        Kind::Bool => {
            let x = dice.below(2) == 0;
            (x.to_string(), Cell::Bool(x))
        }
    };
    Tree::Literal(text, cell)
}

fn write(tree: &Tree) -> String {
    let list = |items: &[Tree]| items.iter().map(write).collect::<Vec<_>>().join(", ");
    match tree {
        Tree::Column(at) => COLUMNS[*at].0.to_owned(),
        Tree::Literal(text, _) => text.clone(),
        Tree::Infix(op, x, y) => format!("({} {op} {})", write(x), write(y)),
        Tree::Prefix(op, x) => format!("({op}({}))", write(x)),
        Tree::Suffix(op, x) => format!("({} {op})", write(x)),
        Tree::Call(name, args) => format!("{name}({})", list(args)),
        // TRY_CAST, because a constant that cannot be cast is a mistake when CAST.
        Tree::Cast(x, to, _) => format!("TRY_CAST({} AS {to})", write(x)),
        Tree::In(x, items, not) => {
            format!(
                "({} {}IN ({}))",
                write(x),
                if *not { "NOT " } else { "" },
                list(items)
            )
        }
        Tree::Case(whens, otherwise, _) => {
            let whens: String = whens
                .iter()
                .map(|(test, result)| format!("WHEN {} THEN {} ", write(test), write(result)))
                .collect();
            let otherwise = otherwise.as_ref().map(|x| format!("ELSE {} ", write(x)));
            format!("(CASE {whens}{}END)", otherwise.unwrap_or_default())
        }
    }
}

// --- The interpreter.

/// The kind of a tree by the rules of the semantics.
fn kind_of(tree: &Tree) -> Kind {
    match tree {
        Tree::Column(at) => COLUMNS[*at].1,
        Tree::Literal(_, cell) => match cell {
            Cell::Int(_) => Kind::Int,
            Cell::Decimal(_, scale) => Kind::Decimal(*scale),
            Cell::Float(_) => Kind::Float,
            Cell::Text(_) => Kind::Text,
            Cell::Bool(_) | Cell::Null => Kind::Bool,
        },
        Tree::Infix("||", ..) => Kind::Text,
        Tree::Infix("+" | "-" | "%", x, y) => wider(kind_of(x), kind_of(y)),
        Tree::Infix("*", x, y) => match (kind_of(x), kind_of(y)) {
            (Kind::Decimal(a), Kind::Decimal(b)) => Kind::Decimal((a + b).min(18)),
            (a, b) => wider(a, b),
        },
        Tree::Infix("/", x, y) => match (kind_of(x), kind_of(y)) {
            (Kind::Int, Kind::Int) => Kind::Int,
            _ => Kind::Float,
        },
        Tree::Infix(..) | Tree::Suffix(..) | Tree::In(..) => Kind::Bool,
        Tree::Prefix("NOT ", _) => Kind::Bool,
        Tree::Prefix(_, x) => kind_of(x),
        Tree::Call("sqrt", _) => Kind::Float,
        Tree::Call(_, args) => args.iter().map(kind_of).reduce(wider).unwrap(),
        Tree::Cast(_, _, to) => *to,
        Tree::Case(whens, otherwise, _) => {
            let results = whens
                .iter()
                .map(|(_, result)| result)
                .chain(otherwise.as_deref());
            results.map(kind_of).reduce(wider).unwrap()
        }
    }
}

fn wider(a: Kind, b: Kind) -> Kind {
    match (a, b) {
        (Kind::Decimal(a), Kind::Decimal(b)) => Kind::Decimal(a.max(b)),
        (Kind::Float, _) | (_, Kind::Float) => Kind::Float,
        (Kind::Decimal(a), Kind::Int) | (Kind::Int, Kind::Decimal(a)) => Kind::Decimal(a),
        (a, _) => a,
    }
}

/// A value as another kind of number.
fn convert(cell: Cell, to: Kind) -> Answer {
    Ok(match (cell, to) {
        (Cell::Int(x), Kind::Float) => Cell::Float(x as f64),
        (Cell::Decimal(m, scale), Kind::Float) => {
            Cell::Float(m as f64 / 10f64.powi(scale.cast_signed()))
        }
        (Cell::Int(x), Kind::Decimal(scale)) => Cell::Decimal(scaled(i128::from(x), scale)?, scale),
        (Cell::Decimal(m, from), Kind::Decimal(scale)) if scale >= from => {
            Cell::Decimal(scaled(m, scale - from)?, scale)
        }
        (cell, _) => cell,
    })
}

fn scaled(m: i128, by: u32) -> Result<i128, Cause> {
    m.checked_mul(10i128.pow(by)).ok_or(Cause::Overflow)
}

fn half_away(m: i128, unit: i128) -> i128 {
    let half = unit / 2;
    if m < 0 {
        (m - half) / unit
    } else {
        (m + half) / unit
    }
}

fn answer(tree: &Tree, row: &[Cell]) -> Answer {
    let at = |x: &Tree, kind: Kind| answer(x, row).and_then(|cell| convert(cell, kind));
    match tree {
        Tree::Column(column) => Ok(row[*column].clone()),
        Tree::Literal(_, cell) => Ok(cell.clone()),
        Tree::Infix(op @ ("AND" | "OR"), x, y) => {
            let deciding = Cell::Bool(*op == "OR");
            match (answer(x, row), answer(y, row)) {
                (Ok(x), _) if x == deciding => Ok(deciding),
                (_, Ok(y)) if y == deciding => Ok(deciding),
                (Err(cause), _) | (_, Err(cause)) => Err(cause),
                (Ok(Cell::Null), _) | (_, Ok(Cell::Null)) => Ok(Cell::Null),
                _ => Ok(Cell::Bool(*op == "AND")),
            }
        }
        Tree::Infix(op @ ("+" | "-" | "*" | "/" | "%"), x, y) => {
            let kind = kind_of(tree);
            let operand = |x: &Tree| match kind {
                Kind::Decimal(_) if *op == "*" && kind_of(x) == Kind::Int => Kind::Decimal(0),
                Kind::Decimal(_) if *op == "*" => kind_of(x),
                kind => kind,
            };
            // Both sides are computed, as the columns are.
            let (a, b) = (at(x, operand(x)), at(y, operand(y)));
            arithmetic(op, a, b, kind)
        }
        Tree::Infix("||", x, y) => {
            let (a, b) = (answer(x, row), answer(y, row));
            both(a, b, |a, b| match (a, b) {
                (Cell::Text(a), Cell::Text(b)) => Ok(Cell::Text(a + &b)),
                other => panic!("{other:?}"),
            })
        }
        Tree::Infix(op, x, y) => {
            let kind = wider(kind_of(x), kind_of(y));
            let exact = |x: &Tree| {
                answer(x, row).and_then(|cell| {
                    if kind == Kind::Float {
                        convert(cell, kind)
                    } else {
                        Ok(cell)
                    }
                })
            };
            let (a, b) = (exact(x), exact(y));
            if *op == "IS DISTINCT FROM" {
                let (a, b) = (a.unwrap_or(Cell::Null), b.unwrap_or(Cell::Null));
                let equal = match (&a, &b) {
                    (Cell::Null, Cell::Null) => true,
                    (Cell::Null, _) | (_, Cell::Null) => false,
                    (a, b) => compare(a, b).is_eq(),
                };
                return Ok(Cell::Bool(!equal));
            }
            both(a, b, |a, b| {
                let order = compare(&a, &b);
                Ok(Cell::Bool(match *op {
                    "=" => order.is_eq(),
                    "<>" => order.is_ne(),
                    "<" => order.is_lt(),
                    "<=" => order.is_le(),
                    ">" => order.is_gt(),
                    ">=" => order.is_ge(),
                    other => panic!("{other}"),
                }))
            })
        }
        Tree::Prefix("NOT ", x) => Ok(match answer(x, row)? {
            Cell::Bool(x) => Cell::Bool(!x),
            other => other,
        }),
        Tree::Prefix(_, x) => Ok(match answer(x, row)? {
            Cell::Int(x) => Cell::Int(x.checked_neg().ok_or(Cause::Overflow)?),
            Cell::Decimal(m, scale) => {
                Cell::Decimal(m.checked_neg().ok_or(Cause::Overflow)?, scale)
            }
            Cell::Float(x) => Cell::Float(-x),
            other => other,
        }),
        Tree::Suffix(op, x) => {
            let x = answer(x, row).unwrap_or(Cell::Null);
            Ok(Cell::Bool(match *op {
                "IS TRUE" => x == Cell::Bool(true),
                "IS FALSE" => x == Cell::Bool(false),
                "IS NULL" => x == Cell::Null,
                "IS NOT NULL" => x != Cell::Null,
                "IS NOT TRUE" => x != Cell::Bool(true),
                other => panic!("{other}"),
            }))
        }
        Tree::Call(name, args) => call(name, args, kind_of(tree), row),
        Tree::Cast(x, _, to) => cast(answer(x, row)?, *to),
        Tree::In(x, items, not) => {
            let x = answer(x, row)?;
            if x == Cell::Null {
                return Ok(Cell::Null);
            }
            let kind = items.iter().map(kind_of).fold(kind_of_cell(&x), wider);
            let x = if kind == Kind::Float {
                convert(x, kind)?
            } else {
                x
            };
            let mut unknown = false;
            for item in items {
                let item = answer(item, row)?;
                if item == Cell::Null {
                    unknown = true;
                } else if compare(&x, &item).is_eq() {
                    return Ok(Cell::Bool(!not));
                }
            }
            Ok(if unknown {
                Cell::Null
            } else {
                Cell::Bool(*not)
            })
        }
        Tree::Case(whens, otherwise, _) => {
            let kind = kind_of(tree);
            let mut tried = None;
            for (test, result) in whens {
                match answer(test, row) {
                    Ok(Cell::Bool(true)) => return with(at(result, kind), tried),
                    Ok(_) => {}
                    Err(cause) => tried = tried.or(Some(cause)),
                }
            }
            let last = otherwise.as_ref().map_or(Ok(Cell::Null), |x| at(x, kind));
            with(last, tried)
        }
    }
}

/// A null of a CASE is an error if one of its conditions was.
fn with(result: Answer, tried: Option<Cause>) -> Answer {
    match (result, tried) {
        (Ok(Cell::Null), Some(cause)) => Err(cause),
        (result, _) => result,
    }
}

fn kind_of_cell(cell: &Cell) -> Kind {
    match cell {
        Cell::Int(_) => Kind::Int,
        Cell::Decimal(_, scale) => Kind::Decimal(*scale),
        Cell::Float(_) => Kind::Float,
        Cell::Text(_) => Kind::Text,
        Cell::Bool(_) | Cell::Null => Kind::Bool,
    }
}

/// Null if either is, an error before that.
fn both(a: Answer, b: Answer, f: impl FnOnce(Cell, Cell) -> Answer) -> Answer {
    match (a?, b?) {
        (Cell::Null, _) | (_, Cell::Null) => Ok(Cell::Null),
        (a, b) => f(a, b),
    }
}

fn arithmetic(op: &str, a: Answer, b: Answer, kind: Kind) -> Answer {
    both(a, b, |a, b| match (a, b) {
        (Cell::Int(a), Cell::Int(b)) => {
            let (a, b) = (i128::from(a), i128::from(b));
            let exact = match op {
                "+" => a + b,
                "-" => a - b,
                "*" => a * b,
                _ if b == 0 => return Err(Cause::DivisionByZero),
                "/" => a / b,
                _ => a % b,
            };
            i64::try_from(exact)
                .map(Cell::Int)
                .map_err(|_| Cause::Overflow)
        }
        (Cell::Decimal(a, x), Cell::Decimal(b, y)) => {
            let Kind::Decimal(scale) = kind else {
                panic!("{kind:?}")
            };
            let exact = match op {
                "+" => a.checked_add(b),
                "-" => a.checked_sub(b),
                "*" => a
                    .checked_mul(b)
                    .map(|m| half_away(m, 10i128.pow((x + y).saturating_sub(scale)))),
                _ if b == 0 => return Err(Cause::DivisionByZero),
                _ => Some(a % b),
            };
            exact
                .map(|m| Cell::Decimal(m, scale))
                .ok_or(Cause::Overflow)
        }
        (Cell::Float(a), Cell::Float(b)) => finite(match op {
            "+" => a + b,
            "-" => a - b,
            "*" => a * b,
            _ if b == 0.0 => return Err(Cause::DivisionByZero),
            "/" => a / b,
            _ => a % b,
        }),
        other => panic!("{other:?} {op}"),
    })
}

fn finite(x: f64) -> Answer {
    if x.is_finite() {
        Ok(Cell::Float(x))
    } else {
        Err(Cause::NotANumber)
    }
}

/// Exact for ints and decimals of any scale: by their whole parts first, then by what is left.
fn compare(a: &Cell, b: &Cell) -> Ordering {
    let parts = |cell: &Cell| match cell {
        Cell::Int(x) => Some((i128::from(*x), 0i128)),
        Cell::Decimal(m, scale) => {
            let unit = 10i128.pow(*scale);
            Some((
                m.div_euclid(unit),
                m.rem_euclid(unit) * 10i128.pow(18 - *scale),
            ))
        }
        _ => None,
    };
    match (a, b) {
        (Cell::Text(a), Cell::Text(b)) => a.as_bytes().cmp(b.as_bytes()),
        (Cell::Bool(a), Cell::Bool(b)) => a.cmp(b),
        (Cell::Float(a), Cell::Float(b)) => a.partial_cmp(b).unwrap(),
        (a, b) => parts(a).unwrap().cmp(&parts(b).unwrap()),
    }
}

fn call(name: &str, args: &[Tree], kind: Kind, row: &[Cell]) -> Answer {
    let values: Vec<Answer> = args
        .iter()
        .map(|arg| answer(arg, row).and_then(|cell| convert(cell, kind)))
        .collect();
    match name {
        "coalesce" => {
            let mut failed = None;
            for value in values {
                match value {
                    Ok(Cell::Null) => {}
                    Ok(value) => return Ok(value),
                    Err(cause) => failed = failed.or(Some(cause)),
                }
            }
            failed.map_or(Ok(Cell::Null), Err)
        }
        "concat" => {
            let texts = values
                .into_iter()
                .filter_map(|value| text(&value.unwrap_or(Cell::Null)));
            Ok(Cell::Text(texts.collect()))
        }
        "greatest" | "least" => {
            let [a, b] = <[Answer; 2]>::try_from(values).unwrap();
            both(a, b, |a, b| {
                let first =
                    compare(&a, &b).is_gt() == (name == "greatest") || compare(&a, &b).is_eq();
                Ok(if first { a } else { b })
            })
        }
        _ => one(name, values.into_iter().next().unwrap()?),
    }
}

fn one(name: &str, x: Cell) -> Answer {
    Ok(match (name, x) {
        (_, Cell::Null) => Cell::Null,
        ("abs", Cell::Int(x)) => Cell::Int(x.checked_abs().ok_or(Cause::Overflow)?),
        (_, Cell::Int(x)) => Cell::Int(x),
        (name, Cell::Decimal(m, scale)) => {
            let unit = 10i128.pow(scale);
            let units = match name {
                "abs" => {
                    return Ok(Cell::Decimal(
                        m.checked_abs().ok_or(Cause::Overflow)?,
                        scale,
                    ));
                }
                "floor" => m.div_euclid(unit),
                "ceil" => m.div_euclid(unit) + i128::from(m.rem_euclid(unit) > 0),
                _ => half_away(m, unit),
            };
            Cell::Decimal(scaled(units, scale)?, scale)
        }
        ("abs", Cell::Float(x)) => Cell::Float(x.abs()),
        ("floor", Cell::Float(x)) => Cell::Float(x.floor()),
        ("sqrt", Cell::Float(x)) => finite(x.sqrt())?,
        ("lower", Cell::Text(x)) => Cell::Text(x.to_lowercase()),
        ("upper", Cell::Text(x)) => Cell::Text(x.to_uppercase()),
        other => panic!("{other:?}"),
    })
}

fn cast(x: Cell, to: Kind) -> Answer {
    let cast = match (x, to) {
        (Cell::Null, _) => Some(Cell::Null),
        (Cell::Bool(x), Kind::Int) => Some(Cell::Int(i64::from(x))),
        (Cell::Text(x), Kind::Int) => x.parse().ok().map(Cell::Int),
        (Cell::Decimal(m, scale), Kind::Int) => i64::try_from(half_away(m, 10i128.pow(scale)))
            .ok()
            .map(Cell::Int),
        (Cell::Int(x), Kind::Text) => Some(Cell::Text(x.to_string())),
        (Cell::Int(x), Kind::Decimal(3)) => ten_digits(i128::from(x) * 1_000),
        // The texts of this test have at most one digit behind the point.
        (Cell::Text(x), Kind::Decimal(3)) => x
            .parse::<f64>()
            .ok()
            .and_then(|x| ten_digits((x * 1_000.0).round() as i128)),
        other => panic!("{other:?}"),
    };
    cast.ok_or(Cause::BadCast)
}

fn ten_digits(m: i128) -> Option<Cell> {
    (m.abs() < 10i128.pow(10)).then_some(Cell::Decimal(m, 3))
}

/// The final value of a decimal has at most 18 digits.
fn narrow(answer: Answer) -> Answer {
    match answer {
        Ok(Cell::Decimal(m, _)) if m.abs() >= 10i128.pow(18) => Err(Cause::Overflow),
        other => other,
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
