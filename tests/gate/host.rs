//! A host whose every repository is guarded by one directory of hooks: what is done for one repository leaves that alone.

use std::path::Path;

use super::installed::{bad_client, bare, ends, git_of_version, script};
use super::support::{MAIN, Pushed, push_with};
use crate::common::fixture::Repo;
use crate::common::run::{Audit, Outcome};

/// A host with a git that knows no hooks in its configuration.
struct Host {
    /// Beside it all is put.
    first: Repo,
    path: String,
}

impl Host {
    fn new() -> Self {
        let first = bare();
        let path = git_of_version(&first.beside("older"), "2.53.9");
        Self { first, path }
    }

    fn run(&self, arguments: &[&str], more: &[&Path]) -> Outcome {
        let audit = Audit::new(&["hook"])
            .and_all(arguments)
            .variable("PATH", &self.path)
            .variable("GIT_CONFIG_SYSTEM", self.first.beside("gitconfig"))
            .variable("GIT_CONFIG_NOSYSTEM", "0");
        more.iter().fold(audit, |audit, one| audit.and(one)).run()
    }

    fn of_all(&self, command: &str) -> Outcome {
        self.run(&[command, "--system", "--directory"], &[&self.first.beside("hooks")])
    }

    fn push(&self, client: &Repo, server: &Repo, name: &str) -> Pushed {
        let system = self.first.beside("gitconfig");
        push_with(client.path(), server.path(), &[&format!("{MAIN}:{name}")], &[("GIT_CONFIG_SYSTEM", &system)])
    }
}

#[test]
fn what_is_done_for_one_repository_leaves_the_hosts_hooks_alone() {
    let host = Host::new();
    let other = bare();
    script(&host.first.path().join("hooks/pre-receive"), "#!/bin/sh\necho our own says no >&2\nexit 1\n");
    ends(&host.of_all("install"), 0, &["git config --system"]);
    let hook = host.first.beside("hooks/pre-receive");
    let text = std::fs::read(&hook).unwrap();
    let outcome = host.run(&["install"], &[other.path()]);
    ends(&outcome, 0, &["installed already", "hooks/pre-receive, for every repository of this host"]);
    ends(&host.run(&["uninstall"], &[other.path()]), 3, &["for every repository of this host", "uninstall --system"]);
    assert_eq!(std::fs::read(&hook).unwrap(), text);
    let mut fine = Repo::bare();
    fine.commit_on(MAIN, &[("a", Some("1"))], "fine");
    fine.finish();
    let pushed = host.push(&fine, &host.first, MAIN);
    assert!(!pushed.accepted && pushed.said.contains("our own says no"), "{}", pushed.all);
    let (key, client) = bad_client(3300);
    host.push(&client, &other, MAIN).is_refused_for(&key, &["a:1"]);
    // As an earlier version wrote them, without a line that says how they are removed.
    let earlier = String::from_utf8(text).unwrap();
    let earlier: Vec<&str> = earlier.lines().filter(|line| !line.starts_with("# Written by")).collect();
    script(&hook, &earlier.join("\n"));
    ends(&host.run(&["uninstall"], &[other.path()]), 3, &["uninstall --system"]);
    ends(&host.of_all("uninstall"), 0, &["remove"]);
    ends(&host.run(&["install"], &[other.path()]), 0, &["write"]);
}

#[test]
fn where_the_hosts_gate_is_gone_nothing_else_is_taken_for_it() {
    let host = Host::new();
    ends(&host.of_all("install"), 0, &["git config --system"]);
    std::fs::remove_file(host.first.beside("hooks/pre-receive")).unwrap();
    let outcome = host.run(&["doctor"], &[host.first.path()]);
    ends(&outcome, 1, &["not installed", "clerk-audit hook install --system"]);
    assert!(!outcome.text().contains("hooks/update"), "{}", outcome.text());
    ends(&host.run(&["install"], &[host.first.path()]), 3, &["for every repository of this host", "install --system"]);
    ends(&host.of_all("install"), 0, &["write"]);
    ends(&host.run(&["doctor"], &[host.first.path()]), 0, &["installed:"]);
}

#[test]
fn hooks_that_are_every_repositorys_by_the_hosts_configuration_are_said_to_be() {
    let host = Host::new();
    let hooks = host.first.beside("shared");
    std::fs::write(host.first.beside("gitconfig"), format!("[core]\n\thooksPath = {}\n", hooks.display())).unwrap();
    let words = ["core.hooksPath", "the hook of every repository here"];
    ends(&host.run(&["install"], &[host.first.path()]), 0, &words);
    ends(&host.run(&["uninstall"], &[host.first.path()]), 0, &words);
}
