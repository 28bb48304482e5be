//! What a process runs: a Go program or something else.

#[cfg(target_os = "linux")]
mod elf;

/// What a process runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// A Go program.
    Go,
    /// Something else: a proxy before the service, perhaps.
    Other,
    /// The file cannot be read, or its section names were taken off.
    Unknown,
}
