//! Reads `lists:`, and says which files they name.
//!
//! The idea: this library reads no file; [`list_files`] tells the caller which to bring. The invariant: a name it tells is
//! relative and stays below the pack's directory, so a pack cannot make the caller open anything else.

use super::reader::Fields;
use super::source::{PACK_BYTES_MAX, SourceFile};
use super::tree::{Node, Text};
use super::{ListDefinition, tree};
use crate::diagnostic::findings::Findings;

const LIST_KEYS: [&str; 3] = ["key", "from", "entries"];

/// Longest name of a list file.
const FILE_NAME_MAX: usize = 255;

pub(super) fn read(
    name: &Text,
    node: &Node,
    findings: &mut Findings<'_>,
) -> Option<ListDefinition> {
    let fields = Fields::of(node, "a list", name.span.clone(), &LIST_KEYS, findings);
    Some(ListDefinition {
        name: name.clone(),
        key: fields
            .as_ref()
            .and_then(|fields| fields.required_text("key", findings)),
        from: fields
            .as_ref()
            .and_then(|fields| fields.text("from", findings)),
        entries: fields
            .as_ref()
            .and_then(|fields| fields.texts("entries", findings)),
    })
}

/// The files that the lists of a pack name, in the order written, none twice. Names that lead out of the pack's
/// directory are left out; the check complains about them.
#[must_use]
pub fn list_files(pack: &SourceFile) -> Vec<String> {
    let mut findings = Findings::new(&pack.name, &pack.text);
    if pack.problem(PACK_BYTES_MAX).is_some() {
        return Vec::new();
    }
    let Some(root) = tree::parse(&mut findings) else {
        return Vec::new();
    };
    let lists = Fields::of(&root, "a pack", 0..0, &[], &mut findings)
        .map(|fields| fields.named("lists", &mut findings, read))
        .unwrap_or_default();
    let mut names: Vec<String> = Vec::new();
    for list in lists {
        let name = list.from.as_ref().and_then(|from| file_name(&from.text));
        if let Some(name) = name.filter(|name| names.iter().all(|known| known != name)) {
            names.push(name.to_owned());
        }
    }
    names
}

/// The name behind `file:`, when it is one that may be opened.
pub(crate) fn file_name(from: &str) -> Option<&str> {
    let name = from.strip_prefix("file:")?;
    let sound = !name.is_empty()
        && name.len() <= FILE_NAME_MAX
        && !name.contains(['\\', ':'])
        && !name.chars().any(char::is_control)
        && name.split('/').all(|part| !matches!(part, "" | "." | ".."));
    sound.then_some(name)
}
