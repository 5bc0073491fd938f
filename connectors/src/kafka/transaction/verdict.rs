//! What an answer of a transactional call means for what is done next.
//!
//! The idea: librdkafka marks errors as fatal, abortable or retriable, which is right while records are gathered. Once a
//! commit was asked for, an error that is not plainly "ask again" says nothing about what the broker did. The invariant:
//! an error nobody thought of is a doubt, which costs a new producer and no record.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The same call with the same arguments.
    Again,
    /// Abort the transaction, and write its records to another.
    GiveUp,
    /// Only a new producer can tell what became of it.
    Doubt,
    /// Another process has this instance.
    Fenced,
    /// No later call will do better.
    Stop,
}

/// What an error means; `committing` once the broker was asked to commit.
pub(super) fn verdict(error: &KafkaError, committing: bool) -> Verdict {
    let KafkaError::Transaction(error) = error else {
        // The wrapper flushes before it commits, and says so of what is not acknowledged yet.
        return match error {
            KafkaError::Flush(_) => Verdict::Again,
            _ => Verdict::Doubt,
        };
    };
    let marks = Marks {
        fatal: error.is_fatal(),
        abortable: error.txn_requires_abort(),
        retriable: error.is_retriable(),
    };
    judge(error.code(), marks, committing)
}

/// How librdkafka marks an error.
#[derive(Clone, Copy, Debug, Default)]
struct Marks {
    fatal: bool,
    abortable: bool,
    retriable: bool,
}

fn judge(code: Code, marks: Marks, committing: bool) -> Verdict {
    match code {
        Code::FencedInstanceId => Verdict::Fenced,
        Code::TransactionalIdAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::TopicAuthorizationFailed
        | Code::UnsupportedFeature
        | Code::UnsupportedVersion
        | Code::InvalidTransactionTimeout
        | Code::InvalidConfig => Verdict::Stop,
        // A call before this one has not ended: the same call picks it up.
        Code::Conflict | Code::PreviousInProgress if !marks.fatal => Verdict::Again,
        _ if marks.fatal => Verdict::Doubt,
        _ if marks.abortable && !committing => Verdict::GiveUp,
        _ if marks.abortable => Verdict::Doubt,
        _ if marks.retriable => Verdict::Again,
        _ => Verdict::Doubt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FATAL: Marks = Marks {
        fatal: true,
        abortable: false,
        retriable: false,
    };
    const ABORTABLE: Marks = Marks {
        fatal: false,
        abortable: true,
        retriable: false,
    };
    const RETRIABLE: Marks = Marks {
        fatal: false,
        abortable: false,
        retriable: true,
    };
    const NONE: Marks = Marks {
        fatal: false,
        abortable: false,
        retriable: false,
    };

    /// The errors a broker was seen to answer with, at their calls.
    #[test]
    fn what_a_broker_answers_is_judged_by_kind() {
        let cases = [
            (Code::Fenced, FATAL, false, Verdict::Doubt),
            (Code::Fenced, FATAL, true, Verdict::Doubt),
            (Code::UnknownMemberId, ABORTABLE, false, Verdict::GiveUp),
            (Code::IllegalGeneration, ABORTABLE, false, Verdict::GiveUp),
            (Code::Unknown, ABORTABLE, true, Verdict::Doubt),
            (Code::OperationTimedOut, RETRIABLE, false, Verdict::Again),
            (Code::OperationTimedOut, RETRIABLE, true, Verdict::Again),
            (
                Code::BrokerTransportFailure,
                RETRIABLE,
                false,
                Verdict::Again,
            ),
            (Code::Conflict, NONE, true, Verdict::Again),
            (Code::FencedInstanceId, ABORTABLE, false, Verdict::Fenced),
            (
                Code::TransactionalIdAuthorizationFailed,
                FATAL,
                false,
                Verdict::Stop,
            ),
            (Code::InvalidTransactionalState, NONE, true, Verdict::Doubt),
        ];
        for (code, marks, committing, wanted) in cases {
            let found = judge(code, marks, committing);
            assert_eq!(
                found, wanted,
                "{code:?}, {marks:?}, committing: {committing}"
            );
        }
    }

    #[test]
    fn an_unacknowledged_flush_is_asked_again() {
        let error = KafkaError::Flush(Code::OperationTimedOut);
        assert_eq!(verdict(&error, true), Verdict::Again);
    }
}
