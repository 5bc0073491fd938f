//! How decisions share a record: what may be said of it, and where.

use super::*;

fn text(sinks: &str) -> String {
    format!(
        "name: a\npack: p.yaml\nsource: {{ embedded: {{ topic: swipes }} }}\nsinks: {sinks}\ndelivery: at_least_once\n"
    )
}

fn packing(sinks: &str) -> Vec<Packing> {
    let checked = checked(&text(sinks), &Fake::default());
    assert_eq!(checked.findings, []);
    checked.config.unwrap().sinks.packing
}

#[test]
fn each_sink_of_decisions_has_its_own() {
    assert_eq!(
        packing("{ decisions: { embedded: { topic: d } } }"),
        [Packing::None]
    );
    let bounds = Bounds {
        rows: 10,
        ..Bounds::DEFAULT
    };
    assert_eq!(
        packing(
            "{ decisions: [ stdout, { embedded: { topic: d, packing: ndjson } }, { file: { path: d.ndjson } }, \
             { kafka: { brokers: 127.0.0.1:9092, topic: d, packing: arrow, packing_rows: 10 } } ] }"
        ),
        [
            Packing::None,
            Packing::Ndjson(Bounds::DEFAULT),
            Packing::None,
            Packing::Arrow(bounds),
        ]
    );
}

#[test]
fn what_makes_no_sense_is_told() {
    find(
        &text("{ decisions: { embedded: { topic: d, packing: ndjsn } } }"),
        expect![[r#"
            4:54 E1003 error: packing: `ndjsn` is none of none, ndjson, arrow (did you mean `ndjson`?)
        "#]],
    );
    find(
        &text(
            "{ decisions: { embedded: { topic: d, packing: arrow, packing_rows: 0, packing_bytes: 1e9 } } }",
        ),
        expect![[r#"
            4:75 E1005 error: packing_rows: `0` is not a whole number from 1 to 10000
            4:93 E1005 error: packing_bytes: `1e9` is not a whole number from 1024 to 900000
        "#]],
    );
    find(
        &text("{ decisions: { embedded: { topic: d, packing_rows: 5 } } }"),
        expect![[r#"
            4:59 E1003 error: packing_rows says nothing without `packing` (say `packing: ndjson` or `packing: arrow`, or leave it out)
        "#]],
    );
    // Alerts come one by one, and a file has its own kinds.
    find(
        &text(
            "{ decisions: { file: { path: d.ndjson, packing: arrow } }, alerts: { embedded: { topic: a, packing: arrow } } }",
        ),
        expect![[r#"
            4:47 E1002 error: unknown key `packing` in sinks.decisions.file (known here: path)
            4:99 E1002 error: unknown key `packing` in sinks.alerts.embedded (known here: topic)
        "#]],
    );
}
