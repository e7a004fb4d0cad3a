//! Every key of the configuration: its type, default and range stand here and nowhere else. Reading
//! takes them from here, suggestions for what is misspelt do, and `docs/configuration.md` is written
//! from it.

use super::callers::{algorithms, may, roles_from};
use super::overrides::variable;
use super::policy::FailOpen;
use super::record::{AuditMode, LogFormat, LogLevel, OnFailure};
use super::words::{Words, of};
use crate::audit::archive::{Lock, Tiers};
use crate::engine::MEMO_ANSWERS_MAX;
use crate::model::revision::EngineChoice;
use Kind::{
    Again, Choice, Choices, Count, Flag, Many, Mode, Optional, Required, Section, Text, Within,
};

/// One key, or one more line of the example.
pub(super) struct Key {
    /// `listen.tls`, or `callers[].name` of one of several.
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    /// Its value in the example, where that is not the default.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "written into the reference by a test")
    )]
    pub(super) example: &'static str,
    /// What the type, the default and the range do not say.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "written into the reference by a test")
    )]
    pub(super) note: &'static str,
    /// Whether it is a comment in the example, which goes without it.
    #[cfg_attr(
        not(test),
        expect(dead_code, reason = "written into the reference by a test")
    )]
    pub(super) is_comment: bool,
}

/// What a key may have.
pub(super) enum Kind {
    /// A table.
    Section,
    /// Several tables.
    Many,
    /// A text, or a list of them, that must be there where its section is.
    Required,
    /// A text, a list of texts or a number that is there or not; the note says what then.
    Optional,
    /// A text with a default.
    Text(&'static str),
    /// True or false.
    Flag(bool),
    /// A whole number from the second to the third.
    Count(u64, u64, u64),
    /// A whole number from the first to the second, or none.
    Within(u64, u64),
    /// Permission bits, up to the second.
    Mode(u32, u32),
    /// One of several words.
    Choice(fn() -> Words),
    /// Several of several words.
    Choices(fn() -> Words),
    /// Not a key of its own: a line of one more entry of the example.
    Again,
}

const fn key(path: &'static str, kind: Kind, example: &'static str, note: &'static str) -> Key {
    Key {
        path,
        kind,
        example,
        note,
        is_comment: false,
    }
}

const fn comment(path: &'static str, kind: Kind, example: &'static str, note: &'static str) -> Key {
    Key {
        is_comment: true,
        ..key(path, kind, example, note)
    }
}

/// Every key, in the order of the reference.
#[rustfmt::skip]
pub(super) const KEYS: &[Key] = &[
    key("listen", Section, "", "neither unix nor tcp: tcp = \"127.0.0.1:7411\""),
    key("listen.unix", Optional, "\"run/toolgate.sock\"", "callers are known by their uid"),
    key("listen.unix_mode", Mode(0o660, 0o777), "", "permission bits of the socket; a directory made for it is 0700"),
    key("listen.tcp", Optional, "\"0.0.0.0:7411\"", "beyond loopback it needs [listen.tls]"),
    key("listen.insecure", Flag(false), "", "true lets tcp be beyond loopback without TLS"),
    key("listen.http", Optional, "\"127.0.0.1:7412\"", "metrics and health, no decisions; default: off"),
    key("listen.http_public", Flag(false), "", "true lets http be beyond loopback"),

    key("listen.tls", Section, "", "PEM files"),
    key("listen.tls.cert", Required, "\"tls/server.pem\"", ""),
    key("listen.tls.key", Required, "\"tls/server.key\"", ""),
    key("listen.tls.client_ca", Optional, "\"tls/clients.pem\"", "client certificates; without it callers need a token"),

    key("bundles", Many, "", ""),
    key("bundles[].name", Required, "\"contracts\"", "letters, digits, . _ : -"),
    key("bundles[].path", Required, "\"bundles/contracts\"", "a directory, a .rego file or a .tar.gz"),
    key("bundles[].servers", Optional, "[\"contracts\", \"crm\"]", "where it may grant; default: every server"),
    comment("bundles[].tenants", Optional, "[\"acme\"]", "with [[tenants]]; whose set it is part of; or [\"*\"]"),
    comment("bundles[].tenant", Optional, "\"acme\"", "the same for one"),

    comment("tenants", Many, "", "default: none are apart"),
    comment("tenants[].name", Required, "\"acme\"", "letters, digits, . _ -; not \"default\""),
    comment("tenants[].in_flight_decisions_max", Within(1, 1_000_000), "512", "default: half of limits.in_flight_decisions_max"),
    comment("tenants[].audit_key_file", Optional, "\"acme.key\"", "default: a key made with the tenant's log"),

    key("policy", Section, "", ""),
    key("policy.engine", Choice(of::<EngineChoice>), "", ""),
    key("policy.memo_answers_max", Count(MEMO_ANSWERS_MAX as u64, 0, 1_000_000), "", "answers that each thread keeps of policies that read neither arguments nor time; 0: none"),

    key("policy.lint", Section, "", ""),
    key("policy.lint.fail_open", Choice(of::<FailOpen>), "", "which loads a deny that may fail open"),

    key("limits", Section, "", ""),
    key("limits.request_bytes_max", Count(4 << 20, 1024, 64 << 20), "", ""),
    key("limits.json_depth_max", Count(64, 4, 128), "", ""),
    key("limits.json_values_max", Count(250_000, 100, 4_000_000), "", "values of one JSON part: each costs time, however short its text"),
    key("limits.batch_calls_max", Count(512, 1, 10_000), "", "calls in one DecideBatch"),
    key("limits.evaluation_milliseconds_max", Count(20, 1, 10_000), "", ""),
    key("limits.evaluation_instructions_max", Count(200_000, 1000, 1_000_000_000), "", ""),
    key("limits.evaluation_output_bytes_max", Count(256 << 10, 1024, 64 << 20), "", ""),
    key("limits.in_flight_decisions_max", Count(4096, 1, 1_000_000), "", "beyond it RESOURCE_EXHAUSTED"),
    key("limits.stream_window_decisions_max", Count(64, 1, 10_000), "", "unanswered questions of one DecideStream"),
    key("limits.verdict_valid_seconds", Count(30, 1, 3600), "", "as long is an answer to a request_id kept"),
    key("limits.cacheable_seconds", Count(5, 0, 3600), "", "0: never; see cacheable_until in the proto"),
    key("limits.policy_sets_held_max", Count(3, 0, 64), "", "beside the newest, to roll back to"),
    key("limits.in_flight_rpcs_max", Count(16_384, 1, 1_000_000), "", "RPCs at once, but for health"),
    key("limits.request_bytes_in_flight_max", Count(256 << 20, 1 << 20, 64 << 30), "", "of requests being received; at least two messages"),
    key("limits.connections_max", Count(768, 1, 1_000_000), "", "as far as there are files for (ulimit -n)"),
    key("limits.connections_per_peer_max", Count(512, 1, 1_000_000), "", "of one uid, IPv4 address or IPv6 /64"),
    key("limits.stranger_milliseconds_max", Count(10_000, 10, 600_000), "", "a connection on which no known caller shows itself"),
    key("limits.handshake_milliseconds_max", Count(10_000, 10, 600_000), "", "TLS and HTTP/2 preface together"),
    // A token of 16 KiB, and room for the rest.
    key("limits.header_list_bytes_max", Count(32 << 10, 1024, 1 << 20), "", "metadata of one request"),
    key("limits.streams_per_connection_max", Count(256, 1, 10_000), "", "requests under way on one connection"),
    key("limits.request_milliseconds_max", Count(30_000, 10, 600_000), "", "a unary request with its body, or one message of a stream"),
    key("limits.keepalive_seconds", Count(30, 1, 3600), "", "a quiet connection is pinged so often"),
    key("limits.keepalive_timeout_seconds", Count(20, 1, 3600), "", "without an answer it is closed"),
    key("limits.connection_age_seconds_max", Count(3600, 1, 86_400), "", "then GOAWAY, give or take a tenth"),
    key("limits.connection_grace_seconds_max", Count(60, 1, 3600), "", "for calls under way from then on"),
    key("limits.drain_seconds_max", Count(10, 1, 3600), "", "the end of the process waits so long"),

    key("audit", Section, "", ""),
    key("audit.dir", Required, "\"audit\"", "one log, one process"),
    key("audit.origin", Text("toolgate"), "", "\"prefix/replica\" where there are several"),
    key("audit.mode", Choice(of::<AuditMode>), "", "where a reply waits for its record"),
    key("audit.on_failure", Choice(of::<OnFailure>), "", ""),
    key("audit.index", Flag(true), "", "an SQLite index beside the log, which Query reads"),
    key("audit.key_file", Optional, "\"audit.key\"", "for hashes of content; default: a key made with the log"),
    key("audit.batch_records_max", Count(512, 1, 8192), "", "records of one sync"),
    key("audit.batch_ms_max", Count(2, 0, 1000), "", "a record that nobody waits for waits so long for others"),
    key("audit.disk_free_mib_min", Count(256, 0, 1 << 30), "", "with less room on its file system the process is not ready; 0: whatever the room"),
    key("audit.witness_seconds", Count(60, 1, 86_400), "", "so often witnesses are shown the latest checkpoint, give or take a tenth"),

    key("audit.signing", Section, "", ""),
    key("audit.signing.key_file", Optional, "\"signing.key\"", "Ed25519, PKCS#8 PEM; default: a key made with the log"),
    comment("audit.signing.key_env", Optional, "\"AUDIT_SIGNING_KEY\"", "the same in a variable of the environment"),
    comment("audit.signing.previous_key_file", Optional, "\"signing-2025.key\"", "the key that hands over to the one above"),
    key("audit.signing.checkpoint_records_max", Count(1000, 1, 1_000_000), "", "a checkpoint is signed after so many records, but no more than ten in checkpoint_ms_max"),
    key("audit.signing.checkpoint_ms_max", Count(1000, 10, 600_000), "", "or so long after the first that none covers"),

    key("audit.content", Section, "", "arguments and results, encrypted, without the secrets in them"),
    key("audit.content.enabled", Flag(false), "", "keeps them"),
    key("audit.content.key_file", Optional, "\"content.key\"", "64 hexadecimal digits, which open everything that is kept; default: a key made with the log"),
    comment("audit.content.key_env", Optional, "\"TOOLGATE_CONTENT_KEY\"", "the variable that has the key, instead of key_file"),
    key("audit.content.object_bytes_max", Count(1 << 20, 1, 64 << 20), "", "longer ones are not kept"),
    key("audit.content.store_bytes_max", Count(10 << 30, 1, 1 << 50), "", "then nothing more is kept"),
    key("audit.content.approvers", Optional, "[\"legal+f00d1234+AQ…\"]", "default: none, and nobody reads; verifier keys of who may let others read"),
    key("audit.archive", Section, "", "what `toolgate audit archive --config` does; times count from the end of a segment's last day"),
    comment("audit.archive.url", Optional, "\"s3://bucket/prefix\"", "or gs://, az://, file:///; credentials come from the environment"),
    key("audit.archive.hot_days", Count(Tiers::DEFAULT.hot_days, 1, 36_525), "", "on the disk, and in the store under hot/"),
    key("audit.archive.warm_days", Count(Tiers::DEFAULT.warm_days, 1, 36_525), "", "under warm/, after that under cold/"),
    key("audit.archive.cold_days", Count(Tiers::DEFAULT.cold_days, 1, 36_525), "", "how long objects under cold/ are locked; nothing is removed from there"),
    key("audit.archive.object_lock", Choice(of::<Lock>), "", "S3 alone: until when nobody can remove an object"),

    key("audit.otlp", Section, "", "a copy of each record over OTLP (gRPC), for systems that collect events; lossy, no evidence"),
    key("audit.otlp.endpoint", Optional, "\"https://collector.example:4317\"", "default: none; http on loopback alone"),
    comment("audit.otlp.ca_file", Optional, "\"tls/collector-ca.pem\"", "authorities of that server; default: the system's"),
    key("audit.otlp.queue_records_max", Count(8192, 1, 1_000_000), "", "records that may wait for it; older ones are dropped and counted"),

    key("audit.witnesses", Many, "", "default: none; shown each log's checkpoints (c2sp.org/tlog-witness)"),
    key("audit.witnesses[].url", Required, "\"https://witness.example/submit\"", "the submission prefix; http on loopback alone"),
    key("audit.witnesses[].key", Required, "\"witness.example/w1+7e136b5c+BAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\"", "its verifier key, of kind 0x04"),
    comment("audit.witnesses[].ca_file", Optional, "\"tls/witness-ca.pem\"", "authorities of that server; default: the system's"),

    key("identity", Section, "", ""),
    key("identity.roles_from", Choices(roles_from), "", "the first that knows the subject"),

    key("jwt", Section, "", "default: tokens are refused"),
    comment("jwt.jwks_file", Optional, "\"keys.json\"", "public keys of the issuer; exactly one of this and jwks_url"),
    key("jwt.jwks_url", Optional, "\"https://issuer.example/jwks.json\"", "fetched while running; http on loopback alone"),
    key("jwt.jwks_ca_file", Optional, "\"tls/issuer-ca.pem\"", "authorities of that server; default: the system's"),
    key("jwt.jwks_refresh_seconds", Count(300, 1, 86_400), "", "give or take a tenth"),
    key("jwt.jwks_stale_seconds_max", Count(86_400, 60, 2_592_000), "", "older keys verify nothing"),
    key("jwt.issuer", Required, "\"https://issuer.example\"", "the only `iss`"),
    key("jwt.audience", Required, "\"toolgate\"", "`aud` must name it"),
    key("jwt.algorithms", Choices(algorithms), "[\"ES256\", \"EdDSA\"]", ""),
    key("jwt.leeway_seconds", Count(30, 0, 300), "", "for exp, nbf and iat"),

    key("jwt.claims", Section, "", "a claim's name, or the members on the way to it"),
    key("jwt.claims.id", Text("sub"), "", "the subject that policy and directory know"),
    key("jwt.claims.user", Optional, "\"on_behalf_of\"", "default for the others: not read"),
    key("jwt.claims.agent", Optional, "\"agent\"", ""),
    key("jwt.claims.client", Optional, "\"azp\"", ""),
    key("jwt.claims.tenant", Optional, "\"org\"", "once set, each token must have it"),
    key("jwt.claims.roles", Optional, "[\"realm_access\", \"roles\"]", "an array of texts"),
    key("jwt.claims.delegation", Optional, "\"act\"", "nested `act` claims (RFC 8693), or an array of texts"),

    key("jwt.claims.attributes", Section, "", "your names"),
    key("department", Again, "\"https://acme.example/department\"", ""),

    key("callers", Many, "", "matched from top to bottom"),
    key("callers[].name", Required, "\"shim-crm\"", "the principal where it asks for itself"),
    key("callers[].spiffe_id", Optional, "\"spiffe://acme.example/shim/crm\"", "or \"spiffe://acme.example/ns/tools/*\""),
    key("callers[].servers", Required, "[\"crm\", \"docs-*\"]", "exact, or a prefix and `*`"),
    key("callers[].subjects", Optional, "[\"agent_*\", \"u:*\", \"a:*\"]", "default: none; whom it may speak for"),
    key("callers[].context", Optional, "[\"purpose\", \"channel\"]", "default: none; context keys it may set"),
    key("callers[].may", Choices(may), "", "administer: Reload and Rollback; audit.read: Query and Tail; audit.content: GetContent"),
    key("callers[].assert_roles", Flag(false), "", "whether its word on roles counts"),
    key("callers[].tenant", Optional, "\"acme\"", "default: the token's, else \"default\"; see Tenants"),
    comment("callers[].tenants", Optional, "[\"acme\", \"globex\"]", "with [[tenants]]; those that its token may name"),

    key("callers", Again, "", ""),
    key("name", Again, "\"shim-docs\"", ""),
    key("callers[].dns_name", Optional, "\"shim.acme.example\"", "of a certificate without a SPIFFE id"),
    key("servers", Again, "[\"docs-*\"]", ""),

    key("callers", Again, "", ""),
    key("name", Again, "\"developer\"", ""),
    key("callers[].uid", Optional, "1000", "at the other end of the Unix socket"),
    key("servers", Again, "[\"*\"]", ""),
    key("subjects", Again, "[\"*\"]", ""),

    key("callers", Again, "", ""),
    key("name", Again, "\"agents\"", ""),
    key("callers[].token_subject", Optional, "\"agent_*\"", "what jwt.claims.id gives"),
    key("callers[].token_issuer", Optional, "\"https://issuer.example\"", "default: jwt.issuer"),
    key("servers", Again, "[\"crm\"]", ""),

    key("log", Section, "", "SIGHUP reads it anew, but for the format"),
    key("log.level", Choice(of::<LogLevel>), "", ""),
    key("log.format", Choice(of::<LogFormat>), "", ""),
    key("log.sample_lines_max", Count(100, 0, 1_000_000), "", "lines of one kind in 10 s, the rest is counted; 0: all"),
];

/// Every key and section, without the example's further lines.
pub(super) fn all() -> impl Iterator<Item = &'static Key> {
    KEYS.iter().filter(|key| !matches!(key.kind, Again))
}

/// What the key of this path may have.
pub(super) fn kind(path: &str) -> Option<&'static Kind> {
    let found = all().find(|key| key.path == path);
    found.map(|key| &key.kind)
}

/// The names of the keys and sections right in a section.
pub(super) fn within(section: &str) -> Vec<&'static str> {
    let name = |key: &'static Key| {
        let (parent, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        (parent == section).then_some(name)
    };
    all().filter_map(name).collect()
}

/// The variables of all keys that an environment may set.
pub(super) fn variables() -> impl Iterator<Item = String> {
    let may_be_set = |key: &&Key| !matches!(key.kind, Section | Many) && !key.path.contains("[]");
    all().filter(may_be_set).map(|key| variable(key.path))
}
