//! Times: as git records them, and as reports write them.

use std::fmt;

/// Seconds since 1970 and the offset that was recorded, in minutes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) seconds: i64,
    pub(crate) offset: i64,
}

impl fmt::Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{:+}min", self.seconds, self.offset)
    }
}

impl Moment {
    /// Reads `1700000000 +0530`.
    pub(crate) fn recorded(text: &str) -> Self {
        let (seconds, zone) = text.split_once(' ').expect("seconds and an offset");
        let digits: i64 = zone[1..].parse().expect("an offset of four digits");
        let minutes = digits / 100 * 60 + digits % 100;
        Self {
            seconds: seconds.parse().expect("seconds"),
            offset: if zone.starts_with('-') { -minutes } else { minutes },
        }
    }

    /// Reads RFC 3339, `2023-11-15T03:43:20+05:30`.
    pub(crate) fn reported(text: &str) -> Option<Self> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<i64>().ok();
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let offset = match text.get(19..)? {
            "Z" => 0,
            zone => {
                let minutes = zone.get(1..3)?.parse::<i64>().ok()? * 60 + zone.get(4..6)?.parse::<i64>().ok()?;
                if zone.starts_with('-') { -minutes } else { minutes }
            }
        };
        let seconds = ((days_before_year(year) + days_before(year, month) + day - 1) * 24 + hour) * 3600;
        Some(Self { seconds: seconds + minute * 60 + second - offset * 60, offset })
    }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_before_year(year: i64) -> i64 {
    let days_of = |year: i64| if is_leap(year) { 366 } else { 365 };
    if year >= 1970 { (1970..year).map(days_of).sum() } else { -(year..1970).map(days_of).sum::<i64>() }
}

fn days_before(year: i64, month: i64) -> i64 {
    let february = if is_leap(year) { 29 } else { 28 };
    let months = [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    months.iter().take(usize::try_from(month - 1).expect("a month")).sum()
}
