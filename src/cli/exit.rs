//! Exit codes.

use std::process::ExitCode;

use crate::model::{Confidence, Report};

/// How the process ends. The numbers are a promise (`README.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Nothing found at high or medium confidence, and all was read.
    Clean,
    /// Keys were found.
    Found,
    /// The command line is wrong.
    Usage,
    /// Not all could be read or written, whatever was found.
    Incomplete,
}

impl Exit {
    /// The process's status.
    pub fn code(self) -> u8 {
        match self {
            Self::Clean => 0,
            Self::Found => 1,
            Self::Usage => 2,
            Self::Incomplete => 3,
        }
    }

    /// What a report says. Known keys that are no news and low confidence make no failure; what was not read does.
    pub fn of(report: &Report) -> Self {
        let counts =
            report.keys.iter().any(|key| key.confidence >= Confidence::Medium && (!key.known || key.known_again));
        match (report.complete, counts) {
            (false, _) => Self::Incomplete,
            (true, true) => Self::Found,
            (true, false) => Self::Clean,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}
