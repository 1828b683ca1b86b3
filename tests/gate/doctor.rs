//! What the doctor sees of a server: its policy, its drivers, its users, its kind.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use super::installed::{bad_client, bare, ends, hook, script};
use super::support::{MAIN, push};
use crate::common::fixture::Repo;
use crate::common::git;
use crate::common::run::Audit;

fn configure(server: &Repo, name: &str, value: &str) {
    git::run(git::command(server.path()), &["config", name, value], b"");
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_policy_that_the_hook_names_is_the_one_that_is_looked_at() {
    let server = bare();
    let policy = server.beside("it's policy.toml");
    std::fs::write(&policy, "ledger = \"/nonexistent/dir/l\"\n").unwrap();
    let install = Audit::new(&["hook", "install", "--policy"]).and(&policy).and(server.path());
    ends(&install.run(), 0, &["write"]);
    let named = format!("policy: {}", policy.display());
    let unwritable = "the ledger /nonexistent/dir/l cannot be written";
    let outcome = hook(&["doctor"], server.path());
    ends(&outcome, 1, &[&named, unwritable, "the gate fails"]);
    assert!(!outcome.text().contains("refuses a canary there"), "{}", outcome.text());
    std::fs::write(&policy, "").unwrap();
    ends(&hook(&["doctor"], server.path()), 0, &[&named, "refuses a canary"]);
    std::fs::remove_file(&policy).unwrap();
    ends(
        &hook(&["doctor"], server.path()),
        1,
        &["policy.toml, which the hook names, is not there: every push is refused"],
    );
}

#[test]
fn a_policy_is_looked_at_however_the_hook_names_it() {
    let server = bare();
    let policy = server.beside("gate.toml");
    let ledger = server.beside("ledger");
    std::fs::write(&policy, format!("mode = \"observe\"\nledger = \"{}\"\n", ledger.display())).unwrap();
    let (gate, file) = (env!("CARGO_BIN_EXE_clerk-audit"), policy.display());
    for call in [
        format!("exec {gate} hook pre-receive --policy={file}"),
        format!("CLERK_AUDIT_POLICY={file} exec {gate} hook pre-receive"),
        format!("export CLERK_AUDIT_POLICY={file}\nexec {gate} hook pre-receive"),
    ] {
        script(&server.path().join("hooks/pre-receive"), &format!("#!/bin/sh\n# clerk-audit\n{call}\n"));
        ends(&hook(&["doctor"], server.path()), 1, &[&format!("policy: {file}"), "the policy only observes"]);
    }
    assert!(ledger.exists(), "the repository is this user's");
    std::fs::remove_file(&ledger).unwrap();
    let call = format!("#!/bin/sh\n# clerk-audit\nP={file}\nexec {gate} hook pre-receive --policy \"$P\"\n");
    script(&server.path().join("hooks/pre-receive"), &call);
    let outcome = hook(&["doctor"], server.path());
    ends(&outcome, 3, &["?     the hook's policy is named by a variable", "--policy FILE"]);
    assert!(!outcome.text().contains("policy: ") && !ledger.exists(), "{}", outcome.text());
    let outcome = Audit::new(&["hook", "doctor", "--policy"]).and(&policy).and(server.path()).run();
    ends(&outcome, 1, &[&format!("policy: {file}"), "the policy only observes"]);
}

#[test]
fn a_hook_that_runs_too_late_is_looked_at_all_the_same() {
    let server = bare();
    let policy = server.beside("gate.toml");
    std::fs::write(&policy, "ledger = \"/nonexistent/dir/l\"\nmode = \"observe\"\n").unwrap();
    let update = server.path().join("hooks/update");
    let write = |binary: &str| {
        let call = format!("exec '{binary}' hook update --policy '{}' \"$@\"", policy.display());
        script(&update, &format!("#!/bin/sh\n# clerk-audit\n{call}\n"));
    };
    let gate = env!("CARGO_BIN_EXE_clerk-audit");
    write(gate);
    let named = format!("policy: {}", policy.display());
    let words =
        ["calls the gate: it runs when", &named, "only observes", "the ledger /nonexistent/dir/l cannot be written"];
    ends(&hook(&["doctor"], server.path()), 1, &words);
    std::fs::remove_file(&policy).unwrap();
    ends(&hook(&["doctor"], server.path()), 1, &["gate.toml, which the hook names, is not there"]);
    write("/nonexistent/clerk-audit");
    ends(&hook(&["doctor"], server.path()), 1, &["bad   /nonexistent/clerk-audit, which the hook names, is not there"]);
    set_mode(&update, 0o644);
    ends(&hook(&["doctor"], server.path()), 1, &["update is not executable: git ignores it"]);
}

#[test]
fn a_gate_that_is_not_given_standard_input_as_git_wrote_it_is_not_called_good() {
    let server = bare();
    let gate = format!("{} hook pre-receive", env!("CARGO_BIN_EXE_clerk-audit"));
    let every = "the gate fails, and would refuse every push";
    for (call, why) in [
        (format!("{gate} </dev/null"), "names no ref update"),
        (format!("cat >/dev/null; {gate}"), "names no ref update"),
        (format!("printf %s \"$(cat)\" | {gate}"), "does not end with a line feed"),
    ] {
        script(&server.path().join("hooks/pre-receive"), &format!("#!/bin/sh\n{call}\n"));
        ends(&hook(&["doctor"], server.path()), 1, &[&format!("bad   {every}"), why]);
        ends(&hook(&["self-test"], server.path()), 1, &[every, why]);
    }
    for call in [
        format!("read line; echo \"$line\" | {gate}"),
        format!("while read line; do echo \"$line\" | {gate} || exit 1; done"),
    ] {
        script(&server.path().join("hooks/pre-receive"), &format!("#!/bin/sh\n{call}\n"));
        ends(&hook(&["doctor"], server.path()), 1, &["look  refuses a canary", "not told of all refs of a push"]);
    }
    let whole = format!("#!/bin/bash\ndata=$(cat)\necho \"$data\" | {gate}\n");
    script(&server.path().join("hooks/pre-receive"), &whole);
    ends(&hook(&["doctor"], server.path()), 0, &["ok    runs, reads the quarantine, and refuses a canary there"]);
}

#[test]
fn a_directory_that_no_driver_runs_is_no_place_for_the_hook() {
    let server = bare();
    let hooks = server.path().join("hooks");
    std::fs::create_dir_all(hooks.join("pre-receive.d")).unwrap();
    ends(&hook(&["install", "--dry-run"], server.path()), 0, &["would write", "hooks/pre-receive\n"]);
    script(&hooks.join("pre-receive"), "#!/bin/sh\nexit 0\n");
    ends(&hook(&["install"], server.path()), 0, &["rename"]);
    let (key, client) = bad_client(330);
    push(client.path(), server.path(), &[MAIN]).is_refused_for(&key, &["a:1"]);
    ends(&hook(&["doctor"], server.path()), 0, &["(plain)"]);
    ends(&hook(&["uninstall"], server.path()), 0, &["rename"]);
    ends(&hook(&["install", "--layout", "hook-directory"], server.path()), 0, &["pre-receive.d/clerk-audit"]);
    let doctor = ["doctor", "--layout", "hook-directory"];
    ends(&hook(&doctor, server.path()), 1, &["does not refuse a canary"]);

    // As Gitea writes it; its own part ends for want of its server, and ours is heard all the same.
    let gitea = "#!/usr/bin/env bash\ndata=$(cat)\nexitcodes=\"\"\nhookname=$(basename $0)\n\
                 GIT_DIR=${GIT_DIR:-$(dirname $0)/..}\nfor hook in ${GIT_DIR}/hooks/${hookname}.d/*; do\n\
                 test -x \"${hook}\" && test -f \"${hook}\" || continue\necho \"${data}\" | \"${hook}\"\n\
                 exitcodes=\"${exitcodes} $?\"\ndone\nfor i in ${exitcodes}; do\n[ ${i} -eq 0 ] || exit ${i}\ndone\n";
    script(&hooks.join("pre-receive"), gitea);
    script(&hooks.join("pre-receive.d/gitea"), "#!/bin/sh\necho environment not set\nexit 1\n");
    ends(&hook(&["doctor"], server.path()), 0, &["(hook-directory)", "refuses a canary"]);
    // One that ends at its own part says nothing of ours, which works by itself.
    script(&hooks.join("pre-receive"), "#!/bin/sh\n\"$0\".d/gitea && \"$0\".d/clerk-audit\n");
    script(&hooks.join("pre-receive.d/gitea"), "#!/bin/sh\necho environment not set >&2\nexit 1\n");
    ends(
        &hook(&["doctor"], server.path()),
        3,
        &["before the gate is heard", "environment not set", "refuses a canary"],
    );
    configure(&server, "core.hooksPath", "/nonexistent/hooks");
    ends(&hook(&["doctor"], server.path()), 1, &["past the directory of hooks, to /nonexistent/hooks"]);
}

#[test]
fn a_repository_of_gerrits_is_told_where_its_hooks_are() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().canonicalize().unwrap();
    let path = site.join("git/team/app.git");
    std::fs::create_dir_all(&path).unwrap();
    std::fs::create_dir_all(site.join("etc")).unwrap();
    git::run(git::command(&path), &["init", "--quiet", "--bare", "--template="], b"");
    std::fs::write(site.join("etc/gerrit.config"), "").unwrap();
    let hooks = format!("but those in {}/hooks", site.display());
    for command in ["doctor", "install", "uninstall"] {
        let outcome = hook(&[command], &path);
        ends(&outcome, 3, &[&hooks, "hooks/gerrit", "on the server already"]);
        assert!(!(outcome.text() + &outcome.errors()).contains("hook install"));
    }
    ends(&hook(&["self-test"], &path), 2, &["give the URL"]);
    std::fs::remove_file(site.join("etc/gerrit.config")).unwrap();
    ends(&hook(&["doctor"], &path), 1, &["not installed"]);
    let mut project = Repo::bare();
    project.commit_on("refs/meta/config", &[("project.config", Some("[access]\n"))], "Created project");
    project.finish();
    ends(&hook(&["doctor"], project.path()), 3, &["but those in $site/hooks"]);
    ends(&hook(&["doctor", "--layout", "plain"], project.path()), 1, &["not installed"]);
}

#[test]
fn a_ledger_that_only_its_maker_could_write_is_told_where_a_group_pushes() {
    let server = bare();
    set_mode(server.path(), 0o2775);
    let folder = server.beside("log");
    std::fs::create_dir(&folder).unwrap();
    let ledger = folder.join("ledger");
    std::fs::write(server.path().join("clerk-audit.toml"), format!("ledger = \"{}\"", ledger.display())).unwrap();
    ends(&hook(&["install"], server.path()), 0, &["write"]);
    set_mode(&folder, 0o755);
    ends(
        &hook(&["doctor"], server.path()),
        1,
        &["look ", "shared by a group", "0660", "will be made by the first push"],
    );
    assert!(!ledger.exists(), "the doctor made a ledger that no other can write");
    std::fs::write(&ledger, "").unwrap();
    set_mode(&ledger, 0o600);
    ends(&hook(&["doctor"], server.path()), 1, &["shared by a group", "refuses a canary"]);
    set_mode(&ledger, 0o660);
    ends(&hook(&["doctor"], server.path()), 0, &["refuses a canary"]);
    std::fs::remove_file(&ledger).unwrap();
    set_mode(&folder, 0o2775);
    ends(&hook(&["doctor"], server.path()), 0, &["refuses a canary"]);
    assert_eq!(std::fs::metadata(&ledger).unwrap().mode() & 0o777, 0o660);
}

#[test]
fn a_bypass_by_push_options_that_git_does_not_take_is_told() {
    let server = bare();
    ends(&hook(&["install"], server.path()), 0, &["write"]);
    std::fs::write(server.path().join("clerk-audit.toml"), "bypass = true\n").unwrap();
    ends(&hook(&["doctor"], server.path()), 1, &["git config receive.advertisePushOptions true"]);
    configure(&server, "receive.advertisePushOptions", "true");
    ends(&hook(&["doctor"], server.path()), 0, &["refuses a canary"]);
}

#[test]
fn a_ledger_that_the_repositorys_owner_cannot_write_is_told_whoever_asks() {
    const NOBODY: u32 = 65534;
    let server = bare();
    let config = server.beside("config");
    std::fs::write(&config, "[safe]\ndirectory = *\n").unwrap();
    ends(&hook(&["install"], server.path()), 0, &["write"]);
    let folder = server.beside("log");
    std::fs::create_dir(&folder).unwrap();
    let ledger = folder.join("ledger");
    std::fs::write(server.path().join("clerk-audit.toml"), format!("ledger = \"{}\"", ledger.display())).unwrap();
    // Only root can ask on behalf of another.
    if std::os::unix::fs::chown(server.path(), Some(NOBODY), Some(NOBODY)).is_err() {
        return;
    }
    set_mode(server.path().parent().unwrap(), 0o755);
    let doctor = || Audit::new(&["hook", "doctor"]).and(server.path()).variable("GIT_CONFIG_GLOBAL", &config).run();
    let cannot = "cannot be written by the repository's owner (user 65534)";
    set_mode(&folder, 0o755);
    ends(&doctor(), 1, &["bad ", cannot, &format!("by the mode of {}:", folder.display())]);
    std::fs::write(&ledger, "").unwrap();
    set_mode(&ledger, 0o600);
    ends(&doctor(), 1, &["bad ", cannot, &format!("by the mode of {}:", ledger.display())]);
    std::os::unix::fs::chown(&ledger, Some(NOBODY), None).unwrap();
    let outcome = doctor();
    assert!(!outcome.text().contains(cannot), "{}", outcome.text());
    set_mode(&folder, 0o700);
    ends(&doctor(), 1, &["bad ", cannot, &format!("by the mode of {}:", folder.display())]);
}

#[test]
fn what_is_left_of_gitlab_is_no_proof_that_it_runs_the_hook() {
    let server = bare();
    configure(&server, "gitlab.fullpath", "group/app");
    ends(&hook(&["install"], server.path()), 0, &["custom_hooks", "self-test URL", "--layout plain"]);
    let (_, client) = bad_client(3400);
    assert!(push(client.path(), server.path(), &[MAIN]).accepted);
    let outcome = hook(&["doctor"], server.path());
    ends(&outcome, 3, &["?     ", "told by [gitlab] in its config alone", "self-test URL", "--layout plain"]);
    assert!(!outcome.text().contains("installed:"), "{}", outcome.text());
    // What runs a directory of hooks is there, whatever is left beside it.
    let server = bare();
    configure(&server, "gitlab.fullpath", "group/app");
    let driver = "#!/bin/sh\ndata=$(cat)\nfor hook in \"$0\".d/*; do echo \"$data\" | \"$hook\" || exit 1; done\n";
    script(&server.path().join("hooks/pre-receive"), driver);
    script(&server.path().join("hooks/pre-receive.d/gitea"), "#!/bin/sh\ncat >/dev/null\n");
    ends(&hook(&["install"], server.path()), 0, &["hooks/pre-receive.d/clerk-audit"]);
    ends(&hook(&["doctor"], server.path()), 0, &["installed:", "hook-directory"]);
    let (key, client) = bad_client(3401);
    push(client.path(), server.path(), &[MAIN]).is_refused_for(&key, &["a:1"]);
}

#[test]
fn a_ledger_that_cannot_be_written_stops_no_push_where_the_policy_accepts_that() {
    let server = bare();
    ends(&hook(&["install"], server.path()), 0, &["write"]);
    let policy = server.path().join("clerk-audit.toml");
    let text = "ledger = \"/nonexistent/ledger\"\n";
    std::fs::write(&policy, text).unwrap();
    ends(&hook(&["doctor"], server.path()), 1, &["bad   the gate fails, and would refuse every push"]);
    ends(&hook(&["self-test"], server.path()), 1, &["would refuse every push"]);
    std::fs::write(&policy, format!("{text}on_failure = \"accept\"\n")).unwrap();
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    client.finish();
    push(client.path(), server.path(), &[MAIN]).passes();
    let outcome = hook(&["doctor"], server.path());
    ends(
        &outcome,
        1,
        &["refuses a canary", "look  the ledger /nonexistent/ledger cannot be written, and no push is recorded"],
    );
    assert!(!outcome.text().contains("bad "), "{}", outcome.text());
    ends(&hook(&["self-test"], server.path()), 0, &["The gate works"]);
}
