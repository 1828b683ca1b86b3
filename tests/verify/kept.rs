//! Answers are kept, or told where they cannot be: no key is sent for nothing.

use std::time::Duration;

use crate::common::clerk::{Answer, Clerk, INSTANCE};
use crate::common::incident::{Case, answers, asking};
use crate::common::run::Audit;
use crate::common::secrets::live_key;

#[test]
fn nobody_is_asked_where_the_answer_could_not_be_kept() {
    let case = Case::new(vec![live_key(7630)]);
    let clerk = Clerk::start(answers(&case, [Answer::Alive(INSTANCE)]));
    let folder = case.repo.beside("a folder");
    std::fs::create_dir(&folder).unwrap();
    for place in [case.repo.beside("no/such/folder/x.status.json"), folder] {
        for command in [&["verify", "--yes"][..], &["status", "--verify", "--yes"]] {
            let run = asking(Audit::new(command).and(&case.report), &clerk).and("--state").and(&place).run();
            assert_eq!(run.code, Some(3), "{command:?}: {}", run.errors());
            let said = run.errors();
            assert!(said.contains("error: cannot write") || said.contains("error: cannot read"), "{said}");
            assert!(!said.contains("This sends"), "it is seen before anybody is asked: {said}");
            case.assert_silent(&run);
        }
    }
    assert_eq!(clerk.requests().len(), 0, "no key was sent");
}

#[test]
fn an_answer_that_cannot_be_kept_after_all_is_told() {
    let case = Case::new(vec![live_key(7631)]);
    let clerk = Clerk::start(answers(&case, [Answer::Slow(Duration::from_millis(800))]));
    let (folder, gone) = (case.repo.beside("kept"), case.repo.beside("gone"));
    std::fs::create_dir(&folder).unwrap();
    let place = folder.join("x.status.json");
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| case.verify(&clerk).and("--state").and(&place).run());
        while clerk.requests().is_empty() {
            std::thread::sleep(Duration::from_millis(10));
        }
        std::fs::rename(&folder, &gone).unwrap();
        let run = asked.join().unwrap();
        assert_eq!(run.code, Some(3), "{}", run.errors());
        let told = format!("{}: alive", case.hint(0));
        assert!(run.errors().contains(&told) && run.errors().contains("is not kept"), "{}", run.errors());
        case.assert_silent(&run);
    });
}
