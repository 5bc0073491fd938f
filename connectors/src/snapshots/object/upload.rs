//! A snapshot on its way into a bucket.
//!
//! The one idea: parts are gathered until some are full, sent together, and only then are more bytes taken: memory is
//! bounded by the parts of one round, and nothing is under way while the caller makes the next bytes. What fits into one
//! part is sent as a whole, in one request. The invariant: the object appears with the last request or never. An upload
//! that is given up is aborted; one that a dead process left is invisible but takes room, so the bucket wants a rule that
//! ends unfinished uploads after a day.

use std::io::{self, Write};
use std::sync::Arc;

use object_store::path::Path;
use object_store::{MultipartUpload, ObjectStoreExt};
use tokio::task::JoinSet;

use super::client::Client;
use crate::snapshots::{SnapshotError, SnapshotWriter};

/// Bytes of a part; all but the last must have as many, and at least 5 MiB.
const PART_BYTES: usize = 8 << 20;

/// Parts sent together, and held at most.
const PARTS_AT_ONCE: usize = 4;

/// Parts that every kind of store takes.
const PARTS_MAX: usize = 10_000;

/// A snapshot being written.
pub(super) struct Upload {
    client: Arc<Client>,
    path: Path,
    /// As messages call it.
    object: String,
    /// There once the first round was sent.
    upload: Option<Box<dyn MultipartUpload>>,
    full: Vec<Vec<u8>>,
    part: Vec<u8>,
    /// How many parts were sent.
    sent: usize,
    broken: bool,
}

impl Upload {
    pub(super) fn new(client: Arc<Client>, path: Path, object: String) -> Self {
        Self {
            client,
            path,
            object,
            upload: None,
            full: Vec::new(),
            part: Vec::new(),
            sent: 0,
            broken: false,
        }
    }

    /// Takes some of the bytes, sending a round of parts when it is full.
    fn take(&mut self, bytes: &[u8]) -> Result<usize, SnapshotError> {
        if self.broken {
            return Err(self.refused());
        }
        if self.part.len() == PART_BYTES {
            self.full.push(std::mem::take(&mut self.part));
        }
        if self.full.len() == PARTS_AT_ONCE {
            self.send()?;
        }
        let (now, _) = bytes.split_at(bytes.len().min(PART_BYTES - self.part.len()));
        self.part.extend_from_slice(now);
        Ok(now.len())
    }

    /// Sends the parts that are full; when it fails, so does all that follows.
    fn send(&mut self) -> Result<(), SnapshotError> {
        let sent = self.try_to_send();
        self.broken |= sent.is_err();
        sent
    }

    fn try_to_send(&mut self) -> Result<(), SnapshotError> {
        let operation = || format!("write {}", self.object);
        let parts = std::mem::take(&mut self.full);
        self.sent += parts.len();
        if self.sent > PARTS_MAX {
            let most = u64::try_from(PARTS_MAX * PART_BYTES).unwrap_or(u64::MAX);
            return Err(SnapshotError::TooLong {
                operation: operation(),
                most,
            });
        }
        let upload = match &mut self.upload {
            Some(upload) => upload,
            none => {
                let begun = self
                    .client
                    .wait(operation, self.client.store.put_multipart(&self.path))?;
                none.insert(begun)
            }
        };
        let calls: Vec<_> = parts
            .into_iter()
            .map(|part| upload.put_part(part.into()))
            .collect();
        self.client.wait(operation, async {
            let mut under_way = JoinSet::new();
            for call in calls {
                under_way.spawn(call);
            }
            while let Some(done) = under_way.join_next().await {
                done??;
            }
            Ok(())
        })
    }

    /// Makes the object of what was sent and what is left.
    fn complete(&mut self) -> Result<(), SnapshotError> {
        if self.broken {
            return Err(self.refused());
        }
        let last = std::mem::take(&mut self.part);
        let operation = || format!("finish {}", self.object);
        if self.upload.is_none() && self.full.is_empty() {
            let put = self.client.store.put(&self.path, last.into());
            return self.client.wait(operation, put).map(|_| ());
        }
        if !last.is_empty() {
            self.full.push(last);
        }
        self.send()?;
        let operation = || format!("finish {}", self.object);
        if let Some(upload) = &mut self.upload {
            self.client.wait(operation, upload.complete())?;
        }
        self.upload = None;
        Ok(())
    }

    fn refused(&self) -> SnapshotError {
        SnapshotError::Broken {
            operation: format!("write {}", self.object),
        }
    }
}

impl Write for Upload {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(self.take(bytes)?)
    }

    /// Does nothing: parts have a least size, and nothing is seen before the end anyway.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl SnapshotWriter for Upload {
    fn finish(mut self: Box<Self>) -> Result<(), SnapshotError> {
        self.complete()
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let Some(mut upload) = self.upload.take() else {
            return;
        };
        let operation = || format!("abort the upload of {}", self.object);
        if let Err(error) = self.client.wait(operation, upload.abort()) {
            tracing::warn!(%error, "parts of an unfinished snapshot stay in the bucket");
        }
    }
}
