//! What the process tells its operator: logs, and the clock they and everything else are dated by.
//! Never evidence.

mod clock;
mod logs;
mod sampling;
#[cfg(test)]
pub mod testing;

pub use clock::now;
pub use logs::{LogFormat, init, set_level};
pub use sampling::{SAMPLING_INTERVAL, say_all_left_out, say_left_out, set_lines_max};
