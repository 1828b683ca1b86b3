//! Moves: a key that left one path and came to another in the same commit is told as moved, at both ends.

use std::collections::BTreeMap;

use serde_json::Value;

/// Introductions and removals at path level in one commit: path, and where it is told to have moved.
#[derive(Default)]
struct Changes<'a> {
    came: Vec<(&'a str, Option<&'a str>)>,
    left: Vec<(&'a str, Option<&'a str>)>,
}

/// What is wrong with the moves of a key. Which of several is paired with which is left open.
pub(crate) fn faults(key: &Value) -> Vec<String> {
    let mut commits: BTreeMap<&str, Changes<'_>> = BTreeMap::new();
    for (of, is_in) in [("introductions", true), ("removals", false)] {
        for entry in key[of].as_array().into_iter().flatten() {
            let moved = entry["moved"].as_str();
            if let ("path", Some(commit), Some(path)) =
                (entry["level"].as_str().unwrap_or(""), entry["commit"].as_str(), entry["path"].as_str())
            {
                let changes = commits.entry(commit).or_default();
                if is_in { changes.came.push((path, moved)) } else { changes.left.push((path, moved)) }
            } else if moved.is_some() {
                return vec![format!("{of}: what is no change of a path is told as moved: {entry}")];
            }
        }
    }
    commits.into_iter().filter_map(|(commit, changes)| fault(commit, &changes)).collect()
}

fn fault(commit: &str, Changes { came, left }: &Changes<'_>) -> Option<String> {
    for (ends, others) in [(came, left), (left, came)] {
        for (path, moved) in ends {
            if let Some(moved) = moved
                && !others.contains(&(*moved, Some(*path)))
            {
                return Some(format!(
                    "{commit}: {path:?} is told as moved, and its other end {moved:?} does not agree"
                ));
            }
        }
    }
    let told = came.iter().filter(|(_, moved)| moved.is_some()).count();
    let expected = came.len().min(left.len());
    (told != expected).then(|| format!("{commit}: {told} moves are told, not {expected}"))
}
