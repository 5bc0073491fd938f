//! `tollgate rule test`: the author's own tests, in virtual time, through the engine that runs live.

use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use rules::definition::{PACK_BYTES_MAX, SourceFile};
use rules::diagnostic::Position;
use rules::testcase::{self, TestResult};

use super::arguments::{Report, TestArgs};
use super::check::{Found, load_pack, report};
use super::run::failed;
use super::{Exit, Io};
use crate::finding::{Finding, SourceText};
use crate::pack;

pub(super) fn run(args: &TestArgs, io: &mut Io<'_>) -> io::Result<Exit> {
    let mut found = Found::default();
    let Some(rules) = load_pack(&args.pack, &mut found) else {
        report(&found, args.output, io)?;
        return Ok(Exit::Rule);
    };
    let Some(file) = tests_file(&args.pack, &mut found) else {
        report(&found, args.output, io)?;
        return Ok(Exit::Config);
    };
    let rules = Arc::new(rules);
    let suite = match testcase::parse(&file, &rules) {
        Ok(suite) => suite,
        Err(wrong) => {
            found.pack = wrong.into_iter().map(Finding::from).collect();
            report(&found, args.output, io)?;
            return Ok(Exit::Rule);
        }
    };
    let results = testcase::run(&rules, &suite);
    if let Some(path) = &args.junit
        && let Err(error) = std::fs::write(path, junit(&rules.pack, &file, &results))
    {
        writeln!(io.err, "error: write {}:", path.display())?;
        return failed(&error, Exit::Outside, io);
    }
    match args.output {
        Report::Text => text(&file, &results, io.out)?,
        Report::Json => json(&file, &results, io.out)?,
    }
    Ok(if results.iter().all(TestResult::passed) {
        Exit::Ok
    } else {
        Exit::Rule
    })
}

/// The tests beside a pack; a pack without any has nothing that could pass.
fn tests_file(pack: &Path, found: &mut Found) -> Option<SourceFile> {
    let file = pack::locate(pack).ok()?;
    let path = file.with_file_name(pack::TESTS_FILE);
    let name = path.display().to_string();
    match pack::read_text(&path, &name, PACK_BYTES_MAX) {
        Ok(file) => {
            found.texts.push(SourceText {
                file: file.name.clone(),
                text: file.text.clone(),
            });
            Some(file)
        }
        Err(finding) => {
            found.config.push(*finding);
            None
        }
    }
}

fn text(file: &SourceFile, results: &[TestResult], out: &mut dyn Write) -> io::Result<()> {
    for result in results {
        let word = if result.passed() { "ok  " } else { "FAIL" };
        writeln!(out, "{word}  {}", result.name)?;
        for failure in &result.failures {
            let place = Position::of(&file.text, failure.span.start);
            writeln!(out, "      {}:{}:{}", file.name, place.line, place.column)?;
            for line in failure.to_string().lines() {
                writeln!(out, "      {line}")?;
            }
        }
    }
    let passed = results.iter().filter(|result| result.passed()).count();
    let failed = results.len() - passed;
    writeln!(
        out,
        "\n{passed} of {} passed{}",
        results.len(),
        if failed > 0 {
            format!(", {failed} failed")
        } else {
            String::new()
        }
    )
}

fn json(file: &SourceFile, results: &[TestResult], out: &mut dyn Write) -> io::Result<()> {
    let failure = |failure: &testcase::Failure| {
        serde_json::json!({
            "file": file.name,
            "line": Position::of(&file.text, failure.span.start).line,
            "expected": failure.expected,
            "got": failure.got,
            "values": failure.values,
        })
    };
    let test = |result: &TestResult| {
        serde_json::json!({
            "name": result.name,
            "passed": result.passed(),
            "sends": result.sends,
            "failures": result.failures.iter().map(failure).collect::<Vec<_>>(),
        })
    };
    let passed = results.iter().filter(|result| result.passed()).count();
    let all = serde_json::json!({
        "passed": passed,
        "failed": results.len() - passed,
        "tests": results.iter().map(test).collect::<Vec<_>>(),
    });
    writeln!(out, "{all:#}")
}

/// The form continuous integration servers read.
fn junit(pack: &str, file: &SourceFile, results: &[TestResult]) -> String {
    let failed = results.iter().filter(|result| !result.passed()).count();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let (pack, count) = (escaped(pack), results.len());
    xml.push_str(&format!(
        "<testsuite name=\"{pack}\" tests=\"{count}\" failures=\"{failed}\">\n"
    ));
    for result in results {
        let line = Position::of(&file.text, result.span.start).line;
        let (name, path) = (escaped(&result.name), escaped(&file.name));
        xml.push_str(&format!(
            "  <testcase name=\"{name}\" classname=\"{pack}\" file=\"{path}\" line=\"{line}\">\n"
        ));
        for failure in &result.failures {
            let (message, body) = (escaped(&failure.expected), escaped(&failure.to_string()));
            xml.push_str(&format!(
                "    <failure message=\"{message}\">{body}</failure>\n"
            ));
        }
        xml.push_str("  </testcase>\n");
    }
    xml.push_str("</testsuite>\n");
    xml
}

/// Text as XML holds it; what XML cannot hold at all becomes a space.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}
