//! Who holds what is pending at a site: the groups of the last count, with their stacks where one site was asked for.
//!
//! Only a running agent knows them. It refuses to find nothing silently: a site that nothing matches is an error that
//! names what there is.

use super::Error;
use crate::report::{DeferSite, DefersHeld, HeldBy, HeldGroup, Holders, SiteText, TargetDefers};
use crate::show::{number, short_place};
use wildmatch::WildMatch;

/// Groups told of each site where all sites are asked for.
const GROUPS_OF_EACH: usize = 3;
/// Sites named where nothing matched.
const NAMED_MAX: usize = 5;

/// Which sites.
#[derive(Debug)]
pub(super) struct Pattern(WildMatch);

impl Pattern {
    pub(super) fn new(text: &str) -> Self {
        Self(WildMatch::new(text))
    }

    /// By its identity, its function, its place in the source, or both as tables show them.
    pub(super) fn matches(&self, site: &DeferSite) -> bool {
        let text = SiteText {
            site: site.site.clone(),
            function: site.function.clone(),
            file: site.file.clone(),
            line: site.line,
            ..SiteText::default()
        };
        let short = short_place(&text);
        let (function, place) = short.rsplit_once(' ').unwrap_or((&short, ""));
        let whole = format!("{}:{}", site.file, site.line);
        [&*site.site, &*site.function, &*whole, &*short, function, place]
            .into_iter()
            .any(|s| self.0.matches(s))
    }
}

/// That a site which was asked for was found at some target.
pub(super) fn found(targets: &[TargetDefers], asked: Option<&str>) -> Result<(), Error> {
    let Some(asked) = asked else { return Ok(()) };
    if targets.iter().any(|t| !t.sites.is_empty()) {
        return Ok(());
    }
    let known: Vec<&str> = targets.iter().flat_map(|t| &t.sites_elsewhere).map(String::as_str).collect();
    let floor = targets.iter().filter_map(|t| t.floor).fold(0.0, f64::max);
    let unseen = match floor > 0.0 {
        true => format!("; a heap profile may not see what is below {} at one line", number(floor)),
        false => String::new(),
    };
    let hint = match known.len() {
        0 => format!("nothing is known to be pending anywhere{unseen}; `linger status` says what is counted"),
        _ => format!("there is something pending at: {}{unseen}", known.join(", ")),
    };
    Err(Error::NotFound { message: format!("nothing is pending at {asked:?} in this range"), hint })
}

/// The sites with the most, to be named where none matched.
pub(super) fn named(sites: &[DeferSite]) -> Vec<String> {
    let text = |s: &DeferSite| SiteText {
        site: s.site.clone(),
        function: s.function.clone(),
        file: s.file.clone(),
        line: s.line,
        ..SiteText::default()
    };
    sites.iter().take(NAMED_MAX).map(|s| short_place(&text(s))).collect()
}

/// The groups of one site, the most pending first.
pub(super) fn of_site(held: &DefersHeld, kind: &str, site: &str, with_stacks: bool) -> Vec<Holders> {
    let groups = held.groups.iter().filter(|g| g.kind == kind && g.site == site);
    let max = if with_stacks { usize::MAX } else { GROUPS_OF_EACH };
    groups.take(max).filter_map(|group| joined(held, group, with_stacks)).collect()
}

fn joined(held: &DefersHeld, group: &HeldGroup, with_stack: bool) -> Option<Holders> {
    let standing = held.standings.get(group.standing)?.clone();
    Some(Holders {
        goroutines: group.goroutines,
        pending: group.pending,
        most_in_one: group.most_in_one,
        exact: group.exact,
        state: standing.state,
        waits_at_least_s: group.waits_at_least_s,
        oldest: group.oldest,
        oldest_seen_since_ms: group.oldest_seen_since_ms,
        at: standing.at,
        created_at: standing.created_at,
        start: standing.start,
        stack: if with_stack { standing.stack } else { Vec::new() },
        frames_left_out: standing.frames_left_out,
    })
}

/// The count as it is told: of one site's holders only those that hold some there, with their stacks.
pub(super) fn of_sites(held: &DefersHeld, sites: Option<&[DeferSite]>) -> DefersHeld {
    let mut told = held.clone();
    let Some(sites) = sites else { return told };
    let holds = |by: &HeldBy| {
        by.pending_at.iter().any(|p| sites.iter().any(|s| s.kind == p.kind && s.site == p.at.site))
    };
    told.most_loaded.retain(holds);
    for by in &mut told.most_loaded {
        if let Some(standing) = told.standings.get(by.standing) {
            by.stack.clone_from(&standing.stack);
        }
    }
    told.by_site.retain(|of| sites.iter().any(|s| s.kind == of.kind && s.site == of.site));
    told
}

#[cfg(test)]
mod tests {
    use super::{Pattern, of_site, of_sites};
    use crate::report::{
        DeferSite, DefersHeld, HeldBy, HeldGroup, HeldPlace, SiteText, StackFrame, Standing,
    };

    fn site() -> DeferSite {
        DeferSite {
            kind: "heap".into(),
            function: "github.com/acme/shop/cart.(*Cart).drain".into(),
            file: "/src/shop/cart/cart.go".into(),
            line: 131,
            site: "github.com/acme/shop/cart.(*Cart).drain+9".into(),
            ..DeferSite::default()
        }
    }

    #[test]
    fn a_site_is_found_by_each_name_it_is_shown_by() {
        let names = [
            "github.com/acme/shop/cart.(*Cart).drain+9",
            "github.com/acme/shop/cart.(*Cart).drain",
            "/src/shop/cart/cart.go:131",
            "cart.(*Cart).drain cart.go:131",
            "cart.(*Cart).drain",
            "cart.go:131",
            "cart.*",
            "*/cart.go:13?",
        ];
        for name in names {
            assert!(Pattern::new(name).matches(&site()), "{name}");
        }
        for name in ["cart.go:13", "cart.(*Cart)", "drain", ""] {
            assert!(!Pattern::new(name).matches(&site()), "{name}");
        }
    }

    #[test]
    fn stacks_are_told_where_one_site_is_asked_for() {
        let frame = StackFrame { function: "runtime.gopark".into(), file: "/go/proc.go".into(), line: 1 };
        let standing = Standing { stack: vec![frame], ..Standing::default() };
        let group = |id: &str, pending| HeldGroup {
            kind: "heap".into(),
            site: id.into(),
            pending,
            ..HeldGroup::default()
        };
        let here = site().site;
        let by = |id: &str| HeldBy {
            pending_at: vec![HeldPlace {
                kind: "heap".into(),
                at: SiteText { site: id.into(), ..SiteText::default() },
                pending: 1,
            }],
            ..HeldBy::default()
        };
        let held = DefersHeld {
            standings: vec![standing],
            groups: vec![group(&here, 9), group("elsewhere", 7), group(&here, 3)],
            most_loaded: vec![by(&here), by("elsewhere")],
            ..DefersHeld::default()
        };
        let told = |with| -> Vec<(u64, usize)> {
            of_site(&held, "heap", &here, with).iter().map(|h| (h.pending, h.stack.len())).collect()
        };
        assert_eq!((told(true), told(false)), (vec![(9, 1), (3, 1)], vec![(9, 0), (3, 0)]));
        let stacks =
            |held: &DefersHeld| -> Vec<usize> { held.most_loaded.iter().map(|by| by.stack.len()).collect() };
        assert_eq!(stacks(&of_sites(&held, Some(&[site()]))), [1]);
        assert_eq!(stacks(&of_sites(&held, None)), [0, 0]);
    }
}
