//! toolgate: a policy decision point for MCP tool calls. See `docs/ARCHITECTURE.md`.

pub mod model;
pub mod shim;
pub mod wire;
