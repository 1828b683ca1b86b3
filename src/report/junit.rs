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
    let mut sentence = spot::sentence(key, answer);
    let several = report.repositories.len() > 1;
    let here: Vec<&RepositoryReport> =
        report.repositories.iter().filter(|repository| spot::is_in(key, repository)).collect();
    if several {
        let paths: Vec<String> = here.iter().map(|repository| repository.path.as_str().to_owned()).collect();
        sentence.push_str(&format!(" It is in {}.", wording::list(&paths)));
    }
    match spot::gravity(key, answer) {
        Gravity::Known | Gravity::Possible => writeln!(out, "      <skipped message=\"{}\"/>", markup(&sentence))?,
        Gravity::Dead | Gravity::Test | Gravity::Live => {
            writeln!(out, "      <failure type=\"{}\" message=\"{}\">", markup(&class), markup(&sentence))?;
            for repository in here {
                let of = if several { format!("{}: ", repository.path) } else { String::new() };
                for spot in spot::spots(key, repository) {
                    let at = wording::at(spot.path, spot.line, &ToOwned::to_owned);
                    let at = if at.is_empty() { at } else { format!("{at} ") };
                    writeln!(out, "{}", markup(&format!("{of}{at}{}", spot.told)))?;
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
    fn of_several_repositories_each_place_is_told_with_its_own() {
        let mut report = sample::one_key();
        let mut other = report.repositories[0].clone();
        other.path = sample::shown("/srv/git/old<b>.git");
        report.repositories.push(other);
        let alone = |format| {
            let mut report = sample::one_key();
            report.repositories.truncate(1);
            sample::written(&report, format, Options::default())
        };
        // In the other it is in history alone.
        let mut entry = report.keys[0].first_introduced.clone().unwrap();
        entry.repository = report.repositories[1].path.clone();
        report.keys[0].introductions.push(entry);
        let text = junit(&report);
        assert!(text.contains("\n/srv/git/shop.git: config/.env:3 stands on refs/heads/main\n"), "{text}");
        assert!(text.contains("\n/srv/git/old&lt;b&gt;.git: "), "{text}");
        assert!(text.contains(" It is in /srv/git/shop.git and /srv/git/old&lt;b&gt;.git.\">"), "{text}");
        assert!(!alone(Format::Junit).contains("/srv/git/shop.git: "));
        // Not every ref that has it is named.
        report.keys[0].held_at.count += 1;
        for format in [Format::Gitlab, Format::Sarif] {
            let text = sample::written(&report, format, Options::default());
            let of_all = "That is of all repositories together; in /srv/git/";
            assert!(text.contains(&format!("{of_all}shop.git a ref's tip has it.")), "{format:?} {text}");
            assert!(text.contains("old<b>.git a ref's tip may have it"), "{format:?} {text}");
            assert!(!alone(format).contains("of all repositories together"), "{format:?}");
        }
        report.keys[0].held_at.count -= 1;
        for format in [Format::Gitlab, Format::Sarif] {
            let text = sample::written(&report, format, Options::default());
            assert!(text.contains("old<b>.git no ref's tip has it, but history does."), "{format:?} {text}");
        }
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
