//! toolgate: a policy decision point for MCP tool calls. See `docs/ARCHITECTURE.md`.

pub mod app;
pub mod audit;
pub mod bundle;
pub mod cli;
pub mod config;
pub mod decide;
pub mod engine;
pub mod files;
pub mod identity;
pub mod model;
pub mod obligation;
pub mod server;
pub mod shim;
pub mod telemetry;
pub mod tlog;
pub mod wire;
