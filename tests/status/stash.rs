//! What a stash keeps stands at a tip.

use crate::MAIN;
use crate::common::fixture::Repo;
use crate::common::incident::{Case, status};
use crate::common::run::Audit;
use crate::common::secrets::live_key;

/// A repository with a key in a stash alone, left there by what is done with the file `.env`.
fn stashed(key: String, steps: &[&[&str]], then: Option<&str>) -> Case {
    let mut repo = Repo::with_work_tree();
    repo.commit_on(MAIN, &[("a", Some("a\n")), (".gitignore", Some("x\n"))], "A");
    repo.finish();
    repo.git(&["reset", "--quiet", "--hard"]);
    std::fs::write(repo.path().join(".env"), format!("CLERK_SECRET_KEY={key}\n")).unwrap();
    for (at, step) in steps.iter().enumerate() {
        if at + 1 == steps.len()
            && let Some(then) = then
        {
            std::fs::write(repo.path().join(".env"), then).unwrap();
        }
        repo.git(step);
    }
    let report = repo.beside("report.json");
    Audit::new(&["history", "--format", "json", "--output"]).and(&report).and(repo.path()).run();
    Case { repo, keys: vec![key], report }
}

#[test]
fn a_key_in_a_stash_is_at_a_tip_wherever_the_stash_keeps_it() {
    let new = stashed(live_key(7610), &[&["stash", "--quiet", "--include-untracked"]], None);
    let staged = stashed(live_key(7611), &[&["add", ".env"], &["stash", "--quiet"]], Some("clean\n"));
    for case in [new, staged] {
        let run = status(&case, &[]);
        assert!(run.text().contains("[ ] tips") && run.text().contains("it stands at 1 other ref"), "{}", run.text());
        let history = Audit::new(&["history"]).and(case.repo.path()).run().text();
        assert!(history.contains("refs/stash") && !history.contains("only in history"), "{history}");
        let key = format!("{}\n", case.keys[0]);
        let told = Audit::new(&["trace"]).and(case.repo.path()).input(key.as_bytes()).run().text();
        assert!(told.contains("on refs/stash") && !told.contains("no tip holds it"), "{told}");
    }
}
