//! The scan of an object that comes in pieces: whole where it is small, else in windows that overlap.
//!
//! A window is scanned like an object. What begins in its last part is left to the next one, which has that part and
//! as much before it, so that every credential is seen once, with all of its context. Nothing that is decoded is cut
//! but by a window's edges: an overlap is far longer than any credential in any chain of encodings.

use super::container::Format;
use super::layer::{Layer, Step};
use super::lines::Lines;
use super::{Chain, Detector, Found, Opaque, Unread};
use crate::model::Span;

/// So much is scanned whole.
const WINDOW: usize = 16 << 20;

/// What begins in a window's last so many bytes is left to the next.
const OVERLAP: usize = 256 << 10;

/// Takes the pieces of one object, in order.
pub struct PieceScan<'d> {
    detector: &'d Detector,
    window: usize,
    overlap: usize,
    buffer: Vec<u8>,
    /// How many bytes of the object came before the buffer's: a multiple of four, which keeps wide characters aligned.
    base: usize,
    /// What begins in the buffer before this was handed over already.
    told: usize,
    /// Line ends before the buffer.
    before: Lines,
    unread: Unread,
}

impl Detector {
    /// Begins the scan of an object that comes in pieces. Memory: one window of 16 MiB, and half a MiB more.
    pub fn in_pieces(&self) -> PieceScan<'_> {
        self.in_windows(WINDOW, OVERLAP)
    }

    fn in_windows(&self, window: usize, overlap: usize) -> PieceScan<'_> {
        PieceScan {
            detector: self,
            window,
            overlap,
            buffer: Vec::new(),
            base: 0,
            told: 0,
            before: Lines::default(),
            unread: Unread::default(),
        }
    }
}

impl PieceScan<'_> {
    /// Takes the next piece; hands over what is found by now. `stop` as for [`Detector::scan_until`].
    pub fn feed(&mut self, piece: &[u8], stop: &dyn Fn() -> bool, sink: &mut dyn FnMut(Found)) {
        let mut rest = piece;
        while !rest.is_empty() {
            let room = (self.window - self.buffer.len().min(self.window)).max(1);
            let (now, later) = rest.split_at(rest.len().min(room));
            self.buffer.extend_from_slice(now);
            rest = later;
            if self.buffer.len() >= self.window && !rest.is_empty() {
                self.pass_on(stop, sink);
            }
        }
    }

    /// The object has ended: hands over the rest, and what could not be read into.
    pub fn finish(mut self, stop: &dyn Fn() -> bool, sink: &mut dyn FnMut(Found)) -> Unread {
        let end = self.buffer.len();
        self.scan(end, stop, sink);
        self.unread
    }

    /// Scans the buffer, which more follows, and keeps what the next window needs of it.
    fn pass_on(&mut self, stop: &dyn Fn() -> bool, sink: &mut dyn FnMut(Found)) {
        let until = self.buffer.len() - self.overlap;
        match super::container::sniff(&self.buffer).filter(|_| self.base == 0) {
            // Of whatever size, it is not opened.
            Some(Format::Unopened(reason)) => self.unread.opaque.push(Opaque { chain: Chain::default(), reason }),
            Some(_) => self.unread.limit("a container is larger than is opened"),
            None => {}
        }
        self.scan(until, stop, sink);
        let cut = (until - self.overlap) / 4 * 4;
        self.before.advance(&self.buffer[..cut], self.base, self.buffer.get(cut).copied());
        self.buffer.drain(..cut);
        self.base += cut;
        self.told = until - cut;
    }

    fn scan(&mut self, until: usize, stop: &dyn Fn() -> bool, sink: &mut dyn FnMut(Found)) {
        // Where more follows, up to a whole character of wide text: the edges of a text tell its byte order.
        let is_last = until == self.buffer.len();
        let buffer = &self.buffer[..if is_last { until } else { self.buffer.len() / 4 * 4 }];
        let layer = if self.base == 0 && is_last { Layer::object(buffer) } else { Layer::part(buffer) };
        let (told, base, before) = (self.told, self.base, &self.before);
        let unread = self.detector.scan_layer(&layer, stop, &mut |found| {
            if let Some(found) = moved(found, told..until, base, before, buffer) {
                sink(found);
            }
        });
        for limit in unread.limits {
            self.unread.limit(limit);
        }
        self.unread.opaque.extend(unread.opaque);
    }
}

/// A finding of a window as one of the object; `None` where another window tells it.
fn moved(mut found: Found, here: std::ops::Range<usize>, base: usize, before: &Lines, buffer: &[u8]) -> Option<Found> {
    let start = match &found {
        Found::Key(key) => key.span.start,
        Found::OtherVendor { span, .. } | Found::HalfMasked { span, .. } => span.start,
        Found::Placeholder { span, .. } | Found::Publishable { span, .. } => span.start,
    };
    if !here.contains(&start) {
        return None;
    }
    let shift = |span: &mut Span| (span.start, span.end) = (span.start + base, span.end + base);
    match &mut found {
        Found::Key(key) => {
            shift(&mut key.span);
            if key.line.is_some() {
                let (line, column) = before.and_then(buffer, base, &key.encoding, start);
                (key.line, key.column) = (Some(line), Some(column));
            }
        }
        Found::Publishable { span, line, encoding, .. } => {
            shift(span);
            *line = line.map(|_| before.and_then(buffer, base, encoding, start).0);
        }
        Found::OtherVendor { span, .. } | Found::HalfMasked { span, .. } | Found::Placeholder { span, .. } => {
            shift(span)
        }
    }
    Some(found)
}

impl Lines {
    /// Line and column of the byte `start` of a window that begins at byte `base`, all before which was counted.
    fn and_then(&self, buffer: &[u8], base: usize, chain: &[Step], start: usize) -> (u64, u64) {
        let (line, column) = Self::default().of(buffer, chain, start);
        let (slot, unit) = Self::slot(chain, start);
        let (lines, line_start) = self.counted(slot);
        if line > 1 {
            return (lines + line, column);
        }
        (lines + 1, ((base + start - line_start) / unit) as u64 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn everything(found: &[Found]) -> Vec<String> {
        found.iter().map(|found| format!("{found:?}")).collect()
    }

    #[test]
    fn windows_and_cuts_change_nothing() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        let detector = Detector::new();
        for round in 0..200 {
            let mut bytes = Vec::new();
            let wide = round % 3 == 0;
            while bytes.len() < 60_000 {
                let body: String = (0..42).map(|_| random.alphanumeric()).collect();
                let line: String =
                    (0..random.usize(0..90)).map(|_| char::from(*random.choice(b"ab =:.\n").unwrap())).collect();
                let text = match random.u8(..4) {
                    0 => format!("CLERK_SECRET_KEY=sk_live_{body}\n{line}"),
                    1 => format!("stripe: sk_test_{}\n{line}", &body[..24]),
                    2 => format!("k: sk%5Ftest_{body};\nsk_live_xxxxxxxx{line}"),
                    _ => line.repeat(20),
                };
                if wide {
                    bytes.extend(text.encode_utf16().flat_map(u16::to_le_bytes));
                } else {
                    bytes.extend(text.as_bytes());
                }
            }
            let mut whole = Vec::new();
            detector.scan(&bytes, &mut |found| whole.push(found));
            let mut pieces = Vec::new();
            let mut scan = detector.in_windows(random.usize(9000..30_000), 3000);
            let mut rest = bytes.as_slice();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(random.usize(1..20_000).min(rest.len()));
                scan.feed(now, &|| false, &mut |found| pieces.push(found));
                rest = later;
            }
            scan.finish(&|| false, &mut |found| pieces.push(found));
            let (pieces, whole) = (everything(&pieces), everything(&whole));
            let differs = pieces.iter().zip(&whole).find(|(piece, whole)| piece != whole);
            assert_eq!(differs, None, "seed {seed}, round {round}");
            assert_eq!(pieces.len(), whole.len(), "seed {seed}, round {round}");
        }
    }
}
