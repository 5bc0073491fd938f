//! Instances that share partitions: each partition is as if it were alone, whoever has it.

use connectors::log::{ALL_RECORDS, CommitLog, Scope};
use connectors::memory::MemoryCommitLog;

use super::shelf::{Harm, Shelf};
use super::simulation::{Draw, audited, faults, harm};
use super::*;

/// Events of a run.
const EVENTS: u64 = 200;
/// Seeds of a run that is not told otherwise.
const SEEDS: u64 = 600;

fn shared(log: &MemoryLog, faults: &Faults) -> Parts {
    Parts {
        shared: true,
        ..parts(log, faults)
    }
}

/// A log with the records of one partition, at their places, and nothing else.
fn only(partition: u32, of: &MemoryLog) -> MemoryLog {
    let log = MemoryLog::new();
    log.create_topic("events", PARTITIONS);
    log.create_topic("decisions", 1);
    log.create_topic("dead", 1);
    for stored in of.read("events", partition, 0) {
        log.append("events", partition, stored.record, stored.append_time);
    }
    log
}

/// What an application of one instance makes of each partition alone.
fn alone(of: &MemoryLog) -> Vec<Vec<String>> {
    let run_of = |partition| {
        let log = only(partition, of);
        run(parts(&log, &Faults::default()), around()).unwrap();
        lines(&log, "decisions")
    };
    (0..PARTITIONS).map(run_of).collect()
}

/// The decisions of each partition, in the order they were written.
fn by_partition(log: &MemoryLog) -> Vec<Vec<String>> {
    let mut found = vec![Vec::new(); usize::try_from(PARTITIONS).unwrap()];
    for line in lines(log, "decisions") {
        let said: serde_json::Value = serde_json::from_str(&line).unwrap();
        let partition = said["position"]["partition"].as_u64().unwrap();
        found[usize::try_from(partition).unwrap()].push(line);
    }
    found
}

#[test]
fn a_partition_is_decided_as_if_it_were_alone() {
    let log = filled_with(EVENTS);
    let expected = alone(&log);
    run(shared(&log, &Faults::default()), around()).unwrap();
    assert_eq!(by_partition(&log), expected);
    let whole = filled_with(EVENTS);
    run(parts(&whole, &Faults::default()), around()).unwrap();
    let differs = by_partition(&whole) != expected;
    assert!(
        differs,
        "the pack sees no other partition: the test proves nothing"
    );
}

#[test]
fn partitions_come_and_go_and_nothing_is_lost_or_decided_otherwise() {
    let (expected, mut refolded) = (alone(&filled_with(EVENTS)), 0);
    for seed in 0..40 {
        let log = filled_with(EVENTS);
        let faults = Faults {
            seed,
            batch_records_max: 5,
            rebalance_one_in: 15,
            uneven: seed % 2 == 0,
            ..Faults::default()
        };
        let summary = run(shared(&log, &faults), around()).unwrap();
        assert_eq!(by_partition(&log), expected, "seed {seed}");
        refolded += summary.refolded;
    }
    assert!(refolded > 0, "nothing came back: the test proves nothing");
}

#[test]
fn one_instance_goes_on_where_another_stopped() {
    let log = filled_with(EVENTS);
    let expected = alone(&log);
    let mut first = around();
    first.observer = Box::new(StopAfter(5, first.shutdown.clone()));
    let summary = run(shared(&log, &Faults::default()), first).unwrap();
    assert!(
        summary.decisions > 0 && summary.decisions < EVENTS / 2,
        "{summary:?}"
    );
    let summary = run(shared(&log, &Faults::default()), around()).unwrap();
    assert!(summary.refolded > 0, "{summary:?}");
    assert_eq!(by_partition(&log), expected);
}

/// Starts it until it has come to the end; how often a snapshot was restored.
fn simulate(seed: u64) -> (MemoryLog, u64) {
    let (mut draw, log) = (Draw(seed ^ 0x5eed), filled_with(EVENTS));
    let shelf = Shelf::new(seed);
    let mut restored = 0;
    for start in 0..60 {
        let mut faults = faults(&mut draw, start < 12);
        faults.rebalance_one_in = if draw.below(2) == 0 { 0 } else { 60 };
        let mut parts = shared(&log, &faults);
        parts.delivery.commit_records = 1 + draw.below(40);
        parts.limits.step_rows = usize::try_from(1 + draw.below(20)).unwrap();
        let harm = harm(&mut draw);
        shelf.hurt(if seed % 4 == 3 { Harm::default() } else { harm });
        parts.snapshots = Some(SnapshotPlan {
            store: Arc::new(shelf.clone()),
            every: Duration::ZERO,
            aside: false,
        });
        let around = around();
        let metrics = Arc::clone(&around.metrics);
        let ended = run(parts, around);
        let found = |result| metrics.snapshots_found.with_label_values(&[result]).get();
        restored += found("restored");
        let refused = found("refused");
        assert!(
            seed % 4 != 3 || refused == 0,
            "seed {seed}: a sound snapshot is refused"
        );
        match ended {
            Ok(_) => return (log, restored),
            Err(RunError::Log(LogError::Fenced { .. } | LogError::Fatal { .. })) => {}
            Err(RunError::Output(_) | RunError::Sink(_)) => {}
            Err(error) => panic!("seed {seed}: {error}"),
        }
    }
    panic!("seed {seed}: it does not come to the end");
}

/// As the simulation of one instance, with a journal for each partition. `TOLLGATE_SEED` replays one seed.
#[test]
fn whatever_goes_wrong_each_partition_is_as_if_it_were_alone() {
    let number = |name: &str| std::env::var(name).ok().map(|n| n.parse::<u64>().unwrap());
    let seeds = match number("TOLLGATE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TOLLGATE_SEEDS").unwrap_or(SEEDS),
    };
    let expected = alone(&filled_with(EVENTS));
    let (count, mut all) = (seeds.end - seeds.start, 0);
    for seed in seeds {
        let (log, restored) = simulate(seed);
        all += restored;
        assert_eq!(by_partition(&log), expected, "seed {seed}");
        for partition in 0..PARTITIONS {
            let found = audited(&log, Scope::Partition(partition));
            assert_eq!(found, [""; 0], "seed {seed}, partition {partition}");
        }
    }
    assert!(
        count < SEEDS || all > 0,
        "the run is invalid: no snapshot was restored"
    );
}

#[test]
fn each_partition_has_its_own_journal() {
    let log = filled_with(EVENTS);
    run(shared(&log, &Faults::default()), around()).unwrap();
    let mut commits = MemoryCommitLog::new(&log, "app", Faults::default());
    commits.fence().unwrap();
    for partition in 0..PARTITIONS {
        let found = commits
            .committed(Scope::Partition(partition), ALL_RECORDS)
            .unwrap();
        let end = i64::try_from(log.read("events", partition, 0).len()).unwrap();
        assert_eq!(found.offsets, [(partition, end)]);
        assert!(!found.control.is_empty());
    }
}
