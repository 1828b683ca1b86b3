//! HTML: one file that needs nothing else, with all keys in time at the top and the rotation checklist below.
//!
//! Everything foreign passes through [`markup`]; the page's policy (CSP) lets it load nothing, and run and
//! apply only the one script and style whose hashes it names, so that even what slipped through would do nothing.
//! Without the script the page is whole: filter and order are all that it adds.

use std::io;

use sha2::{Digest, Sha256};

use crate::key::base64::ALPHABET;
use crate::model::Report;

use super::Options;
use super::clock;
use super::escape::markup;
use super::triage::{self, Triage};

mod markdown;
mod table;
mod timeline;

const STYLE: &str = include_str!("html/page.css");
const SCRIPT: &str = include_str!("html/page.js");

pub(super) fn write(report: &Report, options: Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    head("Clerk keys in git", out)?;
    let triage = Triage::of(report, options.answers);
    writeln!(out, "<header>\n<h1>Clerk keys in git</h1>")?;
    writeln!(out, "<p class=\"verdict\">{}</p>", markup(&triage.verdict(report)))?;
    if let Some(missing) = triage::incompleteness(report) {
        writeln!(out, "<p class=\"warning\" role=\"alert\">{}</p>", markup(&missing))?;
    }
    if let Some(asked) = triage.asked() {
        writeln!(out, "<p class=\"asked\">{}</p>", markup(&asked))?;
    }
    writeln!(out, "<p class=\"made\">{}</p>\n</header>", markup(clock::COMMIT_CLOCKS))?;
    writeln!(out, "<main>")?;
    if !report.keys.is_empty() {
        table::write(report, &triage, options, out)?;
    }
    writeln!(out, "<article aria-label=\"Rotation checklist\">")?;
    body(report, options, out)?;
    writeln!(out, "</article>\n</main>")?;
    tail(out)
}

/// The checklist's content, from the same Markdown.
fn body(report: &Report, options: Options<'_>, out: &mut dyn io::Write) -> io::Result<()> {
    let mut text = Vec::new();
    super::checklist::write(report, options, &mut text)?;
    out.write_all(markdown::to_html(&String::from_utf8_lossy(&text)).as_bytes())
}

fn head(title: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; script-src 'sha256-{}'; base-uri 'none'; form-action 'none'",
        hash(STYLE),
        hash(SCRIPT)
    );
    writeln!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"referrer\" content=\"no-referrer\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
        markup(title)
    )
}

fn tail(out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "<script>{SCRIPT}</script>\n</body>\n</html>")
}

/// The hash of an inline style or script as a policy names it (CSP level 3): SHA-256 in base64.
fn hash(text: &str) -> String {
    let mut base64 = String::with_capacity(44);
    for group in Sha256::digest(text.as_bytes()).chunks(3) {
        let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let sextet = char::from(ALPHABET[(bits >> (18 - 6 * at)) as usize & 63]);
            base64.push(if at <= group.len() { sextet } else { '=' });
        }
    }
    base64
}

#[cfg(test)]
mod tests {
    use super::super::{Format, sample};
    use super::*;

    fn page(report: &Report) -> String {
        sample::written(report, Format::Html, Options::default())
    }

    #[test]
    fn the_whole_page_reads_as_it_should() {
        sample::assert_golden("report.html", &page(&sample::report()));
    }

    #[test]
    fn hashes_are_as_the_standard_has_them() {
        // The example of CSP level 3, section 8.3, computed by every browser and by `openssl dgst -sha256 -binary`.
        assert_eq!(hash("doSomething();"), "RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc=");
    }

    #[test]
    fn every_foreign_string_is_text() {
        let text = page(&sample::report());
        let without = text.replace(STYLE, "").replace(SCRIPT, "");
        for tag in ["<img", "<b>pay", "<script>x", "<cyd@", "<ann@"] {
            assert!(!without.contains(tag), "{tag}");
        }
        assert!(without.contains("&lt;img src=x&gt;") && without.contains("&lt;script&gt;x&lt;/script&gt;"));
        assert_eq!(without.matches("<script>").count(), 1);
    }

    #[test]
    fn nothing_is_loaded_and_links_lead_to_clerk_alone() {
        let text = page(&sample::report());
        for attribute in ["src=\"", "href=\"", "action=\"", "style=\"", " on"] {
            for (at, _) in text.match_indices(attribute) {
                let value = &text[at + attribute.len()..];
                match attribute {
                    "href=\"" => {
                        let is_clerks = ["https://dashboard.clerk.com/", "https://clerk.com/docs/", "#"]
                            .iter()
                            .any(|start| value.starts_with(start));
                        assert!(is_clerks, "{}", &value[..40]);
                    }
                    // No handler stands in an attribute.
                    " on" => {
                        assert!(!value.split(['<', ' ', '\n']).next().unwrap().contains("=\""), "{}", &value[..40])
                    }
                    _ => panic!("{attribute} at {}", &value[..40]),
                }
            }
        }
        assert!(!STYLE.contains("url(") && !STYLE.contains("@import"));
        assert!(!SCRIPT.contains("innerHTML") && !SCRIPT.contains("eval") && !SCRIPT.contains("http"));
    }

    #[test]
    fn what_clerk_answered_stands_at_the_top_and_in_each_row_and_the_living_come_first() {
        use crate::model::Liveness::{Alive, Dead, Unknown};
        let page = |livenesses: &[_]| {
            let mut report = sample::report();
            report.keys.sort_by_key(|key| key.environment == crate::model::Environment::Live);
            let answers = sample::answers(&report, livenesses);
            sample::written(&report, Format::Html, Options { answers: Some(&answers), ..Options::default() })
        };
        let text = page(&[Alive, Dead, Unknown]);
        assert!(text.contains(
            "<p class=\"asked\">Clerk was asked, last on 2026-11-24 09:00:00 UTC: 1 alive, 1 dead, 1 not known, 5 not \
             asked about.</p>"
        ));
        for (class, word) in [("alive", "alive"), ("dead", "dead"), ("quiet", "alive or dead: not known")] {
            let badge = format!("<span class=\"badge {class}\">{word}</span>");
            let at = text.find(&badge).unwrap();
            let cell = text[at..].split("</th>").next().unwrap();
            assert!(cell.ends_with("<br><span class=\"asked\">asked 2026-11-24 09:00:00 UTC</span>"), "{cell}");
        }
        // A development key that is alive outweighs production keys of which nobody knows.
        let place = |text: &str, id: &str| text.find(&format!("<tbody id=\"{id}\"")).unwrap();
        assert!(place(&text, "test-keys") < place(&text, "live-keys"));
        let text = page(&[Dead]);
        assert!(place(&text, "live-keys") < place(&text, "test-keys"));
        assert!(!page(&[]).contains("Clerk was asked"));
    }

    #[test]
    fn a_clean_page_is_short_and_calm() {
        let text = page(&sample::clean());
        assert!(
            text.contains("No Clerk secret key found") && !text.contains("<svg") && !text.contains("role=\"alert\"")
        );
    }
}
