//! Times as git records them.

use time::format_description::well_known::Rfc3339;
use time::{OffsetDateTime, UtcOffset};

/// The time of a commit or tag as it was recorded: seconds since 1970 and the offset's text.
///
/// It is the author's word: any clock, any offset, or nothing readable at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RawTime {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// The offset in minutes, where it was written as `+hhmm` or `-hhmm`.
    pub offset_minutes: Option<i32>,
}

impl RawTime {
    /// Reads `<seconds> <offset>`; `None` where the seconds are no number that fits.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        let mut words = text.split_ascii_whitespace();
        let seconds = words.next()?.parse::<i64>().ok()?;
        let offset_minutes = words.next().and_then(|offset| {
            let (sign, digits) = match offset.as_bytes() {
                [b'+', rest @ ..] => (1, rest),
                [b'-', rest @ ..] => (-1, rest),
                _ => return None,
            };
            if digits.len() != 4 || !digits.iter().all(u8::is_ascii_digit) {
                return None;
            }
            let two = |at: usize| i32::from(digits[at] - b'0') * 10 + i32::from(digits[at + 1] - b'0');
            (two(2) < 60).then(|| sign * (two(0) * 60 + two(2)))
        });
        Some(Self { seconds, offset_minutes })
    }

    /// The time by RFC 3339 with its own offset; `None` where RFC 3339 cannot say it (a year past 9999, an
    /// offset of a day or more, an offset that was not readable).
    pub fn rfc3339(&self) -> Option<String> {
        let offset = UtcOffset::from_whole_seconds(self.offset_minutes?.checked_mul(60)?).ok()?;
        if offset.whole_hours().abs() > 23 {
            return None;
        }
        let time = OffsetDateTime::from_unix_timestamp(self.seconds).ok()?.checked_to_offset(offset)?;
        time.format(&Rfc3339).ok()
    }

    /// The time by RFC 3339 in UTC, whatever its offset.
    pub fn rfc3339_utc(seconds: i64) -> Option<String> {
        OffsetDateTime::from_unix_timestamp(seconds).ok()?.format(&Rfc3339).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::RawTime;

    fn shown(text: &str) -> Option<String> {
        RawTime::parse(text.as_bytes()).and_then(|time| time.rfc3339())
    }

    #[test]
    fn recorded_offsets_are_kept() {
        assert_eq!(shown("1700000000 +0530").as_deref(), Some("2023-11-15T03:43:20+05:30"));
        assert_eq!(shown("1700000000 -0800").as_deref(), Some("2023-11-14T14:13:20-08:00"));
        assert_eq!(shown("0 +0000").as_deref(), Some("1970-01-01T00:00:00Z"));
        assert_eq!(shown("-1 +0000").as_deref(), Some("1969-12-31T23:59:59Z"));
    }

    #[test]
    fn what_rfc3339_cannot_say_is_none() {
        assert_eq!(shown("99999999999999 +0000"), None);
        assert_eq!(shown("1700000000 +9900"), None);
        assert_eq!(shown("1700000000 +0099"), None);
        assert_eq!(shown("1700000000"), None);
        assert_eq!(shown("99999999999999999999999 +0000"), None);
        assert_eq!(shown("soon"), None);
    }
}
