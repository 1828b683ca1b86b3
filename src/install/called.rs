//! What a hook calls, and by which policy, as far as its text tells.

use std::ffi::OsStr;
use std::ops::Range;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::shell::{Command, End, commands};

/// What the gate's hooks are called.
const HOOKS: &[&str] = &["pre-receive", "update", "ref-update", "commit-received"];

/// By this variable a policy is named.
const VARIABLE: &str = "CLERK_AUDIT_POLICY";

/// Which policy a hook names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Named {
    /// None.
    #[default]
    Nothing,
    /// This file.
    File(PathBuf),
    /// One that is not known before it runs.
    Untold,
}

/// What a hook calls, as far as its text tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) binary: Option<PathBuf>,
    /// By `--policy`.
    pub(super) policy: Named,
    /// By a variable that the hook sets.
    pub(super) environment: Named,
}

/// What a hook, or a command of git's configuration, calls.
pub(super) fn call(text: &[u8]) -> Call {
    // Each byte a character, and back: a path need not be UTF-8.
    let script: String = text.iter().map(|&byte| char::from(byte)).collect();
    let lines = script.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let environment = environment(&commands(text));
    match lines.into_iter().find_map(in_line) {
        Some(call) => Call { environment, ..call },
        // In another language, or from another file.
        None if script.contains("policy") => Call { policy: Named::Untold, ..Call::default() },
        None => Call { environment, ..Call::default() },
    }
}

fn in_line(mut line: &str) -> Option<Call> {
    loop {
        let Line { words, rest, .. } = words(line)?;
        if let Some(called) = Called::find(&words) {
            return Some(called.told(&words));
        }
        if rest.is_empty() {
            return None;
        }
        line = rest;
    }
}

fn path_of(text: &str) -> PathBuf {
    let bytes: Vec<u8> = text.chars().map(|it| u8::try_from(it).unwrap_or(b'?')).collect();
    PathBuf::from(OsStr::from_bytes(&bytes))
}

/// Where a line's words name the binary and its policy.
pub(super) struct Called {
    pub(super) binary: usize,
    /// `--policy` and its file, or both in one word.
    pub(super) policy: Option<Range<usize>>,
}

impl Called {
    pub(super) fn find(words: &[Word]) -> Option<Self> {
        let pairs = words.windows(2).position(|pair| pair[0].raw == "hook" && HOOKS.contains(&pair[1].raw.as_str()));
        let hook = pairs.filter(|at| *at > 0)?;
        let policy = (hook..words.len()).find_map(|at| match words[at].said() {
            "--policy" => Some(at..words.len().min(at + 2)),
            said => said.starts_with(OPTION).then_some(at..at + 1),
        });
        Some(Self { binary: hook - 1, policy })
    }

    fn told(&self, words: &[Word]) -> Call {
        let before = &words[..self.binary];
        let policy = match &self.policy {
            Some(at) => {
                let word = words[at.clone()].last().filter(|word| !word.raw.starts_with('~'));
                let value = word.and_then(|word| word.value.as_deref()).filter(|value| *value != "--policy");
                let path = |value: &str| path_of(value.strip_prefix(OPTION).unwrap_or(value));
                value.map_or(Named::Untold, |value| Named::File(path(value)))
            }
            // More words may come of a variable.
            None if words[self.binary + 1..].iter().any(Word::is_open) => Named::Untold,
            None => Named::Nothing,
        };
        // Behind another program (chroot, docker, sudo) paths may begin elsewhere.
        let leads_on = |word: &Word| LEADS.contains(&word.raw.as_str()) || is_assignment(word.raw.as_bytes());
        if !before.iter().all(leads_on) {
            let policy = if policy == Named::Nothing { policy } else { Named::Untold };
            return Call { policy, ..Call::default() };
        }
        let binary = words[self.binary].value.as_ref().map(|value| path_of(value));
        Call { binary, policy, environment: Named::Nothing }
    }
}

/// `--policy` and its file in one word.
const OPTION: &str = "--policy=";

/// What may stand before a call, and changes nothing of what it names.
const LEADS: &[&str] = &["exec", "if", "!", "env"];

/// Whether a word is `NAME=…`.
fn is_assignment(word: &[u8]) -> bool {
    let name = memchr::memchr(b'=', word).map_or(&b""[..], |at| &word[..at]);
    !name.is_empty() && name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

/// The policy that a script's variable names where it calls the gate. What is set on a condition, or by what is not known
/// before, is not told.
fn environment(commands: &[Command]) -> Named {
    let is_call = |command: &Command| {
        let is_hook = |word: &Vec<u8>| HOOKS.iter().any(|hook| word == hook.as_bytes());
        command.words.windows(2).position(|two| two[0] == b"hook" && is_hook(&two[1]))
    };
    let mut named = Named::Nothing;
    for command in commands {
        let call = is_call(command);
        let words = &command.words[..call.unwrap_or(command.words.len())];
        let speaks = |word: &Vec<u8>| memchr::memmem::find(word, VARIABLE.as_bytes()).is_some();
        if words.iter().any(speaks) {
            let is_sure =
                call.is_some() || command.depth == 0 && command.after == End::Next && command.end == End::Next;
            named = if is_sure { set_by(words, call.is_some()) } else { Named::Untold };
        }
        if call.is_some() {
            break;
        }
    }
    named
}

/// What words set the variable to: those of an `export`, or those before a call.
fn set_by(words: &[Vec<u8>], is_before_a_call: bool) -> Named {
    let sets = |word: &Vec<u8>| is_assignment(word);
    let is_plain = match words.split_first() {
        Some((first, rest)) if first == b"export" => rest.iter().all(sets),
        _ => is_before_a_call,
    };
    let prefix = format!("{VARIABLE}=").into_bytes();
    let value = words.iter().rev().find_map(|word| word.strip_prefix(prefix.as_slice())).filter(|_| is_plain);
    match value {
        // As for the gate itself: an empty one names none.
        Some([]) => Named::Nothing,
        Some(value) if !value.starts_with(b"~") && !value.iter().any(|byte| b"$`".contains(byte)) => {
            Named::File(PathBuf::from(OsStr::from_bytes(value)))
        }
        _ => Named::Untold,
    }
}

/// A word of a shell's line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Word {
    /// As it is written.
    pub(super) raw: String,
    /// What it stands for, where that can be told: `${NAME:-this}` for what it is without the variable.
    pub(super) value: Option<String>,
}

/// The first command of a line.
pub(super) struct Line<'a> {
    pub(super) words: Vec<Word>,
    /// Whether the line has nothing else.
    pub(super) is_whole: bool,
    /// What stands behind it.
    rest: &'a str,
}

/// The words of the first simple command of a line; none where a quotation goes on in the next one.
pub(super) fn words(line: &str) -> Option<Line<'_>> {
    let mut words = Vec::new();
    let mut is_whole = true;
    let mut word: Option<Word> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(it) = characters.next() {
        if quote.is_none() && (it == ' ' || it == '\t') {
            words.extend(word.take());
            continue;
        }
        // What makes another command of the rest, or runs one within.
        if quote.is_none() && ";|&<>()`".contains(it) {
            is_whole = false;
            break;
        }
        let now = word.get_or_insert_with(|| Word { raw: String::new(), value: Some(String::new()) });
        now.raw.push(it);
        match (quote, it) {
            (Some(open), _) if it == open => quote = None,
            (None, '\'' | '"') => quote = Some(it),
            (Some('\''), _) => now.push(it),
            (_, '\\') => {
                let next = characters.next()?;
                now.raw.push(next);
                now.push(next);
            }
            (_, '$' | '`') => match default_of(&mut characters, &mut now.raw) {
                Some(text) if it == '$' => text.chars().for_each(|it| now.push(it)),
                _ => now.value = None,
            },
            _ => now.push(it),
        }
    }
    words.extend(word);
    quote.is_none().then_some(Line { words, is_whole, rest: characters.as_str() })
}

impl Word {
    /// What it says, or as it is written.
    fn said(&self) -> &str {
        self.value.as_deref().unwrap_or(self.raw.trim_start_matches(['"', '\'']))
    }

    /// Whether an option may come of it: not of what a hook is given, and not of what our own hooks have there.
    fn is_open(&self) -> bool {
        let given = self.raw.trim_matches('"').strip_prefix('$').unwrap_or_default();
        let is_given = given.len() == 1 && given.starts_with(|it: char| it.is_ascii_digit() || "@*".contains(it));
        self.value.is_none() && !is_given && !self.raw.contains("--keep-input")
    }

    fn push(&mut self, character: char) {
        if let Some(value) = &mut self.value {
            value.push(character);
        }
    }
}

/// Takes `{NAME:-text}` behind a `$`; the text.
fn default_of(characters: &mut std::str::Chars<'_>, raw: &mut String) -> Option<String> {
    characters.as_str().starts_with('{').then(|| characters.next()).flatten().map(|it| raw.push(it))?;
    let mut inner = String::new();
    loop {
        let it = characters.next()?;
        raw.push(it);
        if it == '}' {
            break;
        }
        inner.push(it);
    }
    let (name, text) = inner.split_once(":-")?;
    let is_plain = name.bytes().all(|it| it.is_ascii_alphanumeric() || it == b'_') && !text.contains(['$', '`', '\\']);
    is_plain.then(|| text.trim_matches(['"', '\'']).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Named {
        Named::File(path.into())
    }

    #[track_caller]
    fn names(script: &str, policy: Named, environment: Named) {
        let call = call(format!("#!/bin/sh\n{script}\n").as_bytes());
        assert_eq!((call.policy, call.environment), (policy, environment), "{script}");
    }

    #[test]
    fn a_policy_is_read_however_it_is_given() {
        for call in [
            "exec clerk-audit hook pre-receive --policy=/p.toml",
            "exec clerk-audit hook pre-receive --policy='/p.toml'",
            "exec clerk-audit hook pre-receive \"--policy=/p.toml\"",
            "cd / && exec clerk-audit hook update --policy /p.toml \"$1\" \"$2\" \"$3\"",
            "exec clerk-audit hook update \"$@\" --policy /p.toml",
            "export CLERK_AUDIT_POLICY=/e.toml; exec clerk-audit hook pre-receive --policy /p.toml",
        ] {
            let environment = if call.contains("/e.toml") { file("/e.toml") } else { Named::Nothing };
            names(call, file("/p.toml"), environment);
        }
        for set in [
            "CLERK_AUDIT_POLICY=/e.toml exec clerk-audit hook pre-receive",
            "exec env CLERK_AUDIT_POLICY='/e.toml' clerk-audit hook pre-receive",
            "export CLERK_AUDIT_POLICY=/e.toml\nexec clerk-audit hook pre-receive",
            "export A=1 CLERK_AUDIT_POLICY=\"/e.toml\"; clerk-audit hook pre-receive || exit 1",
            "export CLERK_AUDIT_POLICY=\"$X\"\nexport CLERK_AUDIT_POLICY=/e.toml\nclerk-audit hook update \"$@\"",
        ] {
            names(set, Named::Nothing, file("/e.toml"));
        }
        let binary = call(b"#!/bin/sh\nA=1 exec '/x y' hook pre-receive\n").binary;
        assert_eq!(binary, Some("/x y".into()));
    }

    #[test]
    fn what_a_variable_or_a_condition_tells_is_not_told() {
        for call in [
            "exec clerk-audit hook pre-receive --policy \"$P\"",
            "exec clerk-audit hook pre-receive --policy=\"$P\"",
            "exec clerk-audit hook pre-receive --policy `cat p`",
            "exec clerk-audit hook pre-receive --policy ~/p.toml",
            "exec clerk-audit hook pre-receive $OPTIONS",
            "exec sudo -u git clerk-audit hook pre-receive --policy /p.toml",
        ] {
            names(call, Named::Untold, Named::Nothing);
        }
        for set in [
            "CLERK_AUDIT_POLICY=$P exec clerk-audit hook pre-receive",
            "[ -f /e.toml ] && export CLERK_AUDIT_POLICY=/e.toml\nexec clerk-audit hook pre-receive",
            "if [ -f /e.toml ]; then\n  export CLERK_AUDIT_POLICY=/e.toml\nfi\nexec clerk-audit hook pre-receive",
            "CLERK_AUDIT_POLICY=/e.toml\nexec clerk-audit hook pre-receive",
            "unset CLERK_AUDIT_POLICY\nexec clerk-audit hook pre-receive",
        ] {
            names(set, Named::Nothing, Named::Untold);
        }
        let python =
            b"#!/usr/bin/env python3\nsubprocess.run([\"clerk-audit\", \"hook\", \"pre-receive\", \"--policy\", p])\n";
        assert_eq!(call(python).policy, Named::Untold);
        names("exec clerk-audit hook update \"$1\" \"$2\" $3", Named::Nothing, Named::Nothing);
        names("exec clerk-audit hook pre-receive ${keep:+--keep-input -}", Named::Nothing, Named::Nothing);
    }
}
