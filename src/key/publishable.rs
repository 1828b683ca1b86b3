//! Publishable keys. They are no secret: each is the base64 of its instance's Frontend API host and a `$`, so one
//! beside a secret key tells which instance that key is for (Clerk's `packages/shared/src/keys.ts` decodes the same
//! way).

use super::base64::{NO_SEXTET, SEXTETS};
use crate::model::Environment;

/// A publishable key that decodes.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Publishable {
    /// The environment its prefix names.
    pub environment: Environment,
    /// The key itself.
    pub text: String,
    /// The Frontend API host: letters, digits, dots and hyphens only.
    pub host: String,
}

/// Reads the publishable key at the start of `text`, which may go on behind it. `None` unless what follows the
/// prefix decodes to a host name and one `$`.
pub fn decode(text: &[u8]) -> Option<Publishable> {
    const PREFIX: usize = "pk_live_".len();
    let environment = match text.get(..PREFIX)? {
        b"pk_live_" => Environment::Live,
        b"pk_test_" => Environment::Test,
        _ => return None,
    };
    let rest = &text[PREFIX..];
    let is_base64 = |byte: &u8| SEXTETS[usize::from(*byte)] != NO_SEXTET;
    let run = rest.iter().take_while(|byte| is_base64(byte)).count().min(400);
    let padding = rest[run..].iter().take_while(|byte| **byte == b'=').count().min(2);
    // Something may be glued on (`…$` then `_next`): the `$` says where the key ends.
    let mut decoded = Vec::with_capacity(run * 3 / 4);
    let (mut bits, mut have) = (0u32, 0);
    for (at, byte) in rest[..run].iter().enumerate() {
        bits = (bits << 6) | u32::from(SEXTETS[usize::from(*byte)]);
        have += 6;
        if have >= 8 {
            have -= 8;
            let byte = (bits >> have) as u8;
            bits &= (1 << have) - 1;
            if byte == b'$' {
                let host = String::from_utf8(decoded).ok().filter(|host| is_host(host))?;
                let whole = at + 1 == run;
                let end = at + 1 + if whole { padding } else { 0 };
                let text = String::from_utf8(text[..PREFIX + end].to_vec()).ok()?;
                return Some(Publishable { environment, text, host });
            }
            decoded.push(byte);
        }
    }
    None
}

fn is_host(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    host.len() <= 253 && host.contains('.') && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_read_padded_or_not() {
        // clerk.example.com$ in base64
        for (text, taken) in [("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k", 32), ("pk_live_Y2xlcmsuZXhhbXBsZS5jb20k\" more", 32)]
        {
            let key = decode(text.as_bytes()).unwrap();
            assert_eq!((key.host.as_str(), key.environment), ("clerk.example.com", Environment::Live));
            assert_eq!(key.text.len(), taken);
        }
        // happy-cat-1.clerk.accounts.dev$ has a remainder, so padding may follow.
        let text = "pk_test_aGFwcHktY2F0LTEuY2xlcmsuYWNjb3VudHMuZGV2JA";
        for padding in ["", "=="] {
            let key = decode(format!("{text}{padding}").as_bytes()).unwrap();
            assert_eq!(key.host, "happy-cat-1.clerk.accounts.dev");
            assert!(key.text.ends_with(padding));
        }
    }

    #[test]
    fn what_is_no_host_is_no_publishable_key() {
        // "hello world$" and "nodots$"
        assert_eq!(decode(b"pk_test_aGVsbG8gd29ybGQk"), None);
        assert_eq!(decode(b"pk_test_bm9kb3RzJA=="), None);
        assert_eq!(decode(b"pk_test_51H8abcdEFGHijklMNOPqrst"), None);
        assert_eq!(decode(b"sk_test_Y2xlcmsuZXhhbXBsZS5jb20k"), None);
    }
}
