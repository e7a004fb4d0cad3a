//! The plain HTTP listener, and what `--check-config` says.

use crate::admission::{TLS, policies};
use crate::server::asking::{Decisions, decide, get};
use crate::server::{Server, block_on, config, until, write_files};
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use toolgate::wire::v1::Effect;

const AUDIT: &str = "[audit]\ndir = \"audit\"\n";

async fn status(server: &Server) -> Value {
    let text = get(server.http.unwrap(), "/statusz").await.unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn what_runs_is_shown_without_the_text_of_policies() {
    block_on(async {
        let server = Server::start(policies(), &config(AUDIT)).await;
        let mut client = Decisions::new(server.unix().await);
        assert_eq!(
            decide(&mut client, "crm/read").await.effect(),
            Effect::Allow
        );
        let shown = status(&server).await;
        assert_eq!(shown["version"], env!("CARGO_PKG_VERSION"));
        assert_eq!(shown["connections"], 1);
        assert_eq!(shown["decisions_under_way"], 0);
        assert_eq!(shown["policy"]["version"], 1);
        assert_eq!(shown["audit"]["origin"], "toolgate");
        assert!(shown["uptime_seconds"].is_u64());
        assert_eq!(shown.get("refused"), None);
        let broken = "package policies.crm\nallow contains secret_name\n";
        write_files(&server.dir.path().join("main"), [("p.rego", broken)]);
        let refused = until("a refusal", async || {
            status(&server).await.get("refused").cloned()
        })
        .await;
        assert_eq!(refused["stage"], "compile");
        assert!(refused["findings"].as_u64().unwrap() > 0);
        let shown = status(&server).await.to_string();
        assert!(
            !shown.contains("secret_name") && !shown.contains(".rego"),
            "{shown}"
        );
        server.stop().await;
    });
}

/// What `serve` says of this configuration: whether it is right, and standard error.
fn serve(dir: &Path, toml: &str, arguments: &[&str]) -> (bool, String) {
    write_files(dir, [("toolgate.toml", toml)]);
    let ended = Command::new(env!("CARGO_BIN_EXE_toolgate"))
        .args(["serve", "--config", "toolgate.toml"])
        .args(arguments)
        .env_clear()
        .current_dir(dir)
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&ended.stderr).into_owned();
    (ended.status.success(), errors)
}

#[test]
fn a_configuration_is_checked_with_every_file_that_it_names() {
    let not_pem = "not a certificate";
    for (file, text, expected) in [
        (
            "server.pem",
            not_pem,
            "`listen.tls.cert` `server.pem` has no usable certificate",
        ),
        (
            "server.key",
            not_pem,
            "`listen.tls.key` `server.key` has no usable private key",
        ),
        (
            "clients.pem",
            not_pem,
            "`listen.tls.client_ca` `clients.pem` has no usable certificate",
        ),
        ("keys.json", "{}", "`jwt.jwks_file`: "),
        (
            "main/p.rego",
            "package policies.crm\nallow contains x\n",
            "p.rego:2:",
        ),
        ("main/data.json", "{", "data.json"),
    ] {
        let dir = policies();
        assert_eq!(
            serve(dir.path(), TLS, &["--check-config"]),
            (true, String::new())
        );
        write_files(dir.path(), [(file, text)]);
        let (is_right, said) = serve(dir.path(), TLS, &["--check-config"]);
        assert!(!is_right && said.contains(expected), "{file}: {said}");
        // It listens on nothing and writes nothing.
        assert!(!dir.path().join("audit").exists());
        if file.starts_with("main/") {
            continue;
        }
        let (is_right, said) = serve(dir.path(), TLS, &[]);
        assert!(!is_right && said.contains(expected), "{file}: {said}");
        assert!(!said.contains("listening"), "{said}");
    }
}

#[test]
fn a_key_has_to_be_the_certificates() {
    let dir = policies();
    let key = std::fs::read(dir.path().join("server.key")).unwrap();
    crate::server::pki::write_server_files(dir.path());
    std::fs::write(dir.path().join("server.key"), key).unwrap();
    let (is_right, said) = serve(dir.path(), TLS, &["--check-config"]);
    let expected = "`listen.tls.key` `server.key` is not the key of the certificate in `listen.tls.cert` `server.pem`";
    assert!(!is_right && said.contains(expected), "{said}");
}

#[test]
fn a_certificate_and_a_key_that_are_missing_are_both_named() {
    let dir = policies();
    for file in ["server.pem", "server.key"] {
        std::fs::remove_file(dir.path().join(file)).unwrap();
    }
    let (is_right, said) = serve(dir.path(), TLS, &["--check-config"]);
    let cert = "`listen.tls.cert` `server.pem`: No such file";
    let key = "`listen.tls.key` `server.key`: No such file";
    assert!(
        !is_right && said.contains(cert) && said.contains(key),
        "{said}"
    );
}

#[test]
fn a_certificate_has_to_be_valid_now() {
    for (year, expected) in [
        (
            2020,
            "`listen.tls.cert` `server.pem`: it has expired, notAfter is 2020-02-01T00:00:00Z: renew it",
        ),
        (
            2200,
            "`listen.tls.cert` `server.pem`: it is not valid yet, notBefore is 2200-01-01T00:00:00Z",
        ),
    ] {
        let dir = policies();
        crate::server::pki::write_server_files_of(year, dir.path());
        for arguments in [&["--check-config"][..], &[]] {
            let (is_right, said) = serve(dir.path(), TLS, arguments);
            assert!(!is_right && said.contains(expected), "{said}");
        }
    }
}

#[test]
fn an_authority_of_clients_that_has_expired_is_a_warning() {
    let dir = policies();
    let authority = crate::server::pki::old_authority();
    write_files(dir.path(), [("clients.pem", authority.as_str())]);
    let (is_right, said) = serve(dir.path(), TLS, &["--check-config"]);
    let expected = "warning: `listen.tls.client_ca` `clients.pem`: it has expired, notAfter is 2020-01-01T00:00:00Z: renew it; clients of this authority may be refused\n";
    assert_eq!((is_right, said.as_str()), (true, expected));
}

#[test]
fn what_others_can_read_is_wanted_in_so_many_words() {
    let dir = policies();
    let toml = |listen: &str| config(AUDIT).replace("http = \"127.0.0.1:0\"", listen);
    for (listen, arguments, expected) in [
        (
            "tcp = \"0.0.0.0:0\"",
            &["--check-config"][..],
            Some(
                "`listen.tcp` is beyond loopback (`0.0.0.0:0`) and needs `[listen.tls]`, or `listen.insecure = true`",
            ),
        ),
        (
            "http = \"0.0.0.0:0\"",
            &["--check-config"],
            Some(
                "`listen.http` is beyond loopback (`0.0.0.0:0`) and needs `listen.http_public = true`",
            ),
        ),
        (
            "tcp = \"0.0.0.0:0\"\ninsecure = true",
            &["--check-config"],
            None,
        ),
        (
            "tcp = \"0.0.0.0:0\"",
            &["--insecure", "--check-config"],
            None,
        ),
        (
            "http = \"0.0.0.0:0\"\nhttp_public = true",
            &["--check-config"],
            None,
        ),
    ] {
        let (is_right, said) = serve(dir.path(), &toml(listen), arguments);
        assert_eq!(is_right, expected.is_none(), "{listen}: {said}");
        assert!(
            said.contains(expected.unwrap_or_default()),
            "{listen}: {said}"
        );
    }
}
