//! Which properties of librdkafka a user may set, and why not the others.
//!
//! The invariant: a list of what is allowed, never of what is not. A property that a later librdkafka adds is refused
//! until somebody has read what it does; three of today's run code.

use std::collections::BTreeMap;

/// A property that is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropertyProblem {
    /// Its name, as written.
    pub name: String,
    /// Why; never its value.
    pub reason: String,
    /// A property that may have been meant.
    pub did_you_mean: Option<&'static str>,
}

/// What a user may set.
pub const ALLOWED: &[&str] = &[
    "acks",
    "batch.num.messages",
    "batch.size",
    "broker.address.family",
    "broker.address.ttl",
    "client.dns.lookup",
    "client.id",
    "client.rack",
    "compression.codec",
    "compression.level",
    "compression.type",
    "connections.max.idle.ms",
    "coordinator.query.interval.ms",
    "debug",
    "delivery.timeout.ms",
    "enable.ssl.certificate.verification",
    "fetch.error.backoff.ms",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.min.bytes",
    "fetch.queue.backoff.ms",
    "fetch.wait.max.ms",
    "heartbeat.interval.ms",
    "linger.ms",
    "max.in.flight.requests.per.connection",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "message.max.bytes",
    "message.timeout.ms",
    "metadata.max.age.ms",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "queued.max.messages.kbytes",
    "queued.min.messages",
    "receive.message.max.bytes",
    "reconnect.backoff.max.ms",
    "reconnect.backoff.ms",
    "request.timeout.ms",
    "retry.backoff.max.ms",
    "retry.backoff.ms",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.password",
    "sasl.username",
    "security.protocol",
    "session.timeout.ms",
    "socket.connection.setup.timeout.ms",
    "socket.keepalive.enable",
    "socket.nagle.disable",
    "socket.receive.buffer.bytes",
    "socket.send.buffer.bytes",
    "socket.timeout.ms",
    "ssl.ca.location",
    "ssl.ca.pem",
    "ssl.certificate.location",
    "ssl.certificate.pem",
    "ssl.cipher.suites",
    "ssl.crl.location",
    "ssl.curves.list",
    "ssl.endpoint.identification.algorithm",
    "ssl.key.location",
    "ssl.key.password",
    "ssl.key.pem",
    "ssl.keystore.location",
    "ssl.keystore.password",
    "ssl.sigalgs.list",
    "topic.metadata.refresh.interval.ms",
    "transaction.timeout.ms",
];

/// What is refused by name, with the reason; a name ending in `*` stands for all that begin so.
pub const REFUSED: &[(&str, &str)] = &[
    (
        "plugin.library.paths",
        "loads native code into this process",
    ),
    ("ssl.engine.*", "loads native code into this process"),
    ("ssl.providers", "loads native code into this process"),
    (
        "sasl.kerberos.*",
        "runs a shell command (kinit) with the rights of this process",
    ),
    (
        "sasl.oauthbearer.*",
        "sends credentials to an address of its own; not supported yet",
    ),
    (
        "enable.sasl.oauthbearer.*",
        "hands out tokens anybody could make",
    ),
    (
        "https.ca.*",
        "belongs to sasl.oauthbearer, which is not supported yet",
    ),
    (
        "test.mock.*",
        "replaces the cluster by a mock that loses everything",
    ),
    (
        "enable.auto.commit",
        "offsets are committed after the outputs they stand for, never by a timer",
    ),
    (
        "auto.commit.*",
        "offsets are committed after the outputs they stand for, never by a timer",
    ),
    (
        "enable.auto.offset.store",
        "offsets are committed after the outputs they stand for, never by a timer",
    ),
    (
        "offset.store.*",
        "offsets are committed after the outputs they stand for, never by a timer",
    ),
    (
        "auto.offset.reset",
        "would skip or repeat input silently; set `start` of the source instead",
    ),
    (
        "isolation.level",
        "uncommitted input may be withdrawn; only read_committed is right",
    ),
    ("check.crcs", "a damaged batch must halt its partition"),
    (
        "enable.partition.eof",
        "the pipeline needs to know when a partition is read to its end",
    ),
    ("transactional.id", "is made from the pipeline's name"),
    (
        "enable.idempotence",
        "is always on: without it a retry repeats and reorders records",
    ),
    ("enable.gapless.guarantee", "experimental in librdkafka"),
    ("group.id", "is the pipeline's name"),
    (
        "group.instance.id",
        "is made from the pipeline's name and instance",
    ),
    (
        "group.*",
        "the classic protocol with static membership is what restarts rely on",
    ),
    (
        "partition.assignment.strategy",
        "only cooperative-sticky keeps the other partitions running in a rebalance",
    ),
    (
        "partitioner",
        "only murmur2_random puts a key where every Kafka client puts it",
    ),
    ("bootstrap.servers", "set `brokers` instead"),
    ("metadata.broker.list", "set `brokers` instead"),
    (
        "allow.auto.create.topics",
        "a misspelt topic must be an error",
    ),
    (
        "message.send.max.retries",
        "bounded by message.timeout.ms instead",
    ),
    ("retries", "bounded by message.timeout.ms instead"),
    (
        "delivery.report.only.error",
        "the sink counts what was acknowledged",
    ),
    ("log*", "logging belongs to the program"),
    ("statistics.interval.ms", "metrics belong to the program"),
    ("enabled_events", "an interface for programs"),
    ("opaque", "an interface for programs"),
    ("internal.*", "an interface of librdkafka itself"),
    ("open_cb", "an interface for programs"),
];

/// Checks the properties of a source or sink: every problem, by name.
#[must_use]
pub fn check_properties(properties: &BTreeMap<String, String>) -> Vec<PropertyProblem> {
    properties
        .iter()
        .filter_map(|(name, value)| check(name, value))
        .collect()
}

fn check(name: &str, value: &str) -> Option<PropertyProblem> {
    let refused = |reason: &str, did_you_mean| {
        Some(PropertyProblem {
            name: name.to_owned(),
            reason: reason.to_owned(),
            did_you_mean,
        })
    };
    let lower = value.trim().to_ascii_lowercase();
    match name {
        "enable.ssl.certificate.verification" if lower != "true" => {
            return refused("anybody could pose as the broker", None);
        }
        "ssl.endpoint.identification.algorithm" if lower != "https" => {
            return refused("anybody with a certificate could pose as the broker", None);
        }
        "acks" if lower != "all" && lower != "-1" => {
            return refused(
                "a record acknowledged by fewer than all replicas can be lost",
                None,
            );
        }
        "max.in.flight.requests.per.connection"
            if !matches!(lower.as_str(), "1" | "2" | "3" | "4" | "5") =>
        {
            return refused("more than 5 lose the order that idempotence keeps", None);
        }
        "sasl.mechanism" | "sasl.mechanisms" if !SASL.contains(&lower.as_str()) => {
            return refused(
                "the mechanisms are PLAIN, SCRAM-SHA-256 and SCRAM-SHA-512",
                None,
            );
        }
        _ => {}
    }
    if ALLOWED.contains(&name) {
        return None;
    }
    if let Some((_, reason)) = REFUSED.iter().find(|(pattern, _)| matches(pattern, name)) {
        return refused(reason, None);
    }
    refused("is not among the properties that may be set", nearest(name))
}

const SASL: [&str; 3] = ["plain", "scram-sha-256", "scram-sha-512"];

fn matches(pattern: &str, name: &str) -> bool {
    pattern
        .strip_suffix('*')
        .map_or(pattern == name, |prefix| name.starts_with(prefix))
}

fn nearest(name: &str) -> Option<&'static str> {
    let near = ALLOWED
        .iter()
        .map(|allowed| (distance(name, allowed), *allowed))
        .min()?;
    (near.0 <= 3.max(name.len().min(60) / 5)).then_some(near.1)
}

/// Levenshtein's, over bytes; longer names than any property has are simply far.
fn distance(a: &str, b: &str) -> usize {
    if a.len() > 100 {
        return a.len();
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (y, above) in b.bytes().zip(row.iter_mut().skip(1)) {
            let cost = (diagonal + usize::from(x != y))
                .min(left + 1)
                .min(*above + 1);
            diagonal = *above;
            *above = cost;
            left = cost;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

/// Checks that what crosses a network is encrypted: plaintext only to this machine, or with `insecure`.
#[must_use]
pub fn check_brokers(
    brokers: &str,
    properties: &BTreeMap<String, String>,
    insecure: bool,
) -> Option<String> {
    let hosts: Vec<&str> = brokers
        .split(',')
        .map(str::trim)
        .filter(|broker| !broker.is_empty())
        .collect();
    if hosts.is_empty() {
        return Some("no broker is named".to_owned());
    }
    let protocol = properties
        .get("security.protocol")
        .map_or("plaintext", |protocol| protocol.trim());
    let protocol = protocol.to_ascii_lowercase();
    if insecure || !protocol.ends_with("plaintext") {
        return None;
    }
    let far = hosts.iter().find(|broker| !is_loopback(broker))?;
    Some(format!(
        "security.protocol is {protocol} and {far} is not this machine: records and passwords would cross the network \
         unencrypted; set security.protocol to ssl or sasl_ssl, or `insecure: true`"
    ))
}

/// `host:port`, `[v6]:port`, each maybe after `protocol://`. A name counts as this machine only if it is `localhost`.
fn is_loopback(broker: &str) -> bool {
    let address = broker
        .rsplit_once("://")
        .map_or(broker, |(_, address)| address);
    let host = match address.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None if address.matches(':').count() > 1 => address,
        None => address.split(':').next().unwrap_or_default(),
    };
    let ip = host.parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
}
