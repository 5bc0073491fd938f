//! Kafka's wire frames, as far as the proxy must know them.
//!
//! Idea: a frame is a 4-byte big-endian length and as many bytes. A request starts with its API key, API version and
//! correlation id; a response with the correlation id. Everything else is moved unread.
//!
//! Invariant: a `Frame` is whole, at most `MAX_FRAME` long, and long enough for the fields read from it; it keeps the
//! very bytes that came, with the length in front.

use std::io::Read;

/// The longest payload that is forwarded, the same as the broker's default `socket.request.max.bytes`.
pub(super) const MAX_FRAME: usize = 100 * 1024 * 1024;

/// The size of the length field in front of a frame.
const PREFIX: usize = 4;

/// A kind of request, by its API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(i16)]
#[allow(missing_docs, reason = "the names are those of Kafka's protocol")]
pub enum Api {
    Produce = 0,
    Fetch = 1,
    ListOffsets = 2,
    Metadata = 3,
    OffsetCommit = 8,
    OffsetFetch = 9,
    FindCoordinator = 10,
    JoinGroup = 11,
    Heartbeat = 12,
    LeaveGroup = 13,
    SyncGroup = 14,
    ApiVersions = 18,
    CreateTopics = 19,
    DeleteTopics = 20,
    InitProducerId = 22,
    AddPartitionsToTxn = 24,
    AddOffsetsToTxn = 25,
    EndTxn = 26,
    WriteTxnMarkers = 27,
    TxnOffsetCommit = 28,
    ConsumerGroupHeartbeat = 68,
    /// All keys that have no name here, taken together.
    Other = -1,
}

impl Api {
    /// All that have a name.
    const NAMED: [Self; 21] = [
        Self::Produce,
        Self::Fetch,
        Self::ListOffsets,
        Self::Metadata,
        Self::OffsetCommit,
        Self::OffsetFetch,
        Self::FindCoordinator,
        Self::JoinGroup,
        Self::Heartbeat,
        Self::LeaveGroup,
        Self::SyncGroup,
        Self::ApiVersions,
        Self::CreateTopics,
        Self::DeleteTopics,
        Self::InitProducerId,
        Self::AddPartitionsToTxn,
        Self::AddOffsetsToTxn,
        Self::EndTxn,
        Self::WriteTxnMarkers,
        Self::TxnOffsetCommit,
        Self::ConsumerGroupHeartbeat,
    ];

    /// The API with this key, `Other` for a key without a name.
    #[must_use]
    pub fn from_key(key: i16) -> Self {
        Self::NAMED
            .into_iter()
            .find(|api| *api as i16 == key)
            .unwrap_or(Self::Other)
    }
}

/// Who sends the frames that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sender {
    /// A client: the frames are requests.
    Client,
    /// The broker: the frames are responses.
    Broker,
}

impl Sender {
    /// The shortest payload with all the fields that are read.
    fn shortest(self) -> usize {
        match self {
            Self::Client => 8,
            Self::Broker => 4,
        }
    }
}

/// One whole frame.
#[derive(Debug)]
pub(super) struct Frame {
    bytes: Vec<u8>,
    sender: Sender,
}

/// What reading a frame can come to.
#[derive(Debug)]
pub(super) enum Reading {
    /// A whole frame.
    Frame(Frame),
    /// The stream ended or broke, perhaps in the middle of a frame, whose part is thrown away.
    End,
    /// A length that no frame can have; nothing after it can be understood.
    Bad,
}

impl Frame {
    /// Reads one frame, waiting for all of it.
    pub(super) fn read(mut input: impl Read, sender: Sender) -> Reading {
        let mut prefix = [0; PREFIX];
        if input.read_exact(&mut prefix).is_err() {
            return Reading::End;
        }
        let length = usize::try_from(i32::from_be_bytes(prefix)).unwrap_or(usize::MAX);
        if length > MAX_FRAME || length < sender.shortest() {
            return Reading::Bad;
        }
        let mut bytes = prefix.to_vec();
        // `take` lets the buffer grow with what really comes, a mere claim of 100 MB takes no memory.
        match input.take(length as u64).read_to_end(&mut bytes) {
            Ok(read) if read == length => Reading::Frame(Self { bytes, sender }),
            _ => Reading::End,
        }
    }

    /// The bytes as they came, with the length.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The API of a request.
    pub(super) fn api(&self) -> Api {
        Api::from_key(i16::from_be_bytes(self.field(0)))
    }

    /// The version of a request.
    pub(super) fn version(&self) -> i16 {
        i16::from_be_bytes(self.field(2))
    }

    /// The number by which a response belongs to its request.
    pub(super) fn correlation(&self) -> i32 {
        let place = if self.sender == Sender::Client { 4 } else { 0 };
        i32::from_be_bytes(self.field(place))
    }

    /// `N` bytes of the payload; there by the invariant.
    fn field<const N: usize>(&self, place: usize) -> [u8; N] {
        let start = PREFIX + place;
        self.bytes[start..start + N]
            .try_into()
            .expect("the range has N bytes")
    }
}
