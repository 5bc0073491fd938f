//! Durations, dates and windows.
//!
//! The idea: every span has a stated range, so that no arithmetic on the data path can overflow and no window can be empty.
//! The invariant: a window lies in the past and is at most [`WINDOW_MAX`] long.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::Checker;
use super::names::shown;
use crate::definition::{Text, WindowDefinition};
use crate::diagnostic::Code;
use crate::time::{Span, SpanError};
use crate::window::calendar::Period;
use crate::window::zone::Zone;
use crate::window::{HALF_LIVES, Window};

/// How far back a window may reach: ten years.
pub(super) const WINDOW_MAX: Span = Span::seconds(3_660 * 86_400);

/// Events a `{ last: n }` may name.
pub(super) const LAST_MAX: i64 = 10_000;

impl Checker<'_> {
    pub(super) fn span(&mut self, text: &Text) -> Option<Span> {
        let problem = match Span::parse(&text.text) {
            Ok(span) => return Some(span),
            Err(SpanError::Form(_)) => format!("{} is not a duration", shown(&text.text)),
            Err(SpanError::TooLong(_)) => format!("{} is longer than 100 years", shown(&text.text)),
        };
        let help = "write a whole number and a unit of us, ms, s, m, h, d or w, such as `10m`";
        self.findings
            .error(Code::BadDuration, text.span.clone(), problem)
            .help(help.to_owned());
        None
    }

    /// A date (its beginning, UTC) or a time, in microseconds since the epoch.
    pub(super) fn moment(&mut self, text: &Text) -> Option<i64> {
        let time = text.text.parse::<Timestamp>().ok().or_else(|| {
            let date: Date = text.text.parse().ok().filter(|_| text.text.len() == 10)?;
            Some(date.to_zoned(TimeZone::UTC).ok()?.timestamp())
        });
        if time.is_none() {
            let message = format!("{} is not a date", shown(&text.text));
            let help = "write `2026-12-31` or `2026-12-31T18:00:00Z`".to_owned();
            self.findings
                .error(Code::WrongValue, text.span.clone(), message)
                .help(help);
        }
        time.map(Timestamp::as_microsecond)
    }

    pub(super) fn window(&mut self, window: &WindowDefinition) -> Option<Window> {
        match window {
            WindowDefinition::Plain(text) if text.text == "forever" => Some(Window::Forever),
            WindowDefinition::Plain(text) => {
                let from = self.span(text)?;
                self.reach(text, from).then_some(Window::Sliding {
                    from,
                    to: Span::ZERO,
                })
            }
            WindowDefinition::Between { span, from, to } => {
                let (start, end) = (self.span(from), self.span(to));
                let (start, end) = (start?, end?);
                if !self.reach(from, start) {
                    return None;
                }
                if start <= end {
                    let message = format!(
                        "this window is empty: it begins {} ago and ends {} ago",
                        shown(&from.text),
                        shown(&to.text)
                    );
                    self.findings
                        .error(Code::BadWindow, span.clone(), message)
                        .help("`from` lies further back than `to`".to_owned());
                    return None;
                }
                Some(Window::Sliding {
                    from: start,
                    to: end,
                })
            }
            WindowDefinition::Last(text) => {
                let n = self.whole(text, "`last`", 1, LAST_MAX)?;
                Some(Window::Last {
                    n: u32::try_from(n).ok()?,
                })
            }
            WindowDefinition::Session(text) => {
                let gap = self.span(text)?;
                self.reach(text, gap).then_some(Window::Session { gap })
            }
            WindowDefinition::Calendar { period, zone } => {
                let (period, zone) = (self.period(period), self.zone(zone));
                Some(Window::Calendar {
                    period: period?,
                    zone: zone?,
                })
            }
            WindowDefinition::Decay(text) => {
                let half_life = self.span(text)?;
                self.half_life(text, half_life)
                    .then_some(Window::Decay { half_life })
            }
        }
    }

    fn period(&mut self, text: &Text) -> Option<Period> {
        let word = self.one_of(text, "`calendar`", &Period::ALL.map(Period::name))?;
        Period::ALL.into_iter().find(|period| period.name() == word)
    }

    fn zone(&mut self, text: &Text) -> Option<Zone> {
        let zone = Zone::find(&text.text);
        if zone.is_none() {
            let message = format!("unknown time zone {}", shown(&text.text));
            let usual =
                || "write a name of the IANA database, such as `Europe/Amsterdam`".to_owned();
            let help = self.findings.did_you_mean(&text.text, Zone::names());
            self.findings
                .error(Code::BadWindow, text.span.clone(), message)
                .help(help.unwrap_or_else(usual));
        }
        zone
    }

    /// Whether the window of this half-life is one.
    fn half_life(&mut self, text: &Text, half_life: Span) -> bool {
        let most = Span(WINDOW_MAX.0 / HALF_LIVES);
        let good = Span::ZERO < half_life && half_life <= most;
        if !good {
            let message = format!("{} is no half-life of a window", shown(&text.text));
            let help = format!(
                "write something from `1us` to `91d`; a window is {HALF_LIVES} half-lives long, at most ten years"
            );
            self.findings
                .error(Code::BadWindow, text.span.clone(), message)
                .help(help);
        }
        good
    }

    fn reach(&mut self, text: &Text, from: Span) -> bool {
        let message = if from == Span::ZERO {
            "a window of no time holds nothing".to_owned()
        } else if from > WINDOW_MAX {
            format!(
                "{} is more than the ten years a window may reach back",
                shown(&text.text)
            )
        } else {
            return true;
        };
        self.findings
            .error(Code::BadWindow, text.span.clone(), message)
            .help("write something from `1us` to `3660d`, or `forever`".to_owned());
        false
    }
}
