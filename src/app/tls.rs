//! Certificates and keys: read, checked against each other, and put together.

use super::validity::{Validity, ValidityError};
use crate::config::TlsFiles;
use crate::model::time::Timestamp;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Largest PEM file, in bytes.
const PEM_BYTES_MAX: u64 = 1 << 20;
/// The protocol that clients and server agree on: HTTP/2.
const ALPN: &[u8] = b"h2";

/// What is wrong with the files of `[listen.tls]`.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("`listen.tls.{key}` `{}`: {error}", .path.display())]
    File {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it cannot be read.
        error: io::Error,
    },
    /// Neither the certificate's file nor the key's can be read.
    #[error("{0}; {1}")]
    Files(Box<TlsError>, Box<TlsError>),
    /// A file is not PEM, or has nothing of what it should have.
    #[error("`listen.tls.{key}` `{}` has no usable {what}: {error}", .path.display())]
    Pem {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What it should have.
        what: &'static str,
        /// What is wrong with it.
        error: String,
    },
    /// A certificate that cannot be used: now, or at all.
    #[error("`listen.tls.{key}` `{}`: {error}", .path.display())]
    Certificate {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What is wrong with it, and what to do.
        error: String,
    },
    /// A key of another certificate.
    #[error(
        "`listen.tls.key` `{}` is not the key of the certificate in `listen.tls.cert` `{}`",
        .key.display(), .cert.display()
    )]
    OtherKey {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The certificate, or the certificate and the key together.
    #[error("`listen.tls.cert` `{}` and `listen.tls.key` `{}`: {error}", .cert.display(), .key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        error: rustls::Error,
    },
}

/// The server's side of TLS, and until when it can be used.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) config: ServerConfig,
    /// When the first certificate of the server's chain expires, in seconds since 1970.
    pub(super) server_not_after: u64,
    /// The same of the certificates of client authorities, where there are any.
    pub(super) client_ca_not_after: Option<u64>,
    /// What is no error: an authority whose clients cannot connect.
    pub(super) warnings: Vec<String>,
}

/// The server's side of TLS, with client certificates where a CA for them is configured, for use at
/// this time.
///
/// # Errors
/// Which file is wrong, and how; a certificate that has expired or is not valid yet.
pub(super) fn load(files: &TlsFiles, now: Timestamp) -> Result<Loaded, TlsError> {
    let (cert, key) = (read("cert", &files.cert), read("key", &files.key));
    if let (Err(cert), Err(key)) = (cert, key) {
        return Err(TlsError::Files(cert.into(), key.into()));
    }
    let server_not_after = server_expiry(&files.cert, now)?;
    let config = server_config(files)?;
    let (client_ca_not_after, warnings) = match &files.client_ca {
        Some(path) => client_ca_expiry(path, now)?,
        None => (None, Vec::new()),
    };
    Ok(Loaded {
        config,
        server_not_after,
        client_ca_not_after,
        warnings,
    })
}

fn server_expiry(path: &Path, now: Timestamp) -> Result<u64, TlsError> {
    let mut not_after = u64::MAX;
    for certificate in certificates("cert", path)? {
        let validity = Validity::of(&certificate).and_then(|it| it.at(now));
        let validity = validity.map_err(|error| certificate_error("cert", path, error))?;
        not_after = not_after.min(validity.not_after);
    }
    Ok(not_after)
}

/// One authority that has expired does not keep the others' clients out: it is a warning.
fn client_ca_expiry(path: &Path, now: Timestamp) -> Result<(Option<u64>, Vec<String>), TlsError> {
    let (mut not_after, mut warnings) = (None, Vec::new());
    for certificate in certificates("client_ca", path)? {
        // Roots may be of version 1, and then nothing is known of their time.
        let Ok(validity) = Validity::of(&certificate) else {
            continue;
        };
        let earliest = not_after.unwrap_or(u64::MAX);
        not_after = Some(validity.not_after.min(earliest));
        if let Err(error) = validity.at(now) {
            let problem = certificate_error("client_ca", path, error);
            warnings.push(format!(
                "{problem}; clients of this authority may be refused"
            ));
        }
    }
    Ok((not_after, warnings))
}

fn certificate_error(key: &'static str, path: &Path, error: ValidityError) -> TlsError {
    TlsError::Certificate {
        key,
        path: path.to_owned(),
        error: error.to_string(),
    }
}

fn server_config(files: &TlsFiles) -> Result<ServerConfig, TlsError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let chain = certificates("cert", &files.cert)?;
    let key = PrivateKeyDer::from_pem_slice(&read("key", &files.key)?)
        .map_err(|error| unusable("key", &files.key, "private key", &error))?;
    let of_pair = |error| {
        let (cert, key) = (files.cert.clone(), files.key.clone());
        match error {
            rustls::Error::InconsistentKeys(_) => TlsError::OtherKey { cert, key },
            error => TlsError::Pair { cert, key, error },
        }
    };
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(of_pair)?;
    let builder = match &files.client_ca {
        Some(path) => builder.with_client_cert_verifier(client_verifier(path, provider)?),
        None => builder.with_no_client_auth(),
    };
    let mut config = builder.with_single_cert(chain, key).map_err(of_pair)?;
    config.alpn_protocols.push(ALPN.to_vec());
    Ok(config)
}

/// Who shows no certificate may still show a token; who shows neither is denied.
fn client_verifier(
    path: &Path,
    provider: Arc<rustls::crypto::CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    const WHAT: &str = "certificate of an authority";
    let mut roots = RootCertStore::empty();
    for certificate in certificates("client_ca", path)? {
        roots
            .add(certificate)
            .map_err(|error| unusable("client_ca", path, WHAT, &error))?;
    }
    WebPkiClientVerifier::builder_with_provider(roots.into(), provider)
        .allow_unauthenticated()
        .build()
        .map_err(|error| unusable("client_ca", path, WHAT, &error))
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(key, path)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let found = found.and_then(|found| match found.is_empty() {
        true => Err(pem::Error::NoItemsFound),
        false => Ok(found),
    });
    found.map_err(|error| unusable(key, path, "certificate", &error))
}

fn unusable(
    key: &'static str,
    path: &Path,
    what: &'static str,
    error: &dyn std::fmt::Display,
) -> TlsError {
    TlsError::Pem {
        key,
        path: path.to_owned(),
        what,
        error: error.to_string(),
    }
}

fn read(key: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    let read = crate::config::read_bounded(path, PEM_BYTES_MAX);
    read.map_err(|error| TlsError::File {
        key,
        path: path.to_owned(),
        error,
    })
}
