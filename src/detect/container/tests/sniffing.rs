//! What containers are told by, and what is none.

use std::path::Path;

use super::*;

/// The sources and texts of this repository, which speak of containers more than most.
fn own_texts() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut texts = Vec::new();
    let mut pending: Vec<_> = ["src", "docs", "tests"].iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = pending.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            match entry.file_type().unwrap().is_dir() {
                true => pending.push(entry.path()),
                false => texts.push(std::fs::read(entry.path()).unwrap()),
            }
        }
    }
    texts
}

#[test]
fn text_is_no_container_wherever_it_begins() {
    let texts = own_texts();
    assert!(texts.len() > 50);
    let (mut starts, mut wrong) = (0, Vec::new());
    for text in &texts {
        let lines = std::iter::once(0).chain(memchr::memchr_iter(b'\n', text).map(|at| at + 1));
        for start in lines {
            starts += 1;
            if let Some(format) = sniff(&text[start..]) {
                wrong.push((
                    format,
                    String::from_utf8_lossy(&text[start..][..text.len().min(start + 20) - start]).into_owned(),
                ));
            }
        }
    }
    assert!(wrong.len() * 10_000 <= starts, "{} of {starts}: {wrong:?}", wrong.len());
}

#[test]
fn random_bytes_hardly_ever_are() {
    let mut rng = fastrand::Rng::with_seed(seed());
    let mut bytes = [0; 1024];
    let mut counts = std::collections::BTreeMap::<String, u32>::new();
    for _ in 0..200_000 {
        rng.fill(&mut bytes);
        if let Some(format) = sniff(&bytes) {
            *counts.entry(format!("{format:?}")).or_default() += 1;
        }
    }
    let zlib = counts.remove("Zlib").unwrap_or(0);
    assert!(zlib < 60, "{zlib} in 200,000 for zlib, expected 25");
    assert!(counts.values().sum::<u32>() <= 2, "{counts:?}");
}

#[test]
fn random_bytes_are_read_as_anything_without_harm() {
    let mut rng = fastrand::Rng::with_seed(seed());
    let beginnings = samples(b"some text that is long enough");
    for round in 0..2000 {
        let mut random = vec![0; rng.usize(0..3000)];
        rng.fill(&mut random);
        for (format, beginning) in &beginnings {
            // With and without the first bytes of what it is taken for.
            let known = if round % 2 == 0 { rng.usize(0..beginning.len().min(60)).min(random.len()) } else { 0 };
            let bytes = [&beginning[..known], &random[known..]].concat();
            let (outcome, kept) = read(*format, &bytes);
            let total: usize = kept.iter().map(|kept| kept.bytes.len()).sum();
            assert!(total <= (5 << 20) + bytes.len() * 1100, "{format:?}: {outcome:?} with {total}");
        }
    }
}

#[test]
fn a_short_beginning_is_enough_or_nothing() {
    for (format, bytes) in samples(&text(&mut fastrand::Rng::with_seed(seed()), 2000)) {
        for length in 0..bytes.len().min(600) {
            let told = sniff(&bytes[..length]);
            assert!(told.is_none() || told == Some(format), "{format:?} cut to {length} is taken for {told:?}");
        }
    }
}
