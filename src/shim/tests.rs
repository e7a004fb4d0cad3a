//! Whole sessions: what a client and a server get, and what is recorded.

mod calls;
mod frames;
mod lists;
mod others;
mod process;
