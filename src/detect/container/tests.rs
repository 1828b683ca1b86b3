//! What holds for every format, and what the tests of each share.

#[cfg(test)]
mod bombs;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod make;
#[cfg(test)]
mod pdf;
#[cfg(test)]
mod sevenz;
#[cfg(test)]
mod sniffing;
#[cfg(test)]
mod streams;
#[cfg(test)]
mod tar;
#[cfg(test)]
mod zip;

use super::*;

const GO_ON: &dyn Fn() -> bool = &|| false;

/// A member, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Kept {
    path: Option<String>,
    bytes: Vec<u8>,
}

/// Reads a container without looking into its members, within the usual limits.
fn read(format: Format, bytes: &[u8]) -> (Outcome, Vec<Kept>) {
    let mut budget = Budget::new(&Limits::default(), bytes.len(), GO_ON);
    read_within(format, bytes, &mut budget)
}

fn read_within(format: Format, bytes: &[u8], budget: &mut Budget<'_>) -> (Outcome, Vec<Kept>) {
    let mut kept = Vec::new();
    let (outcome, _) = unpack(format, bytes, budget, &mut |member, _| {
        assert_eq!(member.step, format.step());
        assert!(!member.bytes.is_empty(), "nothing is no member");
        let path = member.path.map(|path| String::from_utf8_lossy(path).into_owned());
        kept.push(Kept { path, bytes: member.bytes.to_vec() });
    });
    (outcome, kept)
}

/// What was handed over under that path.
fn at<'a>(kept: &'a [Kept], path: &str) -> Vec<&'a [u8]> {
    kept.iter().filter(|kept| kept.path.as_deref() == Some(path)).map(|kept| kept.bytes.as_slice()).collect()
}

/// The bytes of the one member there is.
fn only(kept: &[Kept]) -> &[u8] {
    assert_eq!(kept.len(), 1, "{:?}", kept.iter().map(|kept| (&kept.path, kept.bytes.len())).collect::<Vec<_>>());
    &kept[0].bytes
}

/// Reads a container and everything in it that looks like one; what all of them tell, and how many bytes there were.
fn read_nested(bytes: &[u8], budget: &mut Budget<'_>, depth: usize, told: &mut Vec<Outcome>) -> u64 {
    let Some(format) = sniff(bytes).filter(|_| depth > 0) else { return 0 };
    let mut total = 0;
    let (outcome, _) = unpack(format, bytes, budget, &mut |member, budget| {
        total += member.bytes.len() as u64 + read_nested(member.bytes, budget, depth - 1, told);
    });
    told.push(outcome);
    total
}

/// Text that compresses as text does: words, numbers, some that return.
fn text(rng: &mut fastrand::Rng, length: usize) -> Vec<u8> {
    const WORDS: [&str; 12] =
        ["export", "secret", "value", "key", "config", "=", "\n", "clerk", "const", "{", "}", "process.env"];
    let mut text = Vec::new();
    while text.len() < length {
        match rng.u8(0..8) {
            0 => text.extend_from_slice(rng.u32(..).to_string().as_bytes()),
            _ => text.extend_from_slice(WORDS[rng.usize(..WORDS.len())].as_bytes()),
        }
        text.push(b' ');
    }
    text.truncate(length);
    text
}

/// A seed for what is made up, and a message for whoever has to make it up again.
fn seed() -> u64 {
    let seed = std::env::var("CLERK_AUDIT_SEED").ok().and_then(|seed| seed.parse().ok());
    let seed = seed.unwrap_or_else(|| fastrand::u64(..));
    println!("CLERK_AUDIT_SEED={seed}");
    seed
}

/// Containers of every format in which `content` stands, made in the ways that differ.
fn samples(content: &[u8]) -> Vec<(Format, Vec<u8>)> {
    let (first, second) = content.split_at(content.len() / 3);
    let mut deflated = make::Zip::default();
    deflated.deflated("first", first).deflated("second", second);
    let mut streamed = make::Zip::default();
    streamed.streamed("first", first).stored("second", second);
    let tar = [make::tar("first", b'0', first), make::tar("second", b'0', second), vec![0; 1024]].concat();
    vec![
        (Format::Gzip, make::gzip(content)),
        (Format::Gzip, [make::gzip(first), make::gzip(second)].concat()),
        (Format::Zlib, make::zlib(content)),
        (Format::Bzip2, [make::bzip2(first), make::bzip2(second)].concat()),
        (Format::Xz, [make::xz(first), make::xz(second)].concat()),
        (Format::Zstd, [make::zstd(first), make::zstd(second)].concat()),
        (Format::Zip, deflated.finish()),
        (Format::Zip, streamed.finish()),
        (Format::Tar, tar),
        (Format::Pdf, make::pdf(&[first, second])),
        (Format::SevenZ, make::sevenz_stored(&[("first", first), ("second", second)])),
        (Format::SevenZ, make::sevenz_lzma2(&[("first", first), ("second", second)])),
    ]
}

#[test]
fn every_format_round_trips() {
    let mut rng = fastrand::Rng::with_seed(seed());
    for length in [2, 100, 5000, 300_000] {
        let content = text(&mut rng, length);
        for (format, bytes) in samples(&content) {
            assert!(sniff(&bytes) == Some(format), "{format:?} of {length} is taken for {:?}", sniff(&bytes));
            let (outcome, kept) = read(format, &bytes);
            let whole: Vec<u8> = kept.iter().flat_map(|kept| kept.bytes.clone()).collect();
            assert_eq!(outcome, Outcome::Read, "{format:?} of {length}");
            assert!(whole == content, "{format:?} of {length} gives {} bytes", whole.len());
        }
    }
}

#[test]
fn a_container_in_a_container_spends_from_the_same_budget() {
    let content = vec![b'x'; 10_000];
    let bytes = make::gzip(&make::gzip(&content));
    let inner = make::gzip(&content).len() as u64;
    let limits = Limits { produced: 10_000 + inner, entries: 2, ..Limits::default() };
    let mut told = Vec::new();
    let total = read_nested(&bytes, &mut Budget::new(&limits, bytes.len(), GO_ON), 5, &mut told);
    assert_eq!((told, total), (vec![Outcome::Read, Outcome::Read], 10_000 + inner));
    for (limits, name) in [
        (Limits { produced: 9_000, ..limits }, "bytes decoded"),
        (Limits { free: 9_000, ratio: 0, ..limits }, "ratio"),
        (Limits { entries: 1, ..limits }, "entries"),
    ] {
        let mut told = Vec::new();
        read_nested(&bytes, &mut Budget::new(&limits, bytes.len(), GO_ON), 5, &mut told);
        assert_eq!(told, [Outcome::Limited(name), Outcome::Read]);
    }
}
