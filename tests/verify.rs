//! `verify`, against a stand-in for Clerk on this machine, over real TLS.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the failing test's message")]

mod common;

mod verify {
    mod kept;
    mod proxies;
}

use std::collections::HashMap;
use std::time::Duration;

use common::clerk::{Answer, Clerk, INSTANCE, response};
use common::fixture::Repo;
use common::git;
use common::incident::{Case, answers, asking, status};
use common::nobody::Nobody;
use common::run::Audit;
use common::secrets::{alphanumerics, key_id, live_key, look_alike, test_key};
use common::terminal::Terminal;
use common::tools;

const MAIN: &str = "refs/heads/main";

#[test]
fn the_living_are_told_from_the_dead_and_sort_the_checklist() {
    // The development key is alive, and the production key, which would come first, is not.
    let case = Case::two();
    let clerk = Clerk::start(answers(&case, [Answer::Dead, Answer::Alive(INSTANCE)]));
    let run = case.verify(&clerk).run();
    assert_eq!(run.code, Some(1), "{}{}", run.text(), run.errors());
    let text = run.text();
    assert!(text.contains(&format!("dead     {}", case.hint(0))) && text.contains("clerk_key_invalid"), "{text}");
    assert!(
        text.contains(&format!("alive    {}", case.hint(1))) && text.contains(&format!("instance {INSTANCE}")),
        "{text}"
    );
    assert!(run.errors().contains("This sends 2 keys") && run.errors().contains("\"last used\""), "{}", run.errors());
    case.assert_silent(&run);
    for request in clerk.requests() {
        assert!(request.starts_with("GET /v1/instance HTTP/1.1\r\n"), "{request}");
        assert!(request.to_lowercase().contains("clerk-api-version: 2026-05-12"));
        // In the one header, and nowhere else.
        let key = case.keys.iter().find(|key| request.contains(key.as_str())).unwrap();
        assert_eq!(request.matches(&key[8..]).count(), 1);
    }
    assert_eq!(clerk.requests().len(), 2);

    let checklist = Audit::new(&["checklist"]).and(&case.report).run();
    let text = checklist.text();
    assert!(text.find(&format!("1. `{}`", case.hint(1))).is_some(), "{text}");
    assert!(
        text.contains("**Alive:** Clerk accepted it") && text.contains(&format!("has `{INSTANCE}` in it")),
        "{text}"
    );
    let asked = |text: &str| {
        let line = text.split("Clerk was asked, last on ").nth(1).unwrap_or_default();
        assert!(line.contains(" UTC: 1 alive, 1 dead."), "{text}");
    };
    asked(&text);
    let html = Audit::new(&["checklist", "--format", "html"]).and(&case.report).run().text();
    assert!(
        html.contains("<span class=\"badge alive\">alive</span>") && html.contains("<span class=\"asked\">asked 2")
    );
    asked(&html);
    assert!(html.find(&case.hint(1)) < html.find(&case.hint(0)), "alive first, whatever the environment");
    let text = Audit::new(&["checklist", "--format", "text"]).and(&case.report).run().text();
    asked(&text);
    assert!(text.contains("Clerk says    alive: Clerk accepted it on 2"), "{text}");
    assert!(text.contains("Clerk says    dead: Clerk refused it on 2"), "{text}");
    assert!(text.find(&case.hint(1)) < text.find(&case.hint(0)), "{text}");
    let open = status(&case, &[]).text();
    assert!(open.find(&case.hint(1)) < open.find(&case.hint(0)), "{open}");
}

#[test]
fn a_key_that_is_noted_as_dealt_with_and_alive_is_not_dealt_with() {
    let case = Case::new(vec![live_key(7008)]);
    let text = std::fs::read_to_string(&case.report).unwrap();
    let mut report: serde_json::Value = serde_json::from_str(&text).unwrap();
    report["keys"][0]["known"] = true.into();
    std::fs::write(&case.report, report.to_string()).unwrap();
    let quiet = status(&case, &[]);
    assert_eq!(quiet.code, Some(0), "{}", quiet.text());
    // Neither has an open box for what asks for nothing, and both tell that it is there.
    let at_tip = "still stands at a tip. Make sure that it is deleted in Clerk, then take it out of the code.";
    let sheet = Audit::new(&["checklist"]).and(&case.report).run().text();
    assert!(sheet.contains(&format!("  - It {at_tip}")) && !sheet.contains("[ ]"), "{sheet}");
    assert!(quiet.text().contains(&format!("{} is known, and {at_tip}", case.hint(0))), "{}", quiet.text());
    let clerk = Clerk::start(answers(&case, [Answer::Alive(INSTANCE)]));
    assert_eq!(case.verify(&clerk).run().code, Some(1));
    let run = status(&case, &["--done", &format!("{}:logs", case.hint(0)), "--by", "Ann"]);
    assert_eq!(run.code, Some(1), "{}{}", run.text(), run.errors());
    assert!(run.text().contains("[x] logs") && run.text().contains("[ ] dead"), "{}", run.text());
    for format in ["text", "markdown", "html"] {
        let run = Audit::new(&["checklist", "--format", format]).and(&case.report).run();
        assert!(run.text().contains("known, but alive"), "{format}: {}", run.text());
    }
}

#[test]
fn it_goes_on_where_it_stopped_and_asks_the_dead_no_more() {
    let case = Case::two();
    let clerk = Clerk::start(answers(&case, [Answer::Dead, Answer::Alive(INSTANCE)]));
    case.verify(&clerk).run();
    let again = case.verify(&clerk).run();
    assert_eq!((again.code, clerk.requests().len()), (Some(1), 2), "it was alive a moment ago");
    assert!(again.errors().contains("1 key was alive less than an hour ago"), "{}", again.errors());
    // What was alive yesterday may be deleted by now.
    let answered = case.status_file();
    let at = answered.split("\"alive\"").nth(1).unwrap().split("\"at\":\"").nth(1).unwrap()[..20].to_owned();
    std::fs::write(case.status_path(), answered.replace(&at, "2026-01-01T00:00:00Z")).unwrap();
    let later = case.verify(&clerk).run();
    assert_eq!((later.code, clerk.requests().len()), (Some(1), 3), "the living is asked again");
    let all = case.verify(&clerk).and("--again").run();
    assert_eq!((all.code, clerk.requests().len()), (Some(1), 5));
}

#[test]
fn whoever_was_not_answered_comes_first_the_next_time() {
    let case = Case::new((0..8).map(|seed| live_key(7080 + seed)).collect());
    let later = || Answer::Raw(response("429 Too Many Requests", "retry-after: 3600\r\n", "{}"));
    let alive = || Answer::Alive(INSTANCE);
    // For two runs the server takes no question, and has said so of three keys before it is left alone.
    let mut order: Vec<String> = Vec::new();
    for (run, expected) in [(0, Some(3)), (1, Some(3)), (2, Some(1)), (3, Some(1))] {
        let clerk = Clerk::start(case.keys.iter().cloned().map(|key| (key, alive())).collect());
        let limited = Clerk::start(case.keys.iter().cloned().map(|key| (key, later())).collect());
        let first = if run < 2 { &limited } else { &clerk };
        // Those of which the server said "later" are asked about before that is over only if one says so.
        let verify = case.verify(first);
        let told = if run == 2 { verify.and("--again") } else { verify }.run();
        let asked: Vec<String> = first.requests().iter().map(|request| bearer(request)).collect();
        match run {
            0 => assert_eq!(asked.len(), 3),
            1 => {
                let are_others = asked.iter().all(|key| !order.contains(key));
                assert!(asked.len() == 3 && are_others, "three others: {}", told.errors());
            }
            2 => {
                let are_asked: Vec<bool> = asked.iter().map(|key| order.contains(key)).collect();
                assert_eq!(are_asked, [&[false; 2][..], &[true; 6]].concat(), "{}", told.errors());
            }
            _ => assert!(asked.is_empty(), "nothing is left to be asked"),
        }
        assert_eq!(told.code, expected, "{}", told.errors());
        order.extend(asked);
    }
}

/// The key that a request is about.
fn bearer(request: &str) -> String {
    let line = request.lines().find(|line| line.to_lowercase().starts_with("authorization:")).unwrap();
    line.split("Bearer ").nth(1).unwrap().to_owned()
}

#[test]
fn what_is_asked_again_and_not_answered_is_not_known() {
    let case = Case::two();
    let clerk = Clerk::start(HashMap::new());
    assert_eq!(case.verify(&clerk).run().code, Some(0));
    let nobody = Nobody::listening();
    let again = || Audit::new(&["verify", "--yes", "--again", "--api-url"]).and(format!("https://{}", nobody.address));
    let run = again().and(&case.report).run();
    assert_eq!(run.code, Some(3), "{}{}", run.text(), run.errors());
    assert!(run.text().contains("clerk_key_invalid"), "what was answered before stays: {}", run.text());
    assert_eq!(case.verify(&clerk).run().code, Some(0), "and so it is where nothing is asked again");
}

#[test]
fn a_key_that_a_server_names_for_an_instance_is_not_noted() {
    let case = Case::new(vec![live_key(7090)]);
    let body = case.keys[0][8..].to_owned();
    for echo in [body.clone(), body[..27].to_owned(), format!("2abcDEFabcDEFabcDEF{}", &body[20..28])] {
        let json = format!(r#"{{"object":"instance","id":"ins_{echo}"}}"#);
        let clerk = Clerk::start(answers(&case, [Answer::Raw(response("200 OK", "", &json))]));
        let run = case.verify(&clerk).and("--again").run();
        assert_eq!(run.code, Some(1), "{}", run.text());
        assert!(run.text().contains("accepted it (200)") && !run.text().contains("ins_"), "{}", run.text());
        let said = format!("{}{}{}", run.text(), run.errors(), case.status_file());
        assert!(!said.contains(&body[20..28]) && !said.contains(&body[..27]), "{said}");
    }
}

#[test]
fn a_signal_keeps_what_was_answered() {
    let case = Case::new((0..8).map(|seed| live_key(7100 + seed)).collect());
    let slow = |key: &String| (key.clone(), Answer::Slow(Duration::from_millis(400)));
    let clerk = Clerk::start(case.keys.iter().map(slow).collect());
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_clerk-audit"))
        .args(["verify", "--yes", "--api-url", &clerk.url(), "--ca-file"])
        .arg(clerk.authority())
        .arg(&case.report)
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let answered = || case.status_file().matches("\"alive\"").count();
    let started = std::time::Instant::now();
    while answered() == 0 {
        assert!(started.elapsed() < Duration::from_secs(60), "nothing is kept while it goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(tools::signal(child.id(), "INT"));
    assert_eq!(child.wait().unwrap().code(), Some(3));
    let kept = answered();
    assert!((1..8).contains(&kept), "{kept}");
    let before = clerk.requests().len();
    assert_eq!(case.verify(&clerk).run().code, Some(1));
    assert_eq!(clerk.requests().len() - before, 8 - kept, "only the rest is asked");
}

#[test]
fn ctrl_c_at_the_question_ends_it_and_nothing_is_sent() {
    let case = Case::two();
    let clerk = Clerk::start(HashMap::new());
    let authority = clerk.authority();
    let arguments = ["verify", case.report.to_str().unwrap(), "--api-url", &clerk.url(), "--ca-file"];
    let mut terminal = Terminal::start(&[&arguments[..], &[authority.to_str().unwrap()]].concat());
    terminal.wait_for("Send? [y/N]");
    terminal.types("\u{3}");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("Nothing was sent.") && clerk.requests().is_empty(), "{shown}");
}

#[test]
fn every_fault_of_a_server_is_unknown_with_its_reason() {
    let elsewhere = Clerk::start(HashMap::new());
    let redirect = format!("location: {}/v1/instance\r\n", elsewhere.url());
    let html = "<html><script>alert(1)</script>Sign in to the guest network</html>";
    let other_code = r#"{"errors":[{"code":"authorization_header_format_invalid"}]}"#;
    for (answer, reason) in [
        (Answer::Slow(Duration::from_secs(30)), "no answer in time"),
        (Answer::Cut, ""),
        (Answer::Raw(response("500 Internal Server Error", "", "oops")), "the server failed (500)"),
        (Answer::Raw(response("403 Forbidden", "", "{}")), "says nothing of the key (403)"),
        (Answer::Raw(response("200 OK", "", html)), "and no instance"),
        (Answer::Raw(response("302 Found", &redirect, "")), "redirected (302), which is not followed"),
        (Answer::Raw(response("307 Temporary Redirect", &redirect, "")), "not followed"),
        (Answer::Raw(response("401 Unauthorized", "", other_code)), "refused (401), and not for the key"),
        (Answer::Raw(response("429 Too Many Requests", "retry-after: 3600\r\n", "")), "it says to wait 3600 s"),
        (Answer::Raw("garbage\r\n\r\n".to_owned()), ""),
        (Answer::Huge(10 << 20), "far too long"),
    ] {
        let case = Case::new(vec![live_key(7003)]);
        let clerk = Clerk::start(answers(&case, [answer.clone()]));
        let run = case.verify(&clerk).run();
        assert_eq!(run.code, Some(3), "{answer:?}: {}{}", run.text(), run.errors());
        assert!(run.text().starts_with("unknown ") && run.text().contains(reason), "{answer:?}: {}", run.text());
        assert!(!run.text().contains("script") && run.wall < Duration::from_secs(20), "{answer:?}");
        case.assert_silent(&run);
    }
    assert!(elsewhere.requests().is_empty(), "no key went where a redirect pointed");
}

#[test]
fn a_server_that_says_later_is_asked_later() {
    let case = Case::new(vec![live_key(7004)]);
    let busy = Answer::Raw(response("429 Too Many Requests", "retry-after: 1\r\n", "{}"));
    let then = Answer::Then(Box::new(busy), Box::new(Answer::Alive(INSTANCE)));
    let clerk = Clerk::start(answers(&case, [then]));
    let run = case.verify(&clerk).run();
    assert_eq!((run.code, clerk.requests().len()), (Some(1), 2), "{}", run.text());
    assert!(run.wall >= Duration::from_secs(1));
    assert!(run.errors().contains("it is asked again in 1 s"), "nobody waits without a word: {}", run.errors());
}

/// A date as HTTP has it, so many seconds from that moment.
fn http_date(from: time::OffsetDateTime, seconds: i64) -> String {
    let date = from + time::Duration::seconds(seconds);
    let text = date.format(&time::format_description::well_known::Rfc2822).unwrap();
    text.replace("+0000", "GMT")
}

#[test]
fn a_server_that_names_the_moment_is_asked_then() {
    let now = time::OffsetDateTime::now_utc;
    let busy = "429 Too Many Requests";
    let long_ago = now() - time::Duration::days(9000);
    let ask = |status: &str, headers: &str| {
        let case = Case::new(vec![live_key(7005)]);
        let later = Answer::Raw(response(status, headers, "{}"));
        let then = Answer::Then(Box::new(later), Box::new(Answer::Alive(INSTANCE)));
        let clerk = Clerk::start(answers(&case, [then]));
        let run = case.verify(&clerk).run();
        assert_eq!((run.code, clerk.requests().len()), (Some(1), 2), "{headers}: {}{}", run.text(), run.errors());
        assert!(run.wall < Duration::from_secs(60), "{headers}");
        case.assert_silent(&run);
        run.wall
    };
    // By this machine's clock, where the server tells nothing of its own. (A date has whole seconds.)
    for status in [busy, "503 Service Unavailable"] {
        let moment = now() + time::Duration::seconds(8);
        ask(status, &format!("retry-after: {}\r\n", http_date(moment, 0)));
        assert!(now() >= moment - time::Duration::seconds(1), "{status}");
    }
    // By the server's, where it does: one of the two clocks is off by many years.
    let theirs = format!("date: {}\r\nretry-after: {}\r\n", http_date(long_ago, 0), http_date(long_ago, 3));
    assert!(ask(busy, &theirs) >= Duration::from_secs(3));
    // A moment that is over is no leave to hammer.
    assert!(ask(busy, &format!("retry-after: {}\r\n", http_date(long_ago, 0))) >= Duration::from_secs(1));
}

#[test]
fn a_moment_too_far_off_is_told_and_not_waited_for() {
    let far = http_date(time::OffsetDateTime::now_utc(), 7200);
    // Of one instance Clerk says nothing of another; a server that is away is asked nothing more.
    for (status, word, requests) in
        [("429 Too Many Requests", "too many requests (429)", 2), ("503 Service Unavailable", "failed (503)", 1)]
    {
        let case = Case::two();
        let busy = Answer::Raw(response(status, &format!("retry-after: {far}\r\n"), "{}"));
        let clerk = Clerk::start(answers(&case, [busy, Answer::Alive(INSTANCE)]));
        let run = case.verify(&clerk).run();
        assert_eq!((run.code, clerk.requests().len()), (Some(3), requests), "{}{}", run.text(), run.errors());
        let text = run.text();
        assert!(text.contains(word) && (text.contains("wait 719") || text.contains("wait 7200")), "{text}");
        assert!(run.errors().contains("run it again in 7"), "{}", run.errors());
        assert!(run.wall < Duration::from_secs(20));
    }
}

#[test]
fn a_key_of_an_instance_that_takes_no_more_keeps_no_other_from_being_asked_about() {
    let case = Case::new((0..4).map(|seed| live_key(7200 + seed)).collect());
    let busy = |wait: &str| Answer::Raw(response("429 Too Many Requests", &format!("retry-after: {wait}\r\n"), "{}"));
    let alive = || Answer::Alive(INSTANCE);
    // Which is asked about first.
    let first = {
        let clerk = Clerk::start(HashMap::new());
        case.verify(&clerk).run();
        std::fs::remove_file(case.status_path()).unwrap();
        bearer(&clerk.requests()[0])
    };
    let server = |answer: Answer| {
        let of = |key: &String| if *key == first { answer.clone() } else { alive() };
        Clerk::start(case.keys.iter().map(|key| (key.clone(), of(key))).collect())
    };
    // It is come back to at the end, after the others.
    let clerk = server(Answer::Then(Box::new(busy("2")), Box::new(alive())));
    let run = case.verify(&clerk).run();
    let asked: Vec<String> = clerk.requests().iter().map(|request| bearer(request)).collect();
    assert_eq!((run.code, asked.len()), (Some(1), 5), "{}{}", run.text(), run.errors());
    assert!(asked[0] == first && asked[4] == first && !asked[1..4].contains(&first));
    assert!(run.errors().contains("The server says \"later\", about "), "{}", run.errors());
    std::fs::remove_file(case.status_path()).unwrap();
    // One that has to wait for long is named, and when to come again.
    let run = case.verify(&server(busy("3600"))).run();
    assert_eq!((run.code, run.text().matches("alive ").count()), (Some(3), 3), "{}{}", run.text(), run.errors());
    let hint = format!("{}…{}", &first[..12], &first[46..]);
    let named = format!("error: Clerk takes no more questions now about {hint}\n  hint: run it again in 3600 s");
    assert!(run.errors().contains(&named), "{}", run.errors());
    assert!(run.text().contains("too many requests (429); it says to wait 3600 s"), "{}", run.text());
    case.assert_silent(&run);
}

#[test]
fn where_several_in_a_row_are_told_later_the_rest_is_not_asked() {
    let case = Case::new((0..5).map(|seed| live_key(7210 + seed)).collect());
    let busy = Answer::Raw(response("429 Too Many Requests", "retry-after: 3600\r\n", "{}"));
    let clerk = Clerk::start(case.keys.iter().map(|key| (key.clone(), busy.clone())).collect());
    let run = case.verify(&clerk).run();
    assert_eq!((run.code, clerk.requests().len()), (Some(3), 3), "{}{}", run.text(), run.errors());
    assert_eq!(run.text().matches("not asked").count(), 2, "{}", run.text());
    assert!(run.errors().contains("the rest was not asked"), "{}", run.errors());
    assert!(run.errors().contains("hint: run it again in 3600 s"), "{}", run.errors());
    // Where that is over soon, it goes on.
    std::fs::remove_file(case.status_path()).unwrap();
    let soon = Answer::Raw(response("429 Too Many Requests", "retry-after: 1\r\n", "{}"));
    let then = || Answer::Then(Box::new(soon.clone()), Box::new(Answer::Alive(INSTANCE)));
    let clerk = Clerk::start(case.keys.iter().map(|key| (key.clone(), then())).collect());
    let run = case.verify(&clerk).run();
    assert_eq!((run.code, clerk.requests().len()), (Some(1), 10), "{}{}", run.text(), run.errors());
}

#[test]
fn a_wait_that_a_server_asked_for_is_kept_for_the_next_run() {
    let case = Case::two();
    let later = |status: &str| Answer::Raw(response(status, "retry-after: 100000\r\n", "{}"));
    let clerk = Clerk::start(answers(&case, [later("429 Too Many Requests"), Answer::Alive(INSTANCE)]));
    let first = case.verify(&clerk).run();
    assert_eq!((first.code, clerk.requests().len()), (Some(3), 2), "{}", first.errors());
    for command in [&["status", "--verify", "--yes"][..], &["verify", "--yes"]] {
        let run = asking(Audit::new(command).and(&case.report), &clerk).run();
        assert_eq!((run.code, clerk.requests().len()), (Some(3), 2), "{}", run.errors());
        let told = format!("Not asked about: {}. The server said \"later\", and that ends on 20", case.hint(0));
        assert!(run.errors().contains(&told) && run.errors().contains("--again"), "{}", run.errors());
        assert!(!run.errors().contains("This sends"), "{}", run.errors());
    }
    // Noted by a clock that ran ahead, it was nobody knows when.
    let noted = case.status_file();
    let ahead = |name: &str, text: &str| {
        let at = format!("\"{name}\":\"");
        let old = format!("{at}{}", &text.split(&at).nth(1).unwrap()[..20]);
        text.replace(&old, &format!("{at}2999-01-01T00:00:00Z"))
    };
    std::fs::write(case.status_path(), ahead("said_at", &ahead("until", &noted))).unwrap();
    assert_eq!((case.verify(&clerk).run().code, clerk.requests().len()), (Some(3), 3));
    std::fs::write(case.status_path(), &noted).unwrap();
    let clerk = Clerk::start(answers(&case, [Answer::Dead, Answer::Dead]));
    let run = case.verify(&clerk).and("--again").run();
    assert_eq!((run.code, clerk.requests().len()), (Some(0), 2), "{}", run.errors());
    assert!(!case.status_file().contains("\"later\""), "it is over: {}", case.status_file());
    // A server that is away wants no other key either.
    std::fs::remove_file(case.status_path()).unwrap();
    let clerk = Clerk::start(case.keys.iter().map(|key| (key.clone(), later("503 Service Unavailable"))).collect());
    case.verify(&clerk).run();
    let run = case.verify(&clerk).run();
    assert_eq!((run.code, clerk.requests().len()), (Some(3), 1), "{}", run.errors());
    assert!(run.errors().contains(case.hint(0).as_str()) && run.errors().contains(case.hint(1).as_str()));
}

#[test]
fn the_wait_of_a_key_is_told_and_not_anothers() {
    let case = Case::two();
    let later =
        |seconds: &str| Answer::Raw(response("429 Too Many Requests", &format!("retry-after: {seconds}\r\n"), "{}"));
    let clerk = Clerk::start(answers(&case, [later("31622400"), later("600")]));
    let run = case.verify(&clerk).run();
    assert!(run.errors().contains("hint: run it again in 604800 s"), "no longer is kept: {}", run.errors());
    let mut report: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(&case.report).unwrap()).unwrap();
    report["keys"].as_array_mut().unwrap().retain(|key| key["hint"] == case.hint(1).as_str());
    std::fs::write(&case.report, report.to_string()).unwrap();
    let run = case.verify(&clerk).run();
    let kept: serde_json::Value = serde_json::from_str(&case.status_file()).unwrap();
    let until = kept[format!("{}/answer", key_id(&case.keys[1]))]["later"]["until"].as_str().unwrap().to_owned();
    let told = format!("that ends on {} UTC", until.replace('T', " ").trim_end_matches('Z'));
    assert!(run.errors().contains(&told), "{told}: {}", run.errors());
}

#[test]
fn a_server_is_not_said_to_have_said_what_it_did_not() {
    let case = Case::new(vec![live_key(7220)]);
    let at_once = Answer::Raw(response("429 Too Many Requests", "retry-after: 0\r\n", "{}"));
    let clerk = Clerk::start(answers(&case, [at_once]));
    let run = case.verify(&clerk).run();
    assert_eq!((run.code, clerk.requests().len()), (Some(3), 3), "{}", run.errors());
    let told = "too many requests (429); it says to come again at once (asked 3 times)";
    assert!(run.text().contains(told) && !run.text().contains("it says to wait"), "{}", run.text());
    let unsaid = Answer::Raw(response("429 Too Many Requests", "", "{}"));
    let clerk = Clerk::start(answers(&case, [Answer::Then(Box::new(unsaid), Box::new(Answer::Dead))]));
    let run = case.verify(&clerk).run();
    assert_eq!(run.code, Some(0), "{}{}", run.text(), run.errors());
    assert!(run.errors().contains("says \"later\", and not when, about "), "{}", run.errors());
}

#[test]
fn what_keeps_the_rest_from_an_answer_is_told_by_what_happened() {
    let case = Case::new((0..4).map(|seed| live_key(7230 + seed)).collect());
    let clerk = Clerk::start(HashMap::new());
    case.verify(&clerk).run();
    std::fs::remove_file(case.status_path()).unwrap();
    let first = bearer(&clerk.requests()[0]);
    let of = |key: &String| if *key == first { Answer::Dead } else { Answer::Cut };
    let clerk = Clerk::start(case.keys.iter().map(|key| (key.clone(), of(key))).collect());
    let run = case.verify(&clerk).run();
    assert_eq!(run.code, Some(3), "{}{}", run.text(), run.errors());
    assert!(run.errors().contains("error: every connection is cut by now\n"), "{}", run.errors());
}

#[test]
fn a_wrong_certificate_gets_no_key() {
    let case = Case::new(vec![live_key(7005)]);
    let (clerk, other) = (Clerk::start(HashMap::new()), Clerk::start(HashMap::new()));
    let stranger = Audit::new(&["verify", "--yes"]).and(&case.report).and("--api-url").and(clerk.url());
    let unknown_authority = stranger.and("--ca-file").and(other.authority()).run();
    let wrong_name = Clerk::with_name(HashMap::new(), "api.clerk.com");
    let public_only = Audit::new(&["verify", "--yes"]).and(&case.report).and("--api-url").and(clerk.url()).run();
    for run in [unknown_authority, case.verify(&wrong_name).run(), public_only] {
        assert_eq!(run.code, Some(3), "{}", run.errors());
        assert!(run.text().contains("certificate is not to be trusted"), "{}", run.text());
        let said = run.errors();
        assert!(said.contains("error: who answers cannot be trusted\n") && said.contains("--ca-file"), "{said}");
        assert!(!said.contains("when there is a network"), "{said}");
    }
    assert!(clerk.requests().is_empty() && other.requests().is_empty() && wrong_name.requests().is_empty());
}

#[test]
fn a_server_that_speaks_no_tls_is_told_as_that() {
    use std::io::{Read as _, Write as _};
    let case = Case::new(vec![live_key(7009)]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        _ = stream.read(&mut [0; 1000]).unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").unwrap();
    });
    let run =
        Audit::new(&["verify", "--yes", "--api-url"]).and(format!("https://127.0.0.1:{port}")).and(&case.report).run();
    served.join().unwrap();
    assert_eq!(run.code, Some(3), "{}", run.errors());
    assert!(run.text().contains("who answers speaks no TLS"), "{}", run.text());
    assert!(run.errors().contains("error: who answers speaks no TLS\n"), "{}", run.errors());
    assert!(!format!("{}{}", run.text(), run.errors()).contains("trusted"), "{}", run.errors());
}

#[test]
fn a_key_goes_to_clerk_or_nowhere() {
    let case = Case::new(vec![live_key(7006)]);
    for address in
        ["https://evil.example", "http://api.clerk.com", "https://api.clerk.com@evil.example", "https://0.0.0.0"]
    {
        let run = Audit::new(&["verify", "--yes", "--api-url", address]).and(&case.report).run();
        assert_eq!(run.code, Some(2), "{address}: {}", run.errors());
        assert!(run.errors().contains("hint:"), "{}", run.errors());
    }
}

#[test]
fn whoever_names_nothing_is_told_both_ways() {
    let run = Audit::new(&["verify"]).run();
    assert_eq!(run.code, Some(2));
    assert!(run.errors().contains("verify REPORT.json") && run.errors().contains("--repo REPO"), "{}", run.errors());
}

#[test]
fn nothing_is_sent_where_nobody_can_be_asked() {
    let case = Case::two();
    let clerk = Clerk::start(HashMap::new());
    let run = asking(Audit::new(&["verify"]).and(&case.report), &clerk).run();
    assert_eq!(run.code, Some(2));
    assert!(run.errors().contains("no terminal to ask on") && run.errors().contains("--yes"), "{}", run.errors());
    assert!(clerk.requests().is_empty() && case.status_file().is_empty());
}

#[test]
fn it_asks_once_and_sends_nothing_before_a_yes() {
    let case = Case::two();
    let clerk = Clerk::start(HashMap::new());
    let arguments = ["verify", case.report.to_str().unwrap(), "--api-url", &clerk.url(), "--ca-file"];
    let authority = clerk.authority();
    let arguments = [&arguments[..], &[authority.to_str().unwrap()]].concat();
    let mut terminal = Terminal::start(&arguments);
    terminal.wait_for("Send? [y/N]");
    assert!(terminal.shown().contains("This sends 2 keys") && clerk.requests().is_empty());
    terminal.types("\n");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(3), "{shown}");
    assert!(shown.contains("Nothing was sent.") && clerk.requests().is_empty(), "{shown}");
    assert!(case.status_file().is_empty());

    let mut terminal = Terminal::start(&arguments);
    terminal.wait_for("Send? [y/N]");
    terminal.types("y\n");
    let (code, shown) = terminal.end();
    assert_eq!((code, clerk.requests().len()), (Some(0), 2), "{shown}");
    assert_eq!(shown.matches("[y/N]").count(), 1, "for all keys together");
    assert!(shown.contains("asking Clerk") && shown.contains("keys"), "a progress bar: {shown}");
}

#[test]
fn without_a_network_it_stops_soon_and_says_so() {
    let case = Case::new((0..5).map(|seed| live_key(7010 + seed)).collect());
    // A port that no test is ever given, and no service of ours has.
    let url = "https://127.0.0.1:1";
    let run = Audit::new(&["verify", "--yes", "--api-url"]).and(url).and(&case.report).run();
    assert_eq!(run.code, Some(3));
    assert!(run.errors().contains("nobody answers") && run.errors().contains("hint:"), "{}", run.errors());
    assert_eq!(run.text().matches("not asked").count(), 2, "{}", run.text());
    // Where there are fewer keys than that too.
    let one = Case::new(vec![live_key(7016)]);
    let run = Audit::new(&["verify", "--yes", "--api-url"]).and(url).and(&one.report).run();
    assert_eq!(run.code, Some(3));
    assert!(run.errors().contains("error: nobody answers\n") && run.errors().contains("hint:"), "{}", run.errors());
}

#[test]
fn what_may_be_another_vendors_is_not_sent() {
    //  A: a token of 50 characters that no vendor has: of low confidence
    let mut repo = Repo::bare();
    let key = live_key(7020);
    repo.commit_on(MAIN, &[("notes", Some(&format!("{}\n", look_alike(7021, 50)))), ("k", Some(&key))], "A");
    repo.finish();
    let clerk = Clerk::start(HashMap::new());
    let run = asking(Audit::new(&["verify", "--yes", "--repo"]).and(repo.path()), &clerk).run();
    assert_eq!(run.code, Some(0), "{}{}", run.text(), run.errors());
    assert_eq!(clerk.requests().len(), 1);
    assert!(run.errors().contains("1 of 2 keys are not asked about"), "{}", run.errors());
}

#[test]
fn a_secret_that_clerk_cannot_be_asked_about_is_not_known_to_be_dead() {
    for others in [0, 1] {
        let mut repo = Repo::bare();
        let webhook = format!("CLERK_WEBHOOK_SIGNING_SECRET={}_{}\n", "whsec", alphanumerics(7022, 32));
        repo.commit_on(MAIN, &[(".env", Some(&webhook))], "A");
        for key in 0..others {
            repo.commit_on(MAIN, &[("k", Some(&live_key(7023 + key)))], "B");
        }
        repo.finish();
        let clerk = Clerk::start(HashMap::new());
        let run = asking(Audit::new(&["verify", "--yes", "--repo"]).and(repo.path()), &clerk).run();
        assert_eq!((run.code, clerk.requests().len()), (Some(3), others as usize), "{}{}", run.text(), run.errors());
        assert!(run.errors().contains("not asked about"), "{}", run.errors());
    }
}

#[test]
fn a_repository_that_has_moved_is_told_and_can_be_named() {
    let case = Case::two();
    let clerk = Clerk::start(HashMap::new());
    let moved = case.repo.beside("moved");
    std::fs::rename(case.repo.path(), &moved).unwrap();
    let run = case.verify(&clerk).run();
    assert_eq!(run.code, Some(3));
    assert!(
        run.errors().contains("--repo") && run.errors().contains("2 of 2 keys could not be read again"),
        "{}",
        run.errors()
    );
    assert!(clerk.requests().is_empty());
    let run = case.verify(&clerk).and("--repo").and(&moved).run();
    assert_eq!((run.code, clerk.requests().len()), (Some(0), 2), "{}", run.errors());
    // One that was read whole and does not have them is another matter.
    let mut other = Repo::bare();
    other.commit_on(MAIN, &[("a", Some("a\n"))], "A");
    other.finish();
    let run = case.verify(&clerk).and_all(&["--again", "--repo"]).and(other.path()).run();
    assert!(run.errors().contains("2 of 2 keys are not in the repositories any more"), "{}", run.errors());
}

#[test]
fn an_object_that_cannot_be_read_is_told_and_the_rest_is_asked_about() {
    use std::os::unix::fs::PermissionsExt;
    let keys = [live_key(7040), live_key(7041)];
    let mut repo = Repo::bare();
    for (name, key) in ["a", "b"].iter().zip(&keys) {
        repo.commit_on(MAIN, &[(name, Some(key))], name);
    }
    repo.finish();
    let report = repo.beside("report.json");
    Audit::new(&["history", "--format", "json", "--output"]).and(&report).and(repo.path()).run();
    let id = String::from_utf8(git::run(git::command(repo.path()), &["rev-parse", "main:b"], b"")).unwrap();
    let object = repo.git_directory().join("objects").join(&id[..2]).join(id[2..].trim());
    std::fs::set_permissions(&object, std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::write(&object, b"damaged").unwrap();
    let clerk = Clerk::start(HashMap::new());
    let run = asking(Audit::new(&["verify", "--yes"]).and(&report), &clerk).run();
    assert_eq!((run.code, clerk.requests().len()), (Some(3), 1), "{}{}", run.text(), run.errors());
    assert!(run.errors().contains("1 object of") && run.errors().contains("git fsck"), "{}", run.errors());
    assert!(run.text().contains("not asked"), "{}", run.text());
}

#[test]
fn an_object_that_is_gone_is_not_taken_for_a_cleaned_history() {
    let case = Case::two();
    let id = String::from_utf8(git::run(git::command(case.repo.path()), &["rev-parse", "main:0/.env"], b"")).unwrap();
    std::fs::remove_file(case.repo.git_directory().join("objects").join(&id[..2]).join(id[2..].trim())).unwrap();
    let clerk = Clerk::start(HashMap::new());
    let run = case.verify(&clerk).run();
    assert_eq!((run.code, clerk.requests().len()), (Some(3), 1), "{}{}", run.text(), run.errors());
    assert!(run.errors().contains("1 object of") && run.errors().contains("git fsck"), "{}", run.errors());
    assert!(run.errors().contains("1 of 2 keys could not be read again"), "{}", run.errors());
}

#[test]
fn keys_are_read_again_from_wherever_they_stand() {
    let keys = [live_key(7030), live_key(7031), test_key(7032), live_key(7033)];
    let mut repo = Repo::bare();
    let wide: Vec<u8> = format!("k={}", keys[1]).encode_utf16().flat_map(u16::to_le_bytes).collect();
    let blob = repo.blob(wide);
    let tip = repo.commit_on(MAIN, &[(&format!("{}.txt", keys[0]), Some("x"))], &format!("Use {}", keys[2]));
    repo.set_ref("refs/tags/wide", blob);
    repo.set_ref(&format!("refs/heads/{}", keys[3]), tip);
    repo.finish();
    let clerk = Clerk::start(HashMap::new());
    let run = asking(Audit::new(&["verify", "--yes", "--repo"]).and(repo.path()), &clerk).run();
    assert_eq!(run.code, Some(0), "{}{}", run.text(), run.errors());
    let requests = clerk.requests().join("");
    assert!(keys.iter().all(|key| requests.contains(key.as_str())));
}

#[test]
fn what_is_not_kept_is_not_said_to_be() {
    let mut repo = Repo::bare();
    repo.commit_on(MAIN, &[(".env", Some(&format!("K={}\n", live_key(8190))))], "A");
    repo.finish();
    let ask = || Audit::new(&["verify", "--yes", "--api-url", "https://127.0.0.1:1", "--repo"]).and(repo.path());
    let errors = ask().run().errors();
    assert!(errors.contains("what was answered is not kept") && !errors.contains("answered is kept"), "{errors}");
    let errors = ask().and("--state").and(repo.beside("status.json")).run().errors();
    assert!(errors.contains("what was answered is kept"), "{errors}");
}
