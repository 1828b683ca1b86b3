//! Until when a server wants to be left alone.

use serde::{Deserialize, Serialize};
use time::format_description::well_known::Rfc3339;
use time::{Duration, OffsetDateTime};

/// That a server said "later" (`Retry-After`) when it was asked about a key, kept for the next run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Wait {
    /// Until when, RFC 3339, UTC, by the asking machine's clock.
    pub until: String,
    /// When it said so, by the same clock.
    pub said_at: String,
    /// Whether it meant all questions, and not those about this key's instance alone.
    #[serde(default)]
    pub of_all: bool,
}

impl Wait {
    /// Whoever names a longer time is asked once in this one all the same.
    pub const LONGEST: std::time::Duration = std::time::Duration::from_secs(7 * 24 * 60 * 60);

    /// Of a server that said to wait for so long, now; none where there is no such moment.
    pub fn from_now(now: OffsetDateTime, wait: std::time::Duration, of_all: bool) -> Option<Self> {
        let text = |at: OffsetDateTime| at.replace_nanosecond(0).unwrap_or(at).format(&Rfc3339).ok();
        let until = now.checked_add(Duration::try_from(wait.min(Self::LONGEST)).ok()?)?;
        Some(Self { until: text(until)?, said_at: text(now)?, of_all })
    }

    /// Whether it is still to be left alone. What was said at a time that has not come yet was noted by a clock that is off,
    /// and nothing says when that was.
    pub fn is_on(&self, now: OffsetDateTime) -> bool {
        let moment = |text: &str| OffsetDateTime::parse(text, &Rfc3339).ok();
        moment(&self.said_at)
            .zip(moment(&self.until))
            .is_some_and(|(said_at, until)| said_at <= now && now < until && now - said_at < Self::LONGEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_is_over_when_it_says_so_and_never_lasts_for_ever() {
        let now = OffsetDateTime::parse("2026-11-24T10:00:00.5Z", &Rfc3339).unwrap();
        let hour = Wait::from_now(now, std::time::Duration::from_secs(3600), false).unwrap();
        assert_eq!((hour.said_at.as_str(), hour.until.as_str()), ("2026-11-24T10:00:00Z", "2026-11-24T11:00:00Z"));
        assert!(hour.is_on(now) && hour.is_on(now + Duration::minutes(59)));
        assert!(!hour.is_on(now + Duration::HOUR));
        // By a clock that ran ahead, and with a number that fits into nothing.
        assert!(!hour.is_on(now - Duration::DAY));
        let year = Wait::from_now(now, std::time::Duration::MAX.min(std::time::Duration::from_secs(1 << 40)), true);
        assert!(year.is_none_or(|year| year.is_on(now) && !year.is_on(now + Duration::days(8))));
        let forged = Wait { until: "9999-01-01T00:00:00Z".to_owned(), ..hour.clone() };
        assert!(forged.is_on(now + Duration::days(6)) && !forged.is_on(now + Duration::days(8)));
        assert!(!Wait { until: "soon".to_owned(), ..hour }.is_on(now));
    }
}
