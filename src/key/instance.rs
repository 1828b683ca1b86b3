//! The id of a Clerk instance.

/// Whether a text is the id of a Clerk instance: `ins_` and 27 letters and digits, in every sample known. How many there
/// are Clerk does not document, so a few more or fewer will do; but never as many as a key's body has, since a server or
/// a file that says a key in the place of an id is believed by nobody.
pub fn is_instance_id(text: &str) -> bool {
    text.strip_prefix("ins_")
        .is_some_and(|id| (24..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric()))
}

#[cfg(test)]
mod tests {
    use super::is_instance_id;

    #[test]
    fn an_id_is_as_long_as_clerks_and_never_a_keys_body() {
        let id = |length: usize| format!("ins_{}", "2a".repeat(length / 2 + 1).split_at(length).0);
        assert!(is_instance_id(&id(27)) && is_instance_id(&id(24)) && is_instance_id(&id(32)));
        for bad in [id(0), id(7), id(33), id(crate::key::BODY), id(27).to_uppercase(), id(27).replace("a2a", "a/a")] {
            assert!(!is_instance_id(&bad), "{bad}");
        }
    }
}
