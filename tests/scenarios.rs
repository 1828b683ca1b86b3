//! One scenario for each clause of the specification, from the command line inward: a repository is made, drawn in a
//! comment, and audited by the binary; its report is held against `docs/report.schema.json` each time.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a panic is the failing test's message")]

mod common;

mod scenarios {
    mod alternates;
    mod checklist;
    mod concurrent;
    mod damaged;
    mod exposure;
    mod files;
    mod foreign_formats;
    mod hostile;
    mod incomplete;
    mod introduced;
    mod known;
    mod large;
    mod lost_refs;
    mod malformed;
    mod narrowing;
    mod objects;
    mod output;
    mod refs;
    mod several;
    mod staged;
    mod support;
    mod surroundings;
    mod targets;
    mod vendors;
}
