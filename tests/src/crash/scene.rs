//! A scene: an application with events coming in, which something happens to, and what must hold in the end.
//!
//! The invariant: it is valid only if the paths it is for were taken, as the application itself tells.

use std::time::Duration;

use super::checker::Dump;
use super::{Feeder, Pack, Rare, Site, check};
use crate::place;
use crate::process::Running;
use crate::topic::Reader;

const DEADLINE: Duration = Duration::from_secs(240);
const SEED: u64 = 20_261_121;

/// An application with events coming in.
pub struct Scene {
    /// The application.
    pub site: Site,
    feeder: Feeder,
    reader: Reader,
    /// The paths it took.
    pub rare: Rare,
    address: String,
}

impl std::fmt::Debug for Scene {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scene")
            .field("site", &self.site)
            .finish_non_exhaustive()
    }
}

impl Scene {
    /// Makes its topics and lets events come; see [`Site::new`].
    ///
    /// # Panics
    /// When that cannot be done.
    #[must_use]
    pub fn new(address: &str, reached: &str, app: &str, delivery: &str, properties: &str) -> Scene {
        let site = Site::new(address, reached, app, delivery, properties);
        Scene {
            feeder: Feeder::start(address, &format!("{app}-in"), SEED),
            reader: Reader::new(address, &format!("{app}-out")),
            site,
            rare: Rare::default(),
            address: address.to_owned(),
        }
    }

    /// Waits until so many more decisions are there to be read.
    pub fn decides(&mut self, more: usize) {
        for _ in 0..more {
            let _ = self.reader.next(DEADLINE);
        }
    }

    /// Lets it catch up, stops it, and compares all there is; the paths named must have been taken.
    ///
    /// # Panics
    /// When something is not as it must be.
    pub fn end(mut self, running: Running, wanted: &[&'static str]) {
        let appended = self.feeder.stop();
        self.site.caught_up(&self.address, DEADLINE);
        let ended = self.site.stop(running);
        self.rare.read(&ended);
        let findings = check(&Dump::read(&self.address, &self.site.app), Pack::TwoKeys);
        let app = &self.site.app;
        place::told(&format!(
            "{app}: {appended} records appended; {}\n{findings}",
            self.rare
        ));
        assert!(findings.is_clean(), "{findings}");
        assert_eq!(findings.compared + findings.dead_letters, appended);
        let missing = self.rare.missing(wanted);
        assert!(
            missing.is_empty(),
            "the run is invalid, not taken: {missing:?}; {}",
            self.rare
        );
    }
}
