//! Who sends webhooks, by the names around a signing secret.
//!
//! Names are looked for once in each part of a text, however many secrets stand in it: a list of thousands would else have
//! all that is around it read for each.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::context::{self, Beside, NamedAt};
use crate::key::Context;

/// Others who sign webhooks with `whsec_` or are often set up beside Clerk, and whether the word is plain English:
/// then it tells only with a capital, in quotes, or as a package's name.
const SENDERS: &[(&str, &str, bool)] = &[
    ("resend", "Resend", true),
    ("polar", "Polar", true),
    ("github", "GitHub", false),
    ("supabase", "Supabase", false),
    ("openai", "OpenAI", false),
    ("loops", "Loops", true),
    ("vercel", "Vercel", false),
    ("shopify", "Shopify", false),
    ("lemonsqueezy", "Lemon Squeezy", false),
    ("lemon squeezy", "Lemon Squeezy", false),
    ("replicate", "Replicate", true),
    ("dodopayments", "Dodo Payments", false),
    ("brex", "Brex", false),
    ("paddle", "Paddle", true),
    ("lithic", "Lithic", false),
    ("twilio", "Twilio", false),
    ("sendgrid", "SendGrid", false),
    ("whop", "Whop", false),
    ("trigger.dev", "Trigger.dev", false),
];

/// A name in a text.
#[derive(Clone, Copy)]
struct Name {
    start: usize,
    /// Where the word ends that names.
    end: usize,
    /// Where what it names ends: a publishable key is longer than its prefix.
    last: usize,
    whose: Context,
}

/// The names in a part of a text: of those who issue keys, and of those who send webhooks. In order.
type Names = [Vec<Name>; 2];

/// The names in a text, as far as somebody asked for them lately.
#[derive(Default)]
pub(super) struct Senders {
    parts: RefCell<Vec<(usize, Rc<Names>)>>,
}

impl Senders {
    const PART: usize = 64 << 10;
    /// So many parts are kept: those around a secret, and secrets come in order.
    const KEPT: usize = 6;

    /// The name nearest to the token at `at..end` of `text`, of those that stand in `from..to`.
    pub(super) fn nearest(&self, text: &[u8], (at, end): (usize, usize), (from, to): (usize, usize)) -> Context {
        let (to, end) = (to.min(text.len()), end.min(to));
        let (mut left, mut right) = (None::<Beside>, None::<(Beside, usize)>);
        for list in 0..2 {
            let before = (from / Self::PART..=at / Self::PART).rev().find_map(|part| {
                let names = &self.part(text, part)[list];
                let last = names[..names.partition_point(|name| name.end <= at)].last()?;
                Some(*last)
            });
            if let Some(name) = before.filter(|name| name.start >= from) {
                let beside = Beside::new(&text[name.last.min(at)..at], name.whose);
                left = Some(left.filter(|old| old.distance() <= beside.distance()).unwrap_or(beside));
            }
            let behind = (end / Self::PART..=to / Self::PART).find_map(|part| {
                let names = &self.part(text, part)[list];
                names.get(names.partition_point(|name| name.start < end)).copied()
            });
            if let Some(name) = behind.filter(|name| name.end <= to) {
                let beside = Beside::new(&text[end..name.start], name.whose);
                right =
                    Some(right.filter(|(old, _)| old.distance() <= beside.distance()).unwrap_or((beside, name.start)));
            }
        }
        context::nearer(text, at, left, right)
    }

    /// The same among the lines right before and behind the token's, up to one that is blank.
    pub(super) fn nearest_in_block(&self, text: &[u8], (at, end): (usize, usize)) -> Context {
        const FAR: usize = 2048;
        let is_blank = |line: &[u8]| line.trim_ascii().is_empty();
        let (mut first, to) = (at.saturating_sub(FAR), text.len().min(end + FAR));
        let mut line_start = first;
        for newline in memchr::memchr_iter(b'\n', &text[first..at]).map(|newline| at.saturating_sub(FAR) + newline) {
            if is_blank(&text[line_start..newline]) {
                first = newline + 1;
            }
            line_start = newline + 1;
        }
        let (mut last, mut line_start) = (to, None);
        for newline in memchr::memchr_iter(b'\n', &text[end..to]).map(|newline| end + newline) {
            if line_start.is_some_and(|start| is_blank(&text[start..newline])) {
                last = newline;
                break;
            }
            line_start = Some(newline + 1);
        }
        self.nearest(text, (at, end), (first, last))
    }

    /// The names that begin in a part.
    fn part(&self, text: &[u8], number: usize) -> Rc<Names> {
        /// No name is as long.
        const LONGEST: usize = 16;
        if let Some((_, names)) = self.parts.borrow().iter().find(|(known, _)| *known == number) {
            return Rc::clone(names);
        }
        let (from, to) = (number * Self::PART, text.len().min((number + 1) * Self::PART));
        // What begins before may end here, and then nothing begins in the midst of it.
        let (first, last) = (from.saturating_sub(LONGEST), text.len().min(to + LONGEST));
        let names = |search: Option<&AhoCorasick>, named: NamedAt| -> Vec<Name> {
            let found = search.into_iter().flat_map(|search| search.find_iter(&text[first.min(last)..last]));
            let found = found.map(|found| (first + found.start(), first + found.end(), found.pattern().as_usize()));
            let here = found.filter(|(start, ..)| (from..to).contains(start));
            let named = here.filter_map(|(start, end, pattern)| {
                let (last, whose) = named(text, (start, end), pattern)?;
                Some(Name { start, end, last, whose })
            });
            named.collect()
        };
        let names = Rc::new([names(context::search(), context::named_at), names(search(), sender_at)]);
        let mut parts = self.parts.borrow_mut();
        if parts.len() >= Self::KEPT {
            parts.remove(0);
        }
        parts.push((number, Rc::clone(&names)));
        names
    }
}

fn search() -> Option<&'static AhoCorasick> {
    static SEARCH: LazyLock<Option<AhoCorasick>> =
        LazyLock::new(|| context::search_of(SENDERS.iter().map(|(name, ..)| *name)));
    SEARCH.as_ref()
}

/// Whom the word at `start..end` of `text` names, if it does: it must be a word.
fn sender_at(text: &[u8], (start, end): (usize, usize), name: usize) -> Option<(usize, Context)> {
    let (_, vendor, is_english) = SENDERS[name];
    let before = start.checked_sub(1).map(|at| text[at]);
    let first = text[start];
    let begins = match before {
        Some(before) if before.is_ascii_lowercase() => first.is_ascii_uppercase(),
        Some(before) => !before.is_ascii_alphanumeric(),
        None => true,
    };
    let goes_on = text.get(end).is_some_and(|next| next.is_ascii_lowercase() || next.is_ascii_digit());
    let is_name = first.is_ascii_uppercase() || matches!(before, Some(b'"' | b'\'' | b'@' | b'/' | b'_' | b'['));
    (begins && !goes_on && (!is_english || is_name)).then_some((end, Context::Other(vendor)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As if each part were looked at for each secret.
    #[test]
    fn names_are_the_same_however_they_are_looked_for() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let words =
            ["Resend", "stripe", "clerk", "moonclerk", "\n", "\n\n", "x = ", " } ", "polar", "GitHub ", "'loops'"];
        for _ in 0..30 {
            let mut text = Vec::new();
            while text.len() < 3 * Senders::PART {
                let blank = vec![b'.'; random.usize(..2000)];
                text.extend_from_slice(&blank);
                text.extend_from_slice(words[random.usize(..words.len())].as_bytes());
            }
            let senders = Senders::default();
            for _ in 0..200 {
                let at = random.usize(..text.len() - 40);
                let far = if random.bool() { random.usize(..3000) } else { random.usize(..2 * Senders::PART) };
                let (from, to) = (at.saturating_sub(far), (at + 40 + far).min(text.len()));
                let issuers = context::search().map(|search| (search, context::named_at as NamedAt));
                let all = issuers.into_iter().chain(search().map(|search| (search, sender_at as NamedAt)));
                let whole = context::nearest_of(&text, (at, at + 40), far, all);
                // What a window cuts in two is no word there.
                let is_whole = |at: usize| at == 0 || at == text.len() || text[at - 1] == b'.' && text[at] == b'.';
                if is_whole(from) && is_whole(to) && is_whole(at) && is_whole(at + 40) {
                    let seen = senders.nearest(&text, (at, at + 40), (from, to));
                    assert_eq!(format!("{seen:?}"), format!("{whole:?}"), "seed {seed}, {at}, {far}");
                }
            }
        }
    }
}
