//! What the process itself uses, read from `/proc`. The invariant: where that cannot be read nothing is reported,
//! never a zero.

/// Clock ticks per second of `/proc/self/stat`: fixed at 100 for user space on every Linux architecture.
const TICKS_PER_SECOND: f64 = 100.0;

/// Processor time and memory so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Usage {
    pub(super) cpu_seconds: f64,
    pub(super) resident_bytes: i64,
}

/// Reads it, where there is a `/proc`.
pub(super) fn usage() -> Option<Usage> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    Some(Usage {
        cpu_seconds: cpu_seconds(&stat)?,
        resident_bytes: resident_bytes(&status)?,
    })
}

/// Fields 14 and 15 (`utime`, `stime`), counted behind the command, which may itself hold spaces and brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_ascii_whitespace().skip(11);
    let user: f64 = fields.next()?.parse().ok()?;
    let system: f64 = fields.next()?.parse().ok()?;
    Some((user + system) / TICKS_PER_SECOND)
}

/// `VmRSS`, which the kernel gives in units of 1024 bytes whatever the page size.
fn resident_bytes(status: &str) -> Option<i64> {
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    let kib: i64 = line.split_ascii_whitespace().nth(1)?.parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_are_counted_behind_the_command() {
        let stat = "12 (a b) c) S 1 2 3 4 5 6 7 8 9 10 250 150 0 0 20 0 4 0 77 1 2";
        assert_eq!(cpu_seconds(stat), Some(4.0));
        assert_eq!(cpu_seconds("nonsense"), None);
        assert_eq!(resident_bytes("Name:\tx\nVmRSS:\t   20 kB\n"), Some(20_480));
        assert_eq!(resident_bytes("Name:\tx\n"), None);
    }

    #[test]
    fn this_process_uses_memory() {
        assert!(usage().is_none_or(|usage| usage.resident_bytes > 100_000));
    }
}
