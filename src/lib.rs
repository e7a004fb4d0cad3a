//! toolgate: a policy decision point for MCP tool calls. See `docs/ARCHITECTURE.md`.

pub mod audit;
pub mod model;
