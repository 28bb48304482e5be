//! Go's names as people say them: `github.com/acme/shop/cart.(*Cart).hold` is `cart.(*Cart).hold`. JSON keeps
//! them whole.

use super::text::harmless;
use crate::report::SiteText;
use linger_series::metric::OTHER_SITE;

/// The name without the directories of its import path; a package that is only a version keeps its parent.
pub(super) fn function(full: &str) -> String {
    if full.is_empty() {
        return "(unknown)".into();
    }
    // Type arguments may hold paths of their own: only slashes before the first bracket are the package's.
    let path_end = full.find(['[', '(']).unwrap_or(full.len());
    let path = full.get(..path_end).unwrap_or(full);
    let slashes = path.rmatch_indices('/').map(|(at, _)| at);
    let mut start = 0;
    for at in slashes {
        let rest = full.get(at + 1..).unwrap_or("");
        if !rest.is_empty() && !is_version(rest) {
            start = at + 1;
            break;
        }
    }
    // The linker escapes dots in the last element of an import path (cmd/internal/objabi/path.go,
    // PathToPrefix): gopkg.in/yaml%2ev3.Unmarshal.
    harmless(&full.get(start..).unwrap_or(full).replace("%2e", "."))
}

/// `v2.(*Client).Do`: the package's last element says nothing alone.
fn is_version(rest: &str) -> bool {
    let package = rest.split(['.', '/']).next().unwrap_or("");
    package.strip_prefix('v').is_some_and(|n| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()))
}

/// `cart.go:88`; without the line when it is unknown, empty when the file is.
pub(super) fn place(file: &str, line: u64) -> String {
    let base = file.rsplit(['/', '\\']).next().unwrap_or(file);
    match (base, line) {
        ("", _) => String::new(),
        (base, 0) => harmless(base),
        (base, line) => harmless(&format!("{base}:{line}")),
    }
}

/// `func file:line`, as `blocked_at` and `entry` carry it, both parts short.
pub(super) fn function_at(text: &str) -> String {
    let Some((name, at)) = text.rsplit_once(' ') else {
        return if text.is_empty() { String::new() } else { function(text) };
    };
    let place = match at.rsplit_once(':') {
        Some((file, line)) => place(file, line.parse().unwrap_or(0)),
        None => place(at, 0),
    };
    format!("{} {place}", function(name))
}

/// A site's function; its identity where nothing else is known.
pub(super) fn site_function(site: &SiteText) -> String {
    match (site.function.as_str(), site.site.as_str()) {
        ("", OTHER_SITE) => "all other sites".into(),
        ("", id) => function(id),
        (name, _) => function(name),
    }
}

/// A site's function and file:line in one text.
pub fn site(site: &SiteText) -> String {
    let place = place(&site.file, site.line);
    let name = site_function(site);
    if place.is_empty() { name } else { format!("{name} {place}") }
}

#[cfg(test)]
mod tests {
    use super::{function, function_at, place, site};
    use crate::report::SiteText;

    #[track_caller]
    fn check(full: &str, expected: &str) {
        assert_eq!(function(full), expected, "{full}");
    }

    #[test]
    fn a_name_keeps_its_last_path_element_and_receiver() {
        check("main.main", "main.main");
        check("github.com/acme/shop/cart.(*Cart).hold.func1", "cart.(*Cart).hold.func1");
        check("github.com/acme/api/v2.(*Client).Do", "api/v2.(*Client).Do");
        check("example.com/v2/v3.F", "example.com/v2/v3.F");
        check("gopkg.in/yaml%2ev3.Unmarshal", "yaml.v3.Unmarshal");
        check("github.com/a/b.Map[github.com/c/d.T,go.shape.int]", "b.Map[github.com/c/d.T,go.shape.int]");
        check("github.com/a/b.(*Set[go.shape.string]).Add", "b.(*Set[go.shape.string]).Add");
        check("internal/poll.(*FD).Read", "poll.(*FD).Read");
        check("x/version.F", "version.F");
        check("", "(unknown)");
        check("a/", "a/");
        check("evil/\x1b]0;title\x07.F", "�]0;title�.F");
    }

    #[test]
    fn a_place_is_what_an_editor_calls_the_tab() {
        assert_eq!(place("/src/shop/cart/cart.go", 88), "cart.go:88");
        assert_eq!(place("/src/shop/cart/cart.go", 0), "cart.go");
        assert_eq!(place("", 12), "");
        assert_eq!(function_at("github.com/a/b.F /x/y.go:7"), "b.F y.go:7");
        assert_eq!(function_at("github.com/a/b.F"), "b.F");
        assert_eq!(function_at(""), "");
    }

    #[test]
    fn a_site_without_names_shows_its_identity() {
        let named =
            SiteText { function: "a/b.F".into(), file: "/b.go".into(), line: 3, ..SiteText::default() };
        assert_eq!(site(&named), "b.F b.go:3");
        assert_eq!(site(&SiteText { site: "a/b.F+7".into(), ..SiteText::default() }), "b.F+7");
        assert_eq!(site(&SiteText { site: "other".into(), ..SiteText::default() }), "all other sites");
        assert_eq!(site(&SiteText::default()), "(unknown)");
    }
}
