//! The keys of a report by what is to be done about them, and the verdict in one line.

use crate::model::{Answers, Confidence, Environment, KeyReport, Kind, Liveness, Report, Where};

use super::{clock, wording};

/// The keys of a report, each kind in the report's order: most urgent first.
pub(super) struct Triage<'a> {
    answers: Option<&'a Answers>,
    /// Keys that must be rotated, known ones that are back or that Clerk still accepts among them.
    pub(super) rotate: Vec<&'a KeyReport>,
    /// Keys that a list of known ones names, and that are no news.
    pub(super) known: Vec<&'a KeyReport>,
    /// Keys of low confidence, those apart: to be looked at first.
    pub(super) possible: Vec<&'a KeyReport>,
}

impl<'a> Triage<'a> {
    /// Sorts the keys of a report, by what Clerk answered too, where it was asked.
    pub(super) fn of(report: &'a Report, answers: Option<&'a Answers>) -> Self {
        let (mut rotate, mut known, mut possible) = (Vec::new(), Vec::new(), Vec::new());
        for key in &report.keys {
            match key {
                key if wording::is_quiet(key, wording::liveness(answers, key)) => known.push(key),
                key if is_possible(key, wording::liveness(answers, key)) => possible.push(key),
                key => rotate.push(key),
            }
        }
        Self { answers, rotate, known, possible }
    }

    /// The verdict in one line, without the word on completeness.
    pub(super) fn verdict(&self, report: &Report) -> String {
        let aside = self.aside();
        let aside = if aside.is_empty() { String::new() } else { format!(" Also {}.", wording::list(&aside)) };
        if self.rotate.is_empty() {
            let new = if self.known.is_empty() { "" } else { "new " };
            return format!("No {new}Clerk secret key found in {}.{aside}", read(report));
        }
        if let [key] = self.rotate[..] {
            let (environment, back) =
                (wording::environment(key.environment), wording::known_mark(key, self.liveness(key)));
            let kind = wording::kind(key.kind);
            return format!("Found 1 Clerk {kind}: {environment}, {}{back}.{aside}", wording::standing(key));
        }
        let keys =
            if self.rotate.iter().all(|key| key.kind == Kind::SecretKey) { "secret keys" } else { "credentials" };
        let keys = format!("{} Clerk {keys}", wording::number(self.rotate.len() as u64));
        let back = self.back().map_or(String::new(), |back| format!(" {back}."));
        let standing = by_standing(&self.rotate).join(", ");
        format!("Found {keys} ({}): {standing}.{back}{aside}", environments(&self.rotate))
    }

    /// What Clerk answered about a key, where it was asked.
    pub(super) fn liveness(&self, key: &KeyReport) -> Option<Liveness> {
        wording::liveness(self.answers, key)
    }

    /// How many keys Clerk accepted, and how many not, where it was asked about any of them.
    pub(super) fn asked(&self) -> Option<String> {
        let keys = || self.rotate.iter().chain(&self.possible).chain(&self.known);
        let answered = || keys().filter_map(|key| self.answers?.get(&key.id));
        let last = answered().filter_map(|answer| Some((clock::seconds(&answer.at)?, &answer.at))).max();
        let number = |liveness| answered().filter(|answer| answer.liveness == liveness).count();
        let unasked = keys().count() - answered().count();
        let counts = [
            (number(Liveness::Alive), "alive"),
            (number(Liveness::Dead), "dead"),
            (number(Liveness::Unknown), "not known"),
        ];
        let mut counts: Vec<String> =
            counts.iter().filter(|one| one.0 > 0).map(|(number, word)| format!("{number} {word}")).collect();
        if counts.is_empty() {
            return None;
        }
        if unasked > 0 {
            counts.push(format!("{unasked} not asked about"));
        }
        let last = last.map_or(String::new(), |(_, at)| format!(", last on {}", clock::readable(at)));
        Some(format!("Clerk was asked{last}: {}.", counts.join(", ")))
    }

    /// How many of the keys to rotate are known ones that are back, where there are several to rotate.
    pub(super) fn back(&self) -> Option<String> {
        let back = self.rotate.iter().filter(|key| key.known_again).count();
        (back > 0 && self.rotate.len() > 1)
            .then(|| format!("{back} of them {} {}", if back == 1 { "is" } else { "are" }, wording::BACK))
    }

    fn aside(&self) -> Vec<String> {
        let mut aside = Vec::new();
        if !self.known.is_empty() {
            let known = wording::count(self.known.len() as u64, "known key", "known keys");
            let at_tip = self.known.iter().filter(|key| key.standing <= Where::OtherTip).count();
            aside.push(if at_tip == 0 { known } else { format!("{known} ({at_tip} still at a tip)") });
        }
        if !self.possible.is_empty() {
            aside.push(wording::count(self.possible.len() as u64, "possible key", "possible keys"));
        }
        aside
    }
}

/// Whether a key that is not known may be something else: what Clerk accepted is a key of Clerk's.
pub(super) fn is_possible(key: &KeyReport, liveness: Option<Liveness>) -> bool {
    key.confidence == Confidence::Low && liveness != Some(Liveness::Alive)
}

/// What the verdict adds where not all was read; `None` where all was.
pub(super) fn incompleteness(report: &Report) -> Option<String> {
    if report.complete {
        return None;
    }
    let but = if report.keys.is_empty() { ", so this is no all-clear" } else { "" };
    Some(match wording::unread(report) {
        0 => format!("INCOMPLETE: not all was read{but}."),
        unread => format!("INCOMPLETE: {} not read{but}.", wording::count(unread, "thing was", "things were")),
    })
}

fn read(report: &Report) -> String {
    let commits = report.repositories.iter().fold(0u64, |sum, one| sum.saturating_add(one.commits));
    let blobs = report.repositories.iter().fold(0u64, |sum, one| sum.saturating_add(one.blobs));
    let repositories = wording::count(report.repositories.len() as u64, "repository", "repositories");
    let commits = if commits == 0 { "no commits".to_owned() } else { wording::count(commits, "commit", "commits") };
    let is_narrowed = report.repositories.iter().any(|repository| !repository.narrowed_by.is_empty());
    let narrowed = if is_narrowed { ", narrowed by options" } else { "" };
    format!("{repositories} ({commits}, {} read{narrowed})", wording::count(blobs, "blob", "blobs"))
}

/// `2 live, 1 test`.
pub(super) fn environments(keys: &[&KeyReport]) -> String {
    let counted = [Environment::Live, Environment::Test, Environment::Unknown].map(|environment| {
        let number = keys.iter().filter(|key| key.environment == environment).count();
        (number > 0).then(|| format!("{number} {}", wording::environment(environment)))
    });
    counted.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `1 on a branch (live)`, `2 only in history (1 live, 1 test)`.
pub(super) fn by_standing(keys: &[&KeyReport]) -> Vec<String> {
    let order = [
        (Where::BranchTip, false),
        (Where::OtherTip, false),
        (Where::History, true),
        (Where::History, false),
        (Where::Unreachable, false),
    ];
    let group = |key: &KeyReport| (key.standing, wording::is_open_in_history(key));
    order
        .into_iter()
        .filter_map(|one| {
            let here: Vec<&KeyReport> = keys.iter().copied().filter(|key| group(key) == one).collect();
            let first = here.first()?;
            let alike = here.iter().all(|key| key.environment == first.environment);
            let which = if alike { wording::environment(first.environment).to_owned() } else { environments(&here) };
            Some(format!("{} {} ({which})", here.len(), wording::standing_of(&here)))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn keys_are_told_apart_by_what_is_to_be_done() {
        let report = sample::report();
        let triage = Triage::of(&report, None);
        assert_eq!(triage.rotate.len() + triage.known.len() + triage.possible.len(), report.keys.len());
        assert!(triage.rotate.iter().all(|key| key.known == key.known_again && key.confidence > Confidence::Low));
        assert!(triage.rotate.iter().any(|key| key.known_again));
        assert!(triage.known.iter().all(|key| key.known && !key.known_again));
        assert!(triage.possible.iter().all(|key| !key.known));
    }

    #[test]
    fn the_verdict_of_a_clean_report_says_what_was_read() {
        let report = sample::clean();
        assert_eq!(
            Triage::of(&report, None).verdict(&report),
            "No Clerk secret key found in 1 repository (1,204 commits, 3,777 blobs read)."
        );
        assert_eq!(incompleteness(&report), None);
    }

    #[test]
    fn a_report_of_known_keys_only_is_calm_and_tells_them() {
        let mut report = sample::report();
        report.keys.retain(|key| wording::is_quiet(key, None));
        assert!(Triage::of(&report, None).verdict(&report).starts_with("No new Clerk secret key found in "));
        assert!(Triage::of(&report, None).verdict(&report).contains("narrowed by options"));
        assert!(Triage::of(&report, None).verdict(&report).ends_with(" Also 1 known key."));
        report.keys[0].standing = Where::BranchTip;
        assert!(Triage::of(&report, None).verdict(&report).ends_with(" Also 1 known key (1 still at a tip)."));
    }

    #[test]
    fn a_known_key_that_is_back_is_found_like_any_other() {
        let mut report = sample::report();
        report.keys.retain(|key| key.known_again);
        assert_eq!(
            Triage::of(&report, None).verdict(&report),
            "Found 1 Clerk secret key: test, on a branch, known, but back."
        );
    }

    #[test]
    fn the_own_text_of_commits_and_tags_is_told_from_history() {
        let report = sample::report();
        let mut key = report.keys.iter().find(|key| wording::is_open_in_history(key)).unwrap().clone();
        assert_eq!(by_standing(&[&key]), ["1 in a commit's or tag's own text (live)"]);
        key.introductions.truncate(1);
        assert_eq!(by_standing(&[&key]), ["1 in a tag's own text (live)"]);
        key.exposure.open = false;
        assert_eq!(by_standing(&[&key]), ["1 only in history (live)"]);
    }

    #[test]
    fn refs_that_are_no_branches_are_named_for_what_they_are() {
        let report = sample::report();
        let mut key = report.keys[0].clone();
        key.standing = Where::OtherTip;
        for (tags, other, expected) in [
            (1, 0, "1 only on tags (live)"),
            (0, 2, "1 only on pull or other refs (live)"),
            (1, 1, "1 only on tags, pull or other refs (live)"),
        ] {
            (key.held_at.tags, key.held_at.other) = (tags, other);
            assert_eq!(by_standing(&[&key]), [expected]);
        }
    }
}
