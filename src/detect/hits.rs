//! Where in an object something may stand: what the search hits, before anything is judged.
//!
//! A hit depends on a few dozen bytes around it and on nothing else, so that of a version of a file that is known by
//! what it copies from another, only what it adds and the seams must be searched: the rest is carried over. What a hit
//! means is decided on the whole object, each time anew. Samples are taken at other places of a part where its base has
//! it: so whatever a sample leads to must be so long that any other series of samples leads to it too. How it is read may
//! hang on where the first sample falls (UTF-16 of either byte order looks the same amid a row of letters): so where any
//! is of something, samples are taken of the whole as if it stood by itself.

use super::needles::Needles;
use super::probe::{self, Probe, Sign};
use crate::model::Copied;

/// No hit depends on what is further from it.
const REACH: usize = 32;
/// What is searched goes so much further, so that between two samples of different searches no run is passed over that
/// is long enough to hold a credential in any encoding.
const OVERLAP: usize = 64;

/// The hits in an object.
#[derive(Clone, Debug, Default)]
pub struct Hits {
    /// How many needles were searched for: searches for other needles know nothing of each other.
    searched_for: usize,
    /// Needles, by number and place.
    needles: Vec<(u32, u8)>,
    /// Bytes that begin an escape or a prefix.
    marks: Vec<u32>,
    /// Samples that are part of a run.
    samples: Vec<(u32, probe::Sample)>,
    /// Of both those that are of nothing, as far as what stands around them stays what it is.
    idle: Idle,
}

#[derive(Clone, Debug, Default)]
struct Idle {
    marks: Vec<u32>,
    samples: Vec<(u32, probe::Sample)>,
}

impl Hits {
    /// So many are kept of one object.
    const MOST: usize = 1 << 17;

    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.needles.is_empty() && self.marks.is_empty() && self.samples.is_empty()
    }

    /// Searches `bytes`, of which `base` says what is known; `None` where there is more than is kept.
    pub(super) fn of(needles: &Needles, bytes: &[u8], base: Option<(&Self, &[Copied])>) -> Option<Self> {
        u32::try_from(bytes.len()).ok()?;
        let mut hits = Self { searched_for: needles.count(), ..Self::default() };
        match base.filter(|(base, _)| base.searched_for == hits.searched_for) {
            None => hits.search(needles, bytes, 0, bytes.len()),
            Some((base, same)) => {
                hits.idle.marks.reserve(base.idle.marks.len());
                hits.idle.samples.reserve(base.idle.samples.len());
                let mut searched = 0;
                for part in sound(same, bytes.len()) {
                    // Where both begin or end nothing is cut off.
                    let starts = if part.from == 0 && part.to == 0 { 0 } else { REACH };
                    let inner = Copied {
                        from: part.from + starts,
                        to: part.to + starts,
                        length: part.length.saturating_sub(starts + REACH),
                    };
                    // What is to be searched on either side is as long.
                    if inner.length < 4 * OVERLAP {
                        continue;
                    }
                    if inner.to > searched {
                        hits.search(needles, bytes, searched.saturating_sub(OVERLAP), inner.to + OVERLAP);
                    }
                    hits.carry(base, (inner, part));
                    searched = inner.to + inner.length;
                }
                hits.search(needles, bytes, searched.saturating_sub(OVERLAP), bytes.len());
                hits.put_in_order();
            }
        }
        let count = hits.needles.len() + hits.marks.len() + hits.samples.len();
        if count + hits.idle.marks.len() + hits.idle.samples.len() > Self::MOST {
            return None;
        }
        hits.settle(needles, bytes);
        if base.is_some() && !hits.samples.is_empty() {
            hits.take_samples_anew(needles, bytes);
        }
        Some(hits)
    }

    /// Samples of all that there is, at the places where they are taken of what has no base.
    fn take_samples_anew(&mut self, needles: &Needles, bytes: &[u8]) {
        self.samples.clear();
        self.idle.samples.clear();
        probe::signs(bytes, 0, bytes.len(), &mut |at, sign| {
            if let Sign::Sample(sample) = sign
                && self.samples.len() <= Self::MOST
            {
                self.samples.push((at as u32, sample));
            }
        });
        self.settle(needles, bytes);
    }

    /// Puts aside what is of nothing: a version after the other has the same words and numbers.
    fn settle(&mut self, needles: &Needles, bytes: &[u8]) {
        let idle = &mut self.idle;
        let (marks, samples) = (idle.marks.len(), idle.samples.len());
        self.marks.retain(|at| {
            let is_nothing = Probe::is_nothing(needles, bytes, *at as usize, Sign::Mark);
            idle.marks.extend(is_nothing.then_some(*at));
            !is_nothing
        });
        self.samples.retain(|(at, sample)| {
            let is_nothing = Probe::is_nothing(needles, bytes, *at as usize, Sign::Sample(*sample));
            idle.samples.extend(is_nothing.then_some((*at, *sample)));
            !is_nothing
        });
        merge(&mut idle.marks, marks, |at| *at);
        merge(&mut idle.samples, samples, |(at, _)| *at);
    }

    /// Searches a part of `bytes`.
    fn search(&mut self, needles: &Needles, bytes: &[u8], from: usize, to: usize) {
        let (from, to) = (from / probe::BLOCK * probe::BLOCK, to.min(bytes.len()));
        let found = needles.numbered(bytes, from..to).map(|(number, at)| (at as u32, number));
        self.needles.extend(found);
        probe::signs(bytes, from, to, &mut |at, sign| {
            // A search that finds so much has failed in any case.
            if self.marks.len() + self.samples.len() <= Self::MOST {
                match sign {
                    Sign::Mark if Probe::is_nothing_near(bytes, at) => {}
                    Sign::Mark => self.marks.push(at as u32),
                    Sign::Sample(sample) => self.samples.push((at as u32, sample)),
                }
            }
        });
    }

    /// Takes over what `base` has in `inner`, a part of what was copied.
    fn carry(&mut self, base: &Self, (inner, copied): (Copied, Copied)) {
        let end = inner.from + inner.length;
        let needles = within(&base.needles, |(at, _)| *at, inner.from, end);
        self.needles.extend(needles.iter().map(|(at, number)| (moved(*at, inner), *number)));
        let marks = within(&base.marks, |at| *at, inner.from, end);
        self.marks.extend(marks.iter().map(|at| moved(*at, inner)));
        let samples = within(&base.samples, |(at, _)| *at, inner.from, end);
        self.samples.extend(samples.iter().map(|(at, sample)| (moved(*at, inner), *sample)));
        // The middle is as it was; what is nearer to the edges is looked at again.
        let first = if copied.from == 0 && copied.to == 0 { 0 } else { (copied.from + Probe::FAR).min(end) };
        let last = (copied.from + copied.length).saturating_sub(Probe::FAR).clamp(first, end);
        self.carry_edge(base, (inner, copied), (inner.from, first));
        let marks = within(&base.idle.marks, |at| *at, first, last);
        self.idle.marks.extend(marks.iter().map(|at| moved(*at, inner)));
        let samples = within(&base.idle.samples, |(at, _)| *at, first, last);
        self.idle.samples.extend(samples.iter().map(|(at, sample)| (moved(*at, inner), *sample)));
        self.carry_edge(base, (inner, copied), (last, end));
    }

    /// Takes over what was put aside in `from..to` of `base`: it stays so where all that decided on it was copied as well.
    fn carry_edge(&mut self, base: &Self, (inner, copied): (Copied, Copied), (from, to): (usize, usize)) {
        let stays = |at: u32, sign: Sign| {
            let reach = Probe::reach(sign);
            let starts = (copied.from == 0 && copied.to == 0) || at as usize >= copied.from + reach;
            starts && at as usize + reach <= copied.from + copied.length
        };
        for at in within(&base.idle.marks, |at| *at, from, to) {
            let list = if stays(*at, Sign::Mark) { &mut self.idle.marks } else { &mut self.marks };
            list.push(moved(*at, inner));
        }
        for (at, sample) in within(&base.idle.samples, |(at, _)| *at, from, to) {
            let stays = stays(*at, Sign::Sample(*sample));
            let list = if stays { &mut self.idle.samples } else { &mut self.samples };
            list.push((moved(*at, inner), *sample));
        }
    }

    /// Where searches and parts overlap, the same is there twice.
    fn put_in_order(&mut self) {
        self.needles.sort();
        self.needles.dedup();
        self.marks.sort();
        self.marks.dedup();
        self.samples.sort_by_key(|(at, _)| *at);
        self.samples.dedup_by_key(|(at, _)| *at);
    }

    /// The needles, as [`Needles::hits`] gives them.
    pub(super) fn needles<'a>(
        &'a self,
        needles: &'a Needles,
    ) -> impl Iterator<Item = (super::needles::Lead, usize)> + 'a {
        self.needles.iter().map(|(at, number)| (needles.lead(*number), *at as usize))
    }

    /// The signs, as [`probe::signs`] gives them: of each block first the marks.
    pub(super) fn signs(&self) -> impl Iterator<Item = (usize, Sign)> + '_ {
        let block = |at: u32| at as usize / probe::BLOCK;
        let (mut marks, mut samples) = (self.marks.iter().peekable(), self.samples.iter().peekable());
        std::iter::from_fn(move || {
            let is_mark = match (marks.peek(), samples.peek()) {
                (Some(mark), Some(sample)) => block(**mark) <= block(sample.0),
                (mark, _) => mark.is_some(),
            };
            if is_mark {
                return marks.next().map(|at| (*at as usize, Sign::Mark));
            }
            samples.next().map(|(at, sample)| (*at as usize, Sign::Sample(*sample)))
        })
    }
}

/// Merges two lists in order, the second of which begins at `middle` of `list`, and takes out what is there twice. Cost: what
/// stands behind the first of the second.
fn merge<T: Copy>(list: &mut Vec<T>, middle: usize, place: impl Fn(&T) -> u32) {
    let second: Vec<T> = list[middle..].to_vec();
    let Some(first) = second.first().map(&place) else { return };
    let (mut left, mut right) = (middle, second.len());
    while right > 0 {
        let is_left = left > 0 && place(&list[left - 1]) > place(&second[right - 1]);
        let from = if is_left { list[left - 1] } else { second[right - 1] };
        list[left + right - 1] = from;
        if is_left {
            left -= 1;
        } else {
            right -= 1;
        }
    }
    let unchanged = list.partition_point(|item| place(item) < first);
    let mut kept = unchanged;
    for at in unchanged..list.len() {
        if kept == unchanged || place(&list[at]) != place(&list[kept - 1]) {
            list[kept] = list[at];
            kept += 1;
        }
    }
    list.truncate(kept);
}

/// What of a list that is in order stands in `from..to`.
fn within<T>(all: &[T], place: impl Fn(&T) -> u32, from: usize, to: usize) -> &[T] {
    let before = |end: usize| all.partition_point(|item| (place(item) as usize) < end);
    let low = before(from);
    &all[low..before(to).max(low)]
}

/// Where a place of the base is in what copies it.
fn moved(at: u32, inner: Copied) -> u32 {
    at - inner.from as u32 + inner.to as u32
}

/// The parts that are in order and inside of `length` bytes: whoever tells of others is not believed.
fn sound(same: &[Copied], length: usize) -> impl Iterator<Item = Copied> + '_ {
    let mut end = 0;
    same.iter().copied().filter(move |part| {
        let next = part.to.checked_add(part.length).filter(|next| part.to >= end && *next <= length);
        end = next.unwrap_or(end);
        next.is_some()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::detect::{Detector, Found};

    #[test]
    fn what_is_nothing_near_is_nothing_whatever_stands_further_away() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let needles = Needles::new();
        let mut seen = BTreeMap::new();
        for _ in 0..2000 {
            let (mut one, mut other) = (text(&mut random, 600, true), text(&mut random, 600, true));
            // What source has, and what a mark can be amid, beside what the text has.
            for text in [&mut one, &mut other] {
                for _ in 0..random.usize(..40) {
                    let piece = random.choice(PIECES).unwrap();
                    let at = random.usize(..text.len());
                    text.splice(at..at, piece.iter().copied());
                }
            }
            let length = one.len().min(other.len());
            let mut marks = Vec::new();
            probe::signs(&one, 0, length, &mut |at, sign| marks.extend((sign == Sign::Mark).then_some(at)));
            for at in marks.into_iter().filter(|at| (REACH..length - REACH).contains(at)) {
                if Probe::is_nothing_near(&one, at) {
                    other[at - REACH..at + REACH].copy_from_slice(&one[at - REACH..at + REACH]);
                    assert!(Probe::is_nothing(&needles, &one, at, Sign::Mark), "seed {seed}, {:?}", one[at] as char);
                    assert!(Probe::is_nothing(&needles, &other, at, Sign::Mark), "seed {seed}, {:?}", one[at] as char);
                    *seen.entry(one[at]).or_insert(0) += 1;
                }
            }
        }
        let kinds: Vec<u8> = seen.into_iter().filter(|(_, count)| *count > 20).map(|(kind, _)| kind).collect();
        assert_eq!(kinds, b"\t %&=\\ky", "every kind of mark is nothing now and then");
    }

    const PIECES: &[&[u8]] = &[
        b"\\n",
        b"\\r\\n",
        b"\\\\n",
        b"\\\\",
        b"\\t",
        b"\\0",
        b"\\x41",
        b"\\u005f",
        b"\\/",
        b"\\_",
        b"\\102",
        b"%d",
        b"%41",
        b"%25",
        b"%2525",
        b"%u",
        b"%ad",
        b"%8b",
        b"%0a",
        b"%u0073",
        b"&amp;",
        b"&#10;",
        b"&x",
        b"=\n",
        b" =\n",
        b"= \n",
        b" \n",
        b"\t\n",
        b"=\r\n",
        b"=3D",
        b"=41",
        b"==\n",
        b"=0D=0A",
        b"mask_",
        b"disk_live_",
        b"key_",
        b"skey_",
        b"ak_",
        b"-sk_",
        b"\x1b[?25h",
        b"`n",
        b" -u",
        b"task_test_",
        b"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo",
        b"0a1b2c3d4e5f 60 71 82 93 a4 b5 c6",
        b"                        ",
    ];

    /// What is found and what could not be read into.
    fn everything(detector: &Detector, bytes: &[u8], hits: Option<&Hits>) -> Vec<String> {
        let mut found = Vec::new();
        let mut sink = |what: Found| found.push(format!("{what:?}"));
        let unread = match hits {
            Some(hits) => detector.examine(bytes, hits, &|| false, &mut sink),
            None => detector.scan(bytes, &mut sink),
        };
        found.push(format!("{unread:?}"));
        found
    }

    /// Text with keys, look-alikes, contexts and encodings in it.
    fn text(random: &mut fastrand::Rng, length: usize, containers: bool) -> Vec<u8> {
        let mut text = Vec::new();
        while text.len() < length {
            let body: String = (0..random.usize(38..46)).map(|_| random.alphanumeric()).collect();
            let key = format!("sk_{}_{body}", random.choice(["live", "test"]).unwrap());
            let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02x}00")).collect::<String>();
            let piece = match random.u8(..if containers { 17 } else { 15 }) {
                12 => format!("{}{key}", random.choice(["\x1b[?25h", "\\u001b[?2004l", "`n", " -u", "-"]).unwrap()),
                13 => format!("CLERK_MACHINE_SECRET_KEY=ak_{}%2F{}\\u003d\n", &body[..24], &body[24..]),
                14 => format!("--body \"{}\" | gh secret set ", &body[..30]),
                // What begins like a container, too short for one or not.
                15 => {
                    let start = random.choice(["H4sI", "eJ", "UEsDB"]).unwrap().to_owned();
                    start + &(0..random.usize(..90)).map(|_| random.alphanumeric()).collect::<String>()
                }
                16 => {
                    let digits = (0..random.usize(..90)).map(|_| *random.choice(b"0123456789abcdef").unwrap() as char);
                    "1f8b08".to_owned() + &digits.collect::<String>()
                }
                0 => key,
                1 => format!("CLERK_SECRET_KEY={key}\n"),
                2 => "CLERK_".to_owned(),
                3 => "stripe: ".to_owned(),
                4 => key.replace('_', "%5F"),
                5 => hex(&key),
                6 => key.replace('e', "\\u0065"),
                7 => format!("{}=\n{}", &key[..20], &key[20..]),
                8 => format!("{}\" + \"{}", &key[..20], &key[20..]),
                9 => "\n".to_owned(),
                _ => (0..random.usize(..60)).map(|_| *random.choice(b"ab cd=\n.,KEY_").unwrap() as char).collect(),
            };
            match random.u8(..6) {
                0 => text.extend(piece.encode_utf16().flat_map(u16::to_le_bytes)),
                1 => text.extend(piece.encode_utf16().flat_map(u16::to_be_bytes)),
                _ => text.extend_from_slice(piece.as_bytes()),
            }
        }
        text
    }

    #[test]
    fn what_is_carried_over_and_what_is_searched_are_together_what_a_scan_finds() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let detector = Detector::new();
        let (mut long, mut idle) = (0, 0);
        for round in 0..400 {
            let containers = round % 2 == 1;
            let mut bytes = text(&mut random, 15_000, containers);
            let mut hits = detector.search(&bytes, None).unwrap();
            for version in 0..6 {
                // Cut and pasted from the version before, with something new between.
                let (mut next, mut same) = (Vec::new(), Vec::new());
                for _ in 0..random.usize(1..6) {
                    if random.u8(..4) > 0 {
                        let length = random.usize(0..120);
                        next.extend(text(&mut random, length, containers));
                    }
                    let from = random.usize(..bytes.len());
                    let most = if random.bool() { bytes.len() - from } else { (bytes.len() - from).min(200) };
                    let length = random.usize(..=most);
                    same.push(Copied { from, to: next.len(), length });
                    next.extend_from_slice(&bytes[from..from + length]);
                }
                let found = detector.search(&next, Some((&hits, &same))).unwrap();
                long += usize::from(same.iter().any(|part| part.length > 1000));
                // From the middle of what was copied, where nothing was looked at again.
                let is_deep = |at: u32| {
                    same.iter().any(|part| {
                        (part.to + 2 * Probe::FAR..part.to + part.length).contains(&(at as usize + Probe::FAR))
                    })
                };
                idle += found.idle.marks.iter().filter(|at| is_deep(**at)).count();
                idle += found.idle.samples.iter().filter(|(at, _)| is_deep(*at)).count();
                let (carried, whole) = (everything(&detector, &next, Some(&found)), everything(&detector, &next, None));
                let only = |these: &[String], others: &[String]| -> Vec<String> {
                    these.iter().filter(|this| !others.contains(this)).cloned().collect()
                };
                assert!(
                    carried == whole,
                    "seed {seed}, round {round}, version {version}: only carried {:#?}, only in a scan {:#?}",
                    only(&carried, &whole),
                    only(&whole, &carried)
                );
                if next.len() < 500 {
                    break;
                }
                (bytes, hits) = (next, found);
            }
        }
        assert!(long > 100 && idle > 200, "{long}, {idle}");
    }
}
