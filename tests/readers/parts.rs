//! The parts of a pack by themselves: an index, an entry, a delta; sound, changed at random, and made up. Nothing
//! panics, nothing is read beyond its end, nothing is reserved beyond a limit, and what is read is what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Seek, Write as _};
use std::time::Duration;

use clerk_audit::model::{Copied, ObjectFormat, ObjectType, Oid};
use clerk_audit::store::parts::{self, Entries, Stored};
use fastrand::Rng;

use super::support::{Watchdog, each_seed, read_everything, seeds};
use crate::common::fixture::Repo;
use crate::common::packs::{self, Packed, Step};
use crate::common::reference;

/// Changes some bytes: flips, copies, cuts, puts in.
pub(super) fn damage(random: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..random.usize(1..4) {
        if bytes.is_empty() {
            return;
        }
        let at = random.usize(..bytes.len());
        match random.u8(..7) {
            0 => bytes[at] ^= 1 << random.u8(..8),
            1 => bytes[at] = random.u8(..),
            2 => bytes[at] = *random.choice(&[0, 1, 0x7f, 0x80, 0xff]).unwrap(),
            3 => bytes.truncate(at),
            4 => bytes.insert(at, random.u8(..)),
            5 => _ = bytes.remove(at),
            _ => {
                let end = (at + random.usize(1..9)).min(bytes.len());
                bytes[at..end].fill(*random.choice(&[0, 0xff]).unwrap());
            }
        }
    }
}

/// A delta that fits a base, by any steps.
fn delta(random: &mut Rng, base: &[u8]) -> Vec<u8> {
    let new: Vec<Vec<u8>> =
        (0..random.usize(..12)).map(|_| (0..random.usize(1..200)).map(|_| random.u8(..)).collect()).collect();
    let mut steps = Vec::new();
    for bytes in &new {
        if !base.is_empty() && random.bool() {
            let from = random.usize(..base.len());
            let most = if random.bool() { base.len() - from } else { (base.len() - from).min(300) };
            steps.push(Step::Copy(from, random.usize(1..=most)));
            if let Some(Step::Copy(from, length)) = steps.last()
                && from + length < base.len()
                && random.u8(..3) == 0
            {
                // One copy that goes on where another ends.
                steps.push(Step::Copy(from + length, random.usize(1..=base.len() - from - length)));
            }
        }
        steps.push(Step::Insert(bytes));
    }
    packs::delta(base.len(), &steps)
}

fn held_delta(seed: u64, base: &[u8], delta: &[u8], limit: u64) -> bool {
    let (mut made, mut copied) = (Vec::new(), Vec::new());
    let mut result = None;
    let counted = allocation_counter::measure(|| {
        result = Some(parts::delta(base, delta, limit, &mut made, &mut copied).is_ok());
    });
    // What is made, once more where a vector grows, and what is noted.
    let most = 2 * limit + 4096 + 16 * delta.len() as u64 * std::mem::size_of::<Copied>() as u64;
    assert!(counted.bytes_max <= most, "seed {seed}: {} bytes for a limit of {limit}", counted.bytes_max);
    let expected = reference::apply(base, delta, limit);
    assert_eq!(result.unwrap().then_some(&made), expected.as_ref(), "seed {seed}");
    if expected.is_some() {
        let mut end = 0;
        for part in &copied {
            assert!(part.to >= end, "seed {seed}: {copied:?}");
            end = part.to + part.length;
            assert_eq!(made[part.to..end], base[part.from..part.from + part.length], "seed {seed}");
        }
    }
    expected.is_some()
}

#[test]
fn a_delta_makes_what_the_format_says_or_is_refused() {
    each_seed(seeds("deltas", 40), |seed| {
        let random = &mut Rng::with_seed(seed);
        let mut sound = 0;
        for _ in 0..300 {
            let most = *random.choice(&[0, 1, 40, 3_000, 140_000]).unwrap();
            let base: Vec<u8> = (0..random.usize(..=most)).map(|_| random.u8(..)).collect();
            let mut bytes = delta(random, &base);
            sound += usize::from(held_delta(seed, &base, &bytes, 1 << 20));
            held_delta(seed, &base, &bytes, random.u64(..2_000));
            damage(random, &mut bytes);
            held_delta(seed, &base, &bytes, 1 << 20);
            let noise: Vec<u8> = (0..random.usize(..40)).map(|_| random.u8(..)).collect();
            held_delta(seed, &base, &noise, 1 << 16);
        }
        assert!(sound > 200, "seed {seed}: only {sound} deltas fit");
    });
}

/// What the format says of an index, in the plainest way; what is to stand in its table of large offsets and does not
/// stands beyond any pack, each at a place of its own.
fn plain_index(bytes: &[u8], hash: usize) -> Option<Vec<(Vec<u8>, u64)>> {
    let number = |at: usize| bytes.get(at..at + 4).map(|four| u32::from_be_bytes(four.try_into().unwrap()));
    let is_2 = number(0)? == 0xff74_4f63 && number(4)? == 2;
    let start = if is_2 { 8 } else { 0 };
    let count = number(start + 1020)? as usize;
    let table = start + 1024;
    let mut rows = Vec::new();
    for row in 0..count {
        if is_2 {
            let id = bytes.get(table + row * hash..table + (row + 1) * hash)?;
            let small = u64::from(number(table + count * (hash + 4) + row * 4)?);
            let large = table + count * (hash + 8) + (small & 0x7fff_ffff) as usize * 8;
            let offset = match small >> 31 {
                0 => small,
                _ => match (number(large), number(large + 4)) {
                    (Some(high), Some(low)) => u64::from(high) << 32 | u64::from(low),
                    _ => u64::MAX - row as u64,
                },
            };
            rows.push((id.to_vec(), offset));
        } else {
            let at = table + row * (hash + 4);
            rows.push((bytes.get(at + 4..at + 4 + hash)?.to_vec(), u64::from(number(at)?)));
        }
    }
    Some(rows)
}

fn held_index(seed: u64, bytes: &[u8], format: ObjectFormat) -> bool {
    let mut listed = None;
    let counted = allocation_counter::measure(|| listed = parts::index(bytes, format));
    assert!(counted.bytes_max <= 40 * bytes.len() as u64 + 4096, "seed {seed}: {} bytes", counted.bytes_max);
    let listed = listed.map(|rows| rows.iter().map(|(id, at)| (id.as_bytes().to_vec(), *at)).collect::<Vec<_>>());
    if let Some(rows) = &listed {
        assert!(rows.is_sorted_by_key(|row| &row.0), "seed {seed}");
    }
    let mut plain = plain_index(bytes, format.raw_len());
    if let Some(rows) = &mut plain {
        // Of one id in several places any order will do.
        rows.sort();
    }
    let sorted = listed.map(|mut rows| {
        rows.sort();
        rows
    });
    assert_eq!(sorted, plain, "seed {seed}");
    plain.is_some()
}

/// An index of either version for ids of either length, its ids in order.
fn index(random: &mut Rng, hash: usize) -> Vec<u8> {
    let mut ids: Vec<Vec<u8>> = (0..random.usize(..60)).map(|_| (0..hash).map(|_| random.u8(..)).collect()).collect();
    ids.sort();
    let version_2 = random.u8(..4) > 0;
    let mut bytes = if version_2 { b"\xfftOc\0\0\0\x02".to_vec() } else { Vec::new() };
    for first in 0..=255u8 {
        bytes.extend((ids.partition_point(|id| id[0] <= first) as u32).to_be_bytes());
    }
    if version_2 {
        bytes.extend(ids.concat());
        bytes.extend(vec![0; ids.len() * 4]);
        let mut large = Vec::new();
        for _ in &ids {
            let offset = match random.u8(..8) {
                0 => {
                    large.extend(random.u64(..).to_be_bytes());
                    0x8000_0000 | (large.len() / 8 - 1) as u32
                }
                _ => random.u32(..0x8000_0000),
            };
            bytes.extend(offset.to_be_bytes());
        }
        bytes.extend(large);
    } else {
        for id in &ids {
            bytes.extend(random.u32(..).to_be_bytes());
            bytes.extend(id);
        }
    }
    bytes.extend(vec![0; 2 * hash]);
    bytes
}

#[test]
fn an_index_lists_what_the_format_says_or_is_refused() {
    each_seed(seeds("indexes", 40), |seed| {
        let random = &mut Rng::with_seed(seed);
        for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
            for _ in 0..100 {
                let mut bytes = index(random, format.raw_len());
                assert!(held_index(seed, &bytes, format), "seed {seed}: a sound index is refused");
                for _ in 0..3 {
                    damage(random, &mut bytes);
                    held_index(seed, &bytes, format);
                }
                let noise: Vec<u8> = (0..random.usize(..3000)).map(|_| random.u8(..)).collect();
                held_index(seed, &noise, format);
            }
        }
    });
}

/// A file with these bytes and no name.
fn file_of(bytes: &[u8]) -> std::fs::File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    file.rewind().unwrap();
    file
}

#[test]
fn an_entry_is_read_within_its_pack_and_its_limit_or_is_refused() {
    const LIMIT: u64 = 100_000;
    each_seed(seeds("entries", 60), |seed| {
        let random = &mut Rng::with_seed(seed);
        let entries: Vec<Packed> = (0..random.usize(1..30))
            .map(|number| {
                let length = *random.choice(&[0, 1, 300, 5_000, 90_000, 120_000]).unwrap();
                let bytes: Vec<u8> = (0..random.usize(..=length)).map(|_| random.u8(..16)).collect();
                let stored = match random.u8(..5) {
                    0 if number > 0 => packs::Stored::OffsetDelta(random.usize(1..=number)),
                    1 => packs::Stored::RefDelta(packs::made_up(random.u64(..9))),
                    _ => packs::Stored::Whole(random.u8(1..5)),
                };
                Packed { oid: packs::made_up(number as u64), stored, bytes }
            })
            .collect();
        let mut deflate = |bytes: &[u8]| {
            let level = flate2::Compression::new(bytes.len() as u32 % 10);
            let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).unwrap();
            encoder.finish().unwrap()
        };
        let (sound, offsets) = packs::pack(&entries, &mut deflate);
        let end = sound.len() as u64 - 20;
        let file = file_of(&sound);
        for ahead in [false, true] {
            let mut reader = Entries::new(&file, end, ObjectFormat::Sha1, ahead);
            for (entry, offset) in entries.iter().zip(&offsets) {
                let mut out = Vec::new();
                let read = reader.read(*offset as u64, LIMIT, &mut out);
                assert_eq!(read.is_ok(), entry.bytes.len() as u64 <= LIMIT, "seed {seed}: {read:?}");
                if let Ok(stored) = read {
                    assert_eq!(out, entry.bytes, "seed {seed}");
                    let expected = match &entry.stored {
                        packs::Stored::Whole(number) => *number,
                        packs::Stored::OffsetDelta(_) => 6,
                        packs::Stored::RefDelta(_) => 7,
                    };
                    let number = match stored {
                        Stored::Whole(ObjectType::Commit) => 1,
                        Stored::Whole(ObjectType::Tree) => 2,
                        Stored::Whole(ObjectType::Blob) => 3,
                        Stored::Whole(ObjectType::Tag) => 4,
                        Stored::OffsetDelta(_) => 6,
                        Stored::RefDelta(_) => 7,
                    };
                    assert_eq!(number, expected, "seed {seed}");
                }
            }
        }
        for _ in 0..20 {
            let mut bytes = sound.clone();
            damage(random, &mut bytes);
            let end = if random.bool() { bytes.len() as u64 } else { random.u64(..=bytes.len() as u64) };
            // What stands behind the end must not matter.
            let (whole, cut) = (file_of(&bytes), file_of(&bytes[..end as usize]));
            let ahead = random.bool();
            let mut readers = [&whole, &cut].map(|file| Entries::new(file, end, ObjectFormat::Sha1, ahead));
            for _ in 0..20 {
                let offset = match random.u8(..4) {
                    0 => random.u64(..bytes.len() as u64 + 100),
                    1 => *random.choice(&[0, u64::MAX, u64::MAX - 63, end, end.saturating_sub(1)]).unwrap(),
                    _ => *random.choice(&offsets).unwrap() as u64,
                };
                let mut both = readers.each_mut().map(|reader| {
                    let mut out = Vec::new();
                    let mut read = None;
                    let counted = allocation_counter::measure(|| read = Some(reader.read(offset, LIMIT, &mut out)));
                    assert!(counted.bytes_max <= 6 * LIMIT + (1 << 20), "seed {seed}: {} bytes", counted.bytes_max);
                    let read = read.unwrap();
                    if read.is_err() {
                        out.clear();
                    }
                    (read, out)
                });
                // One says that it is damaged, the other perhaps that it is cut: what each says is no matter.
                if both.iter().all(|(read, _)| read.is_err()) {
                    continue;
                }
                let [one, other] = &mut both;
                assert!(one == other, "seed {seed}: at {offset} up to {end} what is behind matters");
            }
        }
    });
}

/// An entry of a graph of deltas, and what it must come to; nothing where it cannot be read.
struct Node {
    packed: Packed,
    expected: Option<Vec<u8>>,
}

/// Entries of every kind in any order: bases before and after, in this pack or another, in circles, or nowhere.
fn graph(random: &mut Rng, from: u64, elsewhere: &[(crate::common::fixture::objects::Oid, Vec<u8>)]) -> Vec<Node> {
    let count = random.usize(1..60);
    let oid = |at: usize| packs::made_up(from + at as u64);
    // Which is made of which, before anything has content: by offset only of one before it.
    enum Base {
        None,
        Before(usize),
        Named(usize),
        Elsewhere(usize),
        Nowhere,
    }
    let bases: Vec<Base> = (0..count)
        .map(|at| match random.u8(..12) {
            0..=3 if at > 0 => Base::Before(if random.bool() { at - 1 } else { random.usize(..at) }),
            4..=6 => Base::Named(random.usize(..count)),
            7 if !elsewhere.is_empty() => Base::Elsewhere(random.usize(..elsewhere.len())),
            8 if random.u8(..4) == 0 => Base::Nowhere,
            _ => Base::None,
        })
        .collect();
    // From the whole ones outward; what is in a circle is never reached.
    let mut contents: Vec<Option<Vec<u8>>> = vec![None; count];
    let mut stored: Vec<Option<(packs::Stored, Vec<u8>)>> = (0..count).map(|_| None).collect();
    loop {
        let mut any = false;
        for at in 0..count {
            if stored[at].is_some() {
                continue;
            }
            let (base, how): (Vec<u8>, packs::Stored) = match &bases[at] {
                Base::None => {
                    let content: Vec<u8> = (0..random.usize(..1500)).map(|_| random.u8(..)).collect();
                    contents[at] = Some(content.clone());
                    stored[at] = Some((packs::Stored::Whole(3), content));
                    any = true;
                    continue;
                }
                Base::Before(base) if stored[*base].is_some() => {
                    let Some(content) = contents[*base].clone() else {
                        stored[at] = Some((packs::Stored::OffsetDelta(at - base), vec![0, 0]));
                        any = true;
                        continue;
                    };
                    (content, packs::Stored::OffsetDelta(at - base))
                }
                Base::Named(base) if stored[*base].is_some() => {
                    let Some(content) = contents[*base].clone() else {
                        stored[at] = Some((packs::Stored::RefDelta(oid(*base)), vec![0, 0]));
                        any = true;
                        continue;
                    };
                    (content, packs::Stored::RefDelta(oid(*base)))
                }
                Base::Elsewhere(base) => (elsewhere[*base].1.clone(), packs::Stored::RefDelta(elsewhere[*base].0)),
                Base::Nowhere => {
                    stored[at] = Some((packs::Stored::RefDelta(packs::made_up(from + 1_000_000)), vec![0, 0]));
                    any = true;
                    continue;
                }
                Base::Before(_) | Base::Named(_) => continue,
            };
            let mut bytes = delta(random, &base);
            if random.u8(..12) == 0 {
                damage(random, &mut bytes);
            }
            contents[at] = reference::apply(&base, &bytes, 1 << 30);
            stored[at] = Some((how, bytes));
            any = true;
        }
        if !any {
            break;
        }
    }
    let circle = |at: usize| match &bases[at] {
        Base::Before(base) => packs::Stored::OffsetDelta(at - base),
        Base::Named(base) => packs::Stored::RefDelta(oid(*base)),
        _ => unreachable!("only what has a base can be in a circle"),
    };
    stored
        .into_iter()
        .zip(contents)
        .enumerate()
        .map(|(at, (stored, expected))| {
            let (stored, bytes) = stored.unwrap_or_else(|| (circle(at), vec![0, 0]));
            Node { packed: Packed { oid: oid(at), stored, bytes }, expected }
        })
        .collect()
}

#[test]
fn what_deltas_of_any_shape_lead_to_is_read_and_the_rest_is_named() {
    each_seed(seeds("graphs of deltas", 60), |seed| {
        let random = &mut Rng::with_seed(seed);
        let repo = Repo::bare();
        let objects = repo.git_directory().join("objects");
        let mut known = Vec::new();
        let mut expected = BTreeMap::new();
        let mut hopeless = BTreeSet::new();
        for pack in 0..random.u64(1..4) {
            let nodes = graph(random, seed.wrapping_mul(1000) + pack * 100, &known);
            for node in &nodes {
                let oid = Oid::from_bytes(&node.packed.oid.0).unwrap();
                match &node.expected {
                    Some(content) => {
                        known.push((node.packed.oid, content.clone()));
                        expected.insert(oid, (ObjectType::Blob, content.clone()));
                    }
                    None => _ = hopeless.insert(oid),
                }
            }
            let entries: Vec<Packed> = nodes.into_iter().map(|node| node.packed).collect();
            packs::write_pack(&objects, &format!("{pack:040x}"), &entries);
        }
        let _watchdog = Watchdog::within(Duration::from_secs(60), format!("seed {seed}"));
        let read = read_everything(repo.path());
        assert!(read.objects == expected, "seed {seed}: {} of {} are read", read.objects.len(), expected.len());
        assert_eq!(read.failed.into_iter().collect::<BTreeSet<_>>(), hopeless, "seed {seed}");
        assert!(read.gaps.is_empty(), "seed {seed}: {:?}", read.gaps);
    });
}

#[test]
fn a_damaged_multi_pack_index_leads_to_an_object_of_its_packs_or_to_none() {
    each_seed(seeds("multi-pack indexes", 20), |seed| {
        let random = &mut Rng::with_seed(seed);
        let mut repo = Repo::bare();
        let objects = repo.git_directory().join("objects");
        let mut expected = BTreeMap::new();
        for pack in 0..random.u64(2..5) {
            let entries: Vec<Packed> = (0..random.u64(1..400))
                .map(|number| {
                    let oid = packs::made_up(seed.wrapping_mul(10_000) + pack * 1000 + number);
                    let content = format!("{seed} {pack} {number}").into_bytes();
                    expected.insert(Oid::from_bytes(&oid.0).unwrap(), content.clone());
                    Packed::blob(oid, content)
                })
                .collect();
            packs::write_pack(&objects, &format!("{pack:040x}"), &entries);
        }
        repo.git(&["multi-pack-index", "write"]);
        let ids: Vec<Oid> = expected.keys().copied().collect();
        let read = || parts::look_up(&objects, ObjectFormat::Sha1, &ids);
        let is_right =
            |(oid, read): (&Oid, parts::LookedUp)| read == Ok(Some((ObjectType::Blob, expected[oid].clone())));
        assert!(ids.iter().zip(read()).all(is_right), "seed {seed}, sound");
        let contents: BTreeSet<&Vec<u8>> = expected.values().collect();
        let path = objects.join("pack/multi-pack-index");
        let sound = std::fs::read(&path).unwrap();
        for round in 0..40 {
            let _watchdog = Watchdog::within(Duration::from_secs(60), format!("seed {seed}, round {round}"));
            let mut damaged = sound.clone();
            // The header and the places of its chunks are few bytes among many.
            let head = damaged.len().min(if random.bool() { 100 } else { damaged.len() });
            let mut rest = damaged.split_off(head);
            damage(random, &mut damaged);
            damaged.append(&mut rest);
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, &damaged).unwrap();
            for found in read() {
                if let Ok(Some((kind, bytes))) = found {
                    assert!(kind == ObjectType::Blob && contents.contains(&bytes), "seed {seed}, round {round}");
                }
            }
        }
    });
}
