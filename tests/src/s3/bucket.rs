//! What a bucket holds: objects, and uploads that are none yet.

use std::collections::BTreeMap;

use axum::body::Bytes;

/// Objects of a page of a list: so few that a test comes to the second page.
const PAGE: usize = 4;

/// Least size of a part that is not the last.
const PART_BYTES_MIN: usize = 5 << 20;

/// An object or a part, with its entity tag.
#[derive(Clone, Debug)]
pub(super) struct Object {
    pub(super) tag: String,
    pub(super) bytes: Bytes,
}

/// Parts by their number.
#[derive(Debug, Default)]
struct Upload {
    key: String,
    parts: BTreeMap<usize, Object>,
}

#[derive(Debug, Default)]
pub(super) struct Bucket {
    objects: BTreeMap<String, Object>,
    uploads: BTreeMap<String, Upload>,
    /// How many tags and ids were given out.
    given: u64,
}

impl Bucket {
    fn new_name(&mut self) -> String {
        self.given += 1;
        format!("{:032x}", self.given)
    }

    pub(super) fn keys(&self) -> Vec<String> {
        self.objects.keys().cloned().collect()
    }

    pub(super) fn uploads(&self) -> usize {
        self.uploads.len()
    }

    pub(super) fn get(&self, key: &str) -> Option<&Object> {
        self.objects.get(key)
    }

    /// Gives the tag.
    pub(super) fn put(&mut self, key: &str, bytes: Bytes) -> String {
        let tag = format!("\"{}\"", self.new_name());
        let object = Object {
            tag: tag.clone(),
            bytes,
        };
        self.objects.insert(key.to_owned(), object);
        tag
    }

    pub(super) fn remove(&mut self, key: &str) {
        self.objects.remove(key);
    }

    /// The objects below a prefix after a key, of one page, and whether there are more.
    pub(super) fn list(&self, prefix: &str, after: &str) -> (Vec<(&String, &Object)>, bool) {
        let directly_below = |key: &str| {
            key.strip_prefix(prefix)
                .is_some_and(|rest| !rest.contains('/'))
        };
        let found = self.objects.iter();
        let mut found = found.filter(|(key, _)| directly_below(key) && key.as_str() > after);
        let page: Vec<_> = found.by_ref().take(PAGE).collect();
        (page, found.next().is_some())
    }

    /// Gives the id of the upload.
    pub(super) fn begin(&mut self, key: &str) -> String {
        let id = self.new_name();
        let upload = Upload {
            key: key.to_owned(),
            parts: BTreeMap::new(),
        };
        self.uploads.insert(id.clone(), upload);
        id
    }

    /// Gives the tag, if there is such an upload of this key.
    pub(super) fn part(
        &mut self,
        key: &str,
        id: &str,
        number: usize,
        bytes: Bytes,
    ) -> Option<String> {
        let tag = format!("\"{}\"", self.new_name());
        let upload = self
            .uploads
            .get_mut(id)
            .filter(|upload| upload.key == key)?;
        let part = Object {
            tag: tag.clone(),
            bytes,
        };
        upload.parts.insert(number, part);
        Some(tag)
    }

    /// Makes an object of the parts named by number and tag; what is wrong as the protocol names it.
    pub(super) fn complete(
        &mut self,
        key: &str,
        id: &str,
        wanted: &[(usize, String)],
    ) -> Result<String, &'static str> {
        let upload = self.uploads.get(id).filter(|upload| upload.key == key);
        let upload = upload.ok_or("NoSuchUpload")?;
        let mut bytes = Vec::new();
        for (at, (number, tag)) in wanted.iter().enumerate() {
            if at > 0 && wanted[at - 1].0 >= *number {
                return Err("InvalidPartOrder");
            }
            let part = upload.parts.get(number).filter(|part| part.tag == *tag);
            let part = part.ok_or("InvalidPart")?;
            if at + 1 < wanted.len() && part.bytes.len() < PART_BYTES_MIN {
                return Err("EntityTooSmall");
            }
            bytes.extend_from_slice(&part.bytes);
        }
        if wanted.is_empty() {
            return Err("MalformedXML");
        }
        self.uploads.remove(id);
        Ok(self.put(key, bytes.into()))
    }

    /// Whether there was such an upload.
    pub(super) fn abort(&mut self, id: &str) -> bool {
        self.uploads.remove(id).is_some()
    }
}
