//! What the name of a variable says of its value.

/// Whether a name of a variable makes a build put its value into what browsers load: Next.js, Vite, Expo, SvelteKit and
/// Astro, Nuxt, Create React App, Gatsby and Plasmo document these prefixes as public.
pub fn is_bundled_for_browsers(name: &str) -> bool {
    const PREFIXES: [&str; 8] =
        ["NEXT_PUBLIC_", "VITE_", "EXPO_PUBLIC_", "PUBLIC_", "NUXT_PUBLIC_", "REACT_APP_", "GATSBY_", "PLASMO_PUBLIC_"];
    // What it is reached through is no part of it: `process.env.NEXT_PUBLIC_…`.
    name.split(['.', '$']).any(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
}

/// The name under which what stands behind `name` is deployed, where that can be one: what hosts, CI and containers call a
/// variable. A header, a function and a field of an object is none.
pub fn deployable(name: &str) -> Option<&str> {
    let name = name.rsplit(['.', '$']).next()?;
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !name.starts_with(|first: char| first.is_ascii_digit());
    let lower = name.to_ascii_lowercase();
    // What a chart or a configuration calls it.
    let is_clerks = lower.contains("clerk") && ["key", "secret", "token"].iter().any(|last| lower.ends_with(last));
    (is_name && (is_clerks || name.contains('_'))).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::{deployable, is_bundled_for_browsers};

    #[test]
    fn what_can_be_deployed_is_told_from_what_only_stands_before_a_value() {
        for (name, deployed) in [
            ("CLERK_SECRET_KEY", Some("CLERK_SECRET_KEY")),
            ("this.config.CLERK_SECRET_KEY", Some("CLERK_SECRET_KEY")),
            ("$CLERK_SECRET_KEY", Some("CLERK_SECRET_KEY")),
            ("clerk_secret_key", Some("clerk_secret_key")),
            ("clerkSecretKey", Some("clerkSecretKey")),
            ("Authorization", None),
            ("Clerk-Secret-Key", None),
            ("value", None),
            ("secretKey", None),
            ("JSON.stringify", None),
            ("createClerkClient", None),
            ("clerk.SetKey", None),
            ("", None),
        ] {
            assert_eq!(deployable(name), deployed, "{name}");
        }
    }

    #[test]
    fn public_prefixes_are_told() {
        assert!(is_bundled_for_browsers("NEXT_PUBLIC_CLERK_SECRET_KEY"));
        assert!(is_bundled_for_browsers("import.meta.env.VITE_CLERK_SECRET_KEY"));
        assert!(!is_bundled_for_browsers("CLERK_SECRET_KEY"));
        assert!(!is_bundled_for_browsers("MY_NEXT_PUBLIC_KEY"));
    }
}
