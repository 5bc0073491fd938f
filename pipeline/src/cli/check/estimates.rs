//! What a pack is estimated to take, as `check` shows it: bytes per key and nanoseconds per event.
//!
//! The idea: the figures are [`rules::evaluate::estimate`]'s; a sample, if there is one, says how many events keys hold.
//! The invariant: people see the dearest [`SHOWN`] of each table, programs all of them.

use std::io::{self, Write};
use std::sync::Arc;

use rules::evaluate::{Estimate, KeyBytes, USUAL_EVENTS, estimate};
use rules::ruleset::{Mode, RuleSet};
use rules::state::estimate::Spread;
use serde_json::{Value, json};

/// Rows of a table for people.
const SHOWN: usize = 20;

/// A pack and what it is estimated to take.
pub(super) struct Estimates {
    rules: Arc<RuleSet>,
    estimate: Estimate,
    sampled: bool,
}

impl Estimates {
    /// Of a pack, with what a sample left in its groups.
    pub(super) fn new(rules: &Arc<RuleSet>, spreads: Option<&[Spread]>) -> Estimates {
        Estimates {
            rules: Arc::clone(rules),
            estimate: estimate(rules, spreads),
            sampled: spreads.is_some(),
        }
    }

    /// Tables for people.
    pub(super) fn text(&self, out: &mut dyn Write) -> io::Result<()> {
        let events = match self.sampled {
            true => "keys as the sample left them".to_owned(),
            false => format!("keys of {USUAL_EVENTS} events"),
        };
        writeln!(
            out,
            "\n{}: estimated bytes per key (one event; each further up to 64; each beyond) and ns per event ({events})",
            self.rules.version
        )?;
        let groups = self.estimate.groups.iter();
        let groups = groups.map(|group| (key_shown(&group.key), group.bytes, group.ns));
        self.table("key", groups.collect(), out)?;
        let features = self.rules.features.iter().zip(&self.estimate.features);
        let features = features.map(|(feature, row)| (feature.name.clone(), row.bytes, row.ns));
        self.table("feature, by itself", features.collect(), out)?;
        self.rules_text(out)
    }

    fn table(
        &self,
        what: &str,
        mut rows: Vec<(String, KeyBytes, f64)>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        rows.sort_by(|x, y| y.2.total_cmp(&x.2).then_with(|| x.0.cmp(&y.0)));
        let width = rows.iter().map(|row| row.0.len()).max().unwrap_or(0);
        let width = width.max(what.len());
        let (one, up, beyond, mean, ns) = ("bytes", "+event", "+beyond", "sample", "ns/event");
        let head = if self.sampled {
            format!("  {mean:>9}")
        } else {
            String::new()
        };
        writeln!(
            out,
            "{what:width$}  {one:>9}  {up:>7}  {beyond:>7}{head}  {ns:>9}"
        )?;
        for (name, bytes, ns) in rows.iter().take(SHOWN) {
            let KeyBytes {
                quiet,
                per_event,
                per_event_beyond,
                sampled,
            } = bytes;
            let mean = sampled.map_or(String::new(), |mean| format!("  {mean:>9.0}"));
            writeln!(
                out,
                "{name:width$}  {quiet:>9.0}  {per_event:>7.1}  {per_event_beyond:>7.1}{mean}  {ns:>9.0}"
            )?;
        }
        more(rows.len(), out)
    }

    fn rules_text(&self, out: &mut dyn Write) -> io::Result<()> {
        let mut rows: Vec<(&str, f64)> = self.rules_on().collect();
        rows.sort_by(|x, y| y.1.total_cmp(&x.1).then_with(|| x.0.cmp(y.0)));
        let width = rows.iter().map(|row| row.0.len()).max().unwrap_or(0).max(4);
        writeln!(out, "{:width$}  {:>9}", "rule", "ns")?;
        for (id, ns) in rows.iter().take(SHOWN) {
            writeln!(out, "{id:width$}  {ns:>9.0}")?;
        }
        more(rows.len(), out)
    }

    /// The rules that are evaluated.
    fn rules_on(&self) -> impl Iterator<Item = (&str, f64)> {
        let rules = self.rules.rules.iter().zip(&self.estimate.rules);
        let on = rules.filter(|(rule, _)| rule.mode != Mode::Off);
        on.map(|(rule, ns)| (rule.id.as_str(), *ns))
    }

    /// The same for programs, in the order of the pack.
    pub(super) fn json(&self) -> Value {
        let groups = self.estimate.groups.iter().map(|group| {
            let mut value = bytes_json(group.bytes);
            value["key"] = json!(group.key);
            value["ns_per_event"] = json!(group.ns);
            value["keys"] = json!(group.keys);
            value
        });
        let features = self.rules.features.iter().zip(&self.estimate.features);
        let features = features.map(|(feature, row)| {
            let mut value = bytes_json(row.bytes);
            value["feature"] = json!(feature.name);
            value["ns_per_event"] = json!(row.ns);
            value
        });
        let rules = self.rules_on();
        let rules = rules.map(|(id, ns)| json!({ "rule": id, "ns_per_event_at_most": ns }));
        json!({
            "pack": self.rules.version,
            "groups": groups.collect::<Vec<_>>(),
            "features": features.collect::<Vec<_>>(),
            "rules": rules.collect::<Vec<_>>(),
        })
    }
}

fn bytes_json(bytes: KeyBytes) -> Value {
    json!({
        "bytes_quiet_key": bytes.quiet,
        "bytes_per_event": bytes.per_event,
        "bytes_per_event_beyond_64": bytes.per_event_beyond,
        "bytes_per_key_of_sample": bytes.sampled,
    })
}

fn key_shown(key: &str) -> String {
    if key.is_empty() {
        return "(all events)".to_owned();
    }
    key.to_owned()
}

fn more(all: usize, out: &mut dyn Write) -> io::Result<()> {
    match all.saturating_sub(SHOWN) {
        0 => Ok(()),
        rest => writeln!(out, "and {rest} more"),
    }
}
