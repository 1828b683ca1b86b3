//! The published schema of the JSON report, and what a report does against it.

use std::path::Path;
use std::sync::LazyLock;

use jsonschema::Validator;
use serde_json::Value;

static REPORT: LazyLock<Validator> = LazyLock::new(|| {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/report.schema.json");
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("no schema to hold reports against: {}: {error}", path.display()));
    let schema: Value = serde_json::from_str(&text).expect("docs/report.schema.json is JSON");
    jsonschema::draft202012::new(&schema).expect("docs/report.schema.json is a JSON Schema 2020-12")
});

/// Where a report is not as the schema has it, at most ten of them.
pub(crate) fn faults(report: &Value) -> Vec<String> {
    REPORT.iter_errors(report).take(10).map(|fault| format!("{}: {fault}", fault.instance_path)).collect()
}
