//! Where a bucket is and how to get into it: an address, and options by an allow-list.
//!
//! The invariant: only options on the list reach the client, so none can turn off the check of certificates, and no
//! message repeats an option's value. Credentials that no option gives come from the environment as the client reads it
//! (`AWS_*`, `GOOGLE_*`, `AZURE_*`, a machine's own role).

use std::sync::Arc;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::path::Path;
use object_store::{ObjectStore, RetryConfig};

use super::Patience;
use crate::snapshots::SnapshotError;

/// Whose interface it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    S3,
    Google,
    Azure,
}

impl Kind {
    const ALL: [(&'static str, Kind); 3] =
        [("s3", Kind::S3), ("gs", Kind::Google), ("az", Kind::Azure)];

    fn options(self) -> &'static [&'static str] {
        match self {
            Kind::S3 => &[
                "access_key_id",
                "allow_http",
                "endpoint",
                "region",
                "secret_access_key",
                "server_side_encryption",
                "session_token",
                "skip_signature",
                "sse_bucket_key_enabled",
                "sse_kms_key_id",
                "unsigned_payload",
                "virtual_hosted_style_request",
            ],
            Kind::Google => &[
                "allow_http",
                "application_credentials",
                "base_url",
                "service_account",
                "service_account_key",
                "skip_signature",
            ],
            Kind::Azure => &[
                "access_key",
                "account_name",
                "allow_http",
                "client_id",
                "client_secret",
                "endpoint",
                "sas_token",
                "skip_signature",
                "tenant_id",
                "use_emulator",
            ],
        }
    }
}

/// The address of a bucket and a place in it: `s3://BUCKET/PREFIX`, `gs://BUCKET/PREFIX`, `az://CONTAINER/PREFIX`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    kind: Kind,
    bucket: String,
    prefix: Path,
}

impl Location {
    /// Reads an address; the prefix may be left out.
    ///
    /// # Errors
    /// [`SnapshotError::Location`] when it is none.
    pub fn parse(url: &str) -> Result<Self, SnapshotError> {
        // Whatever stands before an @ may be a password, which no message may repeat.
        if url.contains('@') {
            return Err(wrong(
                "an address with an @",
                "credentials are options, not part of the address",
            ));
        }
        let (scheme, rest) = url.split_once("://").unwrap_or_default();
        let kind = Kind::ALL.iter().find(|(known, _)| *known == scheme);
        let (_, kind) =
            kind.ok_or_else(|| wrong(url, "it begins with none of s3://, gs://, az://"))?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b".-_".contains(&byte);
        if bucket.is_empty() || !bucket.bytes().all(letter) {
            return Err(wrong(url, "the bucket is no name"));
        }
        let fine = |part: &str| {
            !part.is_empty() && part != "." && part != ".." && part.bytes().all(letter)
        };
        let prefix = prefix.trim_end_matches('/');
        if !prefix.is_empty() && !prefix.split('/').all(fine) {
            return Err(wrong(
                url,
                "the prefix is not made of names with a / between any two",
            ));
        }
        Ok(Self {
            kind: *kind,
            bucket: bucket.to_owned(),
            prefix: Path::from(prefix),
        })
    }

    /// The options that can be given for it.
    #[must_use]
    pub fn options(&self) -> &'static [&'static str] {
        self.kind.options()
    }

    /// Where in the bucket snapshots are.
    pub(super) fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// A client for it; nothing is sent yet.
    pub(super) fn client(
        &self,
        options: &[(String, String)],
        patience: &Patience,
    ) -> Result<Arc<dyn ObjectStore>, SnapshotError> {
        let known = self.options();
        if let Some((key, _)) = options
            .iter()
            .find(|(key, _)| !known.contains(&key.as_str()))
        {
            let cause = format!("there is no option {key:?}; there are {}", known.join(", "));
            return Err(wrong(&self.to_string(), &cause));
        }
        let mut settings = options.to_vec();
        settings.extend(patience.settings());
        self.build(&settings, patience.retries())
            .map_err(|error| wrong(&self.to_string(), &error.to_string()))
    }

    fn build(
        &self,
        settings: &[(String, String)],
        retries: RetryConfig,
    ) -> Result<Arc<dyn ObjectStore>, object_store::Error> {
        Ok(match self.kind {
            Kind::S3 => {
                let mut builder = AmazonS3Builder::from_env();
                for (key, value) in settings {
                    builder = builder.with_config(key.parse()?, value);
                }
                Arc::new(
                    builder
                        .with_bucket_name(&self.bucket)
                        .with_retry(retries)
                        .build()?,
                )
            }
            Kind::Google => {
                let mut builder = GoogleCloudStorageBuilder::from_env();
                for (key, value) in settings {
                    builder = builder.with_config(key.parse()?, value);
                }
                Arc::new(
                    builder
                        .with_bucket_name(&self.bucket)
                        .with_retry(retries)
                        .build()?,
                )
            }
            Kind::Azure => {
                let mut builder = MicrosoftAzureBuilder::from_env();
                for (key, value) in settings {
                    builder = builder.with_config(key.parse()?, value);
                }
                Arc::new(
                    builder
                        .with_container_name(&self.bucket)
                        .with_retry(retries)
                        .build()?,
                )
            }
        })
    }
}

impl std::fmt::Display for Location {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = Kind::ALL.iter().find(|(_, kind)| *kind == self.kind);
        let scheme = scheme.map_or("", |(scheme, _)| scheme);
        let between = if self.prefix.as_ref().is_empty() {
            ""
        } else {
            "/"
        };
        write!(f, "{scheme}://{}{between}{}", self.bucket, self.prefix)
    }
}

fn wrong(url: &str, cause: &str) -> SnapshotError {
    SnapshotError::Location {
        url: url.to_owned(),
        cause: cause.to_owned(),
    }
}
