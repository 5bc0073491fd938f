//! Checks what bounds a rule's alerts: `once_per` per key, `at_most` over all.
//!
//! The invariant: both keep alerts back and nothing else; neither can be written so that no alert ever leaves.

use super::Checker;
use super::names::shown;
use crate::definition::Text;
use crate::diagnostic::Code;
use crate::ruleset::{AtMost, OncePer};
use crate::schema::Schema;
use crate::time::Span;

/// Alerts `at_most` may name: each is remembered for its span.
const AT_MOST_MAX: i64 = 100_000;

impl Checker<'_> {
    /// `merchant_id, 15m`: fields, then a duration.
    pub(super) fn once_per(&mut self, text: &Text, schema: &Schema) -> Option<OncePer> {
        let mut parts: Vec<Text> = Vec::new();
        let mut start = 0;
        for part in text.text.split(',') {
            let trimmed = part.trim();
            let begin = start + (part.len() - part.trim_start().len());
            let range = begin..begin + trimmed.len();
            parts.push(Text {
                text: trimmed.to_owned(),
                span: text.place(self.findings.text(), &range),
                ..text.clone()
            });
            start += part.len() + 1;
        }
        let (span, fields) = parts.split_last()?;
        let key: Vec<_> = fields
            .iter()
            .map(|field| self.field_named(field, schema))
            .collect();
        let span = self.span(span)?;
        Some(OncePer {
            key: key.into_iter().collect::<Option<_>>()?,
            span,
        })
    }

    /// `100/1h`: a count, then the span of event time it holds for.
    pub(super) fn at_most(&mut self, text: &Text) -> Option<AtMost> {
        let Some((count, span)) = text.text.split_once('/') else {
            let message = format!("{} is no limit of alerts", shown(&text.text));
            let help = "write a count and a duration, such as `100/1h`".to_owned();
            self.findings
                .error(Code::WrongValue, text.span.clone(), message)
                .help(help);
            return None;
        };
        let part = |part: &str| Text {
            text: part.trim().to_owned(),
            ..text.clone()
        };
        let count = self.whole(&part(count), "the count of `at_most`", 1, AT_MOST_MAX);
        let span = self.span(&part(span));
        if span == Some(Span::ZERO) {
            let message = "a limit over no time keeps nothing back";
            self.findings
                .error(Code::WrongValue, text.span.clone(), message);
            return None;
        }
        Some(AtMost {
            count: u32::try_from(count?).ok()?,
            span: span?,
        })
    }
}
