//! The steps towards the end of an incident, for each kind of credential: what the checklist tells at length, and what
//! the status ticks.

use crate::model::{Environment, KeyReport, Kind};

use super::wording;

/// A step towards the end of an incident, the same for every key that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Look whether it is a key at all.
    Look,
    /// Claim the application that nobody has an account for.
    Claim,
    /// Save the logs.
    Logs,
    /// Add a new key.
    Add,
    /// Deploy it.
    Deploy,
    /// Check that it is in use.
    Check,
    /// Delete the old one.
    Dead,
    /// Undo what it may have made.
    Minted,
    /// Undo what it may have changed.
    Config,
    /// Rotate the secret keys that it led to.
    Keys,
    /// Rotate what stood beside it.
    Siblings,
    /// Take it out of every tip.
    Tips,
    /// Have no ref reach it.
    Refs,
    /// Ignore the files it came in with.
    Ignore,
    /// Guard the repositories.
    Gate,
    /// Decide whether anybody must be told.
    Law,
}

impl Step {
    /// All of them, in the order in which a secret key's are taken.
    pub const ALL: [Self; 16] = [
        Self::Look,
        Self::Claim,
        Self::Logs,
        Self::Add,
        Self::Deploy,
        Self::Check,
        Self::Dead,
        Self::Minted,
        Self::Config,
        Self::Keys,
        Self::Siblings,
        Self::Tips,
        Self::Refs,
        Self::Ignore,
        Self::Gate,
        Self::Law,
    ];

    /// Its name on the command line and in the file.
    pub fn name(self) -> &'static str {
        match self {
            Self::Look => "look",
            Self::Claim => "claim",
            Self::Logs => "logs",
            Self::Add => "add",
            Self::Deploy => "deploy",
            Self::Check => "check",
            Self::Dead => "dead",
            Self::Minted => "minted",
            Self::Config => "config",
            Self::Keys => "keys",
            Self::Siblings => "siblings",
            Self::Tips => "tips",
            Self::Refs => "refs",
            Self::Ignore => "ignore",
            Self::Gate => "gate",
            Self::Law => "law",
        }
    }

    /// The step of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.name() == name)
    }

    /// What is to be done about a credential of this kind.
    pub fn told(self, kind: Kind) -> &'static str {
        if let Some(own) = self.told_of(kind) {
            return own;
        }
        match self {
            Self::Look => "look whether it is a key of Clerk's",
            Self::Claim => "claim the application",
            Self::Logs => "save Clerk's logs",
            Self::Add => "add a new key",
            Self::Deploy => "deploy it everywhere",
            Self::Check => "check that it is used and the old one is not",
            Self::Dead => "delete the old key in Clerk",
            Self::Minted => "undo what it may have made: tokens, users, sessions",
            Self::Config => "undo what it may have changed: webhooks, redirects, single sign-on",
            Self::Keys => "rotate the secret keys that it led to",
            Self::Siblings => "rotate what stood beside it",
            Self::Tips => "take it out of every branch, tag and other tip",
            Self::Refs => "rewrite history so that no ref reaches it, or decide not to",
            Self::Ignore => "ignore the files that it came in with",
            Self::Gate => "refuse pushes with keys",
            Self::Law => "decide whether users and authorities must be told",
        }
    }

    /// The same where a kind has words of its own.
    fn told_of(self, kind: Kind) -> Option<&'static str> {
        Some(match (kind, self) {
            (Kind::WebhookSecret, Self::Add) => "add a new endpoint with the same address and events",
            (Kind::WebhookSecret, Self::Deploy) => "deploy its signing secret",
            (Kind::WebhookSecret, Self::Dead) => "delete the old endpoint",
            (Kind::WebhookSecret, Self::Minted) => "look for forged events",
            (Kind::MachineSecret, Self::Dead) => "rotate the machine's secret key, and deploy the new one",
            (Kind::MachineSecret, Self::Minted) => "revoke the tokens that it made",
            (Kind::PlatformKey, Self::Dead) => "delete the Platform API key, and deploy a new one",
            (Kind::PlatformKey, Self::Keys) => "rotate the secret keys of every application",
            (Kind::PlatformKey, Self::Minted) => "look in the Admin Logs for what nobody did",
            (Kind::ClaimToken, Self::Claim) => "claim the application before a stranger does",
            (Kind::KeylessApplication, Self::Claim) => "claim the application, or abandon it",
            (Kind::ClaimToken | Kind::KeylessApplication, Self::Keys) => "rotate its secret key",
            (Kind::KeylessApplication, Self::Ignore) => "ignore the folder .clerk",
            (Kind::EncryptionKey, Self::Add) => "draw a new one, and deploy it to middleware and server together",
            (Kind::EncryptionKey, Self::Keys) => "rotate the secret keys that were passed on with it",
            _ => return None,
        })
    }
}

/// The steps that a key asks for, in the order in which they are taken.
pub(super) fn steps(key: &KeyReport) -> Vec<Step> {
    let own = of_kind(key.kind);
    let applies = |step: &Step| match step {
        Step::Claim => wording::is_keyless(key),
        Step::Siblings => !key.siblings.is_empty(),
        Step::Ignore => !paths_to_ignore(key).is_empty(),
        Step::Law => key.environment != Environment::Test,
        _ => true,
    };
    let is_asked = |step: &Step| !own.contains(step) && applies(step);
    // Nobody sees the logs of an application that nobody has claimed.
    let claim = Some(Step::Claim).filter(|step| own.contains(step) || applies(step));
    let before = claim.into_iter().chain([Step::Logs]);
    let after = [Step::Siblings, Step::Tips, Step::Refs, Step::Ignore, Step::Gate, Step::Law];
    let own = own.iter().copied().filter(|step| *step != Step::Claim);
    before.chain(own).chain(after.into_iter().filter(is_asked)).collect()
}

/// What is between saving the logs and cleaning up.
fn of_kind(kind: Kind) -> &'static [Step] {
    match kind {
        Kind::SecretKey | Kind::LegacyApiKey | Kind::Other => {
            &[Step::Add, Step::Deploy, Step::Check, Step::Dead, Step::Minted, Step::Config]
        }
        Kind::WebhookSecret => &[Step::Add, Step::Deploy, Step::Dead, Step::Minted],
        Kind::MachineSecret => &[Step::Dead, Step::Minted],
        Kind::PlatformKey => &[Step::Dead, Step::Keys, Step::Minted],
        Kind::ClaimToken => &[Step::Claim, Step::Keys],
        Kind::KeylessApplication => &[Step::Claim, Step::Keys, Step::Ignore],
        Kind::EncryptionKey => &[Step::Add, Step::Keys],
    }
}

/// The paths of a key that a `.gitignore` should cover, with their repositories: files that are made to hold secrets.
pub fn paths_to_ignore(key: &KeyReport) -> Vec<(String, String)> {
    let mut paths: Vec<(String, String)> = key
        .first_introduced
        .iter()
        .chain(&key.introductions)
        .filter_map(|entry| Some((entry.repository.as_str().to_owned(), entry.path.as_ref()?.as_str().to_owned())))
        .filter(|(_, path)| is_made_for_secrets(path))
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

fn is_made_for_secrets(path: &str) -> bool {
    const TEMPLATES: [&str; 5] = [".example", ".sample", ".template", ".dist", ".defaults"];
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_env = name == ".env" || name.starts_with(".env.") || name == ".dev.vars" || name.starts_with(".dev.vars.");
    let is_keyless = path.split('/').any(|part| part == ".clerk");
    (is_env && !TEMPLATES.iter().any(|end| name.ends_with(end))) || is_keyless
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn steps_are_found_by_their_names() {
        for step in Step::ALL {
            assert_eq!(Step::named(step.name()), Some(step));
        }
        assert_eq!(Step::named("rotate"), None);
    }

    #[test]
    fn each_kind_asks_for_what_ends_it() {
        let mut key = sample::one_key().keys.remove(0);
        let own = |key: &KeyReport| -> Vec<&str> {
            let before = [Step::Logs, Step::Siblings, Step::Tips, Step::Refs, Step::Ignore, Step::Gate, Step::Law];
            steps(key).into_iter().filter(|step| !before.contains(step)).map(|step| step.told(key.kind)).collect()
        };
        for (kind, words) in [
            (Kind::EncryptionKey, "draw a new one, and deploy it to middleware and server together"),
            (Kind::ClaimToken, "claim the application before a stranger does"),
            (Kind::KeylessApplication, "claim the application, or abandon it"),
            (Kind::MachineSecret, "rotate the machine's secret key, and deploy the new one"),
            (Kind::PlatformKey, "rotate the secret keys of every application"),
            (Kind::WebhookSecret, "add a new endpoint with the same address and events"),
        ] {
            key.kind = kind;
            let own = own(&key);
            assert!(own.contains(&words), "{kind:?}: {own:?}");
            for of_secret_keys in ["add a new key", "delete the old key in Clerk"] {
                assert!(!own.contains(&of_secret_keys), "{kind:?}: {own:?}");
            }
            if matches!(kind, Kind::ClaimToken | Kind::KeylessApplication) {
                assert_eq!(steps(&key)[..2], [Step::Claim, Step::Logs], "{kind:?}");
            }
            let mut names: Vec<&str> = steps(&key).into_iter().map(Step::name).collect();
            names.sort_unstable();
            assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "{kind:?}: {names:?}");
        }
    }
}
