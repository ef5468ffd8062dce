//! Whether a client is still there while its question runs. The protocol's loop reads from a client only between questions, so
//! that a second handle of the same socket is watched for the end of the other side.

use std::convert::Infallible;
use std::io;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::watch;

use crate::rows::Called;

/// Two handles of a socket.
pub(super) fn split(socket: TcpStream) -> io::Result<(TcpStream, TcpStream)> {
    let socket = socket.into_std()?;
    let watched = TcpStream::from_std(socket.try_clone()?)?;
    Ok((TcpStream::from_std(socket)?, watched))
}

/// Calls when the other side has closed; never returns.
pub(super) async fn watch(socket: TcpStream, calls: watch::Sender<Option<Called>>) -> Infallible {
    // An error means that the socket is of no more use either.
    while socket.ready(Interest::READABLE).await.is_ok_and(|ready| !ready.is_read_closed()) {
        // What came in is for the protocol to read; here the next change is waited for.
        let _ = socket.try_io(Interest::READABLE, || Err::<(), _>(io::ErrorKind::WouldBlock.into()));
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    calls.send_replace(Some(Called::Gone));
    std::future::pending().await
}
