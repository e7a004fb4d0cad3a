//! A client's configuration, wrapped by one command: its servers start as before, now decided and
//! recorded, however often the client starts them.

use super::{Talk, tool};
use crate::server::{of_type, records};
use crate::util::Workplace;
use serde_json::Value;
use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use toolgate::audit::verify::verify;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{}}"#;
const ECHO: &str = r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"echo","arguments":{"message":"hi"}}}"#;

/// How the configuration says that the server is started.
fn command_in(text: &str) -> Vec<OsString> {
    let strict: String = text.lines().filter(|line| !line.contains("//")).collect();
    let config: Value = serde_json::from_str(&strict).unwrap();
    let entry = &config["mcpServers"]["everything"];
    let args = entry["args"].as_array().unwrap().iter();
    let words = [&entry["command"]].into_iter().chain(args);
    words.map(|word| word.as_str().unwrap().into()).collect()
}

fn config() -> String {
    let server = tool("node_modules/.bin/mcp-server-everything");
    format!(
        "{{\n  // tools of mine\n  \"mcpServers\": {{\n    \"everything\": {{\"command\": \"{}\", \"args\": [\"stdio\"]}}\n  }},\n  \"theme\": \"dark\"\n}}\n",
        server.display()
    )
}

#[test]
fn one_command_puts_the_shim_before_a_clients_servers() {
    let before = config();
    let place = Workplace::with(&[("mcp.json", &before)]);
    let file = place.path("mcp.json");
    let mode = |path: &str| {
        std::fs::metadata(place.path(path))
            .unwrap()
            .permissions()
            .mode()
    };
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o640)).unwrap();
    let state = place.path("state");
    let state = state.to_str().unwrap();
    let wrap = [
        "wrap", "mcp.json", "--audit", "audit", "--", "--state", state,
    ];
    let told = place.run(&wrap).expect(0);
    assert!(
        told.out.contains("everything is behind the shim now"),
        "{told:?}"
    );
    let copy = std::fs::read_to_string(place.path("mcp.json.before-toolgate")).unwrap();
    assert_eq!(copy, before);
    assert_eq!(mode("mcp.json") & 0o777, 0o640);
    assert_eq!(mode("mcp.json.before-toolgate") & 0o777, 0o640);
    let after = std::fs::read_to_string(&file).unwrap();
    assert!(after.contains("  // tools of mine\n"), "{after}");
    // Once more changes nothing, and keeps no other copy.
    let again = place.run(&wrap).expect(0);
    assert!(again.out.contains("`mcp.json` is as it was"), "{again:?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
    assert!(!place.path("mcp.json.before-toolgate-2").exists());
    // The policy to begin with is one that `check` takes.
    place
        .run(&["check", ".config/toolgate/policy.rego"])
        .expect(0);

    // The client starts the server twice.
    let mut direct = Talk::start(&command_in(&before));
    let mut shims = [0, 1].map(|_| Talk::start(&command_in(&after)));
    for request in [INITIALIZE, INITIALIZED, LIST, ECHO] {
        let expected = direct.ask(request);
        for shim in &mut shims {
            assert_eq!(shim.ask(request), expected, "{request}");
        }
    }
    for shim in shims {
        assert!(shim.end().success());
    }
    assert!(direct.end().success());
    for (dir, origin) in [("everything", "toolgate"), ("everything-2", "toolgate-2")] {
        let dir = place.path("audit").join(dir);
        verify(&dir).unwrap();
        let records = records(&dir);
        let decisions = of_type(&records, "decision");
        let call = decisions.iter().find(|it| it["phase"] == "call").unwrap();
        assert_eq!(
            (&call["effect"], &call["origin"]),
            (&"allow".into(), &origin.into())
        );
        assert_eq!(of_type(&records, "outcome").len(), 1);
    }

    let told = place.run(&["wrap", "mcp.json", "--unwrap"]).expect(0);
    assert!(
        told.out.contains("everything is without the shim again"),
        "{told:?}"
    );
    let unwrapped = std::fs::read_to_string(&file).unwrap();
    assert_eq!(command_in(&unwrapped), command_in(&before));
    assert!(place.path("mcp.json.before-toolgate-2").exists());
}

#[test]
fn what_stays_outside_and_what_cannot_be_used_is_told() {
    let web = r#"{"mcpServers":{"web":{"url":"https://x"},"ok":{"command":"c"}}}"#;
    let place = Workplace::with(&[("mcp.json", web), ("none.json", "{}"), ("bad.json", "{")]);
    let json = ["wrap", "mcp.json", "--pdp", "unix:/s", "--output", "json"];
    let told = place.run(&json).expect(3).json();
    let states: Vec<_> = told["servers"].as_array().unwrap().iter().collect();
    assert_eq!(states[0]["state"], "over_http");
    assert_eq!(states[1]["state"], "wrapped");
    let backup = told["backup"].as_str().unwrap();
    assert!(backup.ends_with("/mcp.json.before-toolgate"), "{backup}");
    for (words, code, expected) in [
        (
            &["wrap", "none.json"][..],
            2,
            "`none.json`: it has no servers",
        ),
        (&["wrap", "bad.json"], 2, "`bad.json`: it is not JSON"),
        (&["wrap", "nowhere.json"], 2, "`nowhere.json`: "),
        (&["wrap"], 64, "required"),
        (
            &["wrap", "mcp.json", "--only", "other"],
            2,
            "no server `other`",
        ),
        (
            &["wrap", "mcp.json", "--bundle", "nowhere"],
            2,
            "`nowhere`: ",
        ),
        (
            &["wrap", "mcp.json", "--", "--principle", "me"],
            2,
            "the shim would not start",
        ),
        (&["wrap", "--client", "cursor"], 2, ".cursor/mcp.json"),
    ] {
        let ended = place.run(words).expect(code);
        assert!(ended.err.contains(expected), "{words:?}: {ended:?}");
    }
    // To look at, for a client where it keeps its file.
    place.write(
        ".cursor/mcp.json",
        r#"{"mcpServers":{"a":{"command":"c"}}}"#,
    );
    let shown = place.run(&["shim", "config", "--client", "cursor", "--pdp", "unix:/s"]);
    let shown = shown.expect(0).json();
    let args = shown["mcpServers"]["a"]["args"].as_array().unwrap();
    let expected = [
        "shim", "stdio", "--server", "a", "--pdp", "unix:/s", "--", "c",
    ];
    assert_eq!(*args, expected);
    let kept = std::fs::read_to_string(place.path(".cursor/mcp.json")).unwrap();
    assert!(!kept.contains("shim"), "{kept}");
}
