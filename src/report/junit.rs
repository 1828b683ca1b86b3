//! JUnit's XML, as CI servers read it: each key is a test that failed, each repository one that says whether all of it
//! was read.
//!
//! A key of low confidence and a known one are skipped tests: told, and no failure, as in the exit status; unless Clerk
//! accepted it.

use std::io;

use crate::model::{Answer, Answers, KeyReport, Report, RepositoryReport};

use super::escape::markup;
use super::spot::{self, Gravity};
use super::{remedy, wording};

pub(super) fn write(report: &Report, answers: Option<&Answers>, out: &mut dyn io::Write) -> io::Result<()> {
    let gravity = |key: &KeyReport| spot::gravity(key, spot::answer(answers, key));
    let skipped = report.keys.iter().filter(|key| gravity(key) <= Gravity::Possible).count();
    let failures = report.keys.len() - skipped;
    // Where there is no key, that is the test that passed.
    let tests = report.keys.len().max(1);
    let errors = report.repositories.iter().filter(|repository| !repository.skipped.is_empty()).count();
    let repositories = report.repositories.len();
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(
        out,
        "<testsuites name=\"clerk-audit\" tests=\"{}\" failures=\"{failures}\" errors=\"{errors}\" \
         skipped=\"{skipped}\">",
        tests + repositories
    )?;
    let timestamp = report.generated_at.get(..19).unwrap_or_default();
    writeln!(
        out,
        "  <testsuite name=\"keys\" tests=\"{tests}\" failures=\"{failures}\" errors=\"0\" skipped=\"{skipped}\" \
         timestamp=\"{}\">",
        markup(timestamp)
    )?;
    for key in &report.keys {
        key_case(report, key, spot::answer(answers, key), out)?;
    }
    if report.keys.is_empty() {
        writeln!(out, "    <testcase classname=\"clerk-audit.keys\" name=\"no Clerk key\"/>")?;
    }
    writeln!(out, "  </testsuite>")?;
    writeln!(
        out,
        "  <testsuite name=\"coverage\" tests=\"{repositories}\" failures=\"0\" errors=\"{errors}\" skipped=\"0\">"
    )?;
    for repository in &report.repositories {
        repository_case(repository, out)?;
    }
    writeln!(out, "  </testsuite>\n</testsuites>")
}

fn key_case(report: &Report, key: &KeyReport, answer: Option<&Answer>, out: &mut dyn io::Write) -> io::Result<()> {
    let name = format!("{} {}", key.hint, key.id);
    let class = format!("clerk-audit.{}", spot::slug(key));
    writeln!(out, "    <testcase classname=\"{}\" name=\"{}\">", markup(&class), markup(&name))?;
    let sentence = spot::sentence(key, answer);
    match spot::gravity(key, answer) {
        Gravity::Known | Gravity::Possible => writeln!(out, "      <skipped message=\"{}\"/>", markup(&sentence))?,
        Gravity::Dead | Gravity::Test | Gravity::Live => {
            writeln!(out, "      <failure type=\"{}\" message=\"{}\">", markup(&class), markup(&sentence))?;
            for repository in report.repositories.iter().filter(|repository| spot::is_in(key, repository)) {
                for spot in spot::spots(key, repository) {
                    let at = wording::at(spot.path, spot.line, &ToOwned::to_owned);
                    let at = if at.is_empty() { at } else { format!("{at} ") };
                    writeln!(out, "{}", markup(&format!("{at}{}", spot.told)))?;
                }
            }
            writeln!(out, "{}</failure>", markup(&remedy::in_sentences(key.kind, answer)))?;
        }
    }
    writeln!(out, "    </testcase>")
}

fn repository_case(repository: &RepositoryReport, out: &mut dyn io::Write) -> io::Result<()> {
    let name = markup(repository.path.as_str()).to_string();
    if repository.skipped.is_empty() {
        return writeln!(out, "    <testcase classname=\"clerk-audit.coverage\" name=\"{name}\"/>");
    }
    let number = wording::count(repository.skipped.len() as u64, "thing was not read", "things were not read");
    writeln!(out, "    <testcase classname=\"clerk-audit.coverage\" name=\"{name}\">")?;
    writeln!(out, "      <error type=\"incomplete\" message=\"{}\">", markup(&number))?;
    for skipped in &repository.skipped {
        let why = wording::skipped(&skipped.reason);
        let detail = if skipped.detail.as_str().is_empty() { String::new() } else { format!(", {}", skipped.detail) };
        writeln!(out, "{}", markup(&format!("{}: {why}{detail}", skipped.object)))?;
    }
    writeln!(out, "</error>\n    </testcase>")
}

#[cfg(test)]
mod tests {
    use super::super::{Format, Options, sample};
    use super::*;

    fn junit(report: &Report) -> String {
        sample::written(report, Format::Junit, Options::default())
    }

    #[test]
    fn the_whole_report_reads_as_it_should() {
        sample::assert_golden("report.junit.xml", &junit(&sample::report()));
    }

    #[test]
    fn it_is_well_formed_and_its_counts_are_right() {
        for report in [sample::report(), sample::clean(), sample::unopened(), sample::one_key()] {
            let text = junit(&report);
            let document = roxmltree::Document::parse(&text).unwrap();
            for suite in document.descendants().filter(|node| node.has_tag_name("testsuite")) {
                let count = |name: &str| suite.descendants().filter(|node| node.has_tag_name(name)).count().to_string();
                assert_eq!(suite.attribute("tests").unwrap(), count("testcase"));
                assert_eq!(suite.attribute("failures").unwrap(), count("failure"));
                assert_eq!(suite.attribute("errors").unwrap(), count("error"));
                assert_eq!(suite.attribute("skipped").unwrap(), count("skipped"));
            }
        }
    }

    #[test]
    fn what_to_do_is_what_is_to_be_done_about_that_kind() {
        use crate::model::Kind;
        for (kind, what) in [
            (Kind::SecretKey, "add a new key, deploy it"),
            (Kind::WebhookSecret, "add a new endpoint"),
            (Kind::EncryptionKey, "openssl rand -hex 32"),
            (Kind::ClaimToken, "claim the application"),
        ] {
            for (format, of_secret_key) in [
                (Format::Junit, "delete this one"),
                (Format::Gitlab, "rotate-api-keys"),
                (Format::Sarif, "delete this one"),
            ] {
                let text = sample::written(&sample::of_kind(kind), format, Options::default());
                assert!(text.to_lowercase().contains(what), "{kind:?}: {text}");
                assert_eq!(text.contains(of_secret_key), kind == Kind::SecretKey, "{kind:?}: {text}");
            }
        }
        let text = sample::written(&sample::of_kind(Kind::EncryptionKey), Format::Text, Options::default());
        assert!(text.contains(", an encryption key") && !text.contains(" a encryption"), "{text}");
    }

    #[test]
    fn no_character_breaks_it() {
        let everything: String = ('\0'..=char::MAX).filter(|character| u32::from(*character) < 0x2_0000).collect();
        let mut report = sample::one_key();
        report.keys[0].held_at.at[0].path = Some(sample::shown(&everything));
        report.repositories[0].path = sample::shown("]]></failure><x>");
        let text = junit(&report);
        let document = roxmltree::Document::parse(&text).unwrap();
        assert!(document.descendants().all(|node| !node.has_tag_name("x")));
    }
}
