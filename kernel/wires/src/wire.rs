//! A wire that listens: where it does, and how it ends.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::Error;

/// How long connections may take to end.
const ENDING: Duration = Duration::from_secs(2);

/// One of the two, listening.
#[derive(Debug)]
pub struct Wire {
    /// Where it listens.
    pub address: SocketAddr,
    stop: watch::Sender<bool>,
    task: JoinHandle<Result<(), Error>>,
}

impl Wire {
    pub(crate) fn new(address: SocketAddr, stop: watch::Sender<bool>, task: JoinHandle<Result<(), Error>>) -> Self {
        Self { address, stop, task }
    }

    /// Waits for its end, which nobody asked for.
    ///
    /// # Errors
    /// [`Error::Ended`] always.
    pub async fn wait(&mut self) -> Result<(), Error> {
        let reason = match (&mut self.task).await {
            Ok(Ok(())) => "nobody asked it to".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(panic) => panic.to_string(),
        };
        Err(Error::Ended { address: self.address, reason })
    }

    /// Takes no more connections, ends those that there are, and returns when that is done.
    pub async fn stop(self) {
        self.stop.send_replace(true);
        let Self { mut task, .. } = self;
        if tokio::time::timeout(ENDING, &mut task).await.is_err() {
            task.abort();
        }
    }
}

pub(crate) async fn listen(address: &str) -> Result<(TcpListener, SocketAddr), Error> {
    let failed = |source| Error::Listen { address: address.to_owned(), source };
    let listener = TcpListener::bind(address).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
