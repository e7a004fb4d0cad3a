//! Integration tests: one binary, so that it is linked once.
#![cfg(test)]

mod admission;
mod attempts;
mod bundled;
mod cacheable;
mod cli;
mod combination;
mod connections;
mod decide;
mod demo;
mod differential;
mod evidence;
mod grpcurl;
mod identity;
mod key_server;
mod overload;
mod plain;
mod programs;
mod property;
mod publish;
mod receiving;
mod records;
mod refused;
mod reported;
mod rollback;
mod rotation;
mod schema;
mod server;
mod strangers;
mod stream;
mod swap;
mod tenants;
mod tidy;
mod token_shim;
mod util;
