//! What decisions and alerts look like, in both renderings.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::sync::Arc;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use expect_test::{Expect, expect};

use super::*;
use crate::evaluate::fixture::{Events, PACK, rows, rules};
use crate::evaluate::{Engine, StepOutput};
use crate::state::seed::HashSeed;

const TABLE: &str = "0 0 a c1 5 shop=s\u{202e}
                     1 0 b c1 5
                     2 0 c c1 600 n=50
                     2 0 c c1 600
                     3 0 d v1 600";

fn ran(with: impl FnOnce(View<'_>)) {
    let rules = rules(PACK);
    let mut engine = Engine::new(Arc::clone(&rules), "card-fraud", HashSeed::FIXED);
    let mut output = StepOutput::default();
    let events = Events::of(&rules, &rows(TABLE));
    engine.step(&events.step(), &mut output);
    let renderer = Renderer::new(rules, "card-fraud", "swipes");
    with(renderer.view(&events.batch, &output));
}

fn check(expected: &Expect, write: impl FnOnce(&View<'_>, &mut Vec<u8>)) {
    ran(|view| {
        let mut out = Vec::new();
        write(&view, &mut out);
        let text = String::from_utf8(out).unwrap();
        serde_json::from_str::<serde_json::Value>(&text).unwrap();
        // The pack's version is a hash of its text, which tests may change.
        let version = &view.renderer.rules.version;
        expected.assert_eq(&text.replace(version, "small@…"));
    });
}

#[test]
fn a_decision_without_hits() {
    check(
        &expect![[
            r#"{"decision_id":"508303a733d8bf8c90a7522410122044","event_id":"a","position":{"topic":"swipes","partition":0,"offset":0},"event_time":"2026-01-01T00:00:00.000000Z","outcome":"approve","score":0,"hits":[],"values":{},"flags":[],"pack":"small@…"}"#
        ]],
        |view, out| view.write_decision(0, out),
    );
}

#[test]
fn a_decision_with_hits() {
    check(
        &expect![[
            r#"{"decision_id":"5eaa97595b0d08415450b42cb5bc0948","event_id":"c","position":{"topic":"swipes","partition":0,"offset":2},"event_time":"2026-01-01T00:00:02.000000Z","outcome":"decline","score":100,"hits":[{"rule":"VEL","mode":"live","action":"review","score":40,"reason":"VELOCITY","explain":"3 worth 610.00 (limit 3)"},{"rule":"BIG","mode":"live","action":"decline","score":70,"reason":"BIG","explain":"600.00 at unknown, 611.00"},{"rule":"WATCH","mode":"shadow","action":"review","score":5,"reason":"WATCH","explain":""}],"values":{"cnt":3,"total":"610.0000","shops":1,"prev.shop":null,"everyone":3},"flags":[],"pack":"small@…"}"#
        ]],
        |view, out| view.write_decision(2, out),
    );
}

#[test]
fn a_duplicate_has_the_id_of_the_first() {
    check(
        &expect![[
            r#"{"decision_id":"5eaa97595b0d08415450b42cb5bc0948","event_id":"c","position":{"topic":"swipes","partition":0,"offset":3},"event_time":"2026-01-01T00:00:02.000000Z","outcome":"decline","score":100,"hits":[],"values":{},"flags":["duplicate"],"pack":"small@…"}"#
        ]],
        |view, out| view.write_decision(3, out),
    );
}

#[test]
fn a_decision_by_a_list() {
    check(
        &expect![[
            r#"{"decision_id":"ea3c36688c278006b0150b28ffdde58d","event_id":"d","position":{"topic":"swipes","partition":0,"offset":4},"event_time":"2026-01-01T00:00:03.000000Z","outcome":"approve","score":0,"hits":[{"rule":"vip","mode":"list","action":"approve","score":0,"reason":"VIP","explain":"on the list vip"},{"rule":"BIG","mode":"live","action":"decline","score":70,"reason":"BIG","explain":"600.00 at unknown, 601.00"}],"values":{"total":"600.0000","prev.shop":null},"flags":[],"pack":"small@…"}"#
        ]],
        |view, out| view.write_decision(4, out),
    );
}

#[test]
fn an_alert() {
    check(
        &expect![[
            r#"{"alert_id":"c7304a724c1732a654c94039f4285ed9","rule":"VEL","owner":"fraud","notify":"desk","decision_id":"5eaa97595b0d08415450b42cb5bc0948","event_id":"c","position":{"topic":"swipes","partition":0,"offset":2},"event_time":"2026-01-01T00:00:02.000000Z","outcome":"decline","score":100,"hit":{"rule":"VEL","mode":"live","action":"review","score":40,"reason":"VELOCITY","explain":"3 worth 610.00 (limit 3)"},"values":{"cnt":3,"total":"610.0000"},"flags":[],"pack":"small@…"}"#
        ]],
        |view, out| {
            let hit = view.alerts().next().unwrap();
            view.write_alert(hit, out);
        },
    );
}

#[test]
fn columns_say_what_the_json_says() {
    ran(|view| {
        let batch = view.decision_columns().unwrap();
        assert_eq!(batch.schema(), decision_schema());
        let column = |name: &str| batch.column_by_name(name).unwrap();
        for row in 0..batch.num_rows() {
            let mut out = Vec::new();
            view.write_decision(row, &mut out);
            let json: serde_json::Value = serde_json::from_slice(&out).unwrap();
            for name in ["decision_id", "event_id", "outcome", "pack"] {
                assert_eq!(
                    json[name],
                    column(name).as_string::<i32>().value(row),
                    "{name}"
                );
            }
            assert_eq!(
                json["score"],
                column("score").as_primitive::<Int64Type>().value(row)
            );
            let values: serde_json::Value =
                serde_json::from_str(column("values").as_string::<i32>().value(row)).unwrap();
            assert_eq!(json["values"], values);
            let time = column("event_time")
                .as_primitive::<TimestampMicrosecondType>()
                .value(row);
            let time = jiff::Timestamp::from_microsecond(time).unwrap();
            assert_eq!(json["event_time"], format!("{time:.6}"));
            let hits = column("hits").as_list::<i32>().value(row);
            let hits = hits.as_struct();
            let written = json["hits"].as_array().unwrap();
            assert_eq!(written.len(), hits.len());
            for (index, hit) in written.iter().enumerate() {
                for name in ["rule", "mode", "action", "reason", "explain"] {
                    let column = hits.column_by_name(name).unwrap();
                    assert_eq!(hit[name], column.as_string::<i32>().value(index));
                }
            }
            let flags = column("flags").as_list::<i32>().value(row);
            assert_eq!(json["flags"].as_array().unwrap().len(), flags.len());
        }
        let alerts = view.alert_columns().unwrap();
        assert_eq!(alerts.schema(), alert_schema());
        assert_eq!(alerts.num_rows(), view.alerts().count());
    });
}
