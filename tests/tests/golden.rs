//! The features of the Handbook pack against the windows its authors published, and the same bytes for any batch size
//! and number of workers.
//!
//! The data is simulated (Fraud Detection Handbook). Nobody on this project computed the expected values.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use tests::handbook::Table;
use tests::{data, place, process};

const DEADLINE: Duration = Duration::from_secs(900);

/// Published column, our feature, and how closely they agree.
type Pair = (&'static str, &'static str, Agree);

#[derive(Clone, Copy)]
enum Agree {
    Exactly,
    /// To 1e-9; nothing to average is published as 0.
    Closely,
}

const CUSTOMERS: [Pair; 6] = [
    (
        "CUSTOMER_ID_NB_TX_1DAY_WINDOW",
        "cust_cnt_1d",
        Agree::Exactly,
    ),
    (
        "CUSTOMER_ID_AVG_AMOUNT_1DAY_WINDOW",
        "cust_avg_1d",
        Agree::Closely,
    ),
    (
        "CUSTOMER_ID_NB_TX_7DAY_WINDOW",
        "cust_cnt_7d",
        Agree::Exactly,
    ),
    (
        "CUSTOMER_ID_AVG_AMOUNT_7DAY_WINDOW",
        "cust_avg_7d",
        Agree::Closely,
    ),
    (
        "CUSTOMER_ID_NB_TX_30DAY_WINDOW",
        "cust_cnt_30d",
        Agree::Exactly,
    ),
    (
        "CUSTOMER_ID_AVG_AMOUNT_30DAY_WINDOW",
        "cust_avg_30d",
        Agree::Closely,
    ),
];

const TERMINALS: [Pair; 6] = [
    (
        "TERMINAL_ID_NB_TX_1DAY_WINDOW",
        "term_cnt_1d",
        Agree::Exactly,
    ),
    (
        "TERMINAL_ID_RISK_1DAY_WINDOW",
        "term_risk_1d",
        Agree::Closely,
    ),
    (
        "TERMINAL_ID_NB_TX_7DAY_WINDOW",
        "term_cnt_7d",
        Agree::Exactly,
    ),
    (
        "TERMINAL_ID_RISK_7DAY_WINDOW",
        "term_risk_7d",
        Agree::Closely,
    ),
    (
        "TERMINAL_ID_NB_TX_30DAY_WINDOW",
        "term_cnt_30d",
        Agree::Exactly,
    ),
    (
        "TERMINAL_ID_RISK_30DAY_WINDOW",
        "term_risk_30d",
        Agree::Closely,
    ),
];

fn features(transactions: &Path, out: &Path, batch_size: &str, workers: &str) {
    let pack = place::root().join("rules/packs/handbook");
    let path = |path: &Path| path.display().to_string();
    let arguments = [
        "features",
        "--pack",
        &path(&pack),
        "--data",
        &path(transactions),
        "--out",
        &path(out),
        "--batch-size",
        batch_size,
        "--workers",
        workers,
    ];
    let done = process::tollgate_ends(out.parent().unwrap(), &arguments, DEADLINE).success();
    println!(
        "batch size {batch_size}, {workers} workers: {:?}",
        done.took
    );
}

/// Rows of the slice that disagree, and what was expected there.
fn disagreements(slice: &Table, ours: &Table, pairs: &[Pair]) -> Vec<(i64, String)> {
    let row_of: HashMap<u64, usize> = ours
        .column("TRANSACTION_ID")
        .iter()
        .enumerate()
        .map(|(row, id)| (id.to_bits(), row))
        .collect();
    let ids = slice.column("TRANSACTION_ID");
    let mut wrong = Vec::new();
    for (published, feature, agree) in pairs {
        let (expected, found) = (slice.column(published), ours.column(feature));
        for (id, expected) in ids.iter().zip(expected) {
            let found = found[row_of[&id.to_bits()]];
            let same = match agree {
                Agree::Exactly => found.to_bits() == expected.to_bits(),
                Agree::Closely => close(if found.is_nan() { 0.0 } else { found }, *expected),
            };
            if !same {
                wrong.push((
                    number(*id),
                    format!("{feature} of {id}: {found}, published {expected}"),
                ));
            }
        }
    }
    wrong
}

fn close(found: f64, expected: f64) -> bool {
    (found - expected).abs() <= 1e-9 * expected.abs().max(1.0)
}

fn number(id: f64) -> i64 {
    format!("{id:.0}").parse().unwrap()
}

#[test]
fn the_published_windows_and_the_same_bytes_for_any_batch_size_and_workers() {
    let files = [
        data::TRANSACTIONS,
        data::GOLDEN_CUSTOMERS,
        data::GOLDEN_TERMINALS,
        data::GOLDEN_EXCEPTIONS,
    ]
    .map(data::file);
    let [
        Some(transactions),
        Some(customers),
        Some(terminals),
        Some(exceptions),
    ] = files
    else {
        return;
    };
    let scratch = process::scratch();
    let out = scratch.path().join("features.parquet");
    features(&transactions, &out, "4096", "1");

    let ours = Table::from_parquet(&out);
    assert_eq!(ours.rows(), 1_754_155, "one row per transaction");
    assert!(
        ours.column("TRANSACTION_ID").is_sorted(),
        "in the order of the file"
    );
    assert!(
        ours.column("late")
            .iter()
            .chain(ours.column("duplicate"))
            .all(|flag| *flag == 0.0)
    );
    let exceptions = Table::from_csv(&std::fs::read_to_string(exceptions).unwrap());
    let excepted: HashSet<i64> = exceptions
        .column("TRANSACTION_ID")
        .iter()
        .map(|id| number(*id))
        .collect();
    assert_eq!(excepted.len(), 20);
    for (slice, rows, pairs) in [
        (customers, 75_438, &CUSTOMERS),
        (terminals, 23_277, &TERMINALS),
    ] {
        let slice = Table::from_gzipped_csv(&slice);
        assert_eq!(slice.rows(), rows, "the slice is whole");
        let wrong: Vec<_> = disagreements(&slice, &ours, pairs)
            .into_iter()
            .filter(|(id, _)| !excepted.contains(id))
            .collect();
        let shown: Vec<_> = wrong.iter().take(10).collect();
        assert!(
            wrong.is_empty(),
            "{} values disagree, the first: {shown:#?}",
            wrong.len()
        );
    }

    for (batch_size, workers) in [("1000", "1"), ("4096", "2"), ("50000", "3")] {
        let again = scratch
            .path()
            .join(format!("features-{batch_size}.parquet"));
        features(&transactions, &again, batch_size, workers);
        assert!(
            std::fs::read(&out).unwrap() == std::fs::read(&again).unwrap(),
            "batch size {batch_size}, {workers} workers: other bytes"
        );
    }
}

#[test]
fn a_wrong_value_is_found() {
    let slice = Table::from_csv("TRANSACTION_ID,NB,AVG\n1,2,0\n2,3,5.5\n");
    let pairs = [("NB", "n", Agree::Exactly), ("AVG", "avg", Agree::Closely)];
    let wrong = |text: &str| disagreements(&slice, &Table::from_csv(text), &pairs).len();
    assert_eq!(
        wrong("TRANSACTION_ID,n,avg\n1,2,\n2,3,5.5000000000001\n"),
        0
    );
    assert_eq!(wrong("TRANSACTION_ID,n,avg\n1,2,\n2,3,5.50001\n"), 1);
    assert_eq!(wrong("TRANSACTION_ID,n,avg\n1,1,7\n2,3,5.5\n"), 2);
}
