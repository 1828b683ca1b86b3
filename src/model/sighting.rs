//! Where a key stands, and how sure that is.

/// What kind of credential a key is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A Backend API secret key, `sk_live_…` or `sk_test_…`.
    SecretKey,
    /// An API key of the form before 2023, `live_…` or `test_…`.
    LegacyApiKey,
    /// The secret that webhooks are signed with, `whsec_…`.
    WebhookSecret,
    /// A machine's secret key, `ak_…`.
    MachineSecret,
    /// A Platform API key, `ak_…`, which reaches every application of a workspace.
    PlatformKey,
    /// The token in a keyless application's claim address: whoever opens it first owns the application.
    ClaimToken,
    /// The key that Clerk's Next.js middleware encrypts with.
    EncryptionKey,
    /// An application that Clerk's keyless mode made, by the file it leaves behind.
    KeylessApplication,
    /// One that this version does not know: read from the report of a later one.
    #[serde(other)]
    Other,
}

impl Kind {
    /// Every kind that is looked for.
    pub const ALL: &'static [Self] = &[
        Self::SecretKey,
        Self::LegacyApiKey,
        Self::WebhookSecret,
        Self::MachineSecret,
        Self::PlatformKey,
        Self::ClaimToken,
        Self::EncryptionKey,
        Self::KeylessApplication,
    ];

    /// The name that reports and policies use.
    pub fn name(self) -> &'static str {
        match self {
            Self::SecretKey => "secret_key",
            Self::LegacyApiKey => "legacy_api_key",
            Self::WebhookSecret => "webhook_secret",
            Self::MachineSecret => "machine_secret",
            Self::PlatformKey => "platform_key",
            Self::ClaimToken => "claim_token",
            Self::EncryptionKey => "encryption_key",
            Self::KeylessApplication => "keyless_application",
            Self::Other => "other",
        }
    }

    /// What it is called, behind "a" or "Clerk".
    pub fn in_words(self) -> &'static str {
        match self {
            Self::SecretKey => "secret key",
            Self::LegacyApiKey => "legacy API key",
            Self::WebhookSecret => "webhook signing secret",
            Self::MachineSecret => "machine secret key",
            Self::PlatformKey => "platform API key",
            Self::ClaimToken => "claim token of a keyless application",
            Self::EncryptionKey => "encryption key",
            Self::KeylessApplication => "keyless application's file",
            Self::Other => "credential of a kind that this version does not know",
        }
    }
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

impl Environment {
    /// The name that reports and policies use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Test => "test",
            Self::Unknown => "unknown",
        }
    }
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

impl Confidence {
    /// The name that reports and policies use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
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
