//! Random expressions and random rows for them, and what a naive interpreter makes of each row.
//!
//! The idea: the interpreter is written from the semantics in `rules/src/expression/mod.rs`, shares no code with the
//! kernels, walks a tree and keeps one value at a time; [`compare`] holds the vectorised program against it, row by row.
//! The invariant: expressions and rows follow from the [`Dice`] alone.

mod interpreter;
mod rows;
mod trees;

use rules::expression::{Cause, Evaluated, compile};

use self::interpreter::{answer, narrow};
pub use self::rows::World;
use self::trees::{tree, write};
use crate::dice::Dice;

/// A value of the interpreter.
#[derive(Clone, Debug, PartialEq)]
enum Cell {
    Null,
    Int(i64),
    Decimal(i128, u32),
    Float(f64),
    Text(String),
    Bool(bool),
}

/// `Err` is a null that an error made.
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

/// What came out of a comparison: how many rows had a value, and how many an error.
#[derive(Clone, Copy, Debug, Default)]
pub struct Seen {
    /// Rows with a value.
    pub known: usize,
    /// Rows whose value an error took.
    pub faults: usize,
}

/// Makes an expression and rows by the dice, and compares what the program and the interpreter make of them.
///
/// # Errors
/// The expression with the row and both answers, where they differ.
pub fn compare(dice: &mut Dice, rows: usize) -> Result<Seen, String> {
    let cells = rows::random(dice, rows);
    let world = World::of(&cells);
    let kind = dice.of(&[
        Kind::Int,
        Kind::Decimal(2),
        Kind::Float,
        Kind::Text,
        Kind::Bool,
        Kind::Bool,
    ]);
    let tree = tree(dice, kind, 4);
    let text = write(&tree);
    let program =
        compile(&text, &world.names()).map_err(|problems| format!("{text}: {problems:?}"))?;
    let evaluated = world.evaluate(&program);
    let mut seen = Seen::default();
    for (at, row) in cells.iter().enumerate() {
        let expected = narrow(answer(&tree, row));
        agree(&expected, &evaluated, at).map_err(|what| format!("{text}\nrow {row:?}\n{what}"))?;
        match expected {
            Ok(cell) => seen.known += usize::from(cell != Cell::Null),
            Err(_) => seen.faults += 1,
        }
    }
    Ok(seen)
}

fn agree(expected: &Answer, evaluated: &Evaluated, at: usize) -> Result<(), String> {
    let got = rows::read(&evaluated.values, at);
    let told = |cause: &Cause| {
        let mut faults = evaluated.faults.iter();
        faults.any(|(told, bits)| told == cause && bits.value(at))
    };
    match expected {
        Ok(cell) if !rows::same(cell, &got) => Err(format!("expected {cell:?}, got {got:?}")),
        Ok(cell) if *cell != Cell::Null && Cause::ALL.iter().any(told) => {
            Err("a fault at a value".to_owned())
        }
        Err(cause) if got != Cell::Null => Err(format!("expected {cause:?}, got {got:?}")),
        Err(cause) if !told(cause) => Err(format!("{cause:?} is not told: {:?}", evaluated.faults)),
        _ => Ok(()),
    }
}
