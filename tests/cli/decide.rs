use super::GOOD;
use crate::server::{Server, block_on, config, pki, write_files};
use crate::util::{Ended, Workplace};
use serde_json::json;
use std::net::TcpListener;

fn input(region: &str, roles: &str) -> String {
    format!(
        r#"{{"version":1,"phase":"call","principal":{{"id":"a","roles":[{roles}]}},"mcp":{{"server":"demo","method":"tools/call","name":"read"}},"arguments":{{"region":"{region}"}}}}"#
    )
}

fn decide(more: &[&str], text: &str) -> Ended {
    let place = Workplace::with(&[("good.rego", GOOD)]);
    let mut arguments = vec!["decide", "--bundle", "good.rego"];
    arguments.extend(more);
    place.run_with(&arguments, text)
}

#[test]
fn a_grant_is_shown_with_what_it_owes() {
    let granted = decide(&[], &input("eu", "\"internal\"")).expect(0);
    let lines: Vec<&str> = granted.out.lines().collect();
    assert_eq!(
        lines[..3],
        [
            "constrain (visible)",
            "  reason read by good",
            "  obligation mask_fields {\"fields\":[\"email\"]}",
        ]
    );
    assert_eq!(
        granted.err,
        "decided in this process: nothing is recorded\n"
    );
    let json = decide(&["--output", "json"], &input("eu", "\"internal\""))
        .expect(0)
        .json();
    assert_eq!(json["effect"], "constrain");
    assert_eq!(
        json["obligations"],
        json!([{"type": "mask_fields", "properties": {"fields": ["email"]}, "fulfilled_by": "pdp"}])
    );
    assert_eq!(json["policy"]["engine"], "rvm");
}

#[test]
fn a_denial_ends_with_3_and_is_explained() {
    let denied = decide(&["--explain"], &input("us", "\"internal\"")).expect(3);
    assert!(
        denied
            .out
            .starts_with("deny (visible)\n  reason region by good: not your region\n")
    );
    assert!(
        denied
            .out
            .contains("  package good\n    allow\n      \"read\"\n    deny\n"),
        "{denied:?}"
    );
    let json = decide(&["--explain", "--output", "json"], &input("eu", ""))
        .expect(3)
        .json();
    assert_eq!(json["reasons"][0]["code"], "no_matching_allow");
    assert_eq!(
        json["packages"][0]["sets"]["allow"],
        serde_json::Value::Null
    );
}

#[test]
fn lines_are_answered_one_by_one() {
    let text = format!(
        "{}\n\n{}\n",
        input("eu", "\"internal\""),
        input("us", "\"internal\"")
    );
    let plain = decide(&["--lines"], &text).expect(3);
    assert_eq!(plain.out, "constrain\tread\tmask_fields\ndeny\tregion\t\n");
    let json = decide(&["--lines", "--output", "json"], &text).expect(3);
    let effects: Vec<_> = json
        .out
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["effect"].clone())
        .collect();
    assert_eq!(effects, ["constrain", "deny"]);
}

#[test]
fn a_line_that_cannot_be_used_does_not_keep_the_others_from_their_answers() {
    let too_long = format!("{{\"x\": \"{}\"}}", "x".repeat(5 << 20));
    for (bad, why) in [
        ("{}", "line 2: `version` is missing"),
        ("[1", "line 2: no valid JSON: "),
        (too_long.as_str(), "line 2: no valid JSON: "),
    ] {
        let text = format!("{}\n{bad}\n{}\n", input("eu", ""), input("us", ""));
        let mixed = decide(&["--lines"], &text).expect(2);
        let effects: Vec<_> = mixed.out.lines().map(|it| it.split('\t').next()).collect();
        assert_eq!(effects, [Some("deny"), Some("unusable"), Some("deny")]);
        assert!(mixed.err.contains(why), "{mixed:?}");
        let json = decide(&["--lines", "--output", "json"], &text).expect(2);
        let line = json.out.lines().nth(1).unwrap();
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(line["error"].as_str().unwrap().starts_with(why), "{line}");
    }
}

#[test]
fn an_input_that_cannot_be_used_is_named() {
    let cases = [
        (
            input("eu", "1"),
            "`principal.roles` must be an array of strings",
        ),
        (
            input("eu", "").replace("\"phase\"", "\"phas\""),
            "`phas` is no member of the policy input: did you mean `phase`?",
        ),
        ("[]".to_owned(), "the input must be an object, is array"),
    ];
    for (text, expected) in cases {
        let wrong = decide(&[], &text).expect(2);
        assert!(
            wrong.err.ends_with(&format!("error: {expected}\n")),
            "{wrong:?}"
        );
    }
    assert!(
        decide(&[], "{")
            .expect(2)
            .err
            .contains("error: `standard input`: no valid JSON: ")
    );
}

#[test]
fn a_pdp_that_cannot_be_asked_is_named() {
    let place = Workplace::new();
    let text = input("eu", "");
    let none = place.path("none.sock");
    let none = format!("unix:{}", none.display());
    let away = place.run_with(&["decide", "--pdp", &none], &text).expect(1);
    let expected = format!(
        "error: cannot reach `{none}`: there is no such socket: is `toolgate serve` listening there?\n"
    );
    assert!(away.err.ends_with(&expected), "{away:?}");
    let cases = [
        (
            "tcp:1",
            "`tcp:1` is not an address of a PDP: write unix:/path, http://host:port or https://host:port",
        ),
        (
            "https://localhost:1",
            "`https://localhost:1` needs `--ca FILE`: the authorities that its certificate comes from",
        ),
    ];
    for (url, expected) in cases {
        let wrong = place.run_with(&["decide", "--pdp", url], &text).expect(2);
        assert_eq!(wrong.err, format!("error: {expected}\n"));
    }
}

#[test]
fn what_is_wrong_with_tls_is_said_with_what_to_do() {
    block_on(async {
        let dir = tempfile::tempdir().unwrap();
        write_files(dir.path(), [("main/good.rego", GOOD)]);
        pki::write_server_files(dir.path());
        let tls = "[listen.tls]\ncert = \"server.pem\"\nkey = \"server.key\"\nclient_ca = \"clients.pem\"\n[audit]\ndir = \"audit\"\n";
        let config = config(tls).replace("[listen]\n", "[listen]\ntcp = \"127.0.0.1:0\"\n");
        let server = Server::start(dir, &config).await;
        let files = server.dir.path().to_owned();
        let port = server.tcp.unwrap().port();
        let http = server.http.unwrap().port();
        tokio::task::spawn_blocking(move || {
            let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let place = Workplace::new();
            std::fs::copy(files.join("clients.pem"), place.path("ca.pem")).unwrap();
            std::fs::write(place.path("other.pem"), pki::stranger()).unwrap();
            for (url, ca, expected) in [
                (format!("https://localhost:{free}"), "ca.pem", "connection refused: is `toolgate serve` listening there?"),
                (format!("https://localhost:{port}"), "other.pem", "its certificate is from an unknown authority: give the PEM of the authority that issued it with `--ca`"),
                (format!("https://127.0.0.1:{port}"), "ca.pem", "its certificate is for another name: use a host name that the certificate has"),
                (format!("https://localhost:{http}"), "ca.pem", "it does not speak TLS: write `http://`, or configure `tls` in its configuration"),
            ] {
                let arguments = ["decide", "--pdp", &url, "--ca", ca];
                let away = place.run_with(&arguments, &input("eu", "")).expect(1);
                let said = format!("error: cannot reach `{url}`: {expected}\n");
                assert!(away.err.ends_with(&said), "{said}{away:?}");
            }
        })
        .await
        .unwrap();
        server.stop().await;
    });
}
