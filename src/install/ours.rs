//! Which hooks are ours.
//!
//! Ours is what `install` wrote, and a script of `hooks/` as it is shipped, whatever binary and policy it names. One that
//! somebody has added something to is theirs, and is kept as every other hook is.

use std::path::Path;

use super::called::{Called, Line, Word, words};
use super::guard::text;
use super::script::{FIND_OWN, MARK, OF_THE_HOST, WRITTEN};

/// The scripts of `hooks/`.
const SHIPPED: &[&str] = &[
    include_str!("../../hooks/pre-receive"),
    include_str!("../../hooks/gitolite"),
    include_str!("../../hooks/gitea"),
    include_str!("../../hooks/gitlab"),
    include_str!("../../hooks/github"),
    include_str!("../../hooks/bitbucket"),
    include_str!("../../hooks/gerrit"),
    include_str!("../../hooks/update"),
    // As earlier versions had them.
    "#!/bin/sh\nexec clerk-audit hook pre-receive\n",
    "#!/bin/sh\nexec clerk-audit hook update \"$@\"\n",
    "#!/bin/sh\nclerk-audit hook pre-receive\nstatus=$?\n[ \"$status\" -le 1 ] ||\n  echo \"error: clerk-audit refuses \
     this push: the gate was ended before it could say why (status $status)\" >&2\nexit $status\n",
];

/// Whether the hook at a path is ours.
pub(super) fn is_ours(path: &Path) -> bool {
    text(path).is_some_and(|text| is_our_text(&String::from_utf8_lossy(&text)))
}

/// Whether the hook at a path is ours, and one of those that stand in the place of every repository's of the host.
pub(super) fn is_the_hosts(path: &Path) -> bool {
    let text = text(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let says = |line: &str| line.starts_with(WRITTEN) && line.contains(OF_THE_HOST);
    is_our_text(&text) && (text.lines().any(says) || finds_own(&text))
}

/// Whether the hook at a path is ours, and calls no gate: it hands on to the repository's own.
pub(super) fn only_hands_on(path: &Path) -> bool {
    let text = text(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let calls = |line: &str| words(line.trim()).is_some_and(|line| Called::find(&line.words).is_some());
    is_our_text(&text) && !text.lines().filter(|line| !line.starts_with('#')).any(calls)
}

/// Whether the hook at a path says that it is the gate's, or was.
pub(super) fn has_mark(path: &Path) -> bool {
    text(path).is_some_and(|text| is_marked(&String::from_utf8_lossy(&text)))
}

fn is_marked(text: &str) -> bool {
    text.lines().any(|line| line.starts_with(MARK))
}

fn is_our_text(text: &str) -> bool {
    let mut lines = text.lines();
    let is_written = lines.any(|line| line.starts_with(WRITTEN));
    // In the directory of a whole host earlier versions wrote no such line.
    is_marked(text) && (is_written || finds_own(text) || SHIPPED.iter().any(|shipped| normal(shipped) == normal(text)))
}

/// Whether a hook is one of the directory of a whole host, as earlier versions wrote it.
fn finds_own(text: &str) -> bool {
    text.lines().nth(1).is_some_and(|line| line.starts_with(MARK))
        && text.lines().nth(2).is_some_and(|line| line.starts_with(FIND_OWN))
}

/// A script without comments, and without the binary and the policy that it names.
fn normal(text: &str) -> Vec<String> {
    let code = |line: &&str| !line.is_empty() && (!line.starts_with('#') || line.starts_with("#!"));
    let lines = text.lines().map(str::trim).filter(code);
    lines.map(|line| without_names(line).unwrap_or_else(|| line.to_owned())).collect()
}

/// How the script for GitHub names a binary that does not stand beside it.
const FALLBACK: &str = "[ -x \"$gate\" ] || gate=";

/// A line that calls a binary and does nothing else, without its names.
fn without_names(line: &str) -> Option<String> {
    let is_name = |word: &Word| !word.raw.contains('`') && !word.raw.contains("$(");
    if let Some(path) = line.strip_prefix(FALLBACK) {
        let Line { words, is_whole, .. } = words(path)?;
        return (is_whole && words.len() == 1 && is_name(&words[0])).then(|| FALLBACK.to_owned());
    }
    let Line { words, is_whole: true, .. } = words(line)? else { return None };
    let called = Called::find(&words)?;
    let leads = match &words[..called.binary] {
        [] => "",
        [exec] if exec.raw == "exec" => "exec ",
        _ => return None,
    };
    let policy = called.policy.clone().unwrap_or_default();
    if !is_name(&words[called.binary]) || !words[policy.clone()].iter().all(is_name) {
        return None;
    }
    let rest = words.iter().enumerate().skip(called.binary + 1).filter(|(at, _)| !policy.contains(at));
    Some(format!("{leads}GATE {}", rest.map(|(_, word)| word.raw.as_str()).collect::<Vec<_>>().join(" ")))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::called::{Call, Named, call};
    use super::super::script::{self, Gate, KeptRun};
    use super::*;

    fn gate(binary: &str, policy: Option<&str>) -> Gate {
        Gate { binary: binary.into(), is_named: true, policy: policy.map(PathBuf::from) }
    }

    #[test]
    fn every_text_is_ours_and_what_it_calls_is_read_back() {
        for (binary, policy) in
            [("/opt/clerk-audit", None), ("/it's; here/$x", Some("/a `b`/it's \"p\".toml")), ("/x", Some("/y;z"))]
        {
            let gate = gate(binary, policy);
            let named = policy.map_or(Named::Nothing, |path| Named::File(path.into()));
            let told = Call { binary: Some(binary.into()), policy: named, environment: Named::Nothing };
            let sourced = KeptRun::SourcedBy(vec!["/bin/sh".to_owned()]);
            for text in [
                script::hook(&gate),
                script::github_hook(&gate),
                script::keeping_hook(&gate, &KeptRun::ByItself),
                script::keeping_hook(&gate, &sourced),
                script::system_hook(&gate),
            ] {
                assert!(is_our_text(&text), "{text}");
                assert_eq!(call(text.as_bytes()), told, "{text}");
            }
            assert_eq!(call(script::configured(&gate).as_bytes()), told);
        }
        assert!(is_our_text(&script::pass_on("update")));
        let beside = script::github_hook(&Gate { is_named: false, ..gate("/x", Some("/p")) });
        assert!(is_our_text(&beside) && !beside.contains("'/x'"));
        let told = Call { binary: None, policy: Named::File("/p".into()), environment: Named::Nothing };
        assert_eq!(call(beside.as_bytes()), told);
    }

    #[test]
    fn shipped_scripts_are_ours_with_other_names_and_not_with_anything_added() {
        let usual = "\"${CLERK_AUDIT:-/usr/local/bin/clerk-audit}\"";
        for shipped in &SHIPPED[..8] {
            assert!(is_our_text(shipped), "{shipped}");
            for policy in ["--policy '/p'", "--policy=/p"] {
                let with = format!("hook pre-receive {policy}");
                let renamed = shipped.replace(usual, "'/opt/it'").replace("hook pre-receive", &with);
                assert!(is_our_text(&renamed), "{renamed}");
            }
            assert!(is_our_text(&shipped.replace("# Install", "# Ada installed it:\n# Install")));
            for added in [
                shipped.replace("exit $status", "[ $status = 0 ] || exit $status\necho mine >&2; exit 1"),
                shipped.replace("#!/bin/sh", "#!/bin/bash"),
                shipped.replace("status=$?", "status=$?; touch seen"),
                shipped.replace(usual, "\"$(which clerk-audit)\""),
                format!("{shipped}exit 1\n"),
            ] {
                assert!(added == **shipped || !is_our_text(&added), "{added}");
            }
        }
        assert_eq!(call(SHIPPED[0].as_bytes()).binary, Some("/usr/local/bin/clerk-audit".into()));
        let elsewhere = b"#!/bin/sh\nexec chroot \"$root\" /clerk-audit hook pre-receive --policy /p\n";
        assert_eq!(call(elsewhere), Call { policy: Named::Untold, ..Call::default() });
        assert_eq!(call(b"if ! /x hook pre-receive; then exit 1; fi\n").binary, Some("/x".into()));
        assert!(!is_our_text("#!/bin/sh\nexec clerk-audit hook pre-receive\n"), "it has no mark");
    }

    #[test]
    fn hooks_of_earlier_versions_are_ours() {
        for text in [
            "#!/bin/sh\n# clerk-audit gate: refuses pushes that bring Clerk secret keys\n# Written by: clerk-audit hook \
             install. Remove with: clerk-audit hook uninstall.\nexec '/x' hook pre-receive\n",
            "#!/bin/sh\n# clerk-audit gate: hands on to the repository's own hook\nown=$(git rev-parse \
             --git-common-dir 2>/dev/null) || own=${GIT_DIR:-.}\nown=\"$own/hooks/update\"\n[ -x \"$own\" ] || exit \
             0\nexec \"$own\" \"$@\"\n",
            "#!/bin/sh\n# clerk-audit gate for plain git\nexec \"${CLERK_AUDIT:-/usr/local/bin/clerk-audit}\" hook \
             pre-receive\n",
        ] {
            assert!(is_our_text(text), "{text}");
        }
    }
}
