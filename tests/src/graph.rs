//! The dependency graph as cargo resolves it for this platform, for the laws about it.
//!
//! The invariant: edges of build scripts count like any other, those of tests (dev-dependencies) do not.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, PackageId};

use crate::place;

/// What `cargo metadata` says about the workspace, without other platforms' packages.
///
/// # Panics
/// When cargo cannot say.
#[must_use]
pub fn metadata() -> Metadata {
    let version = Command::new("rustc")
        .arg("-vV")
        .output()
        .expect("rustc runs")
        .stdout;
    let version = String::from_utf8_lossy(&version).into_owned();
    let host = version
        .lines()
        .find_map(|line| line.strip_prefix("host: "))
        .expect("rustc names its host");
    MetadataCommand::new()
        .manifest_path(place::root().join("Cargo.toml"))
        .other_options(["--locked", "--filter-platform", host].map(str::to_owned))
        .exec()
        .unwrap_or_else(|error| panic!("cargo metadata: {error}"))
}

/// What each package of the workspace names itself, development dependencies aside.
#[must_use]
pub fn direct(metadata: &Metadata) -> BTreeMap<String, BTreeSet<String>> {
    let packages = metadata.workspace_packages().into_iter();
    packages
        .map(|package| {
            let normal = package
                .dependencies
                .iter()
                .filter(|found| found.kind != DependencyKind::Development);
            (
                package.name.to_string(),
                normal.map(|found| found.name.clone()).collect(),
            )
        })
        .collect()
}

/// All packages reached from one of the workspace, itself aside, without following what `ends` depend on.
///
/// # Panics
/// When there is no such package.
#[must_use]
pub fn reachable(metadata: &Metadata, from: &str, ends: &[&str]) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().expect("cargo resolves");
    let edges: BTreeMap<&PackageId, Vec<&PackageId>> = resolve
        .nodes
        .iter()
        .map(|node| {
            let lasting = node.deps.iter().filter(|dep| {
                dep.dep_kinds
                    .iter()
                    .any(|kind| kind.kind != DependencyKind::Development)
            });
            (&node.id, lasting.map(|dep| &dep.pkg).collect())
        })
        .collect();
    let start = metadata
        .workspace_packages()
        .into_iter()
        .find(|package| package.name.as_str() == from);
    let mut open = vec![&start.unwrap_or_else(|| panic!("no package {from}")).id];
    let mut seen = BTreeSet::new();
    while let Some(next) = open.pop() {
        if ends.contains(&metadata[next].name.as_str()) {
            continue;
        }
        for found in edges.get(next).into_iter().flatten() {
            if seen.insert(*found) {
                open.push(found);
            }
        }
    }
    seen.into_iter()
        .map(|id| metadata[id].name.to_string())
        .collect()
}
