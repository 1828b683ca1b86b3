//! What a delta copies is not searched again: so keys, and apart from them what stands around them, are cut and pasted
//! across copies and inserts in every way, in packs made by hand, and each object must tell what a scan of the whole of
//! it tells.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::sync::atomic::{AtomicUsize, Ordering};

use clerk_audit::detect::{Detector, Found, Hits};
use clerk_audit::model::{Copied, ObjectType as Kind};
use clerk_audit::store::{Failure, ObjectIndex, Pieces, Visitor};
use fastrand::Rng;

use super::support::{each_seed, everything, open, seeds};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Commit, Files, Mode, ObjectType, Oid, encode_tree, object_id};
use crate::common::packs::{Packed, Stored, delta_sizes, give_pack, short_copy, zlib_stored};
use crate::common::run::Audit;
use crate::common::secrets::{live_key, look_alike, publishable_key, test_key};
use crate::encoders;

/// A part of a version: of the one it is made from, or new.
#[derive(Clone, Debug)]
enum Part {
    /// From here to there.
    Copy(usize, usize),
    New(Vec<u8>),
}

/// A pack in the making: entries, what each is in full, and which ids there are.
#[derive(Default)]
struct Pack {
    entries: Vec<Packed>,
    contents: Vec<Vec<u8>>,
    known: BTreeMap<Oid, usize>,
}

impl Pack {
    /// Adds a blob by itself; the number of its entry, or of the one that has it already.
    fn whole(&mut self, content: Vec<u8>) -> usize {
        self.add(Stored::Whole(3), content.clone(), content)
    }

    /// Adds a blob that is made from the entry `base`.
    fn made_from(&mut self, random: &mut Rng, base: usize, parts: &[Part]) -> usize {
        let from = &self.contents[base];
        let mut content = Vec::new();
        let mut steps = Vec::new();
        for part in parts {
            match part {
                Part::Copy(start, end) => {
                    content.extend_from_slice(&from[*start..*end]);
                    // In one copy or in several, as whoever writes a delta likes.
                    let mut at = *start;
                    while at < *end {
                        let most = if random.u8(..4) == 0 { random.usize(1..700) } else { 0xff_ffff };
                        let length = (end - at).min(most);
                        steps.extend(short_copy(at, length));
                        at += length;
                    }
                }
                Part::New(bytes) => {
                    content.extend_from_slice(bytes);
                    for piece in bytes.chunks(random.usize(1..128)) {
                        steps.push(piece.len() as u8);
                        steps.extend_from_slice(piece);
                    }
                }
            }
        }
        let delta = [delta_sizes(from.len(), content.len()), steps].concat();
        let stored = match random.bool() {
            true => Stored::OffsetDelta(self.entries.len() - base),
            false => Stored::RefDelta(self.entries[base].oid),
        };
        self.add(stored, delta, content)
    }

    fn add(&mut self, stored: Stored, bytes: Vec<u8>, content: Vec<u8>) -> usize {
        let oid = object_id(ObjectType::Blob, &content);
        if let Some(there) = self.known.get(&oid) {
            return *there;
        }
        self.known.insert(oid, self.entries.len());
        self.entries.push(Packed { oid, stored, bytes });
        self.contents.push(content);
        self.entries.len() - 1
    }

    /// Adds an object that is no blob.
    fn other(&mut self, object_type: ObjectType, content: Vec<u8>) -> Oid {
        let oid = object_id(object_type, &content);
        if !self.known.contains_key(&oid) {
            self.known.insert(oid, self.entries.len());
            let number = if object_type == ObjectType::Commit { 1 } else { 2 };
            self.entries.push(Packed { oid, stored: Stored::Whole(number), bytes: content.clone() });
            self.contents.push(content);
        }
        oid
    }

    /// A repository with this pack, which git has read to its end, and nothing else.
    fn repository(&self, random: &mut Rng) -> Repo {
        let repo = Repo::bare();
        let mut deflate = |bytes: &[u8]| match random.u8(..3) {
            0 => zlib_stored(bytes),
            level => {
                let level = flate2::Compression::new(u32::from(level) * 3);
                let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).unwrap();
                encoder.finish().unwrap()
            }
        };
        give_pack(&repo.git_directory(), &self.entries, &mut deflate);
        repo
    }
}

/// Scans each object as an audit does, and as a whole, and holds both together.
struct Both<'a> {
    detector: &'a Detector,
    /// How many were scanned after their base, and in how many of these there was anything.
    after_base: &'a AtomicUsize,
    told: &'a AtomicUsize,
    wrong: Vec<(ObjectIndex, String)>,
}

impl Visitor for Both<'_> {
    type Memory = Hits;

    fn object(&mut self, index: ObjectIndex, _: Kind, bytes: &[u8], base: Option<(&Hits, &[Copied])>) -> Option<Hits> {
        let mut after = Vec::new();
        let sink = &mut |found: Found| after.push(format!("{found:?}"));
        let (unread, hits) = self.detector.scan_after(bytes, base, &|| false, sink);
        after.push(format!("{unread:?}"));
        let mut whole = Vec::new();
        let unread = self.detector.scan(bytes, &mut |found| whole.push(format!("{found:?}")));
        whole.push(format!("{unread:?}"));
        if let Some((_, copied)) = base {
            self.after_base.fetch_add(usize::from(!copied.is_empty()), Ordering::Relaxed);
            self.told.fetch_add(usize::from(whole.len() > 1), Ordering::Relaxed);
        }
        if after != whole {
            let only = |these: &[String], others: &[String]| -> Vec<String> {
                these.iter().filter(|this| !others.contains(this)).cloned().collect()
            };
            let told = format!("with its base {:#?}, by itself {:#?}", only(&after, &whole), only(&whole, &after));
            self.wrong.push((index, told));
        }
        hits
    }

    fn large(&mut self, _: ObjectIndex, pieces: &mut Pieces<'_>) -> Result<(), Failure> {
        Err(Failure::TooLarge(pieces.left()))
    }
}

/// Reads the pack's repository and holds each of its objects; how many were scanned after their base, and how many of
/// these had anything in them.
fn check(pack: &Pack, repo: &Repo, detector: &Detector) -> (usize, usize) {
    let store = open(repo.path());
    let (after_base, told) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let both = || Both { detector, after_base: &after_base, told: &told, wrong: Vec::new() };
    let mut visitors = [both(), both()];
    let failed = store.visit_all(&mut visitors, &everything());
    assert!(failed.is_empty(), "{failed:?}");
    assert_eq!(store.objects.len(), pack.entries.len());
    if let Some((index, told)) = visitors.iter().find_map(|visitor| visitor.wrong.first()) {
        let oid = store.objects.oid(*index).to_string();
        let entry = pack.entries.iter().position(|entry| entry.oid.to_string() == oid).unwrap();
        panic!("entry {entry}: {told}");
    }
    (after_base.into_inner(), told.into_inner())
}

/// Something that a detector looks for, with its context, and the same with other contexts.
fn line(random: &mut Rng) -> String {
    let seed = random.u64(..);
    let body = |seed| crate::common::secrets::alphanumerics(seed, 44);
    let token = match random.u8(..11) {
        0 => look_alike(seed, 24),
        1 => publishable_key("clean-mole-12.clerk.accounts.dev"),
        2 => format!("whsec_{}", crate::common::secrets::alphanumerics(seed, 32)),
        3 => format!("sk_{}_{}", "test", "x".repeat(42)),
        4..=6 => test_key(seed),
        7 => format!("CLERK_MACHINE_SECRET_KEY=ak_{}%2F{}\\u003d", &body(seed)[..24], &body(seed)[24..]),
        _ => live_key(seed),
    };
    let before = random.choice([
        "",
        "CLERK_SECRET_KEY=",
        "STRIPE_KEY=",
        "\"secretKey\": \"",
        "x\ny: ",
        "Bearer ",
        "_",
        "\x1b[?25h",
        "`n",
        " -u",
    ]);
    let behind = random.choice(["", "\"", "\n", " # stripe", "\\n", "_", "-x"]);
    [before.unwrap(), &token, behind.unwrap()].concat()
}

/// A line in the clothes of up to three encodings, and their names.
fn dressed(random: &mut Rng, depth: usize) -> (Vec<u8>, Vec<&'static str>) {
    let mut bytes = line(random).into_bytes();
    let mut chain = Vec::new();
    for _ in 0..depth {
        let is_text = bytes.iter().all(|byte| matches!(byte, 0x09..=0x7e));
        let fitting: Vec<_> = encoders::ALL.iter().filter(|(_, takes_bytes)| is_text || *takes_bytes).collect();
        let (encoder, _) = random.choice(fitting).unwrap();
        let encoded = encoder(&bytes, random);
        chain.insert(0, encoded.name);
        bytes = encoded.bytes;
    }
    (bytes, chain)
}

/// What a file has beside: lines of text, of base64 and hex, wide text, what leads to nothing.
fn filler(random: &mut Rng, length: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while bytes.len() < length {
        match random.u8(..12) {
            0 => bytes.extend(b"CLERK_"),
            1 => bytes.extend(b"\n\n}\n"),
            2 => bytes.extend((0..random.usize(1..60)).map(|_| random.alphanumeric() as u8)),
            3 => bytes.extend((0..random.usize(1..30)).flat_map(|_| [random.alphanumeric() as u8, 0])),
            4 => bytes.extend((0..random.usize(1..40)).map(|_| random.u8(..))),
            5 => bytes.extend((0..random.usize(1..40)).map(|_| *random.choice(b"0123456789abcdef").unwrap())),
            _ => {
                let words = (0..random.usize(1..12)).map(|_| *random.choice(&["let", "x", "=", "of", "key:"]).unwrap());
                bytes.extend(words.flat_map(|word| format!("{word} ").into_bytes()));
                bytes.push(b'\n');
            }
        }
    }
    bytes.truncate(length);
    bytes
}

/// A version and where in it something stands that a cut may be made in or beside.
struct Version {
    entry: usize,
    marks: Vec<(usize, usize)>,
}

/// A place to cut: mostly in or near something, else anywhere.
fn cut(random: &mut Rng, version: &Version, length: usize) -> usize {
    match random.choice(&version.marks) {
        Some(&(start, end)) if random.u8(..5) > 0 => {
            let (low, high) = match random.u8(..4) {
                0 => (start.saturating_sub(70), start + 2),
                1 => (end.saturating_sub(1), end + 70),
                _ => (start, end),
            };
            random.usize(low.min(length)..=high.min(length))
        }
        _ => random.usize(..=length),
    }
}

fn new_bytes(random: &mut Rng, version: &Version, content: &[u8]) -> Vec<u8> {
    match random.u8(..9) {
        0 => vec![random.u8(..)],
        1 => random.choice(["CLERK_", "STRIPE_", "\n", "x", "_", "\" + \"", "=\n", "}\n\n"]).unwrap().into(),
        2 | 3 => {
            let depth = random.usize(..3);
            dressed(random, depth).0
        }
        4 => match random.choice(&version.marks) {
            // What was copied before is new now.
            Some(&(start, end)) => content[start.saturating_sub(random.usize(..20)).min(end)..end].to_vec(),
            None => Vec::new(),
        },
        5 => {
            let length = random.usize(..900);
            filler(random, length)
        }
        _ => {
            let length = random.usize(..12);
            filler(random, length)
        }
    }
}

/// How the next version is made of this one.
fn parts(random: &mut Rng, version: &Version, content: &[u8]) -> Vec<Part> {
    let length = content.len();
    match random.u8(..6) {
        // One replacement, which may be of nothing or by nothing: what an edit is.
        0..=2 => {
            let from = cut(random, version, length);
            let to = match random.u8(..3) {
                0 => from,
                1 => (from + 1).min(length),
                _ => cut(random, version, length).max(from),
            };
            vec![Part::Copy(0, from), Part::New(new_bytes(random, version, content)), Part::Copy(to, length)]
        }
        // Many at once, in order.
        3 => {
            let mut cuts: Vec<usize> = (0..random.usize(1..8)).map(|_| cut(random, version, length)).collect();
            cuts.sort_unstable();
            let mut parts = Vec::new();
            let mut at = 0;
            for to in cuts {
                parts.push(Part::Copy(at, to));
                parts.push(Part::New(new_bytes(random, version, content)));
                at = (to + random.usize(..3)).min(length);
            }
            parts.push(Part::Copy(at, length));
            parts
        }
        // In any order, twice and overlapping, long and short.
        _ => {
            let mut parts = Vec::new();
            for _ in 0..random.usize(1..7) {
                let (one, other) = (cut(random, version, length), cut(random, version, length));
                let end = if random.u8(..3) == 0 { (one + random.usize(..700)).min(length) } else { one.max(other) };
                parts.push(Part::Copy(one.min(end), end));
                if random.u8(..3) == 0 {
                    parts.push(Part::New(new_bytes(random, version, content)));
                }
            }
            parts
        }
    }
}

/// Where in what is made of parts the marks of the other one stand now; and what is new is a mark as well.
fn moved_marks(parts: &[Part], marks: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut moved = Vec::new();
    let mut at = 0;
    for part in parts {
        match part {
            Part::Copy(from, to) => {
                let seen = marks.iter().map(|(start, end)| (*start.max(from), *end.min(to)));
                moved.extend(seen.filter(|(start, end)| start < end).map(|(s, e)| (s - from + at, e - from + at)));
                at += to - from;
            }
            Part::New(bytes) => {
                if bytes.len() > 20 {
                    moved.push((at, at + bytes.len()));
                }
                at += bytes.len();
            }
        }
    }
    moved
}

/// A family: a file and versions of it, each made of any before it.
fn family(random: &mut Rng, pack: &mut Pack) -> Vec<usize> {
    let (mut content, mut marks) = (Vec::new(), Vec::new());
    for _ in 0..random.usize(1..4) {
        let length = if random.u8(..5) == 0 { random.usize(..300) } else { random.usize(300..1200) };
        content.extend(filler(random, length));
        let depth = random.usize(..4);
        let (bytes, _) = dressed(random, depth);
        marks.push((content.len(), content.len() + bytes.len()));
        content.extend(bytes);
    }
    let length = random.usize(..900);
    content.extend(filler(random, length));
    let mut versions = vec![Version { entry: pack.whole(content), marks }];
    for _ in 0..random.usize(2..12) {
        let base = if random.u8(..3) > 0 { versions.len() - 1 } else { random.usize(..versions.len()) };
        let base = &versions[base];
        let parts: Vec<Part> = parts(random, base, &pack.contents[base.entry])
            .into_iter()
            .filter(|part| match part {
                Part::Copy(from, to) => from < to,
                Part::New(bytes) => !bytes.is_empty(),
            })
            .collect();
        // Nothing is made of nothing: git takes no delta that is so short.
        if parts.is_empty() {
            continue;
        }
        let marks = moved_marks(&parts, &base.marks);
        let entry = pack.made_from(random, base.entry, &parts);
        // Cut and pasted again and again, it would grow without end.
        if pack.contents[entry].len() < 30_000 {
            versions.push(Version { entry, marks });
        }
    }
    versions.into_iter().map(|version| version.entry).collect()
}

#[test]
fn what_is_cut_and_pasted_across_deltas_is_told_as_if_it_stood_by_itself() {
    let detector = Detector::new();
    let (after_base, told) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let seeds = seeds("cut and pasted", 16);
    let count = seeds.clone().count();
    each_seed(seeds, |seed| {
        let random = &mut Rng::with_seed(seed);
        let mut pack = Pack::default();
        let families: Vec<Vec<usize>> = (0..40).map(|_| family(random, &mut pack)).collect();
        let tip = history(&mut pack, &families);
        let mut repo = pack.repository(random);
        let (some, found) = check(&pack, &repo, &detector);
        after_base.fetch_add(some, Ordering::Relaxed);
        told.fetch_add(found, Ordering::Relaxed);
        repo.set_ref("refs/heads/main", tip);
        repo.finish();
        // And as an audit tells it, held against libgit2, which scans each object whole.
        let mut ours = Audit::history(repo.path()).run().report();
        let mut theirs = Audit::history(repo.path()).and_all(&["--reader", "libgit2"]).run().report();
        for report in [&mut ours, &mut theirs] {
            report.as_object_mut().unwrap().remove("generated_at");
        }
        assert!(ours["keys"].as_array().unwrap().len() > 20, "{ours:#}");
        let differs = ours.as_object().unwrap().iter().find(|(name, told)| theirs[name] != **told);
        assert!(differs.is_none(), "seed {seed}: the reports differ in {}", differs.unwrap().0);
    });
    let (after_base, told) = (after_base.into_inner(), told.into_inner());
    println!("{after_base} objects were scanned after their base, {told} had something in them");
    assert!(after_base > count * 100 && told > count * 50, "{after_base} and {told}: this shows little");
}

/// A history in which the nth commit has the nth version of each family; its tip.
fn history(pack: &mut Pack, families: &[Vec<usize>]) -> Oid {
    let longest = families.iter().map(Vec::len).max().unwrap();
    let mut parents = Vec::new();
    for step in 0..longest {
        let files: Files = families
            .iter()
            .enumerate()
            .map(|(number, family)| {
                let blob = pack.entries[family[step.min(family.len() - 1)]].oid;
                (format!("file{number:03}").into_bytes(), (Mode::File, blob))
            })
            .collect();
        let entries = files.into_iter().map(|(name, (mode, oid))| (name, mode, oid)).collect();
        let tree = pack.other(ObjectType::Tree, encode_tree(entries));
        let commit = Commit::new(tree, &parents, 1_704_067_200 + step as i64, "step");
        parents = vec![pack.other(ObjectType::Commit, commit.encode())];
    }
    parents[0]
}

/// Something dressed, its name, and whether it must be all that there is, as a container must.
type Dressed = (Vec<u8>, String, bool);

/// Every encoder alone, and some chains of two and three.
fn clothes(random: &mut Rng) -> Vec<Dressed> {
    let plain = |random: &mut Rng| format!("CLERK_SECRET_KEY={}", live_key(random.u64(..))).into_bytes();
    let mut all = vec![(plain(random), "plain".to_owned(), false)];
    for (encoder, _) in encoders::ALL {
        // Base64 at each of its alignments.
        for ahead in 0..3 {
            let mut bytes = [&b"xyz"[..ahead], &plain(random)].concat();
            let encoded = encoder(&bytes, random);
            if encoders::is_container(encoded.name) {
                // Large enough for its copies to be told of.
                let noise = crate::common::secrets::alphanumerics(random.u64(..), 2_000);
                bytes = [noise.as_bytes(), b"\n", &bytes].concat();
                all.push((encoder(&bytes, random).bytes, encoded.name.to_owned(), true));
                break;
            }
            all.push((encoded.bytes, encoded.name.to_owned(), false));
            if encoded.name != "base64" {
                break;
            }
        }
    }
    for depth in [2, 2, 2, 3, 3] {
        let (bytes, chain) = dressed(random, depth);
        all.push((bytes, format!("{chain:?}"), encoders::is_container(chain[0])));
    }
    all
}

#[test]
fn a_key_cut_at_each_byte_by_the_seams_of_copies_and_inserts_is_found_where_it_is_whole() {
    let detector = Detector::new();
    let seeds = seeds("cut at each byte", 1);
    each_seed(seeds, |seed| {
        let random = &mut Rng::with_seed(seed);
        for (token, name, is_bare) in clothes(random) {
            let mut pack = Pack::default();
            // What stands around is longer than what is searched anew beside a seam, and ends with no key.
            let around = if is_bare { 0 } else { 700 };
            let (before, behind) = (filler(random, around), filler(random, around));
            let between = filler(random, 400);
            let junk = |length: usize| vec![b'.'; length];
            let (start, end) = (before.len(), before.len() + token.len());
            let stride = token.len().div_ceil(120);
            for at in (random.usize(..stride)..=token.len()).step_by(stride) {
                let (left, right) = token.split_at(at);
                // What is cut at another byte is another object, though the same comes of it.
                let last: [u8; 8] = random.u64(..).to_be_bytes();
                let all = |parts: &[&[u8]]| [&before[..], &parts.concat(), &behind, &last].concat();
                // From here of what is behind on.
                let rest = |from: usize, base: &[u8]| Part::Copy(from, base.len());
                let mut make = |base: Vec<u8>, from: usize, new: &[u8], to: usize| {
                    let parts = [Part::Copy(0, from), Part::New(new.to_vec()), rest(to, &base)];
                    let base = pack.whole(base);
                    pack.made_from(random, base, &parts);
                };
                // Copied | new, new | copied, and copied | copied: no base has the key whole.
                make(all(&[left, &junk(right.len())]), start + at, right, end);
                make(all(&[&junk(left.len()), right]), start, left, start + at);
                make(all(&[left, &between, right]), start + at, b"", start + at + between.len());
                // Whole in the base, with a byte more or less in it or beside it, or another.
                make(all(&[&token]), start + at, b"x", start + at);
                make(all(&[&token]), start + at, b"", (start + at + 1).min(end));
                make(all(&[&token]), start + at, b"\n", (start + at + 1).min(end));
            }
            let repo = pack.repository(random);
            let told = std::panic::catch_unwind(|| check(&pack, &repo, &detector));
            match told {
                Ok((after_base, told)) => {
                    // Of what is bare and short no copy is told; of what is some other vendor's nothing may be.
                    let is_chain = name.starts_with('[');
                    assert!(is_chain || after_base > 100 && told > 50, "{name}: {after_base} and {told} show little");
                }
                Err(panic) => panic!("{name}: {}", panic.downcast::<String>().map_or_else(|_| "?".into(), |it| *it)),
            }
        }
    });
}
