//! What there is to know about the process.

use super::{Entry, counter, gauge};

/// Build.
pub const BUILD_INFO: Entry = gauge(
    "tollgate_build_info",
    "info",
    &["version"],
    "Always 1; the version of the program.",
);
/// Pack.
pub const PACK_INFO: Entry = gauge(
    "tollgate_pack_info",
    "info",
    &["pack"],
    "1 for the version of the pack that decides.",
);
/// Start time.
pub const START_TIME: Entry = gauge(
    "tollgate_process_start_seconds",
    "seconds",
    &[],
    "When the process started, in seconds since the epoch.",
);
/// CPU.
pub const CPU_SECONDS: Entry = counter(
    "tollgate_process_cpu_seconds_total",
    "seconds",
    &[],
    "Processor time of the process, user and system.",
);
/// Memory.
pub const RESIDENT_BYTES: Entry = gauge(
    "tollgate_process_resident_bytes",
    "bytes",
    &[],
    "Resident memory of the process.",
);
