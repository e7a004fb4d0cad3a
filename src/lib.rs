//! toolgate: a policy decision point for MCP tool calls. See `docs/ARCHITECTURE.md`.

pub mod config;
pub mod identity;
pub mod model;
