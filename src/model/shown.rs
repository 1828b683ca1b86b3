//! A string that went through masking.

use std::fmt;
use std::sync::Arc;

/// Text of a repository's that may be shown: every key in it has become its hint, and what is not UTF-8 stands
/// as `\xNN`, with a backslash doubled, so that it can be told from the escape.
///
/// It is not yet escaped for where it will stand: a terminal, Markdown and JSON each have their own dangers, and
/// each writer minds its own. Only `detect::mask` builds one from bytes, and only `report::read` takes one out of a
/// document, every string of which it has masked anew (a test holds the source to both). A copy costs nothing: a commit
/// can bring thousands of keys, each of which is told with its subject.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Shown(Arc<str>);

impl Shown {
    /// So many bytes of a text are shown. The longest path that a file can be checked out at has 4,096.
    pub const LONGEST: usize = 8 << 10;

    /// Takes bytes in which every key has been replaced already. For `detect::mask` alone.
    pub(crate) fn from_masked(masked: &[u8]) -> Self {
        // With what is added it is no longer, so that a reader of reports does not cut it again.
        const ADDED: usize = "… (18446744073709551615 bytes)".len();
        let all = masked.len();
        let is_inside = |at: usize| masked.get(at).is_some_and(|byte| byte & 0xc0 == 0x80);
        // A character has at most three bytes behind its first.
        let most = Self::LONGEST - ADDED;
        let end = (most - 3..=most).rev().find(|at| !is_inside(*at)).unwrap_or(most);
        let masked = if all > Self::LONGEST { &masked[..end] } else { masked };
        let mut text = String::with_capacity(masked.len());
        for chunk in masked.utf8_chunks() {
            for character in chunk.valid().chars() {
                if character == '\\' {
                    text.push('\\');
                }
                text.push(character);
            }
            for byte in chunk.invalid() {
                text.push_str(&format!("\\x{byte:02x}"));
            }
        }
        if all > Self::LONGEST {
            text.push_str(&format!("… ({all} bytes)"));
        }
        Self(text.into())
    }

    /// Text of this program's own, in which nothing of a repository's stands.
    pub fn own(text: &'static str) -> Self {
        Self(text.into())
    }

    /// This text with text of this program's own before it and after it (a reflog's `@{3}`, say).
    pub fn between(&self, before: &str, after: &str) -> Self {
        Self(format!("{before}{}{after}", self.0).into())
    }

    /// The bytes that this stands for: the escapes undone. For a reader of reports, which masks them anew, and for
    /// what needs a path itself, which a masked one is no longer.
    pub fn unescaped(&self) -> Vec<u8> {
        Self::unescape(&self.0)
    }

    /// The bytes that a text of a report stands for.
    pub fn unescape(text: &str) -> Vec<u8> {
        let text = text.as_bytes();
        let mut bytes = Vec::with_capacity(text.len());
        let mut at = 0;
        while at < text.len() {
            let escape = match &text[at..] {
                [b'\\', b'\\', ..] => Some((b'\\', 2)),
                [b'\\', b'x', high, low, ..] => hex(*high).zip(hex(*low)).map(|(high, low)| (high << 4 | low, 4)),
                _ => None,
            };
            let (byte, length) = escape.unwrap_or((text[at], 1));
            bytes.push(byte);
            at += length;
        }
        bytes
    }

    /// The text, for a writer that will escape it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).map(|value| value as u8)
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_not_text_are_told_apart_from_text_that_looks_so() {
        assert_eq!(Shown::from_masked(b"a\xffb").as_str(), "a\\xffb");
        assert_eq!(Shown::from_masked(b"a\\xffb").as_str(), "a\\\\xffb");
        assert_eq!(Shown::from_masked("é\u{202e}".as_bytes()).as_str(), "é\u{202e}");
    }

    #[test]
    fn of_a_long_text_the_beginning_is_shown_and_no_half_character() {
        for length in Shown::LONGEST - 40..Shown::LONGEST + 40 {
            for end in ["é", "\u{10348}", "x", "\u{2026}"] {
                let text = format!("{}{}", "x".repeat(length), end.repeat(30));
                let shown = Shown::from_masked(text.as_bytes());
                assert!(shown.as_str().len() <= Shown::LONGEST && !shown.as_str().contains('\\'), "{length} {end}");
                let is_cut = text.len() > Shown::LONGEST;
                assert_eq!(shown.as_str() != text, is_cut, "{length} {end}");
                assert_eq!(shown.as_str().ends_with(&format!("… ({} bytes)", text.len())), is_cut, "{length} {end}");
                assert_eq!(Shown::from_masked(&shown.unescaped()), shown, "{length} {end}");
            }
        }
        let bytes = vec![0x80; 2 * Shown::LONGEST];
        let shown = Shown::from_masked(&bytes);
        assert_eq!(Shown::from_masked(&shown.unescaped()), shown);
    }

    #[test]
    fn escapes_can_be_undone() {
        for bytes in [&b"a\xffb"[..], b"a\\xffb", b"\\", b"", "\u{e9}\u{202e}\0".as_bytes(), b"\xf0\x9f"] {
            assert_eq!(Shown::from_masked(bytes).unescaped(), bytes);
        }
        assert_eq!(Shown(r"a\q\x0g\".into()).unescaped(), br"a\q\x0g\");
    }
}
