//! Snapshots in a directory: written, found again, hurt in every way there is.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use connectors::snapshots::{DirectorySnapshots, SnapshotStore};
use rules::definition::PackSource;
use rules::evaluate::snapshot::Progress;
use rules::evaluate::{Engine, SEMANTICS};
use rules::ruleset::RuleSet;
use rules::state::seed::HashSeed;

use super::keeper::{Keeper, News};
use super::read::{Found, Unusable};
use super::*;

const PACK: &str = "
pack: small
event: e
schema:
  id: id
  time: { field: ts, max_lateness: 5s }
  fields: { id: text, ts: timestamp(ms), card: text }
features:
  n: { by: card, agg: count(), over: 1m }
rules:
  - id: R1
    when: n > 1
    then: { action: review, score: 10, once_per: 'card, 1m', at_most: 5/1m }
policy: { order: [review, approve] }
limits: { keys: 100 }
";

fn rules() -> Arc<RuleSet> {
    Arc::new(rules::compile::compile(&PackSource::alone("pack.yaml", PACK)).unwrap())
}

fn engine() -> Engine {
    Engine::new(rules(), "app", HashSeed::FIXED)
}

fn mark(sequence: u64) -> Mark {
    Mark {
        sequence,
        link: format!("{:032x}", 0xabcd_u128 << 64 | u128::from(sequence)),
        positions: vec![(0, 7)],
        partition: None,
    }
}

fn manifest(sequence: u64) -> Manifest {
    Manifest {
        v: SNAPSHOT_VERSION,
        app: "app".to_owned(),
        semantics: SEMANTICS,
        pack: "small@0".to_owned(),
        mark: mark(sequence),
        sections: Vec::new(),
    }
}

/// Writes the snapshot of an engine by a keeper; what became of it.
fn keep(keeper: &mut Keeper, engine: &mut Engine, sequence: u64) -> News {
    assert!(keeper.begin(manifest(sequence)));
    engine.freeze(&[(0, 7)]).unwrap();
    loop {
        if let Some(news) = keeper.news() {
            return news;
        }
        let Some(mut buffer) = keeper.room() else {
            continue;
        };
        match engine.write(1_000, &mut buffer).unwrap() {
            Some(progress) => keeper.piece(progress, buffer),
            None => break,
        }
    }
    keeper.finish();
    loop {
        if let Some(news) = keeper.news() {
            return news;
        }
        std::thread::yield_now();
    }
}

fn kept(news: News) -> Proof {
    match news {
        News::Kept(proof, _) => proof,
        News::Failed(cause) => unreachable!("{cause}"),
    }
}

fn files(directory: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(directory).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

fn restored(
    store: &DirectorySnapshots,
    name: &str,
    rules: &Arc<RuleSet>,
) -> Result<Engine, Unusable> {
    Found::open(store, name, "app")?.restore(Arc::clone(rules), 1)
}

/// All that an engine would write.
fn all(engine: &mut Engine) -> BTreeMap<String, Vec<u8>> {
    engine.freeze(&[(0, 7)]).unwrap();
    let (mut all, mut bytes) = (BTreeMap::<String, Vec<u8>>::new(), Vec::new());
    while let Some(Progress { section, .. }) = engine.write(usize::MAX, &mut bytes).unwrap() {
        all.entry(section.to_string())
            .or_default()
            .append(&mut bytes);
    }
    all
}

#[test]
fn three_are_kept_and_each_gives_the_engine_again() {
    let directory = tempfile::tempdir().unwrap();
    let store = DirectorySnapshots::open(directory.path()).unwrap();
    let mut engine = engine();
    for mut keeper in [
        Keeper::here(Arc::new(store.clone())),
        Keeper::start(Arc::new(store.clone())).unwrap(),
    ] {
        // One of another past, or of somebody who has taken over: it is not ours to remove.
        keep(&mut keeper, &mut engine, 99);
        let proofs: Vec<Proof> = (3..8)
            .map(|sequence| kept(keep(&mut keeper, &mut engine, sequence)))
            .collect();
        let names = store.list().unwrap();
        assert_eq!(names, [5, 6, 7, 99].map(|sequence| mark(sequence).name()));
        for (name, proof) in names.iter().zip(&proofs[2..]) {
            let found = Found::open(&store, name, "app").unwrap();
            assert_eq!(found.proof, *proof);
            let mut again = found.restore(rules(), 3).unwrap();
            assert_eq!(all(&mut again), all(&mut engine));
        }
    }
    let other = Found::open(&store, &mark(7).name(), "other").unwrap_err();
    assert_eq!(
        other.to_string(),
        "it is of application `app`, not of `other`"
    );
}

#[test]
fn whatever_is_cut_off_or_turned_over_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let store = DirectorySnapshots::open(directory.path()).unwrap();
    let mut keeper = Keeper::here(Arc::new(store.clone()));
    kept(keep(&mut keeper, &mut engine(), 4));
    let [file] = &files(directory.path())[..] else {
        unreachable!("one file");
    };
    let (name, bytes, rules) = (mark(4).name(), fs::read(file).unwrap(), rules());
    assert!(restored(&store, &name, &rules).is_ok());
    for length in 0..bytes.len() {
        fs::write(file, &bytes[..length]).unwrap();
        assert!(
            restored(&store, &name, &rules).is_err(),
            "{length} of {}",
            bytes.len()
        );
    }
    for bit in 0..8 * bytes.len() {
        let mut hurt = bytes.clone();
        hurt[bit / 8] ^= 1 << (bit % 8);
        fs::write(file, &hurt).unwrap();
        let refused = restored(&store, &name, &rules);
        assert!(
            matches!(refused, Err(Unusable::Damaged(_))),
            "bit {bit} of {}: {:?}",
            8 * bytes.len(),
            refused.err()
        );
    }
    fs::write(file, &bytes).unwrap();
    let renamed = file.with_file_name(format!("{}.snapshot", mark(5).name()));
    fs::rename(file, renamed).unwrap();
    let refused = restored(&store, &mark(5).name(), &rules).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "it is damaged: it has the name of another one"
    );
}

#[test]
fn what_is_given_up_or_fails_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = DirectorySnapshots::open(directory.path()).unwrap();
    let (mut keeper, mut engine) = (Keeper::here(Arc::new(store.clone())), engine());
    kept(keep(&mut keeper, &mut engine, 1));
    assert!(keeper.begin(manifest(2)));
    keeper.give_up();
    keeper.finish();
    assert!(keeper.news().is_none());
    // Where its file would be is something else.
    let taken = directory.path().join(format!("{}.tmp", mark(3).name()));
    fs::create_dir(&taken).unwrap();
    let failed = keep(&mut keeper, &mut engine, 3);
    assert!(
        matches!(&failed, News::Failed(cause) if cause.contains("create")),
        "{failed:?}"
    );
    fs::remove_dir(taken).unwrap();
    assert_eq!(store.list().unwrap(), [mark(1).name()]);
    kept(keep(&mut keeper, &mut engine, 4));
    assert_eq!(files(directory.path()).len(), 2);
}
