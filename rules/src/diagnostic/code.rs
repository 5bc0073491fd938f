//! The list of everything that can be wrong with a pack: one variant, one line in [`Code::ALL`], one page each.
//!
//! The idea: a code is short enough to quote and has a page to read. The invariant, held by a test: every variant has
//! a page in `error_code/`, and every page there belongs to a variant.

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
    /// E0305: a window that is walked over for each answer, on a key that may hold many events.
    HotKey,
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
    /// E0406: a live rule that hits on too much of a sample.
    MatchRate,
    /// E0501: a list nobody knows.
    UnknownList,
    /// E0502: a list whose entries cannot be had.
    BadList,
    /// E0601: a test that cannot be run.
    BadTest,
}

impl Code {
    /// Every code, in the order of its number.
    pub const ALL: [Code; 32] = [
        Code::YamlSyntax,
        Code::UnknownKey,
        Code::WrongValue,
        Code::MissingKey,
        Code::TooLarge,
        Code::DuplicateName,
        Code::BadName,
        Code::BadDuration,
        Code::ExpressionSyntax,
        Code::UnknownName,
        Code::UnknownFunction,
        Code::TypeMismatch,
        Code::NotAllowed,
        Code::ExpressionTooLarge,
        Code::BadRegex,
        Code::UnknownParam,
        Code::WrongArguments,
        Code::CostBudget,
        Code::BadAggregate,
        Code::BadWindow,
        Code::NotYet,
        Code::UnboundedKey,
        Code::HotKey,
        Code::UnknownAction,
        Code::BadExplain,
        Code::SensitiveField,
        Code::Unused,
        Code::ConstantCondition,
        Code::MatchRate,
        Code::UnknownList,
        Code::BadList,
        Code::BadTest,
    ];

    /// What one quotes: `E0102`.
    #[must_use]
    pub fn id(self) -> &'static str {
        self.entry().0
    }

    /// The same for a program to compare: `unknown_key`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().1
    }

    /// The page `tollgate explain E0102` prints, in Markdown: what it means, an example, what to do.
    #[must_use]
    pub fn page(self) -> &'static str {
        self.entry().2
    }

    /// The code with this id or name.
    #[must_use]
    pub fn find(text: &str) -> Option<Code> {
        Code::ALL
            .into_iter()
            .find(|code| code.id().eq_ignore_ascii_case(text) || code.name() == text)
    }

    /// One line per code, so that one with no page does not compile.
    fn entry(self) -> (&'static str, &'static str, &'static str) {
        macro_rules! entry {
            ($id:literal, $name:literal) => {
                (
                    $id,
                    $name,
                    include_str!(concat!("../error_code/", $id, ".md")),
                )
            };
        }
        match self {
            Code::YamlSyntax => entry!("E0101", "yaml_syntax"),
            Code::UnknownKey => entry!("E0102", "unknown_key"),
            Code::WrongValue => entry!("E0103", "wrong_value"),
            Code::MissingKey => entry!("E0104", "missing_key"),
            Code::TooLarge => entry!("E0105", "too_large"),
            Code::DuplicateName => entry!("E0106", "duplicate_name"),
            Code::BadName => entry!("E0107", "bad_name"),
            Code::BadDuration => entry!("E0108", "bad_duration"),
            Code::ExpressionSyntax => entry!("E0201", "expression_syntax"),
            Code::UnknownName => entry!("E0202", "unknown_name"),
            Code::UnknownFunction => entry!("E0203", "unknown_function"),
            Code::TypeMismatch => entry!("E0204", "type_mismatch"),
            Code::NotAllowed => entry!("E0205", "not_allowed"),
            Code::ExpressionTooLarge => entry!("E0206", "expression_too_large"),
            Code::BadRegex => entry!("E0207", "bad_regex"),
            Code::UnknownParam => entry!("E0208", "unknown_param"),
            Code::WrongArguments => entry!("E0209", "wrong_arguments"),
            Code::CostBudget => entry!("E0211", "cost_budget"),
            Code::BadAggregate => entry!("E0301", "bad_aggregate"),
            Code::BadWindow => entry!("E0302", "bad_window"),
            Code::NotYet => entry!("E0303", "not_yet"),
            Code::UnboundedKey => entry!("E0304", "unbounded_key"),
            Code::HotKey => entry!("E0305", "hot_key"),
            Code::UnknownAction => entry!("E0401", "unknown_action"),
            Code::BadExplain => entry!("E0402", "bad_explain"),
            Code::SensitiveField => entry!("E0403", "sensitive_field"),
            Code::Unused => entry!("E0404", "unused"),
            Code::ConstantCondition => entry!("E0405", "constant_condition"),
            Code::MatchRate => entry!("E0406", "match_rate"),
            Code::UnknownList => entry!("E0501", "unknown_list"),
            Code::BadList => entry!("E0502", "bad_list"),
            Code::BadTest => entry!("E0601", "bad_test"),
        }
    }
}
