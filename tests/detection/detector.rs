//! The one place that knows the library's API: what a scan finds, in words that the corpus uses.

use std::ops::Range;

use clerk_audit::detect::{Detector, Found};

/// What the library said of some bytes.
#[derive(Clone, Debug)]
pub(crate) enum Said {
    Credential(Credential),
    /// Somebody else's.
    Vendor {
        name: String,
        text: Vec<u8>,
        span: Range<usize>,
    },
    Placeholder,
    HalfMasked,
    Publishable {
        host: String,
    },
}

/// A Clerk credential.
#[derive(Clone)]
pub(crate) struct Credential {
    /// As reports name it: `secret_key`.
    pub(crate) kind: String,
    pub(crate) text: Vec<u8>,
    /// What may be shown of it.
    pub(crate) hint: String,
    pub(crate) confidence: String,
    pub(crate) reasons: Vec<String>,
    pub(crate) span: Range<usize>,
    pub(crate) line_and_column: Option<(u64, u64)>,
    /// Outermost first.
    pub(crate) encoding: Vec<String>,
    pub(crate) variable: Option<String>,
    /// Told to be in what browsers are sent, by its variable's name.
    pub(crate) has_public_variable: bool,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, hint, confidence, span, encoding, variable, .. } = self;
        write!(f, "{confidence} {kind} {hint} at {span:?} {encoding:?} of {variable:?}")
    }
}

/// The library's name for an encoding of the corpus.
pub(crate) fn encoding_name(name: &str) -> &str {
    name
}

/// Everything that the library says of `bytes`, in its order.
pub(crate) fn scan(detector: &Detector, bytes: &[u8]) -> Vec<Said> {
    let mut all = Vec::new();
    detector.scan(bytes, &mut |found| all.push(said(found)));
    all
}

fn said(found: Found) -> Said {
    match found {
        Found::Key(found) => Said::Credential(Credential {
            kind: name_of(&found.kind),
            text: found.key.expose().to_vec(),
            hint: found.key.hint(),
            confidence: name_of(&found.confidence),
            reasons: found.reasons.iter().map(|reason| (*reason).to_owned()).collect(),
            span: found.span.start..found.span.end,
            line_and_column: found.line.zip(found.column),
            encoding: found.encoding.iter().map(|step| String::from_utf8_lossy(step.bytes()).into_owned()).collect(),
            has_public_variable: found.variable.as_deref().is_some_and(is_public),
            variable: found.variable.map(|name| String::from_utf8_lossy(&name).into_owned()),
        }),
        Found::OtherVendor { vendor, token, span } => {
            Said::Vendor { name: vendor.name.to_owned(), text: token.expose().to_vec(), span: span.start..span.end }
        }
        Found::HalfMasked { .. } => Said::HalfMasked,
        Found::Placeholder { .. } => Said::Placeholder,
        Found::Publishable { key, .. } => Said::Publishable { host: key.host },
    }
}

fn is_public(variable: &[u8]) -> bool {
    std::str::from_utf8(variable).is_ok_and(clerk_audit::key::is_bundled_for_browsers)
}

/// The name that reports give a kind or a confidence.
fn name_of(value: &impl serde::Serialize) -> String {
    serde_json::to_value(value).ok().and_then(|name| name.as_str().map(str::to_owned)).expect("a name")
}
