use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

fn shell(script: &str) -> Vec<OsString> {
    ["sh", "-c", script].map(OsString::from).to_vec()
}

fn start(script: &str) -> (Server, ChildStdin, ChildStdout) {
    Server::start(&shell(script)).unwrap()
}

/// Waits until the server says that it is ready.
async fn ready(stdout: &mut ChildStdout) {
    let mut line = [0; 6];
    stdout.read_exact(&mut line).await.unwrap();
    assert_eq!(&line, b"ready\n");
}

const SHORT: Duration = Duration::from_millis(50);
const LONG: Duration = Duration::from_secs(10);

#[tokio::test]
async fn exit_codes_are_those_of_a_shell() {
    for (script, code) in [
        ("exit 0", 0),
        ("exit 7", 7),
        ("kill -TERM $$", 143),
        ("kill -KILL $$", 137),
    ] {
        let (mut server, _stdin, _stdout) = start(script);
        assert_eq!(server.wait().await.unwrap(), code, "{script}");
    }
}

#[tokio::test]
async fn a_server_that_reads_its_end_ends_by_itself() {
    let (mut server, stdin, _stdout) = start("cat; exit 3");
    drop(stdin);
    assert_eq!(server.end(LONG).await.unwrap(), 3);
}

#[tokio::test]
async fn one_that_does_not_is_asked_and_then_killed() {
    // `wait` ends at once for a signal that is trapped, and goes on for one that is ignored.
    let cases = [
        ("trap 'exit 4' TERM; sleep 60 & echo ready; wait", 4),
        ("trap '' TERM; sleep 60 & echo ready; wait", 137),
    ];
    for (script, code) in cases {
        let (mut server, stdin, mut stdout) = start(script);
        ready(&mut stdout).await;
        drop(stdin);
        assert_eq!(server.end(SHORT).await.unwrap(), code, "{script}");
        let (mut server, _stdin, mut stdout) = start(script);
        ready(&mut stdout).await;
        let grace = if code == 4 { LONG } else { SHORT };
        assert_eq!(server.end_now(grace).await.unwrap(), code, "{script}");
    }
}

#[tokio::test]
async fn what_the_server_started_ends_with_it() {
    let (mut server, stdin, mut stdout) = start("trap '' TERM; sleep 60 & echo ready; wait; wait");
    drop(stdin);
    ready(&mut stdout).await;
    server.end(SHORT).await.unwrap();
    // The pipe closes when the last process that holds it has ended.
    let mut rest = Vec::new();
    tokio::time::timeout(LONG, stdout.read_to_end(&mut rest))
        .await
        .unwrap()
        .unwrap();
}

#[tokio::test]
async fn a_program_that_is_not_there_is_named() {
    let error = Server::start(&["no-such-program-at-all".into()])
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot start `no-such-program-at-all`: "),
        "{error}"
    );
    let error = Server::start(&[]).unwrap_err().to_string();
    assert_eq!(
        error,
        "no command after `--`; give the MCP server's, such as `-- npx -y some-server`"
    );
}

#[tokio::test]
async fn pipes_carry_bytes() {
    let (mut server, mut stdin, mut stdout) = start("cat");
    stdin.write_all(b"ready\n").await.unwrap();
    ready(&mut stdout).await;
    drop(stdin);
    assert_eq!(server.end(LONG).await.unwrap(), 0);
}

#[test]
fn the_shims_own_variables_are_not_the_servers() {
    for (name, own) in [
        ("TOOLGATE_TOKEN", true),
        ("TOOLGATE_", true),
        ("TOOLGATE", false),
        ("PATH", false),
        ("MY_TOOLGATE_X", false),
    ] {
        assert_eq!(is_own(name.as_ref()), own, "{name}");
    }
}
