//! Two people's status files, as git merges them.

use crate::common::git;
use crate::common::incident::{Case, status};
use crate::common::secrets::{key_id, live_key};

/// Makes the report one of these keys of the case only, and the status file what it was.
fn stand(case: &Case, whole: &serde_json::Value, keys: &[usize], file: &str) {
    let ids: Vec<String> = keys.iter().map(|at| key_id(&case.keys[*at])).collect();
    let mut report = whole.clone();
    report["keys"].as_array_mut().unwrap().retain(|key| ids.iter().any(|id| key["id"] == id.as_str()));
    std::fs::write(&case.report, report.to_string()).unwrap();
    std::fs::write(case.status_path(), file).unwrap();
}

#[test]
fn what_both_sides_added_loses_no_tick_wherever_git_puts_it() {
    let mut twice = 0;
    for seed in 0..6 {
        let case = Case::new((0..3).map(|at| live_key(7600 + 3 * seed + at)).collect());
        let whole = serde_json::from_slice(&std::fs::read(&case.report).unwrap()).unwrap();
        let step = |key: usize, step: &str| format!("{}:{step}", key_id(&case.keys[key]));
        status_of(&case, &whole, &[0], None, &[]);
        let base = case.status_file();
        let ann = status_of(&case, &whole, &[0, 1], Some(&base), &[&step(1, "minted"), &step(0, "deploy")]);
        let bob = status_of(&case, &whole, &[0, 1, 2], Some(&base), &[&step(1, "deploy"), &step(0, "add")]);
        // As if no fence stood between any two of the keys.
        let bare = |text: &str| text.lines().filter(|line| !line.ends_with(": null,")).collect::<Vec<_>>().join("\n");
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("base", &base), ("ann", &ann), ("bob", &bob)] {
            std::fs::write(folder.path().join(name), bare(text)).unwrap();
        }
        let mut merge = git::command(folder.path());
        let merged = merge.args(["merge-file", "-p", "ann", "base", "bob"]).output().unwrap();
        let merged = String::from_utf8(merged.stdout).unwrap();
        let name = format!("\"{}/steps\":", key_id(&case.keys[1]));
        twice += usize::from(merged.matches(&name).count() > 1);
        stand(&case, &whole, &[0, 1, 2], &merged);
        let run = status(&case, &[]);
        let kept: serde_json::Value = serde_json::from_str(&case.status_file()).unwrap();
        for (key, step) in [(1, "minted"), (0, "deploy"), (1, "deploy"), (0, "add")] {
            let entry = &kept[format!("{}/{step}", key_id(&case.keys[key]))];
            assert!(entry["by"].is_string(), "{step}: {}{}\n{merged}", run.text(), run.errors());
        }
    }
    assert!(twice > 0, "git put what both added there twice");
}

#[test]
fn keys_that_two_people_note_at_once_merge_by_themselves() {
    let mut merged_alone = 0;
    for seed in 0..4 {
        let case = Case::new((0..3).map(|at| live_key(7700 + 3 * seed + at)).collect());
        let whole = serde_json::from_slice(&std::fs::read(&case.report).unwrap()).unwrap();
        let id = |key: usize| key_id(&case.keys[key]);
        status_of(&case, &whole, &[0], None, &[]);
        let base = case.status_file();
        let ann = status_of(&case, &whole, &[0, 1], Some(&base), &[&format!("{}:logs", id(1))]);
        let bob = status_of(&case, &whole, &[0, 2], Some(&base), &[&format!("{}:logs", id(2))]);
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in [("base", &base), ("ann", &ann), ("bob", &bob)] {
            std::fs::write(folder.path().join(name), text).unwrap();
        }
        let mut merge = git::command(folder.path());
        let merged = merge.args(["merge-file", "-p", "ann", "base", "bob"]).output().unwrap();
        // Ids are as good as random: one time in two hundred two begin with one byte.
        if id(1)[..9] == id(2)[..9] {
            continue;
        }
        let text = String::from_utf8(merged.stdout).unwrap();
        assert!(merged.status.success() && !text.contains("<<<<"), "{text}");
        let kept: serde_json::Value = serde_json::from_str(&text).unwrap();
        for key in [1, 2] {
            assert!(kept[format!("{}/logs", id(key))]["by"].is_string(), "{text}");
        }
        stand(&case, &whole, &[0, 1, 2], &text);
        let run = status(&case, &[]);
        assert!(run.code == Some(1) && !run.errors().contains("marks"), "{}", run.errors());
        merged_alone += 1;
    }
    assert!(merged_alone > 2);
}

/// What the status file is once these steps are ticked of a report of these keys.
fn status_of(case: &Case, whole: &serde_json::Value, keys: &[usize], before: Option<&str>, done: &[&str]) -> String {
    stand(case, whole, keys, before.unwrap_or_default());
    if before.is_none() {
        std::fs::remove_file(case.status_path()).unwrap();
    }
    let ticks: Vec<&str> = done.iter().flat_map(|step| ["--done", step]).collect();
    let run = status(case, &ticks);
    assert_eq!(run.code, Some(1), "{}", run.errors());
    case.status_file()
}
