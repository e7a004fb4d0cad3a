//! Generates the gRPC types from `proto/` (no system protoc) and lists what is embedded.

#[path = "build/library.rs"]
mod library;

use std::path::{Path, PathBuf};
use std::{env, error, fs};

const PROTOS: [&str; 4] = [
    "toolgate/v1/types.proto",
    "toolgate/v1/decision.proto",
    "toolgate/v1/policy.proto",
    "toolgate/v1/audit.proto",
];

fn main() -> Result<(), Box<dyn error::Error>> {
    let out = PathBuf::from(env::var("OUT_DIR")?);
    library::embed(&out)?;
    versions()?;
    proto(&out)
}

/// What `toolgate version` tells.
fn versions() -> Result<(), Box<dyn error::Error>> {
    println!("cargo::rerun-if-changed=Cargo.lock");
    let target = env::var("TARGET")?;
    println!("cargo::rustc-env=TOOLGATE_TARGET={target}");
    let lock = fs::read_to_string("Cargo.lock")?;
    let (_, package) = lock
        .split_once("name = \"regorus\"\nversion = \"")
        .ok_or("regorus is not in Cargo.lock")?;
    let version = package.split('"').next().unwrap_or_default();
    println!("cargo::rustc-env=TOOLGATE_REGORUS_VERSION={version}");
    Ok(())
}

fn proto(out: &Path) -> Result<(), Box<dyn error::Error>> {
    println!("cargo::rerun-if-changed=proto");
    let descriptors = protox::Compiler::new(["proto"])?
        .include_imports(true)
        .include_source_info(true)
        .open_files(PROTOS)?
        .file_descriptor_set();
    fs::write(out.join("descriptors.bin"), prost_encode(&descriptors))?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}

fn prost_encode(descriptors: &impl protox::prost::Message) -> Vec<u8> {
    descriptors.encode_to_vec()
}
