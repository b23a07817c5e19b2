//! Where a node listens, and where others reach it.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
};

use super::{StartError, settings::Settings};
use crate::host::{Datagrams, Host, Listener};

/// Attempts to find a port that is free for both protocols.
const PORTS: u32 = 16;

/// One port for both protocols.
pub(super) async fn bind(control: &Host, settings: &Settings) -> Result<(Listener, Datagrams, SocketAddr), StartError> {
    let failed = |source| StartError::Bind { bind: settings.bind.clone(), source };
    let found = control.resolve(&settings.bind).await.map_err(failed)?;
    let Some(wanted) = found.first().copied() else {
        return Err(failed(io::Error::new(io::ErrorKind::NotFound, "the name has no address")));
    };
    if !wanted.ip().is_loopback()
        && settings.secret.is_none()
        && !settings.has_tls()
        && !settings.insecure
        && !control.is_simulated()
    {
        return Err(StartError::Insecure { address: wanted });
    }
    let taken = |protocol| {
        move |error: io::Error| match error.kind() {
            io::ErrorKind::AddrInUse => StartError::AddressInUse { address: wanted, protocol },
            _ => failed(error),
        }
    };
    for attempt in 1.. {
        let listener = control.listen(wanted).await.map_err(taken("TCP"))?;
        let bound = listener.local_addr().map_err(failed)?;
        match control.datagrams(bound).await {
            Ok(socket) => return Ok((listener, socket, bound)),
            // The system chose a port whose other half is taken: another one then.
            Err(error) if wanted.port() == 0 && error.kind() == io::ErrorKind::AddrInUse && attempt < PORTS => {}
            Err(error) => return Err(taken("UDP")(error)),
        }
    }
    Err(StartError::AddressInUse { address: wanted, protocol: "UDP" })
}

/// What others dial.
pub(super) async fn advertised(control: &Host, settings: &Settings, bound: SocketAddr) -> Result<String, StartError> {
    if let Some(address) = &settings.advertise {
        // It was looked at before: it has a port.
        return Ok(match address.strip_suffix(":0") {
            Some(host) => format!("{host}:{}", bound.port()),
            None => address.clone(),
        });
    }
    if !bound.ip().is_unspecified() {
        return Ok(bound.to_string());
    }
    // Whatever way leads to the seeds, or else out of the machine (an address for documentation: nothing is sent).
    let out: SocketAddr = (Ipv4Addr::new(192, 0, 2, 1), 9).into();
    let mut towards = Vec::new();
    for seed in &settings.seeds {
        towards.extend(control.resolve(seed).await.unwrap_or_default());
    }
    towards.push(out);
    for peer in towards {
        if let Ok(ip) = control.local_ip_towards(peer).await {
            return Ok(SocketAddr::new(ip, bound.port()).to_string());
        }
    }
    Ok(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), bound.port()).to_string())
}
