//! librdkafka's event queue, through its C interface: the one place of this workspace with unsafe code.
//!
//! Why not the safe wrapper: it tells the error of a partition without the partition, panics on a header whose name is
//! not UTF-8, cannot send such a header, and waits in `poll` and `flush` for the full time given although all is done
//! (rdkafka 0.39: 100 ms per flush).
//!
//! The invariant: every pointer taken here is owned by a Rust value that destroys it once ([`Queue`], [`Event`]), and
//! lives no longer than the client it came from, which those values keep alive.
#![allow(
    unsafe_code,
    reason = "calls into librdkafka that the safe wrapper lacks; each has its SAFETY comment"
)]

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr;
use std::sync::Arc;

use rdkafka::bindings as sys;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext};
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};
use rdkafka::types::{RDKafka, RDKafkaErrorCode, RDKafkaRespErr};
use rdkafka::{ClientContext, TopicPartitionList};

use crate::record::{Headers, OutRecord};

/// Most headers read of one record; the others are dropped (a record with ten thousand must cost no more than one with
/// this many).
const HEADERS_MAX: usize = 256;

/// A client of librdkafka, by its handle.
pub(super) trait Client: Send + Sync + 'static {
    /// Valid as long as `self` lives.
    fn handle(&self) -> *mut RDKafka;
    /// Whether it has a consumer queue.
    fn consumes(&self) -> bool;
}

impl<C: ConsumerContext + 'static> Client for BaseConsumer<C> {
    fn handle(&self) -> *mut RDKafka {
        self.client().native_ptr()
    }

    fn consumes(&self) -> bool {
        true
    }
}

impl<C: ProducerContext + ClientContext + 'static> Client for BaseProducer<C> {
    fn handle(&self) -> *mut RDKafka {
        Producer::client(self).native_ptr()
    }

    fn consumes(&self) -> bool {
        false
    }
}

/// The queue on which a client's events arrive.
pub(super) struct Queue<T: Client> {
    queue: *mut sys::rd_kafka_queue_t,
    client: Arc<T>,
}

// SAFETY: librdkafka's handles and queues may be used from any thread, several at once (its documentation: "the
// library is completely thread-safe"); the client type itself is Send and Sync.
unsafe impl<T: Client> Send for Queue<T> {}
// SAFETY: as above.
unsafe impl<T: Client> Sync for Queue<T> {}

impl<T: Client> Drop for Queue<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `rd_kafka_queue_get_*`, which counts references, and is given back once.
        unsafe { sys::rd_kafka_queue_destroy(self.queue) }
    }
}

impl<T: Client> Queue<T> {
    /// The consumer queue of a consumer (its main queue is forwarded there), the main queue of a producer. `None` when
    /// a consumer has no group.
    pub(super) fn of(client: &Arc<T>) -> Option<Self> {
        let handle = client.handle();
        // SAFETY: the handle is valid while `client` lives, and the queue keeps a reference of its own.
        let queue = unsafe {
            if client.consumes() {
                sys::rd_kafka_queue_get_consumer(handle)
            } else {
                sys::rd_kafka_queue_get_main(handle)
            }
        };
        (!queue.is_null()).then(|| Self {
            queue,
            client: client.clone(),
        })
    }

    /// Waits at most this long for the next event; it returns as soon as there is one.
    pub(super) fn poll(&self, wait_ms: i32) -> Option<Event<T>> {
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
        let count = unsafe { sys::rd_kafka_outq_len(self.client.handle()) };
        usize::try_from(count).unwrap_or_default()
    }
}

/// One event; dropped, it frees what it carries.
pub(super) struct Event<T: Client> {
    event: *mut sys::rd_kafka_event_t,
    // A message refers to its client, which must not go away before it.
    _client: Arc<T>,
}

impl<T: Client> Drop for Event<T> {
    fn drop(&mut self) {
        // SAFETY: the pointer came from `rd_kafka_queue_poll`, whose caller owns the event, and is destroyed once.
        unsafe { sys::rd_kafka_event_destroy(self.event) }
    }
}

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
        failed: Option<(RDKafkaErrorCode, String)>,
    },
    /// Logs and the like.
    Other,
}

impl<T: Client> Event<T> {
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
            Some(message) if message.err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR => {
                Kind::PartitionError {
                    partition: message.partition,
                    offset: message.offset,
                    text: error_name(message.err),
                }
            }
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
        if !place.is_null() {
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
        // SAFETY: the list belongs to the event; it is read here and not kept.
        let (err, partitions) = unsafe {
            let list = sys::rd_kafka_event_topic_partition_list(self.event).as_ref();
            let count = list.map_or(0, |list| usize::try_from(list.cnt).unwrap_or_default());
            let at = |index| list.map_or(-1, |list| (*list.elems.add(index)).partition);
            (
                sys::rd_kafka_event_error(self.event),
                (0..count).map(at).collect(),
            )
        };
        match err {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Kind::Assign(partitions),
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS => Kind::Revoke(partitions),
            err => Kind::ClientError {
                code: err.into(),
                text: error_name(err),
                fatal: false,
            },
        }
    }

    fn delivered(&mut self) -> Kind<'_> {
        let mut count = 0;
        let mut failed = None;
        // SAFETY: each message is valid until the event is destroyed; null ends the list.
        while let Some(message) = unsafe { sys::rd_kafka_event_message_next(self.event).as_ref() } {
            if message.err == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
                count += 1;
            } else if failed.is_none() {
                // SAFETY: a message of a delivery report names its topic.
                let topic = unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(message.rkt)) };
                let text = format!("{}: {}", topic.to_string_lossy(), error_name(message.err));
                failed = Some((message.err.into(), text));
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
    pub(super) fn partition(&self) -> i32 {
        self.message.partition
    }

    pub(super) fn offset(&self) -> i64 {
        self.message.offset
    }

    pub(super) fn key(&self) -> Option<&[u8]> {
        // SAFETY: librdkafka says so many bytes are there, valid until the event is destroyed.
        unsafe { bytes(self.message.key, self.message.key_len) }
    }

    pub(super) fn value(&self) -> Option<&[u8]> {
        // SAFETY: as above.
        unsafe { bytes(self.message.payload, self.message.len) }
    }

    /// When the broker took the record, milliseconds; `None` when the topic keeps the producer's time, which anybody
    /// can set.
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
        if err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || headers.is_null() {
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
            if err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR || name.is_null() {
                return;
            }
            // SAFETY: a name ends with NUL; a value has `size` bytes; both live as long as the message.
            let (name, value) =
                unsafe { (CStr::from_ptr(name).to_bytes().to_vec(), bytes(value, size)) };
            into.push((name, value.map(<[u8]>::to_vec)));
        }
    }
}

/// # Safety
/// Unless null, `size` bytes must be readable there for the lifetime asked for.
unsafe fn bytes<'a>(at: *const c_void, size: usize) -> Option<&'a [u8]> {
    // SAFETY: by the caller.
    (!at.is_null()).then(|| unsafe { std::slice::from_raw_parts(at.cast::<u8>(), size) })
}

fn error_name(err: RDKafkaRespErr) -> String {
    RDKafkaErrorCode::from(err).to_string()
}

/// Hands a record to a producer, which copies it; `partition` −1 lets the key decide.
pub(super) fn produce<C: ProducerContext + ClientContext + 'static>(
    producer: &BaseProducer<C>,
    topic: &CString,
    partition: i32,
    record: &OutRecord,
) -> Result<(), RDKafkaErrorCode> {
    let handle = producer.handle();
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
    if err == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    if !headers.is_null() {
        // SAFETY: not taken over, see above.
        unsafe { sys::rd_kafka_headers_destroy(headers) };
    }
    Err(err.into())
}

fn pointer(bytes: Option<&[u8]>) -> (*const c_void, usize) {
    bytes.map_or((ptr::null(), 0), |bytes| {
        (bytes.as_ptr().cast(), bytes.len())
    })
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
        let sizes = (isize::try_from(name.len()), isize::try_from(value_len));
        let (Ok(name_len), Ok(value_len)) = sizes else {
            continue;
        };
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
        if err != RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            // SAFETY: still ours.
            unsafe { sys::rd_kafka_headers_destroy(list) };
            return Err(err.into());
        }
    }
    Ok(list)
}

/// Commits offsets and waits at most this long for the answer; the wrapper's synchronous commit waits without bound.
/// `None`: no answer yet, the commit may still happen.
pub(super) fn commit<C: ConsumerContext + 'static>(
    consumer: &BaseConsumer<C>,
    offsets: &TopicPartitionList,
    wait_ms: i32,
) -> Option<Result<(), RDKafkaErrorCode>> {
    let handle = consumer.handle();
    // SAFETY: a queue of our own, destroyed below; librdkafka keeps a reference while an answer is due.
    let queue = unsafe { sys::rd_kafka_queue_new(handle) };
    // SAFETY: handle, list and queue are valid during the call, which copies the list.
    let err =
        unsafe { sys::rd_kafka_commit_queue(handle, offsets.ptr(), queue, None, ptr::null_mut()) };
    let answer = if err == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
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
    answer.map(|err| {
        if err == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
            Ok(())
        } else {
            Err(err.into())
        }
    })
}
