//! Who may depend on what, and what the pure parts may not touch.
//!
//! Two leaves, one trunk: `rules` and `connectors` never name one another, `pipeline` names both, and only it reads a
//! clock or registers a metric. Direct dependencies of the two leaves are listed here in full: adding one means saying
//! so in this file.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeSet;

use tests::graph;
use tests::sources::{self, Source};

/// All that `rules` names: columns, SQL, exact numbers, text, and a hint to the processor. Nothing that could read or wait.
const RULES: &[&str] = &[
    "ahash",
    "arrow",
    "datafusion-common",
    "datafusion-expr",
    "datafusion-sql",
    "hashbrown",
    "itoa",
    "jiff",
    "num-bigint",
    "num-traits",
    "regex",
    "safe_arch",
    "serde-saphyr",
    "serde_json",
    "siphasher",
    "thiserror",
    "zerocopy",
];

/// All that `connectors` names.
const CONNECTORS: &[&str] = &[
    "arrow",
    "csv-core",
    "fjall",
    "glob",
    "jiff",
    "object_store",
    "parquet",
    "rand",
    "rand_chacha",
    "rdkafka",
    "serde_json",
    "thiserror",
    "tokio",
    "tracing",
];

/// What `pipeline` leaves to its leaves: a broker's client, a store, an SQL parser.
const NOT_IN_PIPELINE: &[&str] = &[
    "benches",
    "csv",
    "datafusion-common",
    "datafusion-expr",
    "datafusion-sql",
    "fjall",
    "object_store",
    "rdkafka",
    "rdkafka-sys",
    "tests",
];

/// What a leaf must not even reach through others. (DataFusion's crates bring tokio's types along; that our own code
/// does not use them is seen in its source.)
const UNREACHABLE_FROM_RULES: &[&str] = &[
    "axum",
    "connectors",
    "fjall",
    "hyper",
    "pipeline",
    "prometheus",
    "rdkafka",
    "rdkafka-sys",
];

/// Not followed from `rules`: DataFusion takes the types of `object_store` alone, but in one build with `connectors` the
/// same package has the client that reaches buckets.
const ENDS_FROM_RULES: &[&str] = &["object_store"];

const UNREACHABLE_FROM_CONNECTORS: &[&str] = &[
    "axum",
    "datafusion-common",
    "datafusion-sql",
    "pipeline",
    "prometheus",
    "rules",
];

/// Paths that are a file, a socket, a clock, a thread, the environment or chance.
const IMPURE: &[&str] = &[
    "std::env",
    "std::fs",
    "std::io::stderr",
    "std::io::stdin",
    "std::io::stdout",
    "std::net",
    "std::os",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
    // Its `elapsed` reads the clock.
    "std::time::UNIX_EPOCH",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    // Zones of the machine; those built in are `jiff::tz::TimeZoneDatabase::bundled`.
    "jiff::tz::db",
    "jiff::tz::TimeZone::get",
    "jiff::tz::TimeZone::system",
    "TimeZone::get",
    "TimeZone::system",
    "TimeZoneDatabase::from_env",
    "TimeZoneDatabase::from_dir",
    "rand",
    "tokio",
    "rdkafka",
    "prometheus",
    "connectors",
    "pipeline",
    "tracing",
];

/// Readings of a clock.
const CLOCKS: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "Timestamp::now",
    "Zoned::now",
];

#[test]
fn the_leaves_name_only_what_is_listed_and_the_trunk_names_both() {
    let direct = graph::direct(&graph::metadata());
    let named = |package: &str| {
        direct
            .get(package)
            .unwrap_or_else(|| panic!("no package {package}"))
    };
    let beyond = |package: &str, allowed: &[&str]| -> Vec<String> {
        named(package)
            .iter()
            .filter(|name| !allowed.contains(&name.as_str()))
            .cloned()
            .collect()
    };
    assert_eq!(beyond("rules", RULES), [""; 0], "rules may not name these");
    assert_eq!(
        beyond("connectors", CONNECTORS),
        [""; 0],
        "connectors may not name these"
    );
    for package in NOT_IN_PIPELINE {
        assert!(
            !named("pipeline").contains(*package),
            "pipeline may not name {package}"
        );
    }
    assert!(named("pipeline").contains("rules") && named("pipeline").contains("connectors"));
}

#[test]
fn the_leaves_reach_neither_one_another_nor_the_trunk() {
    let metadata = graph::metadata();
    for (leaf, forbidden, ends) in [
        ("rules", UNREACHABLE_FROM_RULES, ENDS_FROM_RULES),
        ("connectors", UNREACHABLE_FROM_CONNECTORS, &[]),
    ] {
        let reached = graph::reachable(&metadata, leaf, ends);
        assert!(reached.contains("arrow"), "{leaf}: the graph is not read");
        let found: Vec<_> = forbidden
            .iter()
            .filter(|name| reached.contains(**name))
            .collect();
        assert!(found.is_empty(), "{leaf} reaches {found:?}");
    }
    let reached = graph::reachable(&metadata, "pipeline", &[]);
    assert!(
        reached.contains("rdkafka")
            && reached.contains("datafusion-sql")
            && reached.contains("prometheus")
    );
}

#[test]
fn rules_touches_neither_file_nor_socket_nor_clock_nor_thread_nor_chance() {
    let found: Vec<String> = sources::below("rules/src", ".rs")
        .iter()
        .flat_map(|source| uses(source, IMPURE))
        .collect();
    assert!(found.is_empty(), "{found:#?}");
}

#[test]
fn only_the_clock_module_reads_a_clock() {
    let parts = ["rules/src", "connectors/src", "pipeline/src"];
    let all = parts.iter().flat_map(|part| sources::below(part, ".rs"));
    let found: BTreeSet<String> = all
        .filter(|source| !uses(source, CLOCKS).is_empty())
        .map(|source| source.path)
        .collect();
    assert_eq!(
        found.iter().map(String::as_str).collect::<Vec<_>>(),
        ["pipeline/src/clock.rs"]
    );
}

#[test]
fn a_planted_use_is_found() {
    let planted = |text: &str| {
        uses(
            &Source {
                path: "rules/src/x.rs".into(),
                text: text.into(),
            },
            IMPURE,
        )
        .len()
    };
    assert_eq!(planted("use std::fs;"), 1);
    assert_eq!(
        planted("use std::{collections::BTreeMap, fs::File, thread};"),
        2
    );
    assert_eq!(
        planted("use std::{time::{Duration, Instant}, sync::Arc};"),
        1
    );
    assert_eq!(planted("let x = std::env::var(name);"), 1);
    assert_eq!(planted("let t = std::time::UNIX_EPOCH.elapsed();"), 1);
    assert_eq!(
        planted("use rand::Rng;\nlet t = jiff::Timestamp::now();"),
        2
    );
    assert_eq!(planted("let zone = jiff::tz::TimeZone::system();"), 1);
    assert_eq!(planted("use jiff::tz::{TimeZone, db};"), 1);
    assert_eq!(planted("let zone = TimeZone::get(name);"), 1);
    assert_eq!(
        planted("use std::time::Duration; // std::fs\nlet operand = \"std::net\";"),
        0
    );
    assert_eq!(
        planted("/// rand is not used\nuse crate::pipeline_like;"),
        0
    );
    assert_eq!(
        planted("fn f() {}\n#[cfg(test)]\nmod tests { use std::fs; }"),
        0
    );
}

/// Which of these paths the library code of a file names, spelled out or in a `use` with braces.
fn uses(source: &Source, paths: &[&str]) -> Vec<String> {
    let code = expanded(&sources::library_code(source));
    let named = |path: &&&str| {
        code.match_indices(**path).any(|(at, _)| {
            let before = code[..at].chars().next_back();
            let after = code[at + path.len()..].chars().next();
            let word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
            // A crate's name alone counts only where a path begins with it.
            let is_path = path.contains("::") || code[at + path.len()..].starts_with("::");
            !word(before)
                && !word(after)
                && (before != Some(':') || path.contains("::now"))
                && is_path
        })
    };
    paths
        .iter()
        .filter(named)
        .map(|path| format!("{}: {path}", source.path))
        .collect()
}

/// The code with each `use a::{b, c::{d}};` written out as `a::b a::c::d`, after the text itself.
fn expanded(code: &str) -> String {
    let mut all = code.to_owned();
    for (at, _) in code.match_indices("use ") {
        let statement = code[at + 4..].split(';').next().unwrap_or_default();
        if statement.contains('{') {
            let statement: String = statement.split_whitespace().collect();
            let mut stack = vec![String::new()];
            let mut word = String::new();
            for c in statement.chars() {
                match c {
                    '{' => {
                        let prefix = format!("{}{word}", stack.last().unwrap());
                        stack.push(prefix);
                        word.clear();
                    }
                    ',' | '}' => {
                        all.push_str(&format!("\n{}{word}", stack.last().unwrap()));
                        word.clear();
                        if c == '}' && stack.len() > 1 {
                            stack.pop();
                        }
                    }
                    _ => word.push(c),
                }
            }
        }
    }
    all
}
