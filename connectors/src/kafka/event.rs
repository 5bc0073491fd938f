//! What librdkafka has to say, one event at a time.

use std::ffi::c_void;
use std::ptr;

use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

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

pub(super) const NO_ERROR: RDKafkaRespErr = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR;

pub(super) fn error_name(err: RDKafkaRespErr) -> String {
    RDKafkaErrorCode::from(err).to_string()
}

pub(super) fn outcome(err: RDKafkaRespErr) -> Result<(), RDKafkaErrorCode> {
    if err == NO_ERROR {
        Ok(())
    } else {
        Err(err.into())
    }
}

/// Where bytes lie; null for none, which an empty string is not.
pub(super) fn pointer(bytes: Option<&[u8]>) -> (*const c_void, usize) {
    bytes.map_or((ptr::null(), 0), |bytes| {
        (bytes.as_ptr().cast(), bytes.len())
    })
}
