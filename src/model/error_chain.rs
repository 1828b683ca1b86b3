//! Errors in words.

use std::error::Error;

/// An error and its causes in one line. Foreign text may be in it: to be masked before it is shown.
pub fn error_chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Link(&'static str, #[source] Option<Box<Link>>);

    #[test]
    fn every_cause_is_told() {
        let of = |text, cause: Option<Link>| Link(text, cause.map(Box::new));
        let error = of("outer", Some(of("middle", Some(of("inner", None)))));
        assert_eq!(error_chain(&error), "outer: middle: inner");
        assert_eq!(error_chain(&of("alone", None)), "alone");
    }
}
