//! `tollgate audit`: clean on an installation that is, and the name of the fault on copies that were damaged on purpose.
//!
//! A copy lies on a broker of its own, under the same names; the transactions are gone, the records are there.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::time::Duration;

use tests::broker::Broker;
use tests::crash::checker::Dump;
use tests::crash::{Feeder, Site};
use tests::topic::{self, Message, Reader, Record};

const DEADLINE: Duration = Duration::from_secs(240);
const APP: &str = "audited";

/// The topics of an installation on a broker of its own.
fn copy(dump: &Dump, committed: &[i64]) -> Option<(Broker, Site)> {
    let broker = Broker::start()?;
    let address = broker.address();
    let site = Site::new(&address, &address, APP, "mode: exactly_once", "");
    topic::create(&address, &format!("{APP}.control"), 1);
    let topics = [
        ("-out", &dump.decisions),
        ("-alerts", &dump.alerts),
        ("-dead", &dump.dead),
        (".control", &dump.control),
    ];
    for (name, messages) in topics {
        let record = |message: &Message| Record {
            key: message.key.clone(),
            value: message.value.clone(),
            headers: message.headers.clone(),
            partition: Some(message.partition),
            timestamp: None,
        };
        topic::produce(
            &address,
            &format!("{APP}{name}"),
            messages.iter().map(record),
        );
    }
    topic::commit(&address, APP, &format!("{APP}-in"), committed);
    Some((broker, site))
}

#[test]
fn what_was_damaged_is_named() {
    let Some(broker) = Broker::start() else {
        return;
    };
    let address = broker.address();
    let site = Site::new(
        &address,
        &address,
        APP,
        "commit_every: 20ms, commit_records: 300",
        "",
    );
    let feeder = Feeder::start(&address, &format!("{APP}-in"), 7);
    let mut reader = Reader::new(&address, &format!("{APP}-out"));
    let running = site.start(None);
    for _ in 0..1_000 {
        let _ = reader.next(DEADLINE);
    }
    let _ = feeder.stop();
    site.caught_up(&address, DEADLINE);
    let _ = site.stop(running);
    assert_eq!(site.audit().success().stdout.lines().last(), Some("clean"));

    let dump = Dump::read(&address, APP);
    assert!(dump.control.len() > 4, "few commits");
    let committed = topic::committed(&address, APP, &format!("{APP}-in"));
    let committed: Vec<i64> = committed.into_iter().map(Option::unwrap).collect();
    let audited = |damage: fn(&mut Dump)| {
        let mut damaged = dump.clone();
        damage(&mut damaged);
        let (_broker, site) = copy(&damaged, &committed).expect("a broker was there before");
        site.audit()
    };
    let whole = audited(|_| {}).success();
    assert_eq!(whole.stdout.lines().last(), Some("clean"));
    let torn = audited(|it| {
        it.decisions.remove(100);
    });
    let torn = torn.exited(1).stdout;
    assert!(
        torn.contains("\nlost: 1\n") && torn.contains("\ntorn: 1\n"),
        "{torn}"
    );
    let missing = audited(|it| {
        it.control.remove(2);
    });
    let missing = missing.exited(1).stdout;
    assert!(missing.contains("commit 2 is missing"), "{missing}");
    let twice = audited(|it| {
        let again = it.decisions[100].clone();
        it.decisions.insert(101, again);
    });
    let twice = twice.exited(1).stdout;
    assert!(twice.contains("\nduplicated: 1\n"), "{twice}");
}
