//! What librdkafka has to say, one event at a time.

use std::ffi::c_void;
use std::ptr;

use rdkafka::types::{RDKafkaErrorCode, RDKafkaRespErr};

use super::raw::{Event, Message};

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
    /// A line of librdkafka's log, and what it is about.
    Log {
        facility: String,
        text: String,
    },
    Other,
}

/// An error as an event has it.
pub(super) struct Fault {
    pub(super) err: RDKafkaRespErr,
    pub(super) text: String,
    pub(super) fatal: bool,
    /// Partition and offset, where it is of one.
    pub(super) place: Option<(i32, i64)>,
}

impl Fault {
    pub(super) fn kind(self) -> Kind<'static> {
        let Fault {
            err,
            text,
            fatal,
            place,
        } = self;
        match (place, err) {
            (Some((partition, offset)), RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF) => {
                Kind::Eof { partition, offset }
            }
            (Some((partition, offset)), _) if !fatal => Kind::PartitionError {
                partition,
                offset,
                text,
            },
            _ => Kind::ClientError {
                code: err.into(),
                text,
                fatal,
            },
        }
    }
}

impl<'e> Message<'e> {
    /// Partition and offset.
    pub(super) fn place(&self) -> (i32, i64) {
        (self.raw.partition, self.raw.offset)
    }

    /// A record, or what is said of its partition in place of one; the text of an error then is its value.
    pub(super) fn kind(self) -> Kind<'e> {
        let (partition, offset) = self.place();
        match self.raw.err {
            NO_ERROR => Kind::Message(self),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__PARTITION_EOF => Kind::Eof { partition, offset },
            err => {
                let text = self.value().map(String::from_utf8_lossy);
                Kind::PartitionError {
                    partition,
                    offset,
                    text: text.map_or_else(|| error_name(err), String::from),
                }
            }
        }
    }
}

/// What became of the records of a report.
pub(super) fn delivered(event: &mut Event) -> Kind<'static> {
    let (mut count, mut failed) = (0, None);
    while let Some(message) = event.next() {
        match message.raw.err {
            NO_ERROR => count += 1,
            err => {
                let text = || format!("{}: {}", message.topic(), error_name(err));
                failed.get_or_insert_with(text);
            }
        }
    }
    Kind::Delivered { count, failed }
}

/// What a group gives or takes away.
pub(super) fn rebalanced(err: RDKafkaRespErr, partitions: Vec<i32>) -> Kind<'static> {
    match err {
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Kind::Assign(partitions),
        RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => Kind::Revoke(partitions),
        // librdkafka makes no others.
        _ => Kind::Other,
    }
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
