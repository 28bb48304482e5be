//! The `linger` binary.

fn main() -> std::process::ExitCode {
    linger::cli::run()
}
