//! One poll's gathering: what the group has to say, and the records that are there, many per call.
//!
//! The idea: two queues, because a call that takes many messages at once would serve the events among them and lose
//! what they say. The invariant: what is said of a partition is handed over after the records before it, and a revocation
//! before anything that is fetched after it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::event::Kind;
use super::super::producer::millis;
use super::super::raw;
use super::KafkaSource;
use crate::record::{Batch, NO_APPEND_TIME, RawBatchBuilder};
use crate::source::SourceEvent;

/// Most records gathered by one poll, over all partitions.
const POLL_RECORDS: usize = 8_192;
/// No more records are gathered after this many bytes.
const POLL_BYTES: usize = 4 * 1024 * 1024;
/// How long a wait for records may keep the group waiting.
const WAIT_MS: i32 = 20;

/// Records gathered so far, by partition.
#[derive(Default)]
struct Gathered {
    batches: BTreeMap<u32, RawBatchBuilder>,
    records: usize,
    bytes: usize,
}

impl Gathered {
    fn is_enough(&self) -> bool {
        self.records >= POLL_RECORDS || self.bytes >= POLL_BYTES
    }
}

impl KafkaSource {
    /// Takes events and messages, the first with a wait, until there are no more or enough was gathered: at most one
    /// call's messages above it.
    pub(super) fn gather(&mut self, wait: Duration) {
        let mut gathered = Gathered::default();
        let mut left_ms = millis(wait);
        // While no partition is read only the group can have something to say.
        let idle = self.partitions.values().all(|state| state.next.is_none());
        let mut stop = self.take_events(if idle { left_ms } else { 0 }, &mut gathered);
        while !stop && !gathered.is_enough() {
            let some = gathered.records > 0;
            // In short waits, so that the group is not kept waiting by an empty topic.
            let wait_ms = if idle || some {
                0
            } else {
                left_ms.min(WAIT_MS)
            };
            left_ms -= wait_ms;
            let (some_came, told) = self.take_messages(wait_ms, &mut gathered);
            let dry = !some_came && (idle || some || left_ms == 0);
            stop = self.take_events(0, &mut gathered) || dry || (told && gathered.records == 0);
        }
        self.hand_over(&mut gathered);
    }

    /// Takes what the group and the client have to say; `true` when gathering must stop for it.
    fn take_events(&mut self, wait_ms: i32, gathered: &mut Gathered) -> bool {
        let mut wait_ms = wait_ms;
        while let Some(mut event) = self.events.poll(wait_ms) {
            wait_ms = 0;
            match event.kind() {
                Kind::Message(message) => self.take(&message, gathered),
                Kind::Log { .. } | Kind::Other => {}
                kind => {
                    self.hand_over(gathered);
                    if self.note(kind) {
                        return true;
                    }
                }
            }
        }
        false
    }

    /// Takes one call's messages; says whether there were any, and whether something was said of a partition.
    fn take_messages(&mut self, wait_ms: i32, gathered: &mut Gathered) -> (bool, bool) {
        let (messages, mut told) = (Arc::clone(&self.messages), false);
        let came = messages.take(wait_ms, &mut |kind| match kind {
            Kind::Message(message) => self.take(&message, gathered),
            kind => {
                told = true;
                self.hand_over(gathered);
                self.note(kind);
            }
        });
        (came, told)
    }

    fn hand_over(&mut self, gathered: &mut Gathered) {
        for (number, batch) in std::mem::take(&mut gathered.batches) {
            if let Some(state) = self.partitions.get_mut(&number) {
                state.room = state.room.after(&batch);
            }
            self.pending
                .push(Ok(SourceEvent::Batch(Batch::Raw(batch.finish()))));
        }
    }

    /// Adds a record to its batch.
    fn take(&mut self, message: &raw::Message<'_>, gathered: &mut Gathered) {
        gathered.records += 1;
        let (partition, offset) = message.place();
        let Ok(number) = u32::try_from(partition) else {
            return;
        };
        let Some(state) = self.partitions.get_mut(&number) else {
            return;
        };
        // Not wanted: from before a seek, or of a partition that is not started, or halted.
        if state.halted || state.next.is_none_or(|next| offset < next) {
            return;
        }
        state.next = Some(offset + 1);
        self.headers.clear();
        message.headers(&mut self.headers);
        let append_time = message
            .append_time_ms()
            .and_then(|time| time.checked_mul(1_000))
            .unwrap_or(NO_APPEND_TIME);
        let (key, value) = (message.key(), message.value());
        gathered.bytes += key.map_or(0, <[u8]>::len) + value.map_or(0, <[u8]>::len);
        let batch = gathered
            .batches
            .entry(number)
            .or_insert_with(|| RawBatchBuilder::with_room(number, state.room));
        batch.push(offset, append_time, key, value, &self.headers);
    }
}
