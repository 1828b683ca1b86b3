//! What a trace of one key tells beside its report.

use serde::Serialize;

use super::{Oid, Shown};

/// The first tag that contains a commit, by the time of tags.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Contained {
    /// The repository's path.
    pub repository: Shown,
    /// The commit that brought the key in.
    pub commit: Oid,
    /// The tag.
    pub tag: Shown,
    /// The commit as seen from it, in `git describe --contains`'s way (`v1.2~3^2`).
    pub name: Shown,
    /// When the tag was made, RFC 3339, UTC: the tagger's clock, or for a plain tag its commit's.
    pub time: Option<String>,
}

/// A work tree whose HEAD names a tip that holds the key: it stands in files there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Checkout {
    /// The repository's path.
    pub repository: Shown,
    /// Where the work tree is.
    pub path: Shown,
    /// The branch that it is on, or its own HEAD where that is detached.
    #[serde(rename = "ref")]
    pub reference: Shown,
}
