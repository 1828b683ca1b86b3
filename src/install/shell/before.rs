//! What stands before a call in a script and may keep it from being made, or its refusal from being heeded.
//!
//! A condition is believed where it can be looked at: whether a file is there, and that nobody sits at a terminal when git
//! runs a hook. Behind any other that ends the script in success nothing is guarded, as far as can be seen.

use super::lead::{only_redirects, said};
use super::{Command, End, FUNCTION};

/// What is at a path that a script asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::install) enum Seen {
    /// Nothing.
    Missing,
    /// Something that cannot be run.
    There,
    /// A file that can be run.
    Executable,
}

/// Whether none of the commands before a call is in its way.
pub(super) fn lets_on(commands: &[Command], call: usize, look: &dyn Fn(&[u8]) -> Seen) -> bool {
    (0..call).all(|at| {
        let command = &commands[at];
        let words = said(&command.words);
        let Some((name, rest)) = words.split_first() else { return true };
        let ends_in_success = match name.as_slice() {
            b"exit" => succeeds(command, rest),
            // At the end of a function it ends no more than that.
            b"return" => command.depth == 0,
            // Behind it comes no other command of the script's.
            b"exec" => !only_redirects(rest),
            // What these run is not known: an end in success may be in it.
            b"." | b"source" | b"eval" => true,
            _ if is_computed(name) => true,
            // What is called may be another thing by then.
            b"alias" => return false,
            FUNCTION => return !rest.first().is_some_and(|name| means_another(name, &commands[call])),
            b"trap" => return !ends_otherwise(command),
            b"set" => return !runs_nothing(command),
            _ => false,
        };
        !ends_in_success || is_never_so(commands, at, look)
    })
}

/// Whether a function stands by its name in the place of a command by which all else is judged.
fn means_another(name: &[u8], call: &Command) -> bool {
    const JUDGED_BY: [&[u8]; 10] =
        [b"exit", b"exec", b"command", b"return", b"set", b"trap", b"test", b"[", b"eval", b"builtin"];
    JUDGED_BY.contains(&name) || call.words.iter().any(|word| word == name)
}

/// Whether the name of a command comes of a variable or another command.
fn is_computed(name: &[u8]) -> bool {
    name.iter().any(|byte| matches!(byte, b'$' | b'`'))
}

/// Whether an `exit` is one of success: where it has no value, by what came before it.
fn succeeds(command: &Command, rest: &[Vec<u8>]) -> bool {
    match rest.first() {
        Some(value) => value.iter().all(|byte| *byte == b'0'),
        None => command.after != End::Or,
    }
}

/// `trap 'exit 0' EXIT`: whatever the call returned, the script returns something else.
fn ends_otherwise(command: &Command) -> bool {
    let is_at_the_end = command.words.iter().skip(1).any(|word| matches!(word.as_slice(), b"EXIT" | b"0"));
    is_at_the_end && command.words.iter().any(|word| memchr::memmem::find(word, b"exit").is_some())
}

/// `set -n`: commands are read and not run.
fn runs_nothing(command: &Command) -> bool {
    let options = command.words.iter().skip(1).take_while(|word| *word != b"--");
    options.into_iter().any(|word| word == b"noexec" || word.starts_with(b"-") && word.contains(&b'n'))
}

/// Whether the condition on which a command is run is known, and does not hold.
fn is_never_so(commands: &[Command], at: usize, look: &dyn Fn(&[u8]) -> Seen) -> bool {
    let command = &commands[at];
    let Some(before) = at.checked_sub(1).map(|before| &commands[..=before]) else { return false };
    match command.after {
        End::Or => before.last().and_then(|condition| holds(condition, look)) == Some(true),
        End::And => before.last().and_then(|condition| holds(condition, look)) == Some(false),
        End::Next if command.depth > 0 => {
            // What is said before it changes nothing.
            let says = |one: &&Command| one.is(b"echo") || one.is(b"printf") || one.is(b"logger");
            let condition = before.iter().rev().find(|one| !says(one)).filter(|one| one.depth == command.depth);
            condition.and_then(|condition| holds(condition, look)) == Some(false)
        }
        End::Next | End::Pipe | End::Behind => false,
    }
}

/// Whether a condition holds, where that is known.
fn holds(condition: &Command, look: &dyn Fn(&[u8]) -> Seen) -> Option<bool> {
    let words: Vec<&[u8]> = condition.words.iter().map(Vec::as_slice).collect();
    if !matches!(condition.after, End::Next) {
        return None;
    }
    let path_of = |path: &[u8]| path.starts_with(b"/") && !path.iter().any(|byte| b"$`*?[".contains(byte));
    match words.as_slice() {
        [b"command", b"-v", path, ..] if path_of(path) => Some(look(path) == Seen::Executable),
        [b"test", b"!", test @ ..]
        | [b"[", b"!", test @ .., b"]"]
        | [b"!", b"test", test @ ..]
        | [b"!", b"[", test @ .., b"]"] => is_so(test, &path_of, look).map(|is_so| !is_so),
        [b"test", test @ ..] | [b"[", test @ .., b"]"] => is_so(test, &path_of, look),
        _ => None,
    }
}

fn is_so(test: &[&[u8]], is_path: &dyn Fn(&[u8]) -> bool, look: &dyn Fn(&[u8]) -> Seen) -> Option<bool> {
    match test {
        [b"-t", ..] if test.len() <= 2 => Some(false),
        [b"-x", path] if is_path(path) => Some(look(path) == Seen::Executable),
        [b"-e" | b"-f" | b"-r" | b"-s", path] if is_path(path) => Some(look(path) != Seen::Missing),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::refuses_by_us;
    use super::Seen;

    fn guards(before: &str) -> bool {
        let look = |path: &[u8]| match path {
            b"/opt/clerk-audit" => Seen::Executable,
            b"/etc/gate.conf" => Seen::There,
            _ => Seen::Missing,
        };
        refuses_by_us(format!("#!/bin/sh\n{before}\nexec clerk-audit hook pre-receive\n").as_bytes(), &look)
    }

    #[test]
    fn a_way_out_that_is_never_taken_leaves_the_gate_where_it_is() {
        for before in [
            "test -x /opt/clerk-audit || exit 0",
            "[ -x '/opt/clerk-audit' ] || exit 0",
            "[ ! -x /opt/clerk-audit ] && exit 0",
            "! [ -e /etc/gate.conf ] && exit 0",
            "if [ ! -f /etc/gate.conf ]; then\n  echo 'no gate' >&2\n  exit 0\nfi",
            "command -v /opt/clerk-audit >/dev/null || exit 0",
            "[ -t 0 ] && exit 0",
            "[ -n \"$X\" ] || exit 1",
            "test -x /gone || exit",
            "trap 'rm -f /tmp/x' EXIT",
            "trap 'exit 1' TERM",
            "set -eu -o pipefail",
            "set -- -n",
            "exec 2>/dev/null",
            "exec 3>&1 > /dev/null",
            "refuse() {\n  echo no\n}",
            "function refuse {\n  echo no\n}",
            "A=b command -v x",
            "[ -t 0 ] && exec bash",
        ] {
            assert!(guards(before), "{before}");
        }
    }

    #[test]
    fn where_the_script_may_end_in_success_before_the_call_nothing_is_guarded() {
        for before in [
            "test -x /gone || exit 0",
            "[ -x /etc/gate.conf ] || exit 0",
            "[ ! -x /gone ] && exit 0",
            "if [ ! -x /gone ]; then exit 0; fi",
            "if [ ! -x /gone ]; then\n  echo none\n  exit\nfi",
            "[ -x \"$gate\" ] || exit 0",
            "command -v clerk-audit >/dev/null || exit 0",
            "true && exit 0",
            "[ -n \"$GIT_DIR\" ] && exit",
            "while read a b c; do\n  case $b in *) exit 0 ;; esac\ndone",
            "trap \"exit 0\" EXIT",
            "set -n",
            "set -o noexec",
            "alias clerk-audit=true",
            "command exit 0",
            "builtin exit",
            "A=b command -p exit 0",
            "exec true",
            "A=b exec /bin/true",
            "[ -n \"$X\" ] || exec true",
            "return 0 2>/dev/null",
            ". /etc/gate.conf",
            "source /etc/gate.conf",
            "eval 'exit 0'",
            "e=exit; $e 0",
            "\"$before\" \"$@\"",
            "`which exit` 0",
            "exec() { :; }",
            "exit () {\n  :\n}",
            "function exec {\n  :\n}",
            "clerk-audit() { :; }",
        ] {
            assert!(!guards(before), "{before}");
        }
        for asks in ["--help", "-h", "--version", "-V"] {
            let script = format!("#!/bin/sh\nexec clerk-audit hook pre-receive {asks}\n");
            assert!(!refuses_by_us(script.as_bytes(), &|_| Seen::Executable), "{asks}");
        }
    }
}
