//! Tests of the expression engine, by theme: what evaluates to what, what is refused and where, hostile texts. Random
//! expressions against a naive interpreter are in the package `tests`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod functions;
mod hostile;
mod numbers;
mod pack;
mod problems;
mod refusals;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Float64Array, Int64Array, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{Decimal128Type, Float64Type, Int64Type, TimestampMicrosecondType};

use super::{Evaluated, Inputs, Names, Problem, Program, compile, decimal};
use crate::list::List;
use crate::ruleset::Column;
use crate::value::{Type, Value};

/// Columns, parameters and lists an expression of a test sees.
pub(super) struct World {
    pub(super) columns: Vec<Column>,
    pub(super) arrays: Vec<Option<ArrayRef>>,
    pub(super) rows: usize,
    pub(super) params: BTreeMap<String, Value>,
    pub(super) list_names: Vec<String>,
    pub(super) lists: Vec<List>,
}

impl World {
    /// From columns written as `name type: value, value, …`; `-` is null.
    pub(super) fn new(written: &[&str]) -> World {
        let mut world = World {
            columns: Vec::new(),
            arrays: Vec::new(),
            rows: 1,
            params: BTreeMap::new(),
            list_names: vec!["trusted".to_owned()],
            lists: vec![List {
                name: "trusted".to_owned(),
                key: "s".to_owned(),
                entries: ["a", "b"].map(str::to_owned).into(),
            }],
        };
        for line in written {
            let (head, values) = line.split_once(':').unwrap();
            let (name, ty) = head.trim().split_once(' ').unwrap();
            let ty = type_named(ty.trim());
            let values: Vec<Option<&str>> = values
                .split(',')
                .map(|value| Some(value.trim()).filter(|value| *value != "-"))
                .collect();
            world.rows = values.len();
            world.columns.push(Column {
                name: name.to_owned(),
                ty,
            });
            world.arrays.push(Some(array(ty, &values)));
        }
        world
    }

    pub(super) fn param(mut self, name: &str, value: Value) -> World {
        self.params.insert(name.to_owned(), value);
        self
    }

    pub(super) fn compile(&self, text: &str) -> Result<Program, Vec<Problem>> {
        let names = Names {
            columns: &self.columns,
            params: &self.params,
            lists: &self.list_names,
        };
        compile(text, &names)
    }

    /// All rows, and the same rows out of the middle of longer, sliced columns: both must agree.
    pub(super) fn evaluate(&self, program: &Program) -> Evaluated {
        let whole = self.run(program, self.arrays.clone(), self.rows);
        let sliced = self.arrays.iter().map(|array| {
            let array = array.as_ref()?;
            let one = array.slice(0, usize::from(!array.is_empty()));
            let long = arrow::compute::concat(&[&one, array, &one]).unwrap();
            Some(long.slice(one.len(), array.len()))
        });
        let sliced = self.run(program, sliced.collect(), self.rows);
        assert_eq!(&whole.values, &sliced.values, "{}", program.canonical());
        assert_eq!(whole.faults, sliced.faults, "{}", program.canonical());
        whole
    }

    fn run(&self, program: &Program, columns: Vec<Option<ArrayRef>>, rows: usize) -> Evaluated {
        let evaluated = program.evaluate(&Inputs {
            columns: &columns,
            rows,
            lists: &self.lists,
        });
        assert_eq!(evaluated.values.len(), rows, "{}", program.canonical());
        assert_eq!(*evaluated.values.data_type(), program.ty().arrow());
        for (cause, bits) in &evaluated.faults {
            assert!(bits.count_set_bits() > 0, "{cause:?} without rows");
            for row in bits.set_indices() {
                assert!(evaluated.values.is_null(row), "{cause:?} at a known value");
            }
        }
        evaluated
    }

    /// The type and the value of each row, as text; a null by a fault names its cause.
    pub(super) fn show(&self, text: &str) -> String {
        let program = match self.compile(text) {
            Ok(program) => program,
            Err(problems) => panic!("{text}: {problems:?}"),
        };
        let evaluated = self.evaluate(&program);
        let mut shown = program.ty().name() + ":";
        for row in 0..self.rows {
            let fault = evaluated.faults.iter().find(|(_, bits)| bits.value(row));
            match fault {
                Some((cause, _)) => write!(shown, " {}", cause.name()),
                None => write!(shown, " {}", cell(&evaluated.values, row)),
            }
            .unwrap();
        }
        shown
    }
}

/// Checks a table of expressions and what they show.
pub(super) fn check(world: &World, table: &[(&str, &str)]) {
    let wrong: Vec<String> = table
        .iter()
        .map(|(text, expected)| (text, expected, world.show(text)))
        .filter(|(_, expected, shown)| *expected != shown)
        .map(|(text, expected, shown)| format!("{text}\n  expected {expected}\n  but got  {shown}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

pub(super) fn type_named(name: &str) -> Type {
    match name {
        "text" => Type::Text,
        "int" => Type::Int,
        "float" => Type::Float,
        "bool" => Type::Bool,
        "timestamp" => Type::Timestamp,
        "decimal" => Type::Decimal(4),
        other => {
            let scale = other
                .strip_prefix("decimal(")
                .unwrap()
                .strip_suffix(')')
                .unwrap();
            Type::Decimal(scale.parse().unwrap())
        }
    }
}

fn array(ty: Type, values: &[Option<&str>]) -> ArrayRef {
    fn each<T>(values: &[Option<&str>], read: impl Fn(&str) -> T) -> Vec<Option<T>> {
        values.iter().map(|value| value.map(&read)).collect()
    }
    match ty {
        Type::Text => Arc::new(StringArray::from(values.to_vec())),
        Type::Int => Arc::new(Int64Array::from(each(values, |v| v.parse().unwrap()))),
        Type::Float => Arc::new(Float64Array::from(each(values, |v| v.parse().unwrap()))),
        Type::Bool => Arc::new(BooleanArray::from(each(values, |v| v.parse().unwrap()))),
        Type::Decimal(scale) => Arc::new(
            Decimal128Array::from(each(values, |v| decimal::parse(v, scale).unwrap()))
                .with_data_type(ty.arrow()),
        ),
        Type::Timestamp => Arc::new(
            TimestampMicrosecondArray::from(each(values, |v| {
                v.parse::<jiff::Timestamp>().unwrap().as_microsecond()
            }))
            .with_timezone("UTC"),
        ),
    }
}

fn cell(values: &ArrayRef, row: usize) -> String {
    use arrow::datatypes::DataType;
    if values.is_null(row) {
        return "-".to_owned();
    }
    match values.data_type() {
        DataType::Utf8 => format!("{:?}", values.as_string::<i32>().value(row)),
        DataType::Int64 => values.as_primitive::<Int64Type>().value(row).to_string(),
        DataType::Float64 => format!("{:?}", values.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => values.as_boolean().value(row).to_string(),
        DataType::Decimal128(_, scale) => {
            let mantissa = values.as_primitive::<Decimal128Type>().value(row);
            decimal::write(mantissa, u8::try_from(*scale).unwrap())
        }
        DataType::Timestamp(..) => {
            let micros = values.as_primitive::<TimestampMicrosecondType>().value(row);
            jiff::Timestamp::from_microsecond(micros)
                .unwrap()
                .to_string()
        }
        other => panic!("{other}"),
    }
}
