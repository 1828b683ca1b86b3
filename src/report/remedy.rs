//! What is to be done about each kind of credential, in a line: for the formats that have no room for a checklist.
//!
//! Where and how is Clerk's documentation's; `checklist` has the steps.

use std::borrow::Cow;

use crate::model::{Answer, Kind, Liveness};

use super::wording;

/// What to do about a credential that is not rotated as a secret key is.
pub(super) fn of_kind(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::SecretKey | Kind::LegacyApiKey | Kind::Other => return None,
        Kind::WebhookSecret => {
            "add a new endpoint, deploy its secret, delete the old endpoint: https://dashboard.clerk.com/~/webhooks"
        }
        Kind::MachineSecret => "rotate this machine's secret key: https://dashboard.clerk.com/~/machines/configure",
        Kind::PlatformKey => "delete it in the workspace's settings, then rotate the secret keys of every application",
        Kind::ClaimToken => "claim the application before a stranger does, then rotate its secret key",
        Kind::KeylessApplication => "claim the application or abandon it, and keep .clerk/ out of git",
        Kind::EncryptionKey => "draw a new one (openssl rand -hex 32) and deploy middleware and server together",
    })
}

/// The same in sentences, for every kind, and what is left to do where Clerk answered that it is dead.
pub(super) fn in_sentences(kind: Kind, answer: Option<&Answer>) -> Cow<'static, str> {
    if answer.is_some_and(|answer| answer.liveness == Liveness::Dead) {
        let (first, rest) = wording::DEAD.split_at(1);
        return format!("{}{rest}.", first.to_uppercase()).into();
    }
    match of_kind(kind) {
        None => {
            "As an Admin of the Clerk workspace: save the logs, add a new key, deploy it everywhere, delete this one. \
                 Taking it out of the code ends nothing."
                .into()
        }
        Some(steps) => {
            // Behind an address it would be taken for a part of it.
            let stop = if steps.contains("://") { "" } else { "." };
            format!("Taking it out of the code ends nothing. Save the logs, then {steps}{stop}").into()
        }
    }
}

/// The page that says or does it, and its name, where there is one.
pub(super) fn page(kind: Kind) -> Option<(&'static str, &'static str)> {
    match kind {
        Kind::SecretKey | Kind::LegacyApiKey | Kind::Other => Some(("Clerk: rotate API keys", wording::GUIDE)),
        Kind::WebhookSecret => Some(("Clerk: webhooks", "https://dashboard.clerk.com/~/webhooks")),
        Kind::MachineSecret => Some(("Clerk: machines", "https://dashboard.clerk.com/~/machines/configure")),
        Kind::PlatformKey | Kind::ClaimToken | Kind::KeylessApplication | Kind::EncryptionKey => None,
    }
}
