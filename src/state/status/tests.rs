use super::*;

fn id(digit: char) -> String {
    format!("sha256:{}", digit.to_string().repeat(64))
}

fn tick(by: &str) -> Tick {
    Tick::new(by.to_owned(), "2026-11-24T10:00:00Z".to_owned())
}

fn status() -> Status {
    let mut status = Status::default();
    status.add_tick(&id('b'), "logs", tick("Bob \"B\""));
    status.add_tick(&id('a'), "add", tick("Ann"));
    let answer = Answer {
        liveness: Liveness::Dead,
        reason: "x".to_owned(),
        at: "2026-11-24T10:00:00Z".to_owned(),
        instance: Some("ins_2x".to_owned()),
    };
    status.add_answer(&id('a'), answer);
    let steps = vec!["logs".to_owned(), "add".to_owned()];
    let seen_in = seen("/srv/shop", &[".env"]);
    status.add_key(&id('a'), Asked { hint: "sk_live_a…b".to_owned(), steps, seen_in, kind: Some(Kind::SecretKey) });
    status
}

fn seen(repository: &str, files: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    [(repository.to_owned(), files.iter().map(|file| (*file).to_owned()).collect())].into()
}

#[test]
fn what_a_key_asked_for_and_where_it_was_seen_is_never_forgotten() {
    let mut status = status();
    let (hint, steps) = ("sk_live_a…b".to_owned(), vec!["refs".to_owned()]);
    status.add_key(&id('a'), Asked { hint, steps, seen_in: seen("/srv/api", &[]), kind: None });
    let asked = &status.keys()[&id('a')];
    assert_eq!(asked.steps, ["refs", "logs", "add"]);
    let whole: BTreeMap<_, _> = seen("/srv/shop", &[".env"]).into_iter().chain(seen("/srv/api", &[])).collect();
    assert_eq!(asked.seen_in, whole);
    let masked = status.masked(&|text| text.replace("shop", "…"));
    assert!(masked.keys()[&id('a')].seen_in.contains_key("/srv/…"));
}

#[test]
fn a_file_of_an_earlier_version_is_read() {
    let with = status().text();
    let without = with.replace(",\"seen_in\":{\"/srv/shop\":[\".env\"]}", "");
    assert_ne!(with, without);
    let old = Status::parse(&without, "x").unwrap();
    assert!(old.keys()[&id('a')].seen_in.is_empty() && old.text() == without);
}

#[test]
fn what_is_written_is_read_back() {
    let text = status().text();
    assert_eq!(Status::parse(&text, "x").unwrap(), status());
    assert_eq!(Status::parse(&Status::default().text(), "x").unwrap(), Status::default());
}

#[test]
fn a_tick_changes_one_line_and_those_beside_it_stay() {
    let mut asks = Status::default();
    let steps = ["add", "check", "deploy", "logs"].map(str::to_owned).to_vec();
    let (hint, seen_in) = ("sk_live_a…b".to_owned(), BTreeMap::new());
    asks.add_key(&id('a'), Asked { hint, steps: steps.clone(), seen_in, kind: None });
    let before = asks.text();
    let mut changed = Vec::new();
    for step in &steps {
        let mut ticked = asks.clone();
        ticked.add_tick(&id('a'), step, tick("Cyd"));
        let after = ticked.text();
        assert_eq!(after.lines().count(), before.lines().count());
        let differ = before.lines().zip(after.lines()).enumerate().filter(|(_, (old, new))| old != new);
        let lines: Vec<usize> = differ.map(|(line, _)| line).collect();
        assert_eq!(lines.len(), 1, "{step}");
        changed.extend(lines);
    }
    changed.sort_unstable();
    assert!(changed.windows(2).all(|pair| pair[1] - pair[0] >= 2), "{changed:?}");
    let names: Vec<&str> = before.lines().filter(|line| line.starts_with("\"sha")).collect();
    assert!(names.is_sorted());
    let asked = before.lines().find(|line| line.starts_with("{\"hint\"")).unwrap();
    assert!(Status::parse(&before.replace(asked, "null,"), "x").is_err());
}

#[test]
fn what_a_server_said_of_later_is_kept_beside_the_answer_and_the_longest_wait_stays() {
    let wait =
        |until: &str| Wait { until: until.to_owned(), said_at: "2026-11-24T10:00:00Z".to_owned(), of_all: false };
    let (mut ours, mut theirs) = (status(), status());
    ours.set_wait(&id('a'), Some(wait("2026-11-24T11:00:00Z")));
    theirs.set_wait(&id('a'), Some(wait("2026-11-24T12:00:00Z")));
    assert_eq!(Status::parse(&ours.text(), "x").unwrap(), ours);
    assert_eq!(ours.text().lines().count(), status().text().lines().count(), "no line of its own");
    for [one, other] in [[&ours, &theirs], [&theirs, &ours], [&theirs, &status()]] {
        let mut merged = one.clone();
        merged.take_in(other.clone());
        assert_eq!(merged.waits().get(&id('a')), Some(&wait("2026-11-24T12:00:00Z")));
    }
    theirs.set_wait(&id('a'), None);
    assert_eq!(theirs, status());
}

#[test]
fn a_second_tick_keeps_the_first() {
    let mut status = status();
    status.add_tick(&id('a'), "add", tick("Zed"));
    assert_eq!(status.tick(&id('a'), "add"), Some(&tick("Ann")));
}

#[test]
fn both_sides_of_a_merge_are_taken_together() {
    let at = |mut tick: Tick, at: &str| {
        at.clone_into(&mut tick.at);
        tick
    };
    let answer = |liveness, at: &str| Answer { liveness, reason: String::new(), at: at.to_owned(), instance: None };
    let (mut ours, mut theirs) = (status(), status());
    ours.add_tick(&id('a'), "logs", at(tick("Ann"), "2026-11-24T12:00:00Z"));
    theirs.add_tick(&id('a'), "logs", at(tick("Bob"), "2026-11-24T11:00:00Z"));
    theirs.add_tick(&id('c'), "logs", tick("Bob"));
    let (hint, steps) = ("sk_live_a…b".to_owned(), vec!["add".into(), "siblings".into()]);
    theirs.add_key(&id('a'), Asked { hint, steps, seen_in: seen("/srv/shop", &[".dev.vars"]), kind: None });
    theirs.add_key(&id('a'), Asked { seen_in: seen("/srv/api", &[]), ..theirs.keys()[&id('a')].clone() });
    ours.add_answer(&id('a'), answer(Liveness::Dead, "2026-11-24T11:00:00Z"));
    theirs.add_answer(&id('a'), answer(Liveness::Unknown, "2026-11-24T13:00:00Z"));
    ours.add_answer(&id('b'), answer(Liveness::Alive, "2026-11-24T11:00:00Z"));
    theirs.add_answer(&id('b'), answer(Liveness::Dead, "2026-11-24T13:00:00Z"));
    for [one, other] in [[&ours, &theirs], [&theirs, &ours]] {
        let text = format!("<<<<<<< HEAD\n{}=======\n{}>>>>>>> other\n", one.text(), other.text());
        let merged = Status::parse(&text, "x").unwrap();
        assert!(merged.was_merged() && !ours.was_merged());
        assert_eq!(merged.tick(&id('a'), "logs").unwrap().by, "Bob");
        assert_eq!(merged.tick(&id('c'), "logs"), Some(&tick("Bob")));
        let liveness = |key| merged.answers()[&id(key)].liveness;
        assert_eq!((liveness('a'), liveness('b')), (Liveness::Dead, Liveness::Dead));
        let steps: std::collections::BTreeSet<&str> =
            merged.keys()[&id('a')].steps.iter().map(String::as_str).collect();
        assert_eq!(steps, ["add", "logs", "siblings"].into());
        let mut whole = seen("/srv/shop", &[".env", ".dev.vars"]);
        whole.extend(seen("/srv/api", &[]));
        assert_eq!(merged.keys()[&id('a')].seen_in, whole);
        assert!(Status::parse(&merged.text(), "x").is_ok_and(|again| !again.was_merged()));
    }
}

#[test]
fn a_tick_of_dead_that_is_newer_than_clerks_answer_outlives_any_merge() {
    let random = &mut fastrand::Rng::with_seed(11);
    let at = |minute: usize| format!("2026-11-24T10:{minute:02}:00Z");
    let (mut counted, mut lost) = (0, 0);
    for _ in 0..2000 {
        let copy = |random: &mut fastrand::Rng| {
            let mut status = Status::default();
            if random.bool() {
                let liveness = *random.choice(&[Liveness::Alive, Liveness::Unknown]).unwrap();
                let answer = Answer { liveness, reason: String::new(), at: at(random.usize(..6)), instance: None };
                status.add_answer(&id('a'), answer);
            }
            if random.bool() {
                let by = ["Ann", "Bob", "Cyd"][random.usize(..3)].to_owned();
                let from = status.answers.get(&id('a')).map_or(0, |answer| answer.at[14..16].parse().unwrap());
                for step in [DEAD, "logs"] {
                    status.add_tick(&id('a'), step, Tick::new(by.clone(), at(from + random.usize(..3))));
                }
                // By clocks that are right: what came later is later.
                if random.bool() {
                    let over = status.tick(&id('a'), DEAD).map_or(0, |tick| tick.at[14..16].parse().unwrap());
                    let at = at(over + 1 + random.usize(..2));
                    let reason = String::new();
                    status.add_answer(&id('a'), Answer { liveness: Liveness::Alive, reason, at, instance: None });
                }
            }
            status
        };
        let copies = [copy(random), copy(random), copy(random)];
        let merged = |order: [usize; 3]| {
            let mut all = copies[order[0]].clone();
            order[1..].iter().for_each(|at| all.take_in(copies[*at].clone()));
            all
        };
        let one = merged([0, 1, 2]);
        let grouped = {
            let mut rest = copies[1].clone();
            rest.take_in(copies[2].clone());
            let mut all = copies[0].clone();
            all.take_in(rest);
            all
        };
        for other in [merged([0, 2, 1]), merged([1, 0, 2]), merged([2, 1, 0]), grouped] {
            assert_eq!((&one.ticks, &one.answers), (&other.ticks, &other.answers), "{copies:?}");
        }
        // What counts in any copy against the answer that all of them come to counts still.
        let counts = |ticked: &Status| {
            let (answers, overruled) = (one.answers.clone(), one.overruled.clone());
            let status = Status { answers, overruled, ticks: ticked.ticks.clone(), ..Status::default() };
            status.is_ticked_since_answer(&id('a'), DEAD)
        };
        let any = copies.iter().any(counts);
        assert_eq!(counts(&one), any, "{copies:?}");
        (counted, lost) = (counted + usize::from(any), lost + usize::from(!any));
    }
    assert!(counted > 200 && lost > 200, "{counted} {lost}");
}

#[test]
fn a_tick_is_newer_than_the_answer_that_it_was_made_after_whatever_the_clocks_say() {
    let answer =
        |at: &str| Answer { liveness: Liveness::Alive, reason: String::new(), at: at.to_owned(), instance: None };
    let mut status = Status::default();
    status.add_tick(&id('a'), DEAD, tick("Ann"));
    // By a clock that ran ahead.
    status.add_answer(&id('a'), answer("2027-06-01T00:00:00Z"));
    assert!(!status.is_ticked_since_answer(&id('a'), DEAD), "it was ticked before");
    let mut ticked = status.clone();
    ticked.remove_tick(&id('a'), DEAD);
    ticked.add_tick(&id('a'), DEAD, tick("Bob"));
    assert!(ticked.is_ticked_since_answer(&id('a'), DEAD));
    let read = Status::parse(&ticked.text(), "x").unwrap();
    assert!(read == ticked && read.is_ticked_since_answer(&id('a'), DEAD));
    status.take_in(ticked.clone());
    assert!(status.is_ticked_since_answer(&id('a'), DEAD) && status.tick(&id('a'), DEAD).unwrap().by == "Bob");
    // By one that was right, later.
    ticked.add_answer(&id('a'), answer("2026-11-25T00:00:00Z"));
    assert!(!ticked.is_ticked_since_answer(&id('a'), DEAD));
}

#[test]
fn an_answer_is_newer_than_the_tick_that_it_came_over_whatever_the_clocks_say() {
    let answer = |liveness, at: &str| Answer { liveness, reason: String::new(), at: at.to_owned(), instance: None };
    let ahead = || Tick { at: "2999-01-01T00:00:00Z".to_owned(), ..tick("Ann") };
    let counts = |status: &Status| status.is_ticked_since_answer(&id('a'), DEAD);
    let mut ticked = Status::default();
    ticked.add_tick(&id('a'), DEAD, ahead());
    let mut status = ticked.clone();
    status.add_answer(&id('a'), answer(Liveness::Alive, "2026-11-24T11:00:00Z"));
    assert!(counts(&ticked) && !counts(&status));
    let read = Status::parse(&status.text(), "x").unwrap();
    assert!(read == status && !counts(&read));
    // Whoever ticks it then has the last word, and so has an answer after that, all of it in one second.
    let mut again = status.clone();
    for _ in 0..2 {
        again.remove_tick(&id('a'), DEAD);
        again.add_tick(&id('a'), DEAD, Tick { at: "2026-11-24T11:00:00Z".to_owned(), ..tick("Bob") });
        assert!(counts(&again) && counts(&Status::parse(&again.text(), "x").unwrap()));
        let mut alive = again.clone();
        alive.add_answer(&id('a'), answer(Liveness::Alive, "2026-11-24T11:00:00Z"));
        assert!(!counts(&alive));
        alive.clone_into(&mut again);
    }
    again.remove_tick(&id('a'), DEAD);
    again.add_tick(&id('a'), DEAD, tick("Bob"));
    // What another copy has changes nothing of that: not the tick alone, and not an older answer.
    let mut older = Status::default();
    older.add_answer(&id('a'), answer(Liveness::Alive, "2026-11-23T00:00:00Z"));
    older.take_in(ticked.clone());
    for (known, is_done) in [(&status, false), (&again, true)] {
        for other in [&ticked, &older, &status] {
            for [one, other] in [[known, other], [other, known]] {
                let mut merged = one.clone();
                merged.take_in(other.clone());
                assert_eq!(counts(&merged), is_done, "{merged:?}");
                let text = format!("<<<<<<< HEAD\n{}=======\n{}>>>>>>> other\n", one.text(), other.text());
                assert_eq!(counts(&Status::parse(&text, "x").unwrap()), is_done);
            }
        }
    }
    // An answer that says nothing outweighs nothing, and texts are masked everywhere.
    ticked.add_answer(&id('a'), answer(Liveness::Unknown, "2026-11-24T11:00:00Z"));
    assert!(counts(&ticked));
    assert!(!counts(&status.masked(&|text| text.replace("Ann", "A…"))));
}

#[test]
fn an_entry_that_a_merge_left_twice_loses_nothing() {
    let answer =
        |at: &str| Answer { liveness: Liveness::Alive, reason: String::new(), at: at.to_owned(), instance: None };
    let (mut asks, mut ticked) = (Status::default(), Status::default());
    let asked = |steps: &[&str], repository| Asked {
        hint: "sk_live_a…b".to_owned(),
        steps: steps.iter().map(|step| (*step).to_owned()).collect(),
        seen_in: seen(repository, &[]),
        kind: None,
    };
    asks.add_key(&id('a'), asked(&["add", "logs"], "/srv/api"));
    asks.add_tick(&id('a'), "add", Tick::new("Bob".to_owned(), "2026-11-24T11:00:00Z".to_owned()));
    ticked.add_key(&id('a'), asked(&["logs", "siblings"], "/srv/shop"));
    ticked.add_tick(&id('a'), "logs", tick("Ann"));
    ticked.add_tick(&id('a'), "add", tick("Ann"));
    ticked.add_answer(&id('a'), answer("2026-11-24T10:00:00Z"));
    let lines = |status: &Status| -> String {
        let text = status.text();
        let all: Vec<&str> = text.lines().collect();
        all[2..all.len() - 2].iter().map(|line| format!("{line}\n")).collect()
    };
    let [begins, ends] = ["{\n\"schema\": \"clerk-audit/status/1\",\n", "\"~\": \"end\"\n}\n"];
    for halves in [[&asks, &ticked], [&ticked, &asks]].map(|all| all.map(lines)) {
        let both = Status::parse(&format!("{begins}{}{ends}", halves.concat()), "x").unwrap();
        assert!(both.was_merged());
        assert_eq!(both.tick(&id('a'), "logs"), Some(&tick("Ann")));
        assert_eq!(both.tick(&id('a'), "add"), Some(&tick("Ann")), "the earliest");
        assert_eq!(both.answers()[&id('a')], answer("2026-11-24T10:00:00Z"));
        let asked = &both.keys()[&id('a')];
        let steps: BTreeSet<&str> = asked.steps.iter().map(String::as_str).collect();
        assert_eq!(steps, ["add", "logs", "siblings"].into());
        assert_eq!(asked.seen_in.len(), 2);
        assert!(Status::parse(&both.text(), "x").is_ok_and(|again| !again.was_merged()));
    }
    let other = format!("{begins}\"schema\": \"clerk-audit/status/2\",\n{ends}");
    assert!(Status::parse(&other, "x").is_err());
}

#[test]
fn what_is_not_understood_is_an_error() {
    let text = status().text();
    let conflict = text.replace("\"~\"", "<<<<<<< ours\n\"~\"");
    let halves = format!("<<<<<<< ours\n{{}}\n=======\n{text}>>>>>>> theirs\n");
    for (bad, word) in [
        (&text[..text.len() / 2], "line"),
        ("{}", "no status file"),
        ("[]", "line 1"),
        ("{\"schema\": \"clerk-audit/status/2\"}", "another version"),
        (&conflict, "not as git writes them"),
        (&halves, "no status file"),
        ("{\"schema\": \"clerk-audit/status/1\", \"x/logs\": {}}", "not named"),
        (&text.replace("\"by\"", "\"who\""), "not as"),
    ] {
        let error = Status::parse(bad, "file").unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}
