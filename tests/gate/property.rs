//! Random histories, pushed in random order, against a reading of the rule that knows nothing of the gate: sets of (key,
//! path) of each commit, as plain as they can be said.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use super::support::{Server, raw};
use crate::common::fixture::Repo;
use crate::common::fixture::objects::{Files, Mode, Oid};
use crate::common::git;
use crate::common::secrets::{in_pieces, live_key};

/// How a key is written: in pieces that a reader may put together, which the default policy lets pass with a warning, or
/// whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Written {
    InPieces,
    Whole,
}

type Holding = BTreeMap<(usize, String), Written>;

/// Of each file the keys in it, and how they are written.
type Contents = BTreeMap<&'static str, BTreeMap<usize, Written>>;

/// What any of some commits holds, as sure as any does.
fn together(commits: &[Drawn], of: impl IntoIterator<Item = usize>) -> Holding {
    let mut all = Holding::new();
    for (place, written) in of.into_iter().flat_map(|commit| &commits[commit].holds) {
        let known = all.entry(place.clone()).or_insert(*written);
        *known = (*known).max(*written);
    }
    all
}

/// One commit as it was drawn.
struct Drawn {
    oid: Oid,
    parents: Vec<usize>,
    holds: Holding,
    /// Its files that have a key as a whole.
    carriers: BTreeSet<Oid>,
}

fn ancestors(commits: &[Drawn], from: impl IntoIterator<Item = usize>) -> BTreeSet<usize> {
    let mut found = BTreeSet::new();
    let mut pending: Vec<usize> = from.into_iter().collect();
    while let Some(commit) = pending.pop() {
        if found.insert(commit) {
            pending.extend(&commits[commit].parents);
        }
    }
    found
}

/// Whether pushing `new` onto these tips introduces a key anywhere.
fn introduces(commits: &[Drawn], tips: &BTreeSet<usize>, new: usize) -> bool {
    let old = ancestors(commits, tips.iter().copied());
    let at_tips = together(commits, tips.iter().copied());
    ancestors(commits, [new]).difference(&old).any(|commit| {
        let Drawn { parents, holds, .. } = &commits[*commit];
        let before = together(commits, parents.iter().copied());
        // What was less sure in the same place opens no way.
        let is_there = |held: &Holding, place, written| held.get(place).is_some_and(|there| *there >= written);
        // Of parents that others descend from nothing moves, and of the others only what each of them holds somewhere or
        // never held since it left the others.
        let is_last = |parent: &usize| {
            !parents.iter().any(|other| other != parent && ancestors(commits, [*other]).contains(parent))
        };
        let last: Vec<usize> = parents.iter().copied().filter(is_last).collect();
        let somewhere = |parent: &usize, key: usize| {
            commits[*parent].holds.iter().filter(|((held, _), _)| *held == key).map(|(_, written)| *written).max()
        };
        let never_held = |parent: &usize, key: usize| {
            let others = last.iter().filter(|other| *other != parent);
            let shared = others.map(|other| ancestors(commits, [*other])).reduce(|one, other| &one & &other);
            let own = &ancestors(commits, [*parent]) - &shared.unwrap_or_default();
            let line = own.iter().flat_map(|commit| commits[*commit].parents.iter().chain([commit]));
            line.into_iter().all(|commit| somewhere(commit, key).is_none())
        };
        let most = |key: usize| {
            let asked = last.iter().filter(|parent| !never_held(parent, key));
            asked.map(|parent| somewhere(parent, key)).min().flatten()
        };
        let mut left: BTreeMap<(usize, Written), usize> = BTreeMap::new();
        for ((key, _), written) in
            together(commits, last.iter().copied()).iter().filter(|(place, _)| !holds.contains_key(place))
        {
            if let Some(most) = most(*key) {
                *left.entry((*key, *written.min(&most))).or_default() += 1;
            }
        }
        // What a tip holds comes from there, and needs nothing that left.
        let is_known = |place, written| is_there(&before, place, written) || is_there(&at_tips, place, written);
        let mut came: Vec<_> = holds.iter().filter(|(place, written)| !is_known(place, **written)).collect();
        came.sort_by_key(|((key, path), written)| (Reverse(**written), path.clone(), *key));
        came.into_iter().any(|(place, written)| {
            let mut surer = [Written::InPieces, Written::Whole].into_iter().filter(|one| one >= written);
            let from = surer.find(|one| left.get(&(place.0, *one)).is_some_and(|count| *count > 0));
            if let Some(count) = from.and_then(|from| left.get_mut(&(place.0, from))) {
                *count -= 1;
            }
            from.is_none() && *written == Written::Whole
        })
    })
}

/// Whether pushing `new` brings a file that has a key and that no existing tip reaches, whatever it introduces.
fn brings_a_carrier(commits: &[Drawn], tips: &BTreeSet<usize>, new: usize) -> bool {
    let all = |of: &BTreeSet<usize>| of.iter().flat_map(|commit| commits[*commit].carriers.clone()).collect();
    let (old, reached) = (ancestors(commits, tips.iter().copied()), ancestors(commits, [new]));
    let (known, carriers): (BTreeSet<Oid>, BTreeSet<Oid>) = (all(&old), all(&reached));
    !carriers.is_subset(&known)
}

fn drawn(random: &mut fastrand::Rng, repo: &mut Repo, keys: &[String]) -> Vec<Drawn> {
    let paths = ["a", "b", "d/a", "d/e/b", "e/a"];
    let mut commits: Vec<(Drawn, Contents)> = Vec::new();
    for number in 0..random.usize(6..18) {
        let mut parents: Vec<usize> = (0..random.usize(0..3).min(number)).map(|_| random.usize(0..number)).collect();
        if number > 0 && parents.is_empty() && random.u8(..8) > 0 {
            parents.push(number - 1);
        }
        parents.sort_unstable();
        parents.dedup();
        let mut files = parents.first().map(|parent| commits[*parent].1.clone()).unwrap_or_default();
        if let Some(other) = parents.get(1).filter(|_| random.bool()) {
            // What the other side has comes along, some of it to another path.
            let theirs = commits[*other].1.clone();
            for (path, content) in theirs {
                let path = if random.bool() { path } else { paths[random.usize(..paths.len())] };
                files.entry(path).or_insert(content);
            }
        }
        for _ in 0..random.usize(0..3) {
            let path = paths[random.usize(..paths.len())];
            match random.u8(..6) {
                0 => _ = files.remove(path),
                1 => {
                    // A move, mostly with the content as it is.
                    if let Some(content) = files.remove(path) {
                        files.insert(paths[random.usize(..paths.len())], content);
                    }
                }
                2 => _ = files.insert(path, BTreeMap::new()),
                _ => {
                    let written = |whole| if whole { Written::Whole } else { Written::InPieces };
                    let content = (0..random.usize(1..3))
                        .map(|_| (random.usize(..keys.len()), written(random.u8(..3) > 0)))
                        .collect();
                    files.insert(path, content);
                }
            }
        }
        let mut tree = Files::new();
        let mut carriers = BTreeSet::new();
        for (path, content) in &files {
            let line = |(key, written): (&usize, &Written)| match written {
                Written::Whole => format!("{}\n", keys[*key]),
                Written::InPieces => format!("K = {}\n", in_pieces(&keys[*key])),
            };
            let text: String = content.iter().map(line).collect();
            let blob = repo.blob(format!("{}{text}", "line\n".repeat(random.usize(..3))));
            tree.insert(path.as_bytes().to_vec(), (Mode::File, blob));
            if content.values().any(|written| *written == Written::Whole) {
                carriers.insert(blob);
            }
        }
        let ids: Vec<Oid> = parents.iter().map(|parent| commits[*parent].0.oid).collect();
        let oid = repo.commit_files("refs/heads/drawn", tree, &ids, &format!("commit {number}"));
        let holds = files
            .iter()
            .flat_map(|(path, all)| all.iter().map(|(key, written)| ((*key, (*path).to_owned()), *written)));
        commits.push((Drawn { oid, parents, holds: holds.collect(), carriers }, files.clone()));
    }
    commits.into_iter().map(|row| row.0).collect()
}

#[test]
fn what_is_refused_is_what_the_plain_rule_says() {
    let base = 0x6a7e;
    let (mut refused, mut accepted) = (0, 0);
    for seed in base..base + 60 {
        let mut random = fastrand::Rng::with_seed(seed);
        let keys: Vec<String> = (0..3).map(|at| live_key(seed * 10 + at)).collect();
        let mut client = Repo::bare();
        let commits = drawn(&mut random, &mut client, &keys);
        client.finish();
        let server = Server::new();
        server.config("receive.unpackLimit", ["1", "1000"][random.usize(..2)]);
        let (is_late, is_strict) = (random.u8(..3) == 0, random.u8(..3) == 0);
        server.policy(&format!("strict = {is_strict}"));
        let mut tips: BTreeSet<usize> = BTreeSet::new();
        for round in 0..6 {
            let new = random.usize(..commits.len());
            // Sometimes the gate is away: a past that nobody looked at.
            let is_guarded = round > 0 && random.u8(..4) > 0;
            server.hook(if is_guarded && !is_late { "exec \"$GATE\" hook pre-receive" } else { "exit 0" });
            // What that refuses stays in the store, and no ref reaches it.
            server.hook_named(
                "update",
                if is_guarded && is_late { "exec \"$GATE\" hook update \"$@\"" } else { "exit 0" },
            );
            let name = format!("refs/heads/r{round}");
            let mut wanted = format!("{}\n", commits[new].oid);
            for tip in &tips {
                wanted.push_str(&format!("^{}\n", commits[*tip].oid));
            }
            let pack =
                git::run(git::command(client.path()), &["pack-objects", "--revs", "--stdout", "-q"], wanted.as_bytes());
            let zero = "0".repeat(40);
            let pushed = raw(server.path(), &[(&zero, &commits[new].oid.to_string(), name.as_bytes())], &pack);
            let is_refused = introduces(&commits, &tips, new) || (is_strict && brings_a_carrier(&commits, &tips, new));
            let expected = !is_guarded || !is_refused;
            assert_eq!(pushed.accepted, expected, "seed {seed}, round {round}: {}", pushed.all);
            if pushed.accepted {
                tips.insert(new);
            }
            if is_guarded {
                *(if expected { &mut accepted } else { &mut refused }) += 1;
            }
            if random.u8(..5) == 0 && !tips.is_empty() {
                server.git(&["repack", "-q", "-a", "-d"]);
                server.git(&["pack-refs", "--all"]);
            }
            if random.bool() {
                server.git(&["commit-graph", "write", "--reachable"]);
            }
        }
    }
    // It says something only where both came up often.
    assert!(refused > 40 && accepted > 40, "{refused} refused, {accepted} accepted");
}
