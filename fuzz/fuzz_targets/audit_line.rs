//! What the verifier takes for a record's line is canonical to the strict parser too, with whole
//! numbers below 2^53. The input is the line without `prev` and `seq` of its own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::io;
use toolgate::audit::verify::{Segments, walk};
use toolgate::model::json::{Json, Limits, parse};

fuzz_target!(|data: &[u8]| {
    if data.contains(&b'\n') {
        return;
    }
    let line = [data, b"\n"].concat();
    if walk(&OneFile(&line), None, &mut |_| ()).is_err() {
        return;
    }
    let json = parse(data, Limits::REQUEST).expect("what the verifier takes is strict JSON");
    assert_eq!(json.canonical(), data);
    assert!(has_integers(&json));
});

fn has_integers(json: &Json) -> bool {
    match json {
        Json::Number(number) => number.as_i64().is_some_and(|n| n.unsigned_abs() < 1 << 53),
        Json::Array(items) => items.iter().all(has_integers),
        Json::Object(object) => object.iter().all(|(_, value)| has_integers(value)),
        _ => true,
    }
}

struct OneFile<'a>(&'a [u8]);

impl Segments for OneFile<'_> {
    fn names(&self) -> io::Result<Vec<String>> {
        Ok(vec!["log-00000000000000000000.jsonl".to_owned()])
    }

    fn read(&self, _name: &str) -> io::Result<Vec<u8>> {
        Ok(self.0.to_vec())
    }
}
