//! The programs of `docs/calling-decide.md`: taken out of the page, built from `proto/` alone with
//! the page's own commands, and run against a real PDP and against one that misbehaves.

mod cases;
mod misbehaving;

use super::{root, stdout_of};
use crate::server::process::Process;
use crate::server::{block_on, config, pki, until, write_files};
use crate::util::{Ended, ended};
use cases::{CASES, Case, Ends, Pdp};
use misbehaving::Misbehaving;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::thread;
use tempfile::TempDir;

const PAGE: &str = "docs/calling-decide.md";
/// Whose programs are run where `TOOLGATE_CLIENTS` does not say others, as `make clients` does.
const ALWAYS: &str = "Python,TypeScript,grpcurl";
/// How long a program may take, in seconds: far longer than it ever takes.
const SECONDS_MAX: u32 = 60;
/// The address in the page's commands.
const ADDRESS: &str = "localhost:7411";

const POLICY: &str = r#"
package policies.crm

import data.toolgate.lib as tg

allow contains "crm.granted" if tg.is_any_tool(["read", "search", "pay", "withheld"])

deny contains {"code": "crm.delete", "message": "nothing is deleted"} if tg.is_tool("delete")

approve contains {"code": "crm.pay", "by": ["finance"]} if tg.is_tool("pay")

constrain contains {"type": "mask_fields", "fields": ["email"]} if tg.is_any_tool(["search", "withheld"])

constrain contains {"type": "rewrite_arguments", "patch": [{"op": "add", "path": "/limit", "value": 10}]} if tg.is_tool("search")
"#;

/// Beside the Unix socket for this user: TLS, and the caller with the known certificate.
const MORE: &str = r#"
[audit]
dir = "audit"
[limits]
evaluation_milliseconds_max = 5000
[listen.tls]
cert = "server.pem"
key = "server.key"
client_ca = "clients.pem"
[[callers]]
name = "known"
spiffe_id = "spiffe://test/known"
servers = ["*"]
subjects = ["agent_*"]
"#;

/// A section of the page: one program, in files, and the commands to install what it needs, to
/// build it (if there is something to build) and to run it.
struct Section {
    files: Vec<(String, String)>,
    commands: Vec<String>,
}

impl Section {
    fn of(page: &str, language: &str) -> Self {
        let heading = format!("\n## {language}\n");
        let (_, rest) = page
            .split_once(&heading)
            .unwrap_or_else(|| panic!("{PAGE} has no heading `## {language}`"));
        let section = rest.split("\n## ").next().unwrap();
        let (mut files, mut commands) = (Vec::new(), Vec::new());
        for block in section.split("```").skip(1).step_by(2) {
            let (fence, text) = block.split_once('\n').unwrap();
            match fence {
                "sh" => commands.push(text.to_owned()),
                _ => files.push((file_name(text), text.to_owned())),
            }
        }
        Self { files, commands }
    }

    /// What builds the program.
    fn build(&self) -> Option<&str> {
        let [_, build, _] = self.commands.as_slice() else {
            return None;
        };
        Some(build)
    }

    /// What runs it, up to the arguments.
    fn start(&self) -> &str {
        let run = self.commands.last().unwrap();
        let (start, _) = run.split_once(ADDRESS).unwrap();
        start
    }
}

/// The name in a file's first line, which is a comment.
fn file_name(text: &str) -> String {
    let line = text.lines().next().unwrap();
    let name = line.trim_matches(|c: char| "/#<!-> ".contains(c));
    assert!(!name.contains(' '), "`{line}` does not name the file");
    name.to_owned()
}

/// A built program.
struct Program {
    language: &'static str,
    dir: TempDir,
    start: String,
}

impl Program {
    fn build(page: &str, language: &'static str) -> Self {
        let section = Section::of(page, language);
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in &section.files {
            std::fs::write(dir.path().join(name), text).unwrap();
        }
        symlink(root().join("proto"), dir.path().join("proto")).unwrap();
        let modules = root().join("target/tools/node_modules");
        symlink(modules, dir.path().join("node_modules")).unwrap();
        if let Some(build) = section.build() {
            stdout_of(&mut shell(build, dir.path()));
        }
        Self {
            language,
            start: section.start().to_owned(),
            dir,
        }
    }

    /// Runs it as `case` says; the tool writes what it got to `forwarded` in `place`.
    fn run(&self, case: &Case, address: &str, certs: &Path, place: &Path) -> Ended {
        let place = place.display();
        let tool = format!("sh -c 'cat > \"$0/forwarded\" && cat \"$0/result\"' {place}");
        let (start, certs) = (&self.start, certs.display());
        let call = format!(
            "timeout {SECONDS_MAX} {start} {address} {certs} agent_a crm {} {tool}",
            case.tool
        );
        ended(
            &mut shell(&call, self.dir.path()),
            self.dir.path(),
            case.params,
        )
    }
}

/// A shell in `dir` that finds the programs of `make tools` first.
fn shell(command: &str, dir: &Path) -> Command {
    let tools = root().join("target/tools");
    let path = ["bin", "node_modules/.bin", "venv/bin"].map(|part| tools.join(part));
    let path = path.iter().map(|part| part.display().to_string());
    let path = path.collect::<Vec<_>>().join(":");
    // Set by the command itself: what runs it may clear the environment.
    let path = format!("{path}:{}", std::env::var("PATH").unwrap());
    let mut shell = Command::new("bash");
    let command = format!("export PATH='{path}'\n{command}");
    shell.args(["-eu", "-c", &command]).current_dir(dir);
    shell
}

/// Two PDPs, and certificates for them.
struct Place {
    dir: TempDir,
    real: String,
    misbehaving: Misbehaving,
    process: Process,
}

impl Place {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let toml = config(MORE).replace("[listen]\n", "[listen]\ntcp = \"127.0.0.1:0\"\n");
        write_files(
            dir.path(),
            [("main/p.rego", POLICY), ("toolgate.toml", &toml)],
        );
        pki::write_server_files(dir.path());
        for certs in ["known", "unknown", "other_authority"] {
            pki::write_client_files(&dir.path().join(certs), &format!("spiffe://test/{certs}"));
        }
        std::fs::write(dir.path().join("other_authority/ca.pem"), pki::stranger()).unwrap();
        let process = Process::start(dir.path()).await;
        // Said once it listens, which the socket may have shown before.
        let port = until("the port", async || {
            let said = std::fs::read_to_string(dir.path().join("stderr.log")).unwrap();
            let (_, rest) = said.split_once("listening on 127.0.0.1:")?;
            let (port, _) = rest.split_once('\n')?;
            Some(port.to_owned())
        })
        .await;
        Self {
            real: format!("localhost:{port}"),
            misbehaving: Misbehaving::start(dir.path()).await,
            process,
            dir,
        }
    }

    fn address(&self, pdp: Pdp) -> String {
        match pdp {
            Pdp::Real => self.real.clone(),
            Pdp::Unix => format!("unix://{}", self.dir.path().join("run.sock").display()),
            Pdp::Misbehaving => self.misbehaving.address.clone(),
            Pdp::Nobody => "localhost:1".to_owned(),
        }
    }

    /// Runs every case, and gives what was not as it should be.
    fn findings(&self, program: &Program) -> Vec<String> {
        CASES
            .iter()
            .filter_map(|case| {
                let place = tempfile::tempdir().unwrap();
                std::fs::write(place.path().join("result"), case.result).unwrap();
                let certs = self.dir.path().join(case.certs);
                let ended = program.run(case, &self.address(case.pdp), &certs, place.path());
                let forwarded = std::fs::read_to_string(place.path().join("forwarded")).ok();
                let expected = cases::expected(program.language, case);
                let finding = differs(&expected, &ended, forwarded.as_deref())?;
                let (language, name) = (program.language, case.name);
                Some(format!(
                    "{language}: {name}: {finding}; {forwarded:?} {ended:?}"
                ))
            })
            .collect()
    }
}

/// What is not as expected.
fn differs(expected: &Ends, ended: &Ended, forwarded: Option<&str>) -> Option<String> {
    let (tool, shown, code) = match expected {
        Ends::Shown { forwarded, shown } => (Some(*forwarded), *shown, None),
        Ends::Denied { code } => (None, "", Some(*code)),
        Ends::Withheld { forwarded, code } => (Some(*forwarded), "", Some(*code)),
    };
    if forwarded != tool {
        return Some(format!("the tool should have got {tool:?}"));
    }
    if ended.out != shown {
        return Some(format!("`{shown}` should have been shown"));
    }
    let denied = ended.code == 1 && ended.err.contains("denied: ");
    match code {
        None => (ended.code != 0).then(|| "should have succeeded".to_owned()),
        Some(code) => {
            (!denied || !ended.err.contains(code)).then(|| format!("should be denied `{code}`"))
        }
    }
}

fn page() -> String {
    std::fs::read_to_string(root().join(PAGE)).unwrap()
}

#[test]
fn the_programs_of_the_page_do_as_they_are_told() {
    let languages = std::env::var("TOOLGATE_CLIENTS").unwrap_or_else(|_| ALWAYS.to_owned());
    let languages: Vec<&'static str> = languages.leak().split(',').collect();
    let (page, place) = (page(), block_on(Place::new()));
    let findings: Vec<String> = thread::scope(|scope| {
        let run = |language| place.findings(&Program::build(&page, language));
        let threads: Vec<_> = languages
            .into_iter()
            .map(|language| scope.spawn(move || run(language)))
            .collect();
        threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    assert!(findings.is_empty(), "\n{}\n", findings.join("\n"));
    block_on(async {
        place.process.terminate();
        assert!(place.process.ended().await.success());
    });
}

/// What the page installs is what was tested.
#[test]
fn the_page_and_the_makefile_install_the_same() {
    let page = page();
    let makefile = std::fs::read_to_string(root().join("Makefile")).unwrap();
    let version = |name: &str| {
        let start = format!("{name} := ");
        let line = makefile.lines().find_map(|line| line.strip_prefix(&start));
        line.unwrap_or_else(|| panic!("Makefile has no `{name}`"))
            .to_owned()
    };
    for (before, name) in [
        ("grpcio==", "PYTHON_GRPC_VERSION"),
        ("grpcio-tools==", "PYTHON_GRPC_VERSION"),
        ("@grpc/grpc-js@", "NODE_GRPC_VERSION"),
        ("@grpc/proto-loader@", "NODE_PROTO_LOADER_VERSION"),
        ("typescript@", "TYPESCRIPT_VERSION"),
        ("@types/node@", "NODE_TYPES_VERSION"),
        ("@bufbuild/buf@", "BUF_VERSION"),
        ("cmd/protoc-gen-go@", "PROTOC_GEN_GO_VERSION"),
        ("cmd/protoc-gen-go-grpc@", "PROTOC_GEN_GO_GRPC_VERSION"),
        ("cmd/grpcurl@", "GRPCURL_VERSION"),
    ] {
        let expected = format!("{before}{}", version(name));
        assert!(
            page.contains(&expected),
            "{PAGE} does not install `{expected}`"
        );
    }
}
