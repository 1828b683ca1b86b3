//! Use case: the newcomer's first look. A small shop's repository in which keys leaked in the ways they do.
//!
//! The keys are drawn when the repository is made, from a fixed seed: they have a key's shape and open nothing.

use std::path::Path;

use crate::store::{WriteError, Writer};

/// Makes the repository at `path`.
///
/// ```text
/// main     A ── B ── C ───────── M ── D ── E
///                \              /     (tag v1.0 at C has a key in its message)
/// feature         F ───────────
///
/// B  adds .env.local with a test key, a publishable key and a Stripe key     C  deletes it
/// M  merges feature; a live key is typed while resolving the conflict        D  takes it out
/// E  adds a script with another live key, which is still there
/// ```
///
/// # Errors
/// Where it cannot be written.
pub fn make(path: &Path) -> Result<(), WriteError> {
    let mut random = Draw(0x5eed);
    let mut key = |environment: &str| format!("sk_{environment}_{}", random.body(42));
    let (deleted, merged, tagged, present) = (key("test"), key("live"), key("test"), key("live"));
    let stripe = format!("sk_{}_{}", "live", random.body(24));
    let publishable = "pk_test_aGVscGVkLW90dGVyLTQyLmNsZXJrLmFjY291bnRzLmRldiQ";

    let mut repository = Writer::init(path)?;
    let ana = ("Ana Ruiz", "ana@shop.example");
    let ben = ("Ben Okafor", "ben@shop.example");
    let readme = ("README.md", "# shop\n".to_owned());
    let server = |token: &str| ("src/server.ts", format!("export const clerk = {{ secretKey: {token} }};\n"));
    let from_env = server("process.env.CLERK_SECRET_KEY!");
    let deploy = (
        ".github/workflows/deploy.yml",
        "on: push\njobs:\n  deploy:\n    env:\n      CLERK_SECRET_KEY: ${{ secrets.CLERK_SECRET_KEY }}\n".to_owned(),
    );
    let env = format!(
        "NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY={publishable}\nCLERK_SECRET_KEY={deleted}\nSTRIPE_SECRET_KEY={stripe}\n\
         DATABASE_URL=postgres://shop:shop@localhost/shop\n"
    );
    let base = vec![readme.clone(), from_env.clone(), deploy.clone()];

    let a = repository.commit(ana, "2026-03-02T09:15:00+01:00", "Start the shop", &base, &[])?;
    let with_env = [base.clone(), vec![(".env.local", env)]].concat();
    let b = repository.commit(ben, "2026-03-09T17:40:00+01:00", "Sign-in works locally", &with_env, &[a])?;
    let changed = vec![readme.clone(), server("readSecret('clerk')"), deploy.clone()];
    let f = repository.commit(ana, "2026-03-16T11:05:00+01:00", "Read secrets from the vault", &changed, &[b])?;
    let c = repository.commit(ben, "2026-03-18T08:30:00+01:00", "Remove .env.local", &base, &[b])?;
    let resolved = vec![readme.clone(), server(&format!("\"{merged}\"")), deploy.clone()];
    let m = repository.commit(ben, "2026-03-20T19:55:00+01:00", "Merge branch 'feature'", &resolved, &[c, f])?;
    let d = repository.commit(ana, "2026-03-23T10:00:00+01:00", "Back to the environment", &base, &[m])?;
    let script = ("scripts/export-users.mjs", format!("const CLERK_SECRET_KEY = \"{present}\";\n"));
    let last = [base, vec![script]].concat();
    let e = repository.commit(ben, "2026-04-07T16:20:00+02:00", "Export users for the newsletter", &last, &[d])?;
    repository.branch("feature", f)?;
    repository.branch("main", e)?;
    let message = format!("First release\n\nStaging still runs with {tagged}\n");
    repository.tag("v1.0", c, ana, "2026-03-18T09:00:00+01:00", &message)
}

/// A linear congruential generator (Knuth, MMIX): enough for made-up keys that are the same every time.
struct Draw(u64);

impl Draw {
    fn body(&mut self, length: usize) -> String {
        const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
        (0..length)
            .map(|_| {
                self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                char::from(ALPHABET[(self.0 >> 33) as usize % ALPHABET.len()])
            })
            .collect()
    }
}
