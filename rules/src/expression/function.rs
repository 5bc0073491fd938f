//! THE list of functions an expression may call.
//!
//! The invariant: everything about a function but its code is one line of [`ALL`]; `tollgate list functions`, the
//! check of names and argument counts, and what DataFusion is told are derived from it.

use std::ops::RangeInclusive;

/// One function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Function {
    /// Its name, lower case.
    pub name: &'static str,
    /// How it is called and what it gives.
    pub signature: &'static str,
    /// One line.
    pub doc: &'static str,
    /// How many arguments it takes.
    pub arguments: RangeInclusive<usize>,
    /// Which one it is.
    pub(crate) call: Call,
}

/// Every function, for those who match on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Abs,
    Round,
    Floor,
    Ceil,
    Greatest,
    Least,
    Power,
    Sqrt,
    Ln,
    Exp,
    Coalesce,
    NullIf,
    Lower,
    Upper,
    Trim,
    Length,
    Substring,
    StartsWith,
    RegexpLike,
    Concat,
    DatePart,
    Hour,
    Dow,
    SecondsBetween,
    GeoKm,
    InList,
}

/// As many arguments as an expression can hold.
const MANY: usize = usize::MAX;

const fn function(
    name: &'static str,
    arguments: RangeInclusive<usize>,
    call: Call,
    signature: &'static str,
    doc: &'static str,
) -> Function {
    Function {
        name,
        signature,
        doc,
        arguments,
        call,
    }
}

/// All functions, by theme.
#[rustfmt::skip]
pub const ALL: &[Function] = &[
    function("abs", 1..=1, Call::Abs, "abs(number) → same type", "Absolute value."),
    function("round", 1..=2, Call::Round, "round(number [, digits]) → same type", "Rounds half away from zero to `digits` behind the point (0); `digits` is a whole number, negative for tens and hundreds."),
    function("floor", 1..=1, Call::Floor, "floor(number) → same type", "The greatest whole number not above."),
    function("ceil", 1..=1, Call::Ceil, "ceil(number) → same type", "The least whole number not below."),
    function("greatest", 1..=MANY, Call::Greatest, "greatest(a, b, …) → common type", "The greatest of its arguments; null if any is null."),
    function("least", 1..=MANY, Call::Least, "least(a, b, …) → common type", "The least of its arguments; null if any is null."),
    function("power", 2..=2, Call::Power, "power(base, exponent) → float", "Base to the exponent."),
    function("sqrt", 1..=1, Call::Sqrt, "sqrt(number) → float", "Square root; null below zero."),
    function("ln", 1..=1, Call::Ln, "ln(number) → float", "Natural logarithm; null at zero and below."),
    function("exp", 1..=1, Call::Exp, "exp(number) → float", "e to the power of the number."),
    function("coalesce", 1..=MANY, Call::Coalesce, "coalesce(a, b, …) → common type", "The first argument that is not null."),
    function("nullif", 2..=2, Call::NullIf, "nullif(a, b) → type of a", "Null where a equals b, else a."),
    function("lower", 1..=1, Call::Lower, "lower(text) → text", "In lower case."),
    function("upper", 1..=1, Call::Upper, "upper(text) → text", "In upper case."),
    function("trim", 1..=1, Call::Trim, "trim(text) → text", "Without spaces at either end."),
    function("length", 1..=1, Call::Length, "length(text) → int", "Number of characters."),
    function("substr", 2..=3, Call::Substring, "substr(text, start [, length]) → text", "Characters from position `start` on; the first is 1."),
    function("starts_with", 2..=2, Call::StartsWith, "starts_with(text, prefix) → bool", "Whether the text begins with the prefix."),
    function("regexp_like", 2..=2, Call::RegexpLike, "regexp_like(text, 'pattern') → bool", "Whether the constant regular expression is found anywhere in the text."),
    function("concat", 1..=MANY, Call::Concat, "concat(text, …) → text", "All arguments joined; nulls are left out (`||` gives null instead)."),
    function("date_part", 2..=2, Call::DatePart, "date_part('part', timestamp) → int", "Year, quarter, month, day, dow (0 = Sunday), isodow (7 = Sunday), doy, hour, minute, second or epoch, in UTC; EXTRACT(part FROM timestamp) is the same."),
    function("hour", 1..=1, Call::Hour, "hour(timestamp) → int", "Hour of the day in UTC, 0 to 23."),
    function("dow", 1..=1, Call::Dow, "dow(timestamp) → int", "Day of the week in UTC: 0 = Sunday, 6 = Saturday."),
    function("seconds_between", 2..=2, Call::SecondsBetween, "seconds_between(a, b) → float", "Seconds from timestamp a to timestamp b: b − a."),
    function("geo_km", 4..=4, Call::GeoKm, "geo_km(lat1, lon1, lat2, lon2) → float", "Great-circle distance in kilometres of two points in degrees."),
    function("in_list", 2..=2, Call::InList, "in_list(text, 'list') → bool", "Whether the text is an entry of the pack's list."),
];

/// The function of this name; `None` if there is none. Letters may be of either case.
#[must_use]
pub fn find(name: &str) -> Option<&'static Function> {
    let name = match name.to_ascii_lowercase().as_str() {
        // The names SQL and DataFusion also know these by.
        "ceiling" => "ceil".to_owned(),
        "pow" => "power".to_owned(),
        "substring" => "substr".to_owned(),
        "btrim" => "trim".to_owned(),
        "char_length" | "character_length" => "length".to_owned(),
        "datepart" => "date_part".to_owned(),
        other => other.to_owned(),
    };
    ALL.iter().find(|function| function.name == name)
}

/// Names that are aggregates: what a feature is for.
pub(crate) const AGGREGATES: &[&str] = &[
    "approx_distinct",
    "array_agg",
    "avg",
    "bool_and",
    "bool_or",
    "count",
    "count_distinct",
    "ewma",
    "first",
    "first_value",
    "last",
    "last_value",
    "max",
    "mean",
    "median",
    "min",
    "mode",
    "quantile",
    "rate",
    "ratio",
    "stddev",
    "stddev_pop",
    "stddev_samp",
    "string_agg",
    "sum",
    "top_k",
    "var",
    "var_pop",
    "var_samp",
    "variance",
];

/// Names whose value is another each time: what a replay cannot repeat.
pub(crate) const UNREPEATABLE: &[&str] = &[
    "clock_timestamp",
    "current_date",
    "current_time",
    "current_timestamp",
    "gen_random_uuid",
    "getdate",
    "localtime",
    "localtimestamp",
    "now",
    "rand",
    "random",
    "today",
    "uuid",
];

/// Names that only make sense over rows of a query.
pub(crate) const WINDOWS: &[&str] = &[
    "cume_dist",
    "dense_rank",
    "lag",
    "lead",
    "nth_value",
    "ntile",
    "percent_rank",
    "rank",
    "row_number",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_lower_case_and_described() {
        for (at, function) in ALL.iter().enumerate() {
            assert_eq!(function.name, function.name.to_ascii_lowercase());
            assert!(
                function.signature.starts_with(function.name),
                "{}",
                function.name
            );
            assert!(function.doc.ends_with('.'), "{}", function.name);
            assert!(ALL[..at].iter().all(|other| other.name != function.name));
            assert_eq!(find(function.name), Some(function));
        }
        for banned in [AGGREGATES, UNREPEATABLE, WINDOWS].concat() {
            assert_eq!(find(banned), None, "{banned}");
        }
    }
}
