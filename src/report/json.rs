//! The report as JSON, one document or one line a key.
//!
//! The model is serialised as it is: its field names are the format. What is done here is escaping: JSON demands it
//! of controls below U+0020 alone, and a report is looked at with `cat` as well.

use std::io;

use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::{CompactFormatter, Formatter, PrettyFormatter};

use crate::model::{
    Answer, Answers, KeyReport, OtherVendor, ReadLimits, Report, RepositoryReport, Summary, Tool, json_escape,
};

use super::escape;

/// One document, indented.
pub(super) fn write(report: &Report, answers: Option<&Answers>, out: &mut dyn io::Write) -> io::Result<()> {
    if answers.is_none() {
        return write_value(report, PrettyFormatter::new(), out);
    }
    let keys = report.keys.iter().map(|key| AnsweredKey { key, answer: answers.and_then(|all| all.get(&key.id)) });
    let document = Document {
        schema: &report.schema,
        tool: &report.tool,
        generated_at: &report.generated_at,
        complete: report.complete,
        limits: report.limits,
        repositories: &report.repositories,
        keys: keys.collect(),
        other_vendors: &report.other_vendors,
        placeholders: report.placeholders,
        half_masked: report.half_masked,
        summary: &report.summary,
    };
    write_value(&document, PrettyFormatter::new(), out)
}

/// A line for each key, then one on coverage. A file without that last line is cut off.
pub(super) fn write_lines(report: &Report, answers: Option<&Answers>, out: &mut dyn io::Write) -> io::Result<()> {
    for key in &report.keys {
        let key = AnsweredKey { key, answer: answers.and_then(|all| all.get(&key.id)) };
        write_value(&KeyLine { line_type: "key", key }, CompactFormatter, out)?;
    }
    let coverage = CoverageLine {
        line_type: "coverage",
        schema: &report.schema,
        tool: &report.tool,
        generated_at: &report.generated_at,
        complete: report.complete,
        limits: report.limits,
        repositories: &report.repositories,
        other_vendors: &report.other_vendors,
        placeholders: report.placeholders,
        half_masked: report.half_masked,
        summary: &report.summary,
    };
    write_value(&coverage, CompactFormatter, out)
}

/// A report beside whose keys stands what Clerk answered: its fields, in the order that the model has them in.
#[derive(Serialize)]
struct Document<'a> {
    schema: &'a str,
    tool: &'a Tool,
    generated_at: &'a str,
    complete: bool,
    limits: ReadLimits,
    repositories: &'a [RepositoryReport],
    keys: Vec<AnsweredKey<'a>>,
    other_vendors: &'a [OtherVendor],
    placeholders: u64,
    half_masked: u64,
    summary: &'a Summary,
}

/// A key, and what Clerk answered where it was asked.
#[derive(Serialize)]
struct AnsweredKey<'a> {
    #[serde(flatten)]
    key: &'a KeyReport,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<&'a Answer>,
}

#[derive(Serialize)]
struct KeyLine<'a> {
    #[serde(rename = "type")]
    line_type: &'static str,
    #[serde(flatten)]
    key: AnsweredKey<'a>,
}

#[derive(Serialize)]
struct CoverageLine<'a> {
    #[serde(rename = "type")]
    line_type: &'static str,
    schema: &'a str,
    tool: &'a Tool,
    generated_at: &'a str,
    complete: bool,
    limits: ReadLimits,
    repositories: &'a [RepositoryReport],
    other_vendors: &'a [OtherVendor],
    placeholders: u64,
    half_masked: u64,
    summary: &'a Summary,
}

pub(super) fn write_value(value: &impl Serialize, layout: impl Formatter, out: &mut dyn io::Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Harmless(layout)))?;
    out.write_all(b"\n")
}

/// A layout in which no string has a character that a terminal would obey or that cannot be seen.
struct Harmless<F>(F);

impl<F: Formatter> Formatter for Harmless<F> {
    /// Gets what JSON leaves as it is: all but quotes, backslashes and controls below U+0020.
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        let mut rest = fragment;
        while let Some((at, hidden)) = rest.char_indices().find(|&(_, character)| escape::is_hidden(character)) {
            self.0.write_string_fragment(writer, &rest[..at])?;
            writer.write_all(json_escape(hidden).as_bytes())?;
            rest = &rest[at + hidden.len_utf8()..];
        }
        self.0.write_string_fragment(writer, rest)
    }

    fn begin_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_array(writer)
    }

    fn end_array<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array(writer)
    }

    fn begin_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_array_value(writer, first)
    }

    fn end_array_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_array_value(writer)
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object(writer)
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object(writer)
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W, first: bool) -> io::Result<()> {
        self.0.begin_object_key(writer, first)
    }

    fn end_object_key<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_key(writer)
    }

    fn begin_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.begin_object_value(writer)
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, writer: &mut W) -> io::Result<()> {
        self.0.end_object_value(writer)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::super::{Format, Options, sample};
    use super::*;

    fn schema() -> Value {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.schema.json");
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
    }

    /// The part of the schema that describes one line of `jsonl`.
    fn line_schema(mut schema: Value) -> Value {
        let defs = schema["$defs"].take();
        serde_json::json!({ "$schema": schema["$schema"], "$ref": "#/$defs/line", "$defs": defs })
    }

    fn assert_valid(schema: &Value, instance: &Value) {
        let validator = jsonschema::options().should_validate_formats(true).build(schema).unwrap();
        let errors: Vec<String> =
            validator.iter_errors(instance).map(|error| format!("{}: {error}", error.instance_path)).collect();
        assert!(errors.is_empty(), "{errors:#?}");
    }

    fn reports() -> [Report; 4] {
        [sample::report(), sample::clean(), sample::unopened(), sample::one_key()]
    }

    fn lines(report: &Report) -> Vec<Value> {
        let text = sample::written(report, Format::Jsonl, Options::default());
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_whole_report_reads_as_it_should() {
        let report = sample::report();
        sample::assert_golden("report.json", &sample::written(&report, Format::Json, Options::default()));
        sample::assert_golden("report.jsonl", &sample::written(&report, Format::Jsonl, Options::default()));
    }

    #[test]
    fn the_schema_describes_every_field() {
        let schemas = [schema(), sample::closed(schema())];
        assert_ne!(schemas[0], schemas[1]);
        for report in reports() {
            let document = serde_json::from_str(&sample::written(&report, Format::Json, Options::default())).unwrap();
            for schema in &schemas {
                assert_valid(schema, &document);
            }
            // A line of a key has the key's fields and `type`, so no schema of it can be closed: see
            // `both_forms_say_the_same`.
            for line in lines(&report) {
                assert_valid(&line_schema(schema()), &line);
            }
        }
    }

    #[test]
    fn what_clerk_answered_stands_beside_a_key_and_is_read_over() {
        use crate::model::Liveness::{Alive, Dead, Unknown};
        let report = sample::report();
        let answers = sample::answers(&report, &[Alive, Dead, Unknown]);
        let options = Options { answers: Some(&answers), ..Options::default() };
        let text = sample::written(&report, Format::Json, options);
        let document: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(document["keys"][1]["answer"], serde_json::to_value(&answers[&report.keys[1].id]).unwrap());
        assert!(document["keys"][3].get("answer").is_none(), "nobody asked");
        for schema in [schema(), sample::closed(schema())] {
            assert_valid(&schema, &document);
        }
        let lines = sample::written(&report, Format::Jsonl, options);
        for (line, key) in lines.lines().zip(document["keys"].as_array().unwrap()) {
            let line: Value = serde_json::from_str(line).unwrap();
            assert_valid(&line_schema(schema()), &line);
            assert_eq!(line["answer"], key["answer"]);
        }
        // Without them it is the report that it was: the status file is where they are kept.
        let again = super::super::read(text.as_bytes(), &|text| sample::shown(&String::from_utf8_lossy(text))).unwrap();
        let plain = |report| sample::written(report, Format::Json, Options::default());
        assert!(plain(&again) == plain(&report));
        let mut wrong = document.clone();
        wrong["keys"][0]["answer"]["liveness"] = "undead".into();
        assert!(!jsonschema::options().build(&schema()).unwrap().is_valid(&wrong));
    }

    #[test]
    fn the_schema_is_strict() {
        let document = serde_json::to_value(sample::report()).unwrap();
        let validator = jsonschema::options().should_validate_formats(true).build(&schema()).unwrap();
        for (pointer, bad) in [
            ("/schema", "clerk-audit/report/2"),
            ("/generated_at", "yesterday"),
            ("/keys/0/id", "sha256:12"),
            ("/keys/0/environment", "production"),
            ("/keys/0/standing", "somewhere"),
            ("/keys/0/instance/dashboard_url", "https://evil.example/"),
            ("/keys/0/introductions/0/commit", "main"),
            ("/keys/0/introductions/0/place", "elsewhere"),
            ("/keys/0/exposure/end_reason", "removed"),
            ("/repositories/0/skipped/0/reason", "boredom"),
        ] {
            let mut changed = document.clone();
            *changed.pointer_mut(pointer).unwrap() = Value::from(bad);
            assert!(!validator.is_valid(&changed), "{pointer}");
        }
        for pointer in [
            "/summary",
            "/keys/0",
            "/keys/0/introductions/0",
            "/keys/0/held_at",
            "/keys/0/exposure",
            "/repositories/0",
            "/tool",
        ] {
            let fields = document.pointer(pointer).unwrap().as_object().unwrap();
            for name in fields.keys() {
                let mut changed = document.clone();
                changed.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(name);
                assert!(!validator.is_valid(&changed), "{pointer} without {name}");
            }
        }
    }

    #[test]
    fn both_forms_say_the_same() {
        for report in reports() {
            let mut document: Value =
                serde_json::from_str(&sample::written(&report, Format::Json, Options::default())).unwrap();
            let mut lines = lines(&report);
            let mut coverage = lines.pop().unwrap();
            assert_eq!(coverage.as_object_mut().unwrap().remove("type").unwrap(), "coverage");
            for line in &mut lines {
                assert_eq!(line.as_object_mut().unwrap().remove("type").unwrap(), "key");
            }
            assert_eq!(document.as_object_mut().unwrap().remove("keys").unwrap(), Value::from(lines));
            assert_eq!(document, coverage);
        }
    }

    #[test]
    fn what_is_escaped_reads_back_as_it_was() {
        let text: String = ('\0'..=char::MAX).collect();
        let mut out = Vec::new();
        write_value(&text, CompactFormatter, &mut out).unwrap();
        let written = String::from_utf8(out).unwrap();
        assert!(!written.trim_end_matches('\n').chars().any(escape::is_hidden));
        assert!(written.contains("\\u202e") && written.contains("\\udb40\\udc41") && written.contains("\\u009b"));
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }
}
