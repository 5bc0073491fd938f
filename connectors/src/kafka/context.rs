//! What librdkafka calls while it works: here it only listens.
//!
//! The idea: what matters comes as an error of a call. The invariant: a lost connection or answer is not forgotten, because no
//! call tells of it where the library asks once more by itself.

use std::sync::atomic::{AtomicBool, Ordering};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::ProducerContext;

/// Sends librdkafka's own log lines to `tracing`, at debug level.
#[derive(Debug, Default)]
pub(super) struct Quiet {
    /// Whether a question may be on its way whose answer nobody waits for.
    pub(super) lost: AtomicBool,
}

/// Whether a line of librdkafka's log tells that a question may be on its way although nobody waits for its answer any more: it was
/// given up, or a connection has ended that was there. One that was not made has brought no question.
fn tells_of_a_loss(facility: &str, text: &str) -> bool {
    let there = ["in state UP", "in state REAUTH"];
    facility == "REQTMOUT" || facility == "FAIL" && there.iter().any(|state| text.contains(state))
}

impl ClientContext for Quiet {
    fn log(&self, _level: RDKafkaLogLevel, facility: &str, text: &str) {
        if tells_of_a_loss(facility, text) {
            self.lost.store(true, Ordering::Release);
        }
        tracing::debug!(facility, text, "librdkafka");
    }

    fn error(&self, _error: KafkaError, reason: &str) {
        tracing::debug!(reason, "librdkafka error");
    }
}

impl rdkafka::consumer::ConsumerContext for Quiet {}

impl ProducerContext for Quiet {
    type DeliveryOpaque = ();

    fn delivery(&self, _result: &DeliveryResult<'_>, _opaque: ()) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Lines as librdkafka 2.12 writes them.
    #[test]
    fn a_loss_is_told_from_a_connection_that_was_never_made() {
        let lost = [
            (
                "REQTMOUT",
                "TxnCoordinator/1: Timed out EndTxnRequest in flight (after 2001ms, timeout #0)",
            ),
            (
                "FAIL",
                "127.0.0.1:9092/1: Disconnected (after 8345ms in state UP)",
            ),
            (
                "FAIL",
                "127.0.0.1:9092/1: 3 request(s) timed out: disconnect (after 60102ms in state UP)",
            ),
        ];
        let other = [
            (
                "FAIL",
                "127.0.0.1:9092/2: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)",
            ),
            (
                "FAIL",
                "kafka:9092/bootstrap: Failed to resolve 'kafka:9092' (after 3ms in state CONNECT)",
            ),
            (
                "GETPID",
                "Failed to acquire transactional PID from broker TxnCoordinator/1",
            ),
        ];
        assert!(
            lost.iter()
                .all(|(facility, text)| tells_of_a_loss(facility, text))
        );
        assert!(
            !other
                .iter()
                .any(|(facility, text)| tells_of_a_loss(facility, text))
        );
    }
}
