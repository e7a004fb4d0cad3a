//! Certificates made for these tests, here and now.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    SanType, date_time_ymd,
};
use std::path::Path;
use std::sync::LazyLock;
use tonic::transport::{Certificate, Identity};

struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(params, key);
    Authority { pem, issuer }
});

/// The authority of all certificates.
pub fn authority() -> Certificate {
    Certificate::from_pem(&AUTHORITY.pem)
}

/// PEM of an authority that issued nothing.
pub fn stranger() -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let name = &mut params.distinguished_name;
    name.push(DnType::CommonName, "stranger");
    params
        .self_signed(&KeyPair::generate().unwrap())
        .unwrap()
        .pem()
}

/// A certificate of the authority.
pub fn signed(params: &CertificateParams, key: &KeyPair) -> rcgen::Certificate {
    params.signed_by(key, &AUTHORITY.issuer).unwrap()
}

/// A certificate of an authority with the same name that nobody trusts.
pub fn signed_by_another(params: &CertificateParams, key: &KeyPair) -> rcgen::Certificate {
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = Issuer::new(authority, KeyPair::generate().unwrap());
    params.signed_by(key, &issuer).unwrap()
}

/// PEM of a client certificate with this SPIFFE id, and of its key.
pub fn client_pem(spiffe_id: &str) -> (String, String) {
    let name = SanType::URI(spiffe_id.try_into().unwrap());
    issue(vec![name], ExtendedKeyUsagePurpose::ClientAuth)
}

fn issue(names: Vec<SanType>, usage: ExtendedKeyUsagePurpose) -> (String, String) {
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    params.extended_key_usages = vec![usage];
    // A subject that is the issuer's is taken for a self-signed certificate by OpenSSL and its kin.
    params
        .distinguished_name
        .push(DnType::CommonName, "not the authority");
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &AUTHORITY.issuer).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// A client certificate with this SPIFFE id.
pub fn client(spiffe_id: &str) -> Identity {
    let (certificate, key) = client_pem(spiffe_id);
    Identity::from_pem(certificate, key)
}

/// Writes what a client needs: `ca.pem`, and `client.pem` and `client.key` with this SPIFFE id.
pub fn write_client_files(dir: &Path, spiffe_id: &str) {
    let (certificate, key) = client_pem(spiffe_id);
    std::fs::create_dir_all(dir).unwrap();
    std::fs::write(dir.join("ca.pem"), &AUTHORITY.pem).unwrap();
    std::fs::write(dir.join("client.pem"), certificate).unwrap();
    std::fs::write(dir.join("client.key"), key).unwrap();
}

/// Writes the files of `[listen.tls]`: `server.pem`, `server.key`, `clients.pem`.
pub fn write_server_files(dir: &Path) {
    let (certificate, key) = issue(vec![localhost()], ExtendedKeyUsagePurpose::ServerAuth);
    std::fs::write(dir.join("server.pem"), certificate).unwrap();
    std::fs::write(dir.join("server.key"), key).unwrap();
    std::fs::write(dir.join("clients.pem"), &AUTHORITY.pem).unwrap();
}

fn localhost() -> SanType {
    SanType::DnsName("localhost".try_into().unwrap())
}

/// Writes a `server.pem` and `server.key` that are valid in January of this year alone.
pub fn write_server_files_of(year: i32, dir: &Path) {
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![localhost()];
    params.not_before = date_time_ymd(year, 1, 1);
    params.not_after = date_time_ymd(year, 2, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &AUTHORITY.issuer).unwrap();
    std::fs::write(dir.join("server.pem"), certificate.pem()).unwrap();
    std::fs::write(dir.join("server.key"), key.serialize_pem()).unwrap();
}

/// PEM of an authority whose time is over.
pub fn old_authority() -> String {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_after = date_time_ymd(2020, 1, 1);
    let key = KeyPair::generate().unwrap();
    params.self_signed(&key).unwrap().pem()
}
