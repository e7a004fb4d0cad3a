//! Whatever files a bundle has, verifying it ends in a verdict, the same each time; what it
//! accepts is data that strict JSON can carry, and nothing of toolgate's own names.
//! The input is text: a line `=== path` starts a file.
#![no_main]

use libfuzzer_sys::fuzz_target;
use toolgate::bundle::source::{Bundle, Files};
use toolgate::bundle::verify::verify;
use toolgate::model::json::{Json, Limits, parse};

fuzz_target!(|data: &[u8]| {
    let bundle = Bundle {
        name: "fuzz".to_owned(),
        servers: None,
        files: files(data),
    };
    let Ok(verified) = verify(vec![bundle.clone()]) else {
        return;
    };
    let (sources, warnings) = verified.into_parts();
    let again = verify(vec![bundle]).expect("it was accepted a moment ago");
    assert_eq!(again.into_parts(), (sources.clone(), warnings));
    assert!(sources.data.get("toolgate").is_none());
    let data = Json::Object(sources.data);
    assert_eq!(parse(&data.to_bytes(), Limits::BUNDLE_DATA), Ok(data));
});

fn files(data: &[u8]) -> Files {
    let mut files = Files::new();
    let mut path = None;
    for line in data.split_inclusive(|byte| *byte == b'\n') {
        if let Some(name) = line.strip_prefix(b"=== ") {
            let name = String::from_utf8_lossy(name).trim_end().to_owned();
            files.entry(name.clone()).or_default();
            path = Some(name);
        } else if let Some(path) = &path {
            let content = files.entry(path.clone()).or_default();
            content.extend_from_slice(line);
        }
    }
    files
}
