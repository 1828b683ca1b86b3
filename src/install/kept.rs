//! How a hook that was there is run from behind ours, which has taken its name.
//!
//! It stays in its directory, where what it sources stands. What looks at its own name must find the old one: one that
//! goes by `basename "$0"` or reads `$0.d` would else do nothing, and say nothing.

use std::fs;
use std::path::Path;

use super::guard::text;
use super::script::KeptRun;

/// Shells that can source it under another name.
const SHELLS: &[&str] = &["sh", "bash", "dash", "ksh"];

/// Words by which a script follows a link to where it stands: sourced, it would find our file instead.
const FOLLOWS_LINKS: &[&str] = &["readlink", "realpath", " -h ", " -L ", "pwd -P"];

/// How the hook at `path` is to be run, and whether somebody should look at it, because it may go by its name and is
/// given another.
pub(super) fn run_of(path: &Path) -> (KeptRun, bool) {
    let by_itself = |is_doubtful| (KeptRun::ByItself, is_doubtful);
    let Some(text) = text(path).and_then(|bytes| String::from_utf8(bytes).ok()) else {
        return by_itself(true);
    };
    if text.contains('\0') {
        return by_itself(true);
    }
    let looks_at_its_name = text.contains("$0") || text.contains("${0");
    match shell_of(text.lines().next().unwrap_or_default()) {
        Interpreter::None => by_itself(true),
        Interpreter::Odd => by_itself(looks_at_its_name),
        Interpreter::Shell(_) if !looks_at_its_name && !text.contains("BASH_SOURCE") => by_itself(false),
        Interpreter::Shell(words) => {
            let is_link = fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink());
            let follows = is_link && FOLLOWS_LINKS.iter().any(|word| text.contains(word));
            // What compares the two does nothing where it is sourced.
            if follows || text.contains("BASH_SOURCE") { by_itself(true) } else { (KeptRun::SourcedBy(words), false) }
        }
    }
}

enum Interpreter {
    /// A shell, called by these words.
    Shell(Vec<String>),
    /// A shell with options that are not known here.
    Odd,
    /// None of the shells.
    None,
}

/// The shell that a first line names.
fn shell_of(line: &str) -> Interpreter {
    // git and shells hand a text that names nobody to sh.
    let Some(rest) = line.strip_prefix("#!") else { return Interpreter::Shell(vec!["/bin/sh".to_owned()]) };
    let words: Vec<&str> = rest.split_whitespace().collect();
    let name = |word: &str| word.rsplit('/').next().unwrap_or_default().to_owned();
    let is_shell = |word: &str| SHELLS.contains(&name(word).as_str());
    let are_plain = |options: &[&str]| options.iter().all(|option| is_plain_option(option));
    let (shell, options) = match words.as_slice() {
        // The system hands all behind the interpreter on as one word.
        [shell, options @ ..] if is_shell(shell) && options.len() <= 1 => (vec![*shell], options),
        [shell, ..] if is_shell(shell) => return Interpreter::Odd,
        [env, "-S", shell, options @ ..] if name(env) == "env" && is_shell(shell) => (vec![*env, *shell], options),
        [env, shell] if name(env) == "env" && is_shell(shell) => (vec![*env, *shell], &[] as &[&str]),
        _ => return Interpreter::None,
    };
    if !are_plain(options) || !shell.iter().all(|word| is_plain_path(word)) {
        return Interpreter::Odd;
    }
    Interpreter::Shell(shell.iter().chain(options).map(|&word| word.to_owned()).collect())
}

/// Options that mean the same before `-c`.
fn is_plain_option(option: &str) -> bool {
    let letters = option.strip_prefix("--").or(option.strip_prefix(['-', '+'])).unwrap_or_default();
    let is_long = option.starts_with("--");
    !letters.is_empty() && letters.bytes().all(|it| it.is_ascii_alphabetic() && (is_long || !b"csio".contains(&it)))
}

fn is_plain_path(word: &str) -> bool {
    word.bytes().all(|it| it.is_ascii_alphanumeric() || b"/._-+".contains(&it))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_of_text(text: &str) -> (KeptRun, bool) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        run_of(file.path())
    }

    fn by(words: &[&str]) -> (KeptRun, bool) {
        (KeptRun::SourcedBy(words.iter().map(|&word| word.to_owned()).collect()), false)
    }

    #[test]
    fn a_shells_script_that_looks_at_its_name_is_sourced_under_it() {
        let text = "\nbasename \"$0\"\n";
        for (line, words) in [
            ("#!/bin/sh", &["/bin/sh"] as &[&str]),
            ("#! /bin/bash -eu", &["/bin/bash", "-eu"]),
            ("#!/bin/bash --norc", &["/bin/bash", "--norc"]),
            ("#!/usr/bin/env bash", &["/usr/bin/env", "bash"]),
            ("#!/usr/bin/env -S dash -e -u", &["/usr/bin/env", "dash", "-e", "-u"]),
            ("echo", &["/bin/sh"]),
        ] {
            assert_eq!(run_of_text(&format!("{line}{text}")), by(words), "{line}");
        }
        assert_eq!(run_of_text("#!/bin/ksh\n. ${0%/*}/lib\n"), by(&["/bin/ksh"]));
    }

    #[test]
    fn what_does_not_look_runs_as_it_is_and_what_cannot_be_told_is_to_be_looked_at() {
        assert_eq!(run_of_text("#!/bin/sh\nexit 3\n"), (KeptRun::ByItself, false));
        for text in [
            "#!/usr/bin/python3\nimport sys\n",
            "#!/usr/bin/env perl\n$0\n",
            "#!/bin/sh -s\necho $0\n",
            "#!/bin/sh -o errexit\necho $0\n",
            "#!/bin/bash\n[ \"${BASH_SOURCE[0]}\" = \"$0\" ] && main\n",
            "\u{7f}ELF\0",
        ] {
            assert_eq!(run_of_text(text), (KeptRun::ByItself, true), "{text}");
        }
    }

    #[test]
    fn a_link_that_is_followed_is_run_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let (tool, link) = (folder.path().join("tool"), folder.path().join("pre-receive.kept"));
        std::os::unix::fs::symlink(&tool, &link).unwrap();
        fs::write(&tool, "#!/bin/sh\n. \"$(dirname \"$(readlink -f \"$0\")\")/lib\"\n").unwrap();
        assert_eq!(run_of(&link), (KeptRun::ByItself, true));
        assert_eq!(run_of(&tool), by(&["/bin/sh"]));
        fs::write(&tool, "#!/bin/sh\ncase ${0##*/} in pre-receive) exit 1;; esac\n").unwrap();
        assert_eq!(run_of(&link), by(&["/bin/sh"]));
    }
}
