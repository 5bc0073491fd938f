//! Event time and spans of it: newtypes over microseconds, so that a count of seconds is never taken for one.
//!
//! The invariant: nothing here reads a clock. An [`EventTime`] comes out of an event, a [`Span`] out of a pack.

use std::fmt;

/// Microseconds in a second.
pub const MICROS_PER_SECOND: i64 = 1_000_000;

/// The longest span a pack may name: 100 years. Keeps every sum of a time and a span inside `i64`.
pub const SPAN_MAX: Span = Span(100 * 366 * 86_400 * MICROS_PER_SECOND);

/// When an event happened, in microseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventTime(pub i64);

impl EventTime {
    /// Before every event.
    pub const MIN: EventTime = EventTime(i64::MIN);

    /// This time less a span; saturates, so that [`EventTime::MIN`] stays itself.
    #[must_use]
    pub fn before(self, span: Span) -> EventTime {
        EventTime(self.0.saturating_sub(span.0))
    }
}

/// A length of event time in microseconds, never negative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span(pub i64);

/// Why a text is not a span.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpanError {
    /// Not digits followed by a unit.
    #[error(
        "`{0}` is not a duration; write a whole number and a unit of us, ms, s, m, h, d or w, such as `10m`"
    )]
    Form(String),
    /// Longer than [`SPAN_MAX`].
    #[error("`{0}` is longer than 100 years")]
    TooLong(String),
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// A span of whole seconds.
    #[must_use]
    pub const fn seconds(seconds: i64) -> Span {
        Span(seconds * MICROS_PER_SECOND)
    }

    /// Reads `10m`, `90d`, `1h30m`: one or more whole numbers, each with its unit.
    ///
    /// # Errors
    /// [`SpanError`] when the text has another form or names more than 100 years.
    pub fn parse(text: &str) -> Result<Span, SpanError> {
        let form = || SpanError::Form(text.to_owned());
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(form());
        }
        let mut total = 0i64;
        while !rest.is_empty() {
            let digits = rest.find(|c: char| !c.is_ascii_digit()).ok_or_else(form)?;
            let (number, tail) = rest.split_at(digits);
            let letters = tail
                .find(|c: char| !c.is_ascii_alphabetic())
                .unwrap_or(tail.len());
            let (unit, tail) = tail.split_at(letters);
            if number.is_empty() {
                return Err(form());
            }
            let scale = micros_per_unit(unit).ok_or_else(form)?;
            let part = number
                .parse::<i64>()
                .ok()
                .and_then(|n| n.checked_mul(scale));
            total = part
                .and_then(|part| total.checked_add(part))
                .filter(|total| *total <= SPAN_MAX.0)
                .ok_or_else(|| SpanError::TooLong(text.to_owned()))?;
            rest = tail;
        }
        Ok(Span(total))
    }
}

fn micros_per_unit(unit: &str) -> Option<i64> {
    Some(match unit {
        "us" => 1,
        "ms" => 1_000,
        "s" => MICROS_PER_SECOND,
        "m" => 60 * MICROS_PER_SECOND,
        "h" => 3_600 * MICROS_PER_SECOND,
        "d" => 86_400 * MICROS_PER_SECOND,
        "w" => 7 * 86_400 * MICROS_PER_SECOND,
        _ => return None,
    })
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(&str, i64); 7] = [
            ("w", 604_800_000_000),
            ("d", 86_400_000_000),
            ("h", 3_600_000_000),
            ("m", 60_000_000),
            ("s", 1_000_000),
            ("ms", 1_000),
            ("us", 1),
        ];
        let unit = UNITS
            .iter()
            .find(|(_, scale)| self.0 % scale == 0 && self.0 >= *scale);
        match unit {
            Some((unit, scale)) => write!(f, "{}{unit}", self.0 / scale),
            None => write!(f, "0s"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_and_written() {
        for (text, micros) in [
            ("10m", 600_000_000),
            ("1h30m", 5_400_000_000),
            ("90d", 7_776_000_000_000),
            ("5us", 5),
        ] {
            assert_eq!(Span::parse(text), Ok(Span(micros)), "{text}");
        }
        assert_eq!(
            Span::parse("90d").map(|s| s.to_string()),
            Ok("90d".to_owned())
        );
        assert_eq!(Span(0).to_string(), "0s");
    }

    #[test]
    fn what_is_not_a_span_is_refused() {
        for text in ["", "10", "m", "5 parsecs", "-3m", "1.5h", "10m3"] {
            assert_eq!(
                Span::parse(text),
                Err(SpanError::Form(text.to_owned())),
                "{text}"
            );
        }
        assert_eq!(
            Span::parse("9999999999d"),
            Err(SpanError::TooLong("9999999999d".to_owned()))
        );
        assert_eq!(
            Span::parse("99999999999999999999s"),
            Err(SpanError::TooLong("99999999999999999999s".to_owned()))
        );
    }
}
