//! Who the fake is to those that call it over TLS: certificates made at test time, good ones and bad ones.

use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType,
    date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;

/// Signs certificates, and can be given to a gateway to trust.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    file: NamedTempFile,
}

/// What a certificate says, and who vouches for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    Expired,
    Good,
    NotYetValid,
    OtherHost,
    SelfSigned,
}

/// How a fake speaks TLS.
#[derive(Clone)]
pub struct Tls(pub(super) TlsAcceptor);

impl Authority {
    pub fn new() -> Self {
        let mut params = params();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, "an authority of tests");
        let issuer = CertifiedIssuer::self_signed(params, key()).expect("an authority");
        let mut file = NamedTempFile::new().expect("a temporary file");
        file.write_all(pem(issuer.der()).as_bytes()).expect("written");
        Self { issuer, file }
    }

    /// Its own certificate, as PEM. Removed with the authority.
    pub fn file(&self) -> &Path {
        self.file.path()
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Tls {
    /// `protocols` as ALPN names them, the preferred one first: `h2`, `http/1.1`.
    pub fn new(authority: &Authority, identity: Identity, protocols: &[&str]) -> Self {
        let mut params = params();
        params.subject_alt_names = vec![match identity {
            Identity::OtherHost => SanType::IpAddress(IpAddr::from([127, 9, 9, 9])),
            _ => SanType::IpAddress(Ipv4Addr::LOCALHOST.into()),
        }];
        match identity {
            Identity::Expired => params.not_after = date_time_ymd(2021, 1, 1),
            Identity::NotYetValid => params.not_before = date_time_ymd(2090, 1, 1),
            Identity::Good | Identity::OtherHost | Identity::SelfSigned => {}
        }
        let key = key();
        let certificate = match identity {
            Identity::SelfSigned => params.self_signed(&key),
            _ => params.signed_by(&key, &authority.issuer),
        };
        let certificate = certificate.expect("a certificate").der().clone();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("versions that the provider has")
                .with_no_client_auth()
                .with_single_cert(vec![certificate], key)
                .expect("a certificate and its key");
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self(TlsAcceptor::from(Arc::new(config)))
    }
}

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    params
}

fn key() -> KeyPair {
    KeyPair::generate().expect("a key")
}

fn pem(der: &CertificateDer<'_>) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<_> = text.as_bytes().chunks(64).map(String::from_utf8_lossy).collect();
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
}
