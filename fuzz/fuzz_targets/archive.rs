//! An archive that is read gives files within the limits, each under a path that stays within.
//! The input is a tar whose checksums are put right, so that mutations get past the headers; with
//! a first byte of 0x1f it is the gzip stream itself.
#![no_main]

use flate2::Compression;
use flate2::write::GzEncoder;
use libfuzzer_sys::fuzz_target;
use std::io::Write;
use toolgate::bundle::source::{DEPTH_MAX, Limits, PATH_BYTES_MAX, read_archive_within};

const LIMITS: Limits = Limits {
    bundle_bytes_max: 64 << 10,
    file_bytes_max: 16 << 10,
    files_max: 16,
    depth_max: DEPTH_MAX,
};
const BLOCK_BYTES: usize = 512;

fuzz_target!(|data: &[u8]| {
    let archive = match data.first() {
        Some(0x1f) => data.to_vec(),
        _ => zipped(&with_checksums(data.to_vec())),
    };
    let Ok(files) = read_archive_within(&archive, &LIMITS) else {
        return;
    };
    assert!(files.len() <= LIMITS.files_max);
    let total: usize = files.values().map(Vec::len).sum();
    assert!(total <= LIMITS.bundle_bytes_max);
    for (path, content) in &files {
        assert!(content.len() <= LIMITS.file_bytes_max);
        assert!(path.len() <= PATH_BYTES_MAX);
        assert!(path.split('/').count() <= LIMITS.depth_max + 1);
        let is_plain = |name: &str| !matches!(name, "" | "." | "..");
        assert!(path.split('/').all(is_plain), "`{path}` is no plain path");
        assert!(!path.contains('\\') && !path.chars().any(char::is_control));
    }
});

fn zipped(tar: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
    gzip.write_all(tar).expect("writes to memory");
    gzip.finish().expect("writes to memory")
}

/// Follows the headers by the sizes that they give, and makes each one's checksum right.
fn with_checksums(mut tar: Vec<u8>) -> Vec<u8> {
    let mut at = 0;
    while let Some(header) = tar.get_mut(at..at + BLOCK_BYTES) {
        if header.iter().all(|byte| *byte == 0) {
            break;
        }
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let digits = String::from_utf8_lossy(&header[124..136]);
        let digits = digits.trim_matches(['\0', ' ']);
        let size = usize::from_str_radix(digits, 8).unwrap_or_default();
        let blocks = size.div_ceil(BLOCK_BYTES).min(tar.len());
        at += BLOCK_BYTES * (1 + blocks);
    }
    tar
}
