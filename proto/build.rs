//! Compiles `accounts.proto` with a pure-Rust compiler, so that nobody has to
//! install `protoc`, and keeps the descriptor set for gRPC reflection.

use std::{env, error::Error, fs, path::PathBuf};

use prost::Message;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=accounts");
    let descriptors = protox::compile(["accounts/v1/accounts.proto"], ["."])?;
    let out = env::var_os("OUT_DIR").map(PathBuf::from);
    let out = out.ok_or("cargo names no OUT_DIR")?;
    fs::write(out.join("accounts.bin"), descriptors.encode_to_vec())?;
    tonic_prost_build::configure().compile_fds(descriptors)?;
    Ok(())
}
