//! The search for one key whose text is known, against the scan: it rules out nothing that a scan finds.

use clerk_audit::detect::{Detector, Found, Search};
use clerk_audit::key::KeyText;
use clerk_audit::model::Kind;

use crate::parse::all_cases;
use crate::{expanded, secrets, seeds};

/// Where the search says something else than the scan, in words.
fn problem(detector: &Detector, bytes: &[u8], absent: &KeyText) -> Option<String> {
    let (mut keys, mut publishable) = (Vec::new(), 0);
    let unread = detector.scan(bytes, &mut |found| match found {
        Found::Key(found) if found.kind == Kind::SecretKey => keys.push(found.key),
        Found::Publishable { .. } => publishable += 1,
        _ => {}
    });
    for key in &keys {
        let Some(one) = detector.for_key(key) else { return Some(format!("{key:?} is a secret key")) };
        if one.search(bytes, &|| false) != Search::Maybe {
            return Some(format!("{key:?} is passed over"));
        }
    }
    let one = detector.for_key(absent)?;
    match one.search(bytes, &|| false) {
        Search::Maybe => None,
        Search::Nothing(_) if publishable > 0 => Some("what tells an instance is passed over".to_owned()),
        Search::Nothing(told) => (told != unread).then(|| format!("it could not read {told:?}, the scan {unread:?}")),
    }
}

#[test]
fn the_search_for_one_key_rules_out_no_key_of_any_case() {
    let detector = Detector::new();
    let absent = KeyText::new(secrets::live_key(77_001).as_bytes());
    let (cases, seeds) = (all_cases(), seeds());
    let mut failing = Vec::new();
    for case in &cases {
        for &seed in &seeds {
            let bytes = expanded(case, seed).bytes;
            let wrong = problem(&detector, &bytes, &absent);
            failing.extend(wrong.map(|wrong| format!("{}.txt:{} (seed {seed}): {wrong}", case.theme, case.line)));
        }
    }
    assert!(failing.is_empty(), "{} cases fail:\n{}", failing.len(), failing.join("\n"));
}

#[test]
fn only_secret_keys_are_searched_for_by_their_text() {
    let detector = Detector::new();
    for other in ["whsec_abc", "test_abc", "ak_abc", "abc", ""] {
        assert!(detector.for_key(&KeyText::new(other.as_bytes())).is_none(), "{other}");
    }
}
