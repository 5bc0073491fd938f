//! Which snapshots are refused, and what a pack with other rules takes over.

use super::*;

/// The state after three events of a card: `c` was reviewed, with an alert.
fn before() -> Saved {
    let rules = rules(PACK);
    let mut engine = engine(&rules);
    let table = "0 0 a c1 5\n 1 0 b c1 5\n 2 0 c c1 5";
    assert_eq!(alerts(&mut engine, table), "c VEL");
    save(&mut engine)
}

/// The alerts of some events, each with its rule.
fn alerts(engine: &mut Engine, table: &str) -> String {
    let (rows, mut out) = (rows(table), StepOutput::default());
    let rules = Arc::clone(&engine.rules);
    engine.step(&Events::of(&rules, &rows).step(), &mut out);
    let alerts = out.hits.iter().filter(|hit| hit.alert);
    let named = alerts.map(|hit| match hit.by {
        Hitter::Rule(rule) => format!("{} {}", rows[hit.row].id, rules.rules[rule].id),
        Hitter::List(_) => String::new(),
    });
    named.collect::<Vec<_>>().join(", ")
}

/// The fixture's pack with something replaced, which must be there.
fn pack(from: &str, to: &str) -> Arc<RuleSet> {
    assert!(PACK.contains(from), "{from}");
    rules(&PACK.replace(from, to))
}

#[test]
fn a_pack_with_other_state_is_refused() {
    let saved = before();
    for (from, to) in [
        ("agg: count(), over: 10m", "agg: count(), over: 11m"),
        ("agg: count(), over: 10m", "agg: count(n), over: 10m"),
        (
            "agg: count(), over: 10m",
            "agg: count(), over: 10m, scope: prior",
        ),
        (
            "over: 10m, where: amount > 1",
            "over: 10m, where: amount > 2",
        ),
        ("by: shop, agg: sum(amount)", "by: card, agg: sum(amount)"),
        ("agg: sum(amount), over: 1h", "agg: max(amount), over: 1h"),
        (
            "features:\n",
            "features:\n  more: { by: card, agg: max(n), over: 1h }\n",
        ),
        ("max_lateness: 2m", "max_lateness: 3m"),
        ("dedup: 1h", "dedup: 2h"),
        ("policy:\n", "limits: { keys: 70000 }\npolicy:\n"),
        ("policy:\n", "limits: { events_per_key: 70000 }\npolicy:\n"),
        (
            "policy:\n",
            "limits: { distinct_per_key: 70000 }\npolicy:\n",
        ),
    ] {
        let refused = restore(&pack(from, to), "app", &saved);
        let state = matches!(refused, Err(RestoreError::State { .. }));
        assert!(state, "{to}: {:?}", refused.err());
    }
}

#[test]
fn another_application_or_version_is_refused() {
    let (rules, saved) = (rules(PACK), before());
    let refused = restore(&rules, "other", &saved).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the snapshot is of the application `app`, and this is `other`"
    );
    let with = |word: usize, value: u64| {
        let mut saved = saved.clone();
        let head = saved.get_mut("head").unwrap();
        head[8 * word..8 * word + 8].copy_from_slice(&value.to_le_bytes());
        restore(&rules, "app", &saved).unwrap_err()
    };
    assert!(matches!(with(0, 7), RestoreError::NoSnapshot));
    let (format, semantics) = (u64::from(FORMAT) + 1, u64::from(SEMANTICS) + 1);
    assert!(matches!(with(1, format), RestoreError::Format { found, .. } if found == format));
    assert!(
        matches!(with(2, semantics), RestoreError::Semantics { found, .. } if found == semantics)
    );
}

#[test]
fn a_rule_that_is_the_same_keeps_its_alerts() {
    let saved = before();
    let next = "3 0 d c1 5\n 4 0 e c2 5\n 5 0 f c2 5\n 6 0 g c2 5";
    for (from, to, wanted) in [
        // The alert of c1 was a second ago.
        ("when: cnt >= :n", "when: cnt >= 2", "f VEL"),
        ("reason: VELOCITY", "reason: FAST", "g VEL"),
        // It has another memory now, or is another rule.
        ("\"card, 5m\"", "\"card, 6m\"", "d VEL, g VEL"),
        ("\"card, 5m\"", "\"shop, 5m\"", "d VEL, g VEL"),
        ("id: VEL", "id: NEW", "d NEW, g NEW"),
        // One alert may go out, and did.
        ("at_most: 9/5m", "at_most: 1/5m", ""),
        ("at_most: 9/5m", "at_most: 1/6m", "g VEL"),
        ("id: BIG", "id: BIGGER", "g VEL"),
    ] {
        let mut engine = restore(&pack(from, to), "app", &saved).unwrap();
        assert_eq!(alerts(&mut engine, next), wanted, "{to}");
    }
}

#[test]
fn a_rule_keeps_its_alerts_wherever_it_stands() {
    let saved = before();
    let new = "rules:\n  - id: FIRST\n    when: amount > 4\n    \
               then: { action: review, score: 1, reason: F, once_per: \"card, 5m\" }\n";
    let mut engine = restore(&pack("rules:\n", new), "app", &saved).unwrap();
    let next = "3 0 d c1 5\n 4 0 e c2 5\n 5 0 f c2 5\n 6 0 g c2 5";
    assert_eq!(alerts(&mut engine, next), "d FIRST, e FIRST, g VEL");
}

#[test]
fn a_duplicate_repeats_an_outcome_by_its_name() {
    let saved = before();
    let again = rows("2 0 c c1 5");
    for (from, to, wanted) in [
        ("order: [decline,", "order: [decline, hold,", "review"),
        ("review", "look", "approve"),
    ] {
        let rules = pack(from, to);
        let mut engine = restore(&rules, "app", &saved).unwrap();
        let decided = bytes(&mut engine, &rules, &again, 1);
        assert!(decided.contains("\"duplicate\""), "{decided}");
        let outcome = format!("\"outcome\":\"{wanted}\",\"score\"");
        assert!(decided.contains(&outcome), "{to}: {decided}");
    }
}
