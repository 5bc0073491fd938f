//! Events gathered and not yet handed over.
//!
//! The invariant: bounded by what one poll gathers, because nothing is gathered while something can be handed over; and
//! what is of a paused partition waits without holding back the others.

use std::collections::VecDeque;

use crate::record::Batch;
use crate::source::{SourceError, SourceEvent};

/// A queue of events, in order within each partition.
#[derive(Debug, Default)]
pub(super) struct Pending {
    events: VecDeque<Result<SourceEvent, SourceError>>,
}

impl Pending {
    pub(super) fn push(&mut self, event: Result<SourceEvent, SourceError>) {
        self.events.push_back(event);
    }

    /// The first event that is not of a paused partition.
    pub(super) fn next(
        &mut self,
        paused: impl Fn(u32) -> bool,
    ) -> Option<Result<SourceEvent, SourceError>> {
        let free =
            |event: &Result<SourceEvent, SourceError>| !partition_of(event).is_some_and(&paused);
        let at = self.events.iter().position(free)?;
        self.events.remove(at)
    }

    /// Drops what is of these partitions.
    pub(super) fn forget(&mut self, partitions: &[u32]) {
        self.events.retain(|event| {
            partition_of(event).is_none_or(|partition| !partitions.contains(&partition))
        });
    }
}

/// The partition an event is of, where a pause or a revocation concerns it.
fn partition_of(event: &Result<SourceEvent, SourceError>) -> Option<u32> {
    match event.as_ref().ok()? {
        SourceEvent::Batch(Batch::Raw(batch)) => Some(batch.partition),
        SourceEvent::Batch(Batch::Columns(batch)) => Some(batch.partition),
        SourceEvent::CaughtUp { partition, .. } | SourceEvent::Halted { partition, .. } => {
            Some(*partition)
        }
        _ => None,
    }
}
