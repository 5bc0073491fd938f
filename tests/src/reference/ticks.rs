//! What time is in a random stream: a tick is a microsecond, or minutes to a day where the clocks of some place are set;
//! and the random windows and functions that are measured in ticks.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rules::aggregate::Aggregate;
use rules::time::Span;
use rules::window::Window;
use rules::window::calendar::Period;
use rules::window::zone::Zone;

/// How the ticks of a stream are times.
#[derive(Clone, Copy, Debug)]
pub struct Ticks {
    /// The time of tick 0.
    base: i64,
    /// Microseconds.
    length: i64,
    /// Where clocks are set then.
    zone: &'static str,
}

/// Around these times clocks are set at these places, or a month begins.
const SWITCHES: [(&str, &str); 8] = [
    ("2026-03-28T23:00:00Z", "Europe/Amsterdam"),
    ("2026-10-24T22:00:00Z", "Europe/Amsterdam"),
    ("2018-11-04T03:00:00Z", "America/Sao_Paulo"),
    ("2018-02-18T02:00:00Z", "America/Sao_Paulo"),
    ("2010-11-07T02:30:00Z", "America/St_Johns"),
    ("2011-12-30T10:00:00Z", "Pacific/Apia"),
    ("1969-12-31T18:30:00Z", "Asia/Kathmandu"),
    ("2024-02-29T00:00:00Z", "UTC"),
];

impl Ticks {
    pub(super) fn new(rng: &mut ChaCha8Rng) -> Ticks {
        if rng.random_bool(0.6) {
            return Ticks {
                base: 0,
                length: 1,
                zone: SWITCHES[0].1,
            };
        }
        let (switch, zone) = SWITCHES[rng.random_range(0..SWITCHES.len())];
        let switch: jiff::Timestamp = switch.parse().unwrap_or_default();
        let minutes = [20, 60, 60, 180, 720, 1440][rng.random_range(0..6)];
        Ticks {
            // Half of the time some events are exactly at a boundary.
            base: switch.as_microsecond() + rng.random_range(-1..2) * rng.random_range(0..2),
            length: minutes * 60_000_000,
            zone,
        }
    }

    /// The time of a tick; the least stays what it is.
    #[must_use]
    pub fn time(self, tick: i64) -> i64 {
        match tick {
            i64::MIN => tick,
            _ => self.base + tick * self.length,
        }
    }

    pub(super) fn span(self, ticks: i64) -> Span {
        Span(ticks * self.length)
    }

    /// Back from [`Ticks::span`].
    #[must_use]
    pub fn count(self, span: Span) -> i64 {
        span.0 / self.length
    }
}

/// A function, and the parameter of one that has one.
pub(super) fn aggregate(ticks: Ticks, rng: &mut ChaCha8Rng) -> Aggregate {
    match Aggregate::ALL[rng.random_range(0..Aggregate::ALL.len())] {
        Aggregate::Quantile { .. } => Aggregate::Quantile {
            millionths: [0, 1, 250_000, 333_333, 950_000, 1_000_000][rng.random_range(0..6)],
        },
        Aggregate::TopK { .. } => Aggregate::TopK {
            k: rng.random_range(1..5),
        },
        Aggregate::Ewma { .. } => Aggregate::Ewma {
            half_life: ticks.span(rng.random_range(1..30)),
        },
        other => other,
    }
}

/// One that time alone cuts, with more events than a small key holds now and then; half of them end before their event.
pub(super) fn sliding(ticks: Ticks, rng: &mut ChaCha8Rng) -> Window {
    let longest = [40, 40, 400][rng.random_range(0..3)];
    let from = rng.random_range(1..longest);
    let to = match rng.random() {
        true => rng.random_range(0..from),
        false => 0,
    };
    Window::Sliding {
        from: ticks.span(from),
        to: ticks.span(to),
    }
}

/// One of any kind.
pub(super) fn window(ticks: Ticks, rng: &mut ChaCha8Rng) -> Window {
    let from = rng.random_range(1..40);
    match rng.random_range(0..14) {
        0 => Window::Forever,
        1 => Window::Last {
            n: rng.random_range(1..6),
        },
        2 | 3 => Window::Sliding {
            from: ticks.span(from),
            to: ticks.span(rng.random_range(0..from)),
        },
        4..7 => Window::Session {
            gap: ticks.span([1, 2, 3, 5, 8, 20][rng.random_range(0..6)]),
        },
        7..9 => {
            let period = Period::ALL[rng.random_range(0..3)];
            let zone = match rng.random() {
                true => ticks.zone,
                false => SWITCHES[rng.random_range(0..SWITCHES.len())].1,
            };
            let zone = Zone::find(zone);
            zone.map_or(Window::Forever, |zone| Window::Calendar { period, zone })
        }
        9 => Window::Decay {
            half_life: match ticks.length {
                // The window, 40 half-lives, ends within the stream now and then.
                1 => Span(rng.random_range(1..6)),
                length => Span(length * rng.random_range(1..300) / 100),
            },
        },
        _ => Window::Sliding {
            from: ticks.span(from),
            to: Span::ZERO,
        },
    }
}
