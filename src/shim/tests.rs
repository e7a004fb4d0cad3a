//! Whole sessions: what a client and a server get, and what is recorded.

mod answers;
mod bounds;
mod calls;
mod changes;
mod frames;
mod lists;
mod others;
mod outcomes;
mod process;
mod schemas;
