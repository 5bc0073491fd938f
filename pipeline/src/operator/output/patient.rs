//! Writes and flushes that are tried again where that may help.
//!
//! The invariant: what a sink calls hopeless is not tried again, and nothing is tried for ever.

use connectors::sink::{Payload, Sink, SinkError};

/// How often a write that may succeed later is tried before the run gives up.
const WRITE_TRIES: u32 = 5;

/// Writes, and tries again where that may help.
pub(super) fn write_patiently<'a>(
    sink: &mut dyn Sink,
    payload: impl Fn() -> Payload<'a>,
) -> Result<(), SinkError> {
    for _ in 1..WRITE_TRIES {
        match sink.write(payload()) {
            Err(error) if error.retry => tracing::warn!(%error, "write failed, trying again"),
            result => return result,
        }
    }
    sink.write(payload())
}

/// Flushes, and tries again where that may help: a broker may be away for a while.
pub(super) fn flush_patiently(sink: &mut dyn Sink) -> Result<(), SinkError> {
    for _ in 1..WRITE_TRIES {
        match sink.flush() {
            Err(error) if error.retry => tracing::warn!(%error, "flush failed, trying again"),
            result => return result,
        }
    }
    sink.flush()
}
