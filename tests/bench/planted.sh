#!/usr/bin/env bash
# planted.sh REPOSITORY: makes a whole copy of a git repository, plants keys in its history, audits the copy with
# clerk-audit and holds the report against brute force and against what was planted. REPOSITORY is only read.
# The copy is made in ${TMPDIR:-/tmp} and goes when all is well; some minutes for 20,000 commits.
set -euo pipefail
[[ $# == 1 ]] || { echo "usage: planted.sh REPOSITORY" >&2; exit 2; }
repository=$(realpath "$1")
git -C "$repository" rev-parse --git-dir >/dev/null
cd "$(dirname "$0")/../.."
CLERK_AUDIT_REPO=$repository exec cargo test --release --test history_oracle -- --nocapture planted_keys
