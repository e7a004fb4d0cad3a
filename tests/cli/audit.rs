use super::GOOD;
use crate::util::Workplace;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};

/// `toolgate serve` as a process of its own, ended with SIGTERM.
struct Served {
    child: Child,
    /// Held open, so that the process can go on writing.
    _log: Lines<BufReader<ChildStderr>>,
}

impl Served {
    fn start(place: &Workplace) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_toolgate"))
            .args([
                "serve",
                "--bundle",
                "good.rego",
                "--socket",
                "s.sock",
                "--audit",
                "audit",
            ])
            .current_dir(place.path(""))
            .env_clear()
            .env("HOME", place.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(child.stderr.take().unwrap()).lines();
        let listens = log.any(|line| line.unwrap().contains("listening on unix:"));
        assert!(listens, "it ended before it listened");
        Self { child, _log: log }
    }

    fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

const INPUT: &str = r#"{"version":1,"phase":"call","principal":{"id":"a","roles":["internal"]},"mcp":{"server":"demo","method":"tools/call","name":"read"},"arguments":{"region":"eu"}}"#;

/// A log with the records of three decisions, each made over the socket.
fn logged() -> Workplace {
    let place = Workplace::with(&[("good.rego", GOOD)]);
    let served = Served::start(&place);
    let url = format!("unix:{}", place.path("s.sock").display());
    let decided = place
        .run_with(&["decide", "--pdp", &url, "--output", "json"], INPUT)
        .expect(0);
    let decided = decided.json();
    assert_eq!(decided["effect"], "constrain");
    assert_eq!(decided["policy"]["version"], 1);
    assert!(!decided["call_id"].as_str().unwrap().is_empty());
    let lines = format!("{INPUT}\n{}\n", INPUT.replace("\"eu\"", "\"us\""));
    let many = place
        .run_with(&["decide", "--pdp", &url, "--lines"], &lines)
        .expect(3);
    assert_eq!(many.out, "constrain\tread\tmask_fields\ndeny\tregion\t\n");
    let explained = place
        .run_with(&["decide", "--pdp", &url, "--explain"], INPUT)
        .expect(0);
    assert!(
        explained
            .out
            .contains("  package good\n    allow\n      \"read\"\n"),
        "{explained:?}"
    );
    served.stop();
    place
}

#[test]
fn a_log_is_checked_and_its_first_wrong_record_is_named() {
    let place = logged();
    let plain = place.run(&["audit", "verify", "audit"]).expect(0);
    assert!(
        plain
            .out
            .starts_with("origin\ttoolgate\nfiles\t1\nrecords\t5\n"),
        "{plain:?}"
    );
    assert!(
        plain.out.contains("\n  decision\t4\n  policy_loaded\t1\n"),
        "{plain:?}"
    );
    let report = place
        .run(&["audit", "verify", "audit", "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(
        (&report["valid"], &report["records"]),
        (&true.into(), &5.into())
    );
    let head = report["head"].as_str().unwrap().to_owned();
    place
        .run(&["audit", "verify", "audit", "--head", &head])
        .expect(0);

    let file = std::fs::read_dir(place.path("audit"))
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let file = file
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "jsonl"));
    let file = file.unwrap();
    let whole = std::fs::read_to_string(&file).unwrap();
    let cut: String = whole.split_inclusive('\n').take(4).collect();
    std::fs::write(&file, cut).unwrap();
    place.run(&["audit", "verify", "audit"]).expect(0);
    let missing = place
        .run(&["audit", "verify", "audit", "--head", &head])
        .expect(3);
    assert!(
        missing.out.starts_with("the log is broken: `"),
        "{missing:?}"
    );
    assert!(
        missing
            .out
            .contains("the log ends here, and the held head is seq 4"),
        "{missing:?}"
    );

    std::fs::write(
        &file,
        whole.replacen("\"effect\":\"constrain\"", "\"effect\":\"allow\"", 1),
    )
    .unwrap();
    let altered = place
        .run(&["audit", "verify", "audit", "--output", "json"])
        .expect(3)
        .json();
    assert_eq!(altered["valid"], false);
    assert_eq!(
        (&altered["wrong"]["line"], &altered["wrong"]["seq"]),
        (&2.into(), &1.into())
    );
}

#[test]
fn a_log_that_cannot_be_read_and_a_head_that_is_none() {
    let place = Workplace::new();
    let missing = place.run(&["audit", "verify", "nowhere"]).expect(2);
    assert_eq!(
        missing.err,
        "error: cannot read `nowhere`: No such file or directory (os error 2)\n"
    );
    let head = place
        .run(&["audit", "verify", "nowhere", "--head", "7"])
        .expect(64);
    assert!(head.err.contains("`7` is no head"), "{head:?}");
}
