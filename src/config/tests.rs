mod invalid;
mod reference;
mod sources;
mod tenants;

use super::*;
use reference::example;
use std::path::PathBuf;

/// As small as a file can be.
const SMALL: &str = r#"
[listen]
unix = "run/toolgate.sock"

[[bundles]]
name = "demo"
path = "bundles/demo"

[audit]
dir = "audit"

[[callers]]
name = "me"
uid = 1000
servers = ["*"]
"#;

fn parse(text: &str) -> Result<Config, Vec<Problem>> {
    Config::parse(text, Path::new("/etc/toolgate"), &Overrides::none())
}

/// `line:column: message`, one each line.
fn problems(result: Result<Config, Vec<Problem>>) -> String {
    let lines = result.unwrap_err();
    let lines = lines
        .iter()
        .map(|it| format!("{}: {}", it.place, it.message));
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_small_file_gets_every_default() {
    let config = parse(SMALL).unwrap();
    let unix = config.listen.unix.unwrap();
    assert_eq!(unix.path, PathBuf::from("/etc/toolgate/run/toolgate.sock"));
    assert_eq!(unix.mode, 0o660);
    assert_eq!((config.listen.tcp, config.listen.http), (None, None));
    assert_eq!(
        config.bundles[0].path,
        PathBuf::from("/etc/toolgate/bundles/demo")
    );
    assert_eq!(config.bundles[0].servers, None);
    assert_eq!(config.policy, PolicyConfig::default());
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.audit.dir, PathBuf::from("/etc/toolgate/audit"));
    assert_eq!(config.audit.origin, "toolgate");
    assert_eq!(config.audit.mode, AuditMode::Async);
    assert_eq!(config.audit.on_failure, OnFailure::Deny);
    assert_eq!(config.jwt, None);
    use RolesFrom::{Directory, Shim, Token};
    assert_eq!(config.roles_from, [Token, Directory, Shim]);
    assert_eq!(config.log, LogConfig::default());
    let caller = &config.callers[0];
    assert_eq!(
        (caller.assert_roles, caller.tenants.is_empty()),
        (false, true)
    );
    assert!(caller.subjects.is_empty() && caller.context.is_empty());
}

#[test]
fn without_a_listener_it_is_loopback() {
    let text = SMALL
        .replace("unix = \"run/toolgate.sock\"", "")
        .replace("uid = 1000", "token_subject = \"*\"");
    let jwt =
        "[jwt]\njwks_file = \"k\"\nissuer = \"i\"\naudience = \"a\"\nalgorithms = [\"ES256\"]\n";
    let listen = parse(&format!("{text}{jwt}")).unwrap().listen;
    let tcp = listen.tcp.unwrap();
    assert_eq!(
        (tcp.address.to_string().as_str(), tcp.tls),
        ("127.0.0.1:7411", None)
    );
    assert_eq!(listen.unix, None);
}

#[test]
fn without_a_file_only_the_own_user_is_known() {
    let local = Local {
        uid: 4711,
        runtime_dir: "/run/user/4711/toolgate".into(),
        state_dir: "/home/me/.local/state/toolgate".into(),
    };
    let paths = ["a/demo", "b/demo", "x.tar.gz", "y.rego", "über"].map(PathBuf::from);
    let config = Config::default_for(&paths, &local);
    let names: Vec<&str> = config
        .bundles
        .iter()
        .map(|bundle| bundle.name.as_str())
        .collect();
    assert_eq!(names, ["demo", "bundle-1", "x", "y", "bundle-2"]);
    assert_eq!((config.listen.tcp, config.jwt), (None, None));
    let unix = config.listen.unix.unwrap();
    assert_eq!(
        (unix.path.to_str(), unix.mode),
        (Some("/run/user/4711/toolgate/toolgate.sock"), 0o600)
    );
    use crate::identity::{Directory, DirectoryEntry, Identity, Peer};
    use crate::model::subject::Subject;
    let identity = Identity::new(config.callers, config.roles_from, None);
    let nobody = std::collections::HashMap::<String, DirectoryEntry>::new();
    let knows = |peer: Peer| {
        let directory: &dyn Directory = &nobody;
        let now = crate::model::time::Timestamp::default();
        let asked = identity.authenticate(
            &peer,
            Subject::None,
            "s",
            Default::default(),
            directory,
            now,
        );
        asked.is_ok()
    };
    assert!(knows(Peer::UnixUid(4711)));
    assert!(!knows(Peer::UnixUid(0)) && !knows(Peer::Anonymous));
}
