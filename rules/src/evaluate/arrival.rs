//! What the order of arrival says about time: who is late, and from when on nothing older is expected.
//!
//! The idea: each partition has the greatest event time taken from it; an event more than `max_lateness` before that
//! of its own partition is late. The *horizon* is the least of these, less `max_lateness`: no event in time comes
//! from before it, so state older than the horizon less the longest window can go. A partition more than
//! [`LAG_SPAN_MAX`] behind the greatest time of all no longer holds the horizon back, or one idle partition would keep
//! every window for ever; should it wake up, its events are decided from what is left and flagged approximate.
//! The invariant: all of it is a function of the events in the order taken, and the horizon never goes back.

use std::io;

use crate::snapshot::{Fault, Reader, Writer, sure};
use crate::time::{EventTime, Span};

/// How far a partition may be behind the furthest one and still hold the horizon back.
pub const LAG_SPAN_MAX: Span = Span::seconds(3_600);

/// The times taken so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Arrival {
    max_lateness: Span,
    /// Partition and the greatest time taken from it, by partition. There are few, so the least is found by walking.
    partitions: Vec<(u32, i64)>,
    greatest: EventTime,
    /// Least time of the partitions that hold back.
    least: i64,
    horizon: EventTime,
}

impl Arrival {
    pub(super) fn new(max_lateness: Span) -> Arrival {
        Arrival {
            max_lateness,
            partitions: Vec::new(),
            greatest: EventTime::MIN,
            least: i64::MIN,
            horizon: EventTime::MIN,
        }
    }

    /// Whether an event of this partition would be late.
    pub(super) fn is_late(&self, partition: u32, time: EventTime) -> bool {
        match self.find(partition) {
            Ok(at) => time < EventTime(self.partitions[at].1).before(self.max_lateness),
            Err(_) => false,
        }
    }

    /// Takes an event; duplicates are not taken.
    pub(super) fn take(&mut self, partition: u32, time: EventTime) {
        let advanced = match self.find(partition) {
            Ok(at) => {
                let taken = &mut self.partitions[at].1;
                let held_back = *taken == self.least;
                let advanced = time.0 > *taken;
                *taken = time.0.max(*taken);
                advanced && (held_back || time > self.greatest)
            }
            Err(at) => {
                self.partitions.insert(at, (partition, time.0));
                true
            }
        };
        if advanced {
            self.greatest = self.greatest.max(time);
            self.settle();
        }
    }

    /// The greatest time taken from any partition.
    pub(super) fn greatest(&self) -> EventTime {
        self.greatest
    }

    /// See the module.
    pub(super) fn horizon(&self) -> EventTime {
        self.horizon
    }

    /// Everything but the lateness, which the pack says.
    pub(super) fn save(&self, to: &mut Writer<'_>) -> io::Result<()> {
        for time in [self.greatest.0, self.least, self.horizon.0] {
            to.word(time.cast_unsigned())?;
        }
        to.word(self.partitions.len() as u64)?;
        self.partitions.iter().try_for_each(|(partition, taken)| {
            to.word(u64::from(*partition))?;
            to.word(taken.cast_unsigned())
        })
    }

    /// Back from [`Arrival::save`].
    pub(super) fn restore(max_lateness: Span, from: &mut Reader<'_>) -> Result<Arrival, Fault> {
        let mut arrival = Arrival::new(max_lateness);
        arrival.greatest = EventTime(from.word()?.cast_signed());
        arrival.least = from.word()?.cast_signed();
        arrival.horizon = EventTime(from.word()?.cast_signed());
        for _ in 0..from.count(2)? {
            let partition = from.number(u32::MAX.into(), "a partition is none")? as u32;
            let after = arrival.partitions.last();
            let in_order = after.is_none_or(|(before, _)| *before < partition);
            sure(in_order, "partitions are out of order")?;
            let taken = from.word()?.cast_signed();
            arrival.partitions.push((partition, taken));
        }
        Ok(arrival)
    }

    fn find(&self, partition: u32) -> Result<usize, usize> {
        self.partitions
            .binary_search_by_key(&partition, |(known, _)| *known)
    }

    fn settle(&mut self) {
        let held_from = self.greatest.before(LAG_SPAN_MAX).0;
        let holding = self.partitions.iter().map(|(_, taken)| *taken);
        self.least = holding
            .filter(|taken| *taken >= held_from)
            .min()
            .unwrap_or(self.greatest.0);
        let horizon = EventTime(self.least).before(self.max_lateness);
        self.horizon = self.horizon.max(horizon);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    fn at(seconds: i64) -> EventTime {
        EventTime(seconds * S)
    }

    #[test]
    fn late_is_measured_against_the_own_partition() {
        let mut arrival = Arrival::new(Span::seconds(10));
        assert!(!arrival.is_late(0, at(0)));
        arrival.take(0, at(100));
        for (partition, seconds, late) in [(0, 90, false), (0, 89, true), (1, 0, false)] {
            assert_eq!(arrival.is_late(partition, at(seconds)), late, "{seconds}");
        }
        // An older event does not take the partition back.
        arrival.take(0, at(50));
        assert!(arrival.is_late(0, at(89)));
    }

    #[test]
    fn the_horizon_waits_for_the_slowest_partition_but_not_for_ever() {
        let mut arrival = Arrival::new(Span::seconds(10));
        let mut horizons = Vec::new();
        for (partition, seconds) in [
            (0, 100),
            (1, 60), // a new partition does not take the horizon back
            (0, 200),
            (1, 150),
            (0, 3_750), // exactly an hour ahead: partition 1 still holds
            (0, 3_751), // and now no longer
            (1, 151),
        ] {
            arrival.take(partition, at(seconds));
            horizons.push(arrival.horizon().0 / S);
        }
        assert_eq!(horizons, [90, 90, 90, 140, 140, 3_741, 3_741]);
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let mut arrival = Arrival::new(Span::seconds(10));
        arrival.take(0, EventTime(i64::MIN + 1));
        arrival.take(0, EventTime(i64::MAX));
        assert!(arrival.is_late(0, EventTime(0)));
    }
}
