//! Stand-in until the Kafka connector is there.
use std::collections::BTreeMap;
pub(super) struct PropertyProblem {
    pub(super) name: String,
    pub(super) reason: String,
    pub(super) did_you_mean: Option<&'static str>,
}
pub(super) fn check_properties(_: &BTreeMap<String, String>) -> Vec<PropertyProblem> {
    Vec::new()
}
pub(super) fn check_brokers(_: &str, _: &BTreeMap<String, String>, _: bool) -> Option<String> {
    None
}
