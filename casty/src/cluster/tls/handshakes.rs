//! Where TLS handshakes are made: on threads of their own, since checking certificates takes longer than anything may that
//! the control plane does on its own. One has those of connections that this node opens, so that strangers who come in
//! crowds, whom the other one sees to, do not hold them up.

use std::{future::Future, io, pin::Pin, sync::Arc, time::Duration};

use rustls::pki_types::ServerName;
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::{
    Configs, TlsError,
    renewal::{Current, LOOK},
};
use crate::host::{Host, Secured, Stream};

/// Handshakes that wait to be begun.
const QUEUE: usize = 64;
/// Peers that were refused and are waited for, at most.
const LINGERING: usize = 64;
/// So long a peer that was refused has to read why.
const LAST: Duration = Duration::from_millis(500);

type Job = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Makes handshakes. Clones are handles to the same.
#[derive(Debug, Clone)]
pub(crate) struct Handshakes {
    current: Current,
    outward: mpsc::Sender<Job>,
    inward: mpsc::Sender<Job>,
    lingering: Arc<Semaphore>,
}

/// The threads end with this.
#[derive(Debug)]
pub(crate) struct Running {
    _ends: [oneshot::Sender<()>; 2],
}

impl Handshakes {
    /// # Errors
    /// If there is no thread to be had.
    pub(crate) fn start(host: &Host, configs: Configs) -> io::Result<(Self, Running)> {
        Self::start_looking(host, configs, LOOK)
    }

    /// Looks so often whether the files have changed.
    pub(super) fn start_looking(host: &Host, configs: Configs, each: Duration) -> io::Result<(Self, Running)> {
        let (outward, out_ends) = thread(host, "casty-tls")?;
        let (inward, in_ends) = thread(host, "casty-tls-in")?;
        let current = Current::new(configs);
        let _ = outward.try_send(Box::pin(current.clone().follow(each)));
        let lingering = Arc::new(Semaphore::new(LINGERING));
        Ok((Self { current, outward, inward, lingering }, Running { _ends: [out_ends, in_ends] }))
    }

    pub(crate) fn configs(&self) -> &Current {
        &self.current
    }

    /// The side that has connected, to `address`.
    pub(crate) async fn connect(&self, stream: Stream, address: &str) -> Result<Stream, TlsError> {
        let name = name_in(address)?;
        let config = self.current.get().client;
        let (mut done, result) = oneshot::channel();
        let connecting = async move {
            let stream = stream.moved_here().map_err(TlsError::Broken)?;
            Secured::connect(stream, config, name).await.map_err(TlsError::from)
        };
        let job = async move {
            let connected = tokio::select! {
                biased;
                () = done.closed() => return,
                connected = connecting => connected,
            };
            let _ = done.send(connected);
        };
        make(&self.outward, Box::pin(job), result).await
    }

    /// The side that was connected to.
    pub(crate) async fn accept(&self, stream: Stream) -> Result<Stream, TlsError> {
        let config = self.current.get().server;
        let (mut done, result) = oneshot::channel();
        let lingering = self.lingering.clone();
        let accepting = async move {
            let stream = match stream.moved_here() {
                Ok(stream) => stream,
                Err(error) => return (Err(TlsError::Broken(error)), None),
            };
            match Secured::accept(stream, config).await {
                Ok(secured) => (Ok(secured), None),
                Err((no_tls, refused)) => (Err(TlsError::from(no_tls)), Some(refused)),
            }
        };
        let job = async move {
            let (accepted, refused) = tokio::select! {
                biased;
                () = done.closed() => return,
                accepted = accepting => accepted,
            };
            let _ = done.send(accepted);
            if let Some(refused) = refused
                && let Ok(_place) = lingering.try_acquire()
            {
                let _ = Host::current().timeout(LAST, refused.linger()).await;
            }
        };
        make(&self.inward, Box::pin(job), result).await
    }
}

/// What makes each job that it is sent, until the other end of what is returned is dropped.
fn thread(host: &Host, name: &str) -> io::Result<(mpsc::Sender<Job>, oneshot::Sender<()>)> {
    let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
    let (ends, mut ended) = oneshot::channel();
    host.aside(name, move |here| async move {
        loop {
            tokio::select! {
                biased;
                _ = &mut ended => return,
                Some(job) = queue.recv() => drop(here.spawn(job)),
            }
        }
    })?;
    Ok((jobs, ends))
}

async fn make(
    jobs: &mpsc::Sender<Job>,
    job: Job,
    result: oneshot::Receiver<Result<Secured, TlsError>>,
) -> Result<Stream, TlsError> {
    let ended = || TlsError::Broken(io::Error::other("the node is ending"));
    jobs.send(job).await.map_err(|_| ended())?;
    let secured = result.await.map_err(|_| ended())??;
    Stream::Tls(Box::new(secured)).moved_here().map_err(TlsError::Broken)
}

/// Whom a certificate has to be for, when `address` was dialled.
pub(super) fn name_in(address: &str) -> Result<ServerName<'static>, TlsError> {
    let host = address.rsplit_once(':').map_or(address, |(host, _)| host);
    let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(host.to_owned()).map_err(|_| {
        TlsError::Certificate(format!("\"{host}\" is nothing that a certificate could name; use a DNS name or an IP address"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_of_all_kinds_are_names_of_certificates() {
        for (address, name) in [("node1:8001", "node1"), ("10.0.0.1:8001", "10.0.0.1"), ("[::1]:8001", "::1")] {
            assert_eq!(name_in(address).unwrap().to_str(), name);
        }
        assert!(name_in("a b:1").is_err());
    }
}
