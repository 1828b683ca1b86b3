//! Other credentials beside a key, by the names of their variables: whoever has the file has them too.

use std::sync::LazyLock;

use regex::bytes::Regex;

/// A variable that seems to hold a credential.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour {
    /// Its name; the value is never kept.
    pub name: Vec<u8>,
    /// The line, from 1.
    pub line: u64,
}

/// How far into a file neighbours are looked for, and how many are told.
const READ: usize = 1 << 20;
const MOST: usize = 40;

/// The credentials other than Clerk's secret keys that `text` gives values to.
pub fn siblings(text: &[u8]) -> Vec<Neighbour> {
    static ASSIGNMENT: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"(?m)(?-u)([A-Za-z_][A-Za-z0-9_.\-]{1,80})["'\\]{0,2}\s{0,4}(?:=>|:=|[:=])\s{0,4}["'`\\]{0,2}([^\s"'`,;]{6,})"#).ok()
    });
    let Some(assignment) = ASSIGNMENT.as_ref() else { return Vec::new() };
    let text = &text[..text.len().min(READ)];
    let mut found: Vec<Neighbour> = Vec::new();
    let (mut line, mut counted) = (1, 0);
    for capture in assignment.captures_iter(text) {
        let (Some(name), Some(value)) = (capture.get(1), capture.get(2)) else { continue };
        // A name that goes on to the left is cut, and could be half a key, which nothing would mask.
        let before = name.start().checked_sub(1).and_then(|at| text.get(at));
        if before.is_some_and(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte)) {
            continue;
        }
        if !is_credential(name.as_bytes(), value.as_bytes()) || found.iter().any(|old| old.name == name.as_bytes()) {
            continue;
        }
        line += memchr::memchr_iter(b'\n', &text[counted..name.start()]).count() as u64;
        counted = name.start();
        found.push(Neighbour { name: name.as_bytes().to_vec(), line });
        if found.len() == MOST {
            break;
        }
    }
    found
}

fn is_credential(name: &[u8], value: &[u8]) -> bool {
    const NAMES: &[&str] = &[
        "SECRET",
        "TOKEN",
        "PASSWORD",
        "PASSWD",
        "PRIVATE_KEY",
        "PRIVATEKEY",
        "API_KEY",
        "APIKEY",
        "ACCESS_KEY",
        "DATABASE_URL",
        "DB_URL",
        "MONGO",
        "REDIS_URL",
        "POSTGRES_URL",
        "DSN",
        "CREDENTIAL",
        "CONNECTION_STRING",
        "ENCRYPTION_KEY",
        "SIGNING",
    ];
    const VALUES: &[&str] = &[
        "sk_",
        "rk_",
        "whsec_",
        "ghp_",
        "github_pat_",
        "glpat-",
        "xoxb-",
        "xoxp-",
        "AKIA",
        "SG.",
        "postgres://",
        "postgresql://",
        "mysql://",
        "mongodb://",
        "mongodb+srv://",
        "redis://",
        "rediss://",
        "amqp://",
        "npm_",
    ];
    const NOT_VALUES: &[&str] = &["$", "<", "{", "process.env", "os.environ", "pk_", "your", "xxx", "***", "..."];
    let upper = name.to_ascii_uppercase();
    let names = |word: &&str| memchr::memmem::find(&upper, word.as_bytes()).is_some();
    let begins = |prefix: &&str| value.starts_with(prefix.as_bytes());
    // A Clerk secret key is a finding of its own; a publishable one is public.
    let clerk = ["sk_live_", "sk_test_"].iter().any(begins)
        && value.iter().skip("sk_live_".len()).take_while(|byte| byte.is_ascii_alphanumeric()).count()
            == crate::key::BODY;
    let public = ["PUBLISHABLE", "PUBLIC_KEY"].iter().any(names);
    !clerk && !public && !NOT_VALUES.iter().any(begins) && (VALUES.iter().any(begins) || NAMES.iter().any(names))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lines_of_credentials_are_told() {
        let text = b"NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY=pk_test_abcdefgh\n\nDATABASE_URL=postgres://u:p@host/db\n\
            CLERK_WEBHOOK_SIGNING_SECRET=whsec_abcdefgh\nexport const x = { \"stripeKey\": \"sk_live_abcdefghijklmnop\" }\n\
            PORT=3000000\nSECRET=${FROM_ENV}\n";
        let names: Vec<(String, u64)> =
            siblings(text).into_iter().map(|n| (String::from_utf8(n.name).unwrap(), n.line)).collect();
        assert_eq!(
            names,
            [
                ("DATABASE_URL".to_owned(), 3),
                ("CLERK_WEBHOOK_SIGNING_SECRET".to_owned(), 4),
                ("stripeKey".to_owned(), 5)
            ]
        );
    }
}
