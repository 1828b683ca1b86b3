//! Plain data that every room may see: object ids, sightings, coverage, the report; how a text is one word of a
//! shell, and what is no text.
//!
//! Nothing here reads, writes or decides. The one invariant that the types hold up is masking: a report
//! has no string of a repository's in it but [`Shown`], and only `detect::mask` makes one.

mod answer;
mod binary;
mod copied;
mod error_chain;
mod events;
mod hidden;
mod oid;
mod read_limits;
mod report;
mod shell_word;
mod shown;
mod sighting;
mod trace;
mod when;

pub use answer::{Answer, Answers, Liveness};
pub use binary::is_binary;
pub use copied::Copied;
pub use error_chain::error_chain;
pub use events::{Events, Interrupt, Silent, Stage};
pub use hidden::{harmless_json, is_hidden, json_escape};
pub use oid::{ObjectFormat, ObjectType, Oid};
pub use read_limits::ReadLimits;
pub use report::{
    Candidate, EndReason, Entry, Exposure, HeldAt, HeldPlace, Identity, Instance, KeyReport, LedgerEntry, Level,
    NamedPlace, NotOurs, Opaque, OpaquePlace, Order, OtherVendor, REPORT_SCHEMA, ReachableFrom, ReachedRef, Report,
    RepositoryReport, Skipped, Summary, Tool, Unreachable, UnreachableCounts, VendorExample, Where,
};
pub use shell_word::shell_word;
pub use shown::Shown;
pub use sighting::{Confidence, Environment, Kind, Place, Span};
pub use trace::{Checkout, Contained};
pub use when::RawTime;
