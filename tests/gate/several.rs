//! What the message says to do where the key is in more than one place of what is pushed, done to the letter.

use super::fixes::Desk;

const ALL: [&str; 3] = ["--tags", "--force", "refs/heads/*:refs/heads/*"];

/// A commit that brings the key into a file of its own, and one that brings none.
const STEPS: &str = "bad() { echo KEY=$KEY >$1; git add --all; git commit --quiet --message \"bad $1\"; }
    fine() { echo 1 >$1; git add --all; git commit --quiet --message \"fine $1\"; }
    from() { git switch --quiet --create $1 ${2:-HEAD}; }\n";

#[test]
fn on_branches_and_tags_that_have_some_of_it_in_common() {
    for (seed, script, steps) in [
        // More of it on each of two, in what others are made on and in what is last.
        (0, "from one; bad x; from two; bad z; fine zz; git switch --quiet one; bad y; fine yy", 2),
        (1, "from one; bad x; from two; bad z; git switch --quiet one; bad y", 2),
        (2, "from one; bad x; from two; bad z; git switch --quiet one; fine y", 2),
        (3, "from one; bad x; from two; bad z; from three one; bad y; git switch --quiet one; fine yy", 3),
        // One that both of them go on from goes along, whether anything else is on it or not.
        (4, "from low; bad x; from one; bad y; from two low; bad z; fine zz", 2),
        (5, "from low; bad x; fine l; from one; fine y; from two low; bad z", 2),
        (6, "from low; bad x; from high; bad y; git branch twin; git branch under low", 1),
        // Two that end in the same commit beside one that does not.
        (7, "from one; bad x; from two; bad z; git branch twin; git switch --quiet one; bad y", 2),
        (8, "from one; bad y; git branch twin; from two main; bad z", 2),
        // Of tags none goes along.
        (
            9,
            "git switch --quiet --detach; bad x; fine xx; bad y; git tag t1; git switch --quiet --detach HEAD~2; bad z
             git tag t2",
            2,
        ),
        (
            10,
            "git switch --quiet --detach; bad x; fine y; git tag t1; git switch --quiet --detach HEAD~1; fine z
              git tag t2",
            2,
        ),
        (11, "from one; bad x; git switch --quiet --detach; bad z; git tag --annotate --message t t1", 1),
        (12, "from one; bad x; git switch --quiet --detach; fine z; git tag t1; git switch --quiet one; fine y", 2),
        // Merged into one of them.
        (
            13,
            "from side; bad s; from one main; bad x; git merge --quiet side --message merged; from two one; bad z
              git switch --quiet one; bad y",
            2,
        ),
        (
            14,
            "from side; bad s; fine ss; from one main; bad x; from two main; bad z; git merge --quiet side --message merged
              git switch --quiet one; fine y; git branch --delete --force side",
            2,
        ),
    ] {
        let desk = Desk::new(2000 + seed);
        desk.sh("git branch -M main");
        desk.commit("echo a >a", "first");
        desk.push(&["main"]).passes();
        desk.sh(&format!("{STEPS}{script}"));
        let list = "git for-each-ref --format='%(refname)' refs/heads refs/tags | while read -r name; do
                    echo $name; git log --format=%s $name | sort; done";
        let before = desk.sh_says(list);
        desk.sh("git switch --quiet main");
        let pushed = desk.push(&ALL);
        pushed.is_refused_for(&desk.key, &["Then push again"]);
        assert_eq!(desk.follow_on_each(&pushed.said), steps, "{seed}: {}", pushed.said);
        let again = desk.push(&ALL);
        assert!(again.accepted, "{seed}: {}\nand then: {}", pushed.said, again.all);
        assert_eq!(desk.sh_says(list), before, "{seed}: something was lost: {}", pushed.said);
    }
}

#[test]
fn a_tag_that_another_goes_on_from_is_told() {
    let desk = Desk::new(2020);
    desk.sh(&format!(
        "{STEPS}git branch -M main; fine a; git switch --quiet --detach; bad x; git tag t1; fine y; git tag t2"
    ));
    let pushed = desk.push(&["--tags"]);
    pushed.is_refused_for(&desk.key, &["A tag is on it too", "git tag --force <tag> <commit>"]);
    assert_eq!(desk.follow_on_each(&pushed.said), 1, "{}", pushed.said);
    desk.sh("git tag --force t1 t2~1");
    desk.push(&["--tags"]).passes();
}

#[test]
fn of_more_than_ten_the_rest_is_counted_and_told_by_the_next_push() {
    for made in ["git branch b$n; git tag", "git tag"] {
        let desk = Desk::new(2021);
        let each = "while [ $n -lt 12 ]; do git switch --quiet --detach main; bad x$n";
        desk.sh(&format!("{STEPS}git branch -M main; fine a; n=0; {each}; {made} t$n; n=$((n + 1)); done"));
        let pushed = desk.push(&ALL);
        pushed.is_refused_for(&desk.key, &["It came in 12 commits", "  and 2 more, of which the next push is told\n"]);
        assert_eq!(desk.follow_on_each(&pushed.said), 10, "{}", pushed.said);
    }
}

#[test]
fn on_more_branches_than_are_told_apart() {
    // All have one commit with a key; and two of the last have more.
    for (more, steps) in [("", 1), ("git switch --quiet b64; bad y; git switch --quiet b65; bad z", 10)] {
        let desk = Desk::new(2022);
        let each = "while [ $n -lt 66 ]; do git switch --quiet --create b$n low; fine x$n; n=$((n + 1)); done";
        desk.sh(&format!(
            "{STEPS}git branch -M main; fine a; from low; bad x; n=0; {each}\n{more}\ngit branch --delete --force low"
        ));
        let pushed = desk.push(&ALL);
        pushed.is_refused_for(&desk.key, &[]);
        let others = "(the same on each other branch that still has it: git branch --contains ";
        assert_eq!(pushed.said.matches("\n      git switch ").count(), steps, "{}", pushed.said);
        assert_eq!(pushed.said.contains(others), steps == 1, "{}", pushed.said);
    }
}

#[test]
fn where_a_later_commit_moves_it() {
    let config = "printf 'a\\nb\\nconst k = \"%s\";\\n' $KEY >config.js";
    let move_on = "printf 'a\\nb\\n' >config.js; echo KEY=$KEY >.env";
    for (seed, more, commits, places) in [
        (0, &[][..], 2, &[".env:1"][..]),
        (1, &["mkdir c; git mv .env c/.env"], 3, &[".env:1", "c/.env:1"]),
        (
            2,
            &["echo 1 >fine", "mkdir c; git mv .env c/.env; echo B=1 >>c/.env", "echo A=1 >c/.env"],
            3,
            &[".env:1", "c/.env:1"],
        ),
    ] {
        for take_out in ["s/$KEY/gone/g", "/$KEY/d"] {
            let mut desk = Desk::new(2030 + seed);
            desk.take_out = take_out;
            desk.commit("printf 'a\\nb\\n' >config.js", "first");
            desk.push(&["HEAD:refs/heads/main"]).passes();
            desk.commit(config, "config");
            desk.commit(move_on, "move to env");
            more.iter().for_each(|script| desk.commit(script, "more"));
            let pushed = desk.push(&["HEAD:refs/heads/main"]);
            pushed.is_refused_for(&desk.key, &["\"config\"", "config.js:3", "\"move to env\""]);
            pushed.is_refused_for(&desk.key, places);
            pushed.is_refused_for(&desk.key, &[&format!("It came in {commits} commits")]);
            desk.follow(&pushed.said);
            let again = desk.push(&["HEAD:refs/heads/main"]);
            assert!(again.accepted, "{seed} {take_out}: {}\nand then: {}", pushed.said, again.all);
        }
    }
}

#[test]
fn what_was_there_before_stays_where_it_is_moved() {
    let (moves, brings) = (("git mv old moved", "moves it"), ("echo KEY=$KEY >new", "brings it"));
    for (seed, steps, told) in
        [(0, [moves, brings], "It is in your last commit"), (1, [brings, moves], "\"brings it\"")]
    {
        let desk = Desk::new(2040 + seed);
        desk.server.hook("exit 0");
        desk.commit("echo KEY=$KEY >old", "long ago");
        desk.push(&["HEAD:refs/heads/main"]).passes();
        desk.server.hook("exec \"$GATE\" hook pre-receive");
        steps.iter().for_each(|(script, message)| desk.commit(script, message));
        let pushed = desk.push(&["HEAD:refs/heads/main"]);
        pushed.is_refused_for(&desk.key, &[told, "new:1"]);
        assert!(!pushed.said.contains("moves it") && !pushed.said.contains("moved:1"), "{}", pushed.said);
    }
}

#[test]
fn where_the_policy_only_observes() {
    for (script, message, is_content) in
        [("echo KEY=$KEY >env", "with a key", true), ("echo 1 >fine", "says $KEY", false)]
    {
        let desk = Desk::new(2050);
        desk.server.policy("mode = \"observe\"\nbypass = true");
        desk.commit("echo a >a", "first");
        desk.commit(script, message);
        let pushed = desk.push(&["HEAD:refs/heads/main"]);
        pushed.passes();
        for word in ["--amend", "rebase", "git switch", "push again", "push as before", "keeps nothing"] {
            assert!(!pushed.said.contains(word), "{word}: {}", pushed.said);
        }
        assert!(pushed.said.contains("Rotate it now:\n      https://"), "{}", pushed.said);
        assert_eq!(
            pushed.said.contains("Where it still stands take it out in a new commit, and push that."),
            is_content
        );
        desk.take_out();
        desk.commit("echo 2 >more", "a new commit");
        desk.push(&["HEAD:refs/heads/main"]).passes_silently();
    }
}
