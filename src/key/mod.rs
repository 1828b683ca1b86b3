//! What a key is: its grammar, whose it is, its identity and the hint that may be shown of it.
//!
//! No I/O. Everything here is a pure function of a few dozen bytes. The facts come from Clerk's documentation and
//! from measurement; no public source documents the length of a secret key, so [`BODY`] is a measured one: every
//! sample known has exactly 42 letters and digits.

pub mod base64;
mod instance;
mod judge;
mod placeholder;
mod prefix;
mod publishable;
mod text;
mod variable;
mod vendor;

pub use instance::is_instance_id;
pub use judge::{Context, Token, Verdict, judge, token_len};
pub use placeholder::{is_made_up, is_placeholder_of_other_length as is_placeholder};
pub use prefix::Prefix;
pub use publishable::{Publishable, decode as decode_publishable};
pub use text::{KeyId, KeyText};
pub use variable::{deployable, is_bundled_for_browsers};
pub use vendor::{Vendor, claims as vendor_claims, examples as vendor_examples};

/// How many letters and digits follow the prefix of a Clerk secret key.
pub const BODY: usize = 42;

/// How Clerk has a key replaced.
pub const ROTATION_GUIDE: &str = "https://clerk.com/docs/guides/secure/rotate-api-keys";
