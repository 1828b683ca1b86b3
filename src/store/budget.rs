//! How much the names in a file may come to that leaves out of each what it shares with the one before.
//!
//! Two bytes then make a name of any length: a table of refs or an index of a few hundred kilobytes can have gigabytes of
//! names, and what git writes never has more than a few for each byte.

/// What is left for names, and what is kept beside them.
#[derive(Debug)]
pub(super) struct NameBudget {
    left: usize,
    /// Whether more was asked for than there was.
    pub(super) is_over: bool,
}

impl NameBudget {
    /// The longest name. No path of git's is longer than 4,096 bytes, and no ref's name fits into a block of its tables
    /// that is.
    const LONGEST: usize = 64 << 10;
    /// So many bytes there are for a file of any size, and so many more for each byte of it.
    const OF_ANY_FILE: usize = 64 << 20;
    const FOR_EACH_BYTE: usize = 16;
    /// What a record takes beside its name.
    const RECORD: usize = 128;

    /// For a file of so many bytes.
    pub(super) fn of_file(bytes: usize) -> Self {
        let mut budget = Self { left: Self::OF_ANY_FILE, is_over: false };
        budget.add_file(bytes);
        budget
    }

    /// One more file is read for the same.
    pub(super) fn add_file(&mut self, bytes: usize) {
        self.left = self.left.saturating_add(bytes.saturating_mul(Self::FOR_EACH_BYTE));
    }

    /// Takes what a record needs whose name has so many bytes, and what is kept with it so many; `None` where there is
    /// not so much.
    pub(super) fn take(&mut self, name: usize, beside: usize) -> Option<()> {
        let left = self.left.checked_sub(name.saturating_add(beside).saturating_add(Self::RECORD));
        let left = left.filter(|_| name <= Self::LONGEST);
        self.is_over |= left.is_none();
        self.left = left?;
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_writes_fits_and_what_multiplies_does_not() {
        // A million refs of 60 bytes, of each of which 31 are written.
        let mut budget = NameBudget::of_file(31_000_000);
        assert!((0..1_000_000).all(|_| budget.take(60, 0).is_some()) && !budget.is_over);
        let mut budget = NameBudget::of_file(100_000);
        let taken = (0..100_000).take_while(|_| budget.take(60_000, 0).is_some()).count();
        assert!((1_000..1_200).contains(&taken) && budget.is_over, "{taken}");
        let mut budget = NameBudget::of_file(1 << 30);
        assert!(budget.take(NameBudget::LONGEST, 1 << 20).is_some() && !budget.is_over);
        assert!(budget.take(NameBudget::LONGEST + 1, 0).is_none() && budget.is_over);
        assert!(budget.take(usize::MAX, usize::MAX).is_none());
    }
}
