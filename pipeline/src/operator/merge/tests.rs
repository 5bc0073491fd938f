//! The merge against its law: whatever arrives when, the journal is enough to take the same order again.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use rules::time::EventTime;

use super::*;
use crate::step::{Journal, Positions};

/// A small generator with a seed, so that a failing case can be run again.
struct Rng(u64);

impl Rng {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new("n", DataType::Int64, true)]))
}

/// Rows `from..to` of a partition; row `i` holds the value `i`.
fn segment(partition: u32, times: &[i64], from: usize, to: usize) -> Segment {
    let offsets: Vec<i64> = (from..to).map(|i| i64::try_from(i).unwrap()).collect();
    let values: ArrayRef = Arc::new(Int64Array::from(offsets.clone()));
    Segment {
        partition,
        times: times[from..to].iter().map(|t| EventTime(*t)).collect(),
        clamped: Vec::new(),
        rows: RecordBatch::try_new(schema(), vec![values]).unwrap(),
        keys: None,
        dead: Vec::new(),
        next_offset: i64::try_from(to).unwrap(),
        taken_at: 0,
        offsets,
    }
}

fn merge(starts: &[(u32, i64)], step_rows: usize) -> Merge {
    let limits = MergeLimits {
        step_rows,
        buffered_rows: 100,
        buffered_bytes: 1 << 30,
        wait_micros: 10,
    };
    Merge::new(schema(), starts, limits)
}

type Order = Vec<(u32, i64)>;

/// Notes the rows of a step and checks that the columns say the same as the places.
fn note(order: &mut Order, step: &Merged) {
    let values = step.rows.column(0).as_primitive::<Int64Type>();
    for (row, (partition, offset)) in step.partitions.iter().zip(&step.offsets).enumerate() {
        assert_eq!(values.value(row), *offset);
        order.push((*partition, *offset));
    }
}

/// Takes all there is in backlog: every partition pushed whole and read to its end.
fn backlog(partitions: &[Vec<i64>], step_rows: usize) -> Order {
    let starts: Positions = (0u32..).zip(partitions).map(|(p, _)| (p, 0)).collect();
    let mut merge = merge(&starts, step_rows);
    for (partition, times) in (0u32..).zip(partitions) {
        merge.push(segment(partition, times, 0, times.len()));
        merge.caught_up(partition);
    }
    let mut order = Order::new();
    while let Taken::Step(step) = merge.take(0).unwrap() {
        note(&mut order, &step);
    }
    order
}

#[test]
fn a_backlog_is_taken_in_the_order_of_event_time_whatever_the_step() {
    let partitions = [vec![1, 4, 4, 9], vec![2, 4, 3, 8], vec![]];
    let expected = vec![
        (0, 0),
        (1, 0),
        (0, 1),
        (0, 2),
        (1, 1),
        (1, 2),
        (1, 3),
        (0, 3),
    ];
    for step_rows in [1, 2, 3, 100] {
        assert_eq!(
            backlog(&partitions, step_rows),
            expected,
            "{step_rows} rows a step"
        );
    }
}

#[test]
fn a_partition_with_unread_records_is_waited_for_and_one_read_to_its_end_is_not() {
    let mut merge = merge(&[(0, 0), (1, 0)], 10);
    merge.push(segment(0, &[5, 6], 0, 2));
    assert!(matches!(merge.take(0).unwrap(), Taken::Waiting));
    assert!(
        matches!(merge.take(1_000_000).unwrap(), Taken::Waiting),
        "while catching up it is waited for without bound"
    );
    merge.caught_up(1);
    let Taken::Step(step) = merge.take(0).unwrap() else {
        panic!("a step")
    };
    assert_eq!((step.offsets, step.boundary), (vec![0, 1], false));
    merge.caught_up(0);
    merge.push(segment(1, &[1], 0, 1));
    let Taken::Step(step) = merge.take(0).unwrap() else {
        panic!("a step")
    };
    assert_eq!(
        (step.partitions, step.boundary),
        (vec![1], true),
        "it was passed over: a boundary"
    );
}

#[test]
fn once_live_a_silent_partition_is_waited_for_no_longer_than_told() {
    let mut merge = merge(&[(0, 0), (1, 0)], 10);
    merge.caught_up(0);
    merge.caught_up(1);
    merge.push(segment(0, &[5, 8], 0, 2));
    merge.push(segment(1, &[4, 7], 0, 1));
    let Taken::Step(step) = merge.take(100).unwrap() else {
        panic!("a step")
    };
    assert_eq!(
        step.partitions,
        vec![1],
        "then the head of partition 1 is unknown"
    );
    assert!(matches!(merge.take(100).unwrap(), Taken::Waiting));
    assert!(matches!(merge.take(109).unwrap(), Taken::Waiting));
    assert!(matches!(merge.take(110).unwrap(), Taken::Step(_)));
}

#[test]
fn dead_letters_stand_where_they_stood_and_move_the_position() {
    let mut merge = merge(&[(0, 0)], 10);
    let letter = |offset| DeadLetter {
        offset,
        key: None,
        value: None,
        headers: Arc::default(),
        stage: "decode",
        code: connectors::reject::RejectCode::Malformed,
        detail: String::new(),
    };
    let mut first = segment(0, &[1, 2, 3, 4], 1, 3);
    first.dead = vec![letter(0), letter(3)];
    first.next_offset = 6;
    merge.push(first);
    merge.limit(Some(&[(0, 2)]));
    let Taken::Step(step) = merge.take(0).unwrap() else {
        panic!("a step")
    };
    assert_eq!(
        (step.offsets, step.dead.len(), step.positions),
        (vec![1], 1, vec![(0, 2)])
    );
    assert!(merge.at_limit());
    merge.limit(None);
    merge.caught_up(0);
    let Taken::Step(step) = merge.take(0).unwrap() else {
        panic!("a step")
    };
    assert_eq!(
        (step.offsets, step.dead.len(), step.positions),
        (vec![2], 1, vec![(0, 6)])
    );
}

/// Feeds partitions piece by piece at random, commits at random, and takes the order down with its journal.
fn live(partitions: &[Vec<i64>], rng: &mut Rng) -> (Order, Vec<Positions>) {
    let starts: Positions = (0u32..).zip(partitions).map(|(p, _)| (p, 0)).collect();
    let mut merge = merge(&starts, 1 + usize::try_from(rng.below(7)).unwrap());
    let mut sent = vec![0usize; partitions.len()];
    let (mut order, mut entries, mut journal, mut now) =
        (Order::new(), Vec::new(), Journal::default(), 0);
    loop {
        let pick = usize::try_from(rng.below(u64::try_from(partitions.len()).unwrap())).unwrap();
        let partition = u32::try_from(pick).unwrap();
        let to = (sent[pick] + usize::try_from(rng.below(4)).unwrap()).min(partitions[pick].len());
        if to > sent[pick] {
            merge.push(segment(partition, &partitions[pick], sent[pick], to));
            sent[pick] = to;
        }
        if to == partitions[pick].len() || rng.below(3) == 0 {
            merge.caught_up(partition);
        }
        now += i64::try_from(rng.below(8)).unwrap();
        while let Taken::Step(step) = merge.take(now).unwrap() {
            note(&mut order, &step);
            journal.record(&step);
            if rng.below(3) == 0 {
                entries.extend(journal.close());
            }
        }
        if order.len() == partitions.iter().map(Vec::len).sum::<usize>() {
            entries.extend(journal.close());
            return (order, entries);
        }
    }
}

/// Folds the journal again from segments cut elsewhere.
fn again(partitions: &[Vec<i64>], entries: &[Positions], rng: &mut Rng) -> Order {
    let starts: Positions = (0u32..).zip(partitions).map(|(p, _)| (p, 0)).collect();
    let mut merge = merge(&starts, 1 + usize::try_from(rng.below(7)).unwrap());
    let mut sent = vec![0usize; partitions.len()];
    let mut order = Order::new();
    for entry in entries {
        merge.limit(Some(entry));
        while !merge.at_limit() {
            while let Taken::Step(step) = merge.take(0).unwrap() {
                note(&mut order, &step);
            }
            let pick =
                usize::try_from(rng.below(u64::try_from(partitions.len()).unwrap())).unwrap();
            let to =
                (sent[pick] + usize::try_from(rng.below(6)).unwrap()).min(partitions[pick].len());
            if to > sent[pick] {
                merge.push(segment(
                    u32::try_from(pick).unwrap(),
                    &partitions[pick],
                    sent[pick],
                    to,
                ));
                sent[pick] = to;
            }
        }
    }
    order
}

#[test]
fn the_journal_is_enough_to_take_the_same_order_again() {
    for seed in 0..400 {
        let mut rng = Rng(seed);
        let times = |rng: &mut Rng| -> Vec<i64> {
            let mut time = 0;
            let step = |rng: &mut Rng| i64::try_from(rng.below(4)).unwrap() - 1;
            (0..rng.below(30))
                .map(|_| {
                    time += step(rng);
                    time
                })
                .collect()
        };
        let partitions: Vec<Vec<i64>> = (0..=rng.below(4)).map(|_| times(&mut rng)).collect();
        let (order, entries) = live(&partitions, &mut rng);
        assert_eq!(again(&partitions, &entries, &mut rng), order, "seed {seed}");
        for (partition, times) in (0u32..).zip(&partitions) {
            let of_partition: Vec<i64> = order
                .iter()
                .filter(|(p, _)| *p == partition)
                .map(|(_, o)| *o)
                .collect();
            let all: Vec<i64> = (0..i64::try_from(times.len()).unwrap()).collect();
            assert_eq!(
                of_partition, all,
                "seed {seed}: each record of a partition once, in order"
            );
        }
    }
}
