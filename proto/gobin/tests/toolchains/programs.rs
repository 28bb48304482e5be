//! `program/`, built in several ways by every Go there is, once for all tests.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::{env, fs};

/// A statement as somebody says it is: file, line, kind.
pub(crate) type Statement = (String, u32, String);

/// How a program was built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variant {
    /// As `go build` does.
    Plain,
    /// With debug information that is not compressed.
    Uncompressed,
    /// Without symbols and debug information.
    Stripped,
    /// Position-independent.
    Pie,
    /// [`Variant::Plain`] with its section headers taken off.
    Headless,
}

/// A program.
pub(crate) struct Program {
    /// Release of the Go that built it.
    pub(crate) release: u16,
    pub(crate) arch: &'static str,
    pub(crate) variant: Variant,
    pub(crate) bytes: Vec<u8>,
    /// What the compiler said it makes of each statement, in the order of lines.
    pub(crate) compiler: Vec<Statement>,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "go 1.{} {} {:?}", self.release, self.arch, self.variant)
    }
}

/// Every program; none without Go.
pub(crate) fn programs() -> &'static [Program] {
    static PROGRAMS: LazyLock<Vec<Program>> = LazyLock::new(build_all);
    &PROGRAMS
}

/// Where `program/` is.
pub(crate) fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/toolchains/program")
}

/// The `go` commands that run.
pub(crate) fn gos() -> Vec<String> {
    let gos = env::var("LINGER_TEST_GOS").unwrap_or_else(|_| "go".into());
    let named = gos.split(':').filter(|go| !go.is_empty());
    let running = named.filter(|go| {
        let runs = release(go).is_some();
        assert!(runs || env::var("CI").as_deref() != Ok("true"), "{go} does not run");
        if !runs {
            eprintln!("not run: {go} does not run (set LINGER_TEST_GOS, or install Go 1.21 or newer)");
        }
        runs
    });
    running.map(str::to_owned).collect()
}

fn build_all() -> Vec<Program> {
    let mut programs = Vec::new();
    for go in &gos() {
        let Some(release) = release(go) else { continue };
        for arch in ["amd64", "arm64"] {
            let plain = build(go, release, arch, Variant::Plain);
            let mut bytes = plain.bytes.clone();
            bytes[40..48].fill(0); // e_shoff
            bytes[60..64].fill(0); // e_shnum, e_shstrndx
            programs.push(Program {
                variant: Variant::Headless,
                bytes,
                compiler: plain.compiler.clone(),
                ..plain
            });
            programs.push(plain);
            programs.push(build(go, release, arch, Variant::Stripped));
        }
        programs.push(build(go, release, "amd64", Variant::Uncompressed));
        programs.push(build(go, release, "amd64", Variant::Pie));
    }
    programs
}

/// A `go` command that fetches nothing, in the folder of `program/`.
pub(crate) fn command(go: &str) -> Command {
    let mut command = Command::new(go);
    command.current_dir(source());
    command.envs([("GOTOOLCHAIN", "local"), ("GOWORK", "off"), ("GOPROXY", "off"), ("GOFLAGS", "-mod=mod")]);
    command.envs([("CGO_ENABLED", "0"), ("GOOS", "linux")]);
    command
}

/// The minor number of its release.
pub(crate) fn release(go: &str) -> Option<u16> {
    let output = command(go).args(["env", "GOVERSION"]).output().ok()?;
    let version = String::from_utf8(output.stdout).ok()?;
    linger_gobin::GoVersion::parse(&version).map(|version| version.minor())
}

fn build(go: &str, release: u16, arch: &'static str, variant: Variant) -> Program {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("toolchains");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join(format!("{release}-{arch}-{variant:?}-{}", std::process::id()));
    let options: &[&str] = match variant {
        Variant::Plain | Variant::Headless => &[],
        Variant::Uncompressed => &["-ldflags=-compressdwarf=false"],
        Variant::Stripped => &["-ldflags=-s -w"],
        Variant::Pie => &["-buildmode=pie"],
    };
    let mut command = command(go);
    command.env("GOARCH", arch).args(["build", "-gcflags=-d=defer=1"]).args(options);
    let output = command.arg("-o").arg(&file).arg(".").output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{go} {arch} {variant:?}: {said}");
    let bytes = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let mut compiler: Vec<Statement> = said.lines().filter_map(statement).collect();
    compiler.sort();
    Program { release, arch, variant, bytes, compiler }
}

/// `./main.go:17:2: open-coded defer`. Instances of a generic function say the same again.
fn statement(line: &str) -> Option<Statement> {
    let mut parts = line.strip_suffix(" defer")?.splitn(4, ':');
    let file = parts.next()?.trim_start_matches("./").to_owned();
    let line = parts.next()?.parse().ok()?;
    let kind = parts.nth(1)?.trim().split_once('-')?.0;
    Some((file, line, kind.to_owned()))
}
