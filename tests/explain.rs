//! `clerk-audit explain`: what it says of what it is given, and that it shows no more than hints.

mod common;

use common::run::{Audit, Outcome};
use common::secrets::{Alphabet, Padding, alphanumerics, base64, live_key, look_alike, publishable_key, test_key};

fn explain(text: &[u8]) -> Outcome {
    Audit::new(&["explain"]).input(text).run()
}

#[test]
fn a_key_is_named_with_its_place_its_reason_and_its_way_and_never_shown() {
    let (live, test) = (live_key(7001), test_key(7002));
    let encoded = base64(format!("NEXT_PUBLIC_CLERK_SECRET_KEY={test}").as_bytes(), Alphabet::Standard, Padding::Full);
    let said = explain(format!("# set-up\nCLERK_SECRET_KEY={live}\ndata: {encoded}\n").as_bytes());
    assert_eq!(said.code, Some(1));
    let text = said.text();
    for words in [
        "line 2, column 18: a Clerk secret key, certain (high)",
        "because  exactly 42 letters and digits",
        "named    CLERK_SECRET_KEY",
        "read by  undoing base64",
        "(builds put it into what browsers load)",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains(&live[12..40]) && !text.contains(&test[12..40]), "{text}");
}

#[test]
fn what_is_none_of_clerks_is_said_to_be_whose_it_is() {
    let stripe = look_alike(7003, 24);
    let publishable = publishable_key("happy-cat-1.clerk.accounts.dev");
    let half = format!("sk_live_{}****************", alphanumerics(7004, 20));
    let said = explain(format!("a={stripe}\nb={publishable}\nc=sk_test_xxxxxxxxxxxxxxxx\nd={half}\n").as_bytes());
    assert_eq!(said.code, Some(0));
    let text = said.text();
    for words in ["Stripe, not Clerk's", "happy-cat-1.clerk.accounts.dev", "a placeholder", "the rest is masked"] {
        assert!(text.contains(words), "{words}: {text}");
    }
    assert!(!text.contains(&stripe[10..28]) && !text.contains(&half[10..26]), "{text}");
    assert!(explain(b"nothing of the sort").text().starts_with("Nothing:"));
}

#[test]
fn a_name_that_is_hostile_stays_text_and_a_broken_container_is_told() {
    let key = live_key(7005);
    let text = explain(format!("\u{202e}\u{1b}[2J_KEY = {key}").as_bytes()).text();
    assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'), "{text}");
    let said = explain(&[&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &[0xff; 40]].concat());
    assert!(said.text().contains("could not be read into"), "{}", said.text());
    assert_eq!(said.code, Some(0), "opaque is told, and is no gap");
}

#[test]
#[cfg(target_os = "linux")]
fn a_crash_leaves_no_keys_in_a_core_file() {
    use std::process::{Command, Stdio};
    let shell = "ulimit -S -c unlimited 2>/dev/null || ulimit -S -c 64; exec \"$@\"";
    let mut child = Command::new("sh")
        .args(["-c", shell, "sh", env!("CARGO_BIN_EXE_clerk-audit"), "explain"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let limits = format!("/proc/{}/limits", child.id());
    let soft = || {
        let text = std::fs::read_to_string(&limits).unwrap_or_default();
        let line = text.lines().find_map(|line| line.strip_prefix("Max core file size"))?.to_owned();
        line.split_whitespace().next().map(str::to_owned)
    };
    // It waits for its input, and has come so far a moment after it is started.
    let is_set = (0..500).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(10));
        soft().as_deref() == Some("0")
    });
    let found = soft();
    drop(child.stdin.take());
    child.wait().unwrap();
    assert!(is_set, "{found:?}");
}
