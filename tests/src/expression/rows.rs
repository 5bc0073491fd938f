//! Rows as cells for the interpreter and as columns for the program, with the edges of every type among them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray,
};
use arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use rules::expression::{Evaluated, Inputs, Names, Program};
use rules::list::List;
use rules::ruleset::Column;
use rules::value::{Type, Value};

use super::{COLUMNS, Cell, Kind};
use crate::dice::Dice;

/// Columns, parameters and a list: what an expression sees.
#[derive(Debug)]
pub struct World {
    columns: Vec<Column>,
    arrays: Vec<Option<ArrayRef>>,
    /// How many rows the columns have.
    pub rows: usize,
    params: BTreeMap<String, Value>,
    list_names: Vec<String>,
    lists: Vec<List>,
}

/// Rows with a value, or null, in each column.
pub(super) fn random(dice: &mut Dice, rows: usize) -> Vec<Vec<Cell>> {
    (0..rows)
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

impl World {
    /// Columns of these rows.
    pub(super) fn of(rows: &[Vec<Cell>]) -> World {
        let mut world = World {
            columns: Vec::new(),
            arrays: Vec::new(),
            rows: rows.len(),
            params: BTreeMap::from([
                ("n".to_owned(), Value::Int(3)),
                ("w".to_owned(), Value::Text("ab".to_owned())),
            ]),
            list_names: vec!["trusted".to_owned()],
            lists: vec![List {
                name: "trusted".to_owned(),
                key: "s".to_owned(),
                entries: ["a", "ab"].map(str::to_owned).into(),
            }],
        };
        for (at, (name, kind)) in COLUMNS.iter().enumerate() {
            let cells: Vec<&Cell> = rows.iter().map(|row| &row[at]).collect();
            let ty = kind.ty();
            world.columns.push(Column {
                name: (*name).to_owned(),
                ty,
            });
            world.arrays.push(Some(array(&cells, ty)));
        }
        world
    }

    /// So many rows of a seed.
    #[must_use]
    pub fn random(seed: u64, rows: usize) -> World {
        World::of(&random(&mut Dice::seeded(seed), rows))
    }

    /// What an expression may name.
    #[must_use]
    pub fn names(&self) -> Names<'_> {
        Names {
            columns: &self.columns,
            params: &self.params,
            lists: &self.list_names,
        }
    }

    /// The program over all rows.
    #[must_use]
    pub fn evaluate(&self, program: &Program) -> Evaluated {
        self.evaluate_rows(program, 0..self.rows)
    }

    /// The program over some of the rows.
    #[must_use]
    pub fn evaluate_rows(&self, program: &Program, rows: Range<usize>) -> Evaluated {
        let slice = |array: &Option<ArrayRef>| {
            let array = array.as_ref();
            array.map(|array| array.slice(rows.start, rows.len()))
        };
        program.evaluate(&Inputs {
            columns: &self.arrays.iter().map(slice).collect::<Vec<_>>(),
            rows: rows.len(),
            lists: &self.lists,
        })
    }
}

impl Kind {
    fn ty(self) -> Type {
        match self {
            Kind::Int => Type::Int,
            Kind::Decimal(scale) => Type::Decimal(u8::try_from(scale).unwrap()),
            Kind::Float => Type::Float,
            Kind::Text => Type::Text,
            Kind::Bool => Type::Bool,
        }
    }
}

fn array(cells: &[&Cell], ty: Type) -> ArrayRef {
    let mantissa = |cell: &&Cell| match cell {
        Cell::Decimal(m, _) => Some(*m),
        _ => None,
    };
    let float = |cell: &&Cell| match cell {
        Cell::Float(x) => Some(*x),
        _ => None,
    };
    let cells = cells.iter();
    match ty {
        Type::Int => Arc::new(cells.map(|c| int(c)).collect::<Int64Array>()),
        Type::Decimal(_) => {
            let array = cells.map(mantissa).collect::<Decimal128Array>();
            Arc::new(array.with_data_type(ty.arrow()))
        }
        Type::Float => Arc::new(cells.map(float).collect::<Float64Array>()),
        Type::Text => Arc::new(cells.map(|c| text(c)).collect::<StringArray>()),
        Type::Bool => Arc::new(cells.map(|c| truth(c)).collect::<BooleanArray>()),
        Type::Timestamp => panic!("no column has this type"),
    }
}

fn int(cell: &Cell) -> Option<i64> {
    if let Cell::Int(x) = cell {
        Some(*x)
    } else {
        None
    }
}

pub(super) fn text(cell: &Cell) -> Option<String> {
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

pub(super) fn read(values: &ArrayRef, row: usize) -> Cell {
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

pub(super) fn same(expected: &Cell, got: &Cell) -> bool {
    match (expected, got) {
        (Cell::Float(a), Cell::Float(b)) => a.to_bits() == b.to_bits() || (*a == 0.0 && *b == 0.0),
        (a, b) => a == b,
    }
}
