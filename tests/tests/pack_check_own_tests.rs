//! The tests that the packs of the project carry: all of them pass.
//!
//! The invariant: a pack in the tree is an example, and an example whose own tests fail teaches the wrong thing.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

mod packs_common;

use std::sync::Arc;

use packs_common::{checked, lines, packs_dir};
use rules::definition::SourceFile;
use rules::testcase;

#[test]
fn every_pack_passes_its_own_tests() {
    for (pack, least) in [("card-core", 14), ("handbook", 13), ("sensors", 12)] {
        let rules = Arc::new(checked(pack));
        let text = std::fs::read_to_string(packs_dir().join(pack).join("tests.yaml")).unwrap();
        let file = SourceFile::new("tests.yaml", &text);
        let suite = testcase::parse(&file, &rules)
            .unwrap_or_else(|found| panic!("{pack}:\n{}", lines(&text, &found)));
        assert!(suite.tests.len() >= least, "{pack}");
        let mut failed = testcase::run(&rules, &suite);
        failed.retain(|result| !result.failures.is_empty());
        assert!(failed.is_empty(), "{pack}: {failed:#?}");
    }
}
