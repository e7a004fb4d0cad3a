//! The properties of obligations: see `toolgate::obligation::exercise`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use toolgate::obligation::exercise;

fuzz_target!(|data: &[u8]| {
    if let Err(property) = exercise(data) {
        panic!("{property}");
    }
});
