//! Whether a hook's script calls this program so that what it refuses is refused.
//!
//! Of a shell's language no more is read than that takes: commands, what stands between them, and how deep they are in
//! others. Where that does not tell, the script guards nothing as far as can be seen.

use before::lets_on;

pub(super) use before::Seen;

mod before;
mod lead;

/// How a command begins that gives commands a name: `name() …` is told so as well.
const FUNCTION: &[u8] = b"function";

/// What ends a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// A line's end or a semicolon.
    Next,
    /// `&&`
    And,
    /// `||`
    Or,
    /// `|`
    Pipe,
    /// `&`
    Behind,
}

/// One command of a script.
#[derive(Debug)]
pub(super) struct Command {
    pub(super) words: Vec<Vec<u8>>,
    /// How the one before it on its line ended.
    pub(super) after: End,
    pub(super) end: End,
    /// In how many others it stands: conditions, loops, functions, subshells.
    pub(super) depth: usize,
}

/// Whether a script names this program, calls a command `hook pre-receive`, and ends in failure where that does. `look`: what
/// is at a path that it asks for before.
pub(super) fn refuses_by_us(script: &[u8], look: &dyn Fn(&[u8]) -> Seen) -> bool {
    const OURS: &[u8] = b"# clerk-audit gate";
    let has = |text: &[u8]| memchr::memmem::find(script, text).is_some();
    if !has(b"clerk-audit") {
        return false;
    }
    if !is_for_a_shell(script) {
        return calls_and_checks(script);
    }
    let commands = commands(script);
    // Behind a plain `exit` nothing is run.
    let is_exit = |one: &Command| one.depth == 0 && one.after == End::Next && one.is(b"exit");
    let until = commands.iter().position(is_exit).map_or(commands.len(), |at| at + 1);
    let commands = &commands[..until];
    // What this program wrote does with a failure what it should, by the name of a variable, wherever the call stands.
    let lines = || script.split(|byte| *byte == b'\n');
    if lines().any(|line| line.starts_with(OURS)) {
        return lines().take_while(|line| !line.starts_with(b"exit")).map(self::commands).any(|of_line| {
            (0..of_line.len()).any(|at| is_call(&of_line[at]) && is_heeded(&of_line, at, (true, false)))
        });
    }
    let is_strict = first_line(script).skip(1).any(is_option_e);
    (0..commands.len())
        .any(|at| is_call(&commands[at]) && is_heeded(commands, at, (false, is_strict)) && lets_on(commands, at, look))
}

/// The words behind `#!`; none where a script does not say who reads it, and a shell does.
fn first_line(script: &[u8]) -> impl Iterator<Item = &[u8]> {
    let first = script.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = first.strip_prefix(b"#!").unwrap_or_default();
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty())
}

fn is_for_a_shell(script: &[u8]) -> bool {
    let is_shell = |word: &[u8]| word.rsplit(|byte| *byte == b'/').next().is_some_and(|name| name.ends_with(b"sh"));
    !script.starts_with(b"#!") || first_line(script).any(is_shell)
}

/// In another language: a line right at the margin that calls it, and says what becomes of its failure.
fn calls_and_checks(script: &[u8]) -> bool {
    script.split(|byte| *byte == b'\n').any(|line| {
        let is_between = |byte: &u8| byte.is_ascii_whitespace() || b"'\"`,;()[]".contains(byte);
        let words: Vec<&[u8]> = line.split(is_between).filter(|word| !word.is_empty()).collect();
        let is_call = words.windows(3).any(|three| three[1] == b"hook" && three[2] == b"pre-receive");
        let has = |text: &[u8]| memchr::memmem::find(line, text).is_some();
        let is_heeded = has(b"exec") || has(b"check") || has(b"exit(") || has(b"die");
        is_call && is_heeded && line.first().is_some_and(u8::is_ascii_alphabetic)
    })
}

impl Command {
    fn is(&self, name: &[u8]) -> bool {
        self.words.first().is_some_and(|word| word == name)
    }
}

fn is_call(command: &Command) -> bool {
    let asks = |word: &Vec<u8>| matches!(word.as_slice(), b"--help" | b"-h" | b"--version" | b"-V");
    let call = command.words.windows(3).position(|three| three[1] == b"hook" && three[2] == b"pre-receive");
    call.is_some_and(|at| lead::runs_the_rest(&command.words[..at]) && !command.words[at..].iter().any(asks))
}

/// Whether the script fails where this command of it does.
fn is_heeded(commands: &[Command], at: usize, (is_ours, is_strict): (bool, bool)) -> bool {
    let command = &commands[at];
    let next = commands.get(at + 1);
    match command.end {
        End::Behind | End::Pipe => return false,
        // `|| exit 1`, and not `|| true`.
        End::Or => return command.depth == 0 && command.after == End::Next && next.is_some_and(is_failing_exit),
        End::And | End::Next => {}
    }
    if is_ours {
        return true;
    }
    // What comes first decides whether it is called at all.
    if command.depth > 0 || matches!(command.after, End::And | End::Or) {
        return false;
    }
    let is_last = |at: usize| commands[at + 1..].iter().all(|later| later.after == End::And);
    if command.is(b"exec") || is_last(at) {
        return true;
    }
    if command.end == End::And {
        return false;
    }
    // The last one decides; on a condition nothing gets stricter.
    let is_sure = |one: &Command| one.depth == 0 && one.after == End::Next;
    let sets = |one: &Command| sets_option_e(one).filter(|is_strict| !is_strict || is_sure(one));
    commands[..at].iter().rev().find_map(sets).unwrap_or(is_strict)
        || next.is_some_and(|next| is_kept_and_returned(next, &commands[at + 2..]))
}

fn is_option_e(word: &[u8]) -> bool {
    word.starts_with(b"-") && !word.starts_with(b"--") && word.contains(&b'e')
}

/// `set -e` or `set +e`, and what else says the same.
fn sets_option_e(command: &Command) -> Option<bool> {
    let words = lead::said(&command.words);
    let (name, words) = words.split_first()?;
    let options = words.iter().take_while(|word| *word != b"--");
    match name.as_slice() {
        b"set" => {
            let mut last: &[u8] = b"";
            let set = options.filter_map(|word| {
                let before = std::mem::replace(&mut last, word);
                match (before, word.as_slice()) {
                    (before, b"errexit") => Some(before.starts_with(b"-")),
                    (_, [b'+', options @ ..]) => options.contains(&b'e').then_some(false),
                    (_, word) => is_option_e(word).then_some(true),
                }
            });
            set.last()
        }
        // Which of both is no matter: nobody who means it writes it so.
        b"shopt" => options.into_iter().any(|word| word == b"errexit").then_some(false),
        _ => None,
    }
}

/// `exit 1`, or `exit` with what the call itself returned.
fn is_failing_exit(command: &Command) -> bool {
    let value = command.words.get(1).map(Vec::as_slice);
    command.is(b"exit") && !value.is_some_and(|value| value.iter().all(|byte| *byte == b'0'))
}

/// `status=$?`, and further down `exit $status`.
fn is_kept_and_returned(next: &Command, rest: &[Command]) -> bool {
    if next.is(b"exit") && next.depth == 0 {
        return next.words.get(1).is_none_or(|value| value == b"$?");
    }
    let Some(name) = next.words.first().and_then(|word| word.strip_suffix(b"=$?")) else { return false };
    let returned = [[b"$", name].concat(), [b"${", name, b"}"].concat()];
    let is_return = |one: &Command| {
        one.depth == 0
            && one.after == End::Next
            && one.is(b"exit")
            && one.words.get(1).is_some_and(|word| returned.contains(word))
    };
    next.words.len() == 1 && next.depth == 0 && rest.iter().any(is_return)
}

/// The commands of a script, in order; comments and here-documents are none.
pub(super) fn commands(script: &[u8]) -> Vec<Command> {
    let mut reader = Reader {
        rest: script,
        words: Vec::new(),
        after: End::Next,
        open: Vec::new(),
        documents: Vec::new(),
        all: Vec::new(),
    };
    reader.read();
    reader.all
}

struct Reader<'a> {
    rest: &'a [u8],
    words: Vec<Vec<u8>>,
    after: End,
    /// What is open: parentheses, and other things as braces.
    open: Vec<u8>,
    /// Words at which here-documents end that begin at the next line.
    documents: Vec<Vec<u8>>,
    all: Vec<Command>,
}

impl Reader<'_> {
    fn read(&mut self) {
        while let [byte, more @ ..] = self.rest {
            match (*byte, more) {
                (b' ' | b'\t' | b'\r', _) => self.rest = more,
                (b'\\', [b'\n', more @ ..]) => self.rest = more,
                (b'#', _) => self.rest = &self.rest[memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len())..],
                (b'\n', _) => {
                    self.rest = more;
                    // Behind an operator the line goes on.
                    if !self.words.is_empty() || self.after == End::Behind {
                        self.end(End::Next);
                    }
                    self.skip_documents();
                }
                (b'&', [b'&', ..]) => self.operator(2, End::And),
                (b'|', [b'|', ..]) => self.operator(2, End::Or),
                (b';', _) => self.operator(1, End::Next),
                (b'|', _) => self.operator(1, End::Pipe),
                (b'&', [b'>', ..]) => self.word(),
                (b'&', _) => self.operator(1, End::Behind),
                (b'(', _) if self.words.len() == 1 && more.trim_ascii_start().starts_with(b")") => {
                    self.rest = &more.trim_ascii_start()[1..];
                    self.words.insert(0, FUNCTION.to_vec());
                    self.end(End::Next);
                }
                (b'(', _) => {
                    self.rest = more;
                    self.open.push(b'(');
                }
                (b')', _) => {
                    self.operator(1, End::Next);
                    // Else it ends a pattern of a `case`.
                    _ = self.open.pop_if(|open| *open == b'(');
                }
                _ => self.word(),
            }
        }
        self.end(End::Next);
    }

    fn operator(&mut self, length: usize, end: End) {
        self.rest = &self.rest[length..];
        self.end(end);
    }

    /// Takes in one word: quotes fall away, and what is in them is part of it.
    fn word(&mut self) {
        let mut word = Vec::new();
        let mut quote = None;
        let mut at = 0;
        while let Some(byte) = self.rest.get(at).copied() {
            match (quote, byte) {
                (None, b'\'' | b'"') => quote = Some(byte),
                (Some(open), _) if byte == open => quote = None,
                (None | Some(b'"'), b'\\') => {
                    at += 1;
                    word.extend(self.rest.get(at).filter(|next| **next != b'\n'));
                }
                (None, b' ' | b'\t' | b'\r' | b'\n' | b';' | b'|' | b')') => break,
                // `2>&1` is one word, `name()` two.
                (None, b'&') if !matches!(word.last(), Some(b'>' | b'<')) && self.rest.get(at + 1) != Some(&b'>') => {
                    break;
                }
                (None, b'(') if word.last() != Some(&b'$') => break,
                (None, b'(') => {
                    let length = substitution(&self.rest[at..]);
                    word.extend_from_slice(&self.rest[at..at + length]);
                    at += length - 1;
                }
                _ => word.push(byte),
            }
            at += 1;
        }
        // A lone byte that begins nothing is let go, so that every turn gets further.
        self.rest = &self.rest[at.max(1).min(self.rest.len())..];
        self.take(word);
    }

    fn take(&mut self, word: Vec<u8>) {
        if let Some(from) = memchr::memmem::find(&word, b"<<")
            && !word[from..].starts_with(b"<<<")
            && !word.contains(&b'(')
        {
            let end = word[from + 2..].strip_prefix(b"-").unwrap_or(&word[from + 2..]).to_vec();
            self.documents.push(end);
            return;
        }
        if let Some(document) = self.documents.last_mut().filter(|document| document.is_empty()) {
            *document = word;
            return;
        }
        // `function name {`
        let begins = self.words.is_empty() || self.words.first().is_some_and(|first| first == FUNCTION) && word == b"{";
        match word.as_slice() {
            b"if" | b"case" | b"for" | b"while" | b"until" | b"select" | b"{" if begins => self.open.push(b'{'),
            // What is behind these is a command of its own.
            b"then" | b"do" | b"else" | b"elif" if begins => self.after = End::Next,
            b"fi" | b"esac" | b"done" | b"}" if begins => {
                _ = self.open.pop_if(|open| *open == b'{');
                self.words.push(word);
            }
            _ => self.words.push(word),
        }
    }

    fn end(&mut self, end: End) {
        if !self.words.is_empty() {
            let words = std::mem::take(&mut self.words);
            self.all.push(Command { words, after: self.after, end, depth: self.open.len() });
        }
        self.after = end;
    }

    /// Here-documents begin at the line behind the command.
    fn skip_documents(&mut self) {
        for end in std::mem::take(&mut self.documents) {
            while !self.rest.is_empty() {
                let length = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
                let line = &self.rest[..length];
                self.rest = self.rest.get(length + 1..).unwrap_or_default();
                if line.trim_ascii() == end {
                    break;
                }
            }
        }
    }
}

/// How long the `(…)` is that a text begins with.
fn substitution(text: &[u8]) -> usize {
    let mut depth = 0;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refuses_by_us(script: &[u8]) -> bool {
        super::refuses_by_us(script, &|_| Seen::Missing)
    }

    #[test]
    fn a_hook_guards_where_the_gates_refusal_is_its_own() {
        for call in [
            "exec clerk-audit hook pre-receive",
            "\"${CLERK_AUDIT:-/usr/local/bin/clerk-audit}\" hook pre-receive\nstatus=$?\nexit $status",
            "'/opt/our tools/clerk-audit' hook pre-receive --policy '/etc/p.toml' ${input:+--keep-input \"$input\"}",
            "gate=${0%/*}/clerk-audit\n\"$gate\" hook pre-receive",
            "# clerk-audit\n'/opt/gate' hook pre-receive",
            "if [ -t 0 ]; then\n  exit 0\nfi\nclerk-audit hook pre-receive || exit 1",
            "clerk-audit hook pre-receive || exit $?\nlogger pushed",
            "clerk-audit hook pre-receive ||\n  exit\ntrue",
            "set -eu\nclerk-audit hook pre-receive 2>&1\nlogger pushed",
            "set -o errexit\nclerk-audit hook pre-receive\nlogger pushed",
            "refuse() {\n  echo no\n}\nclerk-audit hook pre-receive; code=$?; logger $code; exit \"$code\"",
            "cat <<EOF >&2\nwelcome\nEOF\nclerk-audit hook pre-receive",
            "now=$(date; echo x)\nclerk-audit hook pre-receive && logger fine",
            "clerk-audit hook pre-receive\nexit $?",
            "exec nice -n 5 timeout --kill-after=2 -s KILL 10 clerk-audit hook pre-receive",
            "A=b >/dev/null 2> /tmp/x env -u HOME C=d /usr/bin/stdbuf -o0 clerk-audit hook pre-receive",
            "exec -a gate clerk-audit hook pre-receive",
            "command -p clerk-audit hook pre-receive",
            "flock /run/gate.lock clerk-audit hook pre-receive",
            "exec chroot \"$root\" /clerk-audit hook pre-receive",
            "cat | sudo -n -u git clerk-audit hook pre-receive",
            "set +e\nset -e\nclerk-audit hook pre-receive\nlogger pushed",
            "set -e\nfunction quiet {\n  set +x\n}\nquiet() (\n  :\n)\nclerk-audit hook pre-receive\nlogger pushed",
        ] {
            assert!(refuses_by_us(format!("#!/bin/sh\n{call}\n").as_bytes()), "{call}");
        }
        assert!(refuses_by_us(b"#!/bin/sh -e\nclerk-audit hook pre-receive\nlogger pushed\n"));
        assert!(refuses_by_us(b"exec clerk-audit hook pre-receive\n"), "a shell reads what does not say who does");
        for call in [
            "import os\nos.execvp(\"clerk-audit\", [\"clerk-audit\", \"hook\", \"pre-receive\"])",
            "import subprocess\nsubprocess.run([\"clerk-audit\", \"hook\", \"pre-receive\"], check=True)",
        ] {
            assert!(refuses_by_us(format!("#!/usr/bin/env python3\n{call}\n").as_bytes()), "{call}");
        }
    }

    #[test]
    fn a_hook_guards_nothing_where_the_gate_is_not_called_or_not_heeded() {
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
            "clerk-audit hook pre-receive || true",
            "clerk-audit hook pre-receive ||\n  true",
            "clerk-audit hook pre-receive || exit 0",
            "clerk-audit hook pre-receive &",
            "clerk-audit hook pre-receive & wait",
            "clerk-audit hook pre-receive | logger",
            "! clerk-audit hook pre-receive",
            "clerk-audit hook pre-receive; true",
            "clerk-audit hook pre-receive\nexit 0",
            "clerk-audit hook pre-receive\nstatus=$?\necho $status",
            "set -e\nclerk-audit hook pre-receive && logger fine\ntrue",
            "if false; then\n  clerk-audit hook pre-receive\nfi",
            "if false; then clerk-audit hook pre-receive || exit 1; fi",
            "if ! clerk-audit hook pre-receive; then echo no; fi",
            "case $1 in\n  never) clerk-audit hook pre-receive ;;\nesac",
            "for one in; do\n  exec clerk-audit hook pre-receive\ndone",
            "check() {\n  exec clerk-audit hook pre-receive\n}",
            "check()\n{\n  exec clerk-audit hook pre-receive\n}\ntrue",
            "(clerk-audit hook pre-receive)\nexit 0",
            "[ -n \"$X\" ] && clerk-audit hook pre-receive",
            "cat <<'EOF'\nclerk-audit hook pre-receive\nEOF",
            "cat << EOF\nclerk-audit hook pre-receive\nEOF\n",
            "coproc clerk-audit hook pre-receive",
            "eval ':' clerk-audit hook pre-receive",
            "true clerk-audit hook pre-receive",
            "exec true clerk-audit hook pre-receive",
            "timeout 10 true clerk-audit hook pre-receive",
            "env A=b true clerk-audit hook pre-receive",
            "command -v clerk-audit hook pre-receive",
            "setsid -f clerk-audit hook pre-receive",
            "sh -c true clerk-audit hook pre-receive",
            "set -- clerk-audit hook pre-receive",
            "X=$PATH : clerk-audit hook pre-receive",
            "set -e\nset +e\nclerk-audit hook pre-receive\necho",
            "set -e\nset -o pipefail +o errexit\nclerk-audit hook pre-receive\necho",
            "set -e\n[ -n \"$X\" ] && set +e\nclerk-audit hook pre-receive\necho",
            "[ -n \"$X\" ] && set -e\nclerk-audit hook pre-receive\necho",
            "set -- -e\nclerk-audit hook pre-receive\necho",
            "shopt -u -o errexit\nclerk-audit hook pre-receive\necho",
            "function check {\n  exec clerk-audit hook pre-receive\n}",
            "# clerk-audit gate for plain git\nclerk-audit hook pre-receive || true",
            "# clerk-audit gate for plain git\nclerk-audit hook pre-receive &\nexit $status",
        ] {
            assert!(!refuses_by_us(format!("#!/bin/sh\n{other}\n").as_bytes()), "{other}");
        }
        let ignored = "import subprocess\nsubprocess.run([\"clerk-audit\", \"hook\", \"pre-receive\"])\n";
        assert!(!refuses_by_us(format!("#!/usr/bin/python3\n{ignored}").as_bytes()));
    }

    #[test]
    fn any_bytes_are_read_to_their_end() {
        let parts =
            ["'", "\"", "\\", "(", ")", "$(", "<<", "&", "|", ";", "\n", "#", "clerk-audit", "{", "}", "if ", " hook "];
        let mut state = 7_u64;
        for _ in 0..2000 {
            let mut text = String::from("clerk-audit ");
            for _ in 0..12 {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                text.push_str(parts[(state >> 33) as usize % parts.len()]);
            }
            let words: usize = commands(text.as_bytes()).iter().map(|command| command.words.len()).sum();
            assert!(words <= text.len());
        }
    }
}
