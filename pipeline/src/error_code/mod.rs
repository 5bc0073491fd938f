//! The list of everything that can be wrong with a configuration: one variant, one line in [`Code::ALL`], one page.
//!
//! The idea: what is wrong with a pack has codes of its own in `rules`, what is wrong with a record in `connectors`;
//! `tollgate explain` looks a code up in all three. The invariant, held by a test: no code comes twice, and every page
//! here belongs to a variant.

/// Every kind of finding about a configuration. What concerns YAML itself has the codes of packs (E0101 to E0106).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// E1001: a file that cannot be read.
    Unreadable,
    /// E1002: a key nobody knows.
    UnknownKey,
    /// E1003: a value of the wrong kind.
    WrongValue,
    /// E1004: a key is missing.
    MissingKey,
    /// E1005: a duration, rate or number that is none, or out of range.
    OutOfRange,
    /// E1006: a name of a form that is not allowed.
    BadName,
    /// E1007: none or several where exactly one is wanted.
    NotExactlyOne,
    /// E1008: `${env:…}` or `${file:…}` that cannot be filled in.
    Substitution,
    /// E1009: a secret file that others can read.
    InsecureFile,
    /// E1010: a secret written into the configuration.
    InlineSecret,
    /// E1011: a property of the Kafka client that may not be set.
    Property,
    /// E1012: brokers that are no addresses, or reached without encryption.
    Brokers,
    /// E1013: an output that is the input.
    Cycle,
    /// E1014: two streams with one output.
    SharedOutput,
    /// E1015: an address that others can reach.
    NotLoopback,
    /// E1016: a pack that is not there.
    NoPack,
    /// E1017: known, but not supported yet.
    NotYet,
    /// E1018: a file of a kind nobody reads or writes.
    FileKind,
    /// E1019: exactly once where it cannot be had.
    Promise,
    /// E1020: a pack whose state is not of one partition, where instances share the partitions.
    NotShareable,
}

impl Code {
    /// Every code, in the order of its number.
    pub const ALL: [Code; 20] = [
        Code::Unreadable,
        Code::UnknownKey,
        Code::WrongValue,
        Code::MissingKey,
        Code::OutOfRange,
        Code::BadName,
        Code::NotExactlyOne,
        Code::Substitution,
        Code::InsecureFile,
        Code::InlineSecret,
        Code::Property,
        Code::Brokers,
        Code::Cycle,
        Code::SharedOutput,
        Code::NotLoopback,
        Code::NoPack,
        Code::NotYet,
        Code::FileKind,
        Code::Promise,
        Code::NotShareable,
    ];

    /// What one quotes: `E1002`.
    #[must_use]
    pub fn id(self) -> &'static str {
        self.entry().0
    }

    /// The same for a program to compare: `config.unknown_key`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.entry().1
    }

    /// The page `tollgate explain E1002` prints, in Markdown.
    #[must_use]
    pub fn page(self) -> &'static str {
        self.entry().2
    }

    /// One line per code; one without a page does not compile.
    fn entry(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Code::Unreadable => ("E1001", "config.unreadable", include_str!("E1001.md")),
            Code::UnknownKey => ("E1002", "config.unknown_key", include_str!("E1002.md")),
            Code::WrongValue => ("E1003", "config.wrong_value", include_str!("E1003.md")),
            Code::MissingKey => ("E1004", "config.missing_key", include_str!("E1004.md")),
            Code::OutOfRange => ("E1005", "config.out_of_range", include_str!("E1005.md")),
            Code::BadName => ("E1006", "config.bad_name", include_str!("E1006.md")),
            Code::NotExactlyOne => ("E1007", "config.not_exactly_one", include_str!("E1007.md")),
            Code::Substitution => ("E1008", "config.substitution", include_str!("E1008.md")),
            Code::InsecureFile => ("E1009", "config.insecure_file", include_str!("E1009.md")),
            Code::InlineSecret => ("E1010", "config.inline_secret", include_str!("E1010.md")),
            Code::Property => ("E1011", "config.property", include_str!("E1011.md")),
            Code::Brokers => ("E1012", "config.brokers", include_str!("E1012.md")),
            Code::Cycle => ("E1013", "config.cycle", include_str!("E1013.md")),
            Code::SharedOutput => ("E1014", "config.shared_output", include_str!("E1014.md")),
            Code::NotLoopback => ("E1015", "config.not_loopback", include_str!("E1015.md")),
            Code::NoPack => ("E1016", "config.no_pack", include_str!("E1016.md")),
            Code::NotYet => ("E1017", "config.not_yet", include_str!("E1017.md")),
            Code::FileKind => ("E1018", "config.file_kind", include_str!("E1018.md")),
            Code::Promise => ("E1019", "config.promise", include_str!("E1019.md")),
            Code::NotShareable => ("E1020", "config.not_shareable", include_str!("E1020.md")),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn every_code_has_its_page_and_every_page_its_code() {
        for pair in Code::ALL.windows(2) {
            assert!(pair[0].id() < pair[1].id(), "{pair:?}");
        }
        for code in Code::ALL {
            let title = code.page().lines().next().unwrap();
            assert!(title.starts_with(&format!("# {}: ", code.id())), "{title}");
            assert!(title.ends_with(&format!("(`{}`)", code.name())), "{title}");
            assert!(
                code.page().contains("## Example") && code.page().contains("## What to do"),
                "{title}"
            );
        }
        let here = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/error_code");
        let pages = std::fs::read_dir(here).unwrap().filter(|entry| {
            entry
                .as_ref()
                .unwrap()
                .path()
                .extension()
                .is_some_and(|ending| ending == "md")
        });
        assert_eq!(pages.count(), Code::ALL.len());
    }
}
