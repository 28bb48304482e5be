//! What `check` says of pending defers beside its verdict: how far silence may be believed, and who holds what fires.
//!
//! It changes no verdict: a service whose memory may not be read is watched as well as it can be.

use crate::report::{AlertStatus, CollectorStatus, HeldGroup, SiteText, Status, TargetStatus};
use crate::show::short_place;
use linger_config::CollectorKind;
use linger_series::TimeMs;

/// A count speaks for so many of its intervals (`answer/defers.rs`).
const INTERVALS: u32 = 3;

/// By what the pending defers of a target are judged, when it is up.
pub(super) fn basis(status: &Status, target: &TargetStatus) -> Option<String> {
    if !target.up {
        return None;
    }
    let name = &target.target;
    let Some(why) = uncounted(status, target) else {
        return Some(format!("{name}: pending defers are counted in the process's memory"));
    };
    Some(format!(
        "{name}: pending defers are only sampled from heap profiles ({why}): a pile below about 33,000 at one line may go \
         unseen at Go's own rate of sampling, and stack and open-coded ones always do"
    ))
}

/// How many of the targets that are up are only sampled.
pub(super) fn sampled(status: &Status, wanted: Option<&str>) -> usize {
    let targets = status.targets.iter().filter(|t| t.up && wanted.is_none_or(|name| name == t.target));
    targets.filter(|t| uncounted(status, t).is_some()).count()
}

/// Why nothing is counted in a target's memory; nothing where it is.
fn uncounted(status: &Status, target: &TargetStatus) -> Option<String> {
    let of_census = |c: &&CollectorStatus| c.collector == CollectorKind::Defers.as_str();
    let Some(census) = target.collectors.iter().find(of_census) else { return Some("not collected".into()) };
    let scale = status.agent.time_scale.max(1.0);
    let patience = (census.answer_due_within() * INTERVALS).div_f64(scale);
    let is_fresh = |ms: i64| TimeMs(status.now_ms).since(TimeMs(ms)) <= patience;
    if census.last_ok_ms.is_some_and(is_fresh) {
        return None;
    }
    Some(format!("{} is {}", census.collector, census.state))
}

/// Who holds what breaches a threshold, while that is counted: the largest group of goroutines, and how to see more.
pub(super) fn held(status: &Status, alert: &AlertStatus) -> Option<String> {
    let label = |name: &str| alert.labels.get(name).map_or("", String::as_str);
    let target = status.targets.iter().find(|t| t.target == label("target"))?;
    if uncounted(status, target).is_some() {
        return None;
    }
    let held = target.defers_held.first()?;
    let is_here = |g: &&HeldGroup| g.kind == label("kind") && g.site == label("site");
    let group = held.groups.iter().find(is_here)?;
    let standing = held.standings.get(group.standing)?;
    let how_many = if group.goroutines == 1 {
        "one goroutine".into()
    } else {
        format!("{} goroutines", group.goroutines)
    };
    let place = |how: &str, site: &SiteText| match site.function.as_str() {
        "" => String::new(),
        _ => format!("{how}{}", short_place(site)),
    };
    let at = place(" at ", &standing.at);
    let made = place(", created by ", &standing.created_at);
    let more = alert.site.as_ref().and_then(|site| command(&site.file, site.line)).unwrap_or_default();
    Some(format!("  held by {how_many}: {}{at}{made}{more}", standing.state))
}

/// The command that tells more. A name that a shell would take for more than a name is not put into one.
fn command(file: &str, line: u64) -> Option<String> {
    let base = file.rsplit('/').next().filter(|base| !base.is_empty() && line > 0)?;
    let is_plain = base.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'));
    (is_plain && !base.starts_with('-')).then(|| format!("; linger defers --site {base}:{line}"))
}

#[cfg(test)]
mod tests {
    use super::{basis, command, held, sampled};
    use crate::report::{
        AgentStatus, AlertStatus, CollectorStatus, DefersHeld, HeldGroup, SiteText, Standing, Status,
        TargetStatus,
    };

    fn status(state: &str, last_ok_ms: Option<i64>) -> Status {
        let census = CollectorStatus {
            collector: "defers".into(),
            state: state.into(),
            last_ok_ms,
            last_ok_every_s: Some(15.0),
            ..CollectorStatus::default()
        };
        let place = |function: &str, line| SiteText {
            function: function.into(),
            file: "/src/cart.go".into(),
            line,
            ..SiteText::default()
        };
        let standing = Standing {
            state: "chan receive".into(),
            at: place("a/cart.drain", 133),
            created_at: place("a/cart.New", 28),
            ..Standing::default()
        };
        let group =
            HeldGroup { kind: "heap".into(), site: "s".into(), goroutines: 3, ..HeldGroup::default() };
        let target = TargetStatus {
            target: "api".into(),
            up: true,
            collectors: vec![census],
            defers_held: vec![DefersHeld {
                standings: vec![standing],
                groups: vec![group],
                ..DefersHeld::default()
            }],
            ..TargetStatus::default()
        };
        Status {
            now_ms: 60_000,
            agent: AgentStatus { time_scale: 1.0, ..AgentStatus::default() },
            targets: vec![target],
            ..Status::default()
        }
    }

    #[test]
    fn what_is_judged_by_is_told_and_what_that_cannot_see() {
        #[track_caller]
        fn check(state: &str, last_ok_ms: Option<i64>, is_sampled: bool, expected: &str) {
            let status = status(state, last_ok_ms);
            assert_eq!(sampled(&status, None), usize::from(is_sampled));
            assert_eq!(sampled(&status, Some("other")), 0);
            let told = status.targets.iter().find_map(|t| basis(&status, t)).expect("it is up");
            assert!(told.contains(expected), "{told}");
        }
        check("ok", Some(50_000), false, "api: pending defers are counted in the process's memory");
        check("timed out", Some(30_000), false, "counted");
        check(
            "not permitted",
            None,
            true,
            "only sampled from heap profiles (defers is not permitted): a pile below",
        );
        check("not permitted", Some(1_000), true, "only sampled");
    }

    #[test]
    fn who_holds_what_fires_is_told_with_the_command_that_tells_more() {
        let alert = |site: &str, file: &str| AlertStatus {
            name: "DeferPile".into(),
            state: "firing".into(),
            since_ms: 0,
            series: "linger_defers_pending".into(),
            labels: [("target", "api"), ("kind", "heap"), ("site", site)]
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .into(),
            site: Some(SiteText { file: file.into(), line: 131, ..SiteText::default() }),
            value: None,
            value_low: None,
            growth_per_hour: None,
            rule: "r".into(),
        };
        let status = |last_ok_ms| status("ok", Some(last_ok_ms));
        assert_eq!(held(&status(1_000), &alert("s", "/src/cart.go")), None, "it may hold them no more");
        let status = status(50_000);
        let told =
            "  held by 3 goroutines: chan receive at cart.drain cart.go:133, created by cart.New cart.go:28";
        let with_command = format!("{told}; linger defers --site cart.go:131");
        assert_eq!(held(&status, &alert("s", "/src/cart.go")), Some(with_command));
        assert_eq!(held(&status, &alert("s", "/src/$(reboot).go")), Some(told.to_owned()));
        assert_eq!(held(&status, &alert("elsewhere", "/src/cart.go")), None);
        assert_eq!(command("/src/-o.go", 1), None);
    }
}
