//! How long the search takes beside a search for two literals over the same bytes, in one run.
//!
//! `cargo bench --bench detect -- FILE...` (or directories); without one, on text made from a fixed seed. Each file is
//! cut into pieces of 48 KiB, about a blob's size. Every row is the best of three.

#![expect(clippy::print_stdout, reason = "a benchmark's output is its purpose")]

use std::path::{Path, PathBuf};
use std::time::Instant;

use aho_corasick::packed::Config;
use aho_corasick::{AhoCorasick, MatchKind};
use clerk_audit::detect::{Detector, OneKey, Search};
use clerk_audit::key::KeyText;

const PIECE: usize = 48 << 10;

fn main() {
    let named: Vec<PathBuf> = std::env::args_os()
        .skip(1)
        .filter(|argument| !argument.to_string_lossy().starts_with("--"))
        .map(PathBuf::from)
        .collect();
    let mut bytes = Vec::new();
    named.iter().for_each(|path| read(path, &mut bytes));
    if named.is_empty() {
        bytes = generated(256 << 20);
    }
    let pieces: Vec<&[u8]> = bytes.chunks(PIECE).collect();
    println!("{:.2} GB in pieces of {} KiB", bytes.len() as f64 / 1e9, PIECE >> 10);

    let two = ["sk_live_", "sk_test_"];
    let automaton = AhoCorasick::builder().match_kind(MatchKind::LeftmostFirst).build(two).expect("two literals");
    let packed = Config::new().builder().extend(two).build().expect("a processor with SIMD");
    let detector = Detector::new();
    let base = row("two literals, aho-corasick", &bytes, None, || {
        pieces.iter().map(|p| automaton.find_iter(*p).count()).sum()
    });
    row("two literals, its Teddy alone", &bytes, Some(base), || {
        pieces.iter().map(|p| packed.find_iter(p).count()).sum()
    });
    row("every needle and detector, nothing decoded", &bytes, Some(base), || {
        pieces.iter().filter(|piece| detector.has_candidate(piece)).count()
    });
    row("the whole scan", &bytes, Some(base), || {
        let mut found = 0;
        for piece in &pieces {
            detector.scan(piece, &mut |_| found += 1);
        }
        found
    });
    let one = one_key(&detector);
    row("one key: every needle, nothing decoded", &bytes, Some(base), || {
        pieces.iter().filter(|piece| one.has_candidate(piece)).count()
    });
    row("one key: the whole search", &bytes, Some(base), || {
        pieces.iter().filter(|piece| one.search(piece, &|| false) == Search::Maybe).count()
    });
}

fn one_key(detector: &Detector) -> OneKey {
    let key = KeyText::new(["sk_live", "_", &"k".repeat(42)].concat().as_bytes());
    detector.for_key(&key).expect("a secret key")
}

fn row(name: &str, bytes: &[u8], base: Option<f64>, mut run: impl FnMut() -> usize) -> f64 {
    let mut best = f64::MAX;
    let mut count = 0;
    for _ in 0..3 {
        let began = Instant::now();
        count = run();
        best = best.min(began.elapsed().as_secs_f64());
    }
    let ratio = base.map_or(String::new(), |base| format!("   {:.2} of the first", best / base));
    println!("  {name:<44}{best:8.3} s {:7.2} GB/s   {count} hits{ratio}", bytes.len() as f64 / best / 1e9);
    best
}

fn read(path: &Path, bytes: &mut Vec<u8>) {
    if path.is_dir() {
        let Ok(entries) = std::fs::read_dir(path) else { return };
        entries.flatten().for_each(|entry| read(&entry.path(), bytes));
    } else if let Ok(content) = std::fs::read(path) {
        bytes.extend(content);
    }
}

/// Lines of words like source code's, with a hash here and there as lock files have them.
fn generated(length: usize) -> Vec<u8> {
    const WORDS: &[&str] = &[
        "const",
        "export",
        "function",
        "return",
        "{",
        "}",
        "(",
        ")",
        "=>",
        "import",
        "from",
        "'./utils'",
        "if",
        "value",
        "user.id",
        "===",
        "null",
        "await",
        "fetchSession",
        "props.children",
        "className=\"card\"",
        "//",
        "TODO",
        "0x1f",
    ];
    let mut random = fastrand::Rng::with_seed(1);
    let mut bytes = Vec::with_capacity(length + 200);
    while bytes.len() < length {
        for _ in 0..random.usize(1..12) {
            bytes.extend(WORDS[random.usize(..WORDS.len())].as_bytes());
            bytes.push(b' ');
        }
        if random.u8(..20) == 0 {
            bytes.extend(b"integrity: sha512-");
            bytes.extend((0..86).map(|_| random.alphanumeric() as u8));
        }
        bytes.push(b'\n');
    }
    bytes
}
