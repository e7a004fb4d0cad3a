//! The README's commands and what it says they answer.

use super::{Lines, Process, root, tool, toolgate};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the README's commands put what they make.
const PLACE: &str = "/tmp/toolgate";
/// Parts of an answer that are different each time.
const VOLATILE: [&str; 4] = [
    "/decisionId",
    "/validUntil",
    "/evaluationTime",
    "/policy/digest",
];

struct Block {
    language: String,
    text: String,
}

/// The README's fenced blocks, in order.
fn blocks() -> Vec<Block> {
    let readme = std::fs::read_to_string(root().join("README.md")).unwrap();
    let fenced = readme.split("```").skip(1).step_by(2);
    let blocks = fenced.map(|block| {
        let (language, text) = block.split_once('\n').unwrap();
        let (language, text) = (language.to_owned(), text.to_owned());
        Block { language, text }
    });
    blocks.collect()
}

/// The command that starts so, and the block after it.
fn command(start: &str) -> (String, Block) {
    let mut blocks = blocks().into_iter();
    let command = blocks.find(|block| block.language == "sh" && block.text.starts_with(start));
    let command = command.unwrap_or_else(|| panic!("README.md has no command `{start}…`"));
    (command.text, blocks.next().unwrap())
}

/// A shell that runs one of the commands, with `place` for what it makes.
fn shell(command: &str, place: &Path) -> Command {
    let own = Path::new(toolgate()).parent().unwrap();
    let grpcurl = tool("bin/grpcurl");
    let python = tool("venv/bin/python");
    let before = [own, grpcurl.parent().unwrap(), python.parent().unwrap()];
    let before = before
        .map(|directory| directory.display().to_string())
        .join(":");
    let path = format!("{before}:{}", std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    let command = command.replace(PLACE, &place.display().to_string());
    shell
        .args(["-eu", "-c", &command])
        .env("PATH", path)
        .current_dir(root());
    shell
}

fn run(command: &str, place: &Path) -> String {
    super::stdout_of(&mut shell(command, place))
}

#[test]
fn a_server_answers_as_the_readme_says() {
    let place = tempfile::tempdir().unwrap();
    let place = place.path();
    let (serve, _) = command("toolgate serve");
    let mut server = shell(&format!("exec {serve}"), place);
    let mut server = Process(server.stderr(Stdio::piped()).spawn().unwrap());
    let lines = Lines::of(server.0.stderr.take().unwrap());
    lines.find("the socket", |line| line.contains("listening on unix:"));

    let (grpcurl, expected) = command("grpcurl");
    let answer: Value = serde_json::from_str(&run(&grpcurl, place)).unwrap();
    let expected: Value = serde_json::from_str(&expected.text).unwrap();
    assert_eq!(steady(answer), steady(expected));

    let (python, expected) = command("python -m grpc_tools.protoc");
    assert_eq!(run(&python, place), expected.text);

    let pid = Pid::from_raw(server.0.id().try_into().unwrap()).unwrap();
    kill_process(pid, Signal::TERM).unwrap();
    assert!(server.0.wait().unwrap().success());
    let (verify, expected) = command("toolgate audit keygen");
    let first_words = |text: &str| {
        let lines = text
            .lines()
            .map(|line| line.split_whitespace().next().map(str::to_owned));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(
        first_words(&run(&verify, place)),
        first_words(&expected.text)
    );
    let (prove, expected) = command("cd /tmp/toolgate");
    assert_eq!(run(&prove, place), expected.text);
}

/// The answer without what is different each time, which must be there.
fn steady(mut answer: Value) -> Value {
    for part in VOLATILE {
        let value = answer.pointer_mut(part);
        *value.unwrap_or_else(|| panic!("the answer has no `{part}`")) = Value::Null;
    }
    answer
}

#[test]
fn the_example_policy_is_good_and_its_tests_pass() {
    let place = tempfile::tempdir().unwrap();
    let (check, expected) = command("toolgate check");
    let shown = run(&check, place.path());
    let last = |text: &str| text.lines().last().map(str::to_owned);
    assert_eq!(last(&shown), last(&expected.text));
}

#[test]
fn files_shown_in_the_readme_are_the_files() {
    let blocks = blocks();
    for file in [
        "examples/notes/notes.rego",
        "examples/notes/notes_test.yaml",
        "examples/decide.py",
    ] {
        let text = std::fs::read_to_string(root().join(file)).unwrap();
        assert!(
            blocks.iter().any(|block| block.text == text),
            "{file} is not in README.md"
        );
    }
}
