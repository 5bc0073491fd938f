//! What a card that came once costs with the sample pack, by what holds it.
//!
//! The idea: the pack as it is shipped goes through the engine, one event for each of many cards, and the engine says
//! what it allocated. The invariant: 150 bytes in the group that is kept by card are the most.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests; they show what they measured"
)]

mod packs_common;

use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Decimal128Array, Float64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use packs_common::checked;
use rules::evaluate::{Engine, Step};
use rules::ruleset::RuleSet;
use rules::state::seed::HashSeed;
use rules::time::EventTime;

const CARDS: usize = 20_000;

/// What one card may cost in the group kept by card alone.
const CARD_BYTES_MAX: usize = 150;

/// One swipe of each card, a second apart, each card at one of a hundred merchants with a device of its own.
fn swipes(rules: &RuleSet, times: &[EventTime]) -> RecordBatch {
    let texts = |prefix: &str, of: usize| -> ArrayRef {
        let texts = (0..times.len()).map(|n| format!("{prefix}-{:08}", n % of));
        Arc::new(StringArray::from_iter_values(texts))
    };
    let place = || -> ArrayRef { Arc::new(Float64Array::from(vec![52.3; times.len()])) };
    let column = |name: &str| -> ArrayRef {
        match name {
            "swipe_id" => texts("s", times.len()),
            "ts" => {
                let micros = times.iter().map(|time| time.0);
                Arc::new(TimestampMicrosecondArray::from_iter_values(micros).with_timezone("UTC"))
            }
            "card_id" => texts("card", times.len()),
            "merchant_id" => texts("m", 100),
            "device_id" => texts("device", times.len()),
            "amount_usd" => {
                let cents = (0..times.len() as i128).map(|n| n * 100);
                let amounts = Decimal128Array::from_iter_values(cents);
                Arc::new(amounts.with_precision_and_scale(18, 4).unwrap())
            }
            "lat" | "lon" => place(),
            "card_present" => Arc::new(BooleanArray::from(vec![true; times.len()])),
            "auth_result" => Arc::new(StringArray::from(vec!["approved"; times.len()])),
            other => panic!("the pack has a field {other} that this test does not know"),
        }
    };
    let fields = rules.schema.fields.iter();
    let columns = fields.map(|field| column(&field.name)).collect();
    RecordBatch::try_new(rules.schema.arrow(), columns).unwrap()
}

#[test]
fn a_card_that_came_once_costs_at_most_150_bytes_in_its_group() {
    let rules = Arc::new(checked("card-core"));
    let mut engine = Engine::new(Arc::clone(&rules), "test", HashSeed::FIXED);
    let times: Vec<EventTime> = (0..CARDS as i64)
        .map(|n| EventTime(n * 1_000_000))
        .collect();
    let events = swipes(&rules, &times);
    let offsets: Vec<i64> = (0..CARDS as i64).collect();
    engine.fold(&Step {
        events: &events,
        times: &times,
        partitions: &vec![0; CARDS],
        offsets: &offsets,
    });
    let sizes = engine.sizes();
    let name = |field: &usize| rules.schema.fields[*field].name.as_str();
    let mut by_card = Vec::new();
    for (group, size) in rules.groups.iter().zip(&sizes.groups) {
        let key: Vec<&str> = group.key.iter().map(name).collect();
        let per_card = size.bytes / CARDS;
        println!(
            "{:>4} bytes per card in {} keys of {key:?}",
            per_card, size.keys
        );
        if key == ["card_id"] {
            assert_eq!((size.keys, size.events), (CARDS, CARDS));
            by_card.push(per_card);
        }
    }
    println!(
        "{:>4} bytes per card to tell repeats",
        sizes.dedup_bytes / CARDS
    );
    assert_eq!(by_card.len(), 1, "one group by card");
    assert!(
        by_card[0] <= CARD_BYTES_MAX,
        "{} bytes per card",
        by_card[0]
    );
    assert!(sizes.dedup_bytes > 0);
}
