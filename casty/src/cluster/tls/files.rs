//! From files to what rustls wants.

use std::{fs, path::Path, sync::Arc};

use rustls::{
    CertificateError, ClientConfig, RootCertStore, ServerConfig,
    client::{Resumption, WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{
        CertificateDer, PrivateKeyDer, UnixTime,
        pem::{self, PemObject},
    },
    server::{NoServerSessionStorage, WebPkiClientVerifier, danger::ClientCertVerifier},
    version::TLS13,
};
use sha2::{Digest as _, Sha256};

use super::{Tls, error::why_refused, handshakes::name_in};
use crate::cluster::StartError;

/// What the files have.
pub(super) struct Files {
    paths: Tls,
    ca: Vec<u8>,
    certificate: Vec<u8>,
    key: Vec<u8>,
}

/// Of all that files have: others have another one.
pub(super) type Fingerprint = [u8; 32];

/// Both sides of a handshake, from the same files.
#[derive(Debug, Clone)]
pub(crate) struct Configs {
    pub(super) client: Arc<ClientConfig>,
    pub(super) server: Arc<ServerConfig>,
    own: Arc<Own>,
}

/// What this node shows others, and what they check it with.
#[derive(Debug)]
struct Own {
    paths: Tls,
    fingerprint: Fingerprint,
    chain: Vec<CertificateDer<'static>>,
    as_server: Arc<dyn ServerCertVerifier>,
    as_client: Arc<dyn ClientCertVerifier>,
}

impl Files {
    /// Blocks.
    pub(super) fn read(paths: &Tls) -> Result<Self, StartError> {
        let (ca, certificate, key) = (read(&paths.ca)?, read(&paths.certificate)?, read(&paths.key)?);
        Ok(Self { paths: paths.clone(), ca, certificate, key })
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        let mut hash = Sha256::new();
        for bytes in [&self.ca, &self.certificate, &self.key] {
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        hash.finalize().into()
    }
}

impl Configs {
    /// Reads the files.
    pub(crate) fn read(tls: &Tls) -> Result<Self, StartError> {
        Files::read(tls).and_then(|files| Self::of(&files))
    }

    pub(super) fn of(files: &Files) -> Result<Self, StartError> {
        let Tls { ca, certificate, key } = &files.paths;
        let mut roots = RootCertStore::empty();
        for root in certificates(ca, &files.ca)? {
            roots
                .add(root)
                .map_err(|error| problem(ca, format!("it has a certificate that is none ({error}); write it anew")))?;
        }
        let roots = Arc::new(roots);
        let chain = certificates(certificate, &files.certificate)?;
        let private = private_key(key, &files.key)?;
        let misfit = |error: rustls::Error| match error {
            rustls::Error::InconsistentKeys(_) => problem(
                key,
                format!(
                    "this key is not the one of the certificate in {}; give the two that were made together",
                    certificate.display()
                ),
            ),
            rustls::Error::InvalidCertificate(error) => {
                problem(certificate, format!("its certificate is none ({error}); write it anew"))
            }
            error => problem(key, format!("the key cannot be used ({error}); ECDSA (P-256, P-384), Ed25519 and RSA keys can")),
        };
        // Never the process's own: another crate may have set it, or set none.
        let provider: Arc<CryptoProvider> = Arc::new(ring::default_provider());
        let only_this = "the provider has TLS 1.3";
        let client = ClientConfig::builder_with_provider(provider.clone()).with_protocol_versions(&[&TLS13]).expect(only_this);
        let client = client.with_root_certificates(roots.clone());
        let mut client = client.with_client_auth_cert(chain.clone(), private.clone_key()).map_err(misfit)?;
        // Who comes again shows its certificate again.
        client.resumption = Resumption::disabled();

        let unfit = |error| problem(ca, format!("nothing can be checked by it: {error}"));
        let as_client = WebPkiClientVerifier::builder_with_provider(roots.clone(), provider.clone()).build().map_err(unfit)?;
        let as_server = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build().map_err(unfit)?;
        let (paths, fingerprint) = (files.paths.clone(), files.fingerprint());
        let own = Own { paths, fingerprint, chain: chain.clone(), as_server, as_client: as_client.clone() };
        let server = ServerConfig::builder_with_provider(provider).with_protocol_versions(&[&TLS13]).expect(only_this);
        let mut server = server.with_client_cert_verifier(as_client).with_single_cert(chain, private).map_err(misfit)?;
        server.session_storage = Arc::new(NoServerSessionStorage {});
        server.send_tls13_tickets = 0;
        Ok(Self { client: Arc::new(client), server: Arc::new(server), own: Arc::new(own) })
    }

    /// Whether others who have the same CA would take this node's certificate, when they dial `address`, and when it dials
    /// them. If not, it could ask to be let in, and nobody could answer.
    pub(crate) fn check_own(&self, address: &str) -> Result<(), StartError> {
        let Own { paths: Tls { certificate: path, .. }, chain, as_server, as_client, .. } = &*self.own;
        let Some((own, between)) = chain.split_first() else { return Ok(()) };
        let name = name_in(address).map_err(|error| problem(path, error.to_string()))?;
        let now = UnixTime::now();
        let checked = as_server.verify_server_cert(own, between, &name, &[], now).map(drop);
        match checked.and_then(|()| as_client.verify_client_cert(own, between, now).map(drop)) {
            Ok(()) => Ok(()),
            Err(rustls::Error::InvalidCertificate(error)) => {
                Err(problem(path, format!("the other nodes would refuse it: {}", why_refused(&error))))
            }
            Err(error) => Err(problem(path, format!("the other nodes would refuse it: {error}"))),
        }
    }

    pub(super) fn paths(&self) -> &Tls {
        &self.own.paths
    }

    pub(super) fn fingerprint(&self) -> Fingerprint {
        self.own.fingerprint
    }

    /// When this node's certificate runs out, or one between it and the CA's, if one has by then.
    pub(super) fn has_run_out(&self, by: UnixTime) -> Option<UnixTime> {
        let Own { chain, as_client, .. } = &*self.own;
        let (own, between) = chain.split_first()?;
        match as_client.verify_client_cert(own, between, by).err()? {
            rustls::Error::InvalidCertificate(CertificateError::ExpiredContext { not_after, .. }) => Some(not_after),
            _ => None,
        }
    }
}

fn problem(path: &Path, problem: impl Into<String>) -> StartError {
    StartError::Tls { path: path.into(), problem: problem.into() }
}

fn read(path: &Path) -> Result<Vec<u8>, StartError> {
    fs::read(path)
        .map_err(|error| problem(path, format!("it cannot be read: {error}; is the path right, and may this process read it?")))
}

/// All of a file.
fn certificates(path: &Path, bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, StartError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    let found = found.map_err(|error| garbled(path, &error))?;
    if found.is_empty() {
        let text = if PrivateKeyDer::from_pem_slice(bytes).is_ok() {
            "it has a private key and no certificate; are two files mixed up?"
        } else {
            "it has no certificate; those are in PEM, between lines of \"BEGIN CERTIFICATE\" and \"END CERTIFICATE\""
        };
        return Err(problem(path, text));
    }
    Ok(found)
}

fn private_key(path: &Path, bytes: &[u8]) -> Result<PrivateKeyDer<'static>, StartError> {
    PrivateKeyDer::from_pem_slice(bytes).map_err(|error| match error {
        pem::Error::NoItemsFound if CertificateDer::from_pem_slice(bytes).is_ok() => {
            problem(path, "it has a certificate and no private key; are two files mixed up?")
        }
        pem::Error::NoItemsFound => problem(
            path,
            "it has no private key that can be read; one is in PEM, not encrypted, between lines of \"BEGIN PRIVATE KEY\" and \"END PRIVATE KEY\"",
        ),
        error => garbled(path, &error),
    })
}

fn garbled(path: &Path, error: &pem::Error) -> StartError {
    let what = match error {
        pem::Error::MissingSectionEnd { end_marker } => {
            format!("the line with \"END {}\" is missing", String::from_utf8_lossy(end_marker))
        }
        pem::Error::IllegalSectionStart { line } => format!("the line \"{}\"", String::from_utf8_lossy(line).trim()),
        error => error.to_string(),
    };
    problem(path, format!("it is garbled: {what}; write it anew, in PEM"))
}
