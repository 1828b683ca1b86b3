//! When a server that says "later" wants to be asked again: `Retry-After` (RFC 9110, section 10.2.3), as a number of
//! seconds or as a date.

use std::fmt;
use std::time::Duration;

use time::{Date, Month, OffsetDateTime, Time};

/// Where a server says "at once", or a moment that is over: one that just refused gets a breath all the same.
const LEAST: Duration = Duration::from_secs(1);
/// A number that fits into nothing means "not today", as a year does.
const MOST: Duration = Duration::from_secs(366 * 24 * 60 * 60);

/// Where a server says "later" and not when. Clerk counts per ten seconds.
const UNSAID: Duration = Duration::from_secs(10);

/// When a server that says "later" wants to be asked again, by its own word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// After so long.
    In(Duration),
    /// At once, or at a moment that is over.
    AtOnce,
    /// It does not say.
    Unsaid,
}

impl When {
    /// How long it is left alone.
    pub fn wait(self) -> Duration {
        match self {
            Self::In(wait) => wait.clamp(LEAST, MOST),
            Self::AtOnce => LEAST,
            Self::Unsaid => UNSAID,
        }
    }
}

impl fmt::Display for When {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::In(_) => write!(f, "it says to wait {} s", self.wait().as_secs()),
            Self::AtOnce => f.write_str("it says to come again at once"),
            Self::Unsaid => f.write_str("it does not say for how long"),
        }
    }
}

/// What `Retry-After` says; nothing where it cannot be read.
///
/// A date counts from the server's own `Date`, since this machine's clock may be off, and from `now` where it sent none.
pub(super) fn when(retry_after: &str, date: Option<&str>, now: OffsetDateTime) -> Option<When> {
    let text = retry_after.trim();
    let wait = if let Some(wait) = seconds(text) {
        wait
    } else {
        let now = date.and_then(moment).unwrap_or(now);
        // What is over already is no time to wait.
        Duration::try_from(moment(text)? - now).unwrap_or_default()
    };
    Some(if wait.is_zero() { When::AtOnce } else { When::In(wait) })
}

/// A number of seconds. The RFC has whole ones alone; servers write parts of one, of which the next whole one is waited
/// for, and negative ones where the time is over.
fn seconds(text: &str) -> Option<Duration> {
    let (is_over, number) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(whole) || !is_number(part) {
        return None;
    }
    let begun = u64::from(part.bytes().any(|digit| digit != b'0'));
    let wait = whole.parse::<u64>().ok().and_then(|whole| whole.checked_add(begun)).map_or(MOST, Duration::from_secs);
    Some(if is_over { Duration::ZERO } else { wait })
}

/// A date in any of the three forms that a recipient must take (RFC 9110, section 5.6.7):
/// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT`, `Sun Nov  6 08:49:37 1994`.
fn moment(text: &str) -> Option<OffsetDateTime> {
    const LONGEST: usize = 64;
    let words: Vec<&str> =
        text.get(..text.len().min(LONGEST))?.split([' ', ',', '-']).filter(|word| !word.is_empty()).collect();
    let (day, month, year, clock) = match words[..] {
        [_, day, month, year, clock, "GMT"] => (day, month, year, clock),
        [_, month, day, clock, year] => (day, month, year, clock),
        _ => return None,
    };
    let month = match month {
        "Jan" => Month::January,
        "Feb" => Month::February,
        "Mar" => Month::March,
        "Apr" => Month::April,
        "May" => Month::May,
        "Jun" => Month::June,
        "Jul" => Month::July,
        "Aug" => Month::August,
        "Sep" => Month::September,
        "Oct" => Month::October,
        "Nov" => Month::November,
        "Dec" => Month::December,
        _ => return None,
    };
    // The form with two digits is as old as the century before.
    let year = match (year.len(), year.parse::<i32>().ok()?) {
        (2, short @ 0..70) => 2000 + short,
        (2, short @ 70..) => 1900 + short,
        (4, year) => year,
        _ => return None,
    };
    let date = Date::from_calendar_date(year, month, day.parse().ok()?).ok()?;
    let mut parts = clock.split(':').map(str::parse::<u8>);
    let mut part = || parts.next()?.ok();
    // A leap second is the next one's beginning, near enough.
    let time = Time::from_hms(part()?, part()?, part()?.min(59)).ok()?;
    Some(date.with_time(time).assume_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATE: &str = "Sun, 06 Nov 1994 08:49:37 GMT";

    fn seconds(text: &str, date: Option<&str>) -> Option<u64> {
        when(text, date, moment(DATE).unwrap()).map(|when| when.wait().as_secs())
    }

    #[test]
    fn the_three_forms_of_a_date_are_one_moment() {
        // The examples of RFC 9110.
        for text in [DATE, "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(moment(text).unwrap().unix_timestamp(), 784_111_777, "{text}");
        }
        assert_eq!(moment("Tue, 01-Dec-26 00:00:00 GMT").unwrap().year(), 2026);
        assert_eq!(moment("Thu, 31 Dec 2026 23:59:60 GMT").unwrap().second(), 59);
    }

    #[test]
    fn a_date_counts_from_the_servers_own_clock() {
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:07 GMT", None), Some(30));
        assert_eq!(seconds("Sun, 06 Nov 2044 08:50:07 GMT", Some("Sun, 06 Nov 2044 08:50:00 GMT")), Some(7));
        assert_eq!(seconds("Sun, 06 Nov 1994 08:50:07 GMT", Some("nonsense")), Some(30));
    }

    #[test]
    fn what_is_over_and_what_never_ends_are_bounded() {
        for text in ["0", "-5", "-0.5", "0.0", "Sun, 06 Nov 1994 08:00:00 GMT", "Thu, 01 Jan 1970 00:00:00 GMT"] {
            assert_eq!(seconds(text, None), Some(1), "{text}");
            let when = when(text, None, moment(DATE).unwrap()).unwrap();
            assert_eq!(when.to_string(), "it says to come again at once", "{text}");
        }
        let most = Some(MOST.as_secs());
        assert_eq!(seconds("99999999999999999999999999", None), most);
        assert_eq!(seconds("18446744073709551615", None), most);
        assert_eq!(seconds("Fri, 31 Dec 9999 23:59:59 GMT", None), most);
        assert_eq!(seconds("18446744073709551615.5", None), most);
        assert_eq!(seconds(" 120 ", None), Some(120));
        assert_eq!((seconds("1.5", None), seconds("30.000", None)), (Some(2), Some(30)));
    }

    #[test]
    fn a_server_is_not_said_to_have_said_what_it_did_not() {
        assert_eq!(When::In(Duration::from_secs(30)).to_string(), "it says to wait 30 s");
        assert_eq!(When::Unsaid.to_string(), "it does not say for how long");
        assert_eq!(When::Unsaid.wait(), UNSAID);
    }

    #[test]
    fn what_is_no_time_says_nothing() {
        for text in [
            "",
            "soon",
            "-",
            "1.",
            ".5",
            "1.5.2",
            "--5",
            "1e3",
            "Sun, 06 Nov 1994 08:49:37",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 31 Feb 1994 08:49:37 GMT",
            "Sun, 06 Now 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 25:00:00 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
            "Sun, 06 Nov 123456 08:49:37 GMT",
            "Sun, 06 Nov -994 08:49:37 GMT",
            "é Nov  6 08:49:37 1994 é",
        ] {
            assert_eq!(seconds(text, None), None, "{text}");
        }
        assert_eq!(seconds(&"é".repeat(100), None), None);
    }
}
