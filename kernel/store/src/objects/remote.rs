//! An object store as synchronous code uses it: a name under a prefix comes in, bytes go out or come back. Requests run on
//! a thread of their own that all object stores share; whoever asks waits. Nothing is cached here.

use std::fs::File;
use std::future::Future;
use std::io::Read;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt;
use object_store::path::Path as Key;
use object_store::{Error as StoreError, MultipartUpload, ObjectStore, ObjectStoreExt, PutMode, PutPayload};
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};

use super::access::Access;
use crate::error::Error;
use crate::parts::Measured;

/// Bytes that go over the network in one request, at most.
const REQUEST_BYTES: u64 = 8 << 20;

/// The threads on which requests run.
static THREADS: OnceLock<Runtime> = OnceLock::new();

/// Objects under one prefix of one store.
#[derive(Debug)]
pub(crate) struct Remote {
    url: String,
    store: Arc<dyn ObjectStore>,
    prefix: Key,
}

impl Remote {
    /// Nothing is asked yet.
    pub(crate) fn new(url: &str, access: &Access) -> Result<Self, Error> {
        let (store, prefix) = access.connect(url)?;
        Ok(Self { url: url.trim_end_matches('/').to_owned(), store, prefix })
    }

    /// As it was given, without a slash at its end.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// Where an object is, for people.
    pub(crate) fn place(&self, name: &str) -> String {
        format!("{}/{name}", self.url)
    }

    fn key(&self, name: &str) -> Key {
        name.split('/').fold(self.prefix.clone(), Key::join)
    }

    /// Some bytes of an object.
    pub(crate) fn range(&self, name: &str, range: Range<u64>) -> Result<Bytes, Error> {
        let (store, key) = (self.store.clone(), self.key(name));
        let wanted = range.end.saturating_sub(range.start);
        let bytes = wait(async move {
            if wanted <= REQUEST_BYTES {
                return store.get_range(&key, range).await;
            }
            let mut whole = BytesMut::with_capacity(wanted as usize);
            for start in range.clone().step_by(REQUEST_BYTES as usize) {
                whole.extend(store.get_range(&key, start..range.end.min(start + REQUEST_BYTES)).await?);
            }
            Ok(whole.freeze())
        })?;
        bytes.map_err(self.unread(name))
    }

    /// An object's bytes; `None` where there is no such object.
    pub(crate) fn read(&self, name: &str) -> Result<Option<Bytes>, Error> {
        let (store, key) = (self.store.clone(), self.key(name));
        match wait(async move { store.get(&key).await?.bytes().await })? {
            Err(StoreError::NotFound { .. }) => Ok(None),
            other => other.map(Some).map_err(self.failed(name)),
        }
    }

    /// Length and checksum of an object, of which every byte is read.
    pub(crate) fn measure(&self, name: &str) -> Result<Measured, Error> {
        let (store, key) = (self.store.clone(), self.key(name));
        let measured = wait(async move {
            let bytes = store.head(&key).await?.size;
            let mut sum = 0;
            for start in (0..bytes).step_by(REQUEST_BYTES as usize) {
                let piece = store.get_range(&key, start..bytes.min(start + REQUEST_BYTES)).await?;
                sum = crc32c::crc32c_append(sum, &piece);
            }
            Ok(Measured { bytes, crc32c: sum })
        })?;
        measured.map_err(self.unread(name))
    }

    /// Puts bytes in the place of an object, whole or not at all.
    pub(crate) fn put(&self, name: &str, bytes: Bytes) -> Result<(), Error> {
        let (store, key) = (self.store.clone(), self.key(name));
        wait(async move { store.put(&key, bytes.into()).await })?.map(drop).map_err(self.failed(name))
    }

    /// As [`Remote::put`], unless there is such an object already; whether it was put.
    pub(crate) fn create(&self, name: &str, bytes: Bytes) -> Result<bool, Error> {
        let (store, key) = (self.store.clone(), self.key(name));
        match wait(async move { store.put_opts(&key, bytes.into(), PutMode::Create.into()).await })? {
            Err(StoreError::AlreadyExists { .. }) => Ok(false),
            other => other.map(|_| true).map_err(self.failed(name)),
        }
    }

    /// Puts a file in the place of an object, whole or not at all.
    pub(crate) fn put_file(&self, name: &str, path: &Path) -> Result<(), Error> {
        let file = File::open(path).map_err(Error::io(path))?;
        let bytes = file.metadata().map_err(Error::io(path))?.len();
        let (store, key) = (self.store.clone(), self.key(name));
        wait(async move { upload(&*store, &key, file, bytes).await })?.map_err(self.failed(name))
    }

    /// Takes an object away, if it is there.
    pub(crate) fn remove(&self, name: &str) -> Result<(), Error> {
        let (store, key) = (self.store.clone(), self.key(name));
        match wait(async move { store.delete(&key).await })? {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(name)(error)),
        }
    }

    /// Names of all objects under the prefix.
    pub(crate) fn names(&self) -> Result<Vec<String>, Error> {
        let (store, prefix) = (self.store.clone(), self.prefix.clone());
        let found = wait(async move { store.list(Some(&prefix)).try_collect::<Vec<_>>().await })?;
        let found = found.map_err(self.failed(""))?;
        let name = |key: &Key| {
            let parts: Vec<String> = key.prefix_match(&self.prefix)?.map(|part| part.as_ref().to_owned()).collect();
            Some(parts.join("/"))
        };
        Ok(found.iter().filter_map(|object| name(&object.location)).collect())
    }

    fn unread(&self, name: &str) -> impl FnOnce(StoreError) -> Error {
        let place = self.place(name);
        move |error| match error {
            StoreError::NotFound { .. } => Error::Gone(place),
            error => Error::objects(&place)(error),
        }
    }

    fn failed(&self, name: &str) -> impl FnOnce(StoreError) -> Error {
        let place = self.place(name);
        move |error| Error::objects(&place)(error)
    }
}

/// In one request, or in parts of which none shows before all are there.
async fn upload(store: &dyn ObjectStore, key: &Key, mut file: File, bytes: u64) -> Result<(), StoreError> {
    if bytes <= REQUEST_BYTES {
        return store.put(key, piece(&mut file)?).await.map(drop);
    }
    let mut upload = store.put_multipart(key).await?;
    let done = parts(&mut *upload, file, bytes).await;
    if done.is_err() {
        // Its failure would say less than the one that made it necessary.
        drop(upload.abort().await);
    }
    done
}

async fn parts(upload: &mut dyn MultipartUpload, mut file: File, bytes: u64) -> Result<(), StoreError> {
    for _ in 0..bytes.div_ceil(REQUEST_BYTES) {
        upload.put_part(piece(&mut file)?).await?;
    }
    upload.complete().await.map(drop)
}

fn piece(file: &mut File) -> Result<PutPayload, StoreError> {
    let mut bytes = Vec::new();
    let read = file.take(REQUEST_BYTES).read_to_end(&mut bytes);
    read.map(|_| bytes.into()).map_err(|error| StoreError::Generic { store: "local file", source: Box::new(error) })
}

/// Runs requests and waits for them.
fn wait<T: Send + 'static>(requests: impl Future<Output = T> + Send + 'static) -> Result<T, Error> {
    let (sender, receiver) = std::sync::mpsc::sync_channel(1);
    threads()?.spawn(async move { drop(sender.send(requests.await)) });
    let answer = || receiver.recv().map_err(|_| Error::defect("a request to an object store ended with a panic"));
    match Handle::try_current() {
        // Whatever else runs on this thread goes on elsewhere meanwhile.
        Ok(handle) if handle.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(answer),
        _ => answer(),
    }
}

fn threads() -> Result<&'static Runtime, Error> {
    if let Some(threads) = THREADS.get() {
        return Ok(threads);
    }
    let name = "urbis-objects";
    let threads = Builder::new_multi_thread().worker_threads(1).thread_name(name).enable_all().build();
    let threads = threads.map_err(Error::io(Path::new(name)))?;
    Ok(THREADS.get_or_init(|| threads))
}
