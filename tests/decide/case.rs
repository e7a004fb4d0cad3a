//! What a file gives: policies, data, configuration, steps.

use super::SPIFFE_ID;
use crate::server::{Server, tokens, uid, write_files};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use tonic::transport::Channel;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What the case is about.
    pub title: String,
    /// Modules by their path in the bundle `main`.
    #[serde(default)]
    policies: BTreeMap<String, String>,
    /// `data.json` of the bundle `main`.
    data: Option<Value>,
    /// The servers that the bundle `main` may grant for.
    servers: Option<Vec<String>>,
    /// A second bundle, from the root of the project.
    bundle: Option<String>,
    /// `[[callers]]`; `@peer@` is how the connection is known, `@stranger@` how another one would
    /// be.
    #[serde(default = "default_callers")]
    callers: String,
    /// Whether the interpreter runs them, whatever is configured.
    #[serde(default)]
    pub interpreted: bool,
    /// Whether the policies are refused.
    #[serde(default)]
    pub refused: bool,
    /// More sections.
    #[serde(default)]
    config: String,
    pub steps: Vec<Step>,
}

/// One request, or a batch of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    pub step: String,
    /// Claims of a token with which the connection is known instead.
    pub token: Option<Value>,
    pub ask: Option<Ask>,
    pub batch: Option<Vec<Ask>>,
}

/// A `DecideRequest` as a reader writes it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Ask {
    /// `call` if absent.
    pub phase: Option<String>,
    /// `server/name`: a `tools/call`.
    pub tool: Option<String>,
    pub server: Option<String>,
    pub method: Option<String>,
    pub name: Option<String>,
    /// `params` become `{"name": …, "arguments": …}`.
    pub arguments: Option<Value>,
    /// The same, of JSON as text.
    pub arguments_text: Option<String>,
    pub params: Option<Bytes>,
    /// The bytes that the step of this number let through.
    pub params_of: Option<usize>,
    pub result: Option<Value>,
    pub result_bytes: Option<Bytes>,
    pub definition: Option<Bytes>,
    pub subject: Option<Subject>,
    /// Claims of the subject's token.
    pub bearer: Option<Value>,
    /// The subject's token itself.
    pub bearer_text: Option<String>,
    /// The call_id that the step of this number gave.
    pub call: Option<usize>,
    pub call_id: String,
    pub session: String,
    pub correlation_id: Text,
    pub traceparent: String,
    pub request_id: Text,
    pub context: BTreeMap<String, String>,
    /// So many more members of the context.
    pub context_members: usize,
    pub min_policy_version: u64,
    pub dry_run: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Subject {
    pub id: Text,
    pub user: String,
    pub agent: String,
    pub client: String,
    pub roles: Vec<String>,
    pub attributes: Option<Value>,
    pub attributes_bytes: Option<Bytes>,
    pub delegation: Vec<String>,
}

/// A text, or a long one.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Text {
    Text(String),
    Long {
        /// Of so many `x`.
        long: usize,
    },
}

impl Default for Text {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

/// Bytes that need not be JSON.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub enum Bytes {
    /// As written.
    Text(String),
    /// Hexadecimal.
    Hex(String),
    /// `{"_meta": [[…]]}` with so many levels in all.
    Nested(usize),
    /// `{"_meta": "xxx…"}` of so many bytes in all.
    Long(usize),
}

fn default_callers() -> String {
    r#"
[[callers]]
name = "shim"
@peer@
servers = ["*"]
subjects = ["agent_*", "u:*", "a:*", "c:*"]
context = ["purpose", "channel"]
"#
    .to_owned()
}

/// On which engine, over which transport.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    pub engine: &'static str,
    pub unix: bool,
}

impl Variant {
    pub fn all() -> impl Iterator<Item = Self> {
        let engines = ["auto", "interpreter"].into_iter();
        engines.flat_map(|engine| [true, false].map(|unix| Self { engine, unix }))
    }

    /// How the record names the evaluator of a case.
    pub fn engine_name(self, case: &Case) -> &'static str {
        match self.engine {
            "auto" if !case.interpreted => "rvm",
            _ => "interpreter",
        }
    }

    /// How the record names what proved the caller.
    pub fn authenticated_by(self) -> &'static str {
        if self.unix { "peer_uid" } else { "mtls" }
    }

    fn known_by(self, stranger: bool) -> String {
        let other = if stranger { "other" } else { "" };
        match (self.unix, stranger) {
            (true, false) => format!("uid = {}", uid()),
            (true, true) => format!("uid = {}", uid() + 1),
            (false, _) => format!("spiffe_id = \"{SPIFFE_ID}{other}\""),
        }
    }

    /// A connection that proves who it is.
    pub async fn connect(self, server: &Server) -> Channel {
        if self.unix {
            server.unix().await
        } else {
            server.tls(Some(SPIFFE_ID)).await
        }
    }

    /// A connection that a token alone makes known.
    pub async fn anonymous(self, server: &Server) -> Channel {
        if self.unix {
            server.unix().await
        } else {
            server.tls(None).await
        }
    }
}

impl Case {
    /// Writes the bundle `main`.
    pub fn write_policies(&self, dir: &Path) {
        let main = dir.join("main");
        std::fs::create_dir_all(&main).unwrap();
        let manifest = r#"{"revision": "r1"}"#;
        write_files(&main, [(".manifest", manifest)]);
        write_files(
            &main,
            self.policies
                .iter()
                .map(|(path, text)| (path.as_str(), text.as_str())),
        );
        if let Some(data) = &self.data {
            write_files(&main, [("data.json", data.to_string().as_str())]);
        }
    }

    /// The configuration for a variant.
    pub fn config(&self, variant: Variant) -> String {
        let mut bundles = String::new();
        if !self.policies.is_empty() {
            bundles.push_str("[[bundles]]\nname = \"main\"\npath = \"main\"\n");
            if let Some(servers) = &self.servers {
                bundles.push_str(&format!("servers = {servers:?}\n"));
            }
        }
        if let Some(path) = &self.bundle {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
            bundles.push_str(&format!(
                "[[bundles]]\nname = \"second\"\npath = {path:?}\n"
            ));
        }
        let callers = self.callers.replace("@peer@", &variant.known_by(false));
        let callers = callers.replace("@stranger@", &variant.known_by(true));
        // Generous, for a busy machine; the case about the limit sets its own.
        let limits = "[limits]\nevaluation_milliseconds_max = 5000\n";
        let limits = if self.config.contains("[limits]") {
            ""
        } else {
            limits
        };
        let (engine, issuer) = (variant.engine, tokens::ISSUER);
        let Self { config, .. } = self;
        format!(
            r#"
[listen]
unix = "run.sock"
tcp = "127.0.0.1:0"
[listen.tls]
cert = "server.pem"
key = "server.key"
client_ca = "clients.pem"
[policy]
engine = "{engine}"
[audit]
dir = "audit"
origin = "golden"
[jwt]
jwks_file = "keys.json"
issuer = "{issuer}"
audience = "toolgate"
algorithms = ["ES256"]
[jwt.claims]
user = "on_behalf_of"
agent = "agent"
client = "azp"
tenant = "org"
roles = ["realm_access", "roles"]
delegation = "act"
[jwt.claims.attributes]
department = "department"
{bundles}{callers}{limits}{config}"#
        )
    }
}
