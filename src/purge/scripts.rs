//! The scripts of a plan: one rewrites a fresh mirror, one publishes it, and git asks the third whether it may.
//!
//! What is rewritten is a mirror of the server's repository, made then and there, and no clone of it: what a clone has of
//! others' branches is as old as its last fetch, and publishing takes away what is not in it. Between the mirror and the
//! publishing others may push all the same, so what the server had is noted and compared in the very connection that
//! writes.

use super::{Subject, options};
use crate::key::KeyId;
use crate::model::{ReadLimits, shell_word};

/// How both scripts begin. What git exports for an alias, a hook or a `rebase --exec` names another repository, and
/// `CDPATH` has `cd` go elsewhere and say so. Settings that are handed on that way stay: they can have what the server
/// asks for.
const APART: &str = r#"stop() {
  printf '%s\n' "$@" >&2
  exit 3
}
local=$(git rev-parse --local-env-vars) || stop "git is not on PATH, or does not work"
unset CDPATH GIT_NAMESPACE GIT_QUARANTINE_PATH $(printf '%s\n' "$local" | grep -v '^GIT_CONFIG_')
"#;

/// What both scripts have: git and filter-repo print names of refs, and those can have keys. So all that they say goes
/// through what cleans a name, and the exit is their own. A part that runs so ends at its first failure.
const SAID: &str = r#"call="import os, sys; sys.dont_write_bytecode = True; sys.path.insert(0, os.environ['CLERK_PURGE_PLAN']); import clerk_purge"
clean_lines() { python3 -c "$call; clerk_purge.clean_lines()"; }
clean_lines </dev/null ||
  stop "What git says is cleaned of keys by python3 and $plan/clerk_purge.py: one of them is not here, or broken."
said_clean() {
  set +e
  { code=$({ { (set -e; "$@") 2>&1 >&4 3>&- 4>&-; echo $? >&3; } | clean_lines >&2; } 3>&1); } 4>&1
  set -e
  [ "$code" = 0 ] || exit "${code:-3}"
}
"#;

/// A key that a script proves gone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Planned {
    /// Its id.
    pub id: KeyId,
    /// What may be shown of it.
    pub hint: String,
    /// Whether only a name beside it tells it: where its value stands alone in what cannot be written over, no audit sees it.
    pub needs_a_name: bool,
}

/// A shell script that rewrites a fresh mirror of the repository and proves that it is clean: of every key, those planned among
/// them, or of `only` these, as far as the keys were looked for. It has no key in it, and the ids of those.
pub fn commands(subject: &Subject<'_>, planned: &[Planned], only: bool, limits: ReadLimits) -> String {
    let repository = shell_word(subject.repository);
    let source = match subject.remotes {
        [] => format!("source=${{2:-{repository}}}"),
        remotes => {
            let message = format!(
                "The repository that was audited has a remote ({}): what it has of others' branches is as old as its last \
                 fetch, and publishing that would take away what they pushed since.",
                remotes.join(", ")
            );
            format!(
                "source=${{2:-}}\n[ -n \"$source\" ] || stop {} \\\n  'Name the repository of the server: sh commands.sh \
                 NEW-DIRECTORY URL. Where that is this one itself, its own path is the URL.'",
                shell_word(&message)
            )
        }
    };
    // A path may have anything in it: it comes last.
    let commands = COMMANDS.replace("@APART@\n", APART).replace("@SAID@\n", SAID);
    commands.replace("@AUDIT@", &proof(planned, only, &options(limits))).replace("@SOURCE@", &source)
}

/// The audit by which it ends, and what that has shown.
fn proof(planned: &[Planned], only: bool, limits: &str) -> String {
    let hints = |keys: &[&Planned]| keys.iter().map(|key| key.hint.as_str()).collect::<Vec<_>>().join(", ");
    let named: Vec<&Planned> = planned.iter().filter(|key| key.needs_a_name).collect();
    let unseen = format!(
        "What only a name tells ({}) is seen by no audit where its value stands without that, packed or spelt in no way that is \
         foreseen: search for it.",
        hints(&named)
    );
    let unseen = if named.is_empty() { String::new() } else { format!("\necho {}", shell_word(&unseen)) };
    if !only {
        let ids: String = planned.iter().map(|key| format!("{}\n", key.id)).collect();
        let clean = if named.is_empty() { "Clean." } else { "Clean, as far as an audit sees." };
        return ALL.replace("@PLANNED@\n", &ids).replace("@LIMITS@", limits).replace("@CLEAN@", clean) + &unseen;
    }
    let traces =
        planned.iter().map(|Planned { id, .. }| format!("\"$audit\" trace --id {id} --kind-is-known{limits} .\n"));
    let clean = format!("Clean of {}. It was not looked for other keys.", hints(&planned.iter().collect::<Vec<_>>()));
    format!("{}echo {}{unseen}", traces.collect::<String>(), shell_word(&clean))
}

/// The list of known keys has every key that an audit tells of, whatever its confidence: possible ones end it with 0.
const ALL: &str = r#"(umask 077; : >"$plan/left.txt")
"$audit" history --write-known "$plan/left.txt"@LIMITS@ .
if LC_ALL=C grep -qFf - "$plan/left.txt" <<'END'
@PLANNED@
END
then
  stop "Keys of this plan are left, where the audit above has them: in a way that makes them possible keys, and that is not" \
    "written over. Nothing is published. Change those places by hand on the server, audit it again, and make a new plan."
fi
if grep -q '^sha256:' "$plan/left.txt"; then
  echo "Clean of the keys of this plan. What stands above is left: look at it, and make a plan that names it with --key if"
  echo "it is a key."
else
  echo "@CLEAN@"
fi"#;

const COMMANDS: &str = r#"#!/bin/sh
# Written by clerk-audit purge-plan. Run it as: sh commands.sh NEW-DIRECTORY [URL]
# It clones a mirror of the server's repository (URL) into NEW-DIRECTORY, rewrites that, and audits it. The server's
# repository is not touched, and neither is the one that was audited.
set -eu
@APART@
plan=$(cd "$(dirname "$0")" && pwd -P)
work=${1:?name a new directory to work in}
@SOURCE@
# All that it takes, before anything is done.
audit=$(command -v "${CLERK_AUDIT:-clerk-audit}") && "$audit" --version >/dev/null ||
  stop "clerk-audit is not on PATH: CLERK_AUDIT=/where/it/is sh commands.sh ..."
case $audit in /*) ;; *) audit=$(pwd)/$audit ;; esac
CLERK_PURGE_GIT=$(command -v git) || stop "git is not on PATH"
export CLERK_PURGE_PLAN="$plan" CLERK_PURGE_GIT
# By its own name: git would put its own folder first on PATH, and what stands there is never in its way.
filter=$(PATH="$PATH:$(git --exec-path)"; command -v git-filter-repo) ||
  stop "git filter-repo is not installed: it is a package of that name, git-filter-repo"
# filter-repo asks git for its help to see which options it has, and where git writes --[no-]mark-tags an older one sees
# none: nested tags and commits that are not UTF-8 would then end it. It is shown the options as they were written.
(umask 077; mkdir -p "$plan/bin"; cat >"$plan/bin/git") <<'END'
#!/bin/sh
if [ "$#" = 2 ] && [ "$1" = fast-export ] && [ "$2" = -h ]; then
  "$CLERK_PURGE_GIT" fast-export -h 2>&1 | sed 's/--\[no-\]/--/'
  exit 129
fi
exec "$CLERK_PURGE_GIT" "$@"
END
chmod 700 "$plan/bin/git"
@SAID@
drop_replacements() { git for-each-ref --format='delete %(refname)' refs/replace | git update-ref --stdin; }
rewrite() {
  git clone --quiet --mirror --no-local -- "$source" "$work"
  # What was noted is of another mirror.
  rm -f "$plan/before.txt"
  cd "$work"
  # By its name: git may be told to take none for a repository because one stands in it.
  GIT_DIR=$(pwd -P)
  export GIT_DIR
  # filter-repo takes origin away, and git lists the branches then. What is published names its URL.
  git remote | while read -r name; do git config --remove-section "remote.$name" || :; done
  if [ "$(git rev-parse --is-shallow-repository)" = true ]; then
    stop "What was cloned is shallow: it would come out with its history cut off. Nothing was rewritten." \
      "Make it whole (git fetch --unshallow), or name the repository of the server."
  fi
  if [ -n "$(git for-each-ref --count=1 refs/remotes)" ]; then
    stop "What was cloned is a clone itself (it has refs/remotes), and not the server's. Nothing was rewritten." \
      "Name the repository of the server. Where it is that all the same, delete those refs there first."
  fi
  # What the server has now: publish.sh compares that with what it has then.
  (umask 077; { pwd -P; git for-each-ref --format='%(objectname) %(refname)'; } >"$plan/before.new")
  # What puts other objects in the place of some (git replace --graft cuts history off) is not to become what history is.
  drop_replacements
  # A clone that was audited has not all the refs of the server.
  odd=$(git for-each-ref --format='%(refname) %(objecttype) %(*objecttype)' | LC_ALL=C awk '
    { names[$1] }
    $2 == "tag" && $3 != "tree" && $1 !~ /^refs\/tags\// { print $1 }
    END {
      split("refs/ refs/tags/ refs/heads/", folders, " ")
      for (name in names) for (at in folders) if ((folders[at] name) in names) print folders[at] name
    }
  ' | head -n 10 | tr '\n' ' ')
  [ -z "$odd" ] || stop \
    "These are annotated tags outside of refs/tags, or names that git can take for those of others: $odd" \
    "git filter-repo would make other tags of them, or leave some out. Nothing was rewritten." \
    "Delete or rename them on the server, and begin anew, with a new directory."
  # Names of files and directories that have a key: a rewrite goes over commits, and passes these by.
  git for-each-ref --format='%(refname) %(objecttype)%(*objecttype)' | LC_ALL=C sed -n '/commit$/!s/ .*//p' |
    LC_ALL=C grep -aFxf "$plan/drop-refs.txt" | sed 's/^/delete /' | git update-ref --stdin
  PATH="$plan/bin:$PATH" "$filter" --force --quiet --prune-empty never \
    --replace-text "$plan/expressions.txt" \
    --replace-message "$plan/expressions.txt" \
    --message-callback "$call; return clerk_purge.clean(message)" \
    --preserve-commit-encoding \
    --blob-callback "$call; clerk_purge.clean_file(blob)" \
    --filename-callback "$call; return filename and clerk_purge.clean(filename)" \
    --name-callback "$call; return clerk_purge.clean(name)" \
    --email-callback "$call; return clerk_purge.clean(email)" \
    --commit-callback "$call; clerk_purge.clean_commit(commit)" \
    --refname-callback "$call; return clerk_purge.clean_ref(refname)" >&2
  # HEAD is no ref that is renamed: where its branch was, it would name one that is gone. The name is never an argument
  # before it is clean.
  head=$(git symbolic-ref -q HEAD | python3 -c "$call; sys.stdout.buffer.write(clerk_purge.clean(sys.stdin.buffer.read()))")
  [ -z "$head" ] || git symbolic-ref HEAD "$head"
  # A note is found by the id of its commit, and that is another now.
  git for-each-ref --format='%(refname)' refs/notes | while read -r name; do
    git notes --ref="$name" list | LC_ALL=C awk '
      FILENAME == ARGV[1] { if ($1 != $2 && $2 ~ /[1-9a-f]/) new[$1] = $2; next }
      $2 in new { print $2, new[$2] }
    ' filter-repo/commit-map - >filter-repo/notes
    [ -s filter-repo/notes ] || continue
    notes() { git -c user.name=clerk-audit -c user.email=clerk-audit@localhost notes --ref="$name" "$@"; }
    notes copy --force --stdin <filter-repo/notes
    sed 's/ .*//' filter-repo/notes | notes remove --ignore-missing --stdin
  done
  # filter-repo has made some of its own, from the old commits to the new ones.
  drop_replacements
  rm -rf filter-repo
  git reflog expire --expire=now --all
  git gc --quiet --prune=now
}
said_clean rewrite
cd "$work"
echo "Audit of the rewritten repository:"
@AUDIT@
# Without this list nothing is published.
mv "$plan/before.new" "$plan/before.txt"
echo "Nothing is published yet. README.md says what to look at first, and what this cannot reach. Then:"
quoted() { printf "'%s'" "$(printf %s "$1" | sed "s/'/'\\\\''/g")"; }
echo "  sh $(quoted "$plan/publish.sh") $(quoted "$(pwd -P)") URL"
"#;

/// A shell script that publishes what [`commands`] rewrote.
pub(super) fn publish() -> String {
    PUBLISH.replace("@APART@\n", APART).replace("@SAID@\n", SAID)
}

const PUBLISH: &str = r#"#!/bin/sh
# Written by clerk-audit purge-plan. Run it as: sh publish.sh NEW-DIRECTORY URL [branches]
# It writes what commands.sh rewrote over the server's repository, unless anybody has pushed there since. With "branches"
# it writes branches and tags alone, for servers that keep refs of their own (refs/pull).
set -eu
@APART@
plan=$(cd "$(dirname "$0")" && pwd -P)
work=$(cd "${1:?name the directory that commands.sh rewrote}" && pwd -P)
url=${2:?name the URL of the repository of the server}
[ "$(head -n 1 "$plan/before.txt" 2>/dev/null)" = "$work" ] ||
  stop "This plan's commands.sh did not come to its end there last, or its audit was not clean." \
    "Begin anew, with a new directory: sh commands.sh NEW-DIRECTORY URL"
changed() {
  echo "Refs of the server that are not what they were when the mirror was made: $1. Somebody has pushed since." >&2
  stop "Nothing is published. Begin anew, with a new directory: sh commands.sh NEW-DIRECTORY URL"
}
# git takes no push to a branch that is checked out, and would have written the others by then.
there=${url#file://}
if [ -d "$there" ] && [ "$(git -C "$there" rev-parse --is-bare-repository 2>/dev/null)" = false ]; then
  case $(git -C "$there" config receive.denyCurrentBranch || :) in
  updateInstead | ignore | warn | false | no | off | 0) ;;
  *)
    stop "$url has a work tree, and git takes no push to the branch that is checked out there. Nothing is published." \
      "Where it is the server's, commit what is open there and let git take its files along:" \
      "  git -C DIRECTORY config receive.denyCurrentBranch updateInstead" \
      "and run this again."
    ;;
  esac
fi
export CLERK_PURGE_PLAN="$plan"
@SAID@
umask 077
publish() {
  git ls-remote --refs -- "$url" >"$plan/server.txt"
  git --git-dir="$work" for-each-ref --format='%(objectname) %(refname)' >"$plan/after.txt"
  # What was published by an earlier run is as it is to be.
  moved=$(LC_ALL=C awk '
    FILENAME == ARGV[1] { before[$2] = $1; next }
    FILENAME == ARGV[2] { after[$2] = $1; next }
    { server[$2] = $1 }
    END {
      for (name in server) if (server[name] != before[name] && server[name] != after[name]) moved++
      for (name in after) if (before[name] != "" && !(name in server)) moved++
      print moved + 0
    }
  ' "$plan/before.txt" "$plan/after.txt" "$plan/server.txt")
  [ "$moved" = 0 ] || changed "$moved"
  # No push takes away the branch that HEAD names there, and git would have written the others by then. What is said is
  # cleaned: that is the branch's new name.
  git ls-remote --symref -- "$url" HEAD | sed -n 's/^ref: \(.*\)[[:blank:]]HEAD$/\1/p' >"$plan/head.txt"
  if LC_ALL=C awk '
    FILENAME == ARGV[1] { head = $1; next }
    FILENAME == ARGV[2] { server[$2]; next }
    { after[$2] }
    END { exit !(head in server && !(head in after)) }
  ' "$plan/head.txt" "$plan/server.txt" "$plan/after.txt"; then
    head=$(cat "$plan/head.txt")
    stop "The default branch of $url has a key in its name, and no push takes a default branch away. Nothing is published." \
      "Have another one be the default there, and run this again. On the server:" \
      "  git -C SERVER symbolic-ref HEAD $head" \
      "On a host, choose any branch that stays, in its settings. Where none is there, push the new one first:" \
      "  git --git-dir=NEW-DIRECTORY push URL $head"
  fi
  # Nobody can come between, either: git asks this in the connection in which it writes. That a ref is not there to be
  # written says nothing: servers hide their own.
  mkdir -p "$plan/hooks"
  cat >"$plan/hooks/pre-push" <<'END'
#!/bin/sh
LC_ALL=C awk '
  NR == FNR { before[$2] = $1; next }
  $4 !~ /^0+$/ && $4 != before[$3] { moved++ }
  END { exit (moved > 0) }
' "$CLERK_PURGE_PLAN/before.txt" - && exit 0
echo "Somebody has pushed just now. Nothing is published: begin anew, with a new directory." >&2
exit 1
END
  chmod 700 "$plan/hooks/pre-push"
  # Where it cannot be run git would pass it by.
  "$plan/hooks/pre-push" </dev/null || stop "$plan/hooks/pre-push cannot be run: are programs allowed there?"
  # What stands directly under refs/ (refs/stash) git leaves out of a push, and servers refuse it; what is not pushed is
  # taken away there. One that was not rewritten is named, and stays.
  LC_ALL=C awk '
    FILENAME == ARGV[1] { before[$2] = $1; next }
    $2 ~ /^refs\/[^\/]+$/ { print (before[$2] == $1 ? "as-it-was" : "rewritten"), $2 }
  ' "$plan/before.txt" "$plan/after.txt" >"$plan/single.txt"
  push() { git --git-dir="$work" -c core.hooksPath="$plan/hooks" push "$@" >&2; }
  case $1 in
  '')
    rewritten=$(sed -n 's/^rewritten //p' "$plan/single.txt" | tr '\n' ' ')
    [ -z "$rewritten" ] || stop \
      "No push takes a ref that stands directly under refs/, and these were rewritten: $rewritten" \
      "Nothing is published. To drop them, on the server too: git --git-dir=NEW-DIRECTORY update-ref -d NAME, and run this again." \
      "To keep them: give them names below a folder on the server (refs/kept/NAME), and begin anew." \
      "To leave them there as they are, keys and all: sh publish.sh NEW-DIRECTORY URL branches"
    set --
    while read -r _ name; do set -- "$@" "$name:$name"; done <"$plan/single.txt"
    # As --mirror does it, which tells the hook nothing of what it deletes.
    push --force --prune -- "$url" 'refs/*:refs/*' "$@" || stop \
      "Where it was refused for refs of the server's own alone (refs/pull, refs/merge-requests), write the rest:" \
      "  sh publish.sh NEW-DIRECTORY URL branches"
    ;;
  branches) push --force --prune -- "$url" 'refs/heads/*:refs/heads/*' 'refs/tags/*:refs/tags/*' ;;
  *) stop "the third word can be: branches" ;;
  esac
}
said_clean publish "${3:-}"
echo "Published. Now everybody clones anew, and the repository of the server is audited: README.md."
"#;
