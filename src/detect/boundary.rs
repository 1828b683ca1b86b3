//! Whether a token begins where its prefix does, and where one of base64 ends.

use super::encoding::hex::pair;

/// Whether the prefix at `at` is the end of a longer word (`task_test_…`, `risk_live_…`) and so no prefix.
///
/// Only a lowercase letter right before it makes a word, and only where that letter is no part of an escape (`\n`,
/// `%3d`, `\x3d`, `\u003d`, a terminal's `ESC[32m`) and no option of a command's (`-u`). Anything else hides nothing: a
/// digit or capital there is a length byte or a neighbouring column.
pub(super) fn is_inside_word(text: &[u8], at: usize) -> bool {
    let before = &text[..at];
    let Some(last) = before.last() else { return false };
    last.is_ascii_lowercase() && !ends_with_escape(before) && !ends_with_option(before)
}

fn ends_with_escape(text: &[u8]) -> bool {
    let hex_tail = |digits: usize, marker: &[u8]| {
        let head = text.len().checked_sub(digits + marker.len());
        head.is_some_and(|head| {
            text[head..].starts_with(marker) && text[head + marker.len()..].iter().all(u8::is_ascii_hexdigit)
        })
    };
    match text {
        // PowerShell's begin with a backtick.
        [.., b'\\' | b'`', b'a' | b'b' | b'e' | b'f' | b'n' | b'r' | b't' | b'v'] => true,
        _ if ends_with_control(text) => true,
        _ => {
            hex_tail(2, b"%")
                || hex_tail(2, b"%25")
                || hex_tail(2, b"\\x")
                || hex_tail(4, b"\\u")
                || hex_tail(4, b"%u")
                || hex_tail(8, b"\\U")
                || ends_with_quoted_mark(text)
        }
    }
}

/// `=3d`, and what else quoted-printable spells so that is no letter.
fn ends_with_quoted_mark(text: &[u8]) -> bool {
    let Some(at) = text.len().checked_sub(3).filter(|at| text[*at] == b'=') else { return false };
    pair(text, at + 1).is_some_and(|byte| byte.is_ascii() && !byte.is_ascii_alphanumeric())
}

/// What a terminal takes for itself: `ESC [ ? 25 h`, `ESC c`; a colour, `ESC [ 1 ; 32 m`, in whatever way its escape is spelt.
fn ends_with_control(text: &[u8]) -> bool {
    const LONGEST: usize = 64;
    let Some((last, before)) = text.split_last() else { return false };
    let between = before.iter().rev().take(LONGEST).take_while(|byte| matches!(byte, b' '..=b'?')).count();
    let (before, between) = before.split_at(before.len() - between);
    let opened = before.strip_suffix(b"[");
    let is_colour = *last == b'm' && opened.is_some() && between.iter().all(|byte| *byte >= b'0');
    is_colour || ends_with_esc(opened.unwrap_or(before)) || before.ends_with(b"\x9b")
}

/// The character that begins such a sequence, as it stands or spelt.
fn ends_with_esc(text: &[u8]) -> bool {
    const SPELT: [&[u8]; 10] =
        [b"\x1b", b"\\e", b"\\x1b", b"\\033", b"\\u001b", b"\\u{1b}", b"^[", b"%1b", b"&#27;", b"&#x1b;"];
    let ends =
        |spelt: &&[u8]| text.len().checked_sub(spelt.len()).is_some_and(|at| text[at..].eq_ignore_ascii_case(spelt));
    SPELT.iter().any(ends)
}

/// A short option that its value is glued to: `-u` of `curl`.
fn ends_with_option(text: &[u8]) -> bool {
    match text {
        [b'-', _] => true,
        [.., before, b'-', _] => before.is_ascii_whitespace() || matches!(before, b'"' | b'\'' | b'`' | 0),
        _ => false,
    }
}

/// How long the body of a secret is that `text` begins with, padding apart. What stands right behind it may have base64's
/// signs too: what parts texts in a command of `sed`, and behind that another of `next`, the secret's prefix or its
/// variable's name. No base64 is one longer than a multiple of four, and nobody's secret has 33 bytes: then the last of
/// `parts` is none of it.
pub(super) fn body_length(text: &[u8], [prefix, name]: [&[u8]; 2], parts: &[u8]) -> usize {
    const OF_33_BYTES: usize = 44;
    /// A shorter name stands in a body by chance.
    const SHORTEST_NAME: usize = 6;
    let is_body = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'+' | b'/' | b'-' | b'_');
    let run = &text[..text.iter().take_while(is_body).count()];
    let ends_in_sign = |length: usize| run[..length].last().is_some_and(|byte| !byte.is_ascii_alphanumeric());
    let next = [prefix, name].into_iter().filter(|next| *next == prefix || next.len() >= SHORTEST_NAME);
    let another = next.filter_map(|next| memchr::memmem::find_iter(run, next).find(|at| ends_in_sign(*at))).min();
    let length = another.map_or(run.len(), |at| at - 1);
    let is_too_long = length % 4 == 1 || length == OF_33_BYTES;
    length - usize::from(is_too_long && run[..length].last().is_some_and(|last| parts.contains(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_hide_a_prefix_and_escapes_do_not() {
        for (before, inside) in [
            ("", false),
            ("ta", true),
            ("ri", true),
            ("=", false),
            ("2", false),
            ("A", false),
            ("_", false),
            ("\\n", false),
            ("\\t", false),
            ("\\\\n", false),
            ("%3d", false),
            ("%3D", false),
            ("%253d", false),
            ("\\u003d", false),
            ("\\x3d", false),
            ("\x1b[32m", false),
            ("\\e[1;32m", false),
            ("\\x1b[0m", false),
            ("item", true),
            ("dn", true),
            ("3d", true),
            ("zz%3", false),
            ("\\U0000003d", false),
            ("ab\\q", true),
            ("=3d", false),
            ("=0a", false),
            ("=ad", true),
            ("=4d", true),
            ("ask", true),
            ("\x1b[?25h", false),
            ("\x1b[38:2::1:2:3m", false),
            ("\x1b[5 q", false),
            ("\\x1B[?25l", false),
            ("[?25h", true),
            ("\x1b[?25ta", true),
            ("`n", false),
            ("`ta", true),
            ("-u", false),
            ("curl -u", false),
            ("a-u", true),
        ] {
            let text = [before.as_bytes(), b"sk_"].concat();
            assert_eq!(is_inside_word(&text, before.len()), inside, "{before:?}");
        }
    }

    #[test]
    fn a_body_ends_before_what_parts_it_from_the_rest() {
        for (text, length) in [
            ("abcd", 4),
            ("abc/", 4),
            ("abcd/", 4),
            ("abcde", 5),
            ("abcd/'", 4),
            ("abcd_ef=", 7),
            ("ab+/", 4),
            ("", 0),
            ("/", 0),
            ("abcd/ak_efgh/", 4),
            ("abcde/ak_efgh", 5),
            ("abcdak_efg", 10),
            ("abcd/NAMED_SO=", 4),
            ("ab-NAMED_SO=ak_", 2),
        ] {
            assert_eq!(body_length(text.as_bytes(), [b"ak_", b"NAMED_SO"], b"/+-_"), length, "{text}");
        }
        assert_eq!(body_length(b"abcd+key/ef", [b"ak_", b"key"], b"/"), 11, "a name that is a body's by chance");
        assert_eq!(body_length(b"abcd-", [b"ak_", b""], b"/"), 5, "what parts nothing");
    }
}
