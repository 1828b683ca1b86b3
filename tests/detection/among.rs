//! What stands among other text, or behind it: containers in escapes and behind scripts, runs over marked lines.

use std::io::Write as _;

use clerk_audit::detect::Detector;

use crate::detector::{Said, scan};
use crate::secrets::{Alphabet, Padding, base64};
use crate::seeds;
use crate::shapes::Draw;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

fn zlib_at(level: flate2::Compression, text: &[u8]) -> Vec<u8> {
    let mut writer = flate2::write::ZlibEncoder::new(Vec::new(), level);
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

fn zlib(text: &[u8]) -> Vec<u8> {
    zlib_at(flate2::Compression::default(), text)
}

/// Its mark is another.
fn fast_zlib(text: &[u8]) -> Vec<u8> {
    zlib_at(flate2::Compression::fast(), text)
}

fn best_zlib(text: &[u8]) -> Vec<u8> {
    zlib_at(flate2::Compression::best(), text)
}

fn xz(text: &[u8]) -> Vec<u8> {
    let options = lzma_rust2::XzOptions::with_preset(0);
    let mut writer = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    writer.write_all(text).unwrap();
    writer.finish().unwrap()
}

type Compress = fn(&[u8]) -> Vec<u8>;
type Spell = fn(u8) -> String;

/// What compresses, and its name.
const COMPRESSED: &[(&str, Compress)] =
    &[("gzip", gzip), ("zlib", zlib), ("zlib, fast", fast_zlib), ("zlib, best", best_zlib), ("xz", xz)];

/// How often the key is told, whatever else is.
fn times(detector: &Detector, bytes: &[u8], key: &str) -> usize {
    let is_it = |said: &&Said| matches!(said, Said::Credential(found) if found.text == key.as_bytes());
    scan(detector, bytes).iter().filter(is_it).count()
}

/// Text that does not shrink to a few bytes, with a key at its end.
fn long_text(draw: &mut Draw, key: &str) -> Vec<u8> {
    let lines: String = (0..200).map(|number| format!("line {number} {}\n", &draw.body()[..12])).collect();
    format!("{lines}CLERK_SECRET_KEY={key}\n").into_bytes()
}

#[test]
fn of_several_containers_in_one_text_each_is_opened() {
    let detector = Detector::new();
    let spellings: &[(&str, Spell)] =
        &[("percent", |byte| format!("%{byte:02X}")), ("backslash", |byte| format!("\\x{byte:02x}"))];
    for seed in seeds() {
        let mut draw = Draw::new(seed, "several containers");
        for (first_name, first) in COMPRESSED {
            for (second_name, second) in COMPRESSED {
                for (name, spell) in spellings {
                    let key = format!("sk_{}_{}", "live", draw.body());
                    let escaped = |bytes: &[u8]| bytes.iter().map(|byte| spell(*byte)).collect::<String>();
                    // What does not shrink is stored, and found as it stands too.
                    let filling = "nothing here ".repeat(20);
                    let nothing = escaped(&first(filling.as_bytes()));
                    let held = escaped(&second(format!("{filling}CLERK_SECRET_KEY={key}\n").as_bytes()));
                    let text = format!("form = 'a={nothing}&b={held}'\n");
                    let times = times(&detector, text.as_bytes(), &key);
                    assert_eq!(times, 1, "seed {seed}: {first_name}, {second_name} in {name}");
                }
            }
        }
    }
}

#[test]
fn a_container_behind_a_script_is_opened() {
    let detector = Detector::new();
    for seed in seeds() {
        let mut draw = Draw::new(seed, "behind a script");
        for (name, compress) in COMPRESSED {
            let key = format!("sk_{}_{}", "live", draw.body());
            let packed = compress(&long_text(&mut draw, &key));
            let script = [b"#!/bin/sh\ntail -n +4 \"$0\" | tar x\nexit\n".as_slice(), &packed].concat();
            assert_eq!(times(&detector, &script, &key), 1, "seed {seed}: {name}");
        }
    }
}

/// As `repr()` writes bytes: printable ones as they are, quotes of the other kind too.
fn python(bytes: &[u8]) -> String {
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let spell = |byte: &u8| match *byte {
        b'\n' => "\\n".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\t' => "\\t".to_owned(),
        b'\\' => "\\\\".to_owned(),
        byte if char::from(byte) == quote => format!("\\{quote}"),
        byte @ 0x20..=0x7e => char::from(byte).to_string(),
        byte => format!("\\x{byte:02x}"),
    };
    format!("b{quote}{}{quote}", bytes.iter().map(spell).collect::<String>())
}

#[test]
fn what_python_prints_of_a_container_is_opened() {
    let detector = Detector::new();
    for seed in seeds() {
        let mut draw = Draw::new(seed, "python");
        for (name, compress) in COMPRESSED {
            let key = format!("sk_{}_{}", "test", draw.body());
            let text = format!("DATA = {}\nOTHER = \"x\"\n", python(&compress(&long_text(&mut draw, &key))));
            assert_eq!(times(&detector, text.as_bytes(), &key), 1, "seed {seed}: {name}");
        }
    }
}

#[test]
fn base64_over_marked_lines_is_one_run() {
    let detector = Detector::new();
    for seed in seeds() {
        let mut draw = Draw::new(seed, "marked lines");
        for mark in ["> ", "# ", "// ", " * ", "- ", "+ ", "+    ", "| ", ">> ", "+"] {
            for width in [40, 60, 76] {
                let key = format!("sk_{}_{}", "live", draw.body());
                let text =
                    format!("CLERK_SECRET_KEY={key}\nPORT=3000\nNAME=a-shop-of-ours-somewhere\n# {}\n", draw.body());
                let text = base64(text.as_bytes(), Alphabet::Standard, Padding::Full);
                let lines: Vec<&str> =
                    (0..text.len()).step_by(width).map(|at| &text[at..text.len().min(at + width)]).collect();
                let marked: String = lines.iter().map(|line| format!("{mark}{line}\n")).collect();
                let said = scan(&detector, marked.as_bytes());
                let is_right = matches!(&said[..], [Said::Credential(found)]
                    if found.text == key.as_bytes() && found.confidence == "high");
                assert!(is_right, "seed {seed}: {mark:?}, {width}: {said:?}");
            }
        }
    }
}

#[test]
fn what_a_windows_registry_exports_is_read_over_its_line_ends() {
    let detector = Detector::new();
    for seed in seeds() {
        let mut draw = Draw::new(seed, "registry");
        for (between, a_line) in [(",\\\r\n  ", 18), (",\\\n  ", 25)] {
            let key = format!("sk_{}_{}", "live", draw.body());
            let bytes: Vec<String> = key.bytes().flat_map(|byte| [byte, 0]).map(|byte| format!("{byte:02x}")).collect();
            let lines: Vec<String> = bytes.chunks(a_line).map(|line| line.join(",")).collect();
            let text =
                format!("[HKEY_CURRENT_USER\\Environment]\n\"CLERK_SECRET_KEY\"=hex(2):{}\n", lines.join(between));
            assert_eq!(times(&detector, text.as_bytes(), &key), 1, "seed {seed}: {a_line}");
        }
    }
}
