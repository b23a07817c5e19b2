//! A certificate authority, for tests.

use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use super::Tls;

/// Signs what it is asked to.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), certificate }
    }

    /// Writes the files of a node that is dialled as `host`.
    pub(crate) fn write(&self, dir: &Path, host: &str) -> Tls {
        let (params, key) = (CertificateParams::new([host.to_owned()]).unwrap(), KeyPair::generate().unwrap());
        let write = |name: &str, text: String| -> PathBuf {
            let path = dir.join(name);
            std::fs::write(&path, text).unwrap();
            path
        };
        Tls {
            ca: write("ca.pem", self.certificate.clone()),
            certificate: write("node.pem", params.signed_by(&key, &self.issuer).unwrap().pem()),
            key: write("node.key", key.serialize_pem()),
        }
    }
}
