//! Where a key stands, and how sure that is.

/// What kind of credential a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A Backend API secret key, `sk_live_…` or `sk_test_…`.
    SecretKey,
    /// One that this version does not know: read from the report of a later one.
    #[serde(other)]
    Other,
}

/// The Clerk environment a key belongs to, by its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Environment {
    /// Production.
    Live,
    /// Development.
    Test,
    /// The credential does not say.
    Unknown,
}

/// How sure it is that a key is a Clerk key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// Told, but it makes no audit fail.
    Low,
    /// Probable: its context says Clerk.
    Medium,
    /// Its shape alone says Clerk.
    High,
}

/// Where in a repository a sighting is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    /// A file's content or a symbolic link's target.
    File,
    /// The name of a file or directory.
    Path,
    /// A file that only `refs/notes/` reaches.
    Note,
    /// A commit's message.
    CommitMessage,
    /// A commit's author line.
    Author,
    /// A commit's committer line.
    Committer,
    /// Any other header of a commit.
    CommitHeader,
    /// An annotated tag, its message or its headers.
    TagMessage,
    /// A ref's name.
    RefName,
    /// A line of a reflog.
    Reflog,
}

impl Place {
    /// The name that reports use.
    pub fn name(self) -> &'static str {
        match self {
            Self::File => "file",
            Self::Path => "path",
            Self::Note => "note",
            Self::CommitMessage => "commit_message",
            Self::Author => "author",
            Self::Committer => "committer",
            Self::CommitHeader => "commit_header",
            Self::TagMessage => "tag_message",
            Self::RefName => "ref_name",
            Self::Reflog => "reflog",
        }
    }
}

/// Bytes `start..end` of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}
