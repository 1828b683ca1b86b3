//! PDF: every stream that is compressed with zlib, object streams and attachments included.
//!
//! The objects' structure is not read: a stream is what stands behind the word `stream` and begins like zlib. So no
//! table of contents can hide one. Streams that are not compressed are bytes as they stand.

use memchr::memmem;

use super::budget::Limit;
use super::decode::{Inflate, pump};
use super::sniff::begins_zlib;
use super::{Fault, Reading, Seen};

/// How far before a stream its dictionary may say how it is compressed.
const DICTIONARY: usize = 1024;

/// Reads a PDF.
pub(super) fn read(bytes: &[u8], reading: &mut Reading<'_, '_>) -> Result<Seen, Limit> {
    let word = memmem::Finder::new("stream");
    let mut inflate = Inflate::new();
    let mut out = Vec::new();
    let mut was_any = false;
    let mut at = 0;
    while let Some(hit) = word.find(&bytes[at..]) {
        let hit = at + hit;
        at = hit + word.needle().len();
        reading.budget.work((at - hit) as u64)?;
        let start = at + line_end(&bytes[at..]);
        if bytes[..hit].ends_with(b"end") || !begins_zlib(&bytes[start..]) {
            continue;
        }
        reading.open()?;
        out.clear();
        let ended = pump(inflate.zlib(), &bytes[start..], &mut out, reading);
        reading.hand_over(None, &out);
        match ended? {
            (used, None) => {
                was_any = true;
                at = start + used;
            }
            (_, Some(fault)) => {
                // Random bytes begin like zlib, too.
                if memmem::find(&bytes[hit.saturating_sub(DICTIONARY)..hit], b"/Fl").is_some() {
                    reading.note(fault);
                }
            }
        }
    }
    if !was_any && memmem::find(bytes, b"/Encrypt").is_some() {
        reading.fault = Some(Fault::Encrypted);
    }
    Ok(Seen::Container)
}

/// How many bytes the end of a line takes, and spaces that do not belong before it.
fn line_end(bytes: &[u8]) -> usize {
    let spaces = bytes.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    spaces
        + match &bytes[spaces..] {
            [b'\r', b'\n', ..] => 2,
            [b'\r' | b'\n', ..] => 1,
            _ => 0,
        }
}
