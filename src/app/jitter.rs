//! Durations that differ a little, so that not everybody comes at once.

use std::ops::Range;
use std::time::Duration;
use uuid::Uuid;

/// So many times the duration, at random.
pub(super) fn jittered(duration: Duration, times: Range<f64>) -> Duration {
    // The last byte of a UUIDv7 is random.
    let random = Uuid::now_v7()
        .as_bytes()
        .last()
        .copied()
        .unwrap_or_default();
    let part = f64::from(random) / 255.0;
    duration.mul_f64(times.start + (times.end - times.start) * part)
}
