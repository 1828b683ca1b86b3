//! The canary: of a class that the policy refuses, in the server's format, and pushed whatever the user's git is set to.

use std::time::Duration;

use clerk_audit::install::{Canary, Error};

use super::installed::{bare, ends, hook, script};
use super::support::Server;
use crate::common::fixture::Repo;
use crate::common::git;
use crate::common::run::Audit;

#[test]
fn it_is_refused_by_policies_that_refuse_one_environment_only() {
    for environments in ["\"live\", \"unknown\"", "\"test\"", "\"live\""] {
        let server = Server::new();
        server.policy_with_ledger(&format!("[refuse]\nenvironments = [{environments}]"));
        ends(&hook(&["doctor"], server.path()), 0, &["refuses a canary"]);
        ends(&hook(&["self-test"], server.path()), 0, &["The gate works"]);
        assert!(server.ledger().iter().all(|line| line["canary"] == true && line["verdict"] == "refused"));
        assert_eq!(server.ledger().len(), 2);
    }
    let server = Server::new();
    for nothing in ["environments = [\"unknown\"]", "kinds = [\"webhook_secret\"]"] {
        server.policy(&format!("[refuse]\n{nothing}"));
        ends(&hook(&["doctor"], server.path()), 1, &["refuses no secret keys", "no canary can show"]);
    }
}

#[test]
fn it_is_pushed_in_the_servers_format_whatever_the_users_is() {
    for server in [bare(), Repo::bare_sha256()] {
        let none = hook(&["self-test"], server.path());
        ends(&none, 1, &["it accepted a key", "is deleted again"]);
        let text = none.text();
        for object in text.lines().filter_map(|line| line.strip_prefix("  ")) {
            git::run(git::command(server.path()), &["cat-file", "-e", object], b"");
        }
        assert_eq!(text.lines().filter(|line| line.starts_with("  ")).count(), 3);
        ends(&hook(&["install"], server.path()), 0, &["write"]);
        for format in ["sha1", "sha256"] {
            let run = Audit::new(&["hook", "self-test"]).and(server.path()).variable("GIT_DEFAULT_HASH", format).run();
            ends(&run, 0, &["The gate works"]);
        }
    }
}

#[test]
fn the_users_settings_change_nothing_of_it() {
    let server = bare();
    ends(&hook(&["install"], server.path()), 0, &["write"]);
    let (config, attributes) = (server.beside("config"), server.beside("attributes"));
    std::fs::write(&attributes, "* filter=crypt\n").unwrap();
    let text = format!(
        "[push]\npushOption = ci.skip\nfollowTags = true\nrecurseSubmodules = only\ngpgSign = true\n[core]\nattributesFile = \
         {}\n[filter \"crypt\"]\nclean = tr a-z b-za | rev\nrequired = true\n[color]\nui = always\nremote = always\n[init]\n\
         defaultObjectFormat = sha256\n[commit]\ngpgSign = true\n",
        attributes.display()
    );
    std::fs::write(&config, text).unwrap();
    let run = Audit::new(&["hook", "self-test"]).and(server.path()).variable("GIT_CONFIG_GLOBAL", &config).run();
    ends(&run, 0, &["The gate works"]);
}

#[test]
fn a_gate_that_is_too_late_or_fails_does_not_pass_for_one_that_works() {
    let late = Server::new();
    late.hook_named("update", "exec \"$GATE\" hook update \"$@\"");
    std::fs::remove_file(late.path().join("hooks/pre-receive")).unwrap();
    let outcome = hook(&["self-test"], late.path());
    ends(&outcome, 1, &["too late", "on the server already", "remain on the server"]);
    let text = outcome.text();
    let objects: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert_eq!(objects.len(), 3, "{text}");
    for object in objects {
        late.git(&["cat-file", "-e", object]);
    }
    assert_eq!(late.git(&["for-each-ref"]), "");

    let failing = Server::new();
    for policy in ["nonsense = 1", "ledger = \"/nonexistent/x/l\""] {
        failing.policy(policy);
        ends(&hook(&["self-test"], failing.path()), 1, &["the gate fails", "every push", "the gate itself failed"]);
        ends(&hook(&["doctor"], failing.path()), 1, &["the gate fails", "every push"]);
    }
    script(&failing.path().join("hooks/pre-receive"), "#!/bin/sh\n/nonexistent/clerk-audit hook pre-receive\n");
    ends(&hook(&["doctor"], failing.path()), 1, &["/nonexistent/clerk-audit, which the hook names, is not there"]);
}

#[test]
fn a_hook_that_hangs_is_ended_and_told() {
    let server = Server::new();
    server.policy("[limits]\nseconds = 0.5");
    // What it starts holds its output, and would keep whoever waits for that.
    server.hook("# clerk-audit hook pre-receive\nsleep 600 & sleep 600");
    let outcome = Audit::new(&["hook", "doctor"]).and(server.path()).within(Duration::from_secs(50)).run();
    ends(&outcome, 1, &["hangs, and every push with it", "did not end within 10 s"]);
    let pushed = Canary::draw().push(server.path().as_os_str(), Duration::from_millis(500));
    assert!(matches!(pushed, Err(Error::Hung { .. })), "{pushed:?}");
}

#[test]
fn a_server_that_does_not_answer_is_no_refusal() {
    let server = bare();
    let nothing = server.beside("nothing").display().to_string();
    for target in ["ssh://nobody@127.0.0.1:1/x", "http://127.0.0.1:1/x", "ext::sh -c true", &nothing] {
        let outcome = Audit::new(&["hook", "self-test"]).and(target).run();
        ends(&outcome, 3, &["could not be reached", "fatal: "]);
        assert!(!outcome.errors().contains("was refused"), "{}", outcome.errors());
    }
    // What another says no to is told with the words of git's report.
    git::run(git::command(server.path()), &["config", "receive.hideRefs", "refs/clerk-audit"], b"");
    ends(&hook(&["self-test"], server.path()), 3, &["not by the gate", "deny updating a hidden ref"]);
}
