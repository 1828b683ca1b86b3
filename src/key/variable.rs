//! What the name of a variable says of its value.

/// Whether a name of a variable makes a build put its value into what browsers load: Next.js, Vite, Expo, SvelteKit and
/// Astro, Nuxt, Create React App, Gatsby and Plasmo document these prefixes as public.
pub fn is_bundled_for_browsers(name: &str) -> bool {
    const PREFIXES: [&str; 8] =
        ["NEXT_PUBLIC_", "VITE_", "EXPO_PUBLIC_", "PUBLIC_", "NUXT_PUBLIC_", "REACT_APP_", "GATSBY_", "PLASMO_PUBLIC_"];
    // What it is reached through is no part of it: `process.env.NEXT_PUBLIC_…`.
    name.split(['.', '$']).any(|name| PREFIXES.iter().any(|prefix| name.starts_with(prefix)))
}

#[cfg(test)]
mod tests {
    use super::is_bundled_for_browsers;

    #[test]
    fn public_prefixes_are_told() {
        assert!(is_bundled_for_browsers("NEXT_PUBLIC_CLERK_SECRET_KEY"));
        assert!(is_bundled_for_browsers("import.meta.env.VITE_CLERK_SECRET_KEY"));
        assert!(!is_bundled_for_browsers("CLERK_SECRET_KEY"));
        assert!(!is_bundled_for_browsers("MY_NEXT_PUBLIC_KEY"));
    }
}
