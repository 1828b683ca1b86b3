//! What is said of a ledger that is not whole.

use crate::common::fixture::Repo;
use crate::common::secrets::live_key;
use crate::{MAIN, env, trace};

#[test]
fn a_ledger_that_ends_within_a_line_is_told() {
    let key = live_key(8440);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
    repo.finish();
    let ledger = repo.beside("ledger");
    let whole = "{\"schema\":1,\"time\":\"2026-01-01T00:00:00Z\",\"verdict\":\"accepted\",\"keys\":[],\"refs\":[]}\n";
    for (text, is_told) in [(whole.to_owned(), false), (format!("{whole}{{\"schema\":1,\"ti"), true)] {
        std::fs::write(&ledger, text).unwrap();
        let run = trace(&key, &[repo.path()], &["--ledger", ledger.to_str().unwrap()]);
        assert_eq!(run.code, Some(1), "{}", run.errors());
        assert_eq!(run.errors().contains("ledger, line 2, the last: it has no end"), is_told, "{}", run.errors());
    }
}
