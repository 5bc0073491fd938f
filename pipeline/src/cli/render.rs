//! How findings are shown: for people with the line, a caret and what to do; for programs as JSON.

use std::io::{self, Write};
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::finding::{Finding, Severity, SourceText};

/// Lines longer than this are cut around the caret by the renderer.
const WIDTH: usize = 120;

/// Lines that are more than this together are not shown, only named: cutting them takes the renderer too long.
const SHOWN_BYTES_MAX: usize = 16 << 10;

/// Writes findings for people.
///
/// # Errors
/// When `out` cannot be written to.
pub fn text(
    findings: &[Finding],
    texts: &[SourceText],
    color: bool,
    out: &mut dyn Write,
) -> io::Result<()> {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    }
    .term_width(WIDTH);
    for finding in findings {
        let text = texts.iter().find(|text| text.file == finding.file);
        writeln!(out, "{}\n", one(finding, text, &renderer))?;
    }
    Ok(())
}

fn one(finding: &Finding, text: Option<&SourceText>, renderer: &Renderer) -> String {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let id = finding.code.id();
    let more = format!("for more: tollgate explain {id}");
    let notes = || {
        let help = finding
            .help
            .as_deref()
            .map(|help| Level::HELP.message(help));
        help.into_iter().chain([Level::NOTE.message(more.as_str())])
    };
    // A finding about a file as a whole has no place to point at.
    let Some(text) = text.filter(|text| !text.text.is_empty()) else {
        let title = format!("{}: {}", finding.file, finding.message);
        return renderer.render(&[level.primary_title(title).id(id).elements(notes())]);
    };
    let end = finding.span.end.min(text.text.len());
    let start = finding.span.start.min(end);
    let shown = lines_around(&text.text, start..end);
    if shown.len() > SHOWN_BYTES_MAX {
        let (line, column) = finding.position(&text.text);
        let title = format!("{}:{line}:{column}: {}", finding.file, finding.message);
        return renderer.render(&[level.primary_title(title).id(id).elements(notes())]);
    }
    let mut mark = AnnotationKind::Primary.span(start - shown.start..end - shown.start);
    if !finding.label.is_empty() {
        mark = mark.label(finding.label.as_str());
    }
    let above = text.text.as_bytes().iter().take(shown.start);
    let snippet = Snippet::source(text.text.get(shown).unwrap_or_default())
        .line_start(1 + above.filter(|byte| **byte == b'\n').count())
        .path(text.file.as_str())
        .annotation(mark);
    renderer.render(&[level
        .primary_title(finding.message.as_str())
        .id(id)
        .element(snippet)
        .elements(notes())])
}

/// The whole lines a place stands on. The renderer looks at all it is given, once per finding, and a text may have a
/// mebibyte and a thousand findings.
fn lines_around(text: &str, place: Range<usize>) -> Range<usize> {
    let before = text.get(..place.start).and_then(|text| text.rfind('\n'));
    let behind = text.get(place.end..).and_then(|text| text.find('\n'));
    let start = before.map_or(0, |at| at + 1);
    start..behind.map_or(text.len(), |at| place.end + at + 1)
}

/// Findings for programs: one JSON object.
#[must_use]
pub fn value(findings: &[Finding], texts: &[SourceText]) -> serde_json::Value {
    let object = |finding: &Finding| {
        let text = texts.iter().find(|text| text.file == finding.file);
        let place = text.map(|text| finding.position(&text.text));
        serde_json::json!({
            "code": finding.code.id(),
            "name": finding.code.name(),
            "severity": finding.severity.name(),
            "file": finding.file,
            "line": place.map(|(line, _)| line),
            "column": place.map(|(_, column)| column),
            "start": finding.span.start,
            "end": finding.span.end,
            "message": finding.message,
            "label": finding.label,
            "help": finding.help,
        })
    };
    let count = |severity| {
        findings
            .iter()
            .filter(|finding| finding.severity == severity)
            .count()
    };
    serde_json::json!({
        "findings": findings.iter().map(object).collect::<Vec<_>>(),
        "errors": count(Severity::Error),
        "warnings": count(Severity::Warning),
    })
}
