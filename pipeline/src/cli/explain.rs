//! `tollgate explain E0102`: the page of an error code, whichever part of the project owns it.

use std::io;

use connectors::reject::RejectCode;
use rules::diagnostic::{Code as PackCode, suggest};

use super::{Exit, Io};
use crate::error_code::Code;

/// A code with its page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Page {
    /// `E0102`.
    pub(super) id: &'static str,
    /// `unknown_key`.
    pub(super) name: &'static str,
    /// Markdown.
    pub(super) text: &'static str,
}

impl Page {
    /// The page's first line without its mark and code.
    pub(super) fn title(&self) -> &'static str {
        let line = self
            .text
            .lines()
            .find(|line| !line.trim().is_empty())
            .unwrap_or_default();
        let line = line.trim_start_matches('#').trim_start();
        let line = line.strip_prefix(self.id).unwrap_or(line);
        line.trim_start_matches([':', '-', '–', ' '])
    }
}

/// Every code there is, in the order of its number: packs, records, configurations.
pub(super) fn pages() -> Vec<Page> {
    let packs = PackCode::ALL.iter().map(|code| Page {
        id: code.id(),
        name: code.name(),
        text: code.page(),
    });
    let records = RejectCode::ALL.iter().map(|code| Page {
        id: code.id(),
        name: code.name(),
        text: code.page(),
    });
    let configs = Code::ALL.iter().map(|code| Page {
        id: code.id(),
        name: code.name(),
        text: code.page(),
    });
    let mut all: Vec<Page> = packs.chain(records).chain(configs).collect();
    all.sort_by_key(|page| page.id);
    all
}

/// The page of a code, by number or by name.
pub(super) fn find(wanted: &str) -> Option<Page> {
    let same = |page: &Page| {
        page.id.eq_ignore_ascii_case(wanted) || page.name.eq_ignore_ascii_case(wanted)
    };
    pages().into_iter().find(same)
}

pub(super) fn run(wanted: &str, io: &mut Io<'_>) -> io::Result<Exit> {
    if let Some(page) = find(wanted.trim()) {
        writeln!(io.out, "{}", page.text.trim_end())?;
        return Ok(Exit::Ok);
    }
    let shown: String = wanted
        .chars()
        .filter(|c| !c.is_control())
        .take(40)
        .collect();
    writeln!(io.err, "error: there is no code `{shown}`")?;
    let pages = pages();
    let known = pages.iter().flat_map(|page| [page.id, page.name]);
    match suggest::nearest(wanted, known) {
        Some(near) => writeln!(io.err, "help: did you mean `{near}`?")?,
        None => writeln!(io.err, "help: `tollgate list errors` lists them all")?,
    }
    Ok(Exit::Config)
}
