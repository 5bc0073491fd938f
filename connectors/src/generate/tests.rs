//! The stream is what its seed says, has every kind of fraud, and the rules of the card-core pack find them.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, BinaryArray};
use arrow::datatypes::{DataType, TimeUnit as ArrowUnit};

use super::*;
use crate::conformance::{self, Outcome, source::Seen, source::SourceRig};
use crate::format::json::JsonDecoder;
use crate::format::{Decoder, Limits, TimeUnit, WantedColumn};
use crate::source::Source;

fn bytes(config: &Config, count: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for event in Generator::new(config.clone()).take(count) {
        event.write_json(&mut out);
        out.push(b'\n');
        event.write_label(&mut out);
        out.push(b'\n');
    }
    out
}

fn busy() -> Config {
    Config {
        fraud: 0.2,
        disorder_micros: 30 * SECOND,
        ..Config::default()
    }
}

#[test]
fn one_seed_gives_one_stream() {
    assert_eq!(bytes(&busy(), 5_000), bytes(&busy(), 5_000));
    assert_ne!(
        bytes(&busy(), 100),
        bytes(&Config { seed: 8, ..busy() }, 100)
    );
}

#[test]
fn the_stream_is_what_it_was() {
    // A change of this line changes every recorded stream: say so in CHANGELOG.
    let mut out = Vec::new();
    Generator::new(Config::default())
        .next_event()
        .write_json(&mut out);
    let first = String::from_utf8(out).unwrap();
    expect_test::expect![[r#"{"swipe_id":"s7-0","ts":"2026-01-01T00:00:00.000000Z","card_id":"card_bdee9bee246ec694","merchant_id":"m_5059b5552166a3a3","amount_usd":13.83,"lat":39.7434,"lon":-104.9095,"card_present":true,"auth_result":"approved","mcc":"5912","currency":"USD"}"#]].assert_eq(&first);
}

#[test]
fn times_do_not_decrease_without_disorder_and_only_so_far_with_it() {
    let mut last = 0;
    for event in Generator::new(Config {
        fraud: 0.2,
        ..Config::default()
    })
    .take(20_000)
    {
        assert!(event.time_micros >= last);
        last = event.time_micros;
    }
    let (mut greatest, mut late) = (0, 0);
    for event in Generator::new(busy()).take(20_000) {
        assert!(event.time_micros > greatest - 30 * SECOND);
        late += u32::from(event.time_micros < greatest);
        greatest = greatest.max(event.time_micros);
    }
    assert!(
        (200..2_000).contains(&late),
        "{late} of 20,000 are out of order"
    );
}

#[test]
fn the_share_of_fraud_is_about_what_was_asked_for_and_every_kind_is_there() {
    for share in [0.01, 0.1] {
        let mut kinds: BTreeMap<FraudKind, u32> = BTreeMap::new();
        for event in Generator::new(Config {
            fraud: share,
            ..Config::default()
        })
        .take(50_000)
        {
            if let Some(kind) = event.fraud() {
                *kinds.entry(kind).or_default() += 1;
            }
        }
        let fraud = f64::from(kinds.values().sum::<u32>()) / 50_000.0;
        assert!(
            fraud > share * 0.6 && fraud < share * 1.6,
            "asked for {share}, got {fraud}"
        );
        assert_eq!(kinds.len(), FraudKind::ALL.len(), "{kinds:?}");
    }
}

#[test]
fn cards_have_homes_hours_and_habits() {
    let config = Config {
        cards: 50,
        fraud: 0.0,
        ..Config::default()
    };
    let (mut places, mut hours): (BTreeMap<u64, BTreeSet<i32>>, [u32; 24]) = Default::default();
    let mut devices: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
    for event in Generator::new(config).take(20_000) {
        places.entry(event.card).or_default().insert(event.lon_e4);
        devices.entry(event.card).or_default().extend(event.device);
        let local = event.time_micros / SECOND + i64::from(event.lon_e4) * 24 / 1000;
        hours[usize::try_from(local.rem_euclid(86_400) / 3_600).unwrap()] += 1;
    }
    assert_eq!(places.len(), 50);
    for (card, lons) in places {
        let spread = lons.last().unwrap() - lons.first().unwrap();
        assert!(spread < 2_000, "card {card:x} strays {spread}");
    }
    assert!(devices.values().all(|devices| devices.len() == 1));
    assert!(hours[3] * 5 < hours[17], "nights are quiet: {hours:?}");
}

#[test]
fn what_is_written_the_decoder_reads_and_the_columns_hold() {
    let events: Vec<Event> = Generator::new(busy()).take(3_000).collect();
    let rows = columns(&events);
    let wanted = rows
        .schema()
        .fields()
        .iter()
        .map(|field| WantedColumn {
            name: field.name().clone(),
            from: field.name().clone(),
            data_type: field.data_type().clone(),
            time_unit: TimeUnit::Rfc3339,
            optional: field.name() == "device_id",
            default: None,
        })
        .collect();
    let mut decoder = JsonDecoder::new(wanted, Limits::DEFAULT).unwrap();
    let lines: Vec<Vec<u8>> = events
        .iter()
        .map(|event| {
            let mut line = Vec::new();
            event.write_json(&mut line);
            line
        })
        .collect();
    let decoded = decoder.decode(&BinaryArray::from_iter_values(lines));
    assert_eq!(decoded.rejects, []);
    assert_eq!(decoded.rows, rows);
    assert_eq!(
        rows.column(1).data_type(),
        &DataType::Timestamp(ArrowUnit::Microsecond, Some("UTC".into()))
    );
}

// === the rules of the card-core pack, naively ===

/// What the rules keep, event by event.
#[derive(Default)]
struct Naive {
    cards: BTreeMap<u64, Vec<Event>>,
    devices: BTreeMap<u64, Vec<Event>>,
    merchants: BTreeMap<u64, Vec<i64>>,
}

fn km(a: &Event, b: &Event) -> f64 {
    let radians = |e4: i32| (f64::from(e4) / 1e4).to_radians();
    let (lat1, lat2) = (radians(a.lat_e4), radians(b.lat_e4));
    let half = |angle: f64| (angle / 2.0).sin().powi(2);
    let chord =
        half(lat2 - lat1) + lat1.cos() * lat2.cos() * half(radians(b.lon_e4) - radians(a.lon_e4));
    12_742.0 * chord.sqrt().asin()
}

#[allow(clippy::cast_precision_loss, reason = "cents and seconds")]
impl Naive {
    /// The rules that hit.
    fn hits(&mut self, event: &Event) -> Vec<&'static str> {
        let mut hits = Vec::new();
        let time = event.time_micros;
        let before = self.cards.entry(event.card).or_default();
        let recent: Vec<&Event> = before
            .iter()
            .filter(|e| e.time_micros > time - 600 * SECOND)
            .collect();
        let sum: i64 = recent.iter().map(|e| e.amount_cents).sum();
        if recent.len() + 1 >= 5 && sum + event.amount_cents > 30_000 {
            hits.push("VEL-01");
        }
        let seen = before
            .iter()
            .rev()
            .find(|e| e.card_present && e.time_micros > time - 86_400 * SECOND);
        if let (true, Some(seen)) = (event.card_present, seen) {
            let hours = ((time - seen.time_micros) as f64 / 1e6).max(60.0) / 3600.0;
            let distance = km(seen, event);
            if distance > 150.0 && distance / hours > 900.0 {
                hits.push("GEO-01");
            }
        }
        let (n, cents) = (before.len() as f64, |e: &Event| e.amount_cents as f64);
        let avg = before.iter().map(cents).sum::<f64>() / n;
        let deviation = (before.iter().map(|e| (cents(e) - avg).powi(2)).sum::<f64>() / n).sqrt();
        let is_new = event.device.is_some() && before.iter().all(|e| e.device != event.device);
        if is_new && before.len() >= 5 && event.amount_cents >= 50_000 && cents(event) > 3.0 * avg {
            hits.push("DEV-01");
        }
        if before.len() >= 20 && (cents(event) - avg) / deviation.max(100.0) > 4.0 {
            hits.push("AMT-01");
        }
        before.push(*event);
        if let (Some(device), true) = (event.device, event.amount_cents <= 500) {
            let before = self.devices.entry(device).or_default();
            before.retain(|e| e.time_micros > time - 900 * SECOND);
            let declined = before.iter().filter(|e| e.declined).count();
            before.push(*event);
            let cards: BTreeSet<u64> = before.iter().map(|e| e.card).collect();
            if cards.len() >= 4 && declined >= 3 {
                hits.push("TEST-01");
            }
        }
        let merchant = self.merchants.entry(event.merchant).or_default();
        merchant.push(time);
        let since = |span: i64| {
            merchant
                .iter()
                .filter(|t| **t > time - span * SECOND)
                .count() as f64
        };
        let (five, week) = (since(300), since(7 * 86_400));
        if five >= 30.0 && five > 10.0 * ((week - five) / 2015.0).max(1.0) {
            hits.push("MER-01");
        }
        hits
    }
}

#[test]
fn the_demo_shows_every_rule_within_seconds_and_few_honest_swipes_hit() {
    for seed in [7, 8, 9] {
        let start = 1_767_225_600 * SECOND;
        let (mut naive, mut history, mut honest, mut mistaken) = (Naive::default(), 0, 0, 0);
        let mut first: BTreeMap<&str, i64> = BTreeMap::new();
        let mut kinds = BTreeSet::new();
        for event in Generator::new(Config::demo(seed, start)) {
            let second = (event.time_micros - start) / SECOND;
            if second >= 20 {
                break;
            }
            let hits = naive.hits(&event);
            if event.time_micros < start {
                history += 1;
                assert_eq!(event.truth, Truth::Honest);
                continue;
            }
            kinds.extend(event.fraud());
            if event.truth == Truth::Honest {
                honest += 1;
                mistaken += u32::from(!hits.is_empty());
            }
            for rule in hits {
                first.entry(rule).or_insert(second);
            }
        }
        let rules: Vec<&str> = first.keys().copied().collect();
        assert_eq!(
            rules,
            ["AMT-01", "DEV-01", "GEO-01", "MER-01", "TEST-01", "VEL-01"],
            "seed {seed}"
        );
        assert!(first.values().min() <= Some(&2), "seed {seed}: {first:?}");
        assert_eq!(kinds.len(), 6);
        assert!((60_000..75_000).contains(&history));
        assert!(
            honest > 8_000 && mistaken * 100 < honest,
            "{mistaken} of {honest} honest swipes hit"
        );
    }
}

// === the source ===

struct Generated {
    records: u64,
}

impl SourceRig for Generated {
    fn create(&mut self, records: usize) -> Outcome {
        self.records = records as u64;
        Ok(())
    }

    fn open(&mut self) -> Result<Box<dyn Source>, String> {
        Ok(Box::new(GenerateSource::new(
            busy(),
            Some(self.records),
            Pace::Free,
        )))
    }

    fn expected(&self) -> BTreeMap<u32, Vec<Seen>> {
        let events = Generator::new(busy()).take(usize::try_from(self.records).unwrap());
        let seen = events.zip(0..).map(|(event, offset)| {
            let mut value = Vec::new();
            event.write_json(&mut value);
            Seen {
                offset,
                value: Some(value),
            }
        });
        BTreeMap::from([(0, seen.collect())])
    }

    fn append(&mut self, _records: usize) -> Result<bool, String> {
        Ok(false)
    }
}

#[test]
fn the_source_conforms() {
    let failures = conformance::run_all(conformance::source::ALL, || -> Box<dyn SourceRig> {
        Box::new(Generated { records: 0 })
    });
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn the_pace_is_the_callers() {
    use std::sync::atomic::{AtomicI64, Ordering};
    use std::time::Duration;

    use crate::record::Batch;
    use crate::source::SourceEvent;

    /// How many records come until the source has told its end.
    fn drain(source: &mut GenerateSource) -> usize {
        let mut records = 0;
        loop {
            match source.poll(Duration::ZERO).unwrap() {
                SourceEvent::Batch(Batch::Raw(batch)) => {
                    assert!(batch.keys.is_valid(0));
                    records += batch.len();
                }
                SourceEvent::CaughtUp { .. } | SourceEvent::Idle => return records,
                event => panic!("{event:?}"),
            }
        }
    }

    let config = || Config::demo(7, 1_767_225_600 * SECOND);
    let now = Arc::new(AtomicI64::new(config().start_time_micros - 1));
    let clock = Arc::clone(&now);
    let pace = Pace::EventTime(Arc::new(move || clock.load(Ordering::Relaxed)));
    let mut source = GenerateSource::new(config(), None, pace);
    source.poll(Duration::ZERO).unwrap();
    source.start(&[(0, 0)]).unwrap();
    let history = drain(&mut source);
    assert!((60_000..75_000).contains(&history), "{history}");
    assert_eq!(drain(&mut source), 0);
    now.fetch_add(2 * SECOND, Ordering::Relaxed);
    let live = drain(&mut source);
    assert!((800..1_300).contains(&live), "{live} in two seconds");

    let mut allowed = 0;
    let pace = Pace::Count(Box::new(move || {
        allowed += 700;
        allowed
    }));
    let mut source = GenerateSource::new(config(), Some(2_000), pace);
    source.poll(Duration::ZERO).unwrap();
    source.start(&[(0, 100)]).unwrap();
    for expected in [700, 700, 500] {
        let SourceEvent::Batch(Batch::Raw(batch)) = source.poll(Duration::ZERO).unwrap() else {
            panic!("expected {expected} records");
        };
        assert_eq!(batch.len(), expected);
    }
}
