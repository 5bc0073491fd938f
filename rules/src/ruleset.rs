//! What was proven about a pack: names resolved, types checked, expressions compiled, features grouped by key.
//!
//! The idea: *written → checked → running*. A [`RuleSet`] exists only when the pack had no error, is immutable, and
//! nothing on the data path validates again. The invariant: every index in it points into the vector its doc names.
//!
//! A column is a value rules can name: first the schema's fields in order, then the members of the features in order.

use std::ops::Range;

use crate::aggregate::Aggregate;
use crate::diagnostic::Diagnostic;
use crate::explain::Template;
use crate::expression::Program;
use crate::list::Lists;
use crate::schema::Schema;
use crate::time::Span;
use crate::value::Type;
use crate::window::Window;

/// A checked pack, ready to run.
#[derive(Debug)]
pub struct RuleSet {
    /// The pack's name.
    pub pack: String,
    /// `name@` and the first 16 hex digits of the hash of the pack's text: what decisions carry.
    pub version: String,
    /// What an event looks like.
    pub schema: Schema,
    /// All columns: schema fields, then feature members.
    pub columns: Vec<Column>,
    /// Keys with what is computed per key. A key comes once, or once more for every 64 filters it goes beyond: see
    /// [`Group::filters`].
    pub groups: Vec<Group>,
    /// All features in the order written.
    pub features: Vec<Feature>,
    /// All lists.
    pub lists: Lists,
    /// All rules in the order written, also those that are off.
    pub rules: Vec<Rule>,
    /// How hits become one outcome.
    pub policy: Policy,
    /// How much state there may be.
    pub limits: Limits,
    /// Findings that did not stop the pack.
    pub warnings: Vec<Diagnostic>,
}

/// A named, typed value of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// `amount_usd`, `card_cnt_10m` or `card_prev.lat`.
    pub name: String,
    /// Its type.
    pub ty: Type,
}

/// The budget of a pack's state. What goes beyond it goes on as a declared approximation: decisions that may have missed
/// something are flagged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Keys of one group; for a new one beyond it one that was silent for long goes.
    pub keys: u32,
    /// Events held for one key; for a new one beyond it the oldest goes.
    pub events_per_key: u32,
    /// Distinct values held for one key by a `count_distinct` over `forever`; with more it becomes a sketch.
    pub distinct_per_key: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            keys: 10_000_000,
            events_per_key: 1_000_000,
            distinct_per_key: 100_000,
        }
    }
}

/// One key (several fields, or none for one group of all) and what its event store must hold.
#[derive(Debug)]
pub struct Group {
    /// Schema fields that make the key; empty: all events are one group.
    pub key: Vec<usize>,
    /// Distinct values kept per event: the arguments of this group's aggregates, over schema fields.
    pub inputs: Vec<Program>,
    /// Distinct `where` predicates of this group's features, over schema fields; at most 64.
    pub filters: Vec<Program>,
    /// The features of this group: indices into [`RuleSet::features`].
    pub features: Vec<usize>,
}

/// Whether an event counts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// It does, where the filter holds for it.
    WithCurrent,
    /// Only events taken before it.
    Prior,
}

/// One feature, checked.
#[derive(Clone, Debug)]
pub struct Feature {
    /// Its name.
    pub name: String,
    /// Its group: an index into [`RuleSet::groups`].
    pub group: usize,
    /// What is computed.
    pub aggregate: Aggregate,
    /// The arguments: indices into the group's `inputs`; empty for `count()`.
    pub args: Vec<usize>,
    /// The predicate: an index into the group's `filters`.
    pub filter: Option<usize>,
    /// Which events.
    pub window: Window,
    /// Whether the current one is among them.
    pub scope: Scope,
    /// First column of this feature in [`RuleSet::columns`]; it has `members` of them in a row.
    pub column: usize,
    /// How many columns it has: 1, or one per argument of a `first`/`last` of several.
    pub members: usize,
    /// Hash of keys, aggregate, arguments, filter, window and scope: the same meaning, the same fingerprint.
    pub fingerprint: u128,
}

/// Whether a rule acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Evaluated, and acts.
    Live,
    /// Evaluated and counted, never acts.
    Shadow,
    /// Not evaluated.
    Off,
}

impl Mode {
    /// The word of the pack and of the decision.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Mode::Live => "live",
            Mode::Shadow => "shadow",
            Mode::Off => "off",
        }
    }
}

/// One rule, checked.
#[derive(Debug)]
pub struct Rule {
    /// `VEL-01`.
    pub id: String,
    /// Where it begins: bytes of the pack's text.
    pub place: Range<usize>,
    /// What it is for.
    pub name: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Free words.
    pub tags: Vec<String>,
    /// See [`Mode`].
    pub mode: Mode,
    /// From this event time on the rule no longer hits, in microseconds.
    pub expires: Option<i64>,
    /// `let` values in order; value `i` is column `columns.len() + i` for the lets behind it, `when` and `explain`.
    pub lets: Vec<Let>,
    /// The condition: a boolean over columns and lets.
    pub when: Program,
    /// The condition as written, with the values of the params, for those who ask why.
    pub condition: String,
    /// Its action: an index into [`Policy::order`].
    pub action: usize,
    /// Added to the decision's score.
    pub score: i64,
    /// Reason code.
    pub reason: String,
    /// Where alerts are routed.
    pub notify: Option<String>,
    /// At most one alert per key and span of event time.
    pub once_per: Option<OncePer>,
    /// At most so many alerts of all keys together while event time moves on by a span.
    pub at_most: Option<AtMost>,
    /// The sentence a hit says.
    pub explain: Template,
    /// Feature columns that `when`, the lets and `explain` read: what the decision's `values` hold.
    pub reads: Vec<usize>,
}

/// A named value of one rule.
#[derive(Debug)]
pub struct Let {
    /// Its name.
    pub name: String,
    /// Its value over columns and earlier lets.
    pub value: Program,
}

/// See [`Rule::once_per`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OncePer {
    /// Schema fields; an event where one is missing is never suppressed.
    pub key: Vec<usize>,
    /// An alert within this span of the last one is suppressed.
    pub span: Span,
}

/// See [`Rule::at_most`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtMost {
    /// Alerts that may go out.
    pub count: u32,
    /// While the greatest event time taken moves on by this.
    pub span: Span,
}

/// How hits become one outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Lists that decide before any rule, in order.
    pub first: Vec<FirstList>,
    /// Actions, most severe first; the last one is the outcome when nothing hits.
    pub order: Vec<String>,
    /// Scores of acting hits add up to at most this.
    pub score_max: i64,
}

/// A list that decides before any rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirstList {
    /// Index into [`RuleSet::lists`].
    pub list: usize,
    /// The schema field looked up.
    pub field: usize,
    /// Index into [`Policy::order`].
    pub action: usize,
    /// Reason code.
    pub reason: String,
}
