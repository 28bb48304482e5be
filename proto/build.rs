//! Compiles `src/pprof/profile.proto` to Rust types. Works offline and without protoc: protox parses the schema,
//! prost-build writes the types.

use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = Path::new("src/pprof");
    let schema = folder.join("profile.proto");
    println!("cargo::rerun-if-changed={}", schema.display());
    let files = protox::compile([&schema], [folder])?;
    prost_build::Config::new().bytes(["."]).compile_fds(files)?;
    Ok(())
}
