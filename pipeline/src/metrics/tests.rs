//! Tests of the catalogue and of what is registered from it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::collections::BTreeSet;

use super::catalogue::{ALL, Kind};
use super::*;

#[test]
fn names_follow_the_convention() {
    let mut seen = BTreeSet::new();
    for entry in ALL {
        let name = entry.name;
        assert!(seen.insert(name), "{name} comes twice");
        assert!(name.starts_with("tollgate_"), "{name}");
        assert!(
            name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
            "{name}"
        );
        assert_eq!(
            entry.kind == Kind::Counter,
            name.ends_with("_total"),
            "{name}"
        );
        assert_eq!(
            entry.kind == Kind::Histogram,
            !entry.buckets.is_empty(),
            "{name}"
        );
        assert!(entry.help.ends_with('.'), "{name}: help is a sentence");
        let bare = name.trim_end_matches("_total");
        assert!(
            bare.ends_with(entry.unit),
            "{name} does not end in its unit {}",
            entry.unit
        );
        for label in entry.labels {
            let bounded = [
                "partition",
                "outcome",
                "rule",
                "mode",
                "cause",
                "code",
                "stage",
                "result",
                "fault",
                "feature",
                "group",
                "what",
                "version",
                "pack",
            ];
            assert!(
                bounded.contains(label),
                "{name}: is the label {label} bounded?"
            );
        }
    }
}

#[test]
fn every_entry_is_registered_with_its_kind() {
    let metrics = Metrics::new().unwrap();
    touch(&metrics);
    let text = String::from_utf8(metrics.encode().unwrap()).unwrap();
    let told: BTreeSet<String> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE "))
        .map(str::to_owned)
        .collect();
    let wanted: BTreeSet<String> = ALL
        .iter()
        .map(|entry| format!("{} {}", entry.name, entry.kind.name()))
        .collect();
    assert_eq!(told, wanted);
}

/// One series of every family whose labels are not known beforehand; Prometheus does not list empty families.
fn touch(m: &Metrics) {
    for vec in [&m.source_records, &m.source_bytes, &m.events] {
        vec.with_label_values(&["0"]).inc();
    }
    for vec in [&m.decisions, &m.alerts, &m.suppressed, &m.dead_letters] {
        vec.with_label_values(&["x"]).inc();
    }
    for vec in [&m.rule_hits, &m.rule_faults, &m.state_evictions] {
        vec.with_label_values(&["R-1", "x"]).inc();
    }
    for vec in [
        &m.source_lag,
        &m.queue_depth,
        &m.state_bytes,
        &m.state_keys,
        &m.state_events,
        &m.pack_info,
    ] {
        vec.with_label_values(&["x"]).set(1);
    }
    m.watermark.with_label_values(&["0"]).set(1.5);
}

#[test]
fn the_processor_time_is_reported_and_grows() {
    let metrics = Metrics::new().unwrap();
    let before = metrics.encode().unwrap();
    assert!(
        String::from_utf8(before)
            .unwrap()
            .contains("tollgate_process_cpu_seconds_total")
    );
    let first = metrics.cpu_seconds.get();
    metrics.encode().unwrap();
    assert!(metrics.cpu_seconds.get() >= first);
}
