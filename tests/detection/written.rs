//! The corpus as files, for other scanners to read, with a table of what is in them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use clerk_audit::detect::Detector;

use crate::detector::{Said, scan};
use crate::lines::{credentials, decoys};
use crate::parse::{Case, all_cases};
use crate::template::Expanded;
use crate::{detector, expanded};

/// Writes every case, `expected.tsv` and `found.tsv`. Spans are bytes of the file.
fn write(folder: &Path, seed: u64) {
    let detector = Detector::new();
    let mut expected = String::from("path\twhat\tkind\tname\tstart\tend\tencoding\n");
    let mut found = String::from("path\twhat\tkind\tconfidence\tstart\tend\n");
    for (number, case) in all_cases().iter().enumerate() {
        let expanded = expanded(case, seed);
        let path = PathBuf::from(&case.theme).join(format!("{number:04}")).join(&case.file);
        let whole = folder.join("files").join(&path);
        std::fs::create_dir_all(whole.parent().expect("a folder")).expect("making a folder");
        std::fs::write(&whole, &expanded.bytes).expect("writing a case");
        let path = path.to_str().expect("UTF-8");
        expected.push_str(&expected_rows(path, case, &expanded));
        found.push_str(&found_rows(path, &scan(&detector, &expanded.bytes)));
    }
    std::fs::write(folder.join("expected.tsv"), expected).expect("writing the table");
    std::fs::write(folder.join("found.tsv"), found).expect("writing the table");
}

fn expected_rows(path: &str, case: &Case, expanded: &Expanded) -> String {
    let mut rows = String::new();
    for (kind, mark) in credentials(case, expanded) {
        let (start, end) = (mark.span.start, mark.span.end);
        let chain = mark.chain.join(">");
        // A key of another length or in pieces is a class of its own: nobody can be sure of it.
        let is_whole = expanded.bytes.get(start..end) == Some(&mark.text[..]) || !chain.is_empty();
        let kind = match kind {
            "secret_key" if mark.text.len() != 50 => "secret_key of another length",
            "secret_key" if !is_whole => "secret_key in pieces",
            kind => kind,
        };
        let _ = writeln!(rows, "{path}\tcredential\t{kind}\t{}\t{start}\t{end}\t{chain}", mark.name);
    }
    for (line, decoy) in decoys(case, expanded) {
        let _ = writeln!(rows, "{path}\tdecoy\t{}\t\t{}\t{}\t", decoy.name(), line.start, line.end);
    }
    rows
}

fn found_rows(path: &str, said: &[Said]) -> String {
    let mut rows = String::new();
    for one in said {
        let _ = match one {
            Said::Credential(detector::Credential { kind, confidence, span, .. }) => {
                writeln!(rows, "{path}\tcredential\t{kind}\t{confidence}\t{}\t{}", span.start, span.end)
            }
            Said::Vendor { name, span, .. } => {
                writeln!(rows, "{path}\tvendor\t{name}\t\t{}\t{}", span.start, span.end)
            }
            Said::Placeholder | Said::HalfMasked | Said::Publishable { .. } => Ok(()),
        };
    }
    rows
}

#[test]
fn the_corpus_can_be_written_out_with_a_table_of_what_is_in_it() {
    let temporary = tempfile::tempdir().unwrap();
    let asked = std::env::var_os("CLERK_AUDIT_CORPUS_OUT").map(PathBuf::from);
    let folder = asked.as_deref().unwrap_or(temporary.path());
    let seed = std::env::var("CLERK_AUDIT_SEED").ok().and_then(|seed| seed.parse().ok());
    write(folder, seed.unwrap_or(1));
    let table = std::fs::read_to_string(folder.join("expected.tsv")).unwrap();
    let mut raw = 0;
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let bytes = std::fs::read(folder.join("files").join(cells[0])).unwrap();
        let span = cells[4].parse().unwrap()..cells[5].parse().unwrap();
        let text = bytes.get(span).unwrap_or_else(|| panic!("beyond the file: {row}"));
        if cells[1] == "credential" && cells[2] == "secret_key" && cells[6].is_empty() {
            assert!(text.starts_with(b"sk_") && text.len() == 50, "{row}");
            raw += 1;
        }
    }
    assert!(raw > 300, "{raw}");
}
