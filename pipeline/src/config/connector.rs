//! The list of connectors a configuration can name.

/// One of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connector {
    /// Its key in a configuration.
    pub name: &'static str,
    /// Whether events can come from it.
    pub source: bool,
    /// Whether outputs can go to it.
    pub sink: bool,
    /// One line about it.
    pub about: &'static str,
}

/// Every connector, in the order messages and `tollgate list connectors` name them.
pub const CONNECTORS: [Connector; 5] = [
    Connector {
        name: "kafka",
        source: true,
        sink: true,
        about: "a topic of a Kafka cluster; JSON values, decisions packed if asked for; librdkafka's own property names",
    },
    Connector {
        name: "file",
        source: true,
        sink: true,
        about: "reads ndjson, csv and parquet (a path or a glob), writes ndjson and parquet",
    },
    Connector {
        name: "embedded",
        source: true,
        sink: true,
        about: "a durable log in the state directory, decisions packed if asked for; needs no server",
    },
    Connector {
        name: "generate",
        source: true,
        sink: false,
        about: "made-up card traffic with planted fraud, by a seed",
    },
    Connector {
        name: "stdout",
        source: false,
        sink: true,
        about: "JSON lines on standard output",
    },
];

impl Connector {
    /// What it can be: `source, sink`.
    #[must_use]
    pub fn ends(&self) -> &'static str {
        match (self.source, self.sink) {
            (true, true) => "source, sink",
            (true, false) => "source",
            _ => "sink",
        }
    }
}

/// The keys of those events can come from.
pub(super) fn sources() -> Vec<&'static str> {
    CONNECTORS
        .iter()
        .filter(|connector| connector.source)
        .map(|connector| connector.name)
        .collect()
}

/// The keys of those outputs can go to.
pub(super) fn sinks() -> Vec<&'static str> {
    CONNECTORS
        .iter()
        .filter(|connector| connector.sink)
        .map(|connector| connector.name)
        .collect()
}
