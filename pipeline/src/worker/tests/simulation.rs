//! Core and delivery in one thread, over a log with transactions and faults in memory, by seed.
//!
//! The idea: a seed draws how the source serves its partitions, which commits go wrong and how, and where the process dies;
//! it is started again until it has come to the end. The invariant: whatever was drawn, the log holds what an undisturbed
//! run would have written for the same journal, once, and the control records are a whole chain. A seed that fails is
//! replayed alone by `TOLLGATE_SEED`; `TOLLGATE_SEEDS` says how many there are.

use std::io::Write;

use connectors::log::{ALL_RECORDS, Scope};
use connectors::memory::MemoryCommitLog;

use super::shelf::{Harm, Shelf};
use super::*;
use crate::delivery::audit::{Audit, Found, Stream, digest_of};

/// Seeds of a run that is not told otherwise.
const SEEDS: u64 = 2_000;
/// Events of one.
const EVENTS: u64 = 150;
/// A process that dies more often than this never ends.
const STARTS_MAX: u32 = 60;

/// Of four seeds the one that does nothing to snapshots.
const SOUND: u64 = 3;

/// SplitMix64.
pub(super) struct Draw(pub(super) u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    /// One time in so many; never in 0.
    pub(super) fn hits(&mut self, one_in: u32) -> bool {
        one_in > 0 && self.below(one_in.into()) == 0
    }

    /// Never, or one time in 3 to 8: what fails five times in a row ends a run.
    fn one_in(&mut self) -> u32 {
        match u32::try_from(self.below(9)).unwrap() {
            0..=2 => 0,
            n => n,
        }
    }
}

/// How often each was drawn and met.
#[derive(Debug, Default)]
struct Met {
    starts: u64,
    refolded: u64,
    /// Snapshots written, not written, restored from, refused at a start.
    snapshots: [u64; 4],
    /// Starts that took an older one than the newest.
    older: u64,
    faults: BTreeMap<String, u64>,
}

impl Met {
    /// What a run says of its snapshots; how many of them it refused.
    fn read(&mut self, metrics: &Metrics) -> u64 {
        let of =
            |series: &prometheus::IntCounterVec, result| series.with_label_values(&[result]).get();
        let (made, found) = (&metrics.snapshots, &metrics.snapshots_found);
        let counts = [
            of(made, "ok"),
            of(made, "failed"),
            of(found, "restored"),
            of(found, "refused"),
        ];
        self.older += u64::from(counts[2] == 1 && counts[3] > 0);
        for (sum, count) in self.snapshots.iter_mut().zip(counts) {
            *sum += count;
        }
        counts[3]
    }
}

pub(super) fn harm(draw: &mut Draw) -> Harm {
    Harm {
        create: draw.one_in(),
        write: 10 * draw.one_in(),
        finish: draw.one_in(),
        list: draw.one_in(),
        open: draw.one_in(),
        flip: draw.one_in(),
        cut: draw.one_in(),
    }
}

pub(super) fn faults(draw: &mut Draw, dies: bool) -> Faults {
    const KINDS: [CommitFault; 6] = [
        CommitFault::Aborted,
        CommitFault::Retry,
        CommitFault::AnswerLost,
        CommitFault::Fenced,
        CommitFault::Fatal,
        CommitFault::FatalAfter,
    ];
    let kinds = if dies { 6 } else { 3 };
    let mut commits = BTreeMap::new();
    for number in 0..8 {
        if draw.below(3) == 0 {
            let kind = KINDS[usize::try_from(draw.below(kinds)).unwrap()];
            commits.insert(number, kind);
        }
    }
    Faults {
        seed: draw.next(),
        batch_records_max: usize::try_from(draw.below(12)).unwrap(),
        poll_error_one_in: draw.one_in(),
        idle_one_in: draw.one_in(),
        caught_up_again_one_in: draw.one_in(),
        uneven: draw.below(2) == 0,
        write_error_one_in: draw.one_in(),
        commits,
        ..Faults::default()
    }
}

/// Starts it until it has come to the end.
fn simulate(seed: u64, met: &mut Met) -> MemoryLog {
    let (mut draw, log) = (Draw(seed), filled_with(EVENTS));
    let shelf = Shelf::new(draw.next());
    let sound = seed % 4 == SOUND;
    for start in 0..STARTS_MAX {
        // In the end it is let live.
        let faults = faults(&mut draw, start < 12);
        let mut parts = parts(&log, &faults);
        parts.delivery.commit_records = 1 + draw.below(40);
        parts.limits.step_rows = usize::try_from(1 + draw.below(20)).unwrap();
        for kind in faults.commits.values() {
            *met.faults.entry(format!("{kind:?}")).or_default() += 1;
        }
        let harm = harm(&mut draw);
        shelf.hurt(if sound { Harm::default() } else { harm });
        parts.snapshots = Some(SnapshotPlan {
            store: Arc::new(shelf.clone()),
            every: Duration::ZERO,
            aside: false,
        });
        met.starts += 1;
        let around = around();
        let metrics = Arc::clone(&around.metrics);
        let ended = run(parts, around);
        let refused = met.read(&metrics);
        // What is taken too early or too late is refused, and the log folded: right, but a bug, and it shows only here.
        assert!(
            !sound || refused == 0,
            "seed {seed}: a snapshot that nothing was done to is refused"
        );
        match ended {
            Ok(summary) => {
                met.refolded += summary.refolded;
                return log;
            }
            // It ends, and is started again; an error of recovery would be one of ours.
            Err(RunError::Log(LogError::Fenced { .. } | LogError::Fatal { .. })) => {}
            Err(RunError::Output(_) | RunError::Sink(_)) => {}
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    panic!("seed {seed}: it does not come to the end");
}

/// By id, because the order between partitions may be another one each time.
fn ids(lines: &[String]) -> Vec<&str> {
    let mut ids: Vec<&str> = lines.iter().map(|line| &line[..50]).collect();
    ids.sort_unstable();
    ids
}

/// What an audit finds in a journal.
pub(super) fn audited(log: &MemoryLog, of: Scope) -> Vec<String> {
    let mut commits = MemoryCommitLog::new(log, "app", Faults::default());
    commits.fence().unwrap();
    let found = commits.committed(of, ALL_RECORDS).unwrap();
    let mut audit = Audit::new("app", &found.control, &found.offsets, true).unwrap();
    for line in lines(log, "decisions") {
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        let number = |name: &str| said["position"][name].as_i64().unwrap();
        if !of.has(u32::try_from(number("partition")).unwrap()) {
            continue;
        }
        let found = Found {
            lies: ("decisions", 0),
            of: (
                u32::try_from(number("partition")).unwrap(),
                number("offset"),
            ),
            digest: Some(digest_of(line.as_bytes())),
            id: None,
        };
        audit.take(Stream::Decisions, &found);
    }
    let report = audit.finish(&[(Stream::Decisions, "decisions".to_owned())]);
    let faults = report.faults.into_iter();
    faults
        .map(|(fault, (_, told))| format!("{}: {told:?}", fault.name()))
        .collect()
}

#[test]
fn whatever_goes_wrong_each_event_is_decided_once() {
    let number = |name: &str| std::env::var(name).ok().map(|n| n.parse::<u64>().unwrap());
    let seeds = match number("TOLLGATE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TOLLGATE_SEEDS").unwrap_or(SEEDS),
    };
    let (count, mut met) = (seeds.end - seeds.start, Met::default());
    let expected = {
        let log = filled_with(EVENTS);
        run(parts(&log, &Faults::default()), around()).unwrap();
        (lines(&log, "decisions"), lines(&log, "dead"))
    };
    for seed in seeds {
        let log = simulate(seed, &mut met);
        let (decisions, dead) = (lines(&log, "decisions"), lines(&log, "dead"));
        assert_eq!(ids(&decisions), ids(&expected.0), "seed {seed}");
        assert_eq!(dead.len(), expected.1.len(), "seed {seed}");
        assert_eq!(audited(&log, Scope::Whole), [""; 0], "seed {seed}");
    }
    // Not captured when the test passes.
    let _ = writeln!(std::io::stderr(), "\n{count} seeds: {met:?}");
    let snapshots = met.snapshots.iter().all(|count| *count > 0) && met.older > 0;
    let all = met.starts > count && met.refolded > 0 && met.faults.len() == 6 && snapshots;
    assert!(all || count < SEEDS, "the run is invalid: {met:?}");
}
