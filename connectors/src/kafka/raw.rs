//! librdkafka's queues, through its C interface: the one place of this workspace with unsafe code.
//!
//! The safe wrapper takes one message per call, tells an error without its partition, panics on a header name that is
//! not UTF-8, cannot send one, and its `flush` takes 100 ms whatever there is to do.
//!
//! The invariant: every pointer taken here is owned by a Rust value that destroys it once ([`Queue`], [`Event`]), or only lent
//! for a call, and lives no longer than the client, which those values keep alive. What is made of it: [`super::event`].
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
use rdkafka::bindings::rd_kafka_vtype_t as Tag;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, Producer};
use rdkafka::types::{RDKafka, RDKafkaErrorCode};

use super::context::Quiet;
use super::event::{Fault, Kind, NO_ERROR, delivered, outcome, pointer, rebalanced};
use crate::record::{Headers, OutRecord};

/// Most headers read of one record; the others are dropped.
const HEADERS_MAX: usize = 256;

/// What keeps a handle valid.
type Client = Arc<dyn Any + Send + Sync>;
type Getter = unsafe extern "C" fn(*mut RDKafka) -> *mut sys::rd_kafka_queue_t;

/// The queue on which a client's events arrive.
pub(super) struct Queue {
    queue: *mut sys::rd_kafka_queue_t,
    handle: *mut RDKafka,
    client: Client,
}

// SAFETY: librdkafka's handles and queues may be used from any thread, several at once; the client is Send and Sync.
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
    pub(super) fn of_consumer(consumer: &Arc<BaseConsumer<Quiet>>) -> Option<Self> {
        let handle = consumer.client().native_ptr();
        Self::new(sys::rd_kafka_queue_get_consumer, handle, consumer.clone())
    }

    /// A queue of its own for what is fetched: a call that takes many messages would lose events that lie among them.
    pub(super) fn of_messages(consumer: &Arc<BaseConsumer<Quiet>>) -> Option<Self> {
        let handle = consumer.client().native_ptr();
        Self::new(sys::rd_kafka_queue_new, handle, consumer.clone())
    }

    /// The main queue.
    pub(super) fn of_producer(producer: &Arc<BaseProducer<Quiet>>) -> Option<Self> {
        let handle = producer.client().native_ptr();
        Self::new(sys::rd_kafka_queue_get_main, handle, producer.clone())
    }

    fn new(get: Getter, handle: *mut RDKafka, client: Client) -> Option<Self> {
        // SAFETY: the handle is valid while the client lives; the queue, unless null, keeps a reference of its own.
        let queue = unsafe { get(handle) };
        (!queue.is_null()).then_some(Self {
            queue,
            handle,
            client,
        })
    }

    /// From here on what is fetched of a partition arrives here; to be said anew before each time it is assigned.
    pub(super) fn forward(&self, topic: &CString, partition: i32) -> bool {
        // SAFETY: handle and topic are valid; the queue of the partition, unless null, is given back once.
        unsafe {
            let queue = sys::rd_kafka_queue_get_partition(self.handle, topic.as_ptr(), partition);
            if queue.is_null() {
                return false;
            }
            sys::rd_kafka_queue_forward(queue, self.queue);
            sys::rd_kafka_queue_destroy(queue);
        }
        true
    }

    /// Waits at most this long for a first message, and hands over those that are there with it, or what is said of their
    /// partitions, in the order of each partition; at most [`super::settings::TAKEN_AT_ONCE`]. Says whether there was anything.
    ///
    /// Not by the call that gives a list of them: that one counts the end of a partition as a record in librdkafka's own
    /// position, from which a partition goes on after a pause or a rebalance, so that the record that comes next is lost.
    pub(super) fn take(&self, wait_ms: i32, mut take: &mut dyn FnMut(Kind<'_>)) -> bool {
        unsafe extern "C" fn each(message: *mut sys::rd_kafka_message_t, take: *mut c_void) {
            // SAFETY: the message is valid until this returns; `take` is what is given below, which outlives the call.
            let (raw, take) = unsafe { (&*message, &mut *take.cast::<&mut dyn FnMut(Kind<'_>)>()) };
            take(Message { raw }.kind());
        }
        let opaque = (&raw mut take).cast();
        // SAFETY: the queue is valid; `each` is called by this thread, and not after the call has returned.
        let count = unsafe {
            sys::rd_kafka_consume_callback_queue(self.queue, wait_ms, Some(each), opaque)
        };
        count > 0
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

    /// Has a producer's threads send what is queued without lingering, for so long, or until all is acknowledged.
    pub(super) fn send_now(&self, wait_ms: i32) {
        // SAFETY: the handle is valid while the client lives. Where reports come as events, as here, the call only waits.
        let _ = unsafe { sys::rd_kafka_flush(self.handle, wait_ms) };
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
    _client: Client,
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
            sys::RD_KAFKA_EVENT_FETCH => self.next().map_or(Kind::Other, Message::kind),
            sys::RD_KAFKA_EVENT_ERROR => self.fault().kind(),
            sys::RD_KAFKA_EVENT_REBALANCE => self.rebalance(),
            sys::RD_KAFKA_EVENT_DR => delivered(self),
            sys::RD_KAFKA_EVENT_LOG => self.log(),
            _ => Kind::Other,
        }
    }

    /// The next message of a fetch or of a delivery report.
    pub(super) fn next(&mut self) -> Option<Message<'_>> {
        // SAFETY: each is valid until the event is destroyed, which the borrow of `self` keeps off; null ends them.
        let raw = unsafe { sys::rd_kafka_event_message_next(self.event).as_ref() };
        raw.map(|raw| Message { raw })
    }

    fn fault(&self) -> Fault {
        // SAFETY: the event is valid, its string copied here. The place is null, or a new object, read and then destroyed.
        unsafe {
            let text = CStr::from_ptr(sys::rd_kafka_event_error_string(self.event));
            let at = sys::rd_kafka_event_topic_partition(self.event);
            let place = at.as_ref().map(|place| (place.partition, place.offset));
            if place.is_some() {
                sys::rd_kafka_topic_partition_destroy(at);
            }
            Fault {
                err: sys::rd_kafka_event_error(self.event),
                text: text.to_string_lossy().into_owned(),
                fatal: sys::rd_kafka_event_error_is_fatal(self.event) != 0,
                place,
            }
        }
    }

    fn log(&self) -> Kind<'_> {
        let (mut facility, mut text, mut level) = (ptr::null(), ptr::null(), 0);
        // SAFETY: the event is valid; where the call says so it has set all three, strings that are copied here.
        unsafe {
            if sys::rd_kafka_event_log(self.event, &mut facility, &mut text, &mut level) != 0 {
                return Kind::Other;
            }
            let copy = |text| CStr::from_ptr(text).to_string_lossy().into_owned();
            Kind::Log {
                facility: copy(facility),
                text: copy(text),
            }
        }
    }

    fn rebalance(&self) -> Kind<'_> {
        // SAFETY: the event is valid; the list belongs to it and holds `cnt` elements, read here and not kept.
        let (err, partitions) = unsafe {
            let list = sys::rd_kafka_event_topic_partition_list(self.event).as_ref();
            let count = list.map_or(0, |list| usize::try_from(list.cnt).unwrap_or_default());
            let at = |index| list.map_or(-1, |list| (*list.elems.add(index)).partition);
            let err = sys::rd_kafka_event_error(self.event);
            (err, (0..count).map(at).collect())
        };
        rebalanced(err, partitions)
    }
}

/// A record as librdkafka holds it.
pub(super) struct Message<'e> {
    pub(super) raw: &'e sys::rd_kafka_message_t,
}

impl Message<'_> {
    pub(super) fn topic(&self) -> String {
        // SAFETY: a message names its topic, which lives as long as the client.
        let name = unsafe { CStr::from_ptr(sys::rd_kafka_topic_name(self.raw.rkt)) };
        name.to_string_lossy().into_owned()
    }

    pub(super) fn key(&self) -> Option<&[u8]> {
        // SAFETY: librdkafka says so many bytes are there, valid until the event is destroyed.
        unsafe { bytes(self.raw.key, self.raw.key_len) }
    }

    pub(super) fn value(&self) -> Option<&[u8]> {
        // SAFETY: as above.
        unsafe { bytes(self.raw.payload, self.raw.len) }
    }

    /// When the broker took the record, in ms; `None` when the topic keeps the producer's time, which is anybody's.
    pub(super) fn append_time_ms(&self) -> Option<i64> {
        let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
        // SAFETY: the message is valid, `kind` is ours.
        let time = unsafe { sys::rd_kafka_message_timestamp(self.raw, &raw mut kind) };
        let appended = kind == sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME;
        (appended && time >= 0).then_some(time)
    }

    /// Appends the headers. A name is bytes up to its first NUL: librdkafka tells no length.
    pub(super) fn headers(&self, into: &mut Headers) {
        let mut headers = ptr::null_mut();
        // SAFETY: the message is valid; on success `headers` belongs to it.
        let err = unsafe { sys::rd_kafka_message_headers(self.raw, &raw mut headers) };
        if err != NO_ERROR || headers.is_null() {
            return;
        }
        for index in 0..HEADERS_MAX {
            let (mut name, mut value, mut size) = (ptr::null(), ptr::null(), 0);
            let (to_name, to_value) = (&raw mut name, &raw mut value);
            // SAFETY: `headers` is valid as long as the message; an index past the end is an error, not undefined. A name
            // ends with NUL, a value has `size` bytes, and both are copied here.
            unsafe {
                let err =
                    sys::rd_kafka_header_get_all(headers, index, to_name, to_value, &raw mut size);
                if err != NO_ERROR || name.is_null() {
                    return;
                }
                let value = bytes(value, size).map(<[u8]>::to_vec);
                into.push((CStr::from_ptr(name).to_bytes().to_vec(), value));
            }
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
pub(super) fn produce(
    producer: &BaseProducer<Quiet>,
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
    unsafe {
        #[rustfmt::skip]
        let err = sys::rd_kafka_producev(
            handle,
            Tag::RD_KAFKA_VTYPE_TOPIC, topic.as_ptr(),
            Tag::RD_KAFKA_VTYPE_PARTITION, partition,
            Tag::RD_KAFKA_VTYPE_MSGFLAGS, sys::RD_KAFKA_MSG_F_COPY,
            Tag::RD_KAFKA_VTYPE_VALUE, value, value_len,
            Tag::RD_KAFKA_VTYPE_KEY, key, key_len,
            Tag::RD_KAFKA_VTYPE_HEADERS, headers,
            Tag::RD_KAFKA_VTYPE_END,
        );
        if err != NO_ERROR && !headers.is_null() {
            sys::rd_kafka_headers_destroy(headers);
        }
        outcome(err)
    }
}

/// Null for no headers.
fn native_headers(headers: &Headers) -> Result<*mut sys::rd_kafka_headers_t, RDKafkaErrorCode> {
    if headers.is_empty() {
        return Ok(ptr::null_mut());
    }
    // SAFETY: makes a list that is ours until it is handed over or destroyed.
    let list = unsafe { sys::rd_kafka_headers_new(headers.len()) };
    let size = |length: usize| isize::try_from(length).unwrap_or(isize::MAX);
    for (name, value) in headers {
        let (value, value_len) = pointer(value.as_deref());
        let (name, name_len) = (name.as_ptr().cast::<c_char>(), size(name.len()));
        // SAFETY: name and value have the lengths given and are copied; on failure the list is still ours.
        unsafe {
            let err = sys::rd_kafka_header_add(list, name, name_len, value, size(value_len));
            if err != NO_ERROR {
                sys::rd_kafka_headers_destroy(list);
                return Err(err.into());
            }
        }
    }
    Ok(list)
}

/// Commits offsets; the wrapper waits for the answer without bound. `None`: no answer yet, it may still happen.
pub(super) fn commit(
    consumer: &BaseConsumer<Quiet>,
    offsets: &TopicPartitionList,
    wait_ms: i32,
) -> Option<Result<(), RDKafkaErrorCode>> {
    let handle = consumer.client().native_ptr();
    // SAFETY: handle and list are valid during the call, which copies the list; queue and event are ours, destroyed once.
    unsafe {
        let queue = sys::rd_kafka_queue_new(handle);
        let err = sys::rd_kafka_commit_queue(handle, offsets.ptr(), queue, None, ptr::null_mut());
        let mut answer = Some(err);
        if err == NO_ERROR {
            let event = sys::rd_kafka_queue_poll(queue, wait_ms);
            answer = (!event.is_null()).then(|| sys::rd_kafka_event_error(event));
            // Null is let pass.
            sys::rd_kafka_event_destroy(event);
        }
        sys::rd_kafka_queue_destroy(queue);
        answer.map(outcome)
    }
}

/// Whether the consumer has joined its group: an earlier member of the same instance is shut out from then on.
pub(super) fn joined(consumer: &BaseConsumer<Quiet>) -> bool {
    let handle = consumer.client().native_ptr();
    // SAFETY: null or a string that is ours to free, once, after it was read.
    unsafe {
        let id = sys::rd_kafka_memberid(handle);
        let joined = id.as_ref().is_some_and(|first| *first != 0);
        sys::rd_kafka_mem_free(handle, id.cast());
        joined
    }
}
