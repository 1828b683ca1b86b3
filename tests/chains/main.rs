//! A random key, in a random context, through every chain of encodings up to three deep: it is found, and just where
//! it stands.
//!
//! `CLERK_AUDIT_SEED` replays one case (with `CLERK_AUDIT_CASES`, that many from it on); `CLERK_AUDIT_CASES` changes
//! how many there are.

mod encoders;
#[path = "../common/seeds.rs"]
#[allow(dead_code, reason = "each test binary uses a part of it")]
mod seeds;

use std::io::Write as _;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use clerk_audit::detect::{Detector, Found, KeyFound, Search, Step};
use clerk_audit::key::KeyText;
use clerk_audit::model::Confidence;
use encoders::{ALL, Encoded, is_container};
use fastrand::Rng;
use seeds::{number, say};

const CASES: u64 = 30_000;

const BEFORE: &[&str] = &[
    "",
    "\"",
    "'",
    "`",
    "*",
    ",",
    "(",
    "{",
    "&",
    "<b>",
    "=",
    ": ",
    "\n",
    "\t",
    "x\ny\n  k: ",
    "\\n",
    "\\t",
    "%3D",
    "%22",
    "\\u003d",
    "KEY=",
    "CLERK_SECRET_KEY=",
    "\"secretKey\": \"",
    "Bearer ",
    "2",
    "A",
    "_",
    "-",
    "/",
    "é",
    "a=b&c=",
    "process.env.X || '",
    "\x1b[32m",
    "some words in front of it, ",
    "echo ",
    "\u{feff}",
];
const BEHIND: &[&str] = &[
    "",
    "\"",
    "'",
    "`",
    "*",
    "**",
    ",",
    ")",
    "}",
    "&b=c",
    "<br>",
    ";",
    "\n",
    "\r\n",
    "\\n",
    "%3D",
    "%0A",
    "\\u0022",
    "_",
    "-",
    ".",
    "/",
    "é",
    " and some words behind it",
    "\", \"publishableKey\": \"",
    "|",
    "=",
];

struct Case {
    key: String,
    bytes: Vec<u8>,
    span: (usize, usize),
    chain: Vec<&'static str>,
    /// What soft line breaks were put into, with them; a text can be quoted twice.
    plain: Vec<u8>,
}

fn case(seed: u64) -> Case {
    let random = &mut Rng::with_seed(seed);
    let body: String = (0..42).map(|_| random.alphanumeric()).collect();
    let key = format!("sk_{}_{body}", random.choice(["live", "test"]).expect("one of them"));
    let (before, behind) = (*random.choice(BEFORE).expect("one of them"), *random.choice(BEHIND).expect("one of them"));
    let mut bytes = [before, &key, behind].concat().into_bytes();
    let mut span = (before.len(), before.len() + key.len());
    let mut chain = Vec::new();
    let mut plain = Vec::new();
    for depth in 0..random.usize(1..=3) {
        let is_text = bytes.iter().all(|byte| matches!(byte, 0x09..=0x7e));
        // What escapes the escapes of a container's bytes is left out: they are undone by turns, in one order only.
        let holds_container = chain.iter().any(|name: &&str| is_container(name));
        let fitting: Vec<_> = ALL
            .iter()
            .filter(|(_, takes_bytes)| (is_text && (!holds_container || depth < 2)) || *takes_bytes)
            .collect();
        let (encoder, _) = random.choice(fitting).expect("one of them");
        let Encoded { bytes: encoded, places, name } = encoder(&bytes, random);
        span = (places[span.0].0, places[span.1 - 1].1);
        let inner = chain.first().copied().unwrap_or_default();
        chain.insert(0, name);
        if name == "quoted-printable" {
            plain.extend_from_slice(&encoded);
            plain.push(b'\n');
        }
        // What stands around one layer is of the next: nothing that goes on with the alphabet of this one.
        let before_and_behind = match random.u8(..5) {
            _ if depth == 2 || name.starts_with("utf") || is_container(name) => ("", ""),
            0 => ("data: ", "\n"),
            1 => ("\"", "\""),
            2 => ("x=(", ")"),
            3 => ("", ""),
            _ => ("words", "\n"),
        };
        let (before, behind) = match before_and_behind {
            // What marks digits is no part of them.
            ("words", _) if name == "hex" && is_container(inner) => (words(random) + "0x", ""),
            ("words", behind) => (words(random), behind),
            (before, behind) => (before.to_owned(), behind),
        };
        span = (span.0 + before.len(), span.1 + before.len());
        bytes = [before.as_bytes(), &encoded, behind.as_bytes()].concat();
    }
    Case { key, bytes, span, chain, plain }
}

/// Text of any length, so that what follows begins at any offset.
fn words(random: &mut Rng) -> String {
    let mut words = String::new();
    for _ in 0..random.usize(..16) {
        words.extend((0..random.usize(1..9)).map(|_| random.char('g'..='z')));
        words.push_str(random.choice(["?", " ", ". ", ", "]).expect("one of them"));
    }
    words + random.choice(["n: ", "q(", "l,", "s\"", "t '", "v:", "u?"]).expect("one of them")
}

fn keys(detector: &Detector, bytes: &[u8]) -> (Vec<KeyFound>, Vec<&'static str>) {
    let mut found = Vec::new();
    let unread = detector.scan(bytes, &mut |what| {
        if let Found::Key(key) = what {
            found.push(key);
        }
    });
    (found, unread.limits)
}

fn check(detector: &Detector, seed: u64) -> Result<(), String> {
    let Case { key, bytes, span, chain, .. } = case(seed);
    let shown = String::from_utf8_lossy(&bytes).replace(&key, "KEY");
    let told = |what: String| Err(format!("{chain:?}: {what}\n  in {shown:?}"));
    let (found, limits) = keys(detector, &bytes);
    // Whoever knows the key and looks for it alone must not pass over it.
    let one = detector.for_key(&KeyText::new(key.as_bytes())).expect("a secret key");
    if found.iter().any(|found| found.key.expose() == key.as_bytes()) && one.search(&bytes, &|| false) != Search::Maybe
    {
        return told("the search for this one key passes over it".to_owned());
    }
    // Three kinds of escapes in one text can be undone by turns so often that a limit is told, beside the key.
    if !limits.is_empty() && chain.len() < 3 {
        return told(format!("{limits:?}"));
    }
    if found.is_empty() && chain.contains(&"quoted-printable") && first_part_is_a_vendors(&key, seed) {
        return Ok(());
    }
    let [found] = found.as_slice() else {
        return told(format!("{} keys found: {found:?}", found.len()));
    };
    if found.key.expose() != key.as_bytes() {
        return told(format!("found {:?}", found.key));
    }
    let slack = slack(&chain, span.1 - span.0);
    // Where a container ends its bytes alone tell: what follows it in the same text may be counted to it, and where it is
    // broken over lines the first may have all that is needed for the key.
    let holds_container = chain.iter().any(|name| is_container(name));
    let is_end_known = !holds_container || found.span.end <= span.0 + (span.1 - span.0) / 2;
    if found.span.start.abs_diff(span.0) > slack || (found.span.end.abs_diff(span.1) > slack && is_end_known) {
        return told(format!("found at {:?}, not {span:?}", found.span));
    }
    let undone: Vec<String> = found
        .encoding
        .iter()
        .filter_map(|step| match step {
            Step::Undone(name) => Some((*name).to_owned()),
            Step::Member(_) => None,
        })
        .collect();
    // A key that a soft line break alone cuts in two is told with less confidence, unless more says what it is.
    if found.confidence != Confidence::High && !chain.contains(&"quoted-printable") {
        return told(format!("{:?} as {undone:?}", found.confidence));
    }
    if undone.len() > chain.len() && !chain.contains(&"quoted-printable") {
        return told(format!("undone as {undone:?}"));
    }
    Ok(())
}

/// How far off a span may be, for one of `length` bytes. Exact, but for what two layers can both mean: which byte a
/// wide character inside of another text begins with; an entity that needs no semicolon, or an escape's last digit
/// that reads as the character it stands for, where a second layer parts it from the rest.
fn slack(chain: &[&str], length: usize) -> usize {
    let is_escape = |name: &&&str| ["percent", "unicode-escape", "hex", "json-escape", "html-entities"].contains(*name);
    let escapes = chain.iter().filter(is_escape).count();
    let wide_inside = chain.iter().skip(1).any(|name| name.starts_with("utf"));
    if wide_inside || (escapes > 0 && chain.len() > 1) { length / 12 + 12 } else { 0 }
}

/// Whether a soft break parts the key where the first part has a length that other vendors' keys have: such a part is
/// never taken for the beginning of a Clerk key.
fn first_part_is_a_vendors(key: &str, seed: u64) -> bool {
    const LENGTHS: [usize; 4] = [24, 32, 34, 40];
    let text = case(seed).plain;
    let text = String::from_utf8_lossy(&text);
    LENGTHS.iter().any(|length| {
        let part = &key[..8 + length];
        ["=\n", "=\r\n"].iter().any(|end| text.contains(&format!("{part}{end}")))
    })
}

#[test]
fn every_key_is_found_just_where_it_stands_through_every_chain() {
    let replayed = number("CLERK_AUDIT_SEED");
    let base = replayed.unwrap_or_else(|| fastrand::u64(..1 << 40));
    let cases = number("CLERK_AUDIT_CASES").unwrap_or(if replayed.is_some() { 1 } else { CASES });
    say(&format!("{cases} chains from seed {base} on"));
    let next = AtomicU64::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                let detector = Detector::new();
                loop {
                    let seed = base + next.fetch_add(1, Ordering::Relaxed);
                    if seed >= base + cases || failures.lock().expect("one of them").len() >= 20 {
                        break;
                    }
                    if let Err(told) = check(&detector, seed) {
                        failures.lock().expect("one of them").push((seed, told));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().expect("one of them");
    for (seed, told) in failures.iter().take(20) {
        say(&format!("seed {seed} (CLERK_AUDIT_SEED={seed} replays it): {told}"));
    }
    assert!(failures.is_empty(), "base seed {base}: {} chains fail", failures.len());
}

/// Lines of which some have no sample of their own (`detect::probe`): over their ends the run is known by its others.
#[test]
fn of_a_hundred_texts_in_base64_in_short_lines_one_is_passed_over_at_the_most() {
    let detector = Detector::new();
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let random = &mut Rng::with_seed(seed);
    let (mut all, mut passed_over) = (0, 0);
    for width in 34..48 {
        for _ in 0..100 {
            let body: String = (0..42).map(|_| random.alphanumeric()).collect();
            let before: String = (0..random.usize(..60)).map(|_| random.char('g'..='z')).collect();
            let text = format!("{{\"{before}\":{{\"secretKey\":\"sk_{}_{body}\"}}}}", "live");
            let gap = random.choice(["\n", " \n", "\r\n\r\n"]).expect("one of them");
            let encoded = encoders::base64(text.as_bytes(), random).bytes;
            let encoded = encoded.chunks(width).collect::<Vec<_>>().join(gap.as_bytes());
            all += 1;
            passed_over += usize::from(keys(&detector, &encoded).0.is_empty());
        }
    }
    assert!(passed_over * 100 <= all, "seed {seed}: {passed_over} of {all}");
}

#[test]
fn a_soft_line_end_anywhere_in_the_first_bytes_of_a_dump_hides_nothing_of_a_container() {
    let detector = Detector::new();
    let body: String = {
        let random = &mut Rng::with_seed(7_401);
        (0..42).map(|_| random.alphanumeric()).collect()
    };
    let key = format!("sk_{}_{body}", "live");
    let zlib = {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(format!("CLERK_SECRET_KEY={key}\n").as_bytes()).expect("memory");
        encoder.finish().expect("memory")
    };
    for between in [",\n  ", ", ", ",\n"] {
        let dump = zlib.iter().map(|byte| format!("0x{byte:02x}")).collect::<Vec<_>>().join(between);
        for at in 1..40 {
            if dump.as_bytes()[at - 1].is_ascii_whitespace() {
                continue;
            }
            let text = format!("of what was sent, {}=\n{}", &dump[..at], &dump[at..]);
            let (found, limits) = keys(&detector, text.as_bytes());
            assert!(limits.is_empty(), "{at}: {limits:?}");
            assert!(found.iter().any(|found| found.key.expose() == key.as_bytes()), "{between:?}, {at}: {text:?}");
        }
    }
}

#[test]
fn random_bytes_in_any_dress_hold_no_key() {
    let seed = fastrand::u64(..);
    say(&format!("seed {seed}"));
    let random = &mut Rng::with_seed(seed);
    let detector = Detector::new();
    for _ in 0..300 {
        let mut bytes: Vec<u8> = (0..random.usize(1..20_000)).map(|_| random.u8(..)).collect();
        for _ in 0..random.usize(0..3) {
            let (encoder, _) = random
                .choice(ALL.iter().filter(|(_, takes_bytes)| *takes_bytes).collect::<Vec<_>>())
                .expect("one of them");
            bytes = encoder(&bytes, random).bytes;
        }
        detector.scan(&bytes, &mut |found| panic!("seed {seed}: {found:?}"));
    }
}
