//! The published schemas of the JSON report and of a trace, and what a document does against them.

use std::path::Path;
use std::sync::LazyLock;

use jsonschema::{Resource, Validator};
use serde_json::Value;

static REPORT: LazyLock<Validator> = LazyLock::new(|| {
    let schema = published("report.schema.json");
    jsonschema::draft202012::new(&schema).expect("docs/report.schema.json is a JSON Schema 2020-12")
});

static TRACE: LazyLock<Validator> = LazyLock::new(|| {
    let report = published("report.schema.json");
    let id = report["$id"].as_str().expect("an id").to_owned();
    let report = Resource::from_contents(report).expect("docs/report.schema.json is a JSON Schema");
    let options = jsonschema::draft202012::options().should_validate_formats(true).with_resource(id, report);
    options.build(&published("trace.schema.json")).expect("docs/trace.schema.json is a JSON Schema 2020-12")
});

fn published(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs").join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("no schema to hold documents against: {}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("docs/{name} is no JSON: {error}"))
}

/// Where a report is not as the schema has it, at most ten of them.
pub(crate) fn faults(report: &Value) -> Vec<String> {
    of(&REPORT, report)
}

/// The same for a trace.
pub(crate) fn faults_of_trace(trace: &Value) -> Vec<String> {
    of(&TRACE, trace)
}

fn of(schema: &Validator, document: &Value) -> Vec<String> {
    schema.iter_errors(document).take(10).map(|fault| format!("{}: {fault}", fault.instance_path)).collect()
}
