//! What `status` says of the gate: the hook that git, or a server's own hook, runs, wherever settings lead.

use std::path::Path;

use super::installed::{ends, git_of_version, script};
use crate::common::git;
use crate::common::incident::Case;
use crate::common::run::Audit;
use crate::common::secrets::{key_id, live_key};

const CALL: &str = "#!/bin/sh\nexec clerk-audit hook pre-receive\n";

/// A server's repository with a key in it, and the host's configuration.
struct Server {
    case: Case,
    host: std::path::PathBuf,
}

impl Server {
    fn new(seed: u64) -> Self {
        let case = Case::new(vec![live_key(seed)]);
        let host = case.repo.beside("host");
        std::fs::write(&host, "").unwrap();
        Self { case, host }
    }

    fn write(&self, name: &str, text: &str) {
        script(&self.case.repo.git_directory().join(name), text);
    }

    fn config(&self, file: &Path, name: &str, value: &str) {
        let file = file.to_str().unwrap();
        git::run(git::command(self.case.repo.path()), &["config", "--file", file, name, value], b"");
    }

    fn status(&self, variables: &[(&str, &str)]) -> String {
        let audit = Audit::new(&["status"])
            .and(&self.case.report)
            .variable("GIT_CONFIG_SYSTEM", &self.host)
            .variable("GIT_CONFIG_NOSYSTEM", "0");
        variables.iter().fold(audit, |audit, (name, value)| audit.variable(name, value)).run().text()
    }

    #[track_caller]
    fn is_guarded_by(&self, hook: &str, variables: &[(&str, &str)]) {
        let text = self.status(variables);
        assert!(text.contains("[x] gate") && text.contains(&format!("guarded by {hook}")), "{text}");
    }

    #[track_caller]
    fn is_open(&self, variables: &[(&str, &str)]) {
        let text = self.status(variables);
        assert!(text.contains("[ ] gate"), "{text}");
    }
}

#[test]
fn a_hook_of_gits_configuration_guards_where_git_knows_such() {
    let server = Server::new(480);
    let newer = git_of_version(&server.case.repo.beside("newer"), "2.54.0");
    let older = git_of_version(&server.case.repo.beside("older"), "2.53.9");
    server.is_open(&[("PATH", &newer)]);
    let install = Audit::new(&["hook", "install", "--system"])
        .variable("PATH", &newer)
        .variable("GIT_CONFIG_SYSTEM", &server.host)
        .variable("GIT_CONFIG_NOSYSTEM", "0")
        .run();
    ends(&install, 0, &["hook.clerk-audit.command"]);
    server.is_guarded_by("git's configuration", &[("PATH", &newer)]);
    server.is_open(&[("PATH", &older)]);
    let own = server.case.repo.git_directory().join("config");
    server.config(&own, "hook.clerk-audit.enabled", "false");
    server.is_open(&[("PATH", &newer)]);
    server.config(&own, "hook.clerk-audit.enabled", "true");
    server.is_guarded_by("git's configuration", &[("PATH", &newer)]);
    server.config(&own, "hook.clerk-audit.command", "clerk-audit hook pre-receive || true");
    server.is_open(&[("PATH", &newer)]);
}

#[test]
fn the_hook_that_git_runs_is_the_one_that_guards() {
    let server = Server::new(481);
    server.write("hooks/pre-receive", CALL);
    server.is_guarded_by("hooks/pre-receive", &[]);
    let [home, own] = [server.case.repo.beside("home"), server.case.repo.git_directory().join("config")];
    std::fs::create_dir_all(home.join("elsewhere")).unwrap();
    let home = home.to_str().unwrap();
    // By the environment, the host, the user, and the repository itself.
    let environment =
        [("GIT_CONFIG_COUNT", "1"), ("GIT_CONFIG_KEY_0", "core.hooksPath"), ("GIT_CONFIG_VALUE_0", "/nonexistent")];
    server.is_open(&environment);
    server.config(&server.host, "core.hooksPath", "/nonexistent");
    server.is_open(&[]);
    server.config(&own, "core.hooksPath", "./hooks");
    server.is_guarded_by("", &[]);
    server.config(&own, "core.hooksPath", "~/elsewhere");
    server.is_open(&[("HOME", home)]);
    script(&Path::new(home).join("elsewhere/pre-receive"), CALL);
    server.is_guarded_by(&format!("{home}/elsewhere/pre-receive"), &[("HOME", home)]);
    // git looks at the root of the host's files then.
    server.config(&own, "core.hooksPath", "");
    server.is_open(&[]);
}

#[test]
fn what_a_servers_own_hook_runs_guards_where_that_one_is_run() {
    let server = Server::new(482);
    server.write("hooks/pre-receive.d/ours", CALL);
    server.is_open(&[]);
    let driver = "#!/bin/sh\nfor hook in \"$0\".d/*; do \"$hook\" || exit 1; done\n";
    server.write("hooks/pre-receive", driver);
    server.is_guarded_by("hooks/pre-receive.d/ours", &[]);
    let doctor = Audit::new(&["hook", "doctor"]).and(server.case.repo.path()).run();
    assert!(doctor.text().contains("installed: ") && doctor.text().contains("pre-receive.d/ours"), "{}", doctor.text());
    server.config(&server.host, "core.hooksPath", "/opt/gitlab");
    server.is_open(&[]);
    // GitLab runs its own, wherever it leads git.
    server.write("custom_hooks/pre-receive", CALL);
    server.is_guarded_by("custom_hooks/pre-receive", &[]);
}

#[test]
fn a_setting_that_has_no_end_holds_nobody_up() {
    let server = Server::new(483);
    server.write("hooks/pre-receive", CALL);
    let pipe = server.case.repo.beside("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    server.config(&server.case.repo.git_directory().join("config"), "include.path", pipe.to_str().unwrap());
    server.is_open(&[]);
}

#[test]
fn a_hook_that_has_no_end_holds_nobody_up() {
    let server = Server::new(484);
    server.write("hooks/pre-receive.d/ours", CALL);
    let pipe = server.case.repo.git_directory().join("hooks/pre-receive");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    server.is_open(&[]);
    std::fs::remove_file(&pipe).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &pipe).unwrap();
    server.is_open(&[]);
}

#[test]
fn a_policy_that_refuses_nothing_guards_nothing() {
    let server = Server::new(485);
    server.write("hooks/pre-receive", CALL);
    let own = server.case.repo.git_directory().join("clerk-audit.toml");
    for (policy, guards) in [
        ("mode = \"observe\"\n", false),
        ("[refuse]\nkinds = [\"webhook_secret\"]\n", false),
        ("strict = true\n", true),
        // Every push is refused.
        ("mode = \n", true),
    ] {
        std::fs::write(&own, policy).unwrap();
        if guards {
            server.is_guarded_by("hooks/pre-receive", &[]);
        } else {
            server.is_open(&[]);
        }
    }
    std::fs::remove_file(&own).unwrap();
    let named = server.case.repo.beside("gate.toml");
    std::fs::write(&named, "mode = \"observe\"\n").unwrap();
    server.write("hooks/pre-receive", &format!("{} --policy {}\n", CALL.trim_end(), named.display()));
    server.is_open(&[]);
    let call = CALL.trim_end();
    server.write("hooks/pre-receive", &format!("{call} --policy={}\n", named.display()));
    server.is_open(&[]);
    std::fs::write(&named, "").unwrap();
    server.is_guarded_by("hooks/pre-receive", &[]);
    // Which one it is nobody knows.
    server.write("hooks/pre-receive", &format!("{call} --policy \"$P\"\n"));
    server.is_open(&[]);
}

#[test]
fn what_the_policy_lets_pass_is_not_guarded_against_and_the_setting_is_told() {
    let case = Case::two();
    let host = case.repo.beside("host");
    std::fs::write(&host, "").unwrap();
    let server = Server { case, host };
    server.write("hooks/pre-receive", CALL);
    let own = server.case.repo.git_directory().join("clerk-audit.toml");
    let allow = |key: &str, until: &str| {
        format!("[[allow]]\nid = \"{}\"\nreason = \"x\"\nowner = \"y\"\nexpires = \"{until}\"\n", key_id(key))
    };
    let [live, test] = [&server.case.keys[0], &server.case.keys[1]];
    let cases = [
        ("[refuse]\nenvironments = [\"live\"]\n".to_owned(), [None, Some("refuse.environments has no test")]),
        (allow(live, "2999-01-01"), [Some("[[allow]] lists this key until 2999-01-01"), None]),
        (allow(test, "2020-01-01"), [None, None]),
        ("[refuse]\nconfidence = [\"medium\"]\n".to_owned(), [Some("refuse.confidence has no high"); 2]),
        ("mode = \"observe\"\n".to_owned(), [Some("mode = \"observe\""); 2]),
        ("on_limit = \"accept\"\n".to_owned(), [None, None]),
        (
            "on_limit = \"accept\"\n[limits]\nobject_bytes = 1\n".to_owned(),
            [Some("past a limits.object_bytes that ordinary pushes reach"); 2],
        ),
    ];
    for (policy, told) in &cases {
        std::fs::write(&own, policy).unwrap();
        let text = server.status(&[]);
        let gates: Vec<&str> = text.lines().filter(|line| line.contains("] gate ")).collect();
        assert_eq!(gates.len(), 2, "{text}");
        for (gate, told) in gates.iter().zip(told) {
            match told {
                Some(why) => assert!(gate.contains("[ ] gate") && gate.contains(why), "{policy}: {gate}"),
                None => assert!(gate.contains("[x] gate"), "{policy}: {gate}"),
            }
        }
    }
    // The same of keys that were cleaned out since, as far as they are still known.
    let mut report: serde_json::Value = serde_json::from_slice(&std::fs::read(&server.case.report).unwrap()).unwrap();
    report["keys"] = serde_json::json!([]);
    std::fs::write(&server.case.report, report.to_string()).unwrap();
    std::fs::write(&own, &cases[0].0).unwrap();
    let text = server.status(&[]);
    let gates = |mark: &str| text.lines().filter(|line| line.contains(&format!("[{mark}] gate"))).count();
    assert!(gates("x") == 1 && gates(" ") == 1 && text.contains("refuse.environments has no test"), "{text}");
}
