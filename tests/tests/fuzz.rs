//! A short run of every fuzz target; see `tests/src/fuzz/mod.rs` for a long one.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use tests::fuzz::{self, Length};

#[test]
fn every_target_takes_what_comes() {
    let mut ran = 0;
    for target in fuzz::TARGETS.iter().filter(|target| fuzz::wanted(target)) {
        let seed = fuzz::seed_from_environment(20_261_121);
        ran += fuzz::run(target, seed, Length::from_environment(target));
    }
    assert!(ran > 0, "no target of that name");
}
