//! Reads a report back from the JSON that [`super::json`] writes.
//!
//! A file is as foreign as a repository: whoever wrote it may have put anything into it. So every string of the
//! document is masked anew before any of it becomes a [`Report`], and what this program makes by itself (ids, hints,
//! times, addresses) must look as if it had. Fields that are not known are passed over, kinds of credential that are
//! not known become [`Kind::Other`](crate::model::Kind::Other): a later version's report can be read as far as this
//! version understands it. The cost is one pass over the text, and the document in memory twice.

use serde_json::Value;
use serde_json::error::Category;
use time::OffsetDateTime;

use crate::key::KeyId;
use crate::model::{Entry, KeyReport, REPORT_SCHEMA, RawTime, Report, Shown};

use super::{clock, escape, wording};

/// Why a text is no report that can be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// It ends too early.
    #[error("the report is cut short")]
    CutShort,
    /// It is in the format of lines.
    #[error("the report has a line for each key, where one document is wanted")]
    Lines,
    /// A shell wrote it down in another encoding.
    #[error("it is UTF-16, and a report is UTF-8")]
    Wide,
    /// It is no JSON.
    #[error("it is not a JSON report: line {line}, column {column}")]
    NotJson {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// It is JSON and no report.
    #[error("it is JSON, but no report of clerk-audit")]
    NotAReport,
    /// It is of a version that cannot be read. What it says of itself is masked.
    #[error("the report is of the version {0}, and this clerk-audit reads {REPORT_SCHEMA}")]
    Version(String),
    /// A field is missing or is not what it should be. The words are masked.
    #[error("the report is not as clerk-audit writes it: {0}")]
    Malformed(String),
}

/// How text becomes text that may be shown: `Detector::mask`.
pub type Mask<'a> = &'a dyn Fn(&[u8]) -> Shown;

/// Reads a report.
///
/// # Errors
/// Where it is cut short, of another version, or not what this program writes.
pub fn read(text: &[u8], mask: Mask<'_>) -> Result<Report, ReadError> {
    // What shells and editors of Windows put before a text says nothing.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let document: Value = serde_json::from_slice(text).map_err(|error| unreadable(text, &error))?;
    read_document(document, mask)
}

/// Reads a report that is part of another document.
///
/// # Errors
/// Where it is of another version, or not what this program writes.
pub fn read_document(mut document: Value, mask: Mask<'_>) -> Result<Report, ReadError> {
    match document.get("schema").and_then(Value::as_str) {
        Some(REPORT_SCHEMA) => {}
        Some(other) => {
            let told = mask(other.as_bytes()).to_string();
            let is_ours = other.starts_with("clerk-audit/report/");
            return Err(if is_ours { ReadError::Version(shortened(&told)) } else { ReadError::NotAReport });
        }
        None => return Err(ReadError::NotAReport),
    }
    mask_all(&mut document, mask);
    let mut report: Report = serde_json::from_value(document).map_err(|error| malformed(&error.to_string(), mask))?;
    check(&report)?;
    for key in &mut report.keys {
        let first = key.first_introduced.iter_mut();
        first.chain(&mut key.introductions).chain(&mut key.removals).for_each(restore_order);
    }
    Ok(report)
}

fn shortened(text: &str) -> String {
    escape::shorten(text, 200).into_owned()
}

fn malformed(what: &str, mask: Mask<'_>) -> ReadError {
    ReadError::Malformed(shortened(mask(what.as_bytes()).as_str()))
}

fn unreadable(text: &[u8], error: &serde_json::Error) -> ReadError {
    match error.classify() {
        // Nothing at all is what a full disk leaves.
        Category::Eof => ReadError::CutShort,
        _ if matches!(text, [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [b'{', 0, ..] | [0, b'{', ..]) => ReadError::Wide,
        _ if text.starts_with(b"{\"type\":\"") => ReadError::Lines,
        _ => ReadError::NotJson { line: error.line(), column: error.column() },
    }
}

/// Masks every string of the document; the names of fields are not text of it.
fn mask_all(value: &mut Value, mask: Mask<'_>) {
    match value {
        Value::String(text) => {
            let masked = mask(&Shown::unescape(text));
            if masked.as_str() != text {
                *text = masked.as_str().to_owned();
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| mask_all(value, mask)),
        Value::Object(fields) => fields.values_mut().for_each(|value| mask_all(value, mask)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// Holds what this program makes by itself to how it makes it.
fn check(report: &Report) -> Result<(), ReadError> {
    let wrong = |what: &str| Err(ReadError::Malformed(what.to_owned()));
    if clock::parse(&report.generated_at).is_none() {
        return wrong("`generated_at` is no time");
    }
    if !is_plain(&report.tool.name) || !is_plain(&report.tool.version) {
        return wrong("`tool` is no program's name and version");
    }
    if !report.limits.are_sound() {
        return wrong("`limits` are none that an audit can be given");
    }
    for repository in &report.repositories {
        if repository.skipped.iter().any(|skipped| !is_plain(&skipped.reason)) {
            return wrong("the reason for something not read is no word");
        }
        if repository.object_format.as_ref().is_some_and(|format| !is_plain(format)) {
            return wrong("`object_format` is no word");
        }
    }
    if report.other_vendors.iter().any(|other| escape::shorten(&other.vendor, 40) != other.vendor) {
        return wrong("a vendor has no name of a vendor's length");
    }
    let mut seen = std::collections::HashSet::new();
    for key in &report.keys {
        check_key(key)?;
        if !seen.insert(&key.id) {
            return wrong("it has the same key twice");
        }
    }
    Ok(())
}

fn check_key(key: &KeyReport) -> Result<(), ReadError> {
    let wrong = |what: &str| Err(ReadError::Malformed(what.to_owned()));
    if KeyId::parse(&key.id).is_none_or(|id| id.to_string() != key.id) {
        return wrong("a key's `id` is not `sha256:` and 64 hex digits");
    }
    // A prefix and what a body can have; of base64 three more.
    let is_hint = |character: char| character.is_ascii_alphanumeric() || "_-…+/=".contains(character);
    if key.hint.is_empty() || key.hint.chars().count() > 64 || !key.hint.chars().all(is_hint) {
        return wrong("a key's `hint` is none that this program makes");
    }
    let exposure = &key.exposure;
    let people = |entry: &Entry| [entry.author.clone(), entry.committer.clone(), entry.tagger.clone()];
    let entries = key.first_introduced.iter().chain(&key.introductions).chain(&key.removals);
    let recorded = entries.flat_map(people).flatten().filter_map(|person| person.time);
    let times = [&exposure.start, &exposure.end].into_iter().flatten().cloned().chain(recorded);
    if times.into_iter().any(|time| clock::parse(&time).is_none()) {
        return wrong("a time is not as RFC 3339 has it");
    }
    let instance = key.instance.iter();
    let pages = instance.clone().map(|instance| &instance.dashboard_url);
    let others = instance.flat_map(|instance| &instance.alternatives).map(|other| &other.dashboard_url);
    if pages.chain(others).flatten().any(|page| wording::dashboard_page(Some(page)).is_none()) {
        return wrong("a dashboard's address is none of Clerk's");
    }
    Ok(())
}

fn is_plain(word: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte);
    !word.is_empty() && word.len() <= 64 && word.bytes().all(is_plain)
}

/// What the document does not have, because it follows from what it has.
fn restore_order(entry: &mut Entry) {
    let person = entry.committer.as_ref().or(entry.tagger.as_ref());
    let time = person.and_then(|person| person.time.as_deref()).and_then(clock::parse);
    // Git records times that RFC 3339 cannot say.
    let recorded = || person.and_then(|person| RawTime::parse(&person.time_raw.unescaped())).map(|time| time.seconds);
    entry.seconds = time.map(OffsetDateTime::unix_timestamp).or_else(recorded);
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Options, sample};
    use super::*;
    use crate::model::{Kind, ReadLimits};

    /// Masks one word, as the detector masks keys.
    fn mask(text: &[u8]) -> Shown {
        let text = String::from_utf8_lossy(text).into_owned();
        sample::shown(&text.replace("UNMASKED", "hint"))
    }

    fn json(report: &Report) -> String {
        sample::written(report, Format::Json, Options::default())
    }

    #[test]
    fn what_was_written_is_read_back_whole() {
        for report in [sample::report(), sample::clean(), sample::unopened(), sample::one_key()] {
            let written = json(&report);
            let again = read(written.as_bytes(), &mask).unwrap();
            assert!(json(&again) == written);
        }
        let read = read(json(&sample::report()).as_bytes(), &mask).unwrap();
        assert_eq!(read.keys[0].introductions[0].seconds, Some(1_795_224_600));
    }

    #[test]
    fn the_hint_of_every_kind_is_one_whatever_its_body_has() {
        use crate::key::KeyText;
        // Bodies as the detector takes them: letters and digits, hex, and base64 with all that it has.
        let drawn = |set: &str, length: usize| {
            let set: Vec<char> = set.chars().collect();
            (0..length).map(|at| set[at * 7 % set.len()]).collect::<String>()
        };
        let letters = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789";
        let base64 = format!("/+{}+/==", drawn(letters, 30));
        let host = "cGVhY2UtMS5jbGVyay5hY2NvdW50cy5kZXYk";
        for (kind, prefix, body) in [
            (Kind::SecretKey, "sk_live_", drawn(letters, 42)),
            (Kind::LegacyApiKey, "test_", drawn(letters, 34)),
            (Kind::WebhookSecret, "whsec_", base64.clone()),
            (Kind::MachineSecret, "ak_", base64.replace('+', "-")),
            (Kind::PlatformKey, "ak_", base64.clone()),
            (Kind::ClaimToken, "", drawn("abcdefghijklmnop0123456789", 40)),
            (Kind::EncryptionKey, "", drawn("0123456789abcdef", 64)),
            (Kind::KeylessApplication, "pk_test_", format!("{host}==")),
            (Kind::KeylessApplication, "app_", format!("{}/ins_{}", drawn(letters, 27), drawn(letters, 27))),
        ] {
            let mut report = sample::one_key();
            report.keys[0].kind = kind;
            report.keys[0].hint = KeyText::new(format!("{prefix}{body}").as_bytes()).hint();
            assert!(KeyText::is_beginning_of_hint(&report.keys[0].hint), "{kind:?} {}", report.keys[0].hint);
            let written = json(&report);
            let again = read(written.as_bytes(), &mask).map(|report| json(&report));
            assert!(again.is_ok_and(|again| again == written), "{kind:?} {}", report.keys[0].hint);
        }
    }

    #[test]
    fn a_time_that_only_git_can_say_is_in_order_all_the_same() {
        let mut document = serde_json::to_value(sample::report()).unwrap();
        let committer = &mut document["keys"][0]["introductions"][0]["committer"];
        (committer["time"], committer["time_raw"]) = (Value::Null, "1763680000 +9900".into());
        let read = read_document(document, &mask).unwrap();
        assert_eq!(read.keys[0].introductions[0].seconds, Some(1_763_680_000));
    }

    #[test]
    fn every_other_format_is_the_same_from_a_report_read_back() {
        let report = sample::report();
        let again = read(json(&report).as_bytes(), &mask).unwrap();
        for format in Format::ALL {
            let of = |report| sample::written(report, format, Options::default());
            assert!(of(&again) == of(&report), "{format:?}");
        }
    }

    #[test]
    fn a_report_cut_short_anywhere_is_an_error_that_says_what_to_do() {
        let whole = json(&sample::one_key());
        for length in 0..whole.trim_end().len() {
            if !whole.is_char_boundary(length) {
                continue;
            }
            let error = read(&whole.as_bytes()[..length], &mask).unwrap_err();
            assert!(matches!(error, ReadError::CutShort), "{length}: {error}");
        }
    }

    #[test]
    fn what_is_no_report_of_this_version_is_told_for_what_it_is() {
        let lines = sample::written(&sample::report(), Format::Jsonl, Options::default());
        assert!(matches!(read(lines.as_bytes(), &mask), Err(ReadError::Lines)));
        assert!(matches!(read(b"key: value", &mask), Err(ReadError::NotJson { line: 1, .. })));
        assert!(matches!(read(b"[]", &mask), Err(ReadError::NotAReport)));
        assert!(matches!(read(b"{\"schema\": \"other\"}", &mask), Err(ReadError::NotAReport)));
        let error = read(b"{\"schema\": \"clerk-audit/report/2UNMASKED\"}", &mask).unwrap_err();
        assert!(matches!(&error, ReadError::Version(of) if of == "clerk-audit/report/2hint"), "{error}");
    }

    #[test]
    fn every_string_of_a_report_is_masked_anew() {
        let mut document = serde_json::to_value(sample::report()).unwrap();
        let mut places = 0;
        spoil(&mut document, &mut places);
        assert!(places > 100);
        let report = read(document.to_string().as_bytes(), &mask).unwrap();
        assert!(!format!("{report:?}").contains("UNMASKED"));
        assert!(format!("{report:?}").contains("hint"));
    }

    /// Puts what must be masked into every text that the schema leaves free.
    fn spoil(value: &mut Value, places: &mut u32) {
        const FREE: [&str; 10] =
            ["path", "subject", "name", "email", "repository", "ref", "detail", "evidence", "via", "moved"];
        match value {
            Value::Object(fields) => {
                for (name, value) in fields {
                    match value {
                        Value::String(text) if FREE.contains(&name.as_str()) && text != "clerk-audit" => {
                            text.push_str("UNMASKED");
                            *places += 1;
                        }
                        value => spoil(value, places),
                    }
                }
            }
            Value::Array(values) => values.iter_mut().for_each(|value| spoil(value, places)),
            _ => {}
        }
    }

    #[test]
    fn a_later_versions_fields_and_kinds_do_no_harm() {
        let mut document = serde_json::to_value(sample::one_key()).unwrap();
        document["keys"][0]["kind"] = "passkey".into();
        document["keys"][0]["colour"] = serde_json::json!({ "of": ["UNMASKED"] });
        document["repositories"][0]["translucent"] = serde_json::json!(["x"]);
        let report = read(document.to_string().as_bytes(), &mask).unwrap();
        assert_eq!(report.keys[0].kind, Kind::Other);
        for format in Format::ALL {
            sample::written(&report, format, Options::default());
        }
    }

    #[test]
    fn a_report_of_an_earlier_version_was_made_by_the_defaults() {
        let mut document = serde_json::to_value(sample::one_key()).unwrap();
        assert_ne!(read_document(document.clone(), &mask).unwrap().limits, ReadLimits::default());
        document.as_object_mut().unwrap().remove("limits");
        assert_eq!(read_document(document, &mask).unwrap().limits, ReadLimits::default());
    }

    #[test]
    fn what_this_program_makes_by_itself_must_look_so() {
        let document = serde_json::to_value(sample::report()).unwrap();
        for (pointer, bad) in [
            ("/generated_at", "yesterday"),
            ("/tool/version", "1\u{1b}[2J"),
            ("/keys/0/id", "sha256:12"),
            ("/keys/0/hint", "sk_live_](https://evil.example)"),
            ("/keys/0/environment", "production"),
            ("/keys/0/exposure/start", "soon"),
            ("/limits/max_depth", "deep"),
            ("/keys/0/introductions/0/commit", "main"),
            ("/keys/0/introductions/0/committer/time", "\u{202e}"),
            ("/keys/0/instance/dashboard_url", "https://evil.example/"),
            ("/repositories/0/skipped/0/reason", "<b>"),
        ] {
            let mut changed = document.clone();
            *changed.pointer_mut(pointer).unwrap() = Value::from(bad);
            let error = read(changed.to_string().as_bytes(), &mask).unwrap_err();
            assert!(matches!(error, ReadError::Malformed(_)), "{pointer}: {error}");
        }
        for (limit, bad) in [("max_depth", 0), ("max_depth", 33), ("max_object_time", 90_000), ("max_memory", 0)] {
            let mut changed = document.clone();
            changed["limits"][limit] = bad.into();
            let error = read(changed.to_string().as_bytes(), &mask).unwrap_err();
            assert!(matches!(error, ReadError::Malformed(_)), "{limit}: {error}");
        }
        let mut twice = document.clone();
        twice["keys"][1]["id"] = twice["keys"][0]["id"].clone();
        assert!(matches!(read(twice.to_string().as_bytes(), &mask), Err(ReadError::Malformed(_))));
    }
}
