//! The Kafka connector against a real broker: the conformance suites, and what only a broker can do to it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "tests"
)]

mod data;
mod faults;
mod rig;

use connectors::conformance;
use connectors::conformance::log::LogRig;
use connectors::conformance::sink::SinkRig;
use connectors::conformance::source::SourceRig;
use tests::broker::Broker;

use rig::{ExactRig, Rig};

#[test]
fn the_source_conforms() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let failures = conformance::run_all(conformance::source::ALL, || -> Box<dyn SourceRig> {
        Rig::boxed(broker)
    });
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn the_sink_conforms() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let failures = conformance::run_all(conformance::sink::ALL, || -> Box<dyn SinkRig> {
        Rig::boxed(broker)
    });
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn the_commit_log_conforms() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let failures = conformance::run_all(conformance::log::ALL, || -> Box<dyn LogRig> {
        Rig::boxed(broker)
    });
    assert_eq!(failures, Vec::<String>::new());
}

#[test]
fn the_commit_log_of_transactions_conforms() {
    let Some(broker) = Broker::shared() else {
        return;
    };
    let failures = conformance::run_all(conformance::log::ALL, || -> Box<dyn LogRig> {
        ExactRig::boxed(broker)
    });
    assert_eq!(failures, Vec::<String>::new());
}
