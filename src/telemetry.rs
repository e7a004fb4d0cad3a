//! What the process tells its operator: logs, and the clock they and everything else are dated by.
//! Never evidence.

mod clock;
mod logs;

pub use clock::now;
pub use logs::{LogFormat, init, set_level};
