//! Snapshots as objects of a bucket: Amazon S3 and what speaks its protocol, Google Cloud Storage, Azure Blob Storage.
//!
//! The one idea: these stores make an object visible by its last request, which is all that a snapshot asks for, so
//! there is no rename and no marker. The invariant: a reader asks for the very object it opened (by its entity tag), so
//! that one replaced meanwhile is an error instead of bytes of both.
//!
//! Calls wait on the caller's thread, and may not be made from within an asynchronous task. Modules in reading order: the
//! address and its options ([`location`]), waiting ([`client`]), writing ([`upload`]).

mod client;
mod location;
mod upload;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStoreExt};

use self::client::Client;
use self::upload::Upload;
use super::{SnapshotError, SnapshotReader, SnapshotStore, SnapshotWriter, name_in, within};

pub use self::client::Patience;
pub use self::location::Location;

/// Most bytes asked for in one request, so that a slow line brings them in time.
const REQUEST_BYTES: usize = 8 << 20;

/// Snapshots below a prefix of a bucket.
pub struct ObjectSnapshots {
    client: Arc<Client>,
}

impl std::fmt::Debug for ObjectSnapshots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The client holds credentials.
        let mut shown = f.debug_struct("ObjectSnapshots");
        shown.field("location", &self.client.location);
        shown.finish_non_exhaustive()
    }
}

impl ObjectSnapshots {
    /// A store at `url`, which is `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX` or `az://CONTAINER/PREFIX`, with options
    /// from [`Location::options`]. Nothing is sent yet: whether the bucket can be reached the first call tells.
    ///
    /// # Errors
    /// [`SnapshotError::Location`] when the address or an option cannot be used.
    pub fn open(
        url: &str,
        options: &[(String, String)],
        patience: &Patience,
    ) -> Result<Self, SnapshotError> {
        let client = Client::new(Location::parse(url)?, options, patience)?;
        Ok(Self {
            client: Arc::new(client),
        })
    }
}

impl SnapshotStore for ObjectSnapshots {
    fn list(&self) -> Result<Vec<String>, SnapshotError> {
        let prefix = self.client.location.prefix();
        let operation = || format!("list {}", self.client.location);
        let listed = self.client.store.list_with_delimiter(Some(prefix));
        let objects = self.client.wait(operation, listed)?.objects;
        let files = objects
            .iter()
            .filter_map(|object| object.location.filename());
        let mut names: Vec<String> = files.filter_map(name_in).map(str::to_owned).collect();
        names.sort_unstable();
        Ok(names)
    }

    fn create(&self, name: &str) -> Result<Box<dyn SnapshotWriter>, SnapshotError> {
        let (path, object) = self.client.object(name)?;
        Ok(Box::new(Upload::new(
            Arc::clone(&self.client),
            path,
            object,
        )))
    }

    fn open(&self, name: &str) -> Result<Box<dyn SnapshotReader>, SnapshotError> {
        let (path, object) = self.client.object(name)?;
        let operation = || format!("open {object}");
        let found = self
            .client
            .wait(operation, self.client.store.head(&path))
            .map_err(absent)?;
        Ok(Box::new(ObjectReader {
            client: Arc::clone(&self.client),
            path,
            object,
            length: found.size,
            tag: found.e_tag,
        }))
    }

    fn remove(&self, name: &str) -> Result<(), SnapshotError> {
        let (path, object) = self.client.object(name)?;
        let operation = || format!("remove {object}");
        match self
            .client
            .wait(operation, self.client.store.delete(&path))
            .map_err(absent)
        {
            Err(SnapshotError::Missing { .. }) => Ok(()),
            removed => removed,
        }
    }
}

/// An object that is not there is a snapshot that is not there.
fn absent(error: SnapshotError) -> SnapshotError {
    match error {
        SnapshotError::Object { operation, source }
            if matches!(*source, object_store::Error::NotFound { .. }) =>
        {
            SnapshotError::Missing { operation }
        }
        error => error,
    }
}

/// A snapshot being read.
struct ObjectReader {
    client: Arc<Client>,
    path: Path,
    /// As messages call it.
    object: String,
    length: u64,
    tag: Option<String>,
}

impl ObjectReader {
    /// One request.
    fn read(&self, at: u64, into: &mut [u8]) -> Result<u64, SnapshotError> {
        let operation = || format!("read {}", self.object);
        let end = at + u64::try_from(into.len()).unwrap_or(u64::MAX - at);
        let options = GetOptions {
            range: Some(GetRange::Bounded(at..end)),
            if_match: self.tag.clone(),
            ..GetOptions::default()
        };
        let bytes = self.client.wait(operation, async {
            self.client
                .store
                .get_opts(&self.path, options)
                .await?
                .bytes()
                .await
        });
        let bytes = bytes.map_err(absent)?;
        if bytes.len() != into.len() {
            return Err(SnapshotError::Answer {
                operation: operation(),
                cause: format!("{} bytes came instead of {}", bytes.len(), into.len()),
            });
        }
        into.copy_from_slice(&bytes);
        Ok(end)
    }
}

impl SnapshotReader for ObjectReader {
    fn length(&self) -> u64 {
        self.length
    }

    fn read_at(&self, at: u64, into: &mut [u8]) -> Result<(), SnapshotError> {
        within(&self.object, at, into.len(), self.length)?;
        let mut chunks = into.chunks_mut(REQUEST_BYTES);
        chunks
            .try_fold(at, |at, chunk| self.read(at, chunk))
            .map(|_| ())
    }
}
