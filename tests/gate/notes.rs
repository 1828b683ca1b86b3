//! What a refusal says to do about a key in a note, done to the letter.

use super::fixes::Desk;

#[test]
fn in_a_note() {
    let desk = Desk::new(1880);
    desk.commit("echo hello >README", "first");
    let notes = "refs/notes/commits";
    for round in 0..2 {
        if round > 0 {
            // There are notes on the server by now, which stay.
            desk.commit("echo 1 >more", "more");
        }
        desk.sh("git notes add --message \"see $KEY\"");
        let pushed = desk.push(&[notes]);
        pushed.is_refused_for(&desk.key, &["It is in a note"]);
        let commands: Vec<String> = pushed
            .said
            .lines()
            .filter_map(|line| line.strip_prefix("      "))
            .filter(|line| line.starts_with("git notes") || line.starts_with("git update-ref"))
            .map(|line| line.replace("<notes>", "commits").replace("<commit>", "HEAD"))
            .collect();
        assert_eq!(commands.len(), 2, "{}", pushed.said);
        commands.iter().for_each(|command| desk.sh(command));
        desk.push(&[notes]).passes();
    }
    assert_eq!(desk.server.git(&["ls-tree", "-r", "--name-only", notes]).lines().count(), 2);
}

#[test]
fn in_one_or_both_of_two_kinds_of_notes() {
    let desk = Desk::new(1885);
    desk.commit("echo hello >README", "first");
    let (refs, all) = (["refs/notes/a", "refs/notes/b"], ["refs/notes/*:refs/notes/*"]);
    desk.sh("git notes --ref a add -m 'a one'; git notes --ref b add -m 'b one'");
    desk.push(&all).passes();
    let old = refs.map(|name| desk.server.value(name).unwrap()[..12].to_owned());
    desk.sh("git notes --ref a append -m 'a two'; git notes --ref b append -m \"b $KEY\"");
    let pushed = desk.push(&all);
    pushed.is_refused_for(&desk.key, &["It is in a note", &format!("-m notes -p {} ", old[1])]);
    assert!(!pushed.said.contains(&format!("-p {} ", old[0])), "{}", pushed.said);
    desk.sh("git notes --ref a append -m \"a $KEY\"");
    let pushed = desk.push(&all);
    pushed.is_refused_for(&desk.key, &["It is in a note", "for-each-ref refs/notes --points-at"]);
    let lines: Vec<&str> = pushed.said.lines().map(str::trim).collect();
    for (name, old) in ["a", "b"].iter().zip(old) {
        let made = lines.iter().position(|line| line.contains(&format!("-m notes -p {old} "))).unwrap();
        let which = lines[made - 2].split("          ").next().unwrap();
        desk.sh(&format!("[ \"$({which} --format='%(refname)')\" = refs/notes/{name} ]"));
        desk.sh(&format!("git notes --ref {name} add --force --message clean"));
        desk.sh(&lines[made].replace("<notes>", name));
    }
    desk.push(&all).passes();
}
