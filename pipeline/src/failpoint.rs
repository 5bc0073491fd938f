//! Failpoints: named places where a test has the process die or hang.
//!
//! The idea: `TOLLGATE_FAILPOINT=NAME:NTH[:hang|:freeze]` in the environment makes the process stop the NTH time it comes
//! by. What a crash at that place leaves behind is what a restart has to cope with. The invariant: without the variable a failpoint
//! is one look at a flag; armed, the process says so at its start.

use std::process::Command;
use std::str::FromStr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// Every failpoint, in the order a run comes by; `in_call` is each call of a commit that waits for the broker.
pub const ALL: [&str; 12] = [
    "in_call",
    "in_recovery",
    "in_replay",
    "before_flush",
    "after_flush",
    "after_offsets",
    "in_commit",
    "after_commit",
    "before_snapshot_sync",
    "before_snapshot_rename",
    "after_snapshot_rename",
    "after_snapshot",
];

/// The variable that arms one.
const VARIABLE: &str = "TOLLGATE_FAILPOINT";

static ARMED: OnceLock<Armed> = OnceLock::new();

/// What to do where.
#[derive(Debug)]
struct Armed {
    name: &'static str,
    /// Times to come by, this one included.
    left: AtomicU32,
    act: Act,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    /// As by a kill: nothing is written, flushed or dropped.
    Die,
    /// The same a moment later, when the call that follows is under way.
    DieSoon,
    /// For ever.
    Hang,
    /// All of the process stands still until somebody sends it SIGCONT.
    Freeze,
}

impl FromStr for Armed {
    type Err = String;

    fn from_str(text: &str) -> Result<Armed, String> {
        let mut parts = text.split(':');
        let name = parts.next().unwrap_or_default();
        let name = ALL.iter().find(|known| **known == name);
        let name = name.ok_or_else(|| format!("is none of {}", ALL.join(", ")))?;
        let nth = parts.next().and_then(|nth| nth.parse().ok());
        let nth: u32 = nth.filter(|nth| *nth > 0).ok_or("wants NAME:NTH")?;
        let act = match parts.next() {
            None if *name == "in_commit" => Act::DieSoon,
            None => Act::Die,
            Some("hang") => Act::Hang,
            Some("freeze") => Act::Freeze,
            Some(other) => return Err(format!("`{other}` is no act")),
        };
        Ok(Armed {
            name,
            left: AtomicU32::new(nth),
            act,
        })
    }
}

/// Arms what the environment asks for.
///
/// # Errors
/// What is wrong with it: a test that stops nowhere would say nothing.
pub fn arm() -> Result<(), String> {
    let Ok(text) = std::env::var(VARIABLE) else {
        return Ok(());
    };
    let armed = text.parse::<Armed>();
    let armed = armed.map_err(|cause| format!("{VARIABLE}={text}: {cause}"))?;
    tracing::warn!(
        failpoint = armed.name,
        "a failpoint is armed: this process will stop there"
    );
    // Whoever armed it before asked for the same.
    let _ = ARMED.set(armed);
    Ok(())
}

/// The process comes by.
pub fn reached(name: &str) {
    let Some(armed) = ARMED.get().filter(|armed| armed.name == name) else {
        return;
    };
    if armed.left.fetch_sub(1, Ordering::Relaxed) != 1 {
        return;
    }
    match armed.act {
        Act::Die => std::process::abort(),
        Act::DieSoon => {
            thread::spawn(|| {
                thread::park_timeout(Duration::from_micros(500));
                std::process::abort();
            });
        }
        Act::Hang => loop {
            thread::park();
        },
        Act::Freeze => {
            tracing::warn!("frozen at the failpoint");
            let pid = std::process::id().to_string();
            // Where there is no such program the process goes on, and the test that froze it fails.
            let _ = Command::new("kill").args(["-STOP", &pid]).status();
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn what_is_asked_for_is_read_or_refused() {
        let armed: Armed = "after_flush:3:hang".parse().unwrap();
        assert_eq!((armed.name, armed.act), ("after_flush", Act::Hang));
        assert_eq!(armed.left.load(Ordering::Relaxed), 3);
        assert_eq!("in_commit:1".parse::<Armed>().unwrap().act, Act::DieSoon);
        for wrong in [
            "",
            "nowhere:1",
            "after_flush",
            "after_flush:0",
            "after_flush:1:sing",
        ] {
            assert!(wrong.parse::<Armed>().is_err(), "{wrong}");
        }
    }
}
