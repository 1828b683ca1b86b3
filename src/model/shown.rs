//! A string that went through masking.

use std::fmt;

/// Text of a repository's that may be shown: every key in it has become its hint, and what is not UTF-8 stands
/// as `\xNN`, with a backslash doubled, so that it can be told from the escape.
///
/// It is not yet escaped for where it will stand: a terminal, Markdown and JSON each have their own dangers, and
/// each writer minds its own. Only `detect::mask` builds one from bytes (a test holds the source to it).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Shown(String);

impl Shown {
    /// Takes bytes in which every key has been replaced already. For `detect::mask` alone.
    pub(crate) fn from_masked(masked: &[u8]) -> Self {
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
        Self(text)
    }

    /// Text of this program's own, in which nothing of a repository's stands.
    pub fn own(text: &'static str) -> Self {
        Self(text.to_owned())
    }

    /// This text with text of this program's own before it and after it (a reflog's `@{3}`, say).
    pub fn between(&self, before: &str, after: &str) -> Self {
        Self(format!("{before}{}{after}", self.0))
    }

    /// The text, for a writer that will escape it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
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
}
