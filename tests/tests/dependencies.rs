//! What the lock file may hold: licences on a list, and one version of what cannot be there twice.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::BTreeMap;

use tests::graph;

/// Licences whose terms a distributor of the binary can keep by shipping notices.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Two versions of these in one program do not interchange (columns), or fight over one C library.
const ONE_VERSION: &[&str] = &[
    "arrow",
    "datafusion-common",
    "fjall",
    "parquet",
    "prometheus",
    "rdkafka",
    "rdkafka-sys",
    "tokio",
];

#[test]
fn every_licence_is_on_the_list() {
    let metadata = graph::metadata();
    assert!(metadata.packages.len() > 100, "the packages are not read");
    let wrong: Vec<String> = metadata
        .packages
        .iter()
        .filter(|package| !package.license.as_deref().is_some_and(allowed))
        .map(|package| {
            format!(
                "{} {}: {:?}",
                package.name, package.version, package.license
            )
        })
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_licence_off_the_list_is_found() {
    assert!(allowed("MIT OR GPL-3.0-only"), "one of several is enough");
    assert!(allowed("(MIT OR Apache-2.0) AND Unicode-3.0"));
    assert!(allowed("MIT/Apache-2.0") && allowed("Apache-2.0 / MIT"));
    assert!(!allowed("GPL-3.0-only"));
    assert!(!allowed("MIT AND GPL-3.0-only"), "both are asked for");
    assert!(!allowed("(GPL-2.0-only OR LGPL-2.1) AND MIT"));
    assert!(!allowed(""));
}

#[test]
fn what_cannot_be_there_twice_is_there_once() {
    let metadata = graph::metadata();
    let mut versions: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for package in &metadata.packages {
        versions
            .entry(package.name.as_str())
            .or_default()
            .push(package.version.to_string());
    }
    for name in ONE_VERSION {
        assert_eq!(
            versions.get(name).map_or(0, Vec::len),
            1,
            "{name}: {:?}",
            versions.get(name)
        );
    }
    let arrow = &versions["arrow"];
    for (name, found) in versions
        .iter()
        .filter(|(name, _)| name.starts_with("arrow-") || **name == "parquet")
    {
        assert_eq!(found, arrow, "{name} goes with arrow");
    }
}

/// Whether a licence expression can be met with the list: `AND` of groups, each an `OR` of names (or the older `/`).
fn allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ");
    let groups = expression.split(" AND ");
    groups.into_iter().all(|group| {
        let group = group.trim().trim_start_matches('(').trim_end_matches(')');
        group
            .split(" OR ")
            .any(|name| LICENCES.contains(&name.trim()))
    })
}
