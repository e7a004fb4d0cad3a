use super::GOOD;
use crate::util::Workplace;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// Ended when dropped.
struct Watching(Child);

impl Drop for Watching {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[test]
fn a_save_is_checked_and_tested_again() {
    let test = "package policies.good_test\n\ntest_a if true\n";
    for (command, good, broken) in [
        (
            "check",
            "good; waiting for changes",
            "not good; waiting for changes",
        ),
        (
            "test",
            "good; waiting for changes",
            "not good; waiting for changes",
        ),
    ] {
        let place = Workplace::with(&[("b/good.rego", GOOD), ("b/good_test.rego", test)]);
        let mut watching = Command::new(env!("CARGO_BIN_EXE_toolgate"));
        watching
            .args([command, "--watch", "b"])
            .current_dir(place.path(""));
        watching.stdout(Stdio::null()).stderr(Stdio::piped());
        let mut watching = Watching(watching.spawn().unwrap());
        let said = BufReader::new(watching.0.stderr.take().unwrap());
        let mut said = said.lines().map(Result::unwrap);
        assert_eq!(said.next().as_deref(), Some(good), "{command}");
        match command {
            "check" => place.write(
                "b/good.rego",
                &GOOD.replace("deny contains", "denny contains"),
            ),
            _ => place.write("b/good_test.rego", &test.replace("true", "false")),
        }
        assert_eq!(said.next().as_deref(), Some(broken), "{command}");
        place.write("b/good.rego", GOOD);
        place.write("b/good_test.rego", test);
        // Two files were written: they may have been seen as one change or as two.
        assert!(said.any(|line| line == good), "{command}");
    }
}
