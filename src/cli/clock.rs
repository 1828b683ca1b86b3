//! The time of day.

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The time by this machine's clock, RFC 3339, UTC, whole seconds.
pub(super) fn now() -> String {
    let now = OffsetDateTime::now_utc();
    now.replace_nanosecond(0).unwrap_or(now).format(&Rfc3339).unwrap_or_else(|_| "1970-01-01T00:00:00Z".to_owned())
}
