//! What a step decides, and that neither cuts nor a refold show.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use expect_test::{Expect, expect};

use super::fixture::{Events, PACK, Row, bytes, decided, random, rows, rules};
use super::*;

fn check(table: &str, expected: &Expect) -> Counts {
    let (text, output) = decided(&rules(PACK), &rows(table));
    expected.assert_eq(&text);
    output.counts
}

#[test]
fn a_duplicate_repeats_the_first_decision_and_changes_nothing() {
    let counts = check(
        "0   0 a c1 600
         10  0 b c1 5
         20  1 a c1 600
         21  0 b c1 900
         30  0 c c1 5",
        &expect![[r#"
            a decline 70 BIG!!
            b approve 0
            a decline 70 [duplicate]
            b approve 0 [duplicate]
            c review 40 VEL!!
        "#]],
    );
    assert_eq!(counts.duplicates, 2);
}

#[test]
fn a_late_event_is_decided_and_not_added() {
    let counts = check(
        "0   0 a c1 5
         300 0 b c1 5
         180 0 c c1 5
         179 0 d c1 5
         300 0 e c1 5
         0   1 f c1 5",
        &expect![[r#"
            a approve 0
            b approve 0
            c approve 0
            d approve 0 [late approximate]
            e review 40 VEL!!
            f approve 0 [approximate]
        "#]],
    );
    assert_eq!(counts.late, 1);
}

#[test]
fn a_list_decides_before_rules_and_nothing_acts() {
    let counts = check(
        "0 0 a v1 600
         1 0 b c1 600
         2 0 c -  600",
        &expect![[r#"
            a approve 0 list! BIG
            b decline 70 BIG!!
            c decline 70 BIG!!
        "#]],
    );
    assert_eq!(
        (counts.by_list, counts.rules[1].hits, counts.rules[1].alerts),
        (1, 3, 2)
    );
}

#[test]
fn once_per_suppresses_the_alert_and_not_the_decision() {
    let counts = check(
        "0   0 a c1 5
         1   0 b c1 5
         2   0 c c1 5
         3   0 d c1 5
         301 0 e c1 5
         302 0 f c1 5",
        &expect![[r#"
            a approve 0
            b approve 0
            c review 40 VEL!!
            d review 40 VEL!
            e review 40 VEL!
            f review 40 VEL!!
        "#]],
    );
    let velocity = counts.rules[0];
    assert_eq!(
        (velocity.hits, velocity.alerts, velocity.suppressed),
        (4, 2, 2)
    );
}

#[test]
fn r8_at_most_bounds_the_alerts_of_a_rule_and_no_decision() {
    // RATIO may alert three times in ten minutes.
    let counts = check(
        "0   0 a - 950
         1   0 b - 950
         1   0 b - 950
         2   0 c - 950
         3   0 d - 950
         599 0 e - 950
         500 0 f - 950
         600 0 g - 950
         601 0 h - 950
         601 0 i - 950",
        &expect![[r#"
            a decline 71 BIG!! RATIO!!
            b decline 71 BIG!! RATIO!!
            b decline 71 [duplicate]
            c decline 71 BIG!! RATIO!!
            d decline 71 BIG!! RATIO!
            e decline 71 BIG!! RATIO!
            f decline 71 BIG!! RATIO!
            g decline 71 BIG!! RATIO!!
            h decline 71 BIG!! RATIO!!
            i decline 71 BIG!! RATIO!
        "#]],
    );
    let ratio = counts.rules[3];
    assert_eq!((ratio.hits, ratio.alerts, ratio.suppressed), (9, 5, 4));
}

#[test]
fn what_one_bound_keeps_back_uses_up_nothing_of_the_other() {
    let text = PACK.replace("at_most: 9/5m", "at_most: 2/5m");
    // VEL hits from the third event of a card on; two alerts in five minutes, one per card in five minutes.
    let rules = rules(&text);
    let hits = |table: &str| {
        let (text, output) = decided(&rules, &rows(table));
        let alerts = text.lines().filter(|line| line.contains("VEL!!"));
        let ids = alerts.map(|line| line.split(' ').next().unwrap_or("").to_owned());
        (
            ids.collect::<Vec<_>>().join(" "),
            output.counts.rules[0].suppressed,
        )
    };
    let mut table = String::new();
    for (card, from) in [("c1", 0), ("c2", 10), ("c3", 20)] {
        for n in 0..5 {
            table += &format!("{} 0 {card}-{n} {card} 5\n", from + n);
        }
    }
    // c1 and c2 alert once; c3, kept back by the limit alone, does so when the first two have left the limit's span.
    assert_eq!(hits(&table), ("c1-2 c2-2".to_owned(), 7));
    table += "302 0 late c3 5\n";
    assert_eq!(hits(&table), ("c1-2 c2-2 late".to_owned(), 7));
}

#[test]
fn off_shadow_and_expired_rules() {
    check(
        "0   0 a c1 7 shop=s1
         599 0 b c1 7 shop=s1
         600 0 c c2 7 shop=s1
         601 0 d c2 7 shop=s2
         602 0 e c2 7 shop=s2",
        &expect![[r#"
            a review 2 OLD!!
            b review 2 OLD!!
            c approve 0
            d approve 0 WATCH
            e review 40 VEL!! WATCH
        "#]],
    );
}

#[test]
fn faults_are_counted_only_where_they_leave_the_condition_unknown() {
    let counts = check(
        "0 0 a c1 5 n=0
         1 0 b c2 5 n=10
         2 0 c c3 950 n=0
         3 0 d c4 5
         4 0 e c5 5 n=0
         4 0 e c5 5 n=0",
        &expect![[r#"
            a approve 0
            b review 1 RATIO!!
            c decline 71 BIG!! RATIO!!
            d approve 0
            e approve 0
            e approve 0 [duplicate]
        "#]],
    );
    let by_cause: Vec<u64> = counts.rules[3].faults.to_vec();
    assert_eq!(by_cause, [2, 0, 0, 0]);
    assert!(
        counts
            .rules
            .iter()
            .enumerate()
            .all(|(i, r)| i == 3 || r.faults == [0; 4])
    );
}

#[test]
fn how_rows_are_cut_into_steps_shows_nowhere() {
    let rules = rules(PACK);
    for seed in 1..6 {
        let rows = random(seed, 600);
        let run = |cut| {
            bytes(
                &mut Engine::new(Arc::clone(&rules), "app", HashSeed::FIXED),
                &rules,
                &rows,
                cut,
            )
        };
        let whole = run(rows.len());
        assert!(
            whole.contains("\"duplicate\"") && whole.contains("\"late\""),
            "seed {seed}"
        );
        assert!(
            whole.contains("alert_id") && whole.contains("\"mode\":\"list\""),
            "seed {seed}"
        );
        for cut in [1, 2, 7, 64, 599] {
            assert!(run(cut) == whole, "seed {seed}, steps of {cut}");
        }
    }
}

#[test]
fn a_refold_leaves_the_state_that_deciding_leaves() {
    let rules = rules(PACK);
    for seed in 10..15 {
        let rows = random(seed, 600);
        let (before, after) = rows.split_at(400);
        let mut stepped = Engine::new(Arc::clone(&rules), "app", HashSeed::FIXED);
        bytes(&mut stepped, &rules, before, 33);
        let mut folded = Engine::new(Arc::clone(&rules), "app", HashSeed::FIXED);
        for chunk in before.chunks(50) {
            folded.fold(&Events::of(&rules, chunk).step());
        }
        assert_eq!(
            once_contents(&stepped),
            once_contents(&folded),
            "seed {seed}"
        );
        assert_eq!(sizes(&stepped), sizes(&folded), "seed {seed}");
        let [left, right] = [&mut stepped, &mut folded].map(|e| bytes(e, &rules, after, 20));
        assert!(left == right, "seed {seed}");
    }
}

type Contents = (Vec<Vec<(u128, i64)>>, Vec<Option<Limit>>);

fn once_contents(engine: &Engine) -> Contents {
    let once = engine.once.iter().flatten().map(Once::contents);
    (once.collect(), engine.limits.clone())
}

fn sizes(engine: &Engine) -> (Vec<(usize, usize)>, usize) {
    let sizes = engine.sizes();
    let groups = sizes.groups.iter().map(|size| (size.keys, size.events));
    (groups.collect(), sizes.once_keys)
}

#[test]
fn sizes_say_what_is_held() {
    let rules = rules(PACK);
    let mut engine = Engine::new(Arc::clone(&rules), "app", HashSeed::FIXED);
    let rows: Vec<Row> = rows("0 0 a c1 5 shop=s1\n 1 0 b c2 5 shop=s1");
    engine.fold(&Events::of(&rules, &rows).step());
    let sizes = engine.sizes();
    assert_eq!(sizes.feature_bytes.len(), rules.features.len());
    assert!(sizes.feature_bytes.iter().all(|bytes| *bytes > 0) && sizes.dedup_bytes > 0);
    let keys: Vec<usize> = sizes.groups.iter().map(|group| group.keys).collect();
    assert_eq!(keys, [2, 1, 1]);
}

#[test]
fn an_empty_step_brings_nothing() {
    let rules = rules(PACK);
    let mut engine = Engine::new(Arc::clone(&rules), "app", HashSeed::FIXED);
    let mut output = StepOutput::default();
    engine.step(&Events::of(&rules, &[]).step(), &mut output);
    assert!(output.decisions.is_empty() && output.hits.is_empty());
    assert_eq!(
        output.features.len(),
        rules.columns.len() - rules.schema.fields.len()
    );
}
