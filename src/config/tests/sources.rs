//! Where values come from: the file, the environment, flags.

use super::*;

fn environment(variables: &[(&str, &str)]) -> Overrides {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Overrides::from_environment(variables.iter().map(owned))
}

fn parse_with(overrides: &Overrides) -> Result<Config, Vec<Problem>> {
    Config::parse(SMALL, Path::new("/etc/toolgate"), overrides)
}

#[test]
fn a_flag_wins_over_the_environment_which_wins_over_the_file() {
    let mut overrides = environment(&[
        ("TOOLGATE_AUDIT_DIR", "/var/env"),
        ("TOOLGATE_LISTEN_UNIX", "env.sock"),
        ("TOOLGATE_LISTEN_UNIX_MODE", "0o600"),
        ("TOOLGATE_LIMITS_BATCH_CALLS_MAX", "7"),
        ("TOOLGATE_IDENTITY_ROLES_FROM", "directory, token"),
        ("TOOLGATE_JWT_JWKS_FILE", "k"),
        ("TOOLGATE_JWT_ISSUER", "i"),
        ("TOOLGATE_JWT_AUDIENCE", "a"),
        ("TOOLGATE_JWT_ALGORITHMS", "ES256,RS256"),
        ("TOOLGATE_JWT_CLAIMS_ROLES", "realm_access,roles"),
        ("PATH", "/bin"),
        // What Kubernetes sets for a Service of this name is not ours.
        ("TOOLGATE_SERVICE_HOST", "10.0.0.1"),
        ("TOOLGATE_PORT_7411_TCP", "tcp://10.0.0.1:7411"),
    ]);
    overrides.set("audit.dir", "/var/flag", "--audit");
    let config = parse_with(&overrides).unwrap();
    assert_eq!(config.audit.dir, PathBuf::from("/var/flag"));
    let unix = config.listen.unix.unwrap();
    assert_eq!(
        (unix.path, unix.mode),
        (PathBuf::from("/etc/toolgate/env.sock"), 0o600)
    );
    assert_eq!(config.limits.batch_calls_max, 7);
    assert_eq!(config.roles_from, [RolesFrom::Directory, RolesFrom::Token]);
    let jwt = config.jwt.unwrap();
    assert_eq!(jwt.algorithms.len(), 2);
    let roles = crate::identity::ClaimPath::new(vec!["realm_access".into(), "roles".into()]);
    assert_eq!(jwt.claims.roles, roles);
}

#[test]
fn problems_name_the_variable_or_the_flag() {
    let mut flag = Overrides::none();
    flag.set("listen.tcp", "localhost:7411", "--tcp");
    for (overrides, expected) in [
        (
            flag,
            "`--tcp`: `listen.tcp` must be an IP address and a port such as `127.0.0.1:7411`, not `localhost:7411`",
        ),
        (
            environment(&[("TOOLGATE_LISTEN_TCP", "0.0.0.0:1")]),
            "`TOOLGATE_LISTEN_TCP`: `listen.tcp` is beyond loopback (`0.0.0.0:1`) and needs `[listen.tls]`, or `listen.insecure = true`",
        ),
        (
            environment(&[("TOOLGATE_LIMITS_JSON_DEPTH_MAX", "many")]),
            "`TOOLGATE_LIMITS_JSON_DEPTH_MAX`: `limits.json_depth_max` must be a whole number that is not negative, not `many`",
        ),
        (
            environment(&[("TOOLGATE_LISTEN_UNIX_MODE", "0660")]),
            "`TOOLGATE_LISTEN_UNIX_MODE`: `listen.unix_mode` must be permission bits in octal, such as `0o660`, not `0660`",
        ),
        (
            environment(&[("TOOLGATE_AUDIT_MODE", "")]),
            "`TOOLGATE_AUDIT_MODE`: `audit.mode` may not be empty",
        ),
        (
            environment(&[("TOOLGATE_AUDIT_DRI", "x")]),
            "`TOOLGATE_AUDIT_DRI`: no such variable; did you mean `TOOLGATE_AUDIT_DIR`?",
        ),
    ] {
        assert_eq!(problems(parse_with(&overrides)), expected);
    }
}

#[test]
fn a_file_is_read_with_its_name_and_bound() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("toolgate.toml");
    std::fs::write(&file, SMALL).unwrap();
    let config = Config::load(&file, &Overrides::none()).unwrap();
    assert_eq!(config.audit.dir, dir.path().join("audit"));
    std::fs::write(&file, SMALL.replace("dir = \"audit\"", "dri = \"audit\"")).unwrap();
    let name = file.display();
    let expected = format!(
        "{name}:9:1: `audit.dir` is missing: decisions need a log\n\
         {name}:10:1: unknown key `audit.dri`; did you mean `dir`?"
    );
    assert_eq!(
        Config::load(&file, &Overrides::none())
            .unwrap_err()
            .to_string(),
        expected
    );
    std::fs::write(&file, " ".repeat((1 << 20) + 1)).unwrap();
    let expected =
        format!("cannot read the configuration `{name}`: it is larger than 1048576 bytes");
    assert_eq!(
        Config::load(&file, &Overrides::none())
            .unwrap_err()
            .to_string(),
        expected
    );
    let absent = Config::load(&dir.path().join("absent"), &Overrides::none()).unwrap_err();
    assert!(matches!(absent, ConfigError::Unreadable { .. }));
}
