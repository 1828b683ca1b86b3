//! What `install` does with several places, each kind of place and the host's settings, and what it says of them.

use std::path::Path;

use super::installed::{bare, ends, git_of_version, hook, script};
use crate::common::git;
use crate::common::run::Audit;

#[test]
fn a_path_of_hooks_of_the_users_own_is_told() {
    let server = bare();
    let (config, hooks) = (server.beside("config"), server.beside("my hooks"));
    std::fs::write(&config, format!("[core]\nhooksPath = \"{}\"\n", hooks.display())).unwrap();
    let install = || Audit::new(&["hook", "install"]).and(server.path()).variable("GIT_CONFIG_GLOBAL", &config).run();
    ends(&install(), 0, &["write", "my hooks/pre-receive", "this user's own (git config --global)"]);
    git::run(git::command(server.path()), &["config", "core.hooksPath", "own"], b"");
    let outcome = install();
    ends(&outcome, 0, &["own/pre-receive"]);
    assert!(!outcome.text().contains("--global"), "{}", outcome.text());
}

#[test]
fn a_directory_of_hooks_that_repositories_share_is_told() {
    let shared = bare();
    let (hooks, link) = (shared.beside("shared hooks"), shared.beside("link"));
    std::fs::create_dir(&hooks).unwrap();
    std::os::unix::fs::symlink(&hooks, &link).unwrap();
    let servers = [bare(), bare(), bare()];
    let set = |server: &Path, path: &Path| {
        git::run(git::command(server), &["config", "core.hooksPath", path.to_str().unwrap()], b"");
    };
    _ = std::fs::remove_dir_all(servers[0].path().join("hooks"));
    std::os::unix::fs::symlink(&hooks, servers[0].path().join("hooks")).unwrap();
    set(servers[1].path(), &link);
    // It is made first.
    set(servers[2].path(), &link.join("more"));
    for (at, server) in servers.iter().enumerate() {
        let real = hooks.canonicalize().unwrap();
        let real = if at == 2 { real.join("more") } else { real };
        let is_outside = format!("look at {}: it is outside of", real.display());
        ends(&hook(&["install"], server.path()), 0, &[&is_outside, "has its hooks there gets the gate as well"]);
        let is_outside_too = format!("ok    {} is outside of the repository", real.display());
        ends(&hook(&["doctor"], server.path()), 0, &[&is_outside_too, "every one that has its hooks there"]);
        ends(&hook(&["uninstall"], server.path()), 0, &[&is_outside, "has its hooks there loses the gate as well"]);
    }
    let own = bare();
    for command in ["install", "doctor", "uninstall"] {
        let outcome = hook(&[command], own.path());
        assert!(!outcome.text().contains("outside"), "{}", outcome.text());
    }
}

#[test]
fn one_path_that_is_bad_keeps_no_other_from_being_guarded() {
    let (first, last) = (bare(), bare());
    let nothing = first.beside("no repository");
    std::fs::create_dir(&nothing).unwrap();
    for (command, words) in [("install", "write"), ("uninstall", "remove")] {
        let outcome =
            Audit::new(&["hook", command]).and(first.path()).and(&nothing).and(last.path()).and("/nonexistent/x").run();
        ends(&outcome, 3, &[words, "not a git repository", "cannot find /nonexistent/x", "2 of 4 could not be done"]);
        for server in [&first, &last] {
            assert_eq!(server.path().join("hooks/pre-receive").exists(), command == "install");
        }
        let audit = format!("clerk-audit history {} {}\n", first.path().display(), last.path().display());
        assert_eq!(outcome.text().contains(&audit), command == "install", "{}", outcome.text());
    }
    ends(&Audit::new(&["hook", "install"]).and(&nothing).run(), 3, &["not a git repository"]);
}

#[test]
fn the_audit_that_install_advises_works_as_it_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().canonicalize().unwrap();
    let odd = home.join("repositories/it's $x; one.git");
    std::fs::create_dir_all(&odd).unwrap();
    git::run(git::command(&odd), &["init", "--quiet", "--bare", "--template="], b"");
    let local = home.join("local");
    std::fs::create_dir(&local).unwrap();
    let advice = |arguments: &[&str], path: &Path| {
        let outcome = hook(&[&["install"], arguments].concat(), path);
        ends(&outcome, 0, &["What is there already"]);
        outcome.text().lines().find_map(|line| line.strip_prefix("  clerk-audit history ").map(str::to_owned)).unwrap()
    };
    for told in [advice(&[], &odd), advice(&["--layout", "gitolite"], &local)] {
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &format!("exec \"$0\" history {told}"), env!("CARGO_BIN_EXE_clerk-audit")]);
        let output = shell.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{told}: {}", String::from_utf8_lossy(&output.stderr));
    }
    assert_eq!(
        advice(&["--layout", "gitolite"], &local),
        format!("--repos-under {}", home.join("repositories").display())
    );
    std::fs::create_dir_all(home.join("elsewhere/local")).unwrap();
    assert_eq!(advice(&["--layout", "gitolite"], &home.join("elsewhere/local")), "--repos-under DIR");
    assert_eq!(advice(&["--layout", "github"], &local), "--repos-under DIR");
    let system = Audit::new(&["hook", "install", "--system", "--directory"])
        .and(home.join("hooks"))
        .variable("GIT_CONFIG_SYSTEM", home.join("gitconfig"))
        .variable("GIT_CONFIG_NOSYSTEM", "0");
    ends(&system.run(), 0, &["clerk-audit history --repos-under DIR\n"]);
}

#[test]
fn the_hook_for_github_calls_the_binary_beside_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("pre-receive");
    ends(&hook(&["install", "--layout", "github"], folder.path()), 0, &["hooks/build-static", "site's administration"]);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains("gate=${0%/*}/clerk-audit\n"), "{text}");
    assert!(!text.contains(env!("CARGO_BIN_EXE_clerk-audit")), "{text}");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_clerk-audit"), folder.path().join("clerk-audit")).unwrap();
    ends(&hook(&["doctor", "--layout", "github"], folder.path()), 0, &["refuses a canary"]);
    let named =
        Audit::new(&["hook", "install", "--layout", "github", "--binary", "/opt/gate"]).and(folder.path()).run();
    ends(&named, 0, &["write", "look at /opt/gate: it cannot be run here"]);
    assert!(!named.text().contains("hooks/build-static"), "{}", named.text());
    assert!(std::fs::read_to_string(&path).unwrap().contains("\n'/opt/gate' hook pre-receive\n"));
}

#[test]
fn every_value_of_the_hosts_settings_is_taken_out_and_set_anew() {
    let server = bare();
    let system = server.beside("gitconfig");
    let twice = "[hook \"clerk-audit\"]\ncommand = x\ncommand = y\nevent = pre-receive\nevent = update\n";
    let newer = git_of_version(&server.beside("newer"), "2.54.0");
    let run = |command: &str| {
        Audit::new(&["hook", command, "--system"])
            .variable("PATH", &newer)
            .variable("GIT_CONFIG_SYSTEM", &system)
            .variable("GIT_CONFIG_NOSYSTEM", "0")
            .run()
    };
    std::fs::write(&system, twice).unwrap();
    ends(&run("uninstall"), 0, &["--unset-all hook.clerk-audit.command"]);
    assert!(!std::fs::read_to_string(&system).unwrap().contains("command"));
    std::fs::write(&system, twice).unwrap();
    ends(&run("install"), 0, &["git config --system hook.clerk-audit.command"]);
    let text = std::fs::read_to_string(&system).unwrap();
    assert_eq!((text.matches("command =").count(), text.matches("event =").count()), (1, 1), "{text}");
}

#[test]
fn a_path_that_is_no_text_is_one_like_another() {
    use std::os::unix::ffi::OsStrExt;
    let server = bare();
    let odd = server.beside("odd").with_file_name(std::ffi::OsStr::from_bytes(b"h\xe9 x.git"));
    std::fs::rename(server.path(), &odd).unwrap();
    ends(&hook(&["install"], &odd), 0, &["write"]);
    assert!(odd.join("hooks/pre-receive").exists());
    ends(&hook(&["doctor"], &odd), 0, &["refuses a canary"]);
    ends(&hook(&["self-test"], &odd), 0, &["The gate works"]);
    // What is printed is to be typed.
    std::fs::remove_file(odd.join("hooks/pre-receive")).unwrap();
    let text = hook(&["install"], &odd).text();
    let told = text.lines().find_map(|line| line.strip_prefix("  clerk-audit history ")).unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", &format!("exec \"$0\" history {told}"), env!("CARGO_BIN_EXE_clerk-audit")]);
    let output = shell.env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{told}: {}", String::from_utf8_lossy(&output.stderr));
    ends(&hook(&["uninstall"], &odd), 0, &["remove"]);
    assert!(!odd.join("hooks/pre-receive").exists());
}

#[test]
fn what_no_hook_can_name_is_refused_before_anything_is_written() {
    use std::os::unix::ffi::OsStrExt;
    let server = bare();
    let odd = server.beside("odd").with_file_name(std::ffi::OsStr::from_bytes(b"b\xffn"));
    std::fs::create_dir(&odd).unwrap();
    let gate = odd.join("gate");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_clerk-audit"), &gate).unwrap();
    std::fs::write(odd.join("policy.toml"), "").unwrap();
    let system = server.beside("gitconfig");
    let older = git_of_version(&server.beside("older"), "2.53.9");
    for (name, path) in
        [("--directory", odd.join("hooks")), ("--binary", gate.clone()), ("--policy", odd.join("policy.toml"))]
    {
        let on_host = Audit::new(&["hook", "install", "--system", name])
            .and(&path)
            .variable("PATH", &older)
            .variable("GIT_CONFIG_SYSTEM", &system)
            .variable("GIT_CONFIG_NOSYSTEM", "0")
            .run();
        ends(&on_host, 3, &["b\\xFFn", "is no text"]);
        assert!(!system.exists() && !odd.join("hooks").exists(), "{}", on_host.text());
        if name != "--directory" {
            for layout in ["plain", "github"] {
                let one =
                    Audit::new(&["hook", "install", "--layout", layout, name]).and(&path).and(server.path()).run();
                ends(&one, 3, &["is no text"]);
            }
        }
    }
    assert!(!server.path().join("hooks/pre-receive").exists());
}

#[test]
fn uninstall_leaves_no_directory_that_is_taken_for_another_servers() {
    let server = bare();
    let custom = server.path().join("custom_hooks");
    ends(&hook(&["install", "--layout", "gitlab"], server.path()), 0, &["write"]);
    std::fs::write(custom.join("post-receive"), "").unwrap();
    let uninstalled = hook(&["uninstall", "--layout", "gitlab"], server.path());
    ends(&uninstalled, 0, &["custom_hooks/pre-receive.d\n"]);
    assert!(custom.exists() && !custom.join("pre-receive.d").exists(), "{}", uninstalled.text());
    std::fs::remove_file(custom.join("post-receive")).unwrap();
    ends(&hook(&["install", "--layout", "gitlab"], server.path()), 0, &["write"]);
    ends(&hook(&["uninstall", "--layout", "gitlab", "--dry-run"], server.path()), 0, &["would remove the empty"]);
    assert!(custom.join("pre-receive.d/clerk-audit").exists());
    ends(&hook(&["uninstall", "--layout", "gitlab"], server.path()), 0, &["remove the empty directory"]);
    assert!(!custom.exists());
    // As an earlier version left it.
    std::fs::create_dir_all(custom.join("pre-receive.d")).unwrap();
    ends(&hook(&["install"], server.path()), 0, &["hooks/pre-receive\n"]);
    ends(&hook(&["doctor"], server.path()), 0, &["(plain)"]);

    let folder = tempfile::tempdir().unwrap();
    let gitolite = |command: &str| hook(&[command, "--layout", "gitolite"], folder.path());
    ends(&gitolite("install"), 0, &["write"]);
    ends(&gitolite("uninstall"), 0, &["remove"]);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    script(&folder.path().join("hooks/common/pre-receive"), "#!/bin/sh\nexit 0\n");
    ends(&gitolite("install"), 0, &["rename"]);
    ends(&gitolite("uninstall"), 0, &["rename"]);
    assert!(folder.path().join("hooks/common/pre-receive").exists());
}

#[test]
fn a_binary_that_cannot_be_run_takes_the_place_of_none_that_can() {
    let server = bare();
    ends(&hook(&["install"], server.path()), 0, &["write"]);
    let path = server.path().join("hooks/pre-receive");
    let before = std::fs::read(&path).unwrap();
    let plain = server.beside("plain file");
    std::fs::write(&plain, "").unwrap();
    for binary in [plain.as_path(), Path::new("/nonexistent/gate"), server.path()] {
        let outcome = Audit::new(&["hook", "install", "--binary"]).and(binary).and(server.path()).run();
        ends(&outcome, 3, &["is not there or not executable", "--binary FILE"]);
        let system = Audit::new(&["hook", "install", "--system", "--dry-run", "--binary"]).and(binary).run();
        ends(&system, 3, &["is not there or not executable"]);
    }
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn installing_again_keeps_the_policy_until_another_is_named_or_the_gate_is_taken_out() {
    let server = bare();
    let (first, second) = (server.beside("first.toml"), server.beside("second.toml"));
    for policy in [&first, &second] {
        std::fs::write(policy, "mode = \"observe\"\n").unwrap();
    }
    let install = |policy: Option<&std::path::Path>| {
        let audit = Audit::new(&["hook", "install"]).and(server.path());
        policy.into_iter().fold(audit, |audit, policy| audit.and("--policy").and(policy)).run()
    };
    let text = || std::fs::read_to_string(server.path().join("hooks/pre-receive")).unwrap();
    ends(&install(Some(&first)), 0, &["write"]);
    let kept = format!("it keeps the policy {}", first.display());
    ends(&install(None), 0, &["installed already", &kept, "--policy FILE names another", "uninstall"]);
    assert!(text().contains("first.toml"), "{}", text());
    let outcome = install(Some(&second));
    ends(&outcome, 0, &["write"]);
    assert!(!outcome.text().contains("keeps the policy") && text().contains("second.toml"), "{}", text());
    ends(&hook(&["uninstall"], server.path()), 0, &["remove"]);
    ends(&install(None), 0, &["write"]);
    assert!(!text().contains("--policy"), "{}", text());
    // One that cannot be read would refuse every push.
    std::fs::write(&first, "mode = \"none\"\n").unwrap();
    for (policy, why) in [(first, "first.toml"), (server.beside("missing.toml"), "missing.toml")] {
        ends(&install(Some(&policy)), 3, &["the hook would refuse every push", why, "policy check"]);
        assert!(!text().contains("--policy"), "{}", text());
    }
}

#[test]
fn a_policy_that_a_shipped_script_names_by_a_variable_is_not_lost() {
    let server = bare();
    let path = server.path().join("hooks/pre-receive");
    let shipped =
        include_str!("../../hooks/pre-receive").replace("hook pre-receive", "hook pre-receive --policy \"$P\"");
    script(&path, &shipped);
    ends(&hook(&["install"], server.path()), 3, &["names its policy by a variable", "--policy FILE"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), shipped);
}
