//! Servers that no package brings: their environment and their way of calling hooks, as `docs/hooks.md` has them.

use serde_json::json;

use super::support::{MAIN, Server};
use crate::common::fixture::Repo;
use crate::common::secrets::live_key;

/// What is set for a hook, and whom the ledger then names: server, pusher, address.
struct Driver {
    script: &'static str,
    names: [serde_json::Value; 3],
}

fn drivers() -> Vec<Driver> {
    vec![
        // Gitaly: an environment of its own making, the git directory absolute, no GIT_QUARANTINE_PATH, alternates unquoted.
        Driver {
            script: "exec env -i PATH=\"$PATH\" GL_ID=user-7 GL_USERNAME=ada GL_PROTOCOL=web GL_REPOSITORY=project-1 \
                     GL_PROJECT_PATH=a/b GIT_DIR=\"$PWD\" GIT_OBJECT_DIRECTORY=\"$GIT_OBJECT_DIRECTORY\" \
                     GIT_ALTERNATE_OBJECT_DIRECTORIES=\"$GIT_ALTERNATE_OBJECT_DIRECTORIES\" \"$GATE\" hook pre-receive",
            names: [json!("gitlab"), json!("ada"), json!(null)],
        },
        // Gitea and Forgejo: a driver in bash that runs every executable of the directory, even after one has failed.
        Driver {
            script: "export GITEA_REPO_NAME=r GITEA_REPO_USER_NAME=o GITEA_PUSHER_NAME=ada GITEA_PUSHER_ID=7 GITEA_REPO_IS_WIKI=false\n\
                     data=$(cat)\nstatus=\nfor one in first second; do\n\
                     if [ $one = first ]; then printf '%s\\n' \"$data\" | cat >/dev/null; else printf '%s\\n' \"$data\" | \"$GATE\" hook pre-receive; fi\n\
                     status=\"$status $?\"\ndone\nfor one in $status; do [ $one = 0 ] || exit $one; done",
            names: [json!("gitea"), json!("ada"), json!(null)],
        },
        // GitHub: no git to be found, a quarantine by a name of its own, five seconds for everything.
        Driver {
            script: "exec env -i PATH=/nonexistent GITHUB_REPO_NAME=o/r GITHUB_USER_LOGIN=ada GITHUB_USER_IP=192.0.2.9 \
                     GITHUB_REPO_PUBLIC=false GIT_DIR=. GIT_OBJECT_DIRECTORY=\"$GIT_OBJECT_DIRECTORY\" \
                     GIT_QUARANTINE_PATH=\"$GIT_QUARANTINE_PATH\" \
                     GIT_ALTERNATE_OBJECT_DIRECTORIES=\"$GIT_ALTERNATE_OBJECT_DIRECTORIES\" \
                     GIT_PUSH_OPTION_COUNT=0 \"$GATE\" hook pre-receive",
            names: [json!("github"), json!("ada"), json!("192.0.2.9")],
        },
        Driver {
            script: "export SOFT_SERVE_REPO_NAME=r SOFT_SERVE_USERNAME=ada SSH_CONNECTION='192.0.2.3 1 192.0.2.1 2'\n\
                     exec \"$GATE\" hook pre-receive",
            names: [json!("soft-serve"), json!("ada"), json!("192.0.2.3")],
        },
        Driver {
            script: "export BB_HOOK_TRIGGER_ID=repo-push BB_HOOK_TYPE=PRE BB_REPO_SLUG=r BB_PROJECT_KEY=P BB_USER_NAME=ada\n\
                     exec \"$GATE\" hook pre-receive",
            names: [json!("bitbucket"), json!("ada"), json!(null)],
        },
    ]
}

#[test]
fn each_server_is_answered_in_its_way() {
    for (at, Driver { script, names }) in drivers().into_iter().enumerate() {
        for limit in ["1", "1000"] {
            let server = Server::new();
            server.config("receive.unpackLimit", limit);
            server.policy_with_ledger("");
            server.config("receive.denyDeleteCurrent", "ignore");
            server.hook(script);
            let mut client = Repo::bare();
            client.commit_on(MAIN, &[("a", Some("1"))], "first");
            server.push(&mut client, &[MAIN]).passes_silently();
            client.commit_on(MAIN, &[("b", Some("1"))], "second");
            server.push(&mut client, &[MAIN]).passes_silently();
            let key = live_key(200 + at as u64);
            client.commit_on(MAIN, &[("c", Some(&key))], "bad");
            let pushed = server.push(&mut client, &[MAIN]);
            pushed.is_refused_for(&key, &["c:1"]);
            assert_eq!(pushed.said.contains("\nGL-HOOK-ERR: "), names[0] == "gitlab", "{}", pushed.said);
            let line = server.ledger().pop().unwrap();
            assert_eq!([&line["server"], &line["pusher"], &line["remote_address"]], [&names[0], &names[1], &names[2]]);
            server.push(&mut client, &[":refs/heads/main"]).passes_silently();
        }
    }
}

#[test]
fn a_dry_run_of_bitbuckets_writes_nothing() {
    let text = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/hooks/bitbucket")).unwrap();
    assert!(text.contains("BB_IS_DRY_RUN"));
    let server = Server::new();
    server.policy_with_ledger("");
    server.hook(&format!("export BB_IS_DRY_RUN=true CLERK_AUDIT=\"$GATE\"\n{text}"));
    let mut client = Repo::bare();
    client.commit_on(MAIN, &[("a", Some("1"))], "first");
    server.push(&mut client, &[MAIN]).passes_silently();
    assert!(!server.ledger_path().exists());
}
