//! What names objects, by itself: an index, and a table of refs with their logs; sound, changed at random, and made up.
//! Nothing panics, what is read is what is there, and names come to no more than a few times their bytes.

use std::collections::BTreeMap;
use std::io::Write as _;

use clerk_audit::model::{ObjectFormat, Oid};
use clerk_audit::store::parts;
use fastrand::Rng;

use super::parts::damage;
use super::support::{each_seed, seeds};
use crate::common::packs::offset_varint;
use crate::common::reftable;

fn oid(random: &mut Rng, format: ObjectFormat) -> Oid {
    let bytes: Vec<u8> = (0..format.raw_len()).map(|_| random.u8(..)).collect();
    Oid::from_bytes(&bytes).unwrap()
}

/// Paths or names, in order and each once, that begin alike.
fn names(random: &mut Rng, most: usize, beginning: &str) -> Vec<Vec<u8>> {
    let parts = ["a", "src", "src/", "b/c", "\u{e9}", "longer than the others are", "x"];
    let mut names: Vec<Vec<u8>> = (0..random.usize(..=most))
        .map(|_| {
            let parts: String = (0..random.usize(1..8)).map(|_| *random.choice(&parts).unwrap()).collect();
            format!("{beginning}{parts}").into_bytes()
        })
        .collect();
    names.sort();
    names.dedup();
    names
}

/// How much two names have in common.
fn shared(one: &[u8], other: &[u8]) -> usize {
    one.iter().zip(other).take_while(|(one, other)| one == other).count()
}

/// What stands in an index: path, object and mode.
type Entries = Vec<(Vec<u8>, Oid, u32)>;

/// An index of a version, what is in it, and the index that it is a part of.
fn index(random: &mut Rng, format: ObjectFormat, version: u8) -> (Vec<u8>, Entries, Option<Oid>) {
    let paths = names(random, 40, "");
    let mut bytes = [b"DIRC\0\0\0".as_slice(), &[version], &(paths.len() as u32).to_be_bytes()].concat();
    let mut entries = Entries::new();
    let mut before: &[u8] = b"";
    for path in &paths {
        let (start, oid) = (bytes.len(), oid(random, format));
        let mode = *random.choice(&[0o100_644, 0o100_755, 0o120_000, 0o160_000]).unwrap();
        bytes.extend((0..24).map(|_| random.u8(..)));
        bytes.extend(u32::to_be_bytes(mode));
        bytes.extend((0..12).map(|_| random.u8(..)));
        bytes.extend(oid.as_bytes());
        let is_extended = version > 2 && random.bool();
        let length = path.len().min(0xfff) as u16;
        bytes.extend((length | if is_extended { 0x4000 } else { 0 }).to_be_bytes());
        bytes.extend(if is_extended { &[0x20, 0][..] } else { &[] });
        if version == 4 {
            let keep = shared(before, path);
            bytes.extend(offset_varint(before.len() - keep));
            bytes.extend(&path[keep..]);
            bytes.push(0);
        } else {
            bytes.extend(path);
            let padding = 8 - (bytes.len() - start) % 8;
            bytes.extend(vec![0; padding]);
        }
        entries.push((path.clone(), oid, mode));
        before = path;
    }
    let mut extension = |name: &[u8; 4], content: &[u8]| {
        bytes.extend(name);
        bytes.extend((content.len() as u32).to_be_bytes());
        bytes.extend(content);
    };
    if random.bool() {
        extension(b"TREE", &[random.u8(..); 9]);
    }
    if random.bool() {
        let (path, sides) = (b"resolved".to_vec(), [oid(random, format), oid(random, format)]);
        let modes = b"100644\x000\x00100755\x00";
        extension(b"REUC", &[&path, &[0][..], modes, sides[0].as_bytes(), sides[1].as_bytes()].concat());
        entries.push((path.clone(), sides[0], 0o100_644));
        entries.push((path, sides[1], 0o100_755));
    }
    let link = random.bool().then(|| oid(random, format));
    if let Some(link) = link {
        extension(b"link", link.as_bytes());
    }
    bytes.extend(vec![0; format.raw_len()]);
    (bytes, entries, link)
}

/// Reads by `read`, which takes no more memory than it may.
fn within<T>(seed: u64, bytes: usize, read: impl FnOnce() -> T) -> T {
    let mut result = None;
    let counted = allocation_counter::measure(|| result = Some(read()));
    let most = 2 * ((64 << 20) + 16 * bytes as u64);
    assert!(counted.bytes_max <= most, "seed {seed}: {} bytes for {bytes}", counted.bytes_max);
    result.unwrap()
}

fn staged(seed: u64, bytes: &[u8], format: ObjectFormat) -> Option<(Entries, Option<Oid>)> {
    let (entries, link) = within(seed, bytes.len(), || parts::staged(bytes, format))?;
    Some((entries.into_iter().map(|entry| (entry.path, entry.oid, entry.mode)).collect(), link))
}

#[test]
fn an_index_is_read_as_it_was_written_or_is_refused() {
    each_seed(seeds("indexes of work trees", 40), |seed| {
        let random = &mut Rng::with_seed(seed);
        for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
            for round in 0..60 {
                let (mut bytes, entries, link) = index(random, format, 2 + round % 3);
                assert_eq!(staged(seed, &bytes, format), Some((entries, link)), "seed {seed}");
                for _ in 0..4 {
                    damage(random, &mut bytes);
                    staged(seed, &bytes, format);
                }
                let noise: Vec<u8> = (0..random.usize(..400)).map(|_| random.u8(..)).collect();
                staged(seed, &[b"DIRC\0\0\0\x04\0\0\0\x09", noise.as_slice()].concat(), format);
            }
        }
    });
}

/// What a table says: refs by name, and lines of logs by name and update.
type Table = (BTreeMap<Vec<u8>, parts::RefTarget>, BTreeMap<(Vec<u8>, u64), Vec<u8>>);

/// A record's key behind the one before, sharing as much of it as it can or less.
fn key(random: &mut Rng, before: &[u8], key: &[u8], kind: usize) -> Vec<u8> {
    let keep = if random.bool() { shared(before, key) } else { 0 };
    [offset_varint(keep), offset_varint((key.len() - keep) << 3 | kind), key[keep..].to_vec()].concat()
}

fn text(text: &[u8]) -> Vec<u8> {
    [&offset_varint(text.len()), text].concat()
}

/// Records of refs; what they say is put into `expected`.
fn refs(random: &mut Rng, format: ObjectFormat, number: usize, expected: &mut Table) -> Vec<u8> {
    let (mut records, mut before) = (Vec::new(), Vec::new());
    for name in names(random, 30, &format!("refs/{number}/")) {
        let kind = random.usize(..4);
        records.extend(key(random, &before, &name, kind));
        records.extend(offset_varint(random.usize(..300)));
        let (one, other) = (oid(random, format), oid(random, format));
        match kind {
            0 => {}
            1 => records.extend(one.as_bytes()),
            2 => records.extend([one.as_bytes(), other.as_bytes()].concat()),
            _ => records.extend(text(b"refs/heads/main")),
        }
        if kind > 0 {
            expected.0.insert(name.clone(), if kind == 3 { Err(b"refs/heads/main".to_vec()) } else { Ok(one) });
        }
        before = name;
    }
    records
}

/// Records of logs; what they say is put into `expected`.
fn logs(random: &mut Rng, format: ObjectFormat, number: usize, expected: &mut Table) -> Vec<u8> {
    let (mut records, mut before) = (Vec::new(), Vec::new());
    for name in names(random, 12, &format!("refs/{number}/")) {
        let first = random.u64(..1 << 40);
        for update in (first..first + random.u64(1..4)).rev() {
            let whole = [name.as_slice(), &[0], &(u64::MAX - update).to_be_bytes()].concat();
            let kind = usize::from(random.u8(..5) > 0);
            records.extend(key(random, &before, &whole, kind));
            before = whole;
            if kind == 0 {
                continue;
            }
            let (old, new, seconds, zone) =
                (oid(random, format), oid(random, format), random.usize(..), random.i16(..));
            records.extend([old.as_bytes(), new.as_bytes()].concat());
            records.extend([text(b"Ada Author"), text(b"ada@example.test")].concat());
            records.extend(offset_varint(seconds >> 8));
            records.extend(zone.to_be_bytes());
            records.extend(text(b"commit: x\n"));
            let seconds = seconds >> 8;
            let line = format!("{old} {new} Ada Author <ada@example.test> {seconds} {zone:+05}\tcommit: x");
            expected.1.insert((name.clone(), update), line.into_bytes());
        }
    }
    records
}

fn table(seed: u64, bytes: &[u8], format: ObjectFormat) -> Option<Table> {
    let table = within(seed, bytes.len(), || parts::table(bytes, format))?;
    let logs = table.logs.into_iter().map(|(name, update, line)| ((name, update), line)).collect();
    Some((table.refs.into_iter().collect(), logs))
}

#[test]
fn a_table_of_refs_is_read_as_it_was_written_or_is_refused() {
    each_seed(seeds("tables of refs", 40), |seed| {
        let random = &mut Rng::with_seed(seed);
        for format in [ObjectFormat::Sha1, ObjectFormat::Sha256] {
            for _ in 0..60 {
                let mut expected = Table::default();
                let blocks: Vec<(u8, Vec<u8>)> = (0..random.usize(..6))
                    .map(|number| match random.u8(..5) {
                        0..=1 => (b'r', refs(random, format, number, &mut expected)),
                        2..=3 => (b'g', logs(random, format, number, &mut expected)),
                        // An index of blocks, or of objects: nothing that is not elsewhere.
                        _ => (*random.choice(b"io").unwrap(), vec![random.u8(..); random.usize(..90)]),
                    })
                    .collect();
                let blocks: Vec<(u8, &[u8])> = blocks.iter().map(|(kind, records)| (*kind, &records[..])).collect();
                let mut deflate = |bytes: &[u8]| {
                    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
                    encoder.write_all(bytes).unwrap();
                    encoder.finish().unwrap()
                };
                let mut bytes = reftable::table(&blocks, &mut deflate);
                if format == ObjectFormat::Sha256 {
                    // The same but for the version, and what it puts behind the header and into the footer.
                    bytes = with_hash_id(&bytes, blocks.is_empty());
                }
                assert_eq!(table(seed, &bytes, format), Some(expected), "seed {seed}");
                for _ in 0..4 {
                    damage(random, &mut bytes);
                    table(seed, &bytes, format);
                }
                let noise: Vec<u8> = (0..random.usize(..400)).map(|_| random.u8(..)).collect();
                table(seed, &reftable::table(&[(b'r', &noise)], &mut deflate), format);
                table(seed, &reftable::table(&[(b'g', &noise)], &mut deflate), format);
            }
        }
    });
}

/// A table of version 2: the id of the hash ends its header, which the first block's length counts.
fn with_hash_id(table: &[u8], is_empty: bool) -> Vec<u8> {
    let (header, rest) = table.split_at(24);
    let mut table = [header, b"s256", rest, &[0; 4]].concat();
    table[4] = 2;
    if !is_empty {
        let length = u32::from_be_bytes([0, table[29], table[30], table[31]]) + 4;
        table[29..32].copy_from_slice(&length.to_be_bytes()[1..]);
    }
    table
}
