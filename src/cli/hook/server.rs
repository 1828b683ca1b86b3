//! Which server called, and how it names the pusher: `docs/hooks.md` has the table.

use std::ffi::OsString;

use crate::state::Limits;

/// The kinds of server that tell themselves by their environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Server {
    /// git by itself, over whatever carries it.
    Plain,
    Gitolite,
    /// Gitea and Forgejo.
    Gitea,
    GitLab,
    /// GitHub Enterprise Server.
    GitHub,
    Bitbucket,
    SoftServe,
    Gerrit,
}

/// What the environment says of the push.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) server: Server,
    pub(super) pusher: Option<OsString>,
    pub(super) remote_address: Option<OsString>,
}

impl Server {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Plain => "git",
            Self::Gitolite => "gitolite",
            Self::Gitea => "gitea",
            Self::GitLab => "gitlab",
            Self::GitHub => "github",
            Self::Bitbucket => "bitbucket",
            Self::SoftServe => "soft-serve",
            Self::Gerrit => "gerrit",
        }
    }

    /// Whether git's own receive-pack calls the hooks, so that its variables say what it did.
    pub(super) fn is_gits_own(self) -> bool {
        matches!(self, Self::Plain | Self::Gitolite | Self::Gitea | Self::SoftServe)
    }

    /// The time budget where the policy has none: GitHub ends all hooks together after five seconds, Gerrit each after
    /// thirty.
    pub(super) fn seconds(self) -> f64 {
        match self {
            Self::GitHub => 4.0,
            Self::Gerrit => 25.0,
            _ => Limits::SECONDS,
        }
    }
}

/// The variables that name the pusher, the first that is set; and whether their presence tells the server.
const SERVERS: &[(Server, &[&str], &[&str])] = &[
    (Server::GitHub, &["GITHUB_REPO_NAME", "GITHUB_USER_LOGIN", "GITHUB_VIA"], &["GITHUB_USER_LOGIN"]),
    (Server::GitLab, &["GL_REPOSITORY", "GL_PROJECT_PATH", "GL_ID"], &["GL_USERNAME", "GL_ID"]),
    (Server::Gitea, &["GITEA_REPO_NAME"], &["GITEA_PUSHER_NAME"]),
    (Server::Gitolite, &["GL_REPO"], &["GL_USER"]),
    (Server::SoftServe, &["SOFT_SERVE_REPO_NAME"], &["SOFT_SERVE_USERNAME"]),
    (Server::Bitbucket, &["BB_HOOK_TRIGGER_ID", "BB_REPO_SLUG"], &["BB_USER_NAME"]),
];

impl Caller {
    /// Reads it by `variable`.
    pub(super) fn from_environment(variable: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let first = |names: &[&str]| names.iter().find_map(|name| set(name));
        let found = SERVERS.iter().find(|(_, marks, _)| marks.iter().any(|mark| set(mark).is_some()));
        let server = found.map_or(Server::Plain, |found| found.0);
        let pusher = found.and_then(|found| first(found.2));
        // Over HTTP it is who logged in; over ssh and paths the account that git runs as.
        let pusher = pusher.or_else(|| first(&["REMOTE_USER", "LOGNAME", "USER"]));
        Self { server, pusher, remote_address: remote_address(server, &first) }
    }
}

/// From where the push comes. What serves it may have been started by ssh, and hands on the address of whoever did that: so
/// what a web server or `git daemon` says comes first, and where only the server itself could know nothing is said.
fn remote_address(server: Server, first: &dyn Fn(&[&str]) -> Option<OsString>) -> Option<OsString> {
    match server {
        Server::GitHub => first(&["GITHUB_USER_IP"]),
        Server::Gitea | Server::GitLab | Server::Bitbucket | Server::Gerrit => None,
        Server::Plain | Server::Gitolite | Server::SoftServe => {
            let told = first(&["REMOTE_ADDR", "REMOTE_HOST"]);
            if told.is_some() || first(&["GATEWAY_INTERFACE"]).is_some() {
                return told;
            }
            Some(first(&["SSH_CONNECTION", "SSH_CLIENT"])?.to_str()?.split(' ').next()?.into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(variables: &[(&str, &str)]) -> (Server, Option<String>, Option<String>) {
        let variable = |name: &str| variables.iter().find(|row| row.0 == name).map(|row| OsString::from(row.1));
        let Caller { server, pusher, remote_address } = Caller::from_environment(&variable);
        let text = |value: Option<OsString>| value.map(|value| value.into_string().unwrap());
        (server, text(pusher), text(remote_address))
    }

    #[test]
    fn each_server_names_the_pusher_in_its_way() {
        let some = |text: &str| Some(text.to_owned());
        let ssh = ("SSH_CONNECTION", "192.0.2.7 50000 192.0.2.1 22");
        assert_eq!(caller(&[("USER", "git"), ssh]), (Server::Plain, some("git"), some("192.0.2.7")));
        assert_eq!(
            caller(&[("REMOTE_USER", "ada"), ("REMOTE_ADDR", "192.0.2.8"), ("USER", "www-data")]),
            (Server::Plain, some("ada"), some("192.0.2.8"))
        );
        assert_eq!(
            caller(&[("GL_USER", "ada"), ("GL_REPO", "r"), ("USER", "git"), ssh]),
            (Server::Gitolite, some("ada"), some("192.0.2.7"))
        );
        assert_eq!(
            caller(&[("GL_ID", "key-1"), ("GL_USERNAME", "ada"), ("GL_REPOSITORY", "project-1")]),
            (Server::GitLab, some("ada"), None)
        );
        assert_eq!(caller(&[("GL_ID", "key-1"), ("USER", "git")]), (Server::GitLab, some("key-1"), None));
        assert_eq!(
            caller(&[("GITEA_REPO_NAME", "r"), ("GITEA_PUSHER_NAME", "ada")]),
            (Server::Gitea, some("ada"), None)
        );
        assert_eq!(
            caller(&[("GITHUB_REPO_NAME", "r"), ("GITHUB_USER_LOGIN", "ada"), ("GITHUB_USER_IP", "192.0.2.9")]),
            (Server::GitHub, some("ada"), some("192.0.2.9"))
        );
        assert_eq!(caller(&[]), (Server::Plain, None, None));
        // Who started the server by ssh is not who pushes.
        let (git_daemon, web) = (("REMOTE_ADDR", "192.0.2.8"), ("GATEWAY_INTERFACE", "CGI/1.1"));
        assert_eq!(caller(&[ssh, git_daemon]), (Server::Plain, None, some("192.0.2.8")));
        assert_eq!(caller(&[ssh, web]), (Server::Plain, None, None));
        assert_eq!(caller(&[ssh, git_daemon, web]).2, some("192.0.2.8"));
        for mark in ["GL_ID", "GITEA_REPO_NAME", "BB_REPO_SLUG", "GITHUB_REPO_NAME"] {
            assert_eq!(caller(&[ssh, (mark, "x")]).2, None, "{mark}");
        }
    }

    #[test]
    fn servers_that_end_their_hooks_have_less_time() {
        let seconds = [Server::GitHub, Server::Gerrit, Server::GitLab, Server::Plain].map(Server::seconds);
        assert_eq!(seconds, [4.0, 25.0, 60.0, 60.0]);
    }
}
