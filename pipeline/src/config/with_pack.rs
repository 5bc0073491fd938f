//! Compares a configuration with its pack: what only both together can tell.
//!
//! The invariant: where instances share the partitions, everything a pack remembers is of one partition: what it counts,
//! and which alerts it holds back.

use std::ops::Range;

use rules::ruleset::RuleSet;
use rules::schema::Field;

use super::section::meant;
use super::{Config, KeyField, Shared, Source};
use crate::error_code::Code;
use crate::finding::Finding;
use crate::metrics::pack::group_name;
use crate::operator::decode::can_be_key;

/// What is wrong with a configuration in the light of its pack; `file` is the name findings carry.
#[must_use]
pub fn compare_with_pack(config: &Config, rules: &RuleSet, file: &str) -> Vec<Finding> {
    let (Source::Kafka { key: Some(key), .. } | Source::Embedded { key: Some(key), .. }) =
        &config.source
    else {
        return Vec::new();
    };
    let mut findings = not_a_key(key, rules, file);
    if let (
        Source::Kafka {
            shared: Some(shared),
            ..
        },
        true,
    ) = (&config.source, findings.is_empty())
    {
        findings = not_of_one_partition(shared, key, rules, file);
    }
    findings
}

fn not_a_key(key: &KeyField, rules: &RuleSet, file: &str) -> Vec<Finding> {
    let fields = &rules.schema.fields;
    let can_be_key = |field: &&Field| can_be_key(field.ty);
    let known = fields.iter().filter(can_be_key);
    let known: Vec<&str> = known.map(|field| field.name.as_str()).collect();
    let message = match fields.iter().find(|field| field.name == key.name) {
        Some(field) if can_be_key(&field) => return Vec::new(),
        Some(_) => "key: only a field of type text or int can be the key of a record",
        None => "key: the pack has no such field",
    };
    let found = Finding::error(Code::WrongValue, file, key.span.clone(), message);
    vec![found.help(meant(&key.name, &known))]
}

/// What would need events of several partitions.
fn not_of_one_partition(
    Shared { span }: &Shared,
    key: &KeyField,
    rules: &RuleSet,
    file: &str,
) -> Vec<Finding> {
    let fields = &rules.schema.fields;
    let of_one = |by: &[usize]| {
        let mut by = by.iter().filter_map(|field| fields.get(*field));
        by.any(|field| field.name == key.name)
    };
    let groups = rules.groups.iter().filter(|group| !of_one(&group.key));
    let groups = groups.map(|group| {
        let names = group
            .features
            .iter()
            .filter_map(|at| rules.features.get(*at));
        let names: Vec<&str> = names.map(|feature| feature.name.as_str()).collect();
        let by = group_name(rules, &group.key);
        format!("{} by {by}", names.join(", "))
    });
    let held_back = rules.rules.iter().filter_map(|rule| {
        let id = &rule.id;
        if rule.at_most.is_some() {
            return Some(format!("at_most of {id}"));
        }
        let once = rule.once_per.as_ref()?;
        (!of_one(&once.key))
            .then(|| format!("once_per of {id} by {}", group_name(rules, &once.key)))
    });
    let finding = |what: String| refused(&what, span, &key.name, file);
    groups.chain(held_back).map(finding).collect()
}

fn refused(what: &str, span: &Range<usize>, key: &str, file: &str) -> Finding {
    let message = format!("shared: instances that share partitions cannot compute {what}");
    let help = format!(
        "each would see only its own partitions, which are by {key}; run one instance without `shared`, or leave it out of \
         the pack"
    );
    Finding::error(Code::NotShareable, file, span.clone(), message).help(help)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use rules::compile::compile;
    use rules::definition::PackSource;

    use super::*;

    fn found(features: &str, then: &str) -> Vec<String> {
        let text = format!(
            "pack: small
event: e
schema:
  id: id
  time: {{ field: ts, max_lateness: 5s }}
  fields: {{ id: text, ts: timestamp(ms), card: text, shop: text }}
features:
{features}rules:
  - {{ id: R1, when: n >= 3, then: {{ action: review, score: 1{then} }} }}
policy: {{ order: [review, approve] }}
"
        );
        let rules = compile(&PackSource::alone("pack.yaml", &text)).unwrap();
        let key = KeyField {
            name: "card".to_owned(),
            span: 0..1,
        };
        let found = not_of_one_partition(&Shared { span: 0..1 }, &key, &rules, "p.yaml");
        found.into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn what_is_by_the_key_of_the_records_can_be_shared() {
        let by_card = "  n: { by: card, agg: count(), over: 1h }\n";
        let with_shop = "  m: { by: [shop, card], agg: count(), over: 1h }\n";
        let both = format!("{by_card}{with_shop}");
        assert_eq!(found(&both, ", once_per: \"card, 1h\""), [""; 0]);
    }

    #[test]
    fn what_needs_other_partitions_cannot() {
        let cannot = "shared: instances that share partitions cannot compute";
        let by_shop =
            "  n: { by: shop, agg: count(), over: 1h }\n  m: { by: [], agg: count(), over: 1h }\n";
        let told = [format!("{cannot} n by shop"), format!("{cannot} m by all")];
        assert_eq!(found(by_shop, ""), told);
        let by_card = "  n: { by: card, agg: count(), over: 1h }\n";
        let told = [format!("{cannot} at_most of R1")];
        assert_eq!(found(by_card, ", at_most: 100/1h"), told);
        let told = [format!("{cannot} once_per of R1 by shop")];
        assert_eq!(found(by_card, ", once_per: \"shop, 1h\""), told);
    }
}
