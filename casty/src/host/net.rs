//! Sockets: tokio's, or a simulator's.
#![expect(clippy::disallowed_methods, reason = "this is the one place that reaches for the real ones")]

use std::{
    io::{self, IoSlice},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream, UdpSocket, tcp},
};

use super::{Host, World};

/// Where peers connect to.
pub(crate) enum Listener {
    Real(TcpListener),
    #[cfg(feature = "testkit")]
    Simulated(turmoil::net::TcpListener),
}

/// A connection.
#[derive(Debug)]
pub(crate) enum Stream {
    Real(TcpStream),
    #[cfg(feature = "testkit")]
    Simulated(turmoil::net::TcpStream),
    #[cfg(feature = "tls")]
    Tls(Box<super::tls::Secured>),
}

#[derive(Debug)]
pub(crate) enum ReadHalf {
    Real(tcp::OwnedReadHalf),
    #[cfg(feature = "testkit")]
    Simulated(turmoil::net::tcp::OwnedReadHalf),
    #[cfg(feature = "tls")]
    Tls(tokio::io::ReadHalf<super::tls::Secured>),
}

#[derive(Debug)]
pub(crate) enum WriteHalf {
    Real(tcp::OwnedWriteHalf),
    #[cfg(feature = "testkit")]
    Simulated(turmoil::net::tcp::OwnedWriteHalf),
    #[cfg(feature = "tls")]
    Tls(super::tls::SecuredWrite),
}

/// A socket for datagrams.
#[derive(Debug)]
pub(crate) enum Datagrams {
    Real(UdpSocket),
    #[cfg(feature = "testkit")]
    Simulated(turmoil::net::UdpSocket, std::sync::Arc<super::SimNode>),
}

impl Host {
    pub(crate) async fn listen(&self, at: SocketAddr) -> io::Result<Listener> {
        match &self.world {
            World::Real => {
                let socket = if at.is_ipv6() { tokio::net::TcpSocket::new_v6()? } else { tokio::net::TcpSocket::new_v4()? };
                socket.set_reuseaddr(true)?;
                socket.bind(at)?;
                socket.listen(1024).map(Listener::Real)
            }
            #[cfg(feature = "testkit")]
            World::Simulated(..) => turmoil::net::TcpListener::bind(at).await.map(Listener::Simulated),
        }
    }

    /// Gives up after `limit`.
    pub(crate) async fn connect(&self, to: SocketAddr, limit: std::time::Duration) -> io::Result<Stream> {
        let connecting = async {
            match &self.world {
                World::Real => {
                    let stream = TcpStream::connect(to).await?;
                    stream.set_nodelay(true)?;
                    Ok(Stream::Real(stream))
                }
                #[cfg(feature = "testkit")]
                World::Simulated(..) => turmoil::net::TcpStream::connect(to).await.map(Stream::Simulated),
            }
        };
        match self.timeout(limit, connecting).await {
            Ok(connected) => connected,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {limit:?}"))),
        }
    }

    pub(crate) async fn datagrams(&self, at: SocketAddr) -> io::Result<Datagrams> {
        match &self.world {
            World::Real => UdpSocket::bind(at).await.map(Datagrams::Real),
            #[cfg(feature = "testkit")]
            World::Simulated(node, _) => {
                let socket = turmoil::net::UdpSocket::bind(at).await?;
                Ok(Datagrams::Simulated(socket, node.clone()))
            }
        }
    }

    /// All the addresses of `"host:port"`.
    pub(crate) async fn resolve(&self, name: &str) -> io::Result<Vec<SocketAddr>> {
        if let Ok(address) = name.parse() {
            return Ok(vec![address]);
        }
        match &self.world {
            World::Real => tokio::net::lookup_host(name).await.map(Iterator::collect),
            #[cfg(feature = "testkit")]
            World::Simulated(node, _) => node.resolve(name),
        }
    }

    /// The addresses that `at` can be reached at from here, if it is a wildcard: the one a connection to `peer` has.
    pub(crate) async fn local_ip_towards(&self, peer: SocketAddr) -> io::Result<IpAddr> {
        match &self.world {
            World::Real => {
                let any: SocketAddr = if peer.is_ipv6() { ([0u16; 8], 0).into() } else { ([0, 0, 0, 0], 0).into() };
                let socket = UdpSocket::bind(any).await?;
                // Sends nothing: it only chooses the way.
                socket.connect(peer).await?;
                Ok(socket.local_addr()?.ip())
            }
            #[cfg(feature = "testkit")]
            World::Simulated(node, _) => Ok(node.ip()),
        }
    }
}

impl Listener {
    pub(crate) async fn accept(&self) -> io::Result<(Stream, SocketAddr)> {
        match self {
            Self::Real(listener) => {
                let (stream, from) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Stream::Real(stream), from))
            }
            #[cfg(feature = "testkit")]
            Self::Simulated(listener) => {
                let (stream, from) = listener.accept().await?;
                Ok((Stream::Simulated(stream), from))
            }
        }
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Real(listener) => listener.local_addr(),
            #[cfg(feature = "testkit")]
            Self::Simulated(listener) => listener.local_addr(),
        }
    }
}

impl Stream {
    pub(crate) fn into_split(self) -> (ReadHalf, WriteHalf) {
        match self {
            Self::Real(stream) => {
                let (read, write) = stream.into_split();
                (ReadHalf::Real(read), WriteHalf::Real(write))
            }
            #[cfg(feature = "testkit")]
            Self::Simulated(stream) => {
                let (read, write) = stream.into_split();
                (ReadHalf::Simulated(read), WriteHalf::Simulated(write))
            }
            #[cfg(feature = "tls")]
            Self::Tls(secured) => {
                let (read, write) = tokio::io::split(*secured);
                (ReadHalf::Tls(read), WriteHalf::Tls(super::tls::SecuredWrite(write)))
            }
        }
    }

    /// Takes the connection along to the caller's runtime, if it was made within another.
    pub(crate) fn moved_here(self) -> io::Result<Self> {
        match self {
            Self::Real(stream) => TcpStream::from_std(stream.into_std()?).map(Self::Real),
            #[cfg(feature = "testkit")]
            Self::Simulated(stream) => Ok(Self::Simulated(stream)),
            #[cfg(feature = "tls")]
            Self::Tls(mut secured) => secured.move_here().map(|()| Self::Tls(secured)),
        }
    }

    /// What comes next, without taking it.
    #[cfg(feature = "tls")]
    pub(crate) async fn peek(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Real(stream) => stream.peek(into).await,
            #[cfg(feature = "testkit")]
            Self::Simulated(stream) => stream.peek(into).await,
            Self::Tls(_) => Ok(0),
        }
    }
}

impl WriteHalf {
    /// Writes what the socket takes at once.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Real(half) => half.try_write(bytes),
            // A simulated socket is written to by its task only.
            #[cfg(feature = "testkit")]
            Self::Simulated(_) => Err(io::ErrorKind::WouldBlock.into()),
            // Nor is one that is read by the same hands.
            #[cfg(feature = "tls")]
            Self::Tls(_) => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

macro_rules! each {
    ($this:expr, $half:ident => $call:expr) => {
        match $this.get_mut() {
            Self::Real($half) => $call,
            #[cfg(feature = "testkit")]
            Self::Simulated($half) => $call,
            #[cfg(feature = "tls")]
            Self::Tls($half) => $call,
        }
    };
}

impl AsyncRead for ReadHalf {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self, half => Pin::new(half).poll_read(cx, into))
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        each!(self, stream => Pin::new(stream).poll_read(cx, into))
    }
}

macro_rules! write {
    ($ty:ty) => {
        impl AsyncWrite for $ty {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
                each!(self, half => Pin::new(half).poll_write(cx, bytes))
            }

            fn poll_write_vectored(self: Pin<&mut Self>, cx: &mut Context<'_>, parts: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
                each!(self, half => Pin::new(half).poll_write_vectored(cx, parts))
            }

            fn is_write_vectored(&self) -> bool {
                matches!(self, Self::Real(_))
            }

            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                each!(self, half => Pin::new(half).poll_flush(cx))
            }

            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                each!(self, half => Pin::new(half).poll_shutdown(cx))
            }
        }
    };
}

write!(Stream);
write!(WriteHalf);

impl Datagrams {
    /// Sends, or drops, as datagrams go.
    pub(crate) async fn send_to(&self, bytes: &[u8], to: SocketAddr) -> io::Result<usize> {
        match self {
            Self::Real(socket) => socket.send_to(bytes, to).await,
            #[cfg(feature = "testkit")]
            Self::Simulated(socket, node) => {
                for _ in 0..node.copies_of_a_datagram() {
                    socket.send_to(bytes, to).await?;
                }
                Ok(bytes.len())
            }
        }
    }

    #[cfg(test)]
    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        match self {
            Self::Real(socket) => socket.local_addr(),
            #[cfg(feature = "testkit")]
            Self::Simulated(socket, _) => socket.local_addr(),
        }
    }

    pub(crate) async fn recv_from(&self, into: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        match self {
            Self::Real(socket) => socket.recv_from(into).await,
            #[cfg(feature = "testkit")]
            Self::Simulated(socket, _) => socket.recv_from(into).await,
        }
    }
}
