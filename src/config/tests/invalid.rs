//! Configurations that are refused, each with what is said of it.

mod callers;
mod watching;

use super::*;
use proptest::prelude::*;

/// The small file with one text replaced by another.
fn changed(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    SMALL.replacen(from, to, 1)
}

/// A part of the small file, what stands there instead, and what is said of it.
type Case = (&'static str, &'static str, &'static str);

fn check(cases: &[Case]) {
    for (from, to, expected) in cases {
        let text = changed(from, to);
        assert_eq!(problems(parse(&text)), *expected, "{text}");
    }
}

const SOCKET: &str = "unix = \"run/toolgate.sock\"";
const AUDIT: &str = "dir = \"audit\"";
const NAME: &str = "name = \"me\"";
const UID: &str = "uid = 1000";
const SERVERS: &str = "servers = [\"*\"]";
const BUNDLE: &str = "path = \"bundles/demo\"";
/// The end of the file: more sections go here.
const END: &str = "servers = [\"*\"]\n";

#[test]
fn text_that_is_not_toml() {
    check(&[
        (
            SOCKET,
            "unix =",
            "3:7: not TOML: string values must be quoted, expected literal string",
        ),
        (
            SOCKET,
            "unix = 'a",
            "3:10: not TOML: invalid literal string, expected `'`",
        ),
        (
            SOCKET,
            "unix = 'a'\nunix = 'b'",
            "4:1: not TOML: duplicate key",
        ),
        (
            END,
            "servers = [\n[audit]\n",
            "16:2: not TOML: string values must be quoted, expected literal string\n16:8: not TOML: unclosed array, expected `]`",
        ),
    ]);
    assert_eq!(
        problems(parse("a = \nb = 'x\n")),
        "1:5: not TOML: string values must be quoted, expected literal string\n2:7: not TOML: invalid literal string, expected `'`"
    );
}

#[test]
fn keys_that_nobody_knows_or_that_are_missing() {
    check(&[
        (
            SOCKET,
            "unix = 's'\nunixmode = 0o600",
            "4:1: unknown key `listen.unixmode`; did you mean `unix_mode`?",
        ),
        (
            "[audit]",
            "[audti]",
            "1:1: `audit.dir` is missing: decisions need a log\n9:2: unknown key `audti`; did you mean `audit`?",
        ),
        (
            AUDIT,
            "directory = 'audit'",
            "9:1: `audit.dir` is missing: decisions need a log\n10:1: unknown key `audit.directory`; known here: `dir`, `origin`, `mode`, `on_failure`, `index`, `key_file`, `batch_records_max`, `batch_ms_max`, `disk_free_mib_min`, `witness_seconds`, `signing`, `content`, `archive`, `otlp`, `witnesses`",
        ),
        (
            NAME,
            "nam = 'me'",
            "12:1: `callers[].name` is missing\n13:1: unknown key `callers[].nam`; did you mean `name`?",
        ),
        (
            SERVERS,
            "server = ['*']",
            "12:1: `callers[].servers` names no server: list them, or `*` for every server\n15:1: unknown key `callers[].server`; did you mean `servers`?",
        ),
        (
            BUNDLE,
            "path = 'p'\nserver = ['crm']",
            "8:1: unknown key `bundles[].server`; did you mean `servers`?",
        ),
        (BUNDLE, "", "5:1: `bundles[].path` is missing"),
        (
            "[[bundles]]",
            "[[bundle]]",
            "1:1: there is no `[[bundles]]`: without one every call is denied\n5:3: unknown key `bundle`; did you mean `bundles`?",
        ),
        (
            "[[callers]]",
            "[callers]",
            "1:1: there is no `[[callers]]`: without one every call is denied\n12:1: `callers` must be written `[[callers]]`, once for each",
        ),
        (
            END,
            "servers = ['*']\n[listen.tls]\ncert = 'c'",
            "16:1: `listen.tls.key` is missing\n16:1: `listen.tls` needs an address in `listen.tcp`",
        ),
        (
            END,
            "servers = ['*']\n[jwt]\njwks_file = 'k'",
            "16:1: `jwt.issuer` is missing\n16:1: `jwt.audience` is missing\n16:1: `jwt.algorithms` is missing",
        ),
        (
            END,
            "servers = ['*']\n[jwt]\njwks_file = 'k'\njwks_url = 'https://i'\nissuer = 'i'\naudience = 'a'\nalgorithms = ['ES256']",
            "16:1: `jwt` needs exactly one of `jwks_file`, `jwks_url`",
        ),
        (
            END,
            "servers = ['*']\n[jwt]\nissuer = 'i'\naudience = 'a'\nalgorithms = ['ES256']",
            "16:1: `jwt` needs exactly one of `jwks_file`, `jwks_url`",
        ),
        (
            END,
            "servers = ['*']\n[jwt]\njwks_file = 'k'\njwks_ca_file = 'c'\njwks_refresh_seconds = 9\nissuer = 'i'\naudience = 'a'\nalgorithms = ['ES256']",
            "16:1: `jwt.jwks_ca_file` needs `jwt.jwks_url`\n16:1: `jwt.jwks_refresh_seconds` needs `jwt.jwks_url`",
        ),
        (
            END,
            "servers = ['*']\n[jwt]\njwks_url = 'http://i/k'\njwks_refresh_seconds = 0\nissuer = 'i'\naudience = 'a'\nalgorithms = ['ES256']",
            "17:12: `jwt.jwks_url` is of no use: it must be `https`; `http` is for `localhost` and loopback addresses alone\n18:24: `jwt.jwks_refresh_seconds` must be 1 to 86400, not `0`",
        ),
        (
            END,
            "servers = ['*']\n[jwt]\njwks_url = 'https://i/k'\njwks_stale_seconds_max = 60\nissuer = 'i'\naudience = 'a'\nalgorithms = ['ES256']",
            "16:1: `jwt.jwks_stale_seconds_max` may not be less than `jwt.jwks_refresh_seconds`",
        ),
        (
            END,
            "servers = ['*']\n[policy.lint]\nfailopen = 'warn'",
            "17:1: unknown key `policy.lint.failopen`; did you mean `fail_open`?",
        ),
    ]);
    assert_eq!(
        problems(parse("")),
        "1:1: there is no `[[bundles]]`: without one every call is denied\n1:1: `audit.dir` is missing: decisions need a log\n1:1: there is no `[[callers]]`: without one every call is denied"
    );
}

#[test]
fn values_of_the_wrong_type_or_range() {
    check(&[
        (
            SOCKET,
            "unix = 7",
            "3:8: `listen.unix` must be text, not `7`",
        ),
        (SOCKET, "unix = ''", "3:8: `listen.unix` may not be empty"),
        (
            SOCKET,
            "unix = 's'\nunix_mode = '0660'",
            "4:13: `listen.unix_mode` must be permission bits in octal, such as `0o660`, not a text",
        ),
        (
            SOCKET,
            "unix = 's'\nunix_mode = 440",
            "4:13: `listen.unix_mode` must be permission bits in octal, such as `0o660`, not `440`",
        ),
        (
            SOCKET,
            "unix = 's'\nunix_mode = 0660",
            "4:13: not TOML: unexpected leading zero, expected nothing; octal numbers such as permission bits are written `0o660`",
        ),
        (
            SOCKET,
            "unix = 's'\nunix_mode = 0o1777",
            "4:13: `listen.unix_mode` must be permission bits such as `0o660`",
        ),
        (
            SOCKET,
            "unix = 's'\nhttp = 'localhost:80'",
            "4:8: `listen.http` must be an IP address and a port such as `127.0.0.1:7411`, not `localhost:80`",
        ),
        (
            SOCKET,
            "unix = 's'\ntcp = '127.0.0.1'",
            "4:7: `listen.tcp` must be an IP address and a port such as `127.0.0.1:7411`, not `127.0.0.1`",
        ),
        (
            SOCKET,
            "unix = 's'\ntls = 'on'",
            "4:7: `listen.tls` must be a table, not a text",
        ),
        (
            AUDIT,
            "dir = 'a'\nmode = 'sync'",
            "11:8: `audit.mode` must be one of `async`, `durable`, not `sync`",
        ),
        (
            AUDIT,
            "dir = 'a'\non_failure = 'allow'",
            "11:14: `audit.on_failure` must be one of `deny`, `allow_and_alert`, not `allow`",
        ),
        (
            AUDIT,
            "dir = 'a'\norigin = 'a b'",
            "11:10: `audit.origin` must be 1 to 128 letters, digits, `.`, `_`, `/` or `-`, not `a b`",
        ),
        (
            AUDIT,
            "dir = 'a'\nkey_file = true",
            "11:12: `audit.key_file` must be text, not true or false",
        ),
        (
            BUNDLE,
            "path = 'p'\nservers = 'crm'",
            "8:11: `bundles[].servers` must be a list of texts, not a text",
        ),
        (
            BUNDLE,
            "path = 'p'\nservers = ['crm', 7]",
            "8:19: `bundles[].servers` must hold texts that are not empty",
        ),
        (
            BUNDLE,
            "path = 'p'\nservers = ['crm-*']",
            "8:12: `bundles[].servers` lists exact names, not `crm-*`; leave it out for every server",
        ),
        (
            "name = \"demo\"",
            "name = 'de mo'",
            "6:8: `bundles[].name` must be 1 to 64 letters, digits, `.`, `_`, `:` or `-`, not `de mo`",
        ),
        (
            END,
            "servers = ['*']\n[limits]\njson_depth_max = 1000",
            "17:18: `limits.json_depth_max` must be 4 to 128, not `1000`",
        ),
        (
            END,
            "servers = ['*']\n[limits]\nbatch_calls_max = 0",
            "17:19: `limits.batch_calls_max` must be 1 to 10000, not `0`",
        ),
        (
            END,
            "servers = ['*']\n[limits]\nverdict_valid_seconds = -1",
            "17:25: `limits.verdict_valid_seconds` must be a whole number that is not negative, not `-1`",
        ),
        (
            END,
            "servers = ['*']\n[limits]\nrequest_bytes_max = 1.5",
            "17:21: `limits.request_bytes_max` must be a whole number that is not negative, not a number with decimals",
        ),
        (
            END,
            "servers = ['*']\n[policy]\nengine = 'wasm'",
            "17:10: `policy.engine` must be one of `auto`, `rvm`, `interpreter`, not `wasm`",
        ),
        (
            END,
            "servers = ['*']\n[log]\nlevel = 'verbose'\nformat = 1979-05-27",
            "17:9: `log.level` must be one of `error`, `warn`, `info`, `debug`, `trace`, not `verbose`\n18:10: `log.format` must be text, not a date",
        ),
        (
            END,
            "servers = ['*']\n[identity]\nroles_from = ['ldap', 'token', 'token']",
            "17:15: `identity.roles_from` must be one of `token`, `directory`, `shim`, not `ldap`",
        ),
    ]);
    let long = format!("unix = '{}'", "s".repeat(100));
    let text = changed(SOCKET, &long);
    assert_eq!(
        problems(parse(&text)),
        "3:8: the path of `listen.unix` has 114 bytes; a socket's may have 107"
    );
}

#[test]
fn every_mistake_is_said_at_once() {
    let text = SMALL
        .replace("unix = ", "unx = ")
        .replace("dir = \"audit\"", "mode = 1\nmood = 2")
        .replace("uid = 1000", "uid = -1");
    assert_eq!(
        problems(parse(&text)),
        "3:1: unknown key `listen.unx`; did you mean `unix`?\n9:1: `audit.dir` is missing: decisions need a log\n10:8: `audit.mode` must be text, not `1`\n11:1: unknown key `audit.mood`; did you mean `mode`?\n15:7: `callers[].uid` must be a whole number that is not negative, not `-1`"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_is_cut_out_nothing_panics_and_no_refusal_is_silent(
        from in 0_usize..4000,
        length in 0_usize..60,
        instead in "[ -~\\n]{0,8}",
    ) {
        let mut text: Vec<char> = example().chars().collect();
        let from = from.min(text.len());
        let to = (from + length).min(text.len());
        text.splice(from..to, instead.chars());
        let text: String = text.into_iter().collect();
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.is_empty());
        }
    }
}
