//! Events of real shims on their way to real PDPs: over a network that fails, over several PDPs,
//! and with shims that are killed.

mod crash;
mod failover;
mod held;
mod killed;
mod network;
mod proxy;
mod scene;
