//! librdkafka's event queue, through its C interface: the one place of this workspace with unsafe code.
//!
//! Why not the safe wrapper: it tells an error without its partition, panics on a header name that is not UTF-8, cannot
//! send one, and its `flush` takes 100 ms whatever there is to do.
//!
//! The invariant: every pointer taken here is owned by a Rust value that destroys it once ([`Queue`], [`Event`]), and
//! lives no longer than the client it came from, which those values keep alive.
#![allow(
    unsafe_code,
    reason = "calls into librdkafka that the safe wrapper lacks; each has its SAFETY comment"
)]

use std::any::Any;
use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;
use std::sync::Arc;

use rdkafka::TopicPartitionList;
use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka::types::{RDKafka, RDKafkaErrorCode, RDKafkaRespErr};

use super::event::{Kind, NO_ERROR, error_name, outcome, pointer};
use crate::record::{Headers, OutRecord};

/// Most headers read of one record; the others are dropped.
const HEADERS_MAX: usize = 256;

/// The queue on which a client's events arrive.
pub(super) struct Queue {
    queue: *mut sys::rd_kafka_queue_t,
    handle: *mut RDKafka,
    // The handle is valid as long as the client.
    client: Arc<dyn Any + Send + Sync>,
}

// SAFETY: librdkafka's handles and queues may be used from any thread, several at once (its documentation: "the
// library is completely thread-safe"); the client is Send and Sync by its type.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `rd_kafka_queue_get_*`, which counts references, and is given back once.
        unsafe { sys::rd_kafka_queue_destroy(self.queue) }
    }
}

impl Queue {
    /// The consumer queue, to which the main queue is forwarded; `None` when the consumer has no group.
    pub(super) fn of_consumer<C: ConsumerContext + 'static>(
        consumer: &Arc<BaseConsumer<C>>,
    ) -> Option<Self> {
        let handle = consumer.client().native_ptr();
        // SAFETY: the handle is valid while the consumer lives, and the queue keeps a reference of its own.
        let queue = unsafe { sys::rd_kafka_queue_get_consumer(handle) };
        (!queue.is_null()).then(|| Self {
            queue,
            handle,
            client: consumer.clone(),
        })
    }

    /// The main queue.
    pub(super) fn of_producer<C: ProducerContext + 'static>(
        producer: &Arc<BaseProducer<C>>,
    ) -> Option<Self> {
        let handle = producer.client().native_ptr();
        // SAFETY: as above.
        let queue = unsafe { sys::rd_kafka_queue_get_main(handle) };
        (!queue.is_null()).then(|| Self {
            queue,
            handle,
            client: producer.clone(),
        })
    }

    /// Waits at most this long for the next event; it returns as soon as there is one.
    pub(super) fn poll(&self, wait_ms: i32) -> Option<Event> {
        // SAFETY: the queue is valid until drop.
        let event = unsafe { sys::rd_kafka_queue_poll(self.queue, wait_ms) };
        (!event.is_null()).then(|| Event {
            event,
            _client: self.client.clone(),
        })
    }

    /// Records handed to a producer that are neither acknowledged nor given up, and events not yet polled.
    pub(super) fn in_flight(&self) -> usize {
        // SAFETY: the handle is valid while the client lives.
        let count = unsafe { sys::rd_kafka_outq_len(self.handle) };
        usize::try_from(count).unwrap_or_default()
    }
}

/// One event; dropped, it frees what it carries.
pub(super) struct Event {
    event: *mut sys::rd_kafka_event_t,
    // A message refers to its client.
    _client: Arc<dyn Any + Send + Sync>,
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `rd_kafka_queue_poll`, whose caller owns the event, and is destroyed once.
        unsafe { sys::rd_kafka_event_destroy(self.event) }
    }
}

impl Event {
    pub(super) fn kind(&mut self) -> Kind<'_> {
        // SAFETY: the event is valid until drop.
        match unsafe { sys::rd_kafka_event_type(self.event) } {
            sys::RD_KAFKA_EVENT_FETCH => self.message(),
            sys::RD_KAFKA_EVENT_ERROR => self.error(),
            sys::RD_KAFKA_EVENT_REBALANCE => self.rebalance(),
            sys::RD_KAFKA_EVENT_DR => self.delivered(),
            _ => Kind::Other,
        }
    }

    fn message(&mut self) -> Kind<'_> {
        // SAFETY: a fetch event holds one message, valid until the event is destroyed; the borrow of `self` keeps it.
        let message = unsafe { sys::rd_kafka_event_message_next(self.event).as_ref() };
        match message {
            None => Kind::Other,
            Some(message) if message.err != NO_ERROR => Kind::PartitionError {
                partition: message.partition,
                offset: message.offset,
                text: error_name(message.err),
            },
            Some(message) => Kind::Message(Message { message }),
        }
    }

    fn error(&self) -> Kind<'_> {
        // SAFETY: the event is valid; the string lives as long as the event and is copied here.
        let (err, text, fatal) = unsafe {
            let text = CStr::from_ptr(sys::rd_kafka_event_error_string(self.event))
                .to_string_lossy()
                .into_owned();
            (
                sys::rd_kafka_event_error(self.event),
                text,
                sys::rd_kafka_event_error_is_fatal(self.event) != 0,
            )
        };
        // SAFETY: returns null or a new object that the caller destroys.
        let place = unsafe { sys::rd_kafka_event_topic_partition(self.event) };
        // SAFETY: checked for null by `as_ref`; read before it is destroyed, once.
        let found = unsafe { place.as_ref() }.map(|place| (place.partition, place.offset));
        if found.is_some() {
            // SAFETY: as above.
            unsafe { sys::rd_kafka_topic_partition_destroy(place) };
        }
        match (found, err) {
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

    fn rebalance(&self) -> Kind<'_> {
        // SAFETY: the list belongs to the event; it holds `cnt` elements, read here and not kept.
        let partitions = unsafe {
            let list = sys::rd_kafka_event_topic_partition_list(self.event).as_ref();
            let count = list.map_or(0, |list| usize::try_from(list.cnt).unwrap_or_default());
            let at = |index| list.map_or(-1, |list| (*list.elems.add(index)).partition);
            (0..count).map(at).collect()
        };
        // SAFETY: the event is valid.
        match unsafe { sys::rd_kafka_event_error(self.event) } {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Kind::Assign(partitions),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => Kind::Revoke(partitions),
            // librdkafka makes no others.
            _ => Kind::Other,
        }
    }

    fn delivered(&mut self) -> Kind<'_> {
        let (mut count, mut failed) = (0, None);
        // SAFETY: each message is valid until the event is destroyed; null ends the list.
        while let Some(message) = unsafe { sys::rd_kafka_event_message_next(self.event).as_ref() } {
            if message.err == NO_ERROR {
                count += 1;
            } else if failed.is_none() {
                // SAFETY: a message of a delivery report names its topic.
                let topic = unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(message.rkt)) };
                failed = Some(format!(
                    "{}: {}",
                    topic.to_string_lossy(),
                    error_name(message.err)
                ));
            }
        }
        Kind::Delivered { count, failed }
    }
}

/// A record as librdkafka holds it.
pub(super) struct Message<'e> {
    message: &'e sys::rd_kafka_message_t,
}

impl Message<'_> {
    /// Partition and offset.
    pub(super) fn place(&self) -> (i32, i64) {
        (self.message.partition, self.message.offset)
    }

    pub(super) fn key(&self) -> Option<&[u8]> {
        // SAFETY: librdkafka says so many bytes are there, valid until the event is destroyed.
        unsafe { bytes(self.message.key, self.message.key_len) }
    }

    pub(super) fn value(&self) -> Option<&[u8]> {
        // SAFETY: as above.
        unsafe { bytes(self.message.payload, self.message.len) }
    }

    /// When the broker took the record, in ms; `None` when the topic keeps the producer's time, which is anybody's.
    pub(super) fn append_time_ms(&self) -> Option<i64> {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid, `kind` is ours.
        let time = unsafe { sys::rd_kafka_message_timestamp(self.message, &raw mut kind) };
        let appended = kind == sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
        (appended && time >= 0).then_some(time)
    }

    /// Appends the headers. A name is bytes up to its first NUL: librdkafka tells no length.
    pub(super) fn headers(&self, into: &mut Headers) {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is valid; on success `headers` belongs to it.
        let err = unsafe { sys::rd_kafka_message_headers(self.message, &raw mut headers) };
        if err != NO_ERROR || headers.is_null() {
            return;
        }
        for index in 0..HEADERS_MAX {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            // SAFETY: `headers` is valid as long as the message; an index past the end is an error, not undefined.
            let err = unsafe {
                sys::rd_kafka_header_get_all(
                    headers,
                    index,
                    &raw mut name,
                    &raw mut value,
                    &raw mut size,
                )
            };
            if err != NO_ERROR || name.is_null() {
                return;
            }
            // SAFETY: a name ends with NUL; a value has `size` bytes; both live as long as the message.
            let (name, value) = unsafe { (CStr::from_ptr(name), bytes(value, size)) };
            into.push((name.to_bytes().to_vec(), value.map(<[u8]>::to_vec)));
        }
    }
}

/// # Safety
/// Unless null, `size` bytes are readable there for `'a`.
unsafe fn bytes<'a>(at: *const c_void, size: usize) -> Option<&'a [u8]> {
    // SAFETY: by the caller.
    (!at.is_null()).then(|| unsafe { std::slice::from_raw_parts(at.cast::<u8>(), size) })
}

/// Hands a record to a producer, which copies it; −1 lets the key decide.
pub(super) fn produce<C: ProducerContext + 'static>(
    producer: &BaseProducer<C>,
    topic: &CString,
    partition: i32,
    record: &OutRecord,
) -> Result<(), RDKafkaErrorCode> {
    let handle = producer.client().native_ptr();
    let headers = native_headers(&record.headers)?;
    let (key, key_len) = pointer(record.key.as_deref());
    let (value, value_len) = pointer(record.value.as_deref());
    // SAFETY: the arguments are what the documentation of `rd_kafka_producev` asks for after each tag; key and value
    // are copied (`RD_KAFKA_MSG_F_COPY`) before it returns; the headers become its own only on success.
    let err = unsafe {
        sys::rd_kafka_producev(
            handle,
            sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_TOPIC,
            topic.as_ptr(),
            sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_PARTITION,
            partition,
            sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_MSGFLAGS,
            sys::RD_KAFKA_MSG_F_COPY,
            sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_VALUE,
            value,
            value_len,
            sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_KEY,
            key,
            key_len,
            sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_HEADERS,
            headers,
            sys::rd_kafka_vtype_t::RD_KAFKA_VTYPE_END,
        )
    };
    if err != NO_ERROR && !headers.is_null() {
        // SAFETY: not taken over, see above.
        unsafe { sys::rd_kafka_headers_destroy(headers) };
    }
    outcome(err)
}

/// Null for no headers.
fn native_headers(headers: &Headers) -> Result<*mut sys::rd_kafka_headers_t, RDKafkaErrorCode> {
    if headers.is_empty() {
        return Ok(ptr::null_mut());
    }
    // SAFETY: makes a list that is ours until it is handed over or destroyed.
    let list = unsafe { sys::rd_kafka_headers_new(headers.len()) };
    for (name, value) in headers {
        let (value, value_len) = pointer(value.as_deref());
        // No allocation is longer than `isize::MAX`.
        let size = |length: usize| isize::try_from(length).unwrap_or(isize::MAX);
        let (name_len, value_len) = (size(name.len()), size(value_len));
        // SAFETY: name and value have the lengths given and are copied.
        let err = unsafe {
            sys::rd_kafka_header_add(
                list,
                name.as_ptr().cast::<c_char>(),
                name_len,
                value,
                value_len,
            )
        };
        if err != NO_ERROR {
            // SAFETY: still ours.
            unsafe { sys::rd_kafka_headers_destroy(list) };
            return Err(err.into());
        }
    }
    Ok(list)
}

/// Commits offsets; the wrapper waits for the answer without bound. `None`: no answer yet, it may still happen.
pub(super) fn commit<C: ConsumerContext + 'static>(
    consumer: &BaseConsumer<C>,
    offsets: &TopicPartitionList,
    wait_ms: i32,
) -> Option<Result<(), RDKafkaErrorCode>> {
    let handle = consumer.client().native_ptr();
    // SAFETY: a queue of our own, destroyed below; librdkafka keeps a reference while an answer is due.
    let queue = unsafe { sys::rd_kafka_queue_new(handle) };
    // SAFETY: handle, list and queue are valid during the call, which copies the list.
    let err =
        unsafe { sys::rd_kafka_commit_queue(handle, offsets.ptr(), queue, None, ptr::null_mut()) };
    let answer = if err == NO_ERROR {
        // SAFETY: the queue is valid; the event is ours and destroyed once.
        unsafe {
            let event = sys::rd_kafka_queue_poll(queue, wait_ms);
            if event.is_null() {
                None
            } else {
                let err = sys::rd_kafka_event_error(event);
                sys::rd_kafka_event_destroy(event);
                Some(err)
            }
        }
    } else {
        Some(err)
    };
    // SAFETY: ours, once.
    unsafe { sys::rd_kafka_queue_destroy(queue) };
    answer.map(outcome)
}

/// Whether the consumer has joined its group: an earlier member of the same instance is shut out from then on.
pub(super) fn joined<C: ConsumerContext + 'static>(consumer: &BaseConsumer<C>) -> bool {
    let handle = consumer.client().native_ptr();
    // SAFETY: null or a string that is ours to free, once, after it was read.
    unsafe {
        let id = sys::rd_kafka_memberid(handle);
        let joined = !id.is_null() && *id != 0;
        sys::rd_kafka_mem_free(handle, id.cast());
        joined
    }
}
