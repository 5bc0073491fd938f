//! Values of a test file as an event's: typed by the schema, and put into the columns the engine takes.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::error::ArrowError;

use crate::compile::literal::typed;
use crate::definition::tree::{Node, Text, Tree};
use crate::diagnostic::Code;
use crate::diagnostic::findings::Findings;
use crate::schema::Schema;
use crate::value::{DECIMAL_DIGITS, Type, Value};

/// A field given in a test file.
#[derive(Clone, Debug)]
pub(super) struct Given {
    /// Index into the schema's fields.
    pub(super) field: usize,
    /// `None` when it could not be read, which has been complained about.
    pub(super) value: Option<Value>,
}

/// Reads one field; `None` when there is no such field to give.
pub(super) fn given(
    name: &Text,
    node: &Node,
    schema: &Schema,
    findings: &mut Findings<'_>,
) -> Option<Given> {
    let Some(index) = schema.fields.iter().position(|f| f.name == name.text) else {
        let names = schema.fields.iter().map(|field| field.name.as_str());
        let help = findings.did_you_mean(&name.text, names);
        let message = format!("the schema has no field `{}`", name.text);
        findings
            .error(Code::BadTest, name.span.clone(), message)
            .help(help);
        return None;
    };
    if index == schema.time {
        let help = "say when with `at`".to_owned();
        let message = format!("`{}` is the event time", name.text);
        findings
            .error(Code::BadTest, name.span.clone(), message)
            .help(help);
        return None;
    }
    let field = schema.fields.get(index)?;
    let value = match &node.value {
        Tree::Scalar(scalar) if scalar.is_null() => field.optional.then_some(Value::Null),
        Tree::Scalar(scalar) => typed(&scalar.text, field.ty),
        _ => None,
    };
    if value.is_none() {
        let optional = if field.optional { "?" } else { "" };
        let message = format!(
            "this is not a value of `{}`, which is {}{optional}",
            name.text,
            field.ty.name()
        );
        findings.error(Code::BadTest, node.span.clone(), message);
    }
    Some(Given {
        field: index,
        value,
    })
}

/// A text of send `number`.
pub(super) fn text_for(text: &str, number: usize) -> String {
    text.replace('#', &number.to_string())
}

/// The sends as a step's events.
pub(crate) fn batch(schema: &Schema, sends: &[Vec<Value>]) -> Result<RecordBatch, ArrowError> {
    let columns = schema.fields.iter().enumerate().map(|(index, field)| {
        let values = || {
            sends
                .iter()
                .map(move |send| send.get(index).unwrap_or(&Value::Null))
        };
        column(field.ty, values)
    });
    RecordBatch::try_new(schema.arrow(), columns.collect::<Result<_, _>>()?)
}

fn column<'v, I: Iterator<Item = &'v Value>>(
    ty: Type,
    values: impl Fn() -> I,
) -> Result<ArrayRef, ArrowError> {
    // A value of another type than its field's was refused when the file was read.
    Ok(match ty {
        Type::Text => Arc::new(StringArray::from_iter(values().map(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        }))),
        Type::Int => Arc::new(Int64Array::from_iter(values().map(|value| match value {
            Value::Int(value) => Some(*value),
            _ => None,
        }))),
        Type::Decimal(scale) => {
            let mantissas = values().map(|value| match value {
                Value::Decimal { mantissa, .. } => Some(i128::from(*mantissa)),
                _ => None,
            });
            let array = Decimal128Array::from_iter(mantissas);
            Arc::new(array.with_precision_and_scale(DECIMAL_DIGITS, scale.cast_signed())?)
        }
        Type::Float => Arc::new(Float64Array::from_iter(values().map(|value| match value {
            Value::Float(value) => Some(*value),
            _ => None,
        }))),
        Type::Bool => Arc::new(BooleanArray::from_iter(values().map(|value| match value {
            Value::Bool(value) => Some(*value),
            _ => None,
        }))),
        Type::Timestamp => {
            let micros = values().map(|value| match value {
                Value::Timestamp(micros) => Some(*micros),
                _ => None,
            });
            Arc::new(TimestampMicrosecondArray::from_iter(micros).with_timezone("UTC"))
        }
    })
}
