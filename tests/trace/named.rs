//! Credentials that only a name tells: how they are named, and what is said of where their values may stand alone.

use crate::common::fixture::Repo;
use crate::common::run::Audit;
use crate::common::secrets::{alphanumerics, key_id, live_key};
use crate::{MAIN, env, trace};

const WARNING: &str = "Where its value stands alone";

/// An encryption key, and repositories that have it with its name and without.
fn named_and_bare() -> (String, Repo, Repo) {
    let key = key_id(&alphanumerics(8400, 30))["sha256:".len()..].to_owned();
    let (mut named, mut bare) = (Repo::bare(), Repo::bare());
    named.commit_on(MAIN, &[(".env", Some(&format!("CLERK_ENCRYPTION_KEY={key}\n")))], "A");
    bare.commit_on(MAIN, &[("notes", Some(&format!("AES={key}\n")))], "A");
    named.finish();
    bare.finish();
    (key, named, bare)
}

#[test]
fn a_credential_without_a_prefix_is_named_by_its_hint_or_a_beginning_of_it() {
    let (key, named, _bare) = named_and_bare();
    let hint = format!("{}…{}", &key[..4], &key[60..]);
    let typed = hint.replace('…', "...");
    for name in [&key[..4], &key[..4].to_uppercase(), &hint, &typed, &key_id(&key), &key_id(&key)[7..17]] {
        let run = trace("", &[named.path()], &["--id", name]);
        assert_eq!(run.code, Some(1), "{name}: {}{}", run.text(), run.errors());
        assert!(run.text().contains(&key_id(&key)), "{name}: {}", run.text());
    }
    // More of it than a hint shows is no beginning of one.
    let more = trace("", &[named.path()], &["--id", &format!("{}…{}", &key[..5], &key[60..])]);
    assert!(more.code == Some(2) && !more.errors().contains(&key[..5]), "{}", more.errors());
}

#[test]
fn what_only_a_name_tells_is_warned_of_however_it_is_named_and_wherever_else_it_is() {
    let (key, named, bare) = named_and_bare();
    let report = named.beside("report.json");
    Audit::new(&["history", "--format", "json", "--output"]).and(&report).and(named.path()).run();
    let (id, report) = (key_id(&key), report.to_str().unwrap());
    let hint = format!("{}…{}", &key[..4], &key[60..]);
    let both = [named.path(), bare.path()];
    for (typed, options) in [(key.as_str(), &[][..]), ("", &["--id", &id]), ("", &["--id", &id, "--report", report])] {
        let run = trace(typed, &both, options);
        assert!(run.code == Some(1) && run.errors().contains(WARNING), "{options:?}: {}", run.errors());
    }
    for options in [&["--id", &hint][..], &["--id", &id, "--report", report]] {
        let run = trace("", &[bare.path()], options);
        assert!(run.code == Some(3) && run.errors().contains(WARNING), "{options:?}: {}", run.errors());
    }
    // Of an id alone it is not known what it is the id of.
    let run = trace("", &[bare.path()], &["--id", &id]);
    assert!(run.errors().contains("--report says of what kind it is"), "{}", run.errors());
    // A secret key tells itself.
    let secret = live_key(8401);
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&env(&secret)))], "A");
    repo.finish();
    for (typed, options) in
        [(secret.as_str(), &[][..]), ("", &["--id", &key_id(&secret)]), ("", &["--id", &secret[..12]])]
    {
        let run = trace(typed, &[repo.path(), bare.path()], options);
        assert!(run.code == Some(1) && run.errors().is_empty(), "{}", run.errors());
    }
}

#[test]
fn a_key_of_another_length_that_an_audit_reports_is_traced_with_its_name_and_no_typing_error_is() {
    for length in [38, 39, 40, 41, 43, 45, 46] {
        let key = format!("sk_{}_{}", "live", alphanumerics(8400 + length as u64, length));
        let mut repo = Repo::bare();
        repo.commit_on(MAIN, &[(".env", Some(&env(&key)))], "A");
        repo.finish();
        let report = Audit::history(repo.path()).run().report();
        let id = key_id(&key);
        let found = report["keys"].as_array().unwrap().iter().find(|key| key["id"] == id.as_str()).cloned();
        let is_reported = found.is_some_and(|key| key["confidence"] != "low");
        let named = trace(&format!("CLERK_SECRET_KEY={key}"), &[repo.path()], &[]);
        if is_reported {
            assert_eq!(named.code, Some(1), "{length}: {}", named.errors());
            assert!(named.text().contains(&id), "{length}: {}", named.text());
        } else {
            assert!(
                named.errors().contains(&format!("has {length} letters and digits")),
                "{length}: {}",
                named.errors()
            );
        }
        // Without its name it is not told from a key that was mistyped.
        let typed = trace(&key, &[repo.path()], &[]);
        assert_eq!(typed.code, Some(2), "{length}: {}", typed.errors());
        assert!(typed.errors().contains(&format!("has {length} letters and digits")), "{length}: {}", typed.errors());
    }
}
