//! toolgate: a policy decision point for MCP tool calls. See `docs/ARCHITECTURE.md`.

<<<<<<< HEAD
pub mod engine;
=======
mod engine;
>>>>>>> gate
pub mod model;
pub mod wire;
