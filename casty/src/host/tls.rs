//! A connection within TLS.

use std::{
    fmt,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Waker, ready},
};

use rustls::{ClientConfig, ServerConfig, pki_types::ServerName};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::Stream;

/// Of what the other side said first, so much is kept.
const BEGINNING: usize = 8;
/// Of what a peer that was refused says before it has read why, so much is read.
const UNREAD: u64 = 64 * 1024;

/// A connection whose two sides have shown their certificates.
#[derive(Debug)]
pub(crate) struct Secured {
    tls: TlsStream<Carrier>,
    /// So many bytes of the caller's are encrypted, and not all of that is written yet.
    owed: usize,
}

/// What TLS runs over.
#[derive(Debug)]
struct Carrier {
    /// Absent while it is taken along to another runtime.
    stream: Option<Stream>,
    beginning: Vec<u8>,
}

/// Why there is no TLS on a connection.
#[derive(Debug)]
pub(crate) struct NoTls {
    pub(crate) error: io::Error,
    /// The first bytes of the other side.
    pub(crate) beginning: Vec<u8>,
}

impl Secured {
    /// The side that has connected, to `name`.
    pub(crate) async fn connect(stream: Stream, config: Arc<ClientConfig>, name: ServerName<'static>) -> Result<Self, NoTls> {
        let connecting = TlsConnector::from(config).connect(name, Carrier::new(stream));
        match connecting.into_fallible().await {
            Ok(tls) => Ok(Self { tls: tls.into(), owed: 0 }),
            Err((error, carrier)) => Err(carrier.failed(error)),
        }
    }

    /// The side that was connected to. A peer that is refused is told.
    pub(crate) async fn accept(stream: Stream, config: Arc<ServerConfig>) -> Result<Self, (NoTls, Refused)> {
        let accepting = TlsAcceptor::from(config).accept(Carrier::new(stream));
        match accepting.into_fallible().await {
            Ok(tls) => Ok(Self { tls: tls.into(), owed: 0 }),
            Err((error, mut carrier)) => {
                let stream = carrier.stream.take();
                Err((carrier.failed(error), Refused(stream)))
            }
        }
    }

    /// Takes the connection along to the caller's runtime.
    pub(super) fn move_here(&mut self) -> io::Result<()> {
        let carrier = self.tls.get_mut().0;
        if let Some(stream) = carrier.stream.take() {
            carrier.stream = Some(stream.moved_here()?);
        }
        Ok(())
    }
}

/// A connection that is over, but for the other side to read why.
pub(crate) struct Refused(Option<Stream>);

impl Refused {
    /// Reads what the peer still says: where that is left, a system may reset the connection before the peer has read the
    /// reason.
    pub(crate) async fn linger(self) {
        let Some(mut stream) = self.0 else { return };
        if stream.shutdown().await.is_ok() {
            let _ = tokio::io::copy(&mut (&mut stream).take(UNREAD), &mut tokio::io::sink()).await;
        }
    }
}

impl Carrier {
    fn new(stream: Stream) -> Self {
        Self { stream: Some(stream), beginning: Vec::new() }
    }

    fn failed(self, error: io::Error) -> NoTls {
        NoTls { error, beginning: self.beginning }
    }

    fn stream(&mut self) -> io::Result<Pin<&mut Stream>> {
        self.stream.as_mut().map(Pin::new).ok_or_else(|| io::ErrorKind::NotConnected.into())
    }
}

impl AsyncRead for Carrier {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(self.stream()?.poll_read(cx, into))?;
        let missing = BEGINNING.saturating_sub(self.beginning.len());
        let read = into.filled()[before..].iter().take(missing);
        self.beginning.extend(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Carrier {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write(cx, bytes)
    }

    /// TLS writes several records at once, and what it says last, before it gives up, only once.
    fn poll_write_vectored(mut self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        self.stream()?.poll_write_vectored(cx, parts)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.as_ref().is_some_and(Stream::is_write_vectored)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream()?.poll_shutdown(cx)
    }
}

impl AsyncRead for Secured {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.tls).poll_read(cx, into)) {
            // Closed without a word of TLS. Frames say themselves whether they are whole.
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Poll::Ready(Ok(())),
            read => Poll::Ready(read),
        }
    }
}

impl AsyncWrite for Secured {
    /// Does not take bytes before the socket has taken them: nobody flushes a socket.
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.owed == 0 {
            self.owed = ready!(Pin::new(&mut self.tls).poll_write(cx, bytes))?;
        }
        ready!(Pin::new(&mut self.tls).poll_flush(cx))?;
        // A write that is given up half-way is a connection's last.
        Poll::Ready(Ok(std::mem::take(&mut self.owed).min(bytes.len())))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tls).poll_shutdown(cx)
    }
}

/// The writing half. As with a socket, its end is the end of what this side says.
#[derive(Debug)]
pub(crate) struct SecuredWrite(pub(super) tokio::io::WriteHalf<Secured>);

impl Drop for SecuredWrite {
    fn drop(&mut self) {
        // As much as the socket takes at once.
        let _ = Pin::new(&mut self.0).poll_shutdown(&mut Context::from_waker(Waker::noop()));
    }
}

impl AsyncWrite for SecuredWrite {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}

impl fmt::Debug for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Refused")
    }
}
