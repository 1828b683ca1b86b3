//! The picture: a lane for each key, in SVG, on one scale of time for all.
//!
//! The scale is logarithmic in the age of things: a key that came in an hour ago and one that came in five years ago
//! are both to be seen, and so are the edges behind which Clerk has dropped its logs (1, 7 and 30 days). All positions
//! are percentages of the lane's width, so that a lane is as wide as its cell.

use std::fmt::Write as _;

use crate::model::{EndReason, Entry, Environment, KeyReport, Level, Report};

use super::super::clock::{self, PLANS, Plan};
use super::super::escape::markup;
use super::super::wording;

/// Marks beyond these would stand on one another. Half of them are for introductions and half for removals, where there are
/// as many: what came in a hundred times hides no removal.
const MOST_MARKS: usize = 120;
/// A removal; its rim keeps it apart from the bar that it stands on.
pub(super) const CROSS: &str = "<path class=\"rim\" d=\"M-4-4L4 4M4-4L-4 4\"/><path d=\"M-4-4L4 4M4-4L-4 4\"/>";
const HEIGHT: u32 = 36;
const MIDDLE: u32 = HEIGHT / 2;
const DAY: f64 = 86_400.0;

/// From times to places.
pub(super) struct Scale {
    now: i64,
    /// The plans whose memory is drawn in.
    plans: Vec<Plan>,
    /// The age at the left end, in days.
    oldest: f64,
}

impl Scale {
    /// The scale of a report as it is told at `now`; `None` where that is no time.
    pub(super) fn of(report: &Report, now: &str, plan: Option<Plan>) -> Option<Self> {
        let now = clock::seconds(now)?;
        let times = report.keys.iter().flat_map(|key| {
            let entries = key.first_introduced.iter().chain(&key.introductions).chain(&key.removals);
            entries.filter_map(time_of).chain(key.exposure.start.as_deref().and_then(clock::seconds))
        });
        let oldest = times.map(|time| (now.saturating_sub(time)) as f64 / DAY).fold(45.0, f64::max);
        Some(Self { now, plans: plan.map_or(PLANS.to_vec(), |plan| vec![plan]), oldest: oldest * 1.1 })
    }

    /// Where a time stands, in percent from the left. What is dated in the future stands at now.
    fn at(&self, time: i64) -> f64 {
        self.at_age(self.now.saturating_sub(time) as f64 / DAY)
    }

    fn at_age(&self, days: f64) -> f64 {
        let share = days.max(0.0).ln_1p() / self.oldest.ln_1p();
        1.5 + 96.0 * (1.0 - share.min(1.0))
    }

    /// The scale itself, to stand above the lanes.
    pub(super) fn axis(&self) -> String {
        let mut svg = format!(
            "<svg class=\"axis\" width=\"100%\" height=\"44\" role=\"img\" aria-label=\"Time before this page, \
             logarithmic. Dashed lines: how far back Clerk keeps logs, {}.\">",
            self.kept()
        );
        for plan in &self.plans {
            let at = self.at_age(plan.days as f64);
            _ = write!(svg, "<line class=\"edge\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"18\" y2=\"44\"/>");
            _ = write!(svg, "<text class=\"plan\" x=\"{at:.2}%\" y=\"13\">{}</text>", plan.name);
        }
        let ticks = [
            (0.0, "now"),
            (1.0, "1 d"),
            (7.0, "7 d"),
            (30.0, "30 d"),
            (182.5, "6 mo"),
            (730.5, "2 y"),
            (1826.25, "5 y"),
            (3652.5, "10 y"),
        ];
        for (days, label) in ticks.into_iter().filter(|(days, _)| *days < self.oldest) {
            let at = self.at_age(days);
            _ = write!(svg, "<text class=\"tick\" x=\"{at:.2}%\" y=\"38\">{label}</text>");
        }
        svg + "</svg>"
    }

    /// `1 day on Hobby, 7 days on Pro`: how long Clerk keeps its logs on the plans that are drawn in.
    pub(super) fn kept(&self) -> String {
        self.plans.iter().map(|plan| format!("{} on {}", plan.keeps(), plan.name)).collect::<Vec<_>>().join(", ")
    }

    /// The lane of a key.
    pub(super) fn lane(&self, key: &KeyReport) -> String {
        let mut svg = format!(
            "<svg class=\"lane\" width=\"100%\" height=\"{HEIGHT}\" role=\"img\" aria-label=\"{}\">",
            markup(&label(key))
        );
        for plan in self.plans.iter().rev() {
            let at = self.at_age(plan.days as f64);
            let width = 97.5 - at;
            _ = write!(svg, "<rect class=\"kept\" x=\"{at:.2}%\" y=\"0\" width=\"{width:.2}%\" height=\"{HEIGHT}\"/>");
            _ = write!(svg, "<line class=\"edge\" x1=\"{at:.2}%\" x2=\"{at:.2}%\" y1=\"0\" y2=\"{HEIGHT}\"/>");
        }
        _ = write!(svg, "<line class=\"now\" x1=\"97.5%\" x2=\"97.5%\" y1=\"0\" y2=\"{HEIGHT}\"/>");
        match key.exposure.start.as_deref().and_then(clock::seconds) {
            Some(start) if start > self.now && key.exposure.open => match self.earliest_known(key) {
                Some(start) => self.span(&mut svg, key, start),
                None => no_start(&mut svg, clock::AHEAD),
            },
            Some(start) => self.span(&mut svg, key, start),
            None => no_start(&mut svg, "since when is not known"),
        }
        self.marks(&mut svg, key);
        svg + "</svg>"
    }

    /// The earliest time of a key that is not in the future: where its first commit's clock ran ahead, it was there by
    /// then.
    fn earliest_known(&self, key: &KeyReport) -> Option<i64> {
        let entries = key.first_introduced.iter().chain(&key.introductions).chain(&key.removals);
        entries.filter_map(time_of).filter(|time| *time <= self.now).min()
    }

    /// The bar of the exposure, and a thin line as long as refs reach the key after it.
    fn span(&self, svg: &mut String, key: &KeyReport, start: i64) {
        let from = self.at(start);
        let end = key.exposure.end.as_deref().and_then(clock::seconds);
        let class = match key.environment {
            Environment::Test => "test",
            Environment::Live | Environment::Unknown => "live",
        };
        let to = match (key.exposure.open, end) {
            (true, _) => 97.5,
            (false, Some(end)) => self.at(end),
            (false, None) => from,
        };
        let is_still_read = !key.exposure.open && key.reachable_from.count > 0;
        let ends_unknown = !key.exposure.open && end.is_none() && key.exposure.end_reason != EndReason::NoRef;
        if is_still_read || ends_unknown {
            let kind = if is_still_read { "reached" } else { "lost" };
            _ = write!(
                svg,
                "<line class=\"after {class} {kind}\" x1=\"{to:.2}%\" x2=\"97.5%\" y1=\"{MIDDLE}\" y2=\"{MIDDLE}\"/>"
            );
        }
        if to >= from {
            // A moment is still to be seen.
            let width = (to - from).max(0.4);
            let open = if key.exposure.open { " open" } else { "" };
            let y = MIDDLE - 6;
            _ = write!(
                svg,
                "<rect class=\"span {class}{open}\" x=\"{from:.2}%\" y=\"{y}\" width=\"{width:.2}%\" height=\"12\" rx=\"2\"/>"
            );
        }
        if wording::is_cut(key) {
            _ = write!(
                svg,
                "<svg class=\"mark cut\" x=\"{from:.2}%\" y=\"{MIDDLE}\"><path d=\"M-3-6L-11 0L-3 6\"/><title>at or \
                 before: history is cut here</title></svg>"
            );
        }
    }

    fn marks(&self, svg: &mut String, key: &KeyReport) {
        let first = key.first_introduced.iter().filter(|_| key.introductions.is_empty());
        let came: Vec<&Entry> = first.chain(&key.introductions).collect();
        let went: Vec<&Entry> = key.removals.iter().filter(|entry| entry.moved.is_none()).collect();
        let removals = went.len().min((MOST_MARKS / 2).max(MOST_MARKS.saturating_sub(came.len())));
        let came = spread(&came, MOST_MARKS - removals).map(|entry| (entry, true));
        let went = spread(&went, removals).map(|entry| (entry, false));
        for (entry, is_introduction) in came.chain(went) {
            let Some(time) = time_of(entry) else { continue };
            let (class, shape) = match (is_introduction, entry.level, &entry.moved) {
                (true, _, Some(_)) => ("moved", "<path d=\"M0-5L5 0L0 5L-5 0Z\"/>"),
                (true, Level::Key, None) => ("came", "<circle r=\"5\"/>"),
                (true, Level::Path, None) => ("copied", "<circle r=\"4\"/>"),
                (false, _, _) => ("went", CROSS),
            };
            _ = write!(
                svg,
                "<svg class=\"mark {class}\" x=\"{:.2}%\" y=\"{MIDDLE}\">{shape}<title>{}</title></svg>",
                self.at(time),
                markup(&told(entry, class))
            );
        }
    }
}

/// So many entries at most, the first and the last of all among them and the others evenly between.
fn spread<'a>(entries: &'a [&'a Entry], most: usize) -> impl Iterator<Item = &'a Entry> {
    let shown = entries.len().min(most);
    let last = entries.len().saturating_sub(1);
    (0..shown).map(move |at| entries[if shown == 1 { last } else { at * last / (shown - 1) }])
}

/// What stands in the place of a bar that begins nowhere.
fn no_start(svg: &mut String, why: &str) {
    let y = MIDDLE + 4;
    _ = write!(svg, "<text class=\"unknown\" x=\"1.5%\" y=\"{y}\">{}</text>", markup(why));
}

fn told(entry: &Entry, class: &str) -> String {
    let word = match class {
        "moved" => "moved here",
        "came" => "came in",
        "copied" => "copied here",
        _ => "removed",
    };
    let person = entry.committer.as_ref().or(entry.tagger.as_ref());
    let time = person.and_then(clock::recorded).unwrap_or_default();
    let at = wording::at(entry.path.as_ref(), entry.line, &ToOwned::to_owned);
    let commit = entry.commit.map_or(String::new(), |commit| format!(", commit {}", commit.short()));
    format!("{word} {time}{commit}{}{at}", if at.is_empty() { "" } else { ", " })
}

/// The lane in words, for whoever does not see it.
fn label(key: &KeyReport) -> String {
    let copies = key.introductions.iter().filter(|entry| entry.level == Level::Path && entry.moved.is_none()).count();
    let came = key.introductions.iter().filter(|entry| entry.level == Level::Key).count();
    let went = key.removals.iter().filter(|entry| entry.level == Level::Key).count();
    let counts = [
        wording::count(came as u64, "introduction", "introductions"),
        wording::count(copies as u64, "copy", "copies"),
        wording::count(went as u64, "removal", "removals"),
    ];
    format!("{}: exposed {}; {}.", key.hint, clock::span(&key.exposure, wording::is_cut(key)), counts.join(", "))
}

/// The committer's or tagger's time of an entry, in seconds.
fn time_of(entry: &Entry) -> Option<i64> {
    let person = entry.committer.as_ref().or(entry.tagger.as_ref())?;
    clock::seconds(&person.moment()?)
}

#[cfg(test)]
mod tests {
    use super::super::super::sample;
    use super::*;

    /// When the samples were made.
    const NOW: &str = "2026-11-23T10:00:00Z";

    #[test]
    fn an_open_key_from_the_future_has_a_bar_from_the_earliest_time_that_is_none() {
        let mut report = sample::one_key();
        let key = &mut report.keys[0];
        key.exposure.start = Some("2027-03-01T00:00:00Z".to_owned());
        let lane = |report: &Report| Scale::of(report, NOW, None).unwrap().lane(&report.keys[0]);
        let drawn = lane(&report);
        let bar = drawn.split("class=\"span live open\" x=\"").nth(1).expect("a bar");
        let from: f64 = bar.split('%').next().unwrap().parse().unwrap();
        assert!(from < 97.0, "{drawn}");
        let key = &mut report.keys[0];
        (key.first_introduced, key.introductions, key.removals) = (None, Vec::new(), Vec::new());
        let marked = lane(&report);
        assert!(!marked.contains("class=\"span") && marked.contains("clock runs ahead"), "{marked}");
    }

    #[test]
    fn what_is_told_later_is_older() {
        let report = sample::one_key();
        let [then, later] = [NOW, "2027-03-01T00:00:00Z"].map(|now| {
            let scale = Scale::of(&report, now, None).unwrap();
            scale.at(clock::seconds(report.keys[0].exposure.start.as_deref().unwrap()).unwrap())
        });
        assert!(later < then, "{later} {then}");
    }

    #[test]
    fn younger_things_stand_to_the_right_and_nothing_leaves_the_lane() {
        let scale = Scale::of(&sample::report(), NOW, None).unwrap();
        let ages = [0.0, 0.01, 1.0, 7.0, 30.0, 365.0, 1e9];
        let places = ages.map(|age| scale.at_age(age));
        assert!(places.windows(2).all(|pair| pair[0] > pair[1] || pair[1] == 1.5), "{places:?}");
        assert!(places.iter().all(|place| (1.5..=97.5).contains(place)));
        assert_eq!(scale.at(i64::MAX), 97.5);
        assert_eq!(scale.at(i64::MIN), 1.5);
    }

    #[test]
    fn the_edges_of_the_logs_are_apart_however_old_the_oldest_key() {
        for years in [0, 1, 15] {
            let mut report = sample::one_key();
            report.keys[0].exposure.start = Some(format!("{}-11-01T00:00:00Z", 2026 - years));
            let scale = Scale::of(&report, NOW, None).unwrap();
            let places = [0.0, 1.0, 7.0, 30.0].map(|age| scale.at_age(age));
            assert!(places.windows(2).all(|pair| pair[0] - pair[1] > 6.0), "{years} {places:?}");
        }
    }

    #[test]
    fn of_the_plan_that_is_named_alone_is_the_edge_drawn() {
        let report = sample::report();
        let edges = |plan: Option<Plan>| {
            let scale = Scale::of(&report, NOW, plan).unwrap();
            let drawn = |svg: &str| svg.matches("class=\"edge\"").count();
            assert_eq!(drawn(&scale.axis()), drawn(&scale.lane(&report.keys[0])));
            (drawn(&scale.axis()), scale.kept())
        };
        assert_eq!(edges(None), (3, "1 day on Hobby, 7 days on Pro, 30 days on Business".to_owned()));
        assert_eq!(edges(Plan::named("pro")), (1, "7 days on Pro".to_owned()));
    }

    #[test]
    fn what_came_in_many_times_hides_no_removal_and_the_other_way_round() {
        let mut report = sample::one_key();
        let key = &mut report.keys[0];
        let mut entry = key.introductions.iter().chain(&key.first_introduced).next().unwrap().clone();
        entry.moved = None;
        let marks = |came: usize, went: usize| {
            let mut report = report.clone();
            let mut first = entry.clone();
            first.level = Level::Key;
            let copied = Entry { level: Level::Path, ..entry.clone() };
            report.keys[0].introductions = std::iter::once(first).chain(vec![copied; came - 1]).collect();
            report.keys[0].removals = vec![entry.clone(); went];
            let lane = Scale::of(&report, NOW, None).unwrap().lane(&report.keys[0]);
            let count = |class: &str| lane.matches(&format!("class=\"mark {class}\"")).count();
            (count("came") + count("copied"), count("went"))
        };
        assert_eq!(marks(3, 2), (3, 2));
        assert_eq!(marks(130, 1), (119, 1));
        assert_eq!(marks(1, 300), (1, 119));
        assert_eq!(marks(500, 500), (60, 60));
        let all = [&entry; 5];
        assert_eq!([0, 1, 3, 9].map(|most| spread(&all, most).count()), [0, 1, 3, 5]);
    }

    #[test]
    fn an_open_key_reaches_now_and_a_removed_one_does_not() {
        let report = sample::report();
        let scale = Scale::of(&report, NOW, None).unwrap();
        assert!(scale.lane(&report.keys[0]).contains("class=\"span live open\""));
        let removed = report.keys.iter().find(|key| key.exposure.end.is_some() && !key.known).unwrap();
        let lane = scale.lane(removed);
        assert!(lane.contains("class=\"span test\"") && lane.contains("class=\"after test reached\""), "{lane}");
    }
}
