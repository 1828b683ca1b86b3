//! The oracle: what an audit of a repository must say, found by brute force.
//!
//! It asks git alone: `for-each-ref`, `rev-list`, the whole listing of every commit's tree and `cat-file --batch`
//! of every object, and searches each object byte by byte. It shares no line with the code it is held against, caches
//! next to nothing and is slow on purpose. What it knows, as `facts` finds it out:
//!
//! ```text
//!   git ──► facts ──► expected ──► compare ◄── the report
//!            │  which objects there are, which refs reach them, what each commit's tree holds
//!            └─ search: the keys in the bytes of one object
//! ```
//!
//! Its limits are those of the histories it is given: keys stand raw, in UTF-16LE, or in base64 that is whole on
//! its line, and nothing that is nearly a key stands beside them.

pub(crate) mod compare;
pub(crate) mod entry;
pub(crate) mod expected;
pub(crate) mod facts;
pub(crate) mod moves;
pub(crate) mod reading;
pub(crate) mod search;
pub(crate) mod when;
