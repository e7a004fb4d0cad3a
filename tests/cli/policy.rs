//! `toolgate policy`, against a PDP on a Unix socket.

use crate::admission::{TLS, policies};
use crate::server::{Server, block_on, config, pki, tokens, write_files};
use crate::util::{Ended, Workplace};
use serde_json::json;

const INPUT: &str = r#"{"version": 1, "phase": "call", "principal": {"id": "agent_a"}, "mcp": {"server": "crm", "method": "tools/call", "name": "read"}, "arguments": {}}"#;

const MAY: &str = "may = [\"decide\", \"administer\"]\n[audit]\ndir = \"audit\"\n";

fn allowing(code: &str) -> String {
    format!("package policies.crm\nallow contains \"{code}\"\n")
}

/// Runs `test` with a server that has such a configuration: a way to ask it, and one to write the
/// policy.
fn with_server(
    more: &str,
    test: impl FnOnce(&dyn Fn(&[&str]) -> Ended, &dyn Fn(&str)) + Send + 'static,
) {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        let main = dir.path().join("main");
        let url = format!("unix:{}", dir.path().join("run.sock").display());
        write_files(&main, [("p.rego", allowing("r1").as_str())]);
        let server = Server::start(dir, &config(more)).await;
        let asked = tokio::task::spawn_blocking(move || {
            let place = Workplace::new();
            let ask = |more: &[&str]| {
                let mut arguments = vec!["policy"];
                arguments.extend(more);
                arguments.extend(["--pdp", &url]);
                place.run(&arguments)
            };
            let write = |policy: &str| write_files(&main, [("p.rego", policy)]);
            test(&ask, &write);
        });
        asked.await.unwrap();
        server.stop().await;
    });
}

#[test]
fn a_set_is_reloaded_shown_and_rolled_back() {
    with_server(MAY, |ask, write| {
        let json = |arguments: &[&str]| ask(&[arguments, &["--output", "json"]].concat());
        let first = json(&["status"]).expect(0).json();
        assert_eq!(first["active"]["version"], 1);
        assert_eq!(first["held"].as_array().unwrap().len(), 1);
        assert!(first.get("pin").is_none() && first.get("refused").is_none());
        let digest = first["active"]["digest"].as_str().unwrap();

        write(&allowing("r2"));
        let second = json(&["reload"]).expect(0).json();
        assert_eq!(second["active"]["version"], 2);
        assert_eq!(second["held"][1]["digest"], digest);

        let rollback = [
            "rollback",
            digest,
            "--reason",
            "r2 is wrong",
            "--hold-seconds",
            "600",
        ];
        let back = json(&rollback).expect(0).json();
        assert_eq!(back["active"]["version"], 3);
        assert_eq!(back["active"]["digest"], digest);
        assert_eq!(back["pin"]["by"], "shim");
        assert_eq!(back["pin"]["reason"], "r2 is wrong");

        // What is on disk is refused: 3, and what is active is shown with it.
        write("package policies.crm\nallow contains\n");
        let shown = ask(&["reload"]).expect(3).out;
        let lines: Vec<&str> = shown.lines().collect();
        assert!(
            lines[0].starts_with("active: version 3, revision "),
            "{shown}"
        );
        assert!(lines[1].starts_with("rolled back until 20"), "{shown}");
        assert!(lines[1].ends_with(" by shim: r2 is wrong"), "{shown}");
        assert!(lines[2].starts_with("refused since 20"), "{shown}");
        assert!(lines[3].starts_with("  p.rego:3:1: "), "{shown}");
        let held: Vec<_> = lines
            .iter()
            .filter(|line| line.starts_with("sha256:"))
            .collect();
        assert!(
            held[0].ends_with("\tnewest") && held[1].ends_with("\tactive"),
            "{shown}"
        );
        assert!(held[1].starts_with(digest), "{shown}");
    });
}

#[test]
fn what_cannot_be_done_is_said() {
    with_server(MAY, |ask, _| {
        let gone = format!("sha256:{:064}", 0);
        let rollback = ["rollback", &gone, "--reason", "why", "--hold-seconds", "60"];
        let refused = ask(&rollback).expect(1).err;
        assert!(refused.contains("no set with the digest"), "{refused}");
        let rollback = ["rollback", &gone, "--reason", "why", "--hold-seconds", "0"];
        let refused = ask(&rollback).expect(1).err;
        assert!(
            refused.contains("`hold_seconds` must be 1 to 604800"),
            "{refused}"
        );
        ask(&["rollback", &gone, "--hold-seconds", "60"]).expect(64);
    });
    with_server("[audit]\ndir = \"audit\"\n", |ask, _| {
        ask(&["status"]).expect(0);
        let refused = ask(&["reload"]).expect(1).err;
        assert!(
            refused.contains("does not let it `administer`"),
            "{refused}"
        );
    });
}

#[test]
fn a_caller_is_known_by_the_token_in_a_file() {
    block_on(async {
        let server = Server::start(policies(), TLS).await;
        let port = server.tcp.unwrap().port();
        let token = tokens::token(&json!({"sub": "agent_a"}));
        let authority = pki::authority().get_ref().to_vec();
        let asked = tokio::task::spawn_blocking(move || {
            let place = Workplace::new();
            place.write("token", &token);
            std::fs::write(place.path("ca.pem"), authority).unwrap();
            place.write("input.json", INPUT);
            let url = format!("https://localhost:{port}");
            let ask = |command: &[&str], token: &[&str]| {
                let pdp = ["--pdp", &url, "--ca", "ca.pem"];
                place.run(&[command, &pdp[..], token].concat())
            };
            let token = ["--token-file", "token"];
            let status = ["policy", "status"];
            ask(&status, &token).expect(0);
            let unknown = ask(&status, &[]).expect(1);
            assert!(
                unknown.err.contains("does not know this caller"),
                "{unknown:?}"
            );
            for command in [
                ["decide", "input.json", "--output", "json"],
                ["explain", "input.json", "--output", "json"],
            ] {
                let known = ask(&command, &token);
                assert!(!known.out.contains("unauthenticated"), "{known:?}");
                let unknown = ask(&command, &[]);
                assert!(
                    unknown.out.contains("unauthenticated") || unknown.code == 1,
                    "{unknown:?}"
                );
            }
            let plain = format!("http://localhost:{port}");
            let plain = place.run(&["policy", "status", "--pdp", &plain]).expect(1);
            assert!(plain.err.contains("write `https://`"), "{plain:?}");
        });
        asked.await.unwrap();
        server.stop().await;
    });
}
