use super::GOOD;
use crate::util::Workplace;
use std::io::{BufRead, BufReader, Lines};
use std::process::{Child, ChildStderr, Command, Stdio};

/// `toolgate serve` as a process of its own, ended with SIGTERM.
pub(super) struct Served {
    child: Child,
    /// Held open, so that the process can go on writing.
    _log: Lines<BufReader<ChildStderr>>,
}

impl Served {
    /// Serves this bundle on `s.sock`.
    pub(super) fn start(place: &Workplace, bundle: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_toolgate"))
            .args([
                "serve", "--bundle", bundle, "--socket", "s.sock", "--audit", "audit",
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

    pub(super) fn stop(mut self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

pub(super) const INPUT: &str = r#"{"version":1,"phase":"call","principal":{"id":"a","roles":["internal"]},"mcp":{"server":"demo","method":"tools/call","name":"read"},"arguments":{"region":"eu"}}"#;

/// A log with the records of three decisions, each made over the socket.
pub(super) fn logged() -> Workplace {
    let place = Workplace::with(&[("good.rego", GOOD)]);
    let served = Served::start(&place, "good.rego");
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
    // How much is signed is known to who has the key alone.
    assert!(!plain.out.contains("\nsigned records\t"), "{plain:?}");
    let key = place.run(&["audit", "keygen", "--show", "audit/signing.key"]);
    place.write("vkey", &key.expect(0).out);
    let signed = place.run(&["audit", "verify", "audit", "--key", "vkey"]);
    let signed = signed.expect(0).out;
    assert!(
        signed.contains("\nsigned records\t5\nnot signed yet\t0\n"),
        "{signed}"
    );
    let no_file = place.run(&["audit", "verify", "audit", "--key", "missing"]);
    let said = "`missing` is neither a verifier key nor a file that has one";
    assert!(no_file.expect(2).err.contains(said));
    let report = place
        .run(&["audit", "verify", "audit", "--output", "json"])
        .expect(0)
        .json();
    assert_eq!(
        (&report["valid"], &report["records"]),
        (&true.into(), &5.into())
    );
    let head = report["head"].as_str().unwrap().to_owned();
    let found = place
        .run(&["audit", "verify", "audit", "--head", &head])
        .expect(0);
    assert!(found.out.ends_with("held head\tfound\n"), "{found:?}");

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
    // Without the head its checkpoint shows it, which goes easily with the lines.
    let blind = place.run(&["audit", "verify", "audit"]).expect(1);
    assert!(
        blind
            .out
            .contains("the checkpoint is over 5 records, and there are 4"),
        "{blind:?}"
    );
    let missing = place
        .run(&["audit", "verify", "audit", "--head", &head])
        .expect(1);
    assert!(
        missing.out.starts_with("the log is broken: `"),
        "{missing:?}"
    );
    assert!(
        missing
            .out
            .contains("line 5 (seq 4): the log ends here, and the held head is seq 4"),
        "{missing:?}"
    );

    std::fs::write(
        &file,
        whole.replacen("\"effect\":\"constrain\"", "\"effect\":\"allow\"", 1),
    )
    .unwrap();
    let altered = place
        .run(&["audit", "verify", "audit", "--output", "json"])
        .expect(1)
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

/// The log's one file.
fn file(place: &Workplace) -> std::path::PathBuf {
    place.path("audit").join(format!("log-{:020}.jsonl", 0))
}

#[test]
fn a_log_that_does_not_check_is_not_served_until_it_is_repaired() {
    let place = logged();
    let whole = std::fs::read_to_string(file(&place)).unwrap();
    let sound = place
        .run(&["audit", "repair", "audit", "--truncate-at", "2"])
        .expect(3);
    assert_eq!(
        sound.err,
        "error: audit log `audit` checks: there is nothing to repair\n"
    );
    let broken = whole.replacen("\"effect\":\"constrain\"", "\"effect\":\"allow\"", 1);
    std::fs::write(file(&place), &broken).unwrap();
    let serve = [
        "serve",
        "--bundle",
        "good.rego",
        "--socket",
        "s.sock",
        "--audit",
        "audit",
    ];
    let refused = place.run(&serve).expect(1);
    let said = "audit log `audit` does not check: `log-00000000000000000000.jsonl` line 2 (seq 1): the record was altered: the next one holds another hash of it; see `toolgate audit verify`; to go on, start with an empty directory, or move aside what does not check with `toolgate audit repair --truncate-at 1`";
    assert!(refused.err.contains(said), "{refused:?}");
    assert!(!refused.err.contains("audit log: "), "{refused:?}");
    let elsewhere = place
        .run(&["audit", "repair", "audit", "--truncate-at", "2"])
        .expect(3);
    assert!(
        elsewhere.err.contains("stops to check at seq 1, not at 2"),
        "{elsewhere:?}"
    );
    let repaired = place
        .run(&[
            "audit",
            "repair",
            "audit",
            "--truncate-at",
            "1",
            "--output",
            "json",
        ])
        .expect(0)
        .json();
    assert_eq!(
        (&repaired["first_seq"], &repaired["lines"]),
        (&1.into(), &4.into())
    );
    let cut = std::fs::read_to_string(place.path("audit").join(repaired["file"].as_str().unwrap()));
    let rest: String = broken.split_inclusive('\n').skip(1).collect();
    assert_eq!(cut.unwrap(), rest);
    let head = repaired["head"].as_str().unwrap();
    let report = place
        .run(&[
            "audit", "verify", "audit", "--head", head, "--output", "json",
        ])
        .expect(0)
        .json();
    assert_eq!(
        (&report["records"], &report["by_type"]["log_repaired"]),
        (&2.into(), &1.into())
    );
    Served::start(&place, "good.rego").stop();
    let missing = place
        .run(&["audit", "repair", "nowhere", "--truncate-at", "1"])
        .expect(2);
    assert!(
        missing.err.contains("no audit log in `nowhere`"),
        "{missing:?}"
    );
    place.run(&["audit", "repair", "audit"]).expect(64);
}

#[test]
fn progress_is_told_where_it_is_asked_for() {
    let place = logged();
    let quiet = place.run(&["audit", "verify", "audit"]).expect(0);
    assert_eq!(quiet.err, "");
    let told = place
        .run(&["audit", "verify", "audit", "--progress"])
        .expect(0);
    assert_eq!(told.err, "5 records checked in all\n");
    assert_eq!(told.out, quiet.out);
}

/// Whoever altered the log may have put anything into it; a terminal must not act on that.
#[test]
fn what_is_wrong_is_shown_without_control_characters() {
    let place = logged();
    let whole = std::fs::read_to_string(file(&place)).unwrap();
    let altered = whole.replacen("\"policy_loaded\"", "\"\\u001b[2J\"", 1);
    assert_ne!(altered, whole);
    std::fs::write(file(&place), altered).unwrap();
    // The first of two records is the wrong one only because the second has its hash.
    let shown = place.run(&["audit", "verify", "audit"]).expect(1);
    assert!(shown.out.contains("the record was altered"), "{shown:?}");
    let origin = whole.replacen("\"toolgate\"", "\"\\u001b[2J\"", 1);
    std::fs::write(file(&place), origin).unwrap();
    let shown = place.run(&["audit", "verify", "audit"]).expect(1);
    assert!(!shown.out.contains('\u{1b}'), "{shown:?}");
}

#[test]
fn a_repaired_log_is_told_of_with_what_became_of_the_cut_records() {
    let place = logged();
    let verify = |more: &[&str], code: i32| {
        let arguments = [&["audit", "verify", "audit"], more].concat();
        place.run(&arguments).expect(code)
    };
    let held = verify(&["--output", "json"], 0).json()["head"].clone();
    let held = held.as_str().unwrap();
    let whole = std::fs::read_to_string(file(&place)).unwrap();
    let broken = whole.replacen("\"effect\":\"constrain\"", "\"effect\":\"allow\"", 1);
    std::fs::write(file(&place), &broken).unwrap();
    let repair = ["audit", "repair", "audit", "--truncate-at", "1"];
    let repair = [&repair[..], &["--output", "json"]].concat();
    let repaired = place.run(&repair).expect(0).json();
    let name = repaired["file"].as_str().unwrap();
    let digest = repaired["digest"].as_str().unwrap();
    let told = format!(
        "the log was repaired at seq 1: 4 lines were cut, and are in `{name}`; it had been signed \
         beyond that, and that checkpoint is in `{}`: whoever holds one as long sees another log",
        repaired["checkpoint"].as_str().unwrap()
    );
    let cut = place.path("audit").join(name);
    let of_head = format!(
        "the held head is of a record that this repair cut off, or of one that took its place: look for it in `{name}`"
    );
    let checks = verify(&[], 0);
    assert!(
        checks.out.ends_with(&format!("warning: {told}\n")),
        "{checks:?}"
    );
    let json = verify(&["--output", "json"], 0).json();
    assert_eq!(json["warnings"], serde_json::json!([told]));
    let is_gone = verify(&["--head", held, "--output", "json"], 1).json();
    assert_eq!(is_gone["warnings"], serde_json::json!([told, of_head]));

    std::fs::write(&cut, "other").unwrap();
    let other = verify(&["--output", "json"], 0).json();
    let other = other["warnings"][1].as_str().unwrap();
    assert!(other.starts_with(&format!("`{name}` is not what was cut: it is sha256:")));
    assert!(other.ends_with(&format!("and was {digest}")), "{other}");
    std::fs::remove_file(&cut).unwrap();
    let gone = verify(&[], 0);
    let said = format!("warning: `{name}` cannot be read (");
    assert!(gone.out.contains(&said), "{gone:?}");
}
