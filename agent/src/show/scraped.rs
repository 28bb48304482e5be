//! `linger scrape`: one look at one service, what stands out first.

use super::page::Page;
use super::text::harmless;
use super::{Screen, defers, number, status, trend};
use crate::report::{Range, Scraped};

/// The page. The range is the time watched.
#[must_use]
pub fn scraped(scraped: &Scraped, screen: &Screen) -> String {
    let mut page = Page::new(screen);
    let watched = number::span(scraped.watched_s);
    page.line(&format!("{} watched for {watched}", harmless(&scraped.target.url)));
    if scraped.findings.is_empty() {
        page.note(&format!("nothing stands out in {watched}"));
        page.note("slow growth needs longer: --for 10m, or leave `linger agent URL` beside the service");
    }
    for (i, finding) in scraped.findings.iter().enumerate() {
        page.item(&format!("{}.", i + 1), &harmless(finding));
    }
    if !scraped.target.up && scraped.trend.total.is_none() {
        return page.finish();
    }
    page.gap();
    status::target(&mut page, &scraped.target, screen);
    let range = range(scraped, screen);
    page.gap();
    page.line("goroutines");
    trend::section(&mut page, &scraped.trend, range, screen);
    page.gap();
    page.line("defers");
    defers::section(&mut page, &scraped.defers, range, screen);
    page.finish()
}

fn range(scraped: &Scraped, screen: &Screen) -> Range {
    let to_ms = screen.clock.now_ms;
    // Watched times are minutes; a float of milliseconds below 2^53 converts exactly.
    #[allow(clippy::cast_possible_truncation)]
    let watched_ms = (scraped.watched_s * 1000.0).ceil() as i64;
    Range { from_ms: to_ms.saturating_sub(watched_ms), to_ms }
}

#[cfg(test)]
mod tests {
    use super::scraped;
    use crate::report::Scraped;
    use crate::show::samples::{self, check_golden};

    #[test]
    fn findings_come_first() {
        check_golden("scraped", |s| scraped(&samples::scraped(), s));
    }

    #[test]
    fn no_findings_say_how_to_see_more() {
        let calm = Scraped { findings: vec![], ..samples::scraped() };
        check_golden("scraped-calm", |s| scraped(&calm, s));
    }
}
