//! The boxes to tick, for a key and for all.
//!
//! The order matters: logs before they are gone, the new key before the old one is deleted (the last key of an
//! instance cannot be), and the history last, since a rewritten one still has copies and a deleted key does not mind.

use std::io;

use crate::key::{deployable, is_bundled_for_browsers};
use crate::model::{Environment, KeyReport, Liveness, Report};

use super::super::clock;
use super::super::progress::State;
use super::super::rotation;
use super::super::rotation::Step as Named;
use super::super::wording;
use super::done;
use super::kinds;
use super::logs;
use super::sheet::{Sheet, code, quote};

/// A box, what there is to know for it, and the smaller boxes in it.
pub(super) struct Step {
    text: String,
    notes: Vec<String>,
    boxes: Vec<String>,
    /// The step of the status that it is the box of, if any.
    of: Option<Named>,
}

impl Step {
    pub(super) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), notes: Vec::new(), boxes: Vec::new(), of: None }
    }

    pub(super) fn with(text: impl Into<String>, boxes: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { boxes: boxes.into_iter().map(Into::into).collect(), ..Self::new(text) }
    }

    /// With what there is to know for it.
    pub(super) fn noting(mut self, note: impl Into<String>) -> Self {
        self.notes.push(note.into());
        self
    }

    fn of(self, step: Named) -> Self {
        Self { of: Some(step), ..self }
    }
}

/// The steps of one key.
pub(super) fn write(sheet: &mut Sheet<'_>, key: &KeyReport, report: &Report) -> io::Result<()> {
    let is_dead = sheet.answer(key).is_some_and(|answer| answer.liveness == Liveness::Dead);
    let opens = match kinds::of(key) {
        Some(opens) => opens,
        None if is_dead => what_it_opened(key.environment),
        None => what_it_opens(key.environment),
    };
    sheet.paragraph(opens)?;
    if is_dead {
        sheet.paragraph(
            "**It is dead already.** Does everything that used it have a new key? Then the steps that add, deploy, \
             check and delete are done. Those that undo what it may have made and changed are not.",
        )?;
    } else if kinds::of(key).is_none() {
        sheet.paragraph(
            "**If the logs show abuse, do not wait for the deployment:** add a new key, delete this one at once, and \
             accept the downtime.",
        )?;
    }
    for (at, step) in boxes(sheet, key, report).into_iter().enumerate() {
        let text = format!("**{}.** {}", at + 1, step.text);
        match step.of {
            Some(of) => done::tick(sheet, key, of, &text)?,
            None => sheet.tick(0, &text)?,
        }
        for text in &step.notes {
            sheet.bullet(1, text)?;
        }
        // Who did the step did what is in it.
        let is_done = step.of.and_then(|of| sheet.state(key, of)).is_some_and(State::is_done);
        for text in &step.boxes {
            if is_done { sheet.ticked(1, text)? } else { sheet.tick(1, text)? }
        }
    }
    Ok(())
}

/// A box for each step; those that are taken for all keys at once, when each is deleted, stand at the end of the page.
fn boxes(sheet: &Sheet<'_>, key: &KeyReport, report: &Report) -> Vec<Step> {
    let steps = rotation::steps(key).into_iter().filter_map(|step| Some(boxed(step, sheet, key, report)?.of(step)));
    let looks = if key.siblings.is_empty() { Some(siblings(sheet, key)) } else { None };
    back(sheet, key).into_iter().chain(steps).chain(looks).chain([Step::new(CLEAN).of(Named::Refs)]).collect()
}

fn boxed(step: rotation::Step, sheet: &Sheet<'_>, key: &KeyReport, report: &Report) -> Option<Step> {
    if let Some(own) = kinds::boxed(key.kind, step) {
        return Some(own);
    }
    Some(match step {
        Named::Claim => claim(),
        Named::Logs => save_logs(sheet, key, report),
        Named::Add => add(sheet, key),
        Named::Deploy => deploy(sheet, key),
        Named::Check => check(),
        Named::Dead => delete(key),
        Named::Minted => undo_minted(key.environment),
        Named::Config => undo_configured(),
        Named::Siblings => siblings(sheet, key),
        Named::Look | Named::Keys | Named::Tips | Named::Refs | Named::Ignore | Named::Gate | Named::Law => {
            return None;
        }
    })
}

const CLEAN: &str = "**Clean the history last**, when every key here is deleted. See \"Last\" below.";

fn what_it_opens(environment: Environment) -> &'static str {
    match environment {
        Environment::Live => {
            "This is a **production** key. Who has it can read all users, set passwords, remove second factors, sign \
             in as anyone, and change the instance."
        }
        Environment::Test => {
            "This is a **development** key. Who has it can do all that to the development instance: its users, often \
             real addresses of staff, its sign-in settings, its webhooks, which may reach production. Rotate it too."
        }
        Environment::Unknown => "It is not known whether this key is for production. Treat it as if it were.",
    }
}

/// The same of one that is dead.
fn what_it_opened(environment: Environment) -> &'static str {
    match environment {
        Environment::Live => {
            "This was a **production** key. While it was alive, who had it could read all users, set passwords, remove \
             second factors, sign in as anyone, and change the instance."
        }
        Environment::Test => {
            "This was a **development** key. While it was alive, who had it could do all that to the development \
             instance: its users, often real addresses of staff, its sign-in settings, its webhooks, which may reach \
             production."
        }
        Environment::Unknown => "It is not known whether this key was for production. Treat it as if it had been.",
    }
}

/// How a person finds the key in the dashboard's list, or what is known of one that no list has.
pub(super) fn find_it(key: &KeyReport) -> String {
    match kinds::found(key.kind, &ends(key)) {
        Some(found) => found,
        None => format!(
            "in the dashboard's list, {}. The list shows only the first and last characters, perhaps fewer than these.",
            its_ends(key)
        ),
    }
}

fn its_ends(key: &KeyReport) -> String {
    format!("the one that {}", ends(key))
}

fn ends(key: &KeyReport) -> String {
    match wording::ends(&key.hint) {
        Some((first, last)) => format!("begins with {} and ends with {}", code(&first), code(&last)),
        None => format!("looks like {}", code(&key.hint)),
    }
}

/// The page of the key's instance, where it is known, else the general one with its warning. What Clerk itself named
/// outweighs what stood beside the key.
pub(super) fn page_link(sheet: &Sheet<'_>, key: &KeyReport) -> String {
    let exact = key.instance.as_ref().and_then(|instance| wording::dashboard_page(instance.dashboard_url.as_deref()));
    let named = sheet.answer(key).and_then(|answer| answer.instance.as_deref());
    let all = wording::DASHBOARD;
    match (exact, named) {
        (Some(page), None) => format!("<{page}>"),
        (Some(page), Some(named)) if page.contains(&format!("/{named}/")) => format!("<{page}>"),
        (_, Some(named)) => format!(
            "<{all}>. It is the right instance if the address then has {} in it: that is the one Clerk named. Else \
             choose another at the top left.",
            code(&named)
        ),
        (None, None) => format!(
            "<{all}>. Check the application and the environment at the top left first: `~` opens the instance that was \
             open last."
        ),
    }
}

fn back(sheet: &Sheet<'_>, key: &KeyReport) -> Option<Step> {
    // Where Clerk was asked, that is known.
    let is_asked = sheet.answer(key).is_some_and(|answer| answer.liveness != Liveness::Unknown);
    (key.known_again && !is_asked && kinds::of(key).is_none()).then(|| {
        let find = its_ends(key);
        Step::with(
            format!("**Is it still good?** It is known, but back. Look for {find}: {}", page_link(sheet, key)),
            [
                "In the list of one of your instances? Then it still works: do all that follows.",
                "In none? Then it was deleted, and there is nothing to rotate. Take it out of the code, note it as \
                 known anew, and go on to the next key.",
            ],
        )
    })
}

fn claim() -> Step {
    Step::new(
        "**Is the application claimed?** The key was in `keyless.json`: Clerk made this application without an account. \
         Until someone claims it, nobody can rotate its keys. If it is yours and unclaimed, claim it now, before a \
         stranger does with the claim address in that file. Or abandon it.",
    )
}

fn save_logs(sheet: &Sheet<'_>, key: &KeyReport, report: &Report) -> Step {
    let mut notes = Vec::new();
    match key.exposure.start.as_deref().and_then(|start| Some((start, clock::utc_day(start)?))) {
        Some((start, day)) => {
            let before = if wording::is_cut(key) { ", or earlier" } else { "" };
            let days = logs::days(sheet, report, start);
            notes.push(format!("First exposure: {day} (UTC){before}.{days}"));
        }
        None => notes.push("When this key was first exposed is not known. Save all that is there.".to_owned()),
    }
    let mut step = Step::with(
        "**Save the logs of this instance**, before you change anything.",
        [
            "Application Logs, <https://dashboard.clerk.com/~/application-logs>. Filter by actor, and look for what \
             nobody here did: `sign_in_token.created`, `actor_token.created`, `session.token.created`, `user.*`.",
            "Admin Logs, <https://dashboard.clerk.com/~/admin-logs>. The same: `clerk_secret_key.*`, \
             `svix_dashboard_url.created`, `jwt_template.*`, `oauth_application.*`, `machine.secret_key.rotated`, \
             `redirect_url.created`, `instance.users.exported`.",
        ],
    );
    if kinds::of(key).is_none() {
        step.boxes.push("Write down when the key was last used. The list of keys shows it.".to_owned());
    }
    Step { notes, ..step }
}

fn add(sheet: &Sheet<'_>, key: &KeyReport) -> Step {
    let environment = wording::dashboard_environment(key.environment);
    Step::with(
        format!("**Add a new key** in {environment}: {}", page_link(sheet, key)),
        [
            "Name it for the one thing that will use it. One key for each thing, so that the next leak is smaller.",
            "Copy its value at once. Clerk shows it only now.",
            "Look through the list. A key that nobody knows has to go as well.",
        ],
    )
}

fn deploy(sheet: &Sheet<'_>, key: &KeyReport) -> Step {
    let mut boxes: Vec<String> = key
        .consumers
        .iter()
        .map(|place| {
            let at = wording::at(place.path.as_ref(), place.line, &quote);
            let at = if at.is_empty() { String::new() } else { format!(", see {at}") };
            format!("This repository suggests {}{at}", sheet.show(&place.name))
        })
        .collect();
    boxes = sheet.few(boxes);
    let named = sheet.options.consumers;
    let head = match (named.is_empty(), boxes.is_empty()) {
        (false, _) => "First where you said, then the rest:",
        (true, true) => "This repository does not show where. The usual places:",
        (true, false) => "First where this repository suggests, then the usual places:",
    };
    boxes.splice(0..0, named.iter().map(|place| format!("You named {}", sheet.show(place))));
    let usual = [
        "Hosting: Vercel, Netlify, Cloudflare, AWS, Fly, Railway. Each of production, preview and development.",
        "CI secrets. Containers, Kubernetes and Helm, Terraform and its state.",
        "Webhook workers, cron jobs, mobile back ends, functions (Convex, Supabase).",
        "A proxy in front of Clerk's Frontend API: it sends the key in the header `Clerk-Secret-Key`.",
        "Local `.env` files of everyone on the team. Postman and the like.",
        "Next.js: deploy middleware and server together. Without `CLERK_ENCRYPTION_KEY` they share this key.",
    ];
    boxes.extend(usual.map(str::to_owned));
    let private = key.variables.iter().filter(|name| !is_bundled_for_browsers(name.as_str()));
    let mut names: Vec<String> = private.filter_map(|name| deployable(name.as_str())).map(|name| code(&name)).collect();
    names.dedup();
    let names = sheet.few(names);
    let names = if names.is_empty() { "`CLERK_SECRET_KEY`".to_owned() } else { names.join(", ") };
    Step::with(format!("**Deploy the new key** everywhere that has the old one, as {names}. {head}"), boxes)
}

fn check() -> Step {
    Step::with(
        "**Check** before you delete.",
        [
            "Sign in. Call a server route. Run a job that uses the key.",
            "In the list of keys, \"last used\" of the new key is now. That of the old one no longer moves.",
        ],
    )
}

fn delete(key: &KeyReport) -> Step {
    Step::with(
        format!("**Delete the old key**, {}.", its_ends(key)),
        [
            "Does Clerk warn that it was used lately? Then something still has it: go back to the deployment.",
            "Does Clerk refuse, because it is the last key of the instance? Then add the new one first.",
            "It is gone from the list. Clerk now answers 401 to it.",
        ],
    )
}

fn undo_minted(environment: Environment) -> Step {
    let people = match environment {
        Environment::Test => "Users, organization members and admins that nobody knows: remove them.",
        Environment::Live | Environment::Unknown => {
            "Users, organization members and admins that nobody knows: remove them. Users whose password was set, or \
             whose second factor was removed: have them set both anew."
        }
    };
    Step::with(
        "**Undo what it may have made.** Deleting the key undoes none of it, and signs nobody out.",
        [
            "Revoke pending sign-in tokens (good for 30 days by default), actor tokens, agent tasks and invitations.",
            people,
            "Revoke sessions that look wrong. In doubt, all of them: a session's token lapses within a minute.",
            "Revoke API keys and M2M tokens: by default they never expire. Rotate machine secret keys: this key could read \
             them.",
            "Rotate the client secrets of OAuth applications and SCIM keys. Remove applications that nobody knows.",
            "Users' tokens of other providers (Google, GitHub …): this key could read them. Have them revoked there.",
        ],
    )
}

fn undo_configured() -> Step {
    Step::with(
        "**Undo what it may have changed.**",
        [
            "Webhooks, <https://dashboard.clerk.com/~/webhooks>: delete endpoints that nobody knows. This key could read \
             every signing secret (`whsec_`): for each endpoint add a new one with the same address and events, deploy \
             its secret, then delete the old one.",
            "JWT templates and signing keys of their own. Redirect URLs, allowed origins, domains.",
            "SAML and other single sign-on connections. Allow lists and block lists. Roles.",
        ],
    )
}

fn siblings(sheet: &Sheet<'_>, key: &KeyReport) -> Step {
    if key.siblings.is_empty() {
        return Step::new(
            "**Look for other credentials beside it.** None was seen by name. Look once with your own eyes.",
        );
    }
    let boxes = key.siblings.iter().map(|place| {
        let at = wording::at(place.path.as_ref(), place.line, &quote);
        let at = if at.is_empty() { String::new() } else { format!(", {at}") };
        format!("Rotate {}{at}", sheet.show(&place.name))
    });
    Step::with(
        "**Rotate what stood beside it.** Who read this key could read these, each to be rotated where it was issued.",
        sheet.few(boxes.collect()),
    )
}

/// What comes after the last key.
pub(super) fn last(sheet: &mut Sheet<'_>, keys: &[&KeyReport]) -> io::Result<()> {
    sheet.heading("Last, when every key above is deleted")?;
    let take_out = "**Take the keys out of the code** at every branch that still has them.";
    done::tick_for_all(sheet, keys, Named::Tips, take_out)?;
    if keys.iter().any(|key| key.introductions.iter().any(|entry| entry.reference.is_some())) {
        sheet.tick(0, "**Delete refs** that have a key in their name, or that name a file or tree with one.")?;
    }
    if keys.iter().any(|key| !wording::own_text(key).is_empty()) {
        sheet.tick(
            0,
            "**Mind the messages:** a key in the text of a commit or tag goes only when that commit is rewritten, or \
             that tag deleted.",
        )?;
    }
    for (step, text) in [
        (
            Named::Refs,
            "**Clean the history**, with `git filter-repo`, if you need to. It is tidying, not protection: forks, \
             clones, caches and pull refs keep their copies.",
        ),
        (Named::Ignore, "**Ignore the files** that keys come in with: `.env*`, `.dev.vars`, `.clerk/`."),
        (Named::Gate, "**Guard the door:** refuse pushes with keys in a pre-receive hook."),
    ] {
        done::tick_for_all(sheet, keys, step, text)?;
    }
    sheet.tick(0, "**Next.js:** set `CLERK_ENCRYPTION_KEY` to a value of its own, apart from the secret key.")?;
    if keys.iter().any(|key| key.environment != Environment::Test) {
        let law = "**Users and law:** a production key could read personal data. Decide with whoever is responsible \
                   whether users and authorities must be told.";
        done::tick_for_all(sheet, keys, Named::Law, law)?;
    }
    sheet.tick(0, "**Ask Clerk** where you are stuck or saw abuse: `support@clerk.com`.")?;
    sheet.tick(0, "**Note the keys as known**, so that the next audit stays quiet about them.")
}
