//! Callers, tokens and TLS that are refused.

use super::*;

#[test]
fn callers() {
    check(&[
        (
            UID,
            "",
            "12:1: an entry of `callers` needs exactly one of `spiffe_id`, `dns_name`, `uid`, `token_subject`",
        ),
        (
            UID,
            "uid = 1000\ndns_name = 'a.example'",
            "12:1: an entry of `callers` needs exactly one of `spiffe_id`, `dns_name`, `uid`, `token_subject`",
        ),
        (
            UID,
            "uid = 4294967296",
            "14:7: `callers[].uid` is no uid: `4294967296`",
        ),
        (
            UID,
            "uid = '1000'",
            "14:7: `callers[].uid` must be a whole number that is not negative, not a text",
        ),
        (
            UID,
            "uid = 1000\nmay = ['decide', 'admin']",
            "15:18: `callers[].may` must be one of `decide`, `publish`, `administer`, `audit.read`, `audit.content`, not `admin`",
        ),
        (
            UID,
            "uid = 1000\nmay = []",
            "12:1: `callers[].may` is empty: list what the caller may do, or leave the entry out",
        ),
        (
            UID,
            "uid = 1000\nmay = ['publish', 'publish']",
            "15:19: `callers[].may` names `publish` twice",
        ),
        (
            UID,
            "uid = 1000\ntoken_issuer = 'i'",
            "15:16: `callers[].token_issuer` needs `token_subject`",
        ),
        (
            UID,
            "spiffe_id = 'spiffe://acme*'",
            "14:13: `spiffe://acme*` is not a SPIFFE id such as `spiffe://acme.example/shim/crm`; a `*` may end its path only",
        ),
        (
            UID,
            "dns_name = '*.example'",
            "14:12: `*.example` is not a DNS name such as `shim.acme.example`; wildcards name nobody",
        ),
        (
            UID,
            "spiffe_id = 'spiffe://acme.example/a'",
            "12:1: the caller `me` can never be known: `listen.tls.client_ca` is missing",
        ),
        (
            UID,
            "token_subject = '*'",
            "14:17: `callers[].token_subject` needs a sound `[jwt]`",
        ),
        (
            UID,
            "token_subject = 'a*b'",
            "14:17: `callers[].token_subject`: `a*b` has a `*` that is not at its end",
        ),
        (
            SERVERS,
            "",
            "12:1: `callers[].servers` names no server: list them, or `*` for every server",
        ),
        (
            SERVERS,
            "servers = []",
            "12:1: `callers[].servers` names no server: list them, or `*` for every server",
        ),
        (
            SERVERS,
            "servers = ['c*m']",
            "15:12: `callers[].servers`: `c*m` has a `*` that is not at its end",
        ),
        (
            SERVERS,
            "servers = ['']",
            "15:12: `callers[].servers` must hold texts that are not empty",
        ),
        (
            SERVERS,
            "servers = ['*']\nassert_roles = 'yes'",
            "16:16: `callers[].assert_roles` must be true or false, not a text",
        ),
        (
            SERVERS,
            "servers = ['*']\ntenant = 'a/b'",
            "16:10: `callers[].tenant` must be 1 to 64 letters, digits, `.`, `_`, `:` or `-`, not `a/b`",
        ),
        (
            NAME,
            "name = 'm e'",
            "13:8: `callers[].name` must be 1 to 64 letters, digits, `.`, `_`, `:` or `-`, not `m e`",
        ),
        (
            END,
            "servers = ['*']\n[[callers]]\nname = 'me'\nuid = 1\nservers = ['*']",
            "16:1: an earlier entry of `callers` has the name `me`",
        ),
        (
            END,
            "servers = ['*']\n[[callers]]\nname = 'b'\nuid = 1000\nservers = ['*']",
            "16:1: the caller `b` is known by the same as `me`",
        ),
        (
            END,
            "servers = ['*']\nassert_roles = true\n[identity]\nroles_from = ['directory']",
            "12:1: the caller `me` may assert roles, but `identity.roles_from` leaves `shim` out",
        ),
        (
            SOCKET,
            "",
            "12:1: the caller `me` can never be known: `listen.unix` is missing",
        ),
        (
            "[[bundles]]",
            "[[bundles]]\nname = 'demo'\npath = 'x'\n[[bundles]]",
            "8:1: an earlier entry of `bundles` has the name `demo`",
        ),
    ]);
}

#[test]
fn tls_and_tokens() {
    const JWT: &str = "servers = ['*']\n[jwt]\njwks_file = 'k'\nissuer = 'i'\naudience = 'a'\n";
    for (more, expected) in [
        (
            "algorithms = []",
            "16:1: `jwt.algorithms` must name at least one algorithm",
        ),
        (
            "algorithms = ['HS256']",
            "20:15: `jwt.algorithms` must be one of `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `EdDSA`, not `HS256`",
        ),
        (
            "algorithms = ['none', 'ES256']",
            "20:15: `jwt.algorithms` must be one of `RS256`, `RS384`, `RS512`, `PS256`, `PS384`, `PS512`, `ES256`, `ES384`, `EdDSA`, not `none`",
        ),
        (
            "algorithms = ['ES256', 'ES256']",
            "20:24: `jwt.algorithms` names `ES256` twice",
        ),
        (
            "algorithms = ['ES256']\nleeway_seconds = 301",
            "21:18: `jwt.leeway_seconds` must be 0 to 300, not `301`",
        ),
        (
            "algorithms = ['ES256']\n[jwt.claims]\nid = []",
            "22:6: `jwt.claims.id` must name at least one member",
        ),
        (
            "algorithms = ['ES256']\n[jwt.claims]\nid = ''",
            "22:6: `jwt.claims.id` may not be empty",
        ),
        (
            "algorithms = ['ES256']\n[jwt.claims]\nid = ['a', '']",
            "22:6: `jwt.claims.id` must hold texts that are not empty",
        ),
        (
            "algorithms = ['ES256']\n[jwt.claims]\nid = ['a', 1]",
            "22:6: `jwt.claims.id` must be a text or a list of texts, not a list",
        ),
        (
            "algorithms = ['ES256']\n[jwt.claims]\nrole = 'r'",
            "22:1: unknown key `jwt.claims.role`; did you mean `roles`?",
        ),
        (
            "algorithms = ['ES256']\n[jwt.claims.attributes]\ndept = 7",
            "22:8: `jwt.claims.attributes.dept` must be a text or a list of texts, none of them empty",
        ),
        (
            "algorithms = ['ES256']\n[[callers]]\nname='b'\ntoken_subject='*'\ntoken_issuer='j'\nservers=['*']",
            "24:14: `callers[].token_issuer` must be the issuer of `[jwt]`",
        ),
    ] {
        let text = changed(END, &format!("{JWT}{more}"));
        assert_eq!(problems(parse(&text)), expected, "{more}");
    }
    check(&[
        (
            SOCKET,
            "unix = 's'\ntcp = '0.0.0.0:7411'",
            "4:7: `listen.tcp` is beyond loopback (`0.0.0.0:7411`) and needs `[listen.tls]`, or `listen.insecure = true`",
        ),
        (
            SOCKET,
            "unix = 's'\ntcp = '[::]:7411'",
            "4:7: `listen.tcp` is beyond loopback (`[::]:7411`) and needs `[listen.tls]`, or `listen.insecure = true`",
        ),
        (
            SOCKET,
            "unix = 's'\ntcp = '[::ffff:127.0.0.1]:1'",
            "4:7: `listen.tcp` is beyond loopback (`[::ffff:127.0.0.1]:1`) and needs `[listen.tls]`, or `listen.insecure = true`",
        ),
        (
            SOCKET,
            "unix = 's'\n[listen.tls]\ncert = 'c'\nkey = 'k'",
            "4:1: `listen.tls` needs an address in `listen.tcp`",
        ),
    ]);
}
