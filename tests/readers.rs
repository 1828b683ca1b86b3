//! The readers of a repository's objects, held against libgit2, git itself and what was written: deltas of every shape
//! (`seams`), every way to store objects (`differential`), damage (`damage`), SHA-256 (`sha256`), and by themselves the
//! parts of a pack (`parts`), indexes and tables of refs (`names`).
//!
//! `CLERK_AUDIT_SEED` replays the cases of one seed; `CLERK_AUDIT_TIMES` makes there be so many times as many.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the failing test's message")]

mod common;

#[path = "chains/encoders.rs"]
mod encoders;

mod readers {
    mod damage;
    mod differential;
    mod names;
    mod parts;
    mod seams;
    mod sha256;
    mod support;
}
