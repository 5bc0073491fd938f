//! The traffic of the demo: a thread that appends swipes to the log as they happen.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use connectors::embedded::{EmbeddedError, EmbeddedLog};
use connectors::generate::{Config, Event, Generator};

use super::super::generate::record;
use super::TOPIC;
use crate::clock::Clock;
use crate::shutdown::Shutdown;

/// Swipes appended at a time: the weeks of habits come as fast as they can be taken.
const BATCH_RECORDS: usize = 2_048;

/// How long to wait when no swipe is due.
const NAP: Duration = Duration::from_millis(5);

/// Starts the thread; it ends with the shutdown.
pub(super) fn start(
    log: EmbeddedLog,
    seed: u64,
    begin_us: i64,
    clock: Arc<dyn Clock>,
    shutdown: Shutdown,
) -> io::Result<JoinHandle<Result<(), EmbeddedError>>> {
    let feed = move || {
        let mut generator = Generator::new(Config::demo(seed, begin_us));
        let mut ahead: Option<Event> = None;
        while !shutdown.requested() {
            let now = clock.wall_us();
            let mut batch = Vec::new();
            while batch.len() < BATCH_RECORDS {
                let event = ahead.take().unwrap_or_else(|| generator.next_event());
                if event.time_micros > now {
                    ahead = Some(event);
                    break;
                }
                batch.push(record(&event));
            }
            if batch.is_empty() {
                std::thread::sleep(NAP);
                continue;
            }
            log.append(TOPIC, &batch)?;
        }
        Ok(())
    };
    std::thread::Builder::new()
        .name("traffic".to_owned())
        .spawn(feed)
}
