//! The index page of net/http/pprof: the cheapest thing a service answers, and it carries the goroutine count.
//!
//! Format: Go 1.11-1.27, `net/http/pprof/pprof.go`, `Index`. Each profile is a table row: a count, then a link. The
//! page says `/debug/pprof/` wherever it is mounted. Nothing but those rows is read; it is no HTML parser.

use crate::Error;

const FORMAT: &str = "the index page of net/http/pprof";

/// Bytes of a page. Go's own has 2.6 KB; each profile that a service adds takes 200 more.
const PAGE_BYTES_MAX: usize = 1 << 20;

/// Profiles of a page. Go has 10; services add theirs by hand, one each.
const PROFILES_MAX: usize = 1024;

/// What a service offers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct IndexPage {
    /// Names and counts, in the order of the page. The count of `goroutine` is that of all goroutines; for
    /// `goroutineleak` it is what the last run found; `cmdline`, `profile` and `trace` have none and show 0.
    pub profiles: Vec<(String, u64)>,
}

impl IndexPage {
    /// The count of a profile; `None` where the page does not list it.
    #[must_use]
    pub fn count(&self, profile: &str) -> Option<u64> {
        self.profiles.iter().find(|(name, _)| name == profile).map(|(_, count)| *count)
    }

    /// Whether a profile is listed.
    #[must_use]
    pub fn lists(&self, profile: &str) -> bool {
        self.count(profile).is_some()
    }
}

/// Reads a page.
///
/// # Errors
///
/// [`Error::NotWhatWasAsked`] for any other page, [`Error::TooLarge`] for an absurdly long one.
pub fn parse(body: &[u8]) -> Result<IndexPage, Error> {
    if body.len() > PAGE_BYTES_MAX {
        return Err(Error::TooLarge { limit: "index page", bytes_max: PAGE_BYTES_MAX });
    }
    let text = std::str::from_utf8(body).ok().filter(|text| text.contains("/debug/pprof"));
    let rows = text.into_iter().flat_map(|text| text.split("<tr>").skip(1));
    let profiles: Vec<(String, u64)> = rows.filter_map(row).take(PROFILES_MAX).collect();
    if profiles.is_empty() {
        return Err(Error::not(FORMAT, body));
    }
    Ok(IndexPage { profiles })
}

/// `<td>12</td><td><a href='goroutine?debug=1'>goroutine</a></td></tr>`. Before Go 1.11 the first cell was aligned.
fn row(row: &str) -> Option<(String, u64)> {
    let (_, row) = row.trim_start().strip_prefix("<td")?.split_once('>')?;
    let (count, row) = row.split_once('<')?;
    let count = count.trim().parse().ok()?;
    let (_, link) = row.split_once("<a ")?.1.split_once('>')?;
    let (name, _) = link.split_once("</a>")?;
    (!name.is_empty()).then(|| (unescape(name), count))
}

/// Undoes Go's `html.EscapeString`. The ampersand comes last, so that nothing is undone twice.
fn unescape(name: &str) -> String {
    [("&lt;", "<"), ("&gt;", ">"), ("&#34;", "\""), ("&#39;", "'"), ("&amp;", "&")]
        .iter()
        .fold(name.to_owned(), |name, (escaped, plain)| name.replace(escaped, plain))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::{Error, Looks};

    #[track_caller]
    fn check(rows: &str, expected: &[(&str, u64)]) {
        let body = format!("<html><title>/debug/pprof/</title><table>\n{rows}\n</table></html>");
        let page = parse(body.as_bytes()).unwrap();
        assert_eq!(page.profiles.iter().map(|(name, count)| (&**name, *count)).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn rows_of_all_versions_are_read() {
        // 1.14-1.27
        check(
            "<thead><td>Count</td><td>Profile</td></thead>\n\
             <tr><td>6</td><td><a href='allocs?debug=1'>allocs</a></td></tr>\n\
             <tr><td>58</td><td><a href='goroutine?debug=1'>goroutine</a></td></tr>",
            &[("allocs", 6), ("goroutine", 58)],
        );
        // 1.11-1.13
        check(
            "\t<tr>\n\t<td>5</td><td><a href=goroutine?debug=1>goroutine</a></td>\n\t</tr>",
            &[("goroutine", 5)],
        );
        // before
        check(
            "<tr><td align=right>4<td><a href=\"goroutine?debug=1\">goroutine</a>\n\
             <tr><td align=right>5<td><a href=\"heap?debug=1\">heap</a>",
            &[("goroutine", 4), ("heap", 5)],
        );
    }

    #[test]
    fn names_of_a_services_own_profiles_are_unescaped() {
        check(
            "<tr><td>1</td><td><a href='x'>a&amp;lt;b &lt;c&gt; &#34;d&#39;</a></td></tr>",
            &[("a&lt;b <c> \"d'", 1)],
        );
    }

    #[test]
    fn rows_that_are_no_profile_are_left_out() {
        check(
            "<tr><td>many</td><td><a href='x'>x</a></td></tr><tr><td>-1</td></tr><tr><td>99999999999999999999</td>\
             <tr><td>1</td><td><a href='heap'>heap</a></td></tr>",
            &[("heap", 1)],
        );
    }

    #[test]
    fn other_pages_are_refused() {
        let refused = |body: &[u8], expected| {
            assert!(matches!(parse(body), Err(Error::NotWhatWasAsked { looks, .. }) if looks == expected));
        };
        refused(b"", Looks::Empty);
        refused(b"404 page not found\n", Looks::Text);
        refused(b"<html><a href='/debug/pprof/'>profiles</a></html>", Looks::Html);
        refused(b"<html><table><tr><td>1</td><td><a href='x'>x</a></td></tr></table>", Looks::Html);
        assert!(matches!(parse(&vec![b'<'; (1 << 20) + 1]), Err(Error::TooLarge { .. })));
    }
}
