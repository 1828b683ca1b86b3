//! Whose gate it is that is seen, and what is said of a repository that is not there.

use std::path::Path;

use crate::common::fixture::Repo;
use crate::common::git;
use crate::common::incident::{Case, status};
use crate::common::run::Audit;
use crate::common::secrets::live_key;
use crate::{MAIN, executable};

fn guard(git_directory: &Path) {
    let hooks = git_directory.join("hooks");
    std::fs::create_dir_all(&hooks).unwrap();
    std::fs::write(hooks.join("pre-receive"), "#!/bin/sh\nexec clerk-audit hook pre-receive\n").unwrap();
    executable(&hooks.join("pre-receive"));
}

/// The line of a step, with its reason.
fn line(case: &Case, step: &str) -> String {
    let text = status(case, &[]).text();
    text.lines().find(|line| line.contains(&format!("] {step} "))).unwrap_or_default().trim().to_owned()
}

fn audited(report: &Path, repositories: &[&Path]) {
    let audit = Audit::new(&["history", "--format", "json", "--output"]).and(report);
    let run = repositories.iter().fold(audit, |audit, repository| audit.and(repository)).run();
    assert_eq!(run.code, Some(1), "{}", run.errors());
}

#[test]
fn a_hook_in_somebodys_clone_guards_no_server() {
    let (mut server, key) = (Repo::bare(), live_key(7620));
    server.commit_on(MAIN, &[(".env", Some(&format!("CLERK_SECRET_KEY={key}\n")))], "A");
    server.finish();
    let dev = server.beside("dev");
    let url = format!("file://{}", server.path().display());
    git::run(git::command(Path::new("/")), &["clone", "--quiet", &url, dev.to_str().unwrap()], b"");
    guard(&dev.join(".git"));
    let report = server.beside("report.json");
    audited(&report, &[&dev]);
    let case = Case { repo: server, keys: vec![key], report };
    let gate = line(&case, "gate");
    let why = "dev (origin) is a clone: the gate belongs on the server that it pushes to";
    assert!(gate.starts_with("[ ]") && gate.contains(why), "{gate}");
    // Who has seen the server's says so.
    status(&case, &["--done", &case.step("gate"), "--by", "Ann"]);
    let gate = line(&case, "gate");
    assert!(gate.starts_with("[x]") && gate.contains("Ann"), "{gate}");
}

#[test]
fn a_repository_that_moved_is_named_and_hides_no_other() {
    let key = live_key(7621);
    let mut repos = [Repo::bare(), Repo::bare()];
    for repo in &mut repos {
        repo.commit_on(MAIN, &[("x/.env", Some(&format!("CLERK_SECRET_KEY={key}\n")))], "A");
        repo.finish();
    }
    let [here, gone] = repos;
    guard(&here.git_directory());
    let report = here.beside("report.json");
    audited(&report, &[gone.path(), here.path()]);
    let (was, now) = (gone.path().to_owned(), gone.beside("moved"));
    std::fs::rename(&was, &now).unwrap();
    let case = Case { repo: here, keys: vec![key], report };
    let told = format!("{} is not here: audit again where it is now", was.display());
    let (gate, ignore) = (line(&case, "gate"), line(&case, "ignore"));
    assert!(gate.starts_with("[ ]") && gate.contains(&told), "{gate}");
    assert!(ignore.contains("no .gitignore covers x/.env") && ignore.contains(&told), "{ignore}");
    let checklist = Audit::new(&["checklist"]).and(&case.report).run().text();
    assert!(!checklist.contains("is not here"), "a checklist is made of a report alone: {checklist}");
}
