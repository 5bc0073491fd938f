//! The data nobody on this project wrote: the Fraud Detection Handbook's simulated transactions, beside the workspace.
//!
//! They have no licence file of their own, so they are read from `../shared/data` and never copied into the project;
//! where the folder is absent, the tests that need it say so, and with `CI=true`, which has it, fail.

use std::path::PathBuf;

use crate::place;

/// All 1,754,155 transactions.
pub const TRANSACTIONS: &str = "handbook_transactions.parquet";
/// The published customer windows of 147 customers.
pub const GOLDEN_CUSTOMERS: &str = "handbook_golden_slice_customers.csv.gz";
/// The published terminal windows of 118 terminals.
pub const GOLDEN_TERMINALS: &str = "handbook_golden_slice_terminals.csv.gz";
/// The 20 rows where the authors' sort swapped a pair.
pub const GOLDEN_EXCEPTIONS: &str = "handbook_golden_tie_exceptions.csv";

/// The file of that name, or `None` and a printed line. `TOLLGATE_DATA` names another folder.
///
/// # Panics
/// With `CI=true`, when there is no such file.
#[must_use]
pub fn file(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("TOLLGATE_DATA")
        .map_or_else(|| place::root().join("../shared/data"), PathBuf::from);
    let path = folder.join(name);
    if path.is_file() {
        return Some(path);
    }
    place::skipped(&format!(
        "no {name} (it is read from ../shared/data or $TOLLGATE_DATA)"
    ));
    None
}
