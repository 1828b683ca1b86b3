//! The table of all keys, a row a key, with the picture in its last column.

use std::io;

use crate::model::{Environment, HeldPlace, KeyReport, Liveness, Report, Shown, Where};

use super::super::Options;
use super::super::clock;
use super::super::escape::markup;
use super::super::spot;
use super::super::triage::{self, Triage};
use super::super::wording;
use super::timeline::{CROSS, Scale};

pub(super) fn write(
    report: &Report,
    triage: &Triage<'_>,
    options: Options<'_>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let Some(scale) = Scale::of(report, options.now(report), options.plan) else { return Ok(()) };
    writeln!(out, "<section id=\"timeline\" aria-labelledby=\"timeline-title\">")?;
    writeln!(out, "<h2 id=\"timeline-title\">Which key was open how long</h2>")?;
    controls(out)?;
    // With the roles that they have anyway: a narrow page shows rows as blocks, which in some browsers are then none.
    writeln!(
        out,
        "<table role=\"table\">\n<caption class=\"hidden\">Keys, where each stands, how long it was exposed</caption>\n\
         <thead role=\"rowgroup\">\n<tr role=\"row\"><th scope=\"col\" role=\"columnheader\">Key</th>\
         <th scope=\"col\" role=\"columnheader\">Now</th><th scope=\"col\" role=\"columnheader\">Exposed (UTC)</th>\
         <th scope=\"col\" role=\"columnheader\" class=\"picture\">{}</th></tr>\n</thead>",
        scale.axis()
    )?;
    let is_test = |key: &&KeyReport| key.environment == Environment::Test;
    let mut groups = [
        ("live", "Production keys", report.keys.iter().filter(|key| !is_test(key)).collect::<Vec<_>>()),
        ("test", "Development keys", report.keys.iter().filter(is_test).collect()),
    ];
    // Alive comes before dead or not known, whatever the environment.
    groups.sort_by_key(|(_, _, keys)| !keys.iter().any(|key| triage.liveness(key) == Some(Liveness::Alive)));
    for (id, title, keys) in groups {
        if keys.is_empty() {
            continue;
        }
        writeln!(out, "<tbody id=\"{id}-keys\" role=\"rowgroup\">")?;
        writeln!(
            out,
            "<tr class=\"group\" role=\"row\"><th colspan=\"4\" scope=\"rowgroup\" role=\"rowheader\">{title} \
             <span class=\"number\">{}</span></th></tr>",
            keys.len()
        )?;
        for key in keys {
            row(key, report, triage, options, &scale, out)?;
        }
        writeln!(out, "</tbody>")?;
    }
    writeln!(out, "</table>")?;
    legend(&scale.kept(), out)?;
    writeln!(out, "</section>")
}

/// Shown by the script, which they need.
fn controls(out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(
        out,
        "<form id=\"controls\" hidden role=\"search\" aria-label=\"Filter and order\">\n\
         <label>Search <input id=\"search\" type=\"search\" autocomplete=\"off\" spellcheck=\"false\"></label>\n\
         <label>Environment <select id=\"environment\"><option value=\"\">all</option><option value=\"live\">live</option>\
         <option value=\"test\">test</option></select></label>\n\
         <label>Stands <select id=\"standing\"><option value=\"\">anywhere</option><option value=\"open\">open</option>\
         <option value=\"branch_tip\">on a branch</option><option value=\"other_tip\">on tags, pull or other refs</option>\
         <option value=\"history\">only in history</option><option value=\"unreachable\">only unreachable</option>\
         </select></label>\n\
         <label>Order <select id=\"order\"><option value=\"urgency\">most urgent first</option>\
         <option value=\"since\">oldest first</option><option value=\"-since\">newest first</option>\
         <option value=\"hint\">by name</option></select></label>\n\
         <output id=\"shown\" aria-live=\"polite\"></output>\n</form>"
    )
}

fn legend(kept: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let mark = |class: &str, shape: &str, word: &str| {
        format!(
            "<li><svg width=\"24\" height=\"16\" aria-hidden=\"true\"><svg class=\"mark {class}\" x=\"12\" \
             y=\"8\">{shape}</svg></svg> {word}</li>"
        )
    };
    let marks = [
        mark("came", "<circle r=\"5\"/>", "came in"),
        mark("copied", "<circle r=\"4\"/>", "copied to another file"),
        mark("moved", "<path d=\"M0-5L5 0L0 5L-5 0Z\"/>", "moved"),
        mark("went", CROSS, "removed"),
    ];
    let line = |class: &str, shape: &str, word: &str| {
        format!("<li><svg class=\"{class}\" width=\"40\" height=\"16\" aria-hidden=\"true\">{shape}</svg> {word}</li>")
    };
    let lines = [
        line(
            "lane",
            "<rect class=\"span live open\" x=\"0\" y=\"2\" width=\"40\" height=\"12\" rx=\"2\"/>",
            "stands at a ref's tip",
        ),
        line(
            "lane",
            "<line class=\"after live reached\" x1=\"0\" x2=\"40\" y1=\"8\" y2=\"8\"/>",
            "removed, but history still has it",
        ),
        line(
            "lane",
            "<line class=\"after live lost\" x1=\"0\" x2=\"40\" y1=\"8\" y2=\"8\"/>",
            "its ref is gone, when is not known",
        ),
        line(
            "lane",
            "<rect class=\"kept\" x=\"0\" y=\"0\" width=\"40\" height=\"16\"/><line class=\"edge\" x1=\"1\" x2=\"1\" y1=\"0\" y2=\"16\"/>",
            &format!("Clerk still has the logs: {kept}"),
        ),
    ];
    writeln!(out, "<ul class=\"legend\">\n{}\n{}\n</ul>", marks.join("\n"), lines.join("\n"))
}

fn row(
    key: &KeyReport,
    report: &Report,
    triage: &Triage<'_>,
    options: Options<'_>,
    scale: &Scale,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let urgency = report.keys.iter().position(|other| std::ptr::eq(other, key)).unwrap_or(0);
    let section = section_of(key, triage);
    let since = key.exposure.start.as_deref().and_then(clock::seconds);
    let environment = if key.environment == Environment::Test { "test" } else { "live" };
    let standing = wording::standing_name(key.standing);
    writeln!(
        out,
        "<tr data-section=\"{section}\" data-urgency=\"{urgency}\" data-environment=\"{environment}\" \
         data-standing=\"{standing}\" data-open=\"{}\" data-since=\"{}\" role=\"row\">",
        key.exposure.open,
        since.map_or(String::new(), |since| since.to_string())
    )?;
    writeln!(
        out,
        "<th scope=\"row\" role=\"rowheader\"><a href=\"#{section}\"><code>{}</code></a>{}</th>",
        markup(&key.hint),
        badges(key, options)
    )?;
    let path = place_of(key).map_or(String::new(), |path| {
        let path = super::super::escape::shorten(path.as_str(), 120).into_owned();
        // Long ones are broken between names, if they can be.
        format!("<br><code class=\"path\">{}</code>", markup(&path).to_string().replace('/', "/<wbr>"))
    });
    writeln!(out, "<td role=\"cell\">{}{path}</td>", markup(wording::standing(key)))?;
    writeln!(out, "<td role=\"cell\" class=\"when\">{}</td>", exposed(key, report))?;
    writeln!(out, "<td role=\"cell\" class=\"picture\">{}</td>\n</tr>", scale.lane(key))
}

/// A file that fits where the key stands: what is told of a branch is on one.
fn place_of(key: &KeyReport) -> Option<&Shown> {
    let is_of_branch = |place: &&HeldPlace| {
        ["refs/heads/", "refs/remotes/"].iter().any(|start| place.reference.as_str().starts_with(start))
    };
    let first = || key.first_introduced.as_ref().and_then(|entry| entry.path.as_ref());
    let held = key.held_at.at.iter();
    match key.standing {
        Where::BranchTip => held.filter(is_of_branch).find_map(|place| place.path.as_ref()),
        Where::OtherTip => held.filter(|place| !is_of_branch(place)).find_map(|place| place.path.as_ref()),
        Where::History => first(),
        Where::Unreachable => key.unreachable.iter().find_map(|place| Some(spot::file(place)?.0)).or_else(first),
    }
}

/// The days of an exposure; the whole of it stands in the checklist.
fn exposed(key: &KeyReport, report: &Report) -> String {
    let day = |time: &Option<String>| time.as_deref().and_then(clock::utc_day);
    let from = match day(&key.exposure.start) {
        Some(day) if wording::is_cut(key) => format!("{day} or before"),
        Some(day) => day,
        None => "not known".to_owned(),
    };
    let to = match (key.exposure.open, day(&key.exposure.end)) {
        (true, _) => "<strong>still open</strong>".to_owned(),
        (false, Some(day)) => day,
        (false, None) => "end not known".to_owned(),
    };
    let ahead = match clock::is_exposed_ahead(key, report) {
        true => format!("<em>{}</em><br>", markup(clock::AHEAD)),
        false => String::new(),
    };
    format!("{from}<br>{ahead}– {to}")
}

fn badges(key: &KeyReport, options: Options<'_>) -> String {
    let mut badges = Vec::new();
    let environment = if key.environment == Environment::Test { "test" } else { "live" };
    badges.push((environment, wording::environment(key.environment)));
    let answer = options.answers.and_then(|answers| answers.get(&key.id));
    if let Some(answer) = answer {
        let class = match answer.liveness {
            Liveness::Alive => "alive",
            Liveness::Dead => "dead",
            Liveness::Unknown => "quiet",
        };
        badges.push((class, wording::alive_or_dead(answer.liveness)));
    }
    if key.known {
        badges.push(("quiet", if key.known_again { wording::BACK } else { "known" }));
    }
    if triage::is_possible(key, answer.map(|answer| answer.liveness)) {
        badges.push(("quiet", "possible"));
    }
    let badges = badges.into_iter().map(|(class, word)| format!(" <span class=\"badge {class}\">{word}</span>"));
    let asked = answer.map_or(String::new(), |answer| {
        format!("<br><span class=\"asked\">asked {}</span>", markup(&clock::readable(&answer.at)))
    });
    format!("<br>{}{asked}", badges.collect::<String>().trim_start())
}

/// Where in the checklist a key is.
fn section_of(key: &KeyReport, triage: &Triage<'_>) -> String {
    let is = |other: &&KeyReport| std::ptr::eq(*other, key);
    if let Some(at) = triage.rotate.iter().position(is) {
        return format!("key-{}", at + 1);
    }
    if triage.possible.iter().any(is) { "possible-keys".to_owned() } else { "already-dealt".to_owned() }
}

#[cfg(test)]
mod tests {
    use super::super::super::{Format, sample};
    use super::*;

    #[test]
    fn the_file_that_is_told_is_one_where_the_key_stands_as_is_told() {
        let mut report = sample::one_key();
        let key = &mut report.keys[0];
        key.held_at.at.iter_mut().for_each(|place| place.path = Some(sample::shown("on/a/branch.env")));
        let mut tagged = key.held_at.at[0].clone();
        (tagged.reference, tagged.path) = (sample::shown("refs/tags/v1.0"), Some(sample::shown("in/a/tag.env")));
        key.held_at.at.insert(0, tagged);
        assert_eq!(place_of(key).unwrap().as_str(), "on/a/branch.env");
        key.standing = Where::OtherTip;
        assert_eq!(place_of(key).unwrap().as_str(), "in/a/tag.env");
        (key.standing, key.held_at.at) = (Where::BranchTip, key.held_at.at[..1].to_vec());
        assert!(place_of(key).is_none(), "none that is known is on a branch");
        key.standing = Where::History;
        assert_eq!(place_of(key), key.first_introduced.as_ref().unwrap().path.as_ref());
        let page = sample::written(&report, Format::Html, Options::default());
        assert!(page.contains(">Exposed (UTC)</th>"));
    }
}
