//! Where each character of a decoded text stands in the bytes it was decoded from.

/// The places of a text's characters in order, those that follow each other and are as wide in one piece: most of a text
/// with escapes stands as it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Places {
    pieces: Vec<Piece>,
    /// How many characters there are.
    length: usize,
}

/// Characters up to where the next piece begins.
#[derive(Clone, Copy, Debug)]
struct Piece {
    /// The first of them.
    text: u32,
    /// Where it begins.
    start: u32,
    /// How many bytes each takes.
    width: u32,
}

impl Piece {
    fn start(&self, at: usize) -> usize {
        self.start as usize + (at - self.text as usize) * self.width as usize
    }

    fn end(&self, at: usize) -> usize {
        self.start(at) + self.width as usize
    }
}

impl Places {
    /// The next character stands at `from..to`.
    pub(super) fn push(&mut self, from: usize, to: usize) {
        self.extend(from, 1, to - from);
    }

    /// The next characters begin at `from`, so many of so many bytes each.
    pub(super) fn extend(&mut self, from: usize, count: usize, width: usize) {
        let goes_on =
            self.pieces.last().is_some_and(|last| last.width as usize == width && last.start(self.length) == from);
        if !goes_on && count > 0 {
            self.pieces.push(Piece { text: self.length as u32, start: from as u32, width: width as u32 });
        }
        self.length += count;
    }

    /// The piece of a character that there is.
    fn piece(&self, at: usize) -> Option<&Piece> {
        let behind = self.pieces.partition_point(|piece| piece.text as usize <= at);
        self.pieces.get(behind.checked_sub(1)?).filter(|_| at < self.length)
    }

    /// Where a character begins; 0 where there is none.
    pub(super) fn start(&self, at: usize) -> usize {
        self.piece(at).map_or(0, |piece| piece.start(at))
    }

    /// One past the end of a character; 0 where there is none.
    pub(super) fn end(&self, at: usize) -> usize {
        self.piece(at).map_or(0, |piece| piece.end(at))
    }

    /// One past the end of the last character.
    pub(super) fn last_end(&self) -> Option<usize> {
        self.length.checked_sub(1).map(|last| self.end(last))
    }

    /// Whether nothing stands between the characters of `from..to`.
    pub(super) fn is_gapless(&self, from: usize, to: usize) -> bool {
        let first = self.pieces.partition_point(|piece| piece.text as usize <= from);
        let behind = self.pieces[first..].iter().take_while(|piece| (piece.text as usize) < to);
        to <= self.length
            && behind.into_iter().all(|piece| {
                let before = piece.text as usize;
                before > 0 && self.end(before - 1) == piece.start as usize
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_say_what_a_table_of_every_character_says() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..500 {
            let (mut places, mut table, mut at) = (Places::default(), Vec::new(), 0);
            for _ in 0..random.usize(..20) {
                at += *random.choice(&[0, 0, 0, 2, 5]).unwrap();
                let (count, width) = (random.usize(..4), *random.choice(&[1, 1, 3, 6]).unwrap());
                if count == 1 {
                    places.push(at, at + width);
                } else {
                    places.extend(at, count, width);
                }
                table.extend((0..count).map(|n| (at + n * width, at + (n + 1) * width)));
                at += count * width;
            }
            for (n, (start, end)) in table.iter().enumerate() {
                assert_eq!((places.start(n), places.end(n)), (*start, *end), "seed {seed}");
            }
            assert_eq!(places.last_end(), table.last().map(|place| place.1));
            assert_eq!((places.start(table.len()), places.end(table.len())), (0, 0));
            for _ in 0..10 {
                let from = random.usize(..=table.len());
                let to = random.usize(from..=table.len() + 1);
                let expected =
                    table.get(from..to).is_some_and(|some| some.windows(2).all(|pair| pair[0].1 == pair[1].0));
                assert_eq!(places.is_gapless(from, to), expected, "seed {seed}, {from}..{to} of {table:?}");
            }
        }
    }
}
