//! The list of modules and settings as text, a line each with tabs between: Go 1.27, runtime/debug/mod.go,
//! `ParseBuildInfo`. A line of a kind that is not known is left out.

use super::BuildInfo;

/// Most modules and settings kept, of each: half of what fits into the list.
const LINES_MAX: usize = 20_000;

/// A module.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Module {
    /// Its path.
    pub path: String,
    /// Its version, `v1.2.3` or `(devel)`.
    pub version: String,
    /// Its checksum, `h1:…`; empty where it was built from a folder.
    pub sum: String,
    /// What it was built from instead, where the main module says so.
    pub replaced_by: Option<Box<Module>>,
}

pub(super) fn read(mut info: BuildInfo, text: &str) -> BuildInfo {
    // A replacement belongs to the module before it, which may be the main one.
    let mut main_is_last = false;
    for line in text.lines().take(LINES_MAX * 2) {
        let Some((kind, rest)) = line.split_once('\t') else { continue };
        match kind {
            "path" => rest.clone_into(&mut info.path),
            "mod" => {
                info.main = Some(module(rest));
                main_is_last = true;
            }
            "dep" if info.dependencies.len() < LINES_MAX => {
                info.dependencies.push(module(rest));
                main_is_last = false;
            }
            "=>" => {
                let last = if main_is_last { info.main.as_mut() } else { info.dependencies.last_mut() };
                if let Some(last) = last {
                    last.replaced_by = Some(Box::new(module(rest)));
                }
            }
            "build" if info.settings.len() < LINES_MAX => info.settings.extend(setting(rest)),
            _ => {}
        }
    }
    info
}

fn module(rest: &str) -> Module {
    let mut fields = rest.split('\t').map(str::to_owned);
    let mut next = || fields.next().unwrap_or_default();
    Module { path: next(), version: next(), sum: next(), replaced_by: None }
}

/// `key=value`, each quoted like a Go string where it holds what would break the line.
fn setting(rest: &str) -> Option<(String, String)> {
    let (key, value) = match rest.strip_prefix('"') {
        Some(quoted) => {
            let end = end_of_quoted(quoted)?;
            (unquoted(quoted.get(..end)?), quoted.get(end + 1..)?.strip_prefix('=')?)
        }
        None => {
            let (key, value) = rest.split_once('=')?;
            (key.to_owned(), value)
        }
    };
    let quoted = value.strip_prefix('"').and_then(|q| q.get(..end_of_quoted(q)?));
    Some((key, quoted.map_or_else(|| value.to_owned(), unquoted)))
}

fn end_of_quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|b| {
        let end = b == b'"' && !escaped;
        escaped = b == b'\\' && !escaped;
        end
    })
}

/// The escapes that settings are seen with; others stay as they are, since nothing is decided by them.
fn unquoted(text: &str) -> String {
    text.replace("\\\"", "\"").replace("\\t", "\t").replace("\\n", "\n").replace("\\\\", "\\")
}

#[cfg(test)]
mod tests {
    use super::{Module, read, setting};
    use crate::buildinfo::BuildInfo;

    fn empty() -> BuildInfo {
        BuildInfo {
            go_version: "go1.27".into(),
            path: String::new(),
            main: None,
            dependencies: Vec::new(),
            settings: Vec::new(),
        }
    }

    #[test]
    fn modules_replacements_and_settings_are_read() {
        let text = "path\texample.com/shop/cmd\nmod\texample.com/shop\t(devel)\t\n=>\t../shop\t\t\n\
            dep\ta.b/c\tv1.2.3\th1:x=\ndep\ta.b/d\tv0.1.0\n=>\t../d\t(devel)\t\nbuild\t-buildmode=exe\n\
            build\tvcs.revision=abc\nnews\tof a kind\n";
        let info = read(empty(), text);
        let main = info.main.clone().expect("a main module");
        assert_eq!((info.path.as_str(), main.path.as_str()), ("example.com/shop/cmd", "example.com/shop"));
        assert_eq!(main.replaced_by.map(|m| m.path), Some("../shop".into()));
        let [c, d] = info.dependencies.as_slice() else { panic!("two dependencies") };
        assert_eq!(
            (c.version.as_str(), c.sum.as_str(), &c.replaced_by),
            ("v1.2.3", "h1:x=", &None::<Box<Module>>)
        );
        assert_eq!(d.replaced_by.as_ref().map(|m| m.version.as_str()), Some("(devel)"));
        assert_eq!(
            (info.setting("-buildmode"), info.setting("vcs.revision"), info.setting("x")),
            (Some("exe"), Some("abc"), None)
        );
    }

    #[track_caller]
    fn check(line: &str, expected: Option<(&str, &str)>) {
        assert_eq!(setting(line), expected.map(|(k, v)| (k.to_owned(), v.to_owned())), "{line}");
    }

    #[test]
    fn quoted_settings_are_unquoted() {
        check("CGO_ENABLED=0", Some(("CGO_ENABLED", "0")));
        check(r#"-ldflags="-X main.a=\"b\" -s""#, Some(("-ldflags", "-X main.a=\"b\" -s")));
        check(r#""odd key"=v"#, Some(("odd key", "v")));
        check(r#"-tags="unterminated"#, Some(("-tags", "\"unterminated")));
        check("nothing", None);
        check("\"unterminated=x", None);
    }
}
