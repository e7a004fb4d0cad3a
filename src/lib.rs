//! toolgate: a policy decision point for MCP tool calls. See `docs/ARCHITECTURE.md`.

mod engine;
pub mod model;
