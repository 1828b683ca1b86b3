//! The boxes for credentials that are no secret key: each is replaced at a place of its own.
//!
//! Where and how is Clerk's documentation's (`docs/guides/secure/rotate-api-keys`, the pages of the dashboard that the
//! steps name).

use crate::model::{KeyReport, Kind};

use super::super::rotation;
use super::steps::Step;

/// What a credential opens; `None` for one that is rotated like a secret key.
pub(super) fn of(key: &KeyReport) -> Option<&'static str> {
    Some(match key.kind {
        Kind::SecretKey | Kind::LegacyApiKey | Kind::Other => return None,
        Kind::WebhookSecret => WEBHOOK,
        Kind::MachineSecret => MACHINE,
        Kind::PlatformKey => PLATFORM,
        Kind::ClaimToken => CLAIM,
        Kind::KeylessApplication => KEYLESS,
        Kind::EncryptionKey => ENCRYPTION,
    })
}

/// How a person knows the credential that `ends` (begins so and ends so) describes; `None` for one that stands in the
/// dashboard's list of keys.
pub(super) fn found(kind: Kind, ends: &str) -> Option<String> {
    Some(match kind {
        Kind::SecretKey | Kind::LegacyApiKey | Kind::Other => return None,
        Kind::WebhookSecret => {
            format!("the endpoint whose signing secret {ends}. The page of each endpoint has its secret.")
        }
        Kind::MachineSecret => format!("the machine whose secret key {ends}."),
        Kind::PlatformKey => format!("the workspace's Platform API key that {ends}."),
        Kind::ClaimToken => format!("the token in the claim address, which {ends}. It is in no list of keys."),
        Kind::EncryptionKey => {
            format!("a value that {ends}. It is in no dashboard: compare it with what you deployed.")
        }
        Kind::KeylessApplication => format!("no key, but the application's file. What identifies it {ends}."),
    })
}

/// Where to look for the instance of a credential beside which none is named.
pub(super) fn look(kind: Kind) -> &'static str {
    match kind {
        Kind::SecretKey | Kind::LegacyApiKey | Kind::Other => "Look through the key lists of all your applications.",
        Kind::WebhookSecret => "Look through the webhook endpoints of all your applications.",
        Kind::MachineSecret => "Look through the machines of all your applications.",
        Kind::PlatformKey => "It needs none: the key opens the whole workspace.",
        Kind::ClaimToken => "It is that of the application that the claim address opens.",
        Kind::KeylessApplication => "It is that of the application that the file is of.",
        Kind::EncryptionKey => "Look which of your deployments have this value.",
    }
}

const WEBHOOK: &str = "This is a **webhook signing secret**. Who has it can send your handler forged events, such as a user or \
     a membership that does not exist. It reads nothing in Clerk.";
const MACHINE: &str = "This is a **machine's secret key**. Who has it can make tokens as this machine, and act as it towards \
     your other services.";
const PLATFORM: &str = "This is a **Platform API key**: the whole workspace. Who has it can list every application **with its \
     secret keys**, rotate them, and delete applications. Treat every secret key of the workspace as leaked.";
const CLAIM: &str = "This is the **claim token** of an application that Clerk made without an account. Whoever opens its claim \
     address first owns the application, its users and its keys.";
const KEYLESS: &str = "This file is of an application that Clerk made **without an account** (keyless). Until someone claims \
     it, nobody can rotate its keys, and whoever has the file can claim it.";
const ENCRYPTION: &str = "This is the key that Clerk's **Next.js middleware** encrypts with. Who has it can read and forge what \
     middleware hands to the server, keys that are set at run time among it.";

fn webhook(step: rotation::Step) -> Option<Step> {
    Some(match step {
        rotation::Step::Add => Step::with(
            "**Add a new endpoint** with the same address and the same events: <https://dashboard.clerk.com/~/webhooks>",
            ["Check the application and the environment at the top left first.", "Copy its signing secret."],
        ),
        rotation::Step::Deploy => Step::with(
            "**Deploy the new secret** as `CLERK_WEBHOOK_SIGNING_SECRET`, or as what your handler calls it.",
            [
                "Both endpoints now get every event. Those signed by the other secret fail: that is expected.",
                "Send a test event to the new endpoint. It must succeed.",
            ],
        ),
        rotation::Step::Dead => Step::new("**Delete the old endpoint.** Its secret is void from then on."),
        rotation::Step::Minted => Step::with(
            "**Look for forged events** since the first exposure.",
            [
                "Users, organizations and memberships that your database has and Clerk does not.",
                "Roles and subscriptions that nobody granted.",
            ],
        ),
        _ => return None,
    })
}

fn machine(step: rotation::Step) -> Option<Step> {
    Some(match step {
        rotation::Step::Dead => Step::with(
            "**Rotate the machine's secret key:** <https://dashboard.clerk.com/~/machines/configure>",
            [
                "The API can do it too: `POST /v1/machines/{id}/secret_key/rotate`, with a `previous_token_ttl` of 0 where \
                 the old one must end at once.",
                "Deploy the new one to that machine alone.",
            ],
        ),
        rotation::Step::Minted => Step::with(
            "**Revoke the tokens it made.**",
            [
                "M2M tokens never expire by default: list them and revoke those that nobody knows.",
                "Those in JWT format cannot be revoked: wait until they expire.",
            ],
        ),
        _ => return None,
    })
}

fn platform(step: rotation::Step) -> Option<Step> {
    Some(match step {
        rotation::Step::Dead => Step::with(
            "**Delete the Platform API key** in the workspace's settings, as an Admin, and make a new one.",
            [
                "Deploy the new one: `CLERK_PLATFORM_API_KEY`, in the tools that manage applications.",
                "Where to do it is not in Clerk's public documentation: ask `support@clerk.com` if you do not see it.",
            ],
        ),
        rotation::Step::Keys => Step::with(
            "**Rotate the secret keys of every application** of the workspace: this key could read them all.",
            ["For each, production first: save the logs, add a new key, deploy it, delete the old one."],
        ),
        rotation::Step::Minted => Step::with(
            "**Look at the Admin Logs** of the workspace: <https://dashboard.clerk.com/~/admin-logs>",
            ["Applications that nobody knows, or that are gone.", "Keys that nobody rotated."],
        ),
        _ => return None,
    })
}

fn claim(step: rotation::Step) -> Option<Step> {
    Some(match step {
        rotation::Step::Claim => Step::with(
            "**Is the application yours?** Then claim it now, before a stranger does: run `clerk auth login` in the project, \
             or open the claim address from the file. It is not printed here.",
            [
                "Claimed already? Then the token is void, and there is nothing more to do for it.",
                "Claimed by a stranger? Ask `support@clerk.com`.",
                "Not needed? Abandon it: make a new application, and use its keys.",
            ],
        ),
        rotation::Step::Keys => Step::new(
            "**Rotate its secret key** after it is claimed: it stands in the same file, and has an entry of its own.",
        ),
        _ => return None,
    })
}

fn keyless(step: rotation::Step) -> Option<Step> {
    Some(match step {
        rotation::Step::Claim => {
            Step::with(
                "**Claim the application, or abandon it.** Only who has claimed it can rotate its keys.",
                ["Run `clerk init`, which links the project to an application of your own."],
            )
        }
        rotation::Step::Keys => Step::new("**Rotate its secret key**, which has an entry of its own."),
        // The line alone is what is seen: a folder that git has already is taken out with the keys in the code.
        rotation::Step::Ignore => Step::new("**Ignore the folder:** a line `/.clerk/` in `.gitignore`.")
            .noting("What git has of it, it keeps: `git rm -r --cached .clerk` takes it out of the branch (see \"Last\" below)."),
        _ => return None,
    })
}

fn encryption(step: rotation::Step) -> Option<Step> {
    Some(match step {
        rotation::Step::Add => Step::with(
            "**Draw a new one:** `openssl rand -hex 32`. There is nothing to do in the dashboard.",
            ["Set it as `CLERK_ENCRYPTION_KEY` everywhere, and deploy middleware and server together."],
        ),
        rotation::Step::Keys => Step::new(
            "**Rotate the secret keys** that middleware passed on with it, if it passed any (`clerkMiddleware` with a `secretKey`).",
        ),
        _ => return None,
    })
}

/// The box for a step, where the kind has one of its own.
pub(super) fn boxed(kind: Kind, step: rotation::Step) -> Option<Step> {
    match kind {
        Kind::SecretKey | Kind::LegacyApiKey | Kind::Other => None,
        Kind::WebhookSecret => webhook(step),
        Kind::MachineSecret => machine(step),
        Kind::PlatformKey => platform(step),
        Kind::ClaimToken => claim(step),
        Kind::KeylessApplication => keyless(step),
        Kind::EncryptionKey => encryption(step),
    }
}
