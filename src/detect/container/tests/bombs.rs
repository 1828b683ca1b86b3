//! What a small object may cost.

use std::cell::Cell;
use std::time::{Duration, Instant};

use super::make::{Zip, ZipEntry};
use super::*;

/// A zip in which every entry holds all that follow it, and the last a kernel of zeros: no byte stands there twice,
/// and what it makes grows with the square of its length (David Fifield, 2019).
fn overlapping(count: usize, kernel: &[u8]) -> Vec<u8> {
    let claimed = |size| ZipEntry { name: "n", flags: 0, method: 8, crc: 0, packed: size, size: 0, extra: Vec::new() };
    let header_length = 31;
    let mut zip = Zip::default();
    for at in 0..count {
        let rest = (count - 1 - at) * (5 + header_length) + kernel.len();
        let here = zip.bytes.len() as u32;
        zip.header(&claimed(rest as u32));
        zip.directory.push((here, claimed(rest as u32)));
        if at + 1 < count {
            // A stored block that quotes the next header; what follows that is deflate again.
            zip.bytes.extend_from_slice(&[0, header_length as u8, 0, !(header_length as u8), 0xff]);
        }
    }
    zip.bytes.extend_from_slice(kernel);
    zip.finish()
}

/// A zip of stored entries, each of which holds all that follow it.
fn overlapping_stored(count: usize, last: usize) -> Vec<u8> {
    let mut zip = Zip::default();
    for at in 0..count {
        let rest = ((count - 1 - at) * 31 + last) as u32;
        let entry = ZipEntry { name: "n", flags: 0, method: 0, crc: 0, packed: rest, size: rest, extra: Vec::new() };
        let here = zip.bytes.len() as u32;
        zip.header(&entry);
        zip.directory.push((here, entry));
    }
    zip.bytes.resize(zip.bytes.len() + last, b'x');
    zip.finish()
}

/// A zip of entries that read all that follows and make next to nothing of it: between two headers stand blocks with
/// nothing in them.
fn reading_for_nothing(count: usize, between: usize) -> Vec<u8> {
    let entry = ZipEntry { name: "n", flags: 8, method: 8, crc: 0, packed: 0, size: 0, extra: Vec::new() };
    let mut zip = Zip::default();
    for _ in 0..count {
        zip.header(&entry);
        zip.bytes.extend([0, 0, 0, 0xff, 0xff].repeat(between / 5));
        zip.bytes.extend_from_slice(&[0, 31, 0, !31, 0xff]);
    }
    zip.bytes
}

/// A zip of zips of zips, sixteen of each, as 42.zip is.
fn nested(depth: usize) -> Vec<u8> {
    let mut inner = make::gzip_of_zeros(8 << 20);
    for _ in 0..depth {
        let mut zip = Zip::default();
        for _ in 0..16 {
            zip.deflated("lib.zip", &inner);
        }
        inner = zip.finish();
    }
    inner
}

/// A frame of zstd with blocks of 128 KiB in four bytes each.
fn repeated_blocks(count: usize) -> Vec<u8> {
    let block = (128u32 << 10 << 3 | 1 << 1).to_le_bytes();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0, 0x80][..], &[block[0], block[1], block[2], b'x'].repeat(count)].concat()
}

/// A frame of zstd of blocks whose literals are a megabyte of the same byte, which RFC 8878 does not allow.
fn repeated_literals(count: usize) -> Vec<u8> {
    let literals = (1 << 20) - 1u32;
    // Literals: repeated, a size of twenty bits. Sequences: none.
    let header = (literals << 4 | 3 << 2 | 1).to_le_bytes();
    let block = (5u32 << 3 | 2 << 1).to_le_bytes();
    let block = [&block[..3], &header[..3], &[b'x', 0]].concat();
    [&[0x28, 0xb5, 0x2f, 0xfd, 0, 0x80][..], &block.repeat(count)].concat()
}

/// A PDF whose streams begin one in the other.
fn streams_in_streams(count: usize) -> Vec<u8> {
    let mut bytes = b"%PDF-1.5\n".to_vec();
    for _ in 0..count {
        // The word and what begins zlib, in a stored block of what began before.
        bytes.extend_from_slice(b"stream\n\x78\x9c\x00\x0e\x00\xf1\xff");
    }
    bytes
}

fn bombs() -> Vec<(&'static str, Vec<u8>)> {
    let zeros = make::gzip_of_zeros(400 << 20);
    vec![
        ("gzip of gzip", make::gzip(&zeros)),
        ("gzip", zeros),
        ("bzip2", make::bzip2(&vec![0; 16 << 20]).repeat(32)),
        ("xz", make::xz(&vec![0; 16 << 20]).repeat(32)),
        ("zstd blocks", repeated_blocks(4000)),
        ("zstd literals", repeated_literals(4000)),
        ("zip of zips", nested(4)),
        ("overlapping zip", overlapping(1000, &make::deflate(&vec![0; 20 << 20]))),
        ("overlapping stored zip", overlapping_stored(3000, 1 << 20)),
        ("zip that reads for nothing", reading_for_nothing(60, 100_000)),
        ("7z", make::sevenz_repeated(&vec![0; 16 << 20], 32)),
    ]
}

#[test]
fn bombs_cost_a_bounded_number_of_bytes_and_seconds_and_are_told() {
    for (name, bytes) in bombs() {
        let limits = Limits { produced: 20 << 20, ..Limits::default() };
        let mut told = Vec::new();
        let start = Instant::now();
        let total = read_nested(&bytes, &mut Budget::new(&limits, bytes.len(), GO_ON), 5, &mut told);
        let by_limit = |outcome: &Outcome| matches!(outcome, Outcome::Limited("bytes decoded" | "ratio"));
        assert!(told.iter().any(by_limit), "{name}: {told:?}");
        // Two megabytes: a step or a block beyond the limit. What is stored is handed over for nothing a few times.
        let most = limits.produced + (2 << 20) + 6 * bytes.len() as u64;
        assert!(total <= most, "{name} of {} made {total}", bytes.len());
        assert!(start.elapsed() < Duration::from_secs(20), "{name} took {:?}", start.elapsed());
    }
}

#[test]
fn streams_that_are_many_and_make_nothing_are_counted() {
    let empty_frame = [0x28, 0xb5, 0x2f, 0xfd, 0x20, 0, 1, 0, 0];
    for (name, bytes) in [
        ("gzip", make::gzip(b"").repeat(2000)),
        ("bzip2", make::bzip2(b"").repeat(2000)),
        ("xz", make::xz(b"").repeat(2000)),
        ("zstd", empty_frame.repeat(2000)),
        ("zip", Zip::default().stored("none", b"").bytes.repeat(2000)),
        ("tar", make::tar("none", b'0', b"").repeat(2000)),
        ("pdf", [&b"%PDF-1.5\n"[..], &[&b"stream\n"[..], &make::zlib(b"")].concat().repeat(2000)].concat()),
    ] {
        let limits = Limits { entries: 1000, ..Limits::default() };
        let format = sniff(&bytes).unwrap();
        let (outcome, _) = read_within(format, &bytes, &mut Budget::new(&limits, bytes.len(), GO_ON));
        assert_eq!(outcome, Outcome::Limited("entries"), "{name}");
    }
}

#[test]
fn streams_that_begin_in_each_other_are_read_a_bounded_number_of_times() {
    let bytes = streams_in_streams(40_000);
    let mut told = Vec::new();
    let start = Instant::now();
    let limits = Limits { produced: 20 << 20, ..Limits::default() };
    let total = read_nested(&bytes, &mut Budget::new(&limits, bytes.len(), GO_ON), 5, &mut told);
    assert!(total <= 21 << 20, "{total}");
    assert!(start.elapsed() < Duration::from_secs(20), "took {:?}", start.elapsed());
    assert!(!told.is_empty());
}

#[test]
fn a_small_bomb_is_stopped_at_the_ratio_and_not_at_the_width_of_its_window() {
    let asked = Cell::new(0u64);
    let count = || {
        asked.set(asked.get() + 1);
        false
    };
    // Blocks of 128 KiB: 64 MiB, as wide as the window that it asks for.
    let bytes = repeated_blocks(512);
    let mut budget = Budget::new(&Limits::default(), bytes.len(), &count);
    let (outcome, kept) = read_within(Format::Zstd, &bytes, &mut budget);
    let most = (4 << 20) + 1100 * bytes.len() + (1 << 20);
    assert_eq!(outcome, Outcome::Limited("ratio"));
    assert!(only(&kept).len() <= most, "{}", only(&kept).len());
    // Once for each block at least: the decoder keeps eight megabytes of them before it gives anything out.
    assert!(asked.get() >= 64, "asked {} times", asked.get());
}

#[test]
fn an_honest_log_is_no_bomb() {
    let line = b"2024-01-02T03:04:05Z INFO request handled status=200 path=/api/health duration=1ms\n";
    let log = line.repeat((40 << 20) / line.len());
    for bytes in [make::gzip(&log), make::zstd(&log)] {
        let (outcome, kept) = read(sniff(&bytes).unwrap(), &bytes);
        assert_eq!((outcome, only(&kept).len()), (Outcome::Read, log.len()), "{} bytes", bytes.len());
    }
}

#[test]
fn who_says_stop_is_heard_and_is_handed_nothing_more() {
    let content = vec![b'x'; 8 << 20];
    for (format, bytes) in samples(&content) {
        for after in [1, 20] {
            let left = Cell::new(after);
            let stop = || {
                left.set(left.get() - 1);
                left.get() == 0
            };
            let mut budget = Budget::new(&Limits::default(), 1 << 30, &stop);
            let mut late = 0;
            let (outcome, _) =
                unpack(format, &bytes, &mut budget, &mut |_, budget| late += u32::from(budget.is_stopped()));
            assert_eq!(late, 0, "{format:?}");
            if left.get() > 0 {
                // What is stored is handed over without a look at every byte of it.
                assert!(after > 1 && outcome == Outcome::Read, "{format:?}: {outcome:?}");
                assert!(matches!(format, Format::Tar | Format::SevenZ), "{format:?} does not ask often enough");
            } else {
                assert_eq!((outcome, left.get()), (Outcome::Limited("time"), 0), "{format:?}: asked once it said so");
            }
        }
    }
}

/// How much memory this process had at most, in bytes.
#[cfg(target_os = "linux")]
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() << 10
}

/// In a process of its own, or the other tests' memory would count.
#[cfg(target_os = "linux")]
#[test]
fn bombs_cost_a_bounded_amount_of_memory() {
    const ALONE: &str = "CLERK_AUDIT_BOMBS_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let mut command = std::process::Command::new(std::env::current_exe().unwrap());
        let name = "detect::container::tests::bombs::bombs_cost_a_bounded_amount_of_memory";
        let output = command.args(["--exact", name, "--nocapture"]).env(ALONE, "1").output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
        return;
    }
    let all = bombs();
    for (name, bytes) in &all {
        let limits = Limits { free: u64::MAX, ..Limits::default() };
        let mut budget = Budget::new(&limits, bytes.len(), GO_ON);
        let mut told = Vec::new();
        let start = Instant::now();
        let total = read_nested(bytes, &mut budget, 5, &mut told);
        println!("{name}, {} bytes: {} MiB in {:?}", bytes.len(), total >> 20, start.elapsed());
    }
    // What may be made of an object, what decoders remember, and the bombs with what made them.
    let most = (256 << 20) + 2 * decode::WINDOW + (192 << 20);
    assert!(peak() < most, "{} MiB", peak() >> 20);
    println!("{} MiB at most", peak() >> 20);
}
