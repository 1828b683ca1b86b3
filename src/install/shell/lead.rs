//! What a command's words begin with before they come to what is run.

/// A command that runs another one and ends as that does.
struct Lead {
    name: &'static [u8],
    /// The options with which it does so; one that has a value ends in a colon, or in an equals sign.
    options: &'static [&'static str],
    /// How many words it takes before the other command.
    takes: usize,
}

const fn lead(name: &'static [u8], options: &'static [&'static str], takes: usize) -> Lead {
    Lead { name, options, takes }
}

const LEADS: [Lead; 13] = [
    lead(b"exec", &["-a:", "-c", "-l"], 0),
    lead(b"command", &["-p"], 0),
    lead(b"env", &["-i", "-", "-u:", "-C:", "--unset=", "--chdir="], 0),
    lead(b"nice", &["-n:", "--adjustment="], 0),
    lead(b"ionice", &["-c:", "-n:", "-t", "--class=", "--classdata="], 0),
    lead(b"timeout", &["-k:", "-s:", "-v", "--foreground", "--preserve-status", "--kill-after=", "--signal="], 1),
    lead(b"nohup", &[], 0),
    lead(b"setsid", &["-w", "--wait", "-c"], 0),
    lead(b"stdbuf", &["-i:", "-o:", "-e:"], 0),
    lead(b"time", &["-p"], 0),
    lead(b"flock", &["-e", "-x", "-s", "-n", "-w:", "--exclusive", "--nonblock", "--timeout="], 1),
    lead(b"chroot", &["--userspec=", "--groups=", "--skip-chdir"], 1),
    lead(b"sudo", &["-n", "-E", "-H", "-u:", "-g:", "--user=", "--group="], 0),
];

/// Whether what stands behind these words of a command is run, and decides how it ends: variables, redirections, and what
/// runs another command are all that may stand before it.
pub(super) fn runs_the_rest(mut words: &[Vec<u8>]) -> bool {
    loop {
        words = behind_settings(words);
        let Some((name, mut rest)) = words.split_first() else { return true };
        let Some(lead) = LEADS.iter().find(|lead| lead.name == base(name)) else { return false };
        while let Some((option, more)) = rest.split_first().filter(|(word, _)| word.starts_with(b"-")) {
            rest = more;
            if option == b"--" {
                break;
            }
            match lead.options.iter().find_map(|one| values_of(one, option)) {
                Some(values) => rest = rest.get(values..).unwrap_or_default(),
                None => return false,
            }
        }
        let Some(behind) = rest.get(lead.takes..) else { return false };
        words = behind;
    }
}

/// How many words of its own an option has behind it, where it is this one.
fn values_of(one: &str, option: &[u8]) -> Option<usize> {
    match one.strip_suffix(':') {
        Some(name) if option == name.as_bytes() => Some(1),
        Some(name) => option.starts_with(name.as_bytes()).then_some(0),
        None if one.ends_with('=') => option.starts_with(one.as_bytes()).then_some(0),
        None => (option == one.as_bytes()).then_some(0),
    }
}

/// The words of a command behind what is set for it alone, and without a `command` that names the same command.
pub(super) fn said(words: &[Vec<u8>]) -> &[Vec<u8>] {
    match behind_settings(words) {
        [first, rest @ ..] if matches!(first.as_slice(), b"command" | b"builtin") => match rest {
            [option, ..] if option.starts_with(b"-") && option != b"-p" => words,
            [option, rest @ ..] if option == b"-p" => said(rest),
            _ => said(rest),
        },
        words => words,
    }
}

/// Whether words are redirections and nothing else.
pub(super) fn only_redirects(words: &[Vec<u8>]) -> bool {
    behind_settings(words).is_empty()
}

/// The words behind `NAME=value` and `2>file`.
fn behind_settings(mut words: &[Vec<u8>]) -> &[Vec<u8>] {
    while let [first, rest @ ..] = words {
        let name = first.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count();
        let digits = first.iter().take_while(|byte| byte.is_ascii_digit() || **byte == b'&').count();
        words = match (&first[name..], &first[digits..]) {
            ([b'=', ..], _) if name > 0 => rest,
            // Its file is the next word where it is not in this one.
            (_, [b'<' | b'>', target @ ..]) => {
                match target.iter().all(|byte| matches!(byte, b'<' | b'>' | b'|' | b'&')) {
                    true => rest.get(1..).unwrap_or_default(),
                    false => rest,
                }
            }
            _ => return words,
        };
    }
    words
}

/// A command's name without the folders before it.
pub(super) fn base(name: &[u8]) -> &[u8] {
    name.rsplit(|byte| *byte == b'/').next().unwrap_or_default()
}
