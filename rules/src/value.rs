//! The six types a field, a feature or an expression can have, and one value of them.
//!
//! The idea: decimals are `i64` mantissas with a scale (18 digits, enough for money in any currency), carried in
//! Arrow as `Decimal128(18, scale)`; floats are finite or null. The invariant: one [`Type`] has one Arrow type.

use arrow::datatypes::{DataType, TimeUnit};

/// Digits of a decimal mantissa: what always fits an `i64`.
pub const DECIMAL_DIGITS: u8 = 18;

/// The scale of a decimal written without one.
pub const DECIMAL_SCALE: u8 = 4;

/// What kind of value a column holds. Every column may hold nulls.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Type {
    /// UTF-8 text.
    Text,
    /// 64-bit signed integer.
    Int,
    /// Exact decimal with this many digits behind the point, 0 to 18, and at most 18 digits in all.
    Decimal(u8),
    /// Finite 64-bit float.
    Float,
    /// True or false.
    Bool,
    /// Microseconds since the epoch, UTC.
    Timestamp,
}

impl Type {
    /// The Arrow type of a column of this type.
    #[must_use]
    pub fn arrow(self) -> DataType {
        match self {
            Type::Text => DataType::Utf8,
            Type::Int => DataType::Int64,
            Type::Decimal(scale) => DataType::Decimal128(DECIMAL_DIGITS, scale.cast_signed()),
            Type::Float => DataType::Float64,
            Type::Bool => DataType::Boolean,
            Type::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        }
    }

    /// The word an analyst knows this type by.
    #[must_use]
    pub fn name(self) -> String {
        match self {
            Type::Text => "text".to_owned(),
            Type::Int => "int".to_owned(),
            Type::Decimal(DECIMAL_SCALE) => "decimal".to_owned(),
            Type::Decimal(scale) => format!("decimal({scale})"),
            Type::Float => "float".to_owned(),
            Type::Bool => "bool".to_owned(),
            Type::Timestamp => "timestamp".to_owned(),
        }
    }
}

/// One value, as a literal of a pack holds it.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Unknown.
    Null,
    /// Text.
    Text(String),
    /// Integer.
    Int(i64),
    /// `mantissa / 10^scale`.
    Decimal {
        /// All digits, sign included.
        mantissa: i64,
        /// Digits behind the point.
        scale: u8,
    },
    /// Float.
    Float(f64),
    /// True or false.
    Bool(bool),
    /// Microseconds since the epoch.
    Timestamp(i64),
}
