//! toolgate: a policy decision point for MCP tool calls. See `docs/ARCHITECTURE.md`.

pub mod bundle;
pub mod config;
pub mod decide;
pub mod engine;
pub mod identity;
pub mod model;
pub mod obligation;
pub mod shim;
pub mod wire;
