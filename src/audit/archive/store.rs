//! Object stores, as the archive needs them: names, whole objects, no streams.

use crate::model::hex::hex;
use crate::model::time::Timestamp;
use object_store::aws::{AmazonS3Builder, Checksum};
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ClientOptions, ObjectStore, ObjectStoreExt, ObjectStoreScheme, PutPayload};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tokio::runtime::{Builder, Runtime};
use tokio_stream::StreamExt;
use url::Url;

/// Largest object that is read, in bytes: as the largest file of a log.
pub const OBJECT_BYTES_MAX: u64 = 1 << 30;

/// Why an object store does not do something.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The text is no URL of a store.
    #[error(
        "`{url}` names no object store: give `file:///directory`, `s3://bucket/prefix`, \
         `gs://bucket/prefix` or `az://container/prefix` ({cause})"
    )]
    Url {
        /// What was given.
        url: String,
        /// Why it is none.
        cause: String,
    },
    /// Only S3 has locks that are asked for as here.
    #[error("`{url}` has no object lock that toolgate can set: only S3 has")]
    NoLock {
        /// The store.
        url: String,
    },
    /// The store, or the way to it, fails.
    #[error("object store fails at `{name}`: {cause}")]
    Failed {
        /// The object or prefix.
        name: String,
        /// What it says.
        cause: String,
    },
}

/// How long objects are kept from being changed by anybody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Lock {
    /// Objects are not locked.
    #[default]
    None,
    /// Whoever has a special permission can still remove them.
    Governance,
    /// Nobody can remove them before their time, not even the account's owner.
    Compliance,
}

impl Lock {
    /// As the store's header has it; `None` for no lock.
    #[must_use]
    pub const fn mode(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Governance => Some("GOVERNANCE"),
            Self::Compliance => Some("COMPLIANCE"),
        }
    }
}

/// Whole objects by name; a name's parts are separated by `/`.
pub trait Objects {
    /// The names of all objects whose names begin with `prefix/`, in no order.
    ///
    /// # Errors
    /// If the store fails.
    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError>;

    /// An object's content.
    ///
    /// # Errors
    /// If there is none, it is larger than `OBJECT_BYTES_MAX`, or the store fails.
    fn get(&self, name: &str) -> Result<Vec<u8>, StoreError>;

    /// Puts an object in place, in one step; where the store locks, nobody can remove it before
    /// `kept_until`.
    ///
    /// # Errors
    /// If the store fails.
    fn put(
        &self,
        name: &str,
        content: &[u8],
        kept_until: Option<Timestamp>,
    ) -> Result<(), StoreError>;

    /// Removes an object.
    ///
    /// # Errors
    /// If the store fails.
    fn remove(&self, name: &str) -> Result<(), StoreError>;
}

/// A store by its URL; credentials and endpoints come from the environment, by the names that each
/// store's own programs have (`AWS_*`, `GOOGLE_*`, `AZURE_*`).
pub struct Store {
    url: Url,
    lock: Lock,
    store: Arc<dyn ObjectStore>,
    base: Path,
    runtime: Runtime,
}

impl Store {
    /// Opens a store. Nothing is asked of it yet.
    ///
    /// # Errors
    /// If the URL or the environment does not say where it is.
    pub fn open(url: &str, lock: Lock) -> Result<Self, StoreError> {
        let no_store = |cause: String| StoreError::Url {
            url: url.to_owned(),
            cause,
        };
        let parsed = Url::parse(url).map_err(|error| no_store(error.to_string()))?;
        let (scheme, base) =
            ObjectStoreScheme::parse(&parsed).map_err(|error| no_store(error.to_string()))?;
        if lock != Lock::None && scheme != ObjectStoreScheme::AmazonS3 {
            let url = url.to_owned();
            return Err(StoreError::NoLock { url });
        }
        let store = build(&scheme, &parsed, ClientOptions::new());
        let runtime = Builder::new_current_thread().enable_all().build();
        Ok(Self {
            store: store.map_err(|error| no_store(error.to_string()))?,
            runtime: runtime.map_err(|error| no_store(error.to_string()))?,
            url: parsed,
            lock,
            base,
        })
    }

    fn path(&self, name: &str) -> Path {
        name.split('/')
            .fold(self.base.clone(), |path, part| path.join(part))
    }

    /// A store that sends what locks an object with every request: these headers are signed, which
    /// those that are added to one request are not.
    fn locking(&self, mode: &str, until: Timestamp) -> object_store::Result<Arc<dyn ObjectStore>> {
        let value = |text: &str| {
            http::HeaderValue::from_str(text).map_err(|error| object_store::Error::Generic {
                store: "S3",
                source: Box::new(error),
            })
        };
        let mut headers = http::HeaderMap::new();
        headers.insert("x-amz-object-lock-mode", value(mode)?);
        headers.insert(
            "x-amz-object-lock-retain-until-date",
            value(&whole_seconds(until))?,
        );
        let options = ClientOptions::new().with_default_headers(headers);
        build(&ObjectStoreScheme::AmazonS3, &self.url, options)
    }
}

/// RFC 3339 in whole seconds, rounded up.
fn whole_seconds(time: Timestamp) -> String {
    let nanos = time.as_nanos();
    let second = 1_000_000_000;
    let seconds = nanos.div_euclid(second) + i64::from(nanos.rem_euclid(second) > 0);
    Timestamp::from_nanos(seconds.saturating_mul(second)).rfc3339()
}

fn build(
    scheme: &ObjectStoreScheme,
    url: &Url,
    options: ClientOptions,
) -> object_store::Result<Arc<dyn ObjectStore>> {
    Ok(match scheme {
        ObjectStoreScheme::Local => Arc::new(LocalFileSystem::new().with_fsync(true)),
        ObjectStoreScheme::AmazonS3 => {
            let builder = AmazonS3Builder::new()
                .with_client_options(options)
                // A store that locks wants to know that it got the right bytes.
                .with_checksum_algorithm(Checksum::SHA256);
            let builder =
                variables("AWS_").fold(builder, |builder, (key, value)| match key.parse() {
                    Ok(key) => builder.with_config(key, value),
                    Err(_) => builder,
                });
            Arc::new(builder.with_url(url.as_str()).build()?)
        }
        ObjectStoreScheme::GoogleCloudStorage => {
            let builder = GoogleCloudStorageBuilder::from_env().with_url(url.as_str());
            Arc::new(builder.build()?)
        }
        ObjectStoreScheme::MicrosoftAzure => {
            let builder = MicrosoftAzureBuilder::from_env().with_url(url.as_str());
            Arc::new(builder.build()?)
        }
        _ => {
            return Err(object_store::Error::NotSupported {
                source: "another kind of store".into(),
            });
        }
    })
}

fn variables(prefix: &'static str) -> impl Iterator<Item = (String, String)> {
    let variables = std::env::vars_os();
    variables.filter_map(move |(key, value)| {
        let key = key.to_str()?;
        let value = value.to_str()?.to_owned();
        key.starts_with(prefix)
            .then(|| (key.to_ascii_lowercase(), value))
    })
}

impl Objects for Store {
    fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let path = self.path(prefix);
        let listed = self.runtime.block_on(async {
            let objects = self.store.list(Some(&path));
            let names = objects.map(|object| object.map(|object| object.location));
            names.collect::<Result<Vec<Path>, _>>().await
        });
        let listed = listed.map_err(failed(prefix))?;
        let names = listed.iter().filter_map(|path| {
            let parts: Vec<_> = path.prefix_match(&self.base)?.collect();
            let parts: Vec<&str> = parts.iter().map(AsRef::as_ref).collect();
            Some(parts.join("/"))
        });
        Ok(names.collect())
    }

    fn get(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let path = self.path(name);
        let got = self.runtime.block_on(async {
            let object = self.store.get(&path).await?;
            if object.meta.size > OBJECT_BYTES_MAX {
                return Err(object_store::Error::Generic {
                    store: "archive",
                    source: format!("it is larger than {OBJECT_BYTES_MAX} bytes").into(),
                });
            }
            object.bytes().await
        });
        got.map(Vec::from).map_err(failed(name))
    }

    fn put(
        &self,
        name: &str,
        content: &[u8],
        kept_until: Option<Timestamp>,
    ) -> Result<(), StoreError> {
        let path = self.path(name);
        let payload = PutPayload::from(content.to_vec());
        let put = self.runtime.block_on(async {
            match (self.lock.mode(), kept_until) {
                (Some(mode), Some(until)) => self.locking(mode, until)?.put(&path, payload).await,
                _ => self.store.put(&path, payload).await,
            }
        });
        put.map(drop).map_err(failed(name))
    }

    fn remove(&self, name: &str) -> Result<(), StoreError> {
        let path = self.path(name);
        let removed = self.runtime.block_on(self.store.delete(&path));
        removed.map_err(failed(name))
    }
}

fn failed(name: &str) -> impl FnOnce(object_store::Error) -> StoreError {
    move |error| StoreError::Failed {
        name: name.to_owned(),
        cause: error.to_string(),
    }
}

/// SHA-256, as in the log.
pub fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(content)))
}
