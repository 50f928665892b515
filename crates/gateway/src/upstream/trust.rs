//! Which authorities may vouch for a provider: Mozilla's list, and those the operator adds. Opens no files and no sockets.

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Never fewer than the built-in ones.
#[derive(Clone)]
pub struct Trust(RootCertStore);

#[derive(Debug, thiserror::Error)]
pub enum Untrusted {
    #[error("holds no certificate: give a PEM file with the authorities to trust, or leave it out")]
    Empty,
    #[error("holds a certificate (number {number}) that cannot be an authority's: {reason}")]
    NoAuthority { number: usize, reason: String },
    #[error("is not the PEM file of certificates that is wanted: {0}")]
    NoPem(String),
}

impl Default for Trust {
    fn default() -> Self {
        Self(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() })
    }
}

impl Trust {
    /// And all of these, or none.
    pub fn and(mut self, pem: &[u8]) -> Result<Self, Untrusted> {
        let mut count = 0_usize;
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|error| Untrusted::NoPem(error.to_string()))?;
            count = count.saturating_add(1);
            self.0.add(certificate).map_err(|error| Untrusted::NoAuthority {
                number: count,
                reason: error.to_string(),
            })?;
        }
        if count == 0 { Err(Untrusted::Empty) } else { Ok(self) }
    }

    pub(super) fn client_config(self) -> ClientConfig {
        ClientConfig::builder().with_root_certificates(self.0).with_no_client_auth()
    }
}
