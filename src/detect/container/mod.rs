//! Containers: what is compressed, archived, or embedded in an object, decoded and handed over piece by piece.
//!
//! A container is told by its first bytes and never by a name ([`sniff()`]), read by [`unpack`], and each thing in it
//! is given to the caller, who searches it and may unpack it in turn. Three rules hold for every format:
//!
//! - Everything in it may be a lie. Sizes, counts and offsets are checked before they are used and never reserved;
//!   decoders are pure Rust; what the whole costs is bounded by a [`Budget`].
//! - What can be decoded is handed over: before the damage, before our limit, from the next entry on. Where two
//!   readers of the same file would disagree (a directory and the headers before the entries), both are followed.
//! - What cannot be read is told: [`Outcome::Opaque`] is the file's doing, [`Outcome::Limited`] ours.
//!
//! Memory: what was made of an object so far, at most `Limits::produced`; and what one decoder has to remember, at
//! most twice [`decode::WINDOW`] a layer. Time: linear in the object's bytes and those made of it.

use std::ops::Range;

mod budget;
mod decode;
mod pdf;
mod sevenz;
mod sniff;
mod streams;
mod tar;
mod unopened;
mod zip;

pub(super) use budget::{Budget, Limit, Limits};
pub use sniff::is_archive;
pub(super) use sniff::{is_behind_script, sniff, within};

/// A container format, told by magic and not by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Gzip,
    /// Git's loose objects among others.
    Zlib,
    Bzip2,
    Xz,
    Zstd,
    /// With all that is built on it: jar, docx, wheel, apk.
    Zip,
    Tar,
    SevenZ,
    Pdf,
    /// One that is not opened here; which.
    Unopened(&'static str),
}

impl Format {
    /// What it is called among the encodings that were undone.
    pub(super) fn step(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zlib => "zlib",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
            Self::Zstd => "zstd",
            Self::Zip => "zip",
            Self::Tar => "tar",
            Self::SevenZ => "7z",
            Self::Pdf => "pdf",
            Self::Unopened(what) => what,
        }
    }
}

/// One thing a container holds, decoded. Never empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    /// The container's format: `gzip`, `zlib`, `bzip2`, `xz`, `zstd`, `zip`, `tar`, `7z`, `pdf`.
    pub(super) step: &'static str,
    /// Its path where it has one (zip, tar, 7z), as the archive spells it.
    pub(super) path: Option<&'a [u8]>,
    pub(super) bytes: &'a [u8],
}

/// How reading a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Not one after all, and nobody would think so (zlib's and tar's weak marks): nothing to tell.
    NotOne,
    /// All of it was handed over.
    Read,
    /// Encrypted, corrupt, cut short, a method nobody here reads: why, for coverage. What could be decoded was handed
    /// over all the same.
    Opaque(&'static str),
    /// One of our limits: which. What was decoded up to there was handed over, except when the caller said stop.
    Limited(&'static str),
}

/// Decodes what `bytes` hold and gives each piece to `sink`, which may spend from the same budget: what a container
/// holds can be a container. And which parts of the bytes made sense, in order.
///
/// Raw bytes of the container are not handed over: names in a zip's directory, its comment, what follows a gzip
/// stream stand in `bytes` as they are. Members are in the order of the file. Never panics.
pub(super) fn unpack(
    format: Format,
    bytes: &[u8],
    budget: &mut Budget<'_>,
    sink: &mut dyn FnMut(Member<'_>, &mut Budget<'_>),
) -> (Outcome, Vec<Range<usize>>) {
    let mut reading = Reading { step: format.step(), budget, sink, fault: None, taken: Vec::new() };
    let seen = match format {
        Format::Gzip => streams::gzip(bytes, &mut reading),
        Format::Zlib => streams::zlib(bytes, &mut reading),
        Format::Bzip2 => streams::bzip2(bytes, &mut reading),
        Format::Xz => streams::xz(bytes, &mut reading),
        Format::Zstd => streams::zstd(bytes, &mut reading),
        Format::Zip => zip::read(bytes, &mut reading),
        Format::Tar => tar::read(bytes, &mut reading),
        Format::SevenZ => sevenz::read(bytes, &mut reading),
        Format::Pdf => pdf::read(bytes, &mut reading),
        Format::Unopened(what) => {
            reading.note(Fault::Unopened(what));
            Ok(Seen::Container)
        }
    };
    // Of what is one whole, nobody else is in the midst.
    if seen == Ok(Seen::Container) && reading.taken.is_empty() && reading.fault.is_none() {
        reading.taken.push(0..bytes.len());
    }
    let outcome = match (seen, reading.fault) {
        (Err(limit), _) => Outcome::Limited(limit.name()),
        (Ok(Seen::Nothing), _) => Outcome::NotOne,
        (Ok(Seen::Container), Some(fault)) => Outcome::Opaque(fault.name()),
        (Ok(Seen::Container), None) => Outcome::Read,
    };
    (outcome, reading.taken)
}

/// Whether there was such a container.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    Nothing,
    Container,
}

/// What is the matter with a container or an entry of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    Cut,
    Damaged,
    Checksum,
    Encrypted,
    /// A way of compressing, or of chaining several, that is not read here.
    Method,
    /// A format that is not opened here.
    Unopened(&'static str),
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::Cut => "cut short",
            Self::Damaged => "damaged",
            Self::Checksum => "checksum does not fit",
            Self::Encrypted => "encrypted",
            Self::Method => "unknown method",
            Self::Unopened(what) => what,
        }
    }
}

/// Why nothing more can be had from where one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stop {
    Fault(Fault),
    Limit(Limit),
}

impl From<Limit> for Stop {
    fn from(limit: Limit) -> Self {
        Self::Limit(limit)
    }
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// One container while it is read.
struct Reading<'r, 'b> {
    step: &'static str,
    budget: &'r mut Budget<'b>,
    sink: &'r mut dyn FnMut(Member<'_>, &mut Budget<'_>),
    /// The first fault: one reason is told.
    fault: Option<Fault>,
    /// Which parts of the bytes made sense, in order.
    taken: Vec<Range<usize>>,
}

impl Reading<'_, '_> {
    fn hand_over(&mut self, path: Option<&[u8]>, bytes: &[u8]) {
        if !bytes.is_empty() && !self.budget.is_stopped() {
            (self.sink)(Member { step: self.step, path, bytes }, self.budget);
        }
    }

    fn note(&mut self, fault: Fault) {
        self.fault.get_or_insert(fault);
    }

    /// Pays for an entry or a stream.
    fn open(&mut self) -> Result<(), Limit> {
        self.budget.open()
    }

    /// Pays for bytes of the container that were read and for those that were made of them.
    fn spend(&mut self, read: usize, made: usize) -> Result<(), Limit> {
        self.budget.produce(made as u64)?;
        self.budget.read(read as u64)
    }
}

#[cfg(test)]
mod tests;
