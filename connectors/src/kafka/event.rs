//! What librdkafka has to say, one event at a time.

use rdkafka::types::RDKafkaErrorCode;

use super::raw::Message;

/// What an event says.
pub(super) enum Kind<'e> {
    Message(Message<'e>),
    /// All of a partition has been read, up to this next offset.
    Eof {
        partition: i32,
        offset: i64,
    },
    /// A partition cannot be read at this offset.
    PartitionError {
        partition: i32,
        offset: i64,
        text: String,
    },
    /// The client as a whole has trouble.
    ClientError {
        code: RDKafkaErrorCode,
        text: String,
        fatal: bool,
    },
    Assign(Vec<i32>),
    Revoke(Vec<i32>),
    /// Delivery reports: how many were acknowledged, and the first that was given up.
    Delivered {
        count: usize,
        failed: Option<String>,
    },
    /// Logs and the like.
    Other,
}
