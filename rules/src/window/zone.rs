//! Time zones: what the clocks of a place show at each instant.
//!
//! The idea: a zone is a short table of instants at which its offset from UTC changes, read once out of the IANA data
//! that `jiff` has built in; no file of the machine is looked at, so a pack means the same on every one. The invariant:
//! a table covers all instants; before 1900 and from 2200 on the offset at that end holds.

use std::sync::{LazyLock, OnceLock};

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use crate::time::{EventTime, MICROS_PER_SECOND};

/// 1900-01-01T00:00:00Z in seconds.
const FIRST: i64 = -2_208_988_800;

/// 2200-01-01T00:00:00Z in seconds.
const END: i64 = 7_258_118_400;

/// A zone of the IANA database: its place in the list of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Zone(u16);

/// A name and, once somebody asks, its table.
struct Entry {
    name: String,
    offsets: OnceLock<Offsets>,
}

/// All zones in order of their names. A memo of what is constant: nothing that comes out depends on who filled it.
static ZONES: LazyLock<Vec<Entry>> = LazyLock::new(|| {
    let database = TimeZoneDatabase::bundled();
    let mut names: Vec<String> = database.available().map(|name| name.to_string()).collect();
    names.sort_unstable();
    names.dedup();
    let entry = |name| Entry {
        name,
        offsets: OnceLock::new(),
    };
    names.into_iter().map(entry).collect()
});

impl Zone {
    /// The zone of this name, letters as the database writes them: `Europe/Amsterdam`.
    #[must_use]
    pub fn find(name: &str) -> Option<Zone> {
        let at = ZONES.binary_search_by(|entry| entry.name.as_str().cmp(name));
        u16::try_from(at.ok()?).ok().map(Zone)
    }

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        ZONES
            .get(usize::from(self.0))
            .map_or("", |entry| entry.name.as_str())
    }

    /// The names of all zones, in order.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ZONES.iter().map(|entry| entry.name.as_str())
    }

    /// Its table.
    pub(super) fn offsets(self) -> &'static Offsets {
        static NONE: Offsets = Offsets(Vec::new());
        let Some(entry) = ZONES.get(usize::from(self.0)) else {
            return &NONE;
        };
        entry.offsets.get_or_init(|| Offsets::read(&entry.name))
    }
}

/// A stretch of time with one offset; all in microseconds.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    /// Where it begins.
    from: i64,
    /// Local time less UTC.
    offset: i64,
    /// The latest local time shown before it.
    before: i64,
}

/// The table of a zone.
#[derive(Debug)]
pub(super) struct Offsets(Vec<Stretch>);

impl Offsets {
    fn read(name: &str) -> Offsets {
        let database = TimeZoneDatabase::bundled();
        let zone = database.get(name).unwrap_or(TimeZone::UTC);
        let second = |second| Timestamp::from_second(second).unwrap_or(Timestamp::UNIX_EPOCH);
        let micros = |offset: jiff::tz::Offset| i64::from(offset.seconds()) * MICROS_PER_SECOND;
        let mut offsets = Offsets(vec![Stretch {
            from: i64::MIN,
            offset: micros(zone.to_offset(second(FIRST))),
            before: i64::MIN,
        }]);
        for change in zone.following(second(FIRST)) {
            if change.timestamp() >= second(END) {
                break;
            }
            offsets.add(change.timestamp().as_microsecond(), micros(change.offset()));
        }
        offsets
    }

    fn add(&mut self, from: i64, offset: i64) {
        if let Some(last) = self.0.last().filter(|last| last.offset != offset) {
            let shown = from.saturating_add(last.offset).saturating_sub(1);
            let before = shown.max(last.before);
            self.0.push(Stretch {
                from,
                offset,
                before,
            });
        }
    }

    /// The latest local time that the clocks have shown up to `t`. Clocks that are set back show it again, so that it
    /// never falls.
    pub(super) fn latest(&self, t: EventTime) -> i64 {
        let at = self.0.partition_point(|stretch| stretch.from <= t.0);
        let stretch = self.0.get(at.saturating_sub(1));
        stretch.map_or(t.0, |s| t.0.saturating_add(s.offset).max(s.before))
    }

    /// The first instant at which the clocks show this local time or a later one.
    pub(super) fn first(&self, local: i64) -> EventTime {
        let at = self.0.partition_point(|stretch| stretch.before < local);
        let stretch = self.0.get(at.saturating_sub(1));
        EventTime(stretch.map_or(local, |s| local.saturating_sub(s.offset).max(s.from)))
    }
}
