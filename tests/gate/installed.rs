//! Installing, checking, testing and removing the hook, and the thin scripts.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::{MAIN, Server, push, push_with};
use crate::common::fixture::Repo;
use crate::common::git;
use crate::common::run::{Audit, Outcome};
use crate::common::secrets::live_key;

/// A server without any hook.
pub(super) fn bare() -> Repo {
    let repo = Repo::bare();
    git::run(git::command(repo.path()), &["config", "receive.unpackLimit", "100"], b"");
    repo
}

pub(super) fn hook(arguments: &[&str], repository: &Path) -> Outcome {
    Audit::new(&["hook"]).and_all(arguments).and(repository).run()
}

#[track_caller]
pub(super) fn ends(outcome: &Outcome, code: i32, words: &[&str]) {
    let said = outcome.text() + &outcome.errors();
    assert_eq!(outcome.code, Some(code), "{said}");
    for word in words {
        assert!(said.contains(word), "{word:?} is not in: {said}");
    }
}

pub(super) fn bad_client(seed: u64) -> (String, Repo) {
    let key = live_key(seed);
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some(&key))], "bad");
    client.finish();
    (key, client)
}

pub(super) fn script(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn install_guards_and_uninstall_leaves_nothing() {
    let server = bare();
    let path = server.path().join("hooks/pre-receive");
    ends(&hook(&["install", "--dry-run"], server.path()), 0, &["would write"]);
    assert!(!path.exists());
    ends(&hook(&["install"], server.path()), 0, &["write", "only at new pushes", "clerk-audit history"]);
    let text = std::fs::read(&path).unwrap();
    ends(&hook(&["install"], server.path()), 0, &["installed already"]);
    assert_eq!(std::fs::read(&path).unwrap(), text);
    let (key, client) = bad_client(100);
    push(client.path(), server.path(), &[MAIN]).is_refused_for(&key, &["a:1"]);
    ends(&hook(&["doctor"], server.path()), 0, &["installed:", "refuses a canary", "policy: the defaults"]);
    ends(&hook(&["self-test"], server.path()), 0, &["The gate works"]);
    ends(&hook(&["uninstall"], server.path()), 0, &["remove"]);
    assert!(!path.exists());
    ends(&hook(&["uninstall"], server.path()), 0, &["not installed"]);
    push(client.path(), server.path(), &[MAIN]).passes();
}

#[test]
fn a_hook_that_is_there_is_kept_and_gets_the_same_bytes() {
    let server = bare();
    let path = server.path().join("hooks/pre-receive");
    let own = "#!/bin/sh\ncat >\"$GIT_DIR/seen\"\nexit $(cat \"$GIT_DIR/answer\")\n";
    script(&path, own);
    std::fs::write(server.path().join("answer"), "0").unwrap();
    ends(&hook(&["install"], server.path()), 0, &["rename"]);
    ends(&hook(&["install"], server.path()), 0, &["installed already"]);
    let mut client = Repo::bare();
    let tip = client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    client.finish();
    push(client.path(), server.path(), &[MAIN]).passes();
    let zero = "0".repeat(40);
    assert_eq!(std::fs::read_to_string(server.path().join("seen")).unwrap(), format!("{zero} {tip} {MAIN}\n"));
    std::fs::write(server.path().join("answer"), "3").unwrap();
    assert!(!push(client.path(), server.path(), &["refs/heads/main:refs/heads/x"]).accepted);
    std::fs::write(server.path().join("answer"), "0").unwrap();
    let (key, client) = bad_client(101);
    push(client.path(), server.path(), &["refs/heads/main:refs/heads/y"]).is_refused_for(&key, &["a:1"]);
    ends(&hook(&["uninstall"], server.path()), 0, &["rename"]);
    assert_eq!(std::fs::read_to_string(&path).unwrap(), own);
}

#[test]
fn a_kept_hook_gets_no_input_that_has_no_end() {
    let server = bare();
    let path = server.path().join("hooks/pre-receive");
    script(&path, "#!/bin/sh\ncat >\"$GIT_DIR/seen\"\n");
    ends(&hook(&["install"], server.path()), 0, &["rename"]);
    // One that observes says that all may pass, which is no leave for the other to go by half of the input.
    for mode in ["enforce", "observe"] {
        std::fs::write(server.path().join("clerk-audit.toml"), format!("mode = \"{mode}\"\n[limits]\nseconds = 0.4"))
            .unwrap();
        let mut child = Command::new(&path)
            .current_dir(server.path())
            .env("GIT_DIR", ".")
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let started = Instant::now();
        while child.try_wait().unwrap().is_none() {
            assert!(started.elapsed() < Duration::from_secs(20), "it waits for the end of its input");
            std::thread::sleep(Duration::from_millis(5));
        }
        let output = child.wait_with_output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(said.contains("standard input did not end"), "{said}");
        assert!(!server.path().join("seen").exists());
    }
}

#[test]
fn each_layout_has_its_place() {
    let gitea = bare();
    let driver = "#!/bin/sh\ndata=$(mktemp)\ncat >\"$data\"\nstatus=0\nfor hook in \"$0\".d/*; do\n\
                  [ -x \"$hook\" ] || continue\n\"$hook\" <\"$data\" || status=1\ndone\nrm -f \"$data\"\nexit $status\n";
    script(&gitea.path().join("hooks/pre-receive"), driver);
    script(&gitea.path().join("hooks/pre-receive.d/gitea"), "#!/bin/sh\ncat >/dev/null\n");
    ends(&hook(&["install"], gitea.path()), 0, &["hooks/pre-receive.d/clerk-audit"]);
    let (key, client) = bad_client(102);
    push(client.path(), gitea.path(), &[MAIN]).is_refused_for(&key, &["a:1"]);
    assert_eq!(std::fs::read_to_string(gitea.path().join("hooks/pre-receive")).unwrap(), driver);
    ends(&hook(&["doctor"], gitea.path()), 0, &["hook-directory"]);
    ends(&hook(&["self-test"], gitea.path()), 2, &["does not go through", "give the URL"]);
    ends(&hook(&["uninstall"], gitea.path()), 0, &["remove"]);

    let gitlab = bare();
    ends(&hook(&["install", "--layout", "gitlab"], gitlab.path()), 0, &["custom_hooks/pre-receive.d/clerk-audit"]);
    // git runs no such hook: that there is one shows nothing.
    ends(&hook(&["doctor"], gitlab.path()), 3, &["gitlab", "refuses a canary", "its custom_hooks", "self-test URL"]);
    ends(&hook(&["self-test"], gitlab.path()), 2, &["give the URL"]);

    let folder = tempfile::tempdir().unwrap();
    ends(
        &hook(&["install", "--layout", "gitolite"], folder.path()),
        0,
        &["hooks/common/pre-receive", "setup --hooks-only"],
    );
    ends(&hook(&["install", "--layout", "github"], folder.path()), 0, &["site's administration"]);
    ends(&hook(&["install"], folder.path()), 3, &["not a git repository"]);
}

#[test]
fn a_path_that_goes_round_its_server_is_told_however_it_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let made = |path: &str| {
        let path = folder.path().join(path);
        std::fs::create_dir_all(&path).unwrap();
        git::run(git::command(&path), &["init", "--quiet", "--bare", "--template="], b"");
        path
    };
    let gitea = made("gitea/ada/app.git");
    // One whose own hooks are to be written again yet: only the directories are there.
    for name in ["pre-receive.d", "update.d", "post-receive.d"] {
        std::fs::create_dir_all(gitea.join("hooks").join(name)).unwrap();
    }
    // One without a hook of its own and whose configuration says nothing: only its place tells.
    let gitlab = made("git-data/repositories/@hashed/6b/86/6b86.git");
    let github = made("repositories/a/ab/a1/b2/34/100001234/1234.git");
    std::fs::create_dir_all(github.join("info")).unwrap();
    std::fs::write(github.join("info/nwo"), "octo-org/hello\n").unwrap();
    for path in [&gitea, &gitlab, &github] {
        let text = path.display().to_string();
        for written in [text.clone(), format!("file://{text}"), text.strip_suffix(".git").unwrap().to_owned()] {
            let outcome = Audit::new(&["hook", "self-test"]).and(&written).run();
            ends(&outcome, 2, &["does not go through", "give the URL"]);
        }
        assert!(git::run(git::command(path), &["count-objects"], b"").starts_with(b"0 objects"), "it was pushed to");
    }
    // GitHub runs no hook that stands in a repository: to install one there would guard nothing.
    for command in ["install", "uninstall", "doctor"] {
        ends(&hook(&[command], &github), 3, &["runs no hooks of a repository's own", "--layout github"]);
    }
    ends(&hook(&["install"], &gitlab), 0, &["custom_hooks/pre-receive.d/clerk-audit"]);
    // A repository that no server runs is pushed to over its path.
    let plain = made("plain.git");
    ends(&hook(&["install"], &plain), 0, &["write"]);
    let written = format!("file://{}", plain.display());
    ends(&Audit::new(&["hook", "self-test"]).and(&written).run(), 0, &["The gate works"]);
}

#[test]
fn a_gate_that_is_not_there_or_is_ended_from_outside_refuses_with_a_reason() {
    let server = bare();
    let path = server.path().join("hooks/pre-receive");
    let gate = server.beside("gate");
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "fine");
    client.finish();
    for keeps in [false, true] {
        if keeps {
            std::fs::remove_file(&path).unwrap();
            script(&path, "#!/bin/sh\ntouch \"$GIT_DIR/asked\"\n");
        }
        script(&gate, "#!/bin/sh\n");
        let outcome = Audit::new(&["hook", "install", "--binary"]).and(&gate).and(server.path()).run();
        ends(&outcome, 0, &["write"]);
        for (text, words) in [
            (Some("#!/bin/sh\nkill -9 $$\n"), "ended before it could say why (status 137)"),
            (Some("#!/bin/sh\nkill -ABRT $$\n"), "ended before it could say why (status 134)"),
            (Some("#!/bin/sh\nexit 101\n"), "ended before it could say why (status 101)"),
            (None, "ended before it could say why (status 127)"),
        ] {
            match text {
                Some(text) => script(&gate, text),
                None => std::fs::remove_file(&gate).unwrap(),
            }
            push(client.path(), server.path(), &[MAIN]).is_refused(&[words]);
            assert!(!server.path().join("asked").exists());
        }
        script(&gate, "#!/bin/sh\necho no >&2\nexit 1\n");
        let pushed = push(client.path(), server.path(), &[MAIN]);
        assert!(!pushed.accepted && pushed.said.trim() == "no", "{}", pushed.all);
    }
}

#[test]
fn a_whole_host_is_guarded_and_repositories_keep_their_hooks() {
    let server = bare();
    script(&server.path().join("hooks/pre-receive"), "#!/bin/sh\ncat >\"$GIT_DIR/seen\"\n");
    script(&server.path().join("hooks/post-receive"), "#!/bin/sh\ntouch \"$GIT_DIR/after\"\n");
    let system = server.beside("gitconfig");
    let hooks = server.beside("host hooks");
    let older = git_of_version(&server.beside("older"), "2.53.9");
    let run = |arguments: &[&str]| {
        Audit::new(arguments)
            .variable("PATH", &older)
            .and("--system")
            .and("--directory")
            .and(&hooks)
            .variable("GIT_CONFIG_SYSTEM", &system)
            .variable("GIT_CONFIG_NOSYSTEM", "0")
            .run()
    };
    ends(&run(&["hook", "install"]), 0, &["git config --system"]);
    ends(&run(&["hook", "install"]), 0, &["installed for the whole host already"]);
    // Hooks are run for a repository that is not there yet: nothing is said of that, and its own are.
    let template = server.beside("template");
    script(&template.join("hooks/reference-transaction"), "#!/bin/sh\ntouch \"$GIT_DIR/own\"\n");
    let mut init = git::command(server.path());
    init.env("GIT_CONFIG_SYSTEM", &system).env("GIT_CONFIG_NOSYSTEM", "0").args(["init", "--quiet", "--template"]);
    init.arg(&template).arg(server.beside("another"));
    let answer = git::answer(init, b"");
    assert!(answer.success && answer.stderr.is_empty(), "{}", answer.stderr);
    assert!(server.beside("another").join(".git/own").exists());
    let pushed = |client: &Repo, refspec: &str| {
        let mut command = git::command(client.path());
        command.env("GIT_CONFIG_SYSTEM", &system).env("GIT_CONFIG_NOSYSTEM", "0");
        command.arg("push").arg(server.path()).arg(refspec);
        git::answer(command, b"")
    };
    let (key, client) = bad_client(103);
    let answer = pushed(&client, MAIN);
    assert!(!answer.success && answer.stderr.contains("clerk-audit refuses"), "{}", answer.stderr);
    assert!(!answer.stderr.contains(&key));
    let mut fine = Repo::bare();
    fine.commit_on(MAIN, &[("a", Some("1"))], "fine");
    fine.finish();
    let answer = pushed(&fine, MAIN);
    assert!(answer.success, "{}", answer.stderr);
    assert!(server.path().join("seen").exists() && server.path().join("after").exists());
    ends(&run(&["hook", "uninstall"]), 0, &["--unset", "remove"]);
    assert!(!hooks.join("pre-receive").exists());
    assert!(pushed(&client, "refs/heads/main:refs/heads/x").success);
}

/// A folder with a git that says it is this version, and is the one that is here in all else.
pub(super) fn git_of_version(folder: &Path, version: &str) -> String {
    let path = std::env::var("PATH").unwrap();
    script(
        &folder.join("git"),
        &format!(
            "#!/bin/sh\n[ \"$1\" = version ] && echo 'git version {version}' && exit\nPATH='{path}' exec git \"$@\"\n"
        ),
    );
    format!("{}:{path}", folder.display())
}

#[test]
fn a_git_that_knows_configured_hooks_is_given_one_and_the_doctor_knows_when_it_does_not_run() {
    let server = bare();
    let system = server.beside("gitconfig");
    let policy = server.beside("it's policy.toml");
    std::fs::write(&policy, "").unwrap();
    let newer = git_of_version(&server.beside("newer"), "2.54.0.rc1");
    let older = git_of_version(&server.beside("older"), "2.53.9");
    let run = |path: &str, arguments: &[&str]| {
        Audit::new(arguments)
            .variable("PATH", path)
            .variable("GIT_CONFIG_SYSTEM", &system)
            .variable("GIT_CONFIG_NOSYSTEM", "0")
            .run()
    };
    let gate = server.beside("it's the gate");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_clerk-audit"), &gate).unwrap();
    let (policy, binary) = (policy.to_str().unwrap(), gate.to_str().unwrap());
    let install = ["hook", "install", "--system", "--policy", policy, "--binary", binary];
    ends(&run(&newer, &install), 0, &["git config --system hook.clerk-audit.command"]);
    ends(&run(&newer, &install), 0, &["installed for the whole host already"]);
    let value = |name: &str| {
        let file = system.to_str().unwrap();
        let answer = git::run(git::command(server.path()), &["config", "--file", file, "--get-all", name], b"");
        String::from_utf8(answer).unwrap()
    };
    assert_eq!(value("hook.clerk-audit.event"), "pre-receive\n");
    // What git does with the command: hands it to a shell. A git before 2.54 has a hook of its own do that here.
    let command = value("hook.clerk-audit.command");
    if !knows_configured_hooks() {
        script(
            &server.path().join("hooks/pre-receive"),
            &format!("#!/bin/sh\nexec sh -c {}\n", quoted(command.trim_end())),
        );
    }
    let (key, client) = bad_client(105);
    let pushed = || push_with(client.path(), server.path(), &[MAIN], &[("GIT_CONFIG_SYSTEM", &system)]);
    pushed().is_refused_for(&key, &["a:1"]);
    for (text, status) in [("kill -9 $$", 137), ("kill -ABRT $$", 134), ("exit 101", 101)] {
        std::fs::remove_file(&gate).unwrap();
        script(&gate, &format!("#!/bin/sh\n{text}\n"));
        pushed().is_refused(&[&format!("ended before it could say why (status {status})")]);
    }
    std::fs::remove_file(&gate).unwrap();
    pushed().is_refused(&["ended before it could say why (status 127)"]);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_clerk-audit"), &gate).unwrap();
    let mut fine = Repo::bare();
    fine.commit_on("refs/heads/fine", &[("a", Some("1"))], "fine");
    fine.finish();
    let pushed = push_with(fine.path(), server.path(), &["refs/heads/fine"], &[("GIT_CONFIG_SYSTEM", &system)]);
    pushed.passes_silently();
    _ = std::fs::remove_file(server.path().join("hooks/pre-receive"));
    let doctor = ["hook", "doctor", server.path().to_str().unwrap()];
    ends(&run(&newer, &doctor), 0, &["installed: by git's configuration", "refuses a canary"]);
    ends(&run(&older, &doctor), 1, &["older than 2.54", "accepts everything"]);
    for (name, value, words) in [
        ("hook.clerk-audit.enabled", "no", "hook.clerk-audit.enabled is false"),
        ("hook.pre-receive.enabled", "false", "hook.pre-receive.enabled is false"),
        ("hook.clerk-audit.event", "", "is not pre-receive"),
        ("hook.clerk-audit.command", "true", "does not refuse a canary"),
    ] {
        git::run(git::command(server.path()), &["config", name, value], b"");
        ends(&run(&newer, &doctor), 1, &[words]);
        git::run(git::command(server.path()), &["config", "--unset", name], b"");
    }
    ends(&run(&newer, &["hook", "uninstall", "--system"]), 0, &["--unset-all hook.clerk-audit.command"]);
    ends(&run(&newer, &doctor), 1, &["not installed"]);
}

/// Whether the git that is here runs hooks of its configuration.
fn knows_configured_hooks() -> bool {
    let text = String::from_utf8(git::run(git::command(Path::new("/")), &["version"], b"")).unwrap();
    let mut numbers = text.split_whitespace().nth(2).unwrap().split('.').map(|number| number.parse::<u32>().unwrap());
    (numbers.next().unwrap(), numbers.next().unwrap()) >= (2, 54)
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[test]
fn the_doctor_finds_what_makes_git_pass_over_a_hook() {
    let server = bare();
    let path = server.path().join("hooks/pre-receive");
    ends(&hook(&["doctor"], server.path()), 1, &["not installed"]);
    hook(&["install"], server.path());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    ends(&hook(&["doctor"], server.path()), 1, &["not executable"]);
    std::fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/nonexistent/gate", &path).unwrap();
    ends(&hook(&["doctor"], server.path()), 1, &["link that leads nowhere"]);
    std::fs::remove_file(&path).unwrap();
    script(&path, "#!/bin/sh\n# clerk-audit used to be here\ncat >/dev/null\n");
    ends(&hook(&["doctor"], server.path()), 1, &["does not refuse a canary"]);
    script(&path, "#!/nonexistent/sh\n# clerk-audit gate\n");
    ends(&hook(&["doctor"], server.path()), 1, &["/nonexistent/sh, which is not there"]);
    std::fs::remove_file(&path).unwrap();
    hook(&["install"], server.path());
    std::fs::write(server.path().join("clerk-audit.toml"), "nonsense = 1").unwrap();
    ends(&hook(&["doctor"], server.path()), 1, &["is not valid", "every push is refused"]);
    std::fs::write(server.path().join("clerk-audit.toml"), "ledger = \"/nonexistent/x/l\"").unwrap();
    ends(&hook(&["doctor"], server.path()), 1, &["the ledger /nonexistent/x/l cannot be written"]);
    std::fs::write(server.path().join("clerk-audit.toml"), "mode = \"observe\"").unwrap();
    ends(&hook(&["doctor"], server.path()), 1, &["only observes"]);
    std::fs::remove_file(&path).unwrap();
    script(&server.path().join("hooks/update"), "#!/bin/sh\nexec clerk-audit hook update \"$@\"\n");
    ends(&hook(&["doctor"], server.path()), 1, &["stored already", "must be rotated", "git gc --prune=now"]);
}

#[test]
fn the_doctor_without_git_looks_at_what_it_can_and_names_the_rest() {
    let without_git = |arguments: &[&str], path: &Path| {
        Audit::new(&["hook"]).and_all(arguments).and(path).variable("PATH", "/nonexistent").run()
    };
    let not_looked_at = ["git cannot be run here", "core.hooksPath", "was not looked at"];
    for server in [bare(), Repo::bare_sha256()] {
        ends(&without_git(&["doctor"], server.path()), 1, &["not installed"]);
        ends(&without_git(&["install"], server.path()), 3, &["git cannot be run"]);
        ends(&hook(&["install"], server.path()), 0, &["write"]);
        let outcome = without_git(&["doctor"], server.path());
        ends(&outcome, 3, &["installed:", "refuses a canary", "policy: the defaults", "ledger: none"]);
        ends(&outcome, 3, &not_looked_at);
        std::fs::write(server.path().join("clerk-audit.toml"), "mode = \"observe\"").unwrap();
        ends(&without_git(&["doctor"], server.path()), 1, &["only observes", not_looked_at[0]]);
    }
    // GitHub runs the file that it was told of, whatever git's configuration says, and there need be no repository.
    let folder = tempfile::tempdir().unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_clerk-audit"), folder.path().join("clerk-audit")).unwrap();
    ends(&without_git(&["install", "--layout", "github"], folder.path()), 0, &["write"]);
    ends(&without_git(&["doctor", "--layout", "github"], folder.path()), 0, &["refuses a canary", "github"]);
    let outcome = Audit::new(&["hook", "doctor", "--layout", "github"])
        .and(folder.path())
        .variable("PATH", "/nonexistent")
        .variable("TMPDIR", "/nonexistent")
        .run();
    ends(&outcome, 3, &["whether it refuses a canary was not looked at", "TMPDIR"]);
    ends(&without_git(&["doctor"], folder.path()), 3, &["not a git repository"]);
}

#[test]
fn a_self_test_that_is_accepted_says_what_remains_and_cleans_up() {
    let server = bare();
    let outcome = hook(&["self-test"], server.path());
    ends(&outcome, 1, &["the gate does not work", "is deleted again", "remain on the server"]);
    let text = outcome.text();
    let objects: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    assert_eq!(objects.len(), 3, "{text}");
    for object in objects {
        git::run(git::command(server.path()), &["cat-file", "-e", object], b"");
    }
    assert_eq!(git::run(git::command(server.path()), &["for-each-ref"], b""), b"");
    script(&server.path().join("hooks/pre-receive"), "#!/bin/sh\necho no >&2\nexit 1\n");
    ends(&hook(&["self-test"], server.path()), 3, &["not by the gate"]);
    let observing = Server::new();
    observing.policy_with_ledger("mode = \"observe\"");
    ends(&hook(&["self-test"], observing.path()), 1, &["it only observes"]);
    assert_eq!(observing.ledger()[0]["canary"], true);
}

#[test]
fn every_thin_script_calls_the_gate() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("hooks");
    let (key, client) = bad_client(104);
    for name in ["pre-receive", "gitolite", "gitea", "gitlab", "github", "bitbucket", "update"] {
        let server = bare();
        let hook = if name == "update" { "update" } else { "pre-receive" };
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        script(&server.path().join("hooks").join(hook), &text);
        let mut command = git::command(client.path());
        command.env("CLERK_AUDIT", env!("CARGO_BIN_EXE_clerk-audit")).arg("push").arg(server.path()).arg(MAIN);
        let answer = git::answer(command, b"");
        assert!(!answer.success && answer.stderr.contains("clerk-audit refuses"), "{name}: {}", answer.stderr);
        assert!(!answer.stderr.contains(&key));
    }
    let mode = std::fs::metadata(folder.join("gerrit")).unwrap().permissions().mode();
    assert_eq!(mode & 0o111, 0o111);
}
