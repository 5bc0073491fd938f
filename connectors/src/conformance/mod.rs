//! The checks every source, sink, commit log and store of snapshots must pass: each point of the contracts in
//! [`crate::source`], [`crate::sink`], [`crate::log`] and [`crate::snapshots`] is one named check.
//!
//! The one idea: an implementation brings a small *rig* (how to fill it, open it and look inside it) and runs
//! [`run_all`] over [`source::ALL`], [`sink::ALL`], [`log::ALL`] or [`snapshots::ALL`]. The invariant: a check asks only
//! for what the contract's page says; what an implementation cannot do, its rig says, and the check does not ask for it.
//!
//! ```text
//! let failures = conformance::run_all(conformance::source::ALL, || MyRig::new());
//! assert!(failures.is_empty(), "{failures:#?}");
//! ```

pub mod log;
mod reader;
pub mod sink;
pub mod snapshots;
pub mod source;

#[cfg(test)]
mod tests;

/// Why a check failed, in words.
pub type Outcome = Result<(), String>;

/// One point of a contract.
pub struct Check<R: ?Sized> {
    /// Name, as a test name: `each_record_once_in_order`.
    pub name: &'static str,
    /// Tries it on a new rig.
    pub run: fn(&mut R) -> Outcome,
}

/// Runs every check, each on a rig of its own, and returns `name: why` of those that failed.
pub fn run_all<R: ?Sized, B: std::ops::DerefMut<Target = R>>(
    checks: &[Check<R>],
    mut rig: impl FnMut() -> B,
) -> Vec<String> {
    let mut failures = Vec::new();
    for check in checks {
        if let Err(why) = (check.run)(&mut *rig()) {
            failures.push(format!("{}: {why}", check.name));
        }
    }
    failures
}

/// Fails with `why` unless it holds.
pub(crate) fn ensure(holds: bool, why: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(why()) }
}
