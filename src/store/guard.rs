//! What guards a repository against the next key: hooks, and the files that git is told to ignore.
//!
//! Both are read from this machine's files, as they are now; neither is run or obeyed.

use std::path::{Path, PathBuf};

use super::files;
use super::locate::{Layout, path_of};

/// The hook that runs this program at a push, as git's servers know them; `None` where none does.
///
/// Looked at are git's own place and those of GitLab, Gitea and Forgejo. `core.hooksPath` is a setting of the
/// machine as much as of the repository, and is not followed.
pub fn push_hook(layout: &Layout) -> Option<PathBuf> {
    const PLACES: [&str; 4] =
        ["hooks/pre-receive", "hooks/pre-receive.d", "custom_hooks/pre-receive", "custom_hooks/pre-receive.d"];
    PLACES.iter().find_map(|place| {
        let path = layout.common_dir.join(place);
        if path.is_dir() {
            let mut inside: Vec<PathBuf> = std::fs::read_dir(&path).ok()?.flatten().map(|entry| entry.path()).collect();
            inside.sort();
            return inside.into_iter().find(|path| runs_us(path));
        }
        runs_us(&path).then_some(path)
    })
}

/// Whether a file may be run and calls this program. It is not run: what calls it by another name, or from a file that
/// this one calls, is not seen.
fn runs_us(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    const MOST: u64 = 1 << 20;
    let Ok(meta) = std::fs::metadata(path) else { return false };
    let runs = meta.is_file() && meta.permissions().mode() & 0o111 != 0 && meta.len() <= MOST;
    runs && files::read(path).is_ok_and(|text| calls_us(&text))
}

/// Whether a script names this program and has a line that calls a command `hook pre-receive`.
///
/// Of a shell's language no more is read than this: a comment calls nothing, nor does what is written out, nor what stands
/// behind an `exit` that is no part of anything (and so is not indented).
fn calls_us(script: &[u8]) -> bool {
    if memchr::memmem::find(script, b"clerk-audit").is_none() {
        return false;
    }
    let lines = script.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end);
    let is_end = |line: &&[u8]| *line == b"exit" || line.starts_with(b"exit ");
    lines.take_while(|line| !is_end(line)).any(|line| {
        // Quotes and commas fall away, so that a list of words in another language is a call as well.
        let is_between = |byte: &u8| byte.is_ascii_whitespace() || b"'\"`,;()[]".contains(byte);
        let words: Vec<&[u8]> = line.split(is_between).filter(|word| !word.is_empty()).collect();
        let until = words.iter().position(|word| word.starts_with(b"#")).unwrap_or(words.len());
        let says = matches!(words.first(), Some(&(b"echo" | b"printf" | b":" | b"logger" | b"cat")));
        !says && words[..until].windows(3).any(|three| three[1] == b"hook" && three[2] == b"pre-receive")
    })
}

/// The line of a `.gitignore` that covers a path of a work tree, as `folder/.gitignore:3`; `None` where none does, or
/// where a later one takes the path back in.
pub fn ignored_by(work_tree: &Path, path: &[u8]) -> Option<String> {
    let parts: Vec<&[u8]> = path.split(|byte| *byte == b'/').collect();
    // A folder that is ignored hides what is in it, whatever is said of that.
    (1..=parts.len()).find_map(|length| {
        let is_folder = length < parts.len();
        verdict(work_tree, &parts[..length], is_folder)
    })
}

/// The last line that says something of one path, from the deepest `.gitignore` up, if it says to ignore it.
fn verdict(work_tree: &Path, parts: &[&[u8]], is_folder: bool) -> Option<String> {
    for depth in (0..parts.len()).rev() {
        let folder = parts[..depth].join(&b'/');
        let file = work_tree.join(path_of(&folder)).join(".gitignore");
        let Ok(text) = files::read(&file) else { continue };
        // A byte order mark is none of the first pattern, for git neither.
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text);
        let below = parts[depth..].join(&b'/');
        let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').collect();
        for (number, line) in lines.iter().enumerate().rev() {
            let Some(rule) = Rule::parse(line) else { continue };
            if rule.matches(&below, is_folder) {
                let name = if depth == 0 { String::new() } else { format!("{}/", String::from_utf8_lossy(&folder)) };
                return (!rule.negated).then(|| format!("{name}.gitignore:{}", number + 1));
            }
        }
    }
    None
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
            return wildmatch(self.pattern, path, &mut 0);
        }
        let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or(path);
        wildmatch(self.pattern, name, &mut 0)
    }
}

/// Git's globs (`wildmatch.c`): `*` and `?` match no slash, `**` between slashes matches any number of folders. Bounded
/// in steps: a pattern made to take for ever matches nothing.
fn wildmatch(pattern: &[u8], text: &[u8], steps: &mut u32) -> bool {
    const MOST_STEPS: u32 = 100_000;
    *steps += 1;
    if *steps > MOST_STEPS {
        return false;
    }
    match pattern {
        [] => text.is_empty(),
        [b'*', b'*', b'/', rest @ ..] => {
            let mut from = text;
            loop {
                if wildmatch(rest, from, steps) {
                    return true;
                }
                match from.iter().position(|byte| *byte == b'/') {
                    Some(slash) => from = &from[slash + 1..],
                    None => return false,
                }
            }
        }
        [b'*', b'*'] => true,
        [b'*', rest @ ..] => {
            let rest = rest.strip_prefix(b"*").unwrap_or(rest);
            let until = text.iter().position(|byte| *byte == b'/').unwrap_or(text.len());
            (0..=until).any(|taken| wildmatch(rest, &text[taken..], steps))
        }
        [b'?', rest @ ..] => matches!(text, [byte, more @ ..] if *byte != b'/' && wildmatch(rest, more, steps)),
        [b'[', ..] => match text {
            [byte, more @ ..] if *byte != b'/' => {
                class(pattern, *byte).is_some_and(|(fits, rest)| fits && wildmatch(rest, more, steps))
            }
            _ => false,
        },
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => {
            matches!(text, [byte, more @ ..] if byte == literal && wildmatch(rest, more, steps))
        }
    }
}

/// Whether a byte is in the bracket expression that a pattern begins with, and the pattern behind it.
fn class(pattern: &[u8], byte: u8) -> Option<(bool, &[u8])> {
    let inner = &pattern[1..];
    let negated = matches!(inner.first(), Some(b'!' | b'^'));
    let inner = &inner[usize::from(negated)..];
    // A bracket right at the start is one of the set.
    let close = 1 + inner.get(1..)?.iter().position(|byte| *byte == b']')?;
    let (set, rest) = (&inner[..close], &inner[close + 1..]);
    let mut fits = false;
    let mut at = 0;
    while at < set.len() {
        match &set[at..] {
            [from, b'-', to, ..] => {
                fits |= (*from..=*to).contains(&byte);
                at += 3;
            }
            [one, ..] => {
                fits |= *one == byte;
                at += 1;
            }
            [] => break,
        }
    }
    Some((fits != negated, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_guards_where_a_line_of_it_calls_the_gate() {
        let shebang = "#!/bin/sh\n";
        for call in [
            "exec clerk-audit hook pre-receive",
            "\"${CLERK_AUDIT:-/usr/local/bin/clerk-audit}\" hook pre-receive\nstatus=$?\nexit $status",
            "'/opt/our tools/clerk-audit' hook pre-receive --policy '/etc/p.toml' ${input:+--keep-input \"$input\"}",
            "gate=${0%/*}/clerk-audit\n\"$gate\" hook pre-receive",
            "# clerk-audit\n'/opt/gate' hook pre-receive",
            "if [ -t 0 ]; then\n  exit 0\nfi\nclerk-audit hook pre-receive || exit 1",
            "import subprocess\nsubprocess.run([\"clerk-audit\", \"hook\", \"pre-receive\"])",
        ] {
            assert!(calls_us(format!("{shebang}{call}\n").as_bytes()), "{call}");
        }
        for other in [
            "exit 0",
            "# clerk-audit hook pre-receive\nexit 0",
            "true # clerk-audit hook pre-receive",
            "exit 0\nexec clerk-audit hook pre-receive",
            "echo 'no clerk-audit hook pre-receive here'",
            "# clerk-audit gate: hands on to the repository's own hook\nexec \"$own\" \"$@\"",
            "clerk-audit hook doctor",
            "clerk-audit hook pre-receiver",
            "other-gate hook pre-receive",
        ] {
            assert!(!calls_us(format!("{shebang}{other}\n").as_bytes()), "{other}");
        }
    }

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
        let by = |path: &str| ignored_by(place.path(), path.as_bytes());
        assert_eq!(by(".env").as_deref(), Some(".gitignore:2"));
        assert_eq!(by("api/.env.local").as_deref(), Some(".gitignore:2"));
        assert_eq!(by(".env.example"), None);
        assert_eq!(by("web/.env"), None);
        assert_eq!(by("marked/of-its-own").as_deref(), Some("marked/.gitignore:1"));
        assert_eq!(by("web/.clerk/.tmp/keyless.json").as_deref(), Some(".gitignore:4"));
        assert_eq!(by("src/a.ts"), None);
    }
}
