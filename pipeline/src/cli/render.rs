//! How findings are shown: for people with the line, a caret and what to do; for programs as JSON.

use std::io::{self, Write};

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

use crate::finding::{Finding, Severity, SourceText};

/// Lines longer than this are cut around the caret by the renderer.
const WIDTH: usize = 120;

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
    let mut mark = AnnotationKind::Primary.span(start..end);
    if !finding.label.is_empty() {
        mark = mark.label(finding.label.as_str());
    }
    let snippet = Snippet::source(text.text.as_str())
        .path(text.file.as_str())
        .annotation(mark);
    renderer.render(&[level
        .primary_title(finding.message.as_str())
        .id(id)
        .element(snippet)
        .elements(notes())])
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
