//! What is wrong with a pack, and where: code, file, place, cause, help. One page per code in `error_code/`.
//!
//! SKELETON: codes may be added.

use std::ops::Range;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The pack runs; `check --strict` refuses it.
    Warning,
    /// The pack does not run.
    Error,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// Its code.
    pub code: Code,
    /// See [`Severity`].
    pub severity: Severity,
    /// The file's name as given in the source.
    pub file: String,
    /// Bytes of that file.
    pub span: Range<usize>,
    /// One lower-case line.
    pub message: String,
    /// What the caret points at; may be empty.
    pub label: String,
    /// What to do about it.
    pub help: Option<String>,
}

/// Every kind of finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// E0101: not YAML.
    YamlSyntax,
    /// E0102: a key nobody knows.
    UnknownKey,
    /// E0103: a value of the wrong kind.
    WrongValue,
    /// E0104: a key is missing.
    MissingKey,
    /// E0105: text beyond the limits.
    TooLarge,
    /// E0106: a name given twice.
    DuplicateName,
    /// E0107: a name of a form that is not allowed.
    BadName,
    /// E0108: not a duration, or out of range.
    BadDuration,
    /// E0201: not an SQL expression.
    ExpressionSyntax,
    /// E0202: a field, feature or `let` nobody knows.
    UnknownName,
    /// E0203: a function nobody knows.
    UnknownFunction,
    /// E0204: types that do not go together.
    TypeMismatch,
    /// E0205: SQL that is not allowed here (subquery, aggregate, statement…).
    NotAllowed,
    /// E0206: an expression beyond the limits of size or depth.
    ExpressionTooLarge,
    /// E0207: a regular expression that is wrong or beyond the limits.
    BadRegex,
    /// E0208: a parameter nobody declared.
    UnknownParam,
    /// E0209: wrong arguments of a function.
    WrongArguments,
    /// E0211: a rule beyond the cost budget.
    CostBudget,
    /// E0301: an aggregate nobody knows, or not in the form `f(expression)`.
    BadAggregate,
    /// E0302: a window that makes no sense.
    BadWindow,
    /// E0303: known, but not supported yet.
    NotYet,
    /// E0304: a key with as many values as there are events.
    UnboundedKey,
    /// E0401: an action the policy does not order.
    UnknownAction,
    /// E0402: an `explain` that names something unknown or is not well formed.
    BadExplain,
    /// E0403: a sensitive field in a text that leaves.
    SensitiveField,
    /// E0404: declared and never used.
    Unused,
    /// E0405: a rule that can never hit, or always does.
    ConstantCondition,
    /// E0501: a list nobody knows.
    UnknownList,
    /// E0502: a list whose entries cannot be had.
    BadList,
    /// E0601: a test that cannot be run.
    BadTest,
}
