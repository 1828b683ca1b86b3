//! Times for people, and how long Clerk keeps its logs of one.

use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime, UtcOffset};

use crate::model::{Exposure, Identity, KeyReport, LedgerEntry, Report};

use super::escape;

/// Said once in each report that people read: nothing in a repository tells when a ref moved.
pub(super) const COMMIT_CLOCKS: &str = "Times are commit clocks: they tell when commits were made, by their makers' \
                                        word, and not when they were pushed.";

/// What a Clerk plan keeps of its application and admin logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub(super) name: &'static str,
    /// For how many days.
    pub(super) days: i64,
}

/// Clerk's plans, the shortest memory first.
pub(super) const PLANS: [Plan; 3] =
    [Plan { name: "Hobby", days: 1 }, Plan { name: "Pro", days: 7 }, Plan { name: "Business", days: 30 }];

impl Plan {
    /// The plan of this name, in small letters.
    pub fn named(name: &str) -> Option<Self> {
        PLANS.into_iter().find(|plan| plan.name.to_ascii_lowercase() == name)
    }

    /// `1 day`, `7 days`.
    pub(super) fn keeps(self) -> String {
        super::wording::count(self.days.unsigned_abs(), "day", "days")
    }
}

/// The logs of one moment on one plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Logs {
    /// They are kept until this day (UTC).
    Until(String),
    /// They were dropped on the first of these days; what is younger than the second is still there.
    Gone { on: String, left_since: String },
}

/// What is left, at `now`, of the logs of `start`; `None` where one of them is no time that can be counted from.
pub(super) fn logs(start: &str, now: &str, plan: Plan) -> Option<Logs> {
    let kept = Duration::days(plan.days);
    let (start, now) = (parse(start)?, parse(now)?);
    let gone = start.checked_add(kept)?;
    if gone > now {
        return Some(Logs::Until(day(gone)?));
    }
    Some(Logs::Gone { on: day(gone)?, left_since: day(now.checked_sub(kept)?)? })
}

/// Whether `time` is later than `now`: the clock that set it ran ahead.
pub(super) fn is_ahead(time: &str, now: &str) -> bool {
    parse(time).zip(parse(now)).is_some_and(|(time, now)| time > now)
}

/// Whether the clock of a key's first exposure ran ahead of the report's.
pub(super) fn is_exposed_ahead(key: &KeyReport, report: &Report) -> bool {
    key.exposure.start.as_deref().is_some_and(|start| is_ahead(start, &report.generated_at))
}

/// Said of an exposure of which that is so.
pub(super) const AHEAD: &str = "its clock runs ahead of this report's";

/// The day of a time in UTC.
pub(super) fn utc_day(text: &str) -> Option<String> {
    day(parse(text)?)
}

/// The earliest start among the exposures of these keys.
pub(super) fn earliest_start<'a>(keys: impl IntoIterator<Item = &'a KeyReport>) -> Option<&'a str> {
    let starts = keys.into_iter().filter_map(|key| key.exposure.start.as_deref());
    starts.filter_map(|start| Some((parse(start)?, start))).min_by_key(|&(time, _)| time).map(|(_, start)| start)
}

/// A time of a report for people: `2026-01-02 03:04:05 +01:00`, or `… UTC`.
pub(super) fn readable(text: &str) -> String {
    let Some(time) = parse(text) else {
        return escape::terminal(text).to_string();
    };
    let minutes = time.offset().whole_seconds() / 60;
    let offset = match minutes {
        0 => "UTC".to_owned(),
        _ => {
            let sign = if minutes < 0 { '-' } else { '+' };
            format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
        }
    };
    let (hour, minute, second) = time.to_hms();
    format!("{} {hour:02}:{minute:02}:{second:02} {offset}", date(time))
}

/// The time of a record, which may have none.
pub(super) fn pushed_at(entry: &LedgerEntry) -> &str {
    Some(entry.time.as_str()).filter(|time| !time.is_empty()).unwrap_or("an unknown time")
}

/// A time told beside another: by the same clock on the wall.
pub(super) fn readable_beside(text: &str, other: Option<&str>) -> String {
    let told = || parse(text)?.to_offset(parse(other?)?.offset()).format(&Rfc3339).ok();
    told().map_or_else(|| readable(text), |text| readable(&text))
}

/// The time of an author, committer or tagger, where git recorded one that can be read.
pub(super) fn recorded(identity: &Identity) -> Option<String> {
    identity.moment().as_deref().map(readable)
}

/// The span of an exposure, in words; `cut` where history is cut at its first introduction.
pub(super) fn span(exposure: &Exposure, cut: bool) -> String {
    use crate::model::EndReason;
    let start = exposure.start.as_deref().map(readable);
    let or_before = if cut { "at or before " } else { "" };
    let since = start.as_ref().map_or("since an unknown time".to_owned(), |start| format!("since {or_before}{start}"));
    let from = start.as_ref().map_or("from an unknown time".to_owned(), |start| format!("from {or_before}{start}"));
    match exposure.end_reason {
        EndReason::Open => format!("{since}, still open"),
        EndReason::Removed => match exposure.end.as_deref().map(readable) {
            Some(end) if is_backwards(exposure) => {
                format!("{from} until a commit removed it, which is dated before that, {end}: a clock was off")
            }
            Some(end) => format!("{from} until {end}, when a commit removed it"),
            None => format!("{from} until an unknown time, when a commit removed it"),
        },
        EndReason::RefGone => format!("{from}, end not known: the ref that had it was deleted or rewritten"),
        EndReason::NoRef if start.is_some() => format!("{since}, by a commit; no ref is known to have reached it"),
        EndReason::NoRef => "for an unknown time; no ref is known to have reached it".to_owned(),
    }
}

/// Whether it ended before it began, by the clocks of those who made the commits.
pub(super) fn is_backwards(exposure: &Exposure) -> bool {
    let [start, end] = [&exposure.start, &exposure.end].map(|time| time.as_deref().and_then(parse));
    start.zip(end).is_some_and(|(start, end)| end < start)
}

/// A time in seconds, where it is one.
pub(super) fn seconds(text: &str) -> Option<i64> {
    parse(text).map(OffsetDateTime::unix_timestamp)
}

pub(super) fn parse(text: &str) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok()
}

pub(super) fn day(time: OffsetDateTime) -> Option<String> {
    time.checked_to_offset(UtcOffset::UTC).map(date)
}

fn date(time: OffsetDateTime) -> String {
    let (year, month, day) = time.to_calendar_date();
    format!("{year:04}-{:02}-{day:02}", u8::from(month))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::EndReason;

    const NOW: &str = "2026-11-23T10:00:00Z";

    #[test]
    fn logs_are_counted_from_the_first_exposure_in_utc() {
        let start = "2026-11-20T23:30:00-02:00";
        assert_eq!(
            PLANS.map(|plan| logs(start, NOW, plan)),
            [
                Some(Logs::Gone { on: "2026-11-22".into(), left_since: "2026-11-22".into() }),
                Some(Logs::Until("2026-11-28".into())),
                Some(Logs::Until("2026-12-21".into())),
            ]
        );
        assert_eq!(
            logs("2026-11-22T10:00:00Z", NOW, PLANS[0]).map(|logs| matches!(logs, Logs::Gone { .. })),
            Some(true)
        );
        assert_eq!(utc_day(start).as_deref(), Some("2026-11-21"));
    }

    #[test]
    fn no_time_is_too_odd() {
        for text in ["", "soon", "9999-12-31T23:59:59-23:59", "0000-01-01T00:00:00+23:59", "\u{1b}[2J"] {
            for plan in PLANS {
                let _ = logs(text, NOW, plan);
                let _ = logs(NOW, text, plan);
            }
            let _ = utc_day(text);
            assert!(!readable(text).contains('\u{1b}'));
        }
        assert_eq!(utc_day("9999-12-31T23:59:59-23:59"), None);
        assert_eq!(readable("9999-12-31T23:59:59-23:59"), "9999-12-31 23:59:59 -23:59");
    }

    #[test]
    fn people_read_the_recorded_offset() {
        assert_eq!(readable("2026-01-02T03:04:05Z"), "2026-01-02 03:04:05 UTC");
        assert_eq!(readable("2026-01-02T03:04:05+05:30"), "2026-01-02 03:04:05 +05:30");
        assert_eq!(readable("2026-01-02T03:04:05-00:30"), "2026-01-02 03:04:05 -00:30");
        assert!(is_ahead("2026-11-23T12:00:01+02:00", NOW));
        assert!(!is_ahead("2026-11-23T12:00:00+02:00", NOW));
    }

    #[test]
    fn spans_say_how_they_ended() {
        let exposure = |start: Option<&str>, end: Option<&str>, end_reason| Exposure {
            start: start.map(str::to_owned),
            end: end.map(str::to_owned),
            open: end_reason == EndReason::Open,
            end_reason,
        };
        let (start, end) = (Some("2026-01-02T03:04:05Z"), Some("2026-02-02T03:04:05Z"));
        let cases = [
            (exposure(start, None, EndReason::Open), false, "since 2026-01-02 03:04:05 UTC, still open"),
            (exposure(start, None, EndReason::Open), true, "since at or before 2026-01-02 03:04:05 UTC, still open"),
            (
                exposure(start, end, EndReason::Removed),
                false,
                "from 2026-01-02 03:04:05 UTC until 2026-02-02 03:04:05 UTC, when a commit removed it",
            ),
            (exposure(None, None, EndReason::NoRef), false, "for an unknown time; no ref is known to have reached it"),
        ];
        for (exposure, cut, expected) in cases {
            assert_eq!(span(&exposure, cut), expected);
        }
    }
}
