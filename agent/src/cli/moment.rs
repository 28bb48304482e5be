//! Points in time as people type them: `now-1h30m`, `2026-11-24 03:12`, RFC 3339, Unix seconds.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{AmbiguousOffset, TimeZone};

/// Plain numbers below this are seconds, from here on milliseconds: seconds until the year 5138,
/// milliseconds since March 1973.
const UNIX_MS_MIN: i64 = 100_000_000_000;

/// What is accepted, for help texts and errors.
pub(super) const FORMS: &str = "now, now-90m, now-1h30m, 2026-11-24T03:12:00Z, \"2026-11-24 03:12\" (local time), \
                                Unix seconds or milliseconds";

/// Milliseconds since the Unix epoch of what `text` says at `now_ms` in `zone`.
pub(super) fn parse(text: &str, now_ms: i64, zone: &TimeZone) -> Result<i64, String> {
    let text = text.trim();
    if let Some(offset) = text.strip_prefix("now") {
        return relative(offset.trim(), now_ms);
    }
    if let Ok(number) = text.parse::<i64>() {
        return unix(number);
    }
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant.as_millisecond());
    }
    if let Ok(local) = text.parse::<DateTime>() {
        return local_time(local, zone);
    }
    if humantime::parse_duration(text.trim_start_matches('-')).is_ok() {
        return Err(format!(
            "a length of time, not a time: did you mean now-{}?",
            text.trim_start_matches('-')
        ));
    }
    Err(format!("not a time; write one of {FORMS}"))
}

fn relative(offset: &str, now_ms: i64) -> Result<i64, String> {
    if offset.is_empty() {
        return Ok(now_ms);
    }
    let Some(length) = offset.strip_prefix('-') else {
        return Err("after `now` comes nothing or a length of time to go back: now-1h30m".into());
    };
    let length = humantime::parse_duration(length.trim()).map_err(|e| format!("after `now-`: {e}"))?;
    i64::try_from(length.as_millis())
        .ok()
        .and_then(|ms| now_ms.checked_sub(ms))
        .ok_or_else(|| "further back than time goes".into())
}

fn unix(number: i64) -> Result<i64, String> {
    let ms = if number < UNIX_MS_MIN { number.checked_mul(1_000) } else { Some(number) };
    ms.filter(|&ms| ms >= 0 && Timestamp::from_millisecond(ms).is_ok())
        .ok_or_else(|| "no time in Unix seconds or milliseconds".into())
}

/// Refuses local times that were skipped or came twice: a guess would be wrong by an hour and not say so.
fn local_time(local: DateTime, zone: &TimeZone) -> Result<i64, String> {
    let ambiguous = zone.to_ambiguous_timestamp(local);
    let offset = match ambiguous.offset() {
        AmbiguousOffset::Unambiguous { offset } => offset,
        AmbiguousOffset::Gap { before, after } => {
            return Err(format!(
                "clocks skipped this local time; say which with {before} or {after} behind it"
            ));
        }
        AmbiguousOffset::Fold { before, after } => {
            return Err(format!("this local time came twice; say which with {before} or {after} behind it"));
        }
    };
    let instant = offset.to_timestamp(local).map_err(|e| e.to_string())?;
    Ok(instant.as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::parse;
    use jiff::tz::TimeZone;

    const NOW_MS: i64 = 1_795_522_325_123;

    #[track_caller]
    fn check(text: &str, expected: Result<i64, &str>) {
        let zone = TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap();
        match (parse(text, NOW_MS, &zone), expected) {
            (Ok(got), Ok(expected)) => assert_eq!(got, expected, "{text}"),
            (Err(got), Err(part)) => assert!(got.contains(part), "{text}: {got}"),
            (got, expected) => panic!("{text}: {got:?} where {expected:?} was expected"),
        }
    }

    #[test]
    fn now_and_before() {
        check("now", Ok(NOW_MS));
        check("now-90m", Ok(NOW_MS - 5_400_000));
        check("now-1h30m", Ok(NOW_MS - 5_400_000));
        check("now - 1h 30m", Ok(NOW_MS - 5_400_000));
        check("now-2d", Ok(NOW_MS - 172_800_000));
        check("now+1h", Err("length of time to go back"));
        check("nowhere", Err("length of time to go back"));
        check("now-", Err("after `now-`"));
        check("now-5", Err("after `now-`"));
        check("now-5parsecs", Err("after `now-`"));
        check("now-300000000y", Err("further back"));
    }

    #[test]
    fn clock_times() {
        check("2026-11-24T12:12:05Z", Ok(1_795_522_325_000));
        check("2026-11-24T13:12:05+01:00", Ok(1_795_522_325_000));
        check("2026-11-24T12:12:05.123Z", Ok(NOW_MS));
        check("2026-11-24 13:12:05", Ok(1_795_522_325_000));
        check("2026-11-24 13:12", Ok(1_795_522_320_000));
        check("2026-11-24", Ok(1_795_474_800_000));
        check("2026-10-25 02:30", Err("came twice; say which with +02 or +01"));
        check("2026-10-25T02:30+02:00", Ok(1_792_888_200_000));
        check("2026-03-29 02:30", Err("skipped"));
        check("2026-13-01", Err("not a time"));
    }

    #[test]
    fn unix_seconds_and_milliseconds() {
        check("1795522325", Ok(1_795_522_325_000));
        check("1795522325123", Ok(NOW_MS));
        check("0", Ok(0));
        check("-5", Err("no time"));
        check("9223372036854775807", Err("no time"));
    }

    #[test]
    fn a_length_is_not_a_time() {
        check("1h", Err("did you mean now-1h?"));
        check("-90m", Err("did you mean now-90m?"));
        check("yesterday", Err("not a time; write one of now"));
        check("", Err("not a time"));
    }
}
