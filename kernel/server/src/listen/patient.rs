//! A stream that does not wait for ever. The first bytes have to come within a time (no parser is at work yet that would look at
//! the clock), and whatever is written has to be taken within another; else the stream fails.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// As long as the preface of HTTP/2 (RFC 9113, 3.4): after so many bytes it is known what is spoken, and shorter requests of
/// HTTP/1.1 there are none.
const FIRST_BYTES: usize = 24;

/// A stream with a clock.
pub(super) struct Patient<S> {
    stream: S,
    /// Until the first bytes have come.
    first: Option<Pin<Box<Sleep>>>,
    read: usize,
    write: Duration,
    /// While a write waits.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S> Patient<S> {
    pub(super) fn new(stream: S, first: Duration, write: Duration) -> Self {
        Self { stream, first: Some(Box::pin(sleep(first))), read: 0, write, stuck: None }
    }

    /// What became of a write; one that waits too long fails.
    fn written<T>(&mut self, context: &mut Context<'_>, written: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stuck = None;
            return written;
        }
        let write = self.write;
        let stuck = self.stuck.get_or_insert_with(|| Box::pin(sleep(write)));
        match stuck.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.read += buffer.filled().len() - before;
        if self.read >= FIRST_BYTES {
            self.first = None;
        }
        match &mut self.first {
            Some(first) if read.is_pending() => match first.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Err(io::ErrorKind::TimedOut.into())),
                Poll::Pending => Poll::Pending,
            },
            _ => read,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.written(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.written(context, shut)
    }
}
