//! Random expressions over random columns: the vectorised program against a naive interpreter, row by row.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use tests::dice::Dice;
use tests::expression::compare;

/// How many expressions are compared; each over [`ROWS`] rows.
const EXPRESSIONS: u64 = 3_000;
const ROWS: usize = 24;
const SEED: u64 = 0x5eed_0fca_4d5e;

#[test]
fn programs_agree_with_a_naive_interpreter() {
    let (mut known, mut faults) = (0usize, 0usize);
    for case in 0..EXPRESSIONS {
        let seed = SEED ^ case;
        let seen = compare(&mut Dice::seeded(seed), ROWS);
        let seen = seen.unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        known += seen.known;
        faults += seen.faults;
    }
    // The comparison means nothing if hardly anything came out, or nothing went wrong.
    let cells = usize::try_from(EXPRESSIONS).unwrap() * ROWS;
    assert!(known > cells / 3, "{known} known of {cells}");
    assert!(faults > cells / 200, "{faults} faults of {cells}");
}
