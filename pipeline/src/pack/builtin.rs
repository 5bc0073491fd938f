//! The sample pack inside the binary, so that the demo needs no file.

use rules::definition::{PackSource, SourceFile};

/// The pack of cards, `rules/packs/card-core`, as it was when this was built.
#[must_use]
pub fn card_core() -> PackSource {
    let pack = include_str!("../../../rules/packs/card-core/pack.yaml");
    let trusted = include_str!("../../../rules/packs/card-core/lists/trusted_cards.txt");
    PackSource {
        pack: SourceFile::new("card-core/pack.yaml", pack),
        lists: vec![SourceFile::new("lists/trusted_cards.txt", trusted)],
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_sample_pack_compiles_with_all_its_lists() {
        let source = super::card_core();
        let wanted = rules::definition::list_files(&source.pack);
        let given: Vec<_> = source.lists.iter().map(|list| list.name.clone()).collect();
        assert_eq!(given, wanted);
        let compiled = rules::compile::compile(&source);
        assert!(compiled.is_ok(), "{compiled:?}");
    }
}
