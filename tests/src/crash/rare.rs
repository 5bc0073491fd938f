//! What happened to the application: what was done to it, and the rare paths it took, by what it says of them.
//!
//! The invariant: a path counts where the application itself has told of it in its log, never where it was only meant to.

use std::collections::BTreeMap;
use std::fmt;

use crate::process::Finished;

/// The paths a run must have taken to be valid, and the words of the log that tell of each.
const PATHS: &[(&str, &str)] = &[
    ("replayed", "rebuilding the state from the log"),
    ("snapshot_kept", "kept a snapshot"),
    ("snapshot_restored", "restored a snapshot"),
    ("snapshot_refused", "a snapshot is of no use"),
    (
        "settled_committed",
        "a doubtful commit is settled committed=true",
    ),
    (
        "settled_aborted",
        "a doubtful commit is settled committed=false",
    ),
    ("sent_again", "writing the same outputs again"),
    ("renewed", "a new producer goes on"),
    ("fenced", "has taken over"),
    ("joined_again", "joining it again"),
    ("watchdog", "no answer for too long"),
    ("asked_again", "asking again"),
    ("released", "other instances get these partitions"),
];

/// How often what was done, and how often which path was taken.
#[derive(Clone, Debug, Default)]
pub struct Rare {
    done: BTreeMap<String, u64>,
    taken: BTreeMap<&'static str, u64>,
}

impl Rare {
    /// Something was done to it.
    pub fn did(&mut self, what: &str) {
        *self.done.entry(what.to_owned()).or_default() += 1;
    }

    /// Reads what a process that has ended said.
    pub fn read(&mut self, ended: &Finished) {
        for (path, words) in PATHS {
            let count = ended
                .stderr
                .lines()
                .filter(|line| line.contains(words))
                .count();
            *self.taken.entry(path).or_default() += u64::try_from(count).unwrap_or(u64::MAX);
        }
        // The newest was refused and an older one taken.
        let said = |words: &str| ended.stderr.find(words);
        let (refused, restored) = (said("a snapshot is of no use"), said("restored a snapshot"));
        let older = refused
            .zip(restored)
            .is_some_and(|(refused, restored)| refused < restored);
        *self.taken.entry("older_snapshot").or_default() += u64::from(older);
    }

    /// Of these paths, those that were not taken.
    #[must_use]
    pub fn missing(&self, wanted: &[&'static str]) -> Vec<&'static str> {
        let absent = |path: &&&'static str| self.taken.get(**path).is_none_or(|count| *count == 0);
        wanted.iter().filter(absent).copied().collect()
    }
}

impl fmt::Display for Rare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let done: Vec<String> = self
            .done
            .iter()
            .map(|(what, n)| format!("{what} {n}"))
            .collect();
        let taken: Vec<String> = self
            .taken
            .iter()
            .map(|(path, n)| format!("{path} {n}"))
            .collect();
        write!(
            f,
            "done: {}; paths taken: {}",
            done.join(", "),
            taken.join(", ")
        )
    }
}
