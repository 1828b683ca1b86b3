//! Which paths git is told to ignore, by the `.gitignore` files of a work tree or, where there is none, of HEAD's tree.

use std::path::PathBuf;

use super::files;
use super::locate::{Layout, path_of};
use super::parse;
use super::receiving::{PushPaths, Receiving};
use crate::model::{ObjectType, Oid};

/// Larger than any tree or file of patterns but one made to be.
const LARGEST: u64 = 64 << 20;

/// The `.gitignore` files of a repository.
pub struct Ignores {
    source: Source,
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
        Self { source }
    }

    /// The line of a `.gitignore` that covers a path, as `folder/.gitignore:3`; `None` where none does, or where a later
    /// one takes the path back in.
    pub fn covering(&mut self, path: &[u8]) -> Option<String> {
        let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
        // A folder that is ignored hides what is in it, whatever is said of that.
        (1..=parts.len()).find_map(|length| {
            let is_folder = length < parts.len();
            self.verdict(&parts[..length], is_folder)
        })
    }

    /// The last line that says something of one path, from the deepest `.gitignore` up, if it says to ignore it.
    fn verdict(&mut self, parts: &[&[u8]], is_folder: bool) -> Option<String> {
        for depth in (0..parts.len()).rev() {
            let folder = parts[..depth].join(&b'/');
            let Some(text) = self.text(&parts[..depth]) else { continue };
            // A byte order mark is none of the first pattern, for git neither.
            let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
            let below = parts[depth..].join(&b'/');
            let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
            for (number, line) in lines.iter().enumerate().rev() {
                let Some(rule) = Rule::parse(line) else { continue };
                if rule.matches(&below, is_folder) {
                    let name =
                        if depth == 0 { String::new() } else { format!("{}/", String::from_utf8_lossy(&folder)) };
                    return (!rule.negated).then(|| format!("{name}.gitignore:{}", number + 1));
                }
            }
        }
        None
    }

    /// The `.gitignore` of a folder. One that is a link says nothing: git does not follow it (gitignore(5)).
    fn text(&mut self, folder: &[&[u8]]) -> Option<Vec<u8>> {
        const NAME: &[u8] = b".gitignore";
        match &mut self.source {
            Source::Files(work_tree) => {
                let file = work_tree.join(path_of(&folder.join(&b'/'))).join(path_of(NAME));
                std::fs::symlink_metadata(&file).ok().filter(std::fs::Metadata::is_file)?;
                files::read(&file).ok()
            }
            Source::Tree(store, root) => {
                let mut at = *root;
                for name in folder {
                    at = entry(store, at, name, 0o040_000)?;
                }
                let file = entry(store, at, NAME, 0o100_000)?;
                let mut bytes = Vec::new();
                store.read(&file, LARGEST, &mut bytes).ok().flatten().filter(|kind| *kind == ObjectType::Blob)?;
                Some(bytes)
            }
            Source::Nothing => None,
        }
    }
}

/// The tree of HEAD's commit.
fn head_tree(layout: &Layout) -> Option<(Receiving, Oid)> {
    let mut store = Receiving::open(&PushPaths { git_dir: layout.git_dir.clone(), ..PushPaths::default() }).ok()?;
    let head = store.tips.head()?;
    let mut bytes = Vec::new();
    store.read(&head, LARGEST, &mut bytes).ok().flatten().filter(|kind| *kind == ObjectType::Commit)?;
    let tree = parse::commit(&bytes, store.format).tree?;
    Some((store, tree))
}

/// What a tree has of this name and kind.
fn entry(store: &mut Receiving, tree: Oid, name: &[u8], kind: u32) -> Option<Oid> {
    let mut bytes = Vec::new();
    store.read(&tree, LARGEST, &mut bytes).ok().flatten().filter(|kind| *kind == ObjectType::Tree)?;
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

    fn matches(&self, path: &[u8], is_folder: bool) -> bool {
        if self.folders_only && !is_folder {
            return false;
        }
        if self.anchored {
            // As git does it (`dir.c`, `match_pathname`): what is no glob is compared first, and the glob begins behind it.
            let length = self.pattern.iter().position(|byte| b"*?[\\".contains(byte)).unwrap_or(self.pattern.len());
            let (literal, pattern) = self.pattern.split_at(length);
            return path.strip_prefix(literal).is_some_and(|rest| Glob { pattern, steps: 0 }.matches(0, rest));
        }
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        Glob { pattern: self.pattern, steps: 0 }.matches(0, name)
    }
}

/// Git's globs (`wildmatch.c`): `*` and `?` match no slash, two stars and more between slashes match any number of folders.
/// Bounded in steps: a pattern made to take for ever matches nothing.
struct Glob<'a> {
    pattern: &'a [u8],
    steps: u32,
}

impl Glob<'_> {
    /// Whether the pattern from a place in it on matches a text.
    fn matches(&mut self, mut at: usize, mut text: &[u8]) -> bool {
        const MOST_STEPS: u32 = 100_000;
        loop {
            self.steps += 1;
            if self.steps > MOST_STEPS {
                return false;
            }
            let pattern = &self.pattern[at..];
            if pattern.is_empty() {
                return text.is_empty();
            }
            if pattern[0] == b'*' {
                return self.stars(at, text);
            }
            let [byte, more @ ..] = text else { return false };
            let length = match pattern {
                [b'?', ..] => (*byte != b'/').then_some(1),
                [b'[', ..] => {
                    class(pattern, *byte).and_then(|(fits, length)| (fits && *byte != b'/').then_some(length))
                }
                [b'\\', literal, ..] => (byte == literal).then_some(2),
                [literal, ..] => (byte == literal).then_some(1),
                [] => None,
            };
            let Some(length) = length else { return false };
            (at, text) = (at + length, more);
        }
    }

    fn stars(&mut self, at: usize, text: &[u8]) -> bool {
        let stars = self.pattern[at..].iter().take_while(|byte| **byte == b'*').count();
        let behind = at + stars;
        let is_alone = (at == 0 || self.pattern[at - 1] == b'/')
            && matches!(&self.pattern[behind..], [] | [b'/', ..] | [b'\\', b'/', ..]);
        let crosses = stars > 1 && is_alone;
        // No folder at all: the slash behind the stars goes with them.
        if crosses && self.pattern.get(behind) == Some(&b'/') && self.matches(behind + 1, text) {
            return true;
        }
        let until = if crosses { None } else { text.iter().position(|byte| *byte == b'/') };
        (0..=until.unwrap_or(text.len())).any(|taken| self.matches(behind, &text[taken..]))
    }
}

/// Whether a byte is in the bracket expression that a pattern begins with, and how long that is; `None` where it is none.
fn class(pattern: &[u8], byte: u8) -> Option<(bool, usize)> {
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
            fits |= is_of_class(name, byte)?;
            at += name.len() + 4;
            from = None;
            continue;
        }
        let is_range = pattern.get(at) == Some(&b'-') && pattern.get(at + 1).is_some_and(|next| *next != b']');
        let (one, next) = match from.filter(|_| is_range) {
            Some(from) => {
                let (to, next) = escaped(at + 1)?;
                fits |= (from..=to).contains(&byte);
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
        Rule::parse(line.as_bytes()).is_some_and(|rule| rule.matches(path.as_bytes(), is_folder))
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
    fn no_pattern_takes_for_ever() {
        let pattern = "a*".repeat(200) + "b";
        assert!(!matches(&pattern, &"a".repeat(2000), false));
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
}
