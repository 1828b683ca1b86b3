//! Text as one word of a shell, for the scripts that two rooms write.

/// A text as one word of a shell, whatever is in it.
pub fn shell_word(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stays_one_and_runs_nothing() {
        assert_eq!(shell_word("it's; $(rm) `x` \\"), r"'it'\''s; $(rm) `x` \'");
        assert_eq!(shell_word(""), "''");
    }
}
