//! Why two sides have no TLS with each other, in words that say what to do.

use std::io;

use rustls::{AlertDescription, CertificateError};

use crate::host::NoTls;

#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// One side does not take the other's certificate, and will not as long as nobody changes anything.
    #[error("{0}")]
    Certificate(String),
    /// One side does not take the other's certificate now: a clock may be set, and a certificate renewed, without this node.
    #[error("{0}")]
    NotNow(String),
    /// The other side is a casty node that talks without.
    #[error("this node has TLS, and the node there has none; give all nodes `.tls(..)`, or none")]
    Plain,
    /// What comes is not what it should be.
    #[error("no TLS with the other side: {0}")]
    Protocol(String),
    /// The connection ended first.
    #[error("the connection broke during the TLS handshake: {0}")]
    Broken(io::Error),
}

impl TlsError {
    /// What an error of a connection within TLS is, if it is TLS's.
    pub(crate) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref()?.downcast_ref().map(told)
    }

    /// Whether trying again helps as little as with a wrong secret.
    pub(crate) fn is_for_good(&self) -> bool {
        matches!(self, Self::Certificate(_) | Self::Plain)
    }
}

impl From<NoTls> for TlsError {
    fn from(NoTls { error, beginning }: NoTls) -> Self {
        if beginning.starts_with(b"CASTY\0") {
            return Self::Plain;
        }
        Self::of(&error).unwrap_or(Self::Broken(error))
    }
}

fn told(error: &rustls::Error) -> TlsError {
    use rustls::Error as E;
    match error {
        E::InvalidCertificate(error) => {
            let text = format!("the other side's certificate is refused: {}", why_refused(error));
            if is_of_time(error) { TlsError::NotNow(text) } else { TlsError::Certificate(text) }
        }
        E::NoCertificatesPresented => TlsError::Certificate(
            "the other side has no certificate, and is let in with none; give it one with `.tls(..)`".into(),
        ),
        E::AlertReceived(alert) => match refused_by_peer(*alert) {
            Some(why) => {
                let text = format!("the other side refuses this node's certificate: {why}");
                let is_of_time = *alert == AlertDescription::CertificateExpired;
                if is_of_time { TlsError::NotNow(text) } else { TlsError::Certificate(text) }
            }
            None => TlsError::Protocol(format!("it says {alert:?}")),
        },
        E::InvalidMessage(_) => TlsError::Protocol(format!("what it says is no TLS ({error}); is the address right?")),
        E::PeerIncompatible(_) => TlsError::Protocol(format!("{error}; nodes speak TLS 1.3")),
        error => TlsError::Protocol(error.to_string()),
    }
}

/// Whether a certificate that is refused for this may be taken at another time.
fn is_of_time(error: &CertificateError) -> bool {
    use CertificateError as C;
    matches!(error, C::Expired | C::ExpiredContext { .. } | C::NotValidYet | C::NotValidYetContext { .. })
}

/// What is wrong with a certificate, and the way out.
pub(super) fn why_refused(error: &CertificateError) -> String {
    use CertificateError as C;
    match error {
        C::UnknownIssuer | C::BadSignature => {
            "it is of none of the CAs in this node's `ca` file; give all nodes certificates of one CA, and its certificate as `ca`"
                .into()
        }
        C::Expired => "it has expired; make it anew".into(),
        C::ExpiredContext { time, not_after } => {
            let since = time.as_secs().saturating_sub(not_after.as_secs());
            format!("it has expired, {since} s ago; make it anew, or set this machine's clock right")
        }
        C::NotValidYet | C::NotValidYetContext { .. } => "it is not valid yet; is a clock wrong?".into(),
        C::NotValidForNameContext { expected, presented } => {
            let names: Vec<_> = presented.iter().map(|name| bare(name)).collect();
            let names = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
            format!(
                "\"{}\" is dialled, and it names {names}; make one whose subjectAltName has all that the nodes dial (seeds and `.advertise(..)`)",
                expected.to_str()
            )
        }
        C::InvalidPurpose | C::InvalidPurposeContext { .. } => {
            format!("{error}; a node's certificate has to be good for servers and for clients")
        }
        C::Other(error) => error.0.to_string(),
        error => error.to_string(),
    }
}

/// A name without what kind of name it is.
fn bare(name: &str) -> &str {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"')
}

/// Why the other side refused this one's certificate, if that is what it says.
fn refused_by_peer(alert: AlertDescription) -> Option<String> {
    use AlertDescription as A;
    Some(match alert {
        A::UnknownCA | A::DecryptError => {
            "it is of none of the CAs that are known there; give all nodes certificates of one CA, and its certificate as `ca`"
                .into()
        }
        A::CertificateExpired => "it has expired, or is not valid yet; make it anew, or set the clocks right".into(),
        A::CertificateRequired => "it was sent none".into(),
        A::UnsupportedCertificate => "a node's certificate has to be good for servers and for clients".into(),
        A::BadCertificate => {
            "it is malformed, or does not name the address that was dialled; the other side's log says which".into()
        }
        A::CertificateRevoked | A::CertificateUnknown | A::AccessDenied => format!("{alert:?}"),
        _ => return None,
    })
}
