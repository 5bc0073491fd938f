//! This repository's own files as text, for the laws that are tested on them.
//!
//! The invariant: the list is sorted and holds only what belongs to the project, never build output.

use std::fs;
use std::path::{Path, PathBuf};

use crate::place;

/// The members of the workspace, in the order of its `Cargo.toml`.
pub const MEMBERS: [&str; 5] = ["rules", "connectors", "pipeline", "benches", "tests"];

/// A file of the project.
#[derive(Clone, Debug)]
pub struct Source {
    /// Its path from the workspace's root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// All files below a directory of the workspace with this ending (`.rs`), sorted by path.
///
/// # Panics
/// When one cannot be read.
#[must_use]
pub fn below(directory: &str, ending: &str) -> Vec<Source> {
    let root = place::root();
    let mut paths = Vec::new();
    collect(&root.join(directory), ending, &mut paths);
    paths.sort();
    let read = |path: PathBuf| Source {
        path: path
            .strip_prefix(&root)
            .expect("it lies in the workspace")
            .to_string_lossy()
            .into_owned(),
        text: fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display())),
    };
    paths.into_iter().map(read).collect()
}

/// Every Rust file of the workspace.
#[must_use]
pub fn rust() -> Vec<Source> {
    MEMBERS
        .iter()
        .flat_map(|member| below(member, ".rs"))
        .collect()
}

/// The text of a file, by its path from the workspace's root.
///
/// # Panics
/// When it cannot be read.
#[must_use]
pub fn text(path: &str) -> String {
    let full = place::root().join(path);
    fs::read_to_string(&full).unwrap_or_else(|error| panic!("{}: {error}", full.display()))
}

fn collect(directory: &Path, ending: &str, paths: &mut Vec<PathBuf>) {
    let entries =
        fs::read_dir(directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    for entry in entries {
        let path = entry.expect("a directory can be listed").path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, ending, paths);
            }
        } else if name.ends_with(ending) {
            paths.push(path);
        }
    }
}

/// The code of a Rust file: comments and the contents of string literals blanked, lines kept.
///
/// A scanner by hand, because laws about code must not trip over prose that mentions what is forbidden. Nested block
/// comments, raw strings and character literals are understood.
#[must_use]
pub fn code(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let end = match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'/')) => find(bytes, at, b"\n"),
            (b'/', Some(b'*')) => block_comment_end(bytes, at),
            (b'r', Some(b'"' | b'#')) if !is_word(bytes, at) => {
                raw_string_end(bytes, at).unwrap_or(at)
            }
            (b'"', _) => string_end(bytes, at),
            (b'\'', Some(_)) => char_end(bytes, at).unwrap_or(at),
            _ => at,
        };
        if end == at {
            out.push(bytes[at]);
            at += 1;
        } else {
            out.extend(
                bytes[at..end]
                    .iter()
                    .map(|byte| if *byte == b'\n' { b'\n' } else { b' ' }),
            );
            at = end;
        }
    }
    String::from_utf8(out).expect("blanks replace whole characters")
}

/// The code of a Rust file before its test module, which may do what the library may not; nothing of a test file.
#[must_use]
pub fn library_code(source: &Source) -> String {
    let mut code = code(&source.text);
    code.truncate(tests_begin(source, &code));
    code
}

/// The code of a Rust file that [`library_code`] leaves out.
#[must_use]
pub fn test_code(source: &Source) -> String {
    let code = code(&source.text);
    // As many empty lines before it, so that line numbers are those of the file.
    let (library, tests) = code.split_at(tests_begin(source, &code));
    "\n".repeat(library.matches('\n').count()) + tests
}

fn tests_begin(source: &Source, code: &str) -> usize {
    let path = &source.path;
    let all = path.starts_with("tests/") || path.contains("/tests/") || path.ends_with("tests.rs");
    // House order puts the tests last in a file.
    let module = || code.find("#[cfg(test)]\nmod tests {").unwrap_or(code.len());
    if all { 0 } else { module() }
}

fn is_word(bytes: &[u8], at: usize) -> bool {
    at > 0 && (bytes[at - 1].is_ascii_alphanumeric() || bytes[at - 1] == b'_')
}

fn find(bytes: &[u8], from: usize, wanted: &[u8]) -> usize {
    let found = bytes[from..]
        .windows(wanted.len())
        .position(|window| window == wanted);
    found.map_or(bytes.len(), |found| from + found)
}

fn block_comment_end(bytes: &[u8], from: usize) -> usize {
    let (mut at, mut depth) = (from, 0_usize);
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'/', Some(b'*')) => (depth, at) = (depth + 1, at + 2),
            (b'*', Some(b'/')) if depth == 1 => return at + 2,
            (b'*', Some(b'/')) => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
    }
    bytes.len()
}

fn raw_string_end(bytes: &[u8], from: usize) -> Option<usize> {
    let hashes = bytes[from + 1..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    (bytes.get(from + 1 + hashes) == Some(&b'"')).then(|| {
        let close = [b"\"".as_slice(), &vec![b'#'; hashes]].concat();
        let end = find(bytes, from + 2 + hashes, &close);
        (end + close.len()).min(bytes.len())
    })
}

fn string_end(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    (at + 1).min(bytes.len())
}

/// The end of a character literal, or nothing where the quote begins a lifetime.
fn char_end(bytes: &[u8], from: usize) -> Option<usize> {
    if bytes.get(from + 1) == Some(&b'\\') {
        return Some((find(bytes, from + 3, b"'") + 1).min(bytes.len()));
    }
    let text = std::str::from_utf8(&bytes[from + 1..]).ok()?;
    let end = from + 1 + text.chars().next()?.len_utf8();
    (bytes.get(end) == Some(&b'\'')).then_some(end + 1)
}

#[cfg(test)]
mod tests {
    use super::code;

    #[track_caller]
    fn check(text: &str, expected: &str) {
        assert_eq!(code(text), expected);
    }

    #[test]
    fn comments_and_strings_are_blank_and_lines_stay() {
        check("a // std::fs\nb", "a           \nb");
        check("a /* x /* y */ z */ b", "a                   b");
        check(r#"f("std::fs \" q") g"#, "f(              ) g");
        check("r#\"a \" b\"# c", "           c");
        check("bar\"x\"", "bar   ");
    }

    #[test]
    fn a_lifetime_is_not_a_character() {
        check("fn f<'a>(x: &'a str) {}", "fn f<'a>(x: &'a str) {}");
        check("x == '\"' && y", "x ==     && y");
        check(r"x == '\'' && y", r"x ==      && y");
    }
}
