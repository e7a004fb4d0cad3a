//! Certificates and keys, read once at the start.

use super::serve::ServeError;
use crate::config::TlsFiles;
use std::path::Path;
use tonic::transport::{Certificate, Identity, ServerTlsConfig};

/// The server's TLS, with client certificates where a CA for them is configured.
pub(super) fn server_tls(files: &TlsFiles) -> Result<ServerTlsConfig, ServeError> {
    let identity = Identity::from_pem(read(&files.cert)?, read(&files.key)?);
    let config = ServerTlsConfig::new().identity(identity);
    let Some(client_ca) = &files.client_ca else {
        return Ok(config);
    };
    // Who shows no certificate may still show a token; who shows neither is denied.
    let config = config.client_ca_root(Certificate::from_pem(read(client_ca)?));
    Ok(config.client_auth_optional(true))
}

fn read(path: &Path) -> Result<Vec<u8>, ServeError> {
    std::fs::read(path).map_err(|error| ServeError::File {
        path: path.to_owned(),
        error,
    })
}
