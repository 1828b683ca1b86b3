//! Hooks that git could not reach: it passes over them and accepts the push.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::installed::{bad_client, bare, ends, git_of_version, hook, script};
use super::support::{MAIN, push, push_with};
use crate::common::fixture::Repo;
use crate::common::git;
use crate::common::run::Audit;

/// A user who owns nothing here.
const NOBODY: u32 = 65534;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Runs the binary under a umask by which nobody else may do anything.
fn narrowly(arguments: &[&str], path: &Path, variables: &[(&str, &Path)]) {
    let mut shell = Command::new("sh");
    shell.args(["-c", "umask 077 && exec \"$@\"", "sh", env!("CARGO_BIN_EXE_clerk-audit"), "hook"]).args(arguments);
    shell.arg(path).current_dir("/").env("GIT_CONFIG_NOSYSTEM", "1").env("GIT_CONFIG_GLOBAL", "/dev/null");
    for (name, value) in variables {
        shell.env(name, value);
    }
    let output = shell.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn what_install_makes_can_be_entered_whatever_the_umask() {
    let server = bare();
    let hooks = server.path().join("hooks");
    _ = std::fs::remove_dir_all(&hooks);
    narrowly(&["install"], server.path(), &[]);
    assert_eq!((mode(&hooks), mode(&hooks.join("pre-receive"))), (0o755, 0o755));

    // What is there is the owner's business; what is made keeps handing on the group of a shared repository.
    let custom = server.path().join("custom_hooks");
    std::fs::create_dir(&custom).unwrap();
    set_mode(&custom, 0o2750);
    narrowly(&["install", "--layout", "gitlab"], server.path(), &[]);
    assert_eq!((mode(&custom), mode(&custom.join("pre-receive.d"))), (0o2750, 0o2755));

    let folder = tempfile::tempdir().unwrap();
    let (system, directory) = (folder.path().join("gitconfig"), folder.path().join("etc/clerk-audit/hooks"));
    let older = PathBuf::from(git_of_version(&folder.path().join("older"), "2.53.9"));
    let variables =
        [("GIT_CONFIG_SYSTEM", system.as_path()), ("GIT_CONFIG_NOSYSTEM", Path::new("0")), ("PATH", older.as_path())];
    narrowly(&["install", "--system", "--directory"], &directory, &variables);
    for path in [directory.as_path(), directory.parent().unwrap(), directory.parent().unwrap().parent().unwrap()] {
        assert_eq!(mode(path), 0o755, "{}", path.display());
    }
    // git ends where there is a configuration that it may not read.
    assert_eq!(mode(&system), 0o644);
}

#[test]
fn the_doctor_sees_what_keeps_the_repositorys_owner_from_the_hook() {
    let config = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(config.path(), "[safe]\ndirectory = *\n").unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    for (layout, place) in [
        ("plain", "hooks"),
        ("hook-directory", "hooks/pre-receive.d"),
        ("gitlab", "custom_hooks/pre-receive.d"),
        ("plain", "by core.hooksPath"),
    ] {
        let server = bare();
        let directory = if place.starts_with("by") {
            git::run(
                git::command(server.path()),
                &["config", "core.hooksPath", elsewhere.path().to_str().unwrap()],
                b"",
            );
            elsewhere.path().to_owned()
        } else {
            server.path().join(place)
        };
        if layout == "hook-directory" {
            script(&server.path().join("hooks/pre-receive"), "#!/bin/sh\nexec \"$0\".d/clerk-audit\n");
        }
        // The binary may stand where only this user comes to.
        let gate = server.beside("gate");
        script(&gate, &format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_clerk-audit")));
        let install = Audit::new(&["hook", "install", "--layout", layout, "--binary"]).and(&gate).and(server.path());
        ends(&install.run(), 0, &["write"]);
        for path in [server.path().parent().unwrap(), elsewhere.path()] {
            set_mode(path, 0o755);
        }
        let doctor = || {
            let run = Audit::new(&["hook", "doctor", "--layout", layout]).and(server.path());
            run.variable("GIT_CONFIG_GLOBAL", config.path()).run()
        };
        // Root reaches everything, and is asked on behalf of another. Others can only be kept from what is their own.
        if chown(server.path(), Some(NOBODY), Some(NOBODY)).is_ok() {
            // Whether GitLab runs its own nobody can see here.
            let sound = if layout == "gitlab" { 3 } else { 0 };
            ends(&doctor(), sound, &["refuses a canary"]);
            set_mode(&directory, 0o700);
            ends(&doctor(), 1, &[&format!("{} cannot be entered by", directory.display()), "accepts everything"]);
            set_mode(&directory, 0o755);
            let file = std::fs::read_dir(&directory).unwrap().next().unwrap().unwrap().path();
            set_mode(&file, 0o700);
            ends(&doctor(), 1, &[&format!("{} cannot be executed by", file.display()), "accepts everything"]);
            set_mode(&file, 0o755);
            set_mode(&gate, 0o700);
            ends(&doctor(), 1, &["gate cannot be executed by", "every push of theirs is refused"]);
        } else {
            set_mode(&directory, 0o600);
            ends(&doctor(), 1, &["cannot be reached by this user", "accepts everything"]);
            set_mode(&directory, 0o755);
        }
    }
}

#[test]
fn a_relative_path_of_hooks_begins_where_receive_pack_runs_them() {
    let guarded = [bare(), Repo::with_work_tree()];
    for (at, server) in guarded.iter().enumerate() {
        let configure = |name: &str, value: &str| {
            git::run(git::command(server.path()), &["config", name, value], b"");
        };
        configure("core.hooksPath", "own/hooks");
        configure("receive.denyCurrentBranch", "ignore");
        ends(&hook(&["install"], server.path()), 0, &["own/hooks/pre-receive"]);
        ends(&hook(&["doctor"], server.path()), 0, &["refuses a canary"]);
        let (key, client) = bad_client(310 + at as u64);
        push(client.path(), server.path(), &[MAIN]).is_refused_for(&key, &["a:1"]);
        ends(&hook(&["self-test"], server.path()), 0, &["The gate works"]);
        ends(&hook(&["uninstall"], server.path()), 0, &["remove"]);
        push(client.path(), server.path(), &[MAIN]).passes();
    }
}

#[test]
fn a_worktree_that_other_hooks_are_run_for_is_told() {
    let own = |server: &Repo| {
        let git = |directory: &Path, arguments: &[&str]| git::run(git::command(directory), arguments, b"");
        git(server.path(), &["config", "extensions.worktreeConfig", "true"]);
        git(
            &server.beside("linked"),
            &["config", "--worktree", "core.hooksPath", server.beside("own").to_str().unwrap()],
        );
    };
    let relative = |server: &Repo| {
        git::run(git::command(server.path()), &["config", "core.hooksPath", "own/hooks"], b"");
    };
    for (at, set) in [&own as &dyn Fn(&Repo), &relative].into_iter().enumerate() {
        let server = Repo::with_work_tree();
        let linked = server.beside("linked");
        let git = |arguments: &[&str]| git::run(git::command(server.path()), arguments, b"");
        git(&["commit", "--quiet", "--allow-empty", "--message", "first"]);
        git(&["worktree", "add", "--quiet", linked.to_str().unwrap()]);
        // git finds the same hooks from there by itself.
        ends(&hook(&["install"], server.path()), 0, &["write"]);
        ends(&hook(&["doctor"], server.path()), 0, &["refuses a canary"]);
        ends(&hook(&["uninstall"], server.path()), 0, &["remove"]);
        set(&server);
        let told = format!("{} is a worktree of this repository, and a push to its path looks for", linked.display());
        let outcome = hook(&["install"], server.path());
        ends(&outcome, 0, &["write", &told, &format!("clerk-audit hook install {}", linked.display())]);
        ends(&hook(&["doctor"], server.path()), 1, &["refuses a canary", &format!("bad   {told}")]);
        ends(&hook(&["doctor"], &linked), 1, &["not installed"]);
        let (key, client) = bad_client(340 + at as u64);
        push(client.path(), &linked, &["refs/heads/main:refs/heads/bad"]).passes();
        git(&["update-ref", "-d", "refs/heads/bad"]);
        ends(&hook(&["install"], &linked), 0, &["write"]);
        push(client.path(), &linked, &["refs/heads/main:refs/heads/bad"]).is_refused_for(&key, &["a:1"]);
        push(client.path(), server.path(), &["refs/heads/main:refs/heads/bad"]).is_refused_for(&key, &["a:1"]);
        for path in [server.path(), &linked] {
            let outcome = hook(&["doctor"], path);
            ends(&outcome, 0, &["refuses a canary"]);
            assert!(!outcome.text().contains("is a worktree"), "{}", outcome.text());
        }
    }
}

#[test]
fn a_relative_directory_for_the_whole_host_is_where_the_command_was_called() {
    let server = bare();
    let system = server.beside("gitconfig");
    let older = git_of_version(&server.beside("older"), "2.53.9");
    let outcome = Audit::new(&["hook", "install", "--system", "--directory", "host/hooks"])
        .from(server.path().parent().unwrap())
        .variable("PATH", older)
        .variable("GIT_CONFIG_SYSTEM", &system)
        .variable("GIT_CONFIG_NOSYSTEM", "0")
        .run();
    ends(&outcome, 0, &["git config --system core.hooksPath /"]);
    let (key, client) = bad_client(312);
    let pushed = push_with(client.path(), server.path(), &[MAIN], &[("GIT_CONFIG_SYSTEM", &system)]);
    pushed.is_refused_for(&key, &["a:1"]);
}

#[test]
fn a_path_of_hooks_that_says_nothing_leads_past_every_hook_of_the_repository() {
    let server = bare();
    ends(&hook(&["install"], server.path()), 0, &["write"]);
    let (key, client) = bad_client(313);
    let unset = "git config --unset core.hooksPath";
    for value in ["", "/"] {
        git::run(git::command(server.path()), &["config", "core.hooksPath", value], b"");
        // (Nobody has a hook at the root of the files here.)
        push(client.path(), server.path(), &["--force", "refs/heads/main:refs/heads/past"]).passes();
        git::run(git::command(server.path()), &["update-ref", "-d", "refs/heads/past"], b"");
        let outcome = hook(&["doctor"], server.path());
        ends(&outcome, 1, &["bad ", "git looks for /pre-receive", unset]);
        assert!(!outcome.text().contains("installed: "), "{}", outcome.text());
        ends(&hook(&["install"], server.path()), 3, &["git looks for /pre-receive", unset]);
    }
    git::run(git::command(server.path()), &["config", "--unset", "core.hooksPath"], b"");
    ends(&hook(&["doctor"], server.path()), 0, &["refuses a canary"]);
    push(client.path(), server.path(), &[MAIN]).is_refused_for(&key, &["a:1"]);
}
