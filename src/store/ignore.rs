//! Which paths git is told to ignore, by the `.gitignore` files of a work tree or, where there is none, of HEAD's tree.

use std::path::PathBuf;

use super::files;
use super::locate::{Layout, path_of};
use super::parse;
use super::receiving::{PushPaths, Receiving};
use super::setting;
use crate::model::{ObjectType, Oid};

/// Larger than any tree but one made to be.
const LARGEST_TREE: u64 = 64 << 20;

/// So much is read of the patterns that may speak of one path, all of its folders' together, where a thousand lines are many.
const MOST_PATTERNS: u64 = 8 << 20;

/// So many steps are made in comparing one path with them: what is made to take for ever covers nothing.
const MOST_STEPS: u64 = 50_000_000;

/// The `.gitignore` files of a repository.
pub struct Ignores {
    source: Source,
    /// Whether capitals are small letters there (`core.ignorecase`), as on the file systems that know no difference.
    folds: bool,
}

enum Source {
    /// Files of a work tree as they are now.
    Files(PathBuf),
    /// HEAD's tree: a bare repository has no files.
    Tree(Box<Receiving>, Oid),
    Nothing,
}

impl Ignores {
    /// Those of a repository.
    pub fn of(layout: &Layout) -> Self {
        let source = match layout.git_dir.parent().filter(|_| layout.git_dir.ends_with(".git")) {
            Some(work_tree) => Source::Files(work_tree.to_owned()),
            None => head_tree(layout).map_or(Source::Nothing, |(store, tree)| Source::Tree(Box::new(store), tree)),
        };
        Self { source, folds: ignores_case(layout) }
    }

    /// The line of a `.gitignore` that covers a path, as `folder/.gitignore:3`; `None` where none does, or where a later
    /// one takes the path back in. Cost: two trees for each folder are read in a bare repository, one file in any other.
    pub fn covering(&mut self, path: &[u8]) -> Option<String> {
        let ends = || memchr::memchr_iter(b'/', path);
        let begins: Vec<usize> = std::iter::once(0).chain(ends().map(|end| end + 1)).collect();
        let texts = self.texts(path, &begins);
        let files: Vec<Vec<(usize, Rule<'_>)>> = texts.iter().map(|text| rules(text)).collect();
        let (folds, mut steps) = (self.folds, MOST_STEPS);
        let compared = if folds { path.to_ascii_lowercase() } else { path.to_vec() };
        // A folder that is ignored hides what is in it, whatever is said of that.
        for (level, end) in ends().map(Some).chain([None]).enumerate() {
            // From the deepest file up, and in each from its end: the last line that says something counts.
            let said = (0..=level).rev().find_map(|depth| {
                let below = &compared[begins[depth]..end.unwrap_or(path.len())];
                let mut rules = files.get(depth)?.iter().rev();
                let (line, rule) = rules.find(|(_, rule)| rule.matches(below, end.is_some(), folds, &mut steps))?;
                Some((depth, *line, rule.negated))
            });
            if steps == 0 {
                return None;
            }
            if let Some((depth, line, false)) = said {
                return Some(format!("{}.gitignore:{line}", String::from_utf8_lossy(&path[..begins[depth]])));
            }
        }
        None
    }

    /// The text of the `.gitignore` in each folder above a path, from the top down, as long as they are small together;
    /// empty where there is none. One that is a link says nothing: git does not follow it (gitignore(5)).
    fn texts(&mut self, path: &[u8], begins: &[usize]) -> Vec<Vec<u8>> {
        const NAME: &[u8] = b".gitignore";
        let (mut left, mut texts) = (MOST_PATTERNS, Vec::new());
        let mut at = match &self.source {
            Source::Tree(_, root) => Some(*root),
            _ => None,
        };
        for (depth, begin) in begins.iter().enumerate() {
            let folder = begins.get(depth.wrapping_sub(1)).map(|start| &path[*start..*begin - 1]);
            let text = match &mut self.source {
                Source::Files(work_tree) => {
                    let file = work_tree.join(path_of(&path[..*begin])).join(path_of(NAME));
                    files::read_at_most(&file, left).ok()
                }
                Source::Tree(store, _) => {
                    if let Some(folder) = folder {
                        at = at.and_then(|tree| entry(store, tree, folder, 0o040_000));
                    }
                    let file = at.and_then(|tree| entry(store, tree, NAME, 0o100_000));
                    let mut bytes = Vec::new();
                    let kind = file.and_then(|file| store.read(&file, left, &mut bytes).ok().flatten());
                    (kind == Some(ObjectType::Blob)).then_some(bytes)
                }
                Source::Nothing => None,
            };
            let text = text.unwrap_or_default();
            left -= text.len() as u64;
            texts.push(text);
        }
        texts
    }
}

/// The lines of a `.gitignore` that say something, with their numbers.
fn rules(text: &[u8]) -> Vec<(usize, Rule<'_>)> {
    // A byte order mark is none of the first pattern, for git neither.
    let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
    let lines = text.split(|byte| *byte == b'\n').zip(1..);
    lines.filter_map(|(line, number)| Some((number, Rule::parse(line)?))).collect()
}

/// Whether the repository's own configuration says so: `git init` writes it where it is so.
fn ignores_case(layout: &Layout) -> bool {
    let config = files::read(&layout.common_dir.join("config")).unwrap_or_default();
    let value = setting(&config, "core", "ignorecase");
    value.is_some_and(|value| ["true", "yes", "on", "1"].iter().any(|yes| value.eq_ignore_ascii_case(yes)))
}

/// The tree of HEAD's commit.
fn head_tree(layout: &Layout) -> Option<(Receiving, Oid)> {
    let mut store = Receiving::open(&PushPaths { git_dir: layout.git_dir.clone(), ..PushPaths::default() }).ok()?;
    let head = store.tips.head()?;
    let mut bytes = Vec::new();
    store.read(&head, LARGEST_TREE, &mut bytes).ok().flatten().filter(|kind| *kind == ObjectType::Commit)?;
    let tree = parse::commit(&bytes, store.format).tree?;
    Some((store, tree))
}

/// What a tree has of this name and kind.
fn entry(store: &mut Receiving, tree: Oid, name: &[u8], kind: u32) -> Option<Oid> {
    let mut bytes = Vec::new();
    store.read(&tree, LARGEST_TREE, &mut bytes).ok().flatten().filter(|kind| *kind == ObjectType::Tree)?;
    let mut found = None;
    parse::tree(&bytes, store.format, |entry| {
        if entry.name == name && entry.mode & 0o170_000 == kind {
            found = Some(entry.oid);
        }
    });
    found
}

/// One line of a `.gitignore` (gitignore(5)).
struct Rule<'a> {
    pattern: &'a [u8],
    negated: bool,
    folders_only: bool,
    anchored: bool,
}

impl<'a> Rule<'a> {
    fn parse(line: &'a [u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let kept = line.iter().rposition(|byte| *byte != b' ').map_or(0, |last| last + 1);
        // A space after a backslash is meant.
        let end = if kept < line.len() && line[..kept].ends_with(b"\\") { kept + 1 } else { kept };
        let line = &line[..end];
        if line.is_empty() || line.starts_with(b"#") {
            return None;
        }
        let (negated, line) = line.strip_prefix(b"!").map_or((false, line), |rest| (true, rest));
        let (folders_only, line) = line.strip_suffix(b"/").map_or((false, line), |rest| (true, rest));
        let anchored = line.contains(&b'/');
        let pattern = line.strip_prefix(b"/").unwrap_or(line);
        (!pattern.is_empty()).then_some(Self { pattern, negated, folders_only, anchored })
    }

    /// Where capitals count as small letters (`folds`) the path has none.
    fn matches(&self, path: &[u8], is_folder: bool, folds: bool, steps: &mut u64) -> bool {
        *steps = steps.saturating_sub(1);
        if *steps == 0 || (self.folders_only && !is_folder) {
            return false;
        }
        if self.anchored {
            // As git does it (`dir.c`, `match_pathname`): what is no glob is compared first, and the glob begins behind it.
            let length = self.pattern.iter().position(|byte| b"*?[\\".contains(byte)).unwrap_or(self.pattern.len());
            let (literal, pattern) = self.pattern.split_at(length);
            let Some((begin, rest)) = path.split_at_checked(length) else { return false };
            let is_same = if folds { begin.eq_ignore_ascii_case(literal) } else { begin == literal };
            return is_same && matches(pattern, rest, folds, steps);
        }
        matches(self.pattern, path.rsplit(|byte| *byte == b'/').next().unwrap_or(path), folds, steps)
    }
}

/// Whether a glob of git's (`wildmatch.c`) matches a text: `*` and `?` match no slash, two stars and more between slashes
/// match any number of folders. All places in the glob that the text so far can lead to are followed at once, so that the
/// cost is the product of both lengths at most, in `steps`.
///
/// Where `folds`, capitals of the glob are small letters, as those of the text are already. As git has it, those behind a
/// backslash and in brackets are not, but for ranges and classes.
fn matches(glob: &[u8], text: &[u8], folds: bool, steps: &mut u64) -> bool {
    let parts = parts(glob, folds);
    let (mut places, mut next) = (vec![false; parts.len() + 1], vec![false; parts.len() + 1]);
    places[0] = true;
    for byte in text.iter().map(Some).chain([None]) {
        *steps = steps.saturating_sub(places.len() as u64);
        next.fill(false);
        for at in 0..parts.len() {
            if !places[at] {
                continue;
            }
            let (is_again, is_past) = match &parts[at] {
                // Those that match nothing too lead on at once, which is why places are looked at in order.
                Part::NoFolder => {
                    (places[at + 1], places[at + 3]) = (true, true);
                    (false, false)
                }
                Part::InFolder | Part::Folders => {
                    places[at + 1] = true;
                    (matches!(parts[at], Part::Folders) || byte != Some(&b'/'), false)
                }
                Part::Any => (false, byte != Some(&b'/')),
                Part::Byte(literal) => (false, byte == Some(literal)),
                Part::Class(class) => (false, byte.is_some_and(|byte| *byte != b'/' && fits(class, *byte, folds))),
                Part::Nothing => (false, false),
            };
            next[at] |= is_again;
            next[at + 1] |= is_past;
        }
        if byte.is_none() {
            return *steps > 0 && places[parts.len()];
        }
        if *steps == 0 {
            return false;
        }
        std::mem::swap(&mut places, &mut next);
    }
    false
}

/// A part of a glob.
enum Part<'a> {
    /// Any number of bytes but slashes.
    InFolder,
    /// Any number of bytes.
    Folders,
    /// Before those and a slash: it may be no folder at all, and the slash goes with it.
    NoFolder,
    /// A byte, but no slash.
    Any,
    Byte(u8),
    /// A bracket expression.
    Class(&'a [u8]),
    /// What no byte matches.
    Nothing,
}

fn parts(glob: &[u8], folds: bool) -> Vec<Part<'_>> {
    let (mut parts, mut at) = (Vec::new(), 0);
    while let [first, rest @ ..] = &glob[at..] {
        let (part, length) = match (first, rest) {
            (b'*', _) => {
                let stars = glob[at..].iter().take_while(|byte| **byte == b'*').count();
                let behind = &glob[at + stars..];
                let is_alone =
                    (at == 0 || glob[at - 1] == b'/') && matches!(behind, [] | [b'/', ..] | [b'\\', b'/', ..]);
                let crosses = stars > 1 && is_alone;
                if crosses && behind.first() == Some(&b'/') {
                    parts.push(Part::NoFolder);
                }
                (if crosses { Part::Folders } else { Part::InFolder }, stars)
            }
            (b'?', _) => (Part::Any, 1),
            (b'[', _) => match class(&glob[at..], 0, folds) {
                Some((_, length)) => (Part::Class(&glob[at..at + length]), length),
                None => (Part::Nothing, 1),
            },
            (b'\\', [literal, ..]) => (Part::Byte(*literal), 2),
            (literal, _) if folds => (Part::Byte(literal.to_ascii_lowercase()), 1),
            (literal, _) => (Part::Byte(*literal), 1),
        };
        parts.push(part);
        at += length;
    }
    parts
}

fn fits(expression: &[u8], byte: u8, folds: bool) -> bool {
    class(expression, byte, folds).is_some_and(|(fits, _)| fits)
}

/// Whether a byte is in the bracket expression that a pattern begins with, and how long that is; `None` where it is none.
fn class(pattern: &[u8], byte: u8, folds: bool) -> Option<(bool, usize)> {
    let capital = byte.to_ascii_uppercase();
    let negated = matches!(pattern.get(1), Some(b'!' | b'^'));
    let begin = 1 + usize::from(negated);
    let (mut at, mut fits, mut from) = (begin, false, None);
    // A bracket right at the start is one of the set.
    while at == begin || pattern.get(at) != Some(&b']') {
        let escaped = |at: usize| match pattern.get(at)? {
            b'\\' => Some((*pattern.get(at + 1)?, at + 2)),
            one => Some((*one, at + 1)),
        };
        let named = pattern.get(at..)?.strip_prefix(b"[:").and_then(|name| {
            let length = name.iter().position(|byte| *byte == b']')?;
            name[..length].strip_suffix(b":")
        });
        if let Some(name) = named {
            fits |= is_of_class(name, byte)? || (folds && name == b"upper" && byte.is_ascii_lowercase());
            at += name.len() + 4;
            from = None;
            continue;
        }
        let is_range = pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_some_and(|next| *next != b']');
        let (one, next) = match from.filter(|_| is_range) {
            Some(from) => {
                let (to, next) = escaped(at + 1)?;
                fits |= (from..=to).contains(&byte) || (folds && (from..=to).contains(&capital));
                (None, next)
            }
            None => {
                let (one, next) = escaped(at)?;
                fits |= one == byte;
                (Some(one), next)
            }
        };
        (from, at) = (one, next);
    }
    Some((fits != negated, at + 1))
}

/// The classes that have a name; `None` for one that git does not know, which matches nothing.
fn is_of_class(name: &[u8], byte: u8) -> Option<bool> {
    Some(match name {
        b"alnum" => byte.is_ascii_alphanumeric(),
        b"alpha" => byte.is_ascii_alphabetic(),
        b"blank" => matches!(byte, b' ' | b'\t'),
        b"cntrl" => byte.is_ascii_control(),
        b"digit" => byte.is_ascii_digit(),
        b"graph" => byte.is_ascii_graphic(),
        b"lower" => byte.is_ascii_lowercase(),
        b"print" => byte.is_ascii_graphic() || byte == b' ',
        b"punct" => byte.is_ascii_punctuation(),
        b"space" => byte.is_ascii_whitespace() || byte == 0x0b,
        b"upper" => byte.is_ascii_uppercase(),
        b"xdigit" => byte.is_ascii_hexdigit(),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(line: &str, path: &str, is_folder: bool) -> bool {
        Rule::parse(line.as_bytes()).is_some_and(|rule| rule.matches(path.as_bytes(), is_folder, false, &mut 1_000_000))
    }

    #[test]
    fn patterns_match_as_gits_do() {
        for (line, path, fits) in [
            (".env", ".env", true),
            (".env", "a/b/.env", true),
            ("/.env", "a/.env", false),
            (".env*", "web/.env.local", true),
            ("web/.env", "web/.env", true),
            ("web/.env", "x/web/.env", false),
            ("**/web/.env", "x/y/web/.env", true),
            ("web/**", "web/a/b", true),
            ("a/**/b", "a/b", true),
            ("a/**/b", "a/x/y/b", true),
            ("*.lo?al", ".env.local", true),
            (".env.[a-l]ocal", ".env.local", true),
            (".env.[!a-l]ocal", ".env.local", false),
            ("\\#x", "#x", true),
            ("# .env", ".env", false),
            (".env   ", ".env", true),
            (".clerk/", ".clerk", false),
            ("a*b*c", "axxbxx", false),
            ("a/***/.env", "a/.env", true),
            ("a/***/.env", "a/x/y/.env", true),
            ("a**/.env", "a/b/.env", true),
            ("?**/.env", "a/b/c/.env", false),
            ("a**/.env", "ab/.env", true),
            ("x/a**b", "x/a/b", false),
            (".[[:alpha:]]nv", ".env", true),
            (".[^[:alpha:]_]nv", ".env", false),
            (".[[:digit:]x-z]nv", ".ynv", true),
            (".[[:nothing:]e]nv", ".env", false),
            (".[[:e]nv", ".env", true),
            (".[]e]nv", ".env", true),
            (".[\\]e]nv", ".env", true),
            (".[d-\\f]nv", ".env", true),
            (".[e-]nv", ".-nv", true),
            ("[", "[", false),
        ] {
            assert_eq!(matches(line, path, false), fits, "{line} {path}");
        }
        assert!(matches(".clerk/", "web/.clerk", true));
    }

    #[test]
    fn no_pattern_takes_for_ever_and_none_a_stack() {
        let long = "a".repeat(2000);
        assert!(!matches(&("a*".repeat(200) + "b"), &long, false));
        assert!(matches(&("**/".repeat(20_000) + "x"), "x", false));
        let mut steps = 100_000;
        let rule = "*a".repeat(5_000);
        assert!(!Rule::parse(rule.as_bytes()).unwrap().matches(long.as_bytes(), false, false, &mut steps));
        assert_eq!(steps, 0);
    }

    /// Against git itself, with globs and paths made of what tells them apart.
    #[test]
    fn globs_match_as_gits_do_whatever_they_are() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let place = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str], input: &str| {
            let mut child = std::process::Command::new("git")
                .args(arguments)
                .current_dir(place.path())
                .stdin(std::process::Stdio::piped())
                .stdout(std::process::Stdio::piped())
                .spawn()
                .unwrap();
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
            String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
        };
        git(&["init", "--quiet"], "");
        let git_dir = place.path().join(".git");
        for round in 0..120 {
            let folds = if round % 2 == 0 { "false" } else { "true" };
            git(&["config", "core.ignorecase", folds], "");
            let of = |random: &mut fastrand::Rng, pieces: &[&str], most: usize| -> String {
                (0..random.usize(1..=most)).map(|_| pieces[random.usize(..pieces.len())]).collect()
            };
            let glob = of(
                &mut random,
                &[
                    "a",
                    "b",
                    "/",
                    "*",
                    "**",
                    "**/",
                    "/**/",
                    "?",
                    "[ab]",
                    "[!a]",
                    "\\a",
                    "\\/",
                    "[[:alpha:]]",
                    "A",
                    "\\A",
                    "[A]",
                    "[A-B]",
                    "[!A-B]",
                    "[[:upper:]]",
                    "[[:lower:]]",
                ],
                7,
            );
            let pieces = ["a", "b", "ab", "a/", "b/", "ba/", "c", "A", "B/", "aB"];
            let mut paths: Vec<String> = (0..20).map(|_| of(&mut random, &pieces, 5)).collect();
            paths.retain(|path| !path.ends_with('/'));
            std::fs::write(place.path().join(".gitignore"), format!("{glob}\n")).unwrap();
            let told = git(&["check-ignore", "--no-index", "--stdin"], &(paths.join("\n") + "\n"));
            let mut ignores = Ignores::of(&Layout { git_dir: git_dir.clone(), common_dir: git_dir.clone() });
            for path in paths {
                let expected = told.lines().any(|line| line == path);
                assert_eq!(ignores.covering(path.as_bytes()).is_some(), expected, "seed {seed}: {glob:?} {path:?}");
            }
        }
    }

    #[test]
    fn the_last_word_counts_and_a_folder_hides_what_is_in_it() {
        let place = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| {
            std::fs::create_dir_all(place.path().join(name).parent().unwrap()).unwrap();
            std::fs::write(place.path().join(name), text).unwrap();
        };
        write(".gitignore", "# secrets\n.env*\n!.env.example\n.clerk/\n");
        write("web/.gitignore", "!.env\n");
        write("marked/.gitignore", "\u{feff}of-its-own\n");
        write("linked/patterns", "only.here\n");
        std::os::unix::fs::symlink("patterns", place.path().join("linked/.gitignore")).unwrap();
        let git_dir = place.path().join(".git");
        let mut ignores = Ignores::of(&Layout { git_dir: git_dir.clone(), common_dir: git_dir });
        let mut by = |path: &str| ignores.covering(path.as_bytes());
        assert_eq!(by(".env").as_deref(), Some(".gitignore:2"));
        assert_eq!(by("api/.env.local").as_deref(), Some(".gitignore:2"));
        assert_eq!(by(".env.example"), None);
        assert_eq!(by("web/.env"), None);
        assert_eq!(by("marked/of-its-own").as_deref(), Some("marked/.gitignore:1"));
        assert_eq!(by("web/.clerk/.tmp/keyless.json").as_deref(), Some(".gitignore:4"));
        assert_eq!(by("src/a.ts"), None);
        // git does not follow a link there.
        assert_eq!(by("linked/only.here"), None);
    }

    #[test]
    fn capitals_count_unless_the_repository_says_that_they_do_not() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join(".gitignore"), "Web/.ENV\n").unwrap();
        let git_dir = place.path().join(".git");
        std::fs::create_dir(&git_dir).unwrap();
        for (config, covers) in [
            ("", false),
            ("[core]\n\tignorecase = false\n", false),
            ("[core]\n\tignoreCase = True\n", true),
            ("[core]\n\tignorecase = true\n\tignorecase = no\n", false),
        ] {
            std::fs::write(git_dir.join("config"), config).unwrap();
            let mut ignores = Ignores::of(&Layout { git_dir: git_dir.clone(), common_dir: git_dir.clone() });
            assert_eq!(ignores.covering(b"wEB/.env").is_some(), covers, "{config}");
        }
    }
}
