//! What a stream is to be like.
//!
//! The idea: density is in event time. How much wall time the stream takes is the business of who hands it over, so a
//! stream is the same at any pace.

use super::{DAY_SECONDS, SECOND};

/// What stream to make.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Everything else follows from it.
    pub seed: u64,
    /// Cards there are.
    pub cards: u32,
    /// Merchants there are.
    pub merchants: u32,
    /// Share of swipes that are fraud, about; spaces the incidents unless `incident_gap_micros` does.
    pub fraud: f64,
    /// Event time at which the stream proper begins; a history lies before it.
    pub start_time_micros: i64,
    /// Ordinary swipes per second of event time. A card swipes about twice a day in life, so 2 · cards / 86,400 is
    /// natural; much more makes every card a velocity case.
    pub swipes_per_second: f64,
    /// What came before.
    pub history: Option<History>,
    /// Event time between the starts of two incidents of the stream proper; by the share of fraud when absent.
    pub incident_gap_micros: Option<i64>,
    /// How long an incident may last in the stream proper: a longer one is compressed to this. In life they take up
    /// to two hours.
    pub incident_span_micros: Option<i64>,
    /// Every twentieth swipe is handed over late by up to this much event time; zero for none.
    pub disorder_micros: i64,
}

/// Weeks of habits before the stream proper.
#[derive(Clone, Debug, PartialEq)]
pub struct History {
    /// How long before.
    pub days: u32,
    /// The first so many cards take part; incidents of the stream proper befall these.
    pub cards: u32,
    /// How often each of them swipes.
    pub swipes_per_card_day: f64,
    /// Share of swipes that are fraud, about.
    pub fraud: f64,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            seed: 7,
            cards: 20_000,
            merchants: 1_000,
            fraud: 0.01,
            // 2026-01-01T00:00:00Z
            start_time_micros: 1_767_225_600 * SECOND,
            swipes_per_second: 2.0 * 20_000.0 / DAY_SECONDS,
            history: None,
            incident_gap_micros: None,
            incident_span_micros: None,
            disorder_micros: 0,
        }
    }
}

impl Config {
    /// A stream in which each kind of fraud happens every few seconds of event time, after 45 days of habits (about
    /// 67,000 swipes) of the cards it befalls. Most ordinary swipes are of cards that are seen once, as in a stream of
    /// millions of cards, so that none of them is a case.
    #[must_use]
    pub fn demo(seed: u64, start_time_micros: i64) -> Config {
        Config {
            seed,
            cards: 4_000_000,
            merchants: 60_000,
            fraud: 0.02,
            start_time_micros,
            swipes_per_second: 500.0,
            history: Some(History {
                days: 45,
                cards: 1_500,
                swipes_per_card_day: 1.0,
                fraud: 0.0,
            }),
            incident_gap_micros: Some(SECOND),
            incident_span_micros: Some(3 * SECOND),
            disorder_micros: 0,
        }
    }

    /// The natural density of a number of cards, in swipes per second of event time.
    #[must_use]
    pub fn natural_density(cards: u32) -> f64 {
        2.0 * f64::from(cards) / DAY_SECONDS
    }
}
