//! When the machine was elsewhere: a spinning clock and the scheduler's own account, on the very thread that is measured.
//!
//! The idea: while there is nothing to do the thread only reads the clock, so two readings far apart are a gap that the
//! machine made. Inside a step nobody can tell work from absence by the clock, but the kernel counts how long a thread
//! that wanted to run did not (`/proc/thread-self/schedstat`, its second figure). A meter on another core would
//! measure that other core.
//!
//! The invariant: only what one of the two has proven counts as a gap. What a hypervisor takes inside a step is in no
//! account and is taken for work; a pause of the engine's own (a table that grows) is work too.

use std::fs::File;
use std::os::unix::fs::FileExt;

/// Two readings of a clock further apart than this are a gap; they are some 40 ns apart.
const GAP_NS: u64 = 2_000;
/// Steps shorter than this are not looked into: asking costs a system call.
const LONG_STEP_NS: u64 = 50_000;

/// See the module. All times are nanoseconds of one clock.
pub(crate) struct Gaps {
    account: Option<File>,
    /// Waited for the processor so far, by the kernel's account.
    waited: u64,
    /// Lengths of all.
    pub(crate) all: Vec<u64>,
    /// Their sum.
    pub(crate) total: u64,
}

impl Gaps {
    pub(crate) fn new() -> Gaps {
        let mut gaps = Gaps {
            account: File::open("/proc/thread-self/schedstat").ok(),
            waited: 0,
            all: Vec::new(),
            total: 0,
        };
        gaps.settle();
        gaps
    }

    /// Brings the account up to date; says how long was waited since the last time.
    pub(crate) fn settle(&mut self) -> u64 {
        let mut text = [0; 96];
        let read = self.account.as_ref().map(|file| file.read_at(&mut text, 0));
        let Some(Ok(length)) = read else { return 0 };
        let text = String::from_utf8_lossy(&text[..length]);
        let waited = text.split_whitespace().nth(1);
        let waited: u64 = waited.and_then(|text| text.parse().ok()).unwrap_or(0);
        waited.saturating_sub(std::mem::replace(&mut self.waited, waited))
    }

    /// Two readings of the clock in a row, with nothing between them.
    pub(crate) fn idle(&mut self, before: u64, now: u64) {
        if now - before > GAP_NS {
            self.settle();
            self.note(now - before);
        }
    }

    /// A step from `begin` to `end`.
    pub(crate) fn worked(&mut self, begin: u64, end: u64) {
        if end - begin > LONG_STEP_NS {
            let waited = self.settle().min(end - begin);
            if waited > GAP_NS {
                self.note(waited);
            }
        }
    }

    fn note(&mut self, gap: u64) {
        self.all.push(gap);
        self.total += gap;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_lies_between_two_readings_far_apart_is_a_gap() {
        let mut gaps = Gaps::new();
        gaps.idle(1_000, 1_040);
        gaps.idle(10_000, 20_000);
        gaps.idle(30_000, 35_000);
        assert_eq!((gaps.all, gaps.total), (vec![10_000, 5_000], 15_000));
    }
}
