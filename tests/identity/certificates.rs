//! Client certificates.

use super::Pdp;
use super::asking::{Asked, Way, ask_this};
use crate::server::asking::call;
use crate::server::pki;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, SanType, date_time_ymd};
use serde::Deserialize;

/// A certificate as a reader writes it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Certificate {
    case: String,
    #[serde(default)]
    uris: Vec<String>,
    #[serde(default)]
    dns: Vec<String>,
    #[serde(default)]
    cn: String,
    /// `client`, `server`, `both` or `none`.
    #[serde(default = "client_usage")]
    usage: String,
    /// `ours`, `other` or `self`.
    #[serde(default = "our_authority")]
    issuer: String,
    /// The years from and to which it is valid.
    years: Option<(i32, i32)>,
}

fn client_usage() -> String {
    "client".to_owned()
}

fn our_authority() -> String {
    "ours".to_owned()
}

impl Certificate {
    /// Certificate and key, as PEM.
    fn pem(&self) -> (String, String) {
        let mut params = CertificateParams::default();
        let uris = self.uris.iter();
        let uris = uris.map(|uri| SanType::URI(uri.as_str().try_into().unwrap()));
        let names = self.dns.iter();
        let names = names.map(|name| SanType::DnsName(name.as_str().try_into().unwrap()));
        params.subject_alt_names = uris.chain(names).collect();
        params
            .distinguished_name
            .push(DnType::CommonName, self.cn.as_str());
        params.extended_key_usages = match self.usage.as_str() {
            "client" => vec![ExtendedKeyUsagePurpose::ClientAuth],
            "server" => vec![ExtendedKeyUsagePurpose::ServerAuth],
            "both" => vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ],
            _ => Vec::new(),
        };
        if let Some((from, to)) = self.years {
            params.not_before = date_time_ymd(from, 1, 1);
            params.not_after = date_time_ymd(to, 1, 1);
        }
        let key = KeyPair::generate().unwrap();
        let certificate = match self.issuer.as_str() {
            "ours" => pki::signed(&params, &key),
            "other" => pki::signed_by_another(&params, &key),
            _ => params.self_signed(&key).unwrap(),
        };
        (certificate.pem(), key.serialize_pem())
    }
}

/// Every certificate on a connection of its own.
pub async fn ask_each(pdp: &Pdp) -> Vec<Asked> {
    let mut asked = Vec::new();
    for certificate in super::given::<Certificate>("certificates") {
        let way = Way::Tls(Some(certificate.pem()));
        let answer = ask_this(pdp, way, None, call("crm/read")).await;
        asked.push((certificate.case, answer));
    }
    asked
}
