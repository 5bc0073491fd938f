//! What the author wrote: the pack's text as definitions in which everything knows its place, nothing proven yet.
//!
//! The idea: *written → checked → running*. Reading a pack finds out what was written and complains about its form (keys
//! nobody knows, keys that are missing, a list where a text belongs) without stopping; what the words mean is the work
//! of [`crate::compile`]. The invariant: a part that could not be read is `None` and has been complained about.
//!
//! [`source`] is how texts come in, [`tree`] is YAML with places, [`origin`] leads from a part of a text back to the file,
//! [`reader`] holds what the readers of the sections share.

mod feature;
mod limits;
mod list;
mod origin;
mod policy;
pub(crate) mod reader;
mod rule;
mod schema;
mod source;
#[cfg(test)]
mod tests;
pub mod tree;
mod weight;

use std::ops::Range;

pub(crate) use list::file_name;
pub use list::list_files;
pub use source::{LIST_BYTES_MAX, PACK_BYTES_MAX, PackSource, SourceFile};
pub use tree::Text;

use crate::diagnostic::findings::Findings;
use reader::Fields;

/// A pack as written.
#[derive(Clone, Debug, Default)]
pub struct PackDefinition {
    /// Its name.
    pub pack: Option<Text>,
    /// What an event is called.
    pub event: Option<Text>,
    /// What an event looks like.
    pub schema: Option<SchemaDefinition>,
    /// In the order written.
    pub lists: Vec<ListDefinition>,
    /// In the order written.
    pub features: Vec<FeatureDefinition>,
    /// In the order written.
    pub rules: Vec<RuleDefinition>,
    /// How hits become an outcome.
    pub policy: Option<PolicyDefinition>,
    /// How much state there may be.
    pub limits: Option<LimitsDefinition>,
}

/// `schema:` as written.
#[derive(Clone, Debug)]
pub struct SchemaDefinition {
    /// Its key.
    pub span: Range<usize>,
    /// Field that identifies an event.
    pub id: Option<Text>,
    /// The event time and its bounds.
    pub time: Option<TimeDefinition>,
    /// How long an id is remembered.
    pub dedup: Option<Text>,
    /// In the order written.
    pub fields: Vec<FieldDefinition>,
}

/// `schema.time` as written.
#[derive(Clone, Debug)]
pub struct TimeDefinition {
    /// The field.
    pub field: Option<Text>,
    /// A duration.
    pub max_lateness: Option<Text>,
    /// A duration.
    pub max_future: Option<Text>,
    /// `clamp` or `dead_letter`.
    pub on_future: Option<Text>,
}

/// One field as written.
#[derive(Clone, Debug)]
pub struct FieldDefinition {
    /// Its name.
    pub name: Text,
    /// `decimal(2)?`.
    pub ty: Option<Text>,
    /// Column or JSON pointer.
    pub from: Option<Text>,
    /// Stands in for a missing value.
    pub default: Option<Text>,
    /// Must never be shown.
    pub sensitive: bool,
}

/// One list as written.
#[derive(Clone, Debug)]
pub struct ListDefinition {
    /// Its name.
    pub name: Text,
    /// The field it is keyed by.
    pub key: Option<Text>,
    /// `file:…` or `kafka:…`.
    pub from: Option<Text>,
    /// Its entries, when they stand in the pack.
    pub entries: Option<Vec<Text>>,
}

/// One feature as written.
#[derive(Clone, Debug)]
pub struct FeatureDefinition {
    /// Its name.
    pub name: Text,
    /// The fields of its key.
    pub by: Option<Vec<Text>>,
    /// `sum(amount)`.
    pub agg: Option<Text>,
    /// Which events.
    pub over: Option<WindowDefinition>,
    /// `where`.
    pub filter: Option<Text>,
    /// `with_current` or `prior`; inside: none when it could not be read.
    pub scope: Option<Text>,
}

/// `over:` as written.
#[derive(Clone, Debug)]
pub enum WindowDefinition {
    /// `10m` or `forever`.
    Plain(Text),
    /// `{ from: 14d, to: 7d }`.
    Between {
        /// The whole mapping.
        span: Range<usize>,
        /// The open end.
        from: Text,
        /// The closed end.
        to: Text,
    },
    /// `{ last: 5 }`.
    Last(Text),
    /// `{ session: 30m }`.
    Session(Text),
    /// `{ calendar: day, zone: Europe/Amsterdam }`.
    Calendar {
        /// `day`, `week` or `month`.
        period: Text,
        /// A name of the IANA database.
        zone: Text,
    },
    /// `{ decay: 1h }`.
    Decay(Text),
}

/// One rule as written.
#[derive(Clone, Debug)]
pub struct RuleDefinition {
    /// Where it begins.
    pub span: Range<usize>,
    /// `VEL-01`.
    pub id: Option<Text>,
    /// What it is for.
    pub name: Option<Text>,
    /// Named constants.
    pub params: Vec<(Text, Text)>,
    /// Named values.
    pub lets: Vec<(Text, Text)>,
    /// The condition.
    pub when: Option<Text>,
    /// `live`, `shadow` or `off`.
    pub mode: Option<Text>,
    /// What a hit does.
    pub then: Option<ThenDefinition>,
    /// The sentence a hit says.
    pub explain: Option<Text>,
    /// Who answers for it.
    pub owner: Option<Text>,
    /// Free words.
    pub tags: Vec<Text>,
    /// A date or a time.
    pub expires: Option<Text>,
}

/// `then:` as written.
#[derive(Clone, Debug)]
pub struct ThenDefinition {
    /// One of the policy's actions.
    pub action: Option<Text>,
    /// Points.
    pub score: Option<Text>,
    /// Reason code.
    pub reason: Option<Text>,
    /// Where alerts are routed.
    pub notify: Option<Text>,
    /// `merchant_id, 15m`.
    pub once_per: Option<Text>,
    /// `100/1h`.
    pub at_most: Option<Text>,
}

/// `policy:` as written.
#[derive(Clone, Debug, Default)]
pub struct PolicyDefinition {
    /// Lists that decide before any rule.
    pub first: Vec<FirstDefinition>,
    /// Actions, most severe first.
    pub order: Option<Vec<Text>>,
    /// `sum`.
    pub combine: Option<Text>,
    /// Greatest score.
    pub max: Option<Text>,
    /// What happens when a rule meets an error: `skip_and_count`.
    pub on_rule_error: Option<Text>,
    /// What happens when the time is spent: `approve_and_flag`.
    pub on_budget_exceeded: Option<Text>,
}

/// `limits:` as written.
#[derive(Clone, Debug, Default)]
pub struct LimitsDefinition {
    /// Keys of one group of features.
    pub keys: Option<Text>,
    /// Events held for one key.
    pub events_per_key: Option<Text>,
    /// Distinct values held for one key.
    pub distinct_per_key: Option<Text>,
}

/// One entry of `policy.first` as written.
#[derive(Clone, Debug)]
pub struct FirstDefinition {
    /// The list.
    pub list: Option<Text>,
    /// One of the policy's actions.
    pub action: Option<Text>,
    /// Reason code.
    pub reason: Option<Text>,
}

const PACK_KEYS: [&str; 8] = [
    "pack", "event", "schema", "lists", "features", "rules", "policy", "limits",
];

/// Reads a pack's text; what is wrong with its form is noted.
pub(crate) fn read(findings: &mut Findings<'_>) -> Option<PackDefinition> {
    let root = tree::parse(findings)?;
    let fields = Fields::of(&root, "a pack", 0..0, &PACK_KEYS, findings)?;
    let pack = fields.required_text("pack", findings);
    let schema = fields
        .required("schema", findings)
        .and_then(|(key, node)| schema::read(key, node, findings));
    Some(PackDefinition {
        pack,
        event: fields.text("event", findings),
        schema,
        lists: fields.named("lists", findings, list::read),
        features: fields.named("features", findings, feature::read),
        rules: rule::read_all(&fields, findings),
        policy: fields
            .get("policy")
            .and_then(|(key, node)| policy::read(key, node, findings)),
        limits: fields
            .get("limits")
            .and_then(|(key, node)| limits::read(key, node, findings)),
    })
}
