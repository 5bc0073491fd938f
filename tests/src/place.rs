//! Where things lie: the workspace, its cache, and whether this is a continuous-integration run.
//!
//! The invariant: every path is absolute, so that tests may run from any directory.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The directory with the workspace's `Cargo.toml`.
///
/// # Panics
/// Never in a checkout: the package lies one level below it.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the workspace")
        .to_path_buf()
}

/// What is kept between runs: `TOLLGATE_CI_CACHE`, else `~/.cache/tollgate-ci`.
#[must_use]
pub fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into()));
    std::env::var_os("TOLLGATE_CI_CACHE")
        .map_or_else(|| home().join(".cache/tollgate-ci"), PathBuf::from)
}

/// Whether a skipped test is a failed one.
#[must_use]
pub fn is_ci() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Says that a test did not run, and why.
///
/// # Panics
/// With `CI=true`, where everything that is needed has been installed.
pub fn skipped(why: &str) {
    assert!(!is_ci(), "skipped under CI=true: {why}");
    told(&format!("skipped: {why}"));
}

/// Says what a test did, also when it passes and its output is captured.
pub fn told(what: &str) {
    let _ = writeln!(std::io::stderr(), "\n{what}");
}
