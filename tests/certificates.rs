//! A certificate authority, and certificates by it, made anew for each test.

use std::path::{Path, PathBuf};

use casty::Tls;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};
use tempfile::TempDir;

pub(crate) struct Authority {
    dir: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new([]).unwrap();
        params.distinguished_name.push(DnType::CommonName, "the nodes' authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        std::fs::write(dir.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        Self { dir, issuer: Issuer::new(params, key) }
    }

    /// For a node on loopback.
    pub(crate) fn node(&self, id: &str) -> Tls {
        self.certified(id, &["127.0.0.1", "localhost"], |_| {})
    }

    /// For the host's names that are given.
    pub(crate) fn certified(&self, id: &str, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Tls {
        let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        params.distinguished_name.push(DnType::CommonName, id);
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        Tls {
            ca: self.ca(),
            certificate: self.write(&format!("{id}.pem"), &certificate.pem()),
            key: self.write(&format!("{id}.key"), &key.serialize_pem()),
        }
    }

    pub(crate) fn ca(&self) -> PathBuf {
        self.dir.path().join("ca.pem")
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    #[allow(dead_code, reason = "not all tests need it")]
    pub(crate) fn dir(&self) -> &Path {
        self.dir.path()
    }
}
