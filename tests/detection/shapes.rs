//! Random text of a given shape. All that looks like a secret in the corpus is made here, at run time.

use crate::secrets::{Alphabet, Padding, base64};

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";

/// Short enough to come up by chance.
const WORDS: &[&str] = &[
    "your", "mock", "fake", "here", "todo", "test", "live", "xxxx", "dummy", "token", "sample", "secret", "abcdef",
    "123456", "foobar", "example", "insert",
];

/// Draws from a generator whose seed is printed.
pub(crate) struct Draw(fastrand::Rng);

impl Draw {
    /// The same draws for the same seed and name.
    pub(crate) fn new(seed: u64, name: &str) -> Self {
        // FNV-1a: any spread of names over seeds will do.
        let mixed = name
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325 ^ seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        Self(fastrand::Rng::with_seed(mixed))
    }

    fn of(&mut self, alphabet: &str, length: usize) -> String {
        let alphabet = alphabet.as_bytes();
        (0..length).map(|_| char::from(alphabet[self.0.usize(..alphabet.len())])).collect()
    }

    /// The body of a key: 42 letters and digits, at least 20 of them different, as in every one that was measured.
    pub(crate) fn body(&mut self) -> String {
        loop {
            let body = self.of(&[UPPER, LOWER, DIGITS].concat(), 42);
            let different: std::collections::BTreeSet<char> = body.chars().collect();
            if different.len() >= 20 {
                return body;
            }
        }
    }

    /// Parts joined by `+`: `24` letters and digits, `hex40`, `HEX16`, `lower32` (letters and digits), `az8`, `AZ8`,
    /// `digits10`, `b64-32`, `b64url-32`, `uuid`, `plus`, and `'51` for the text itself.
    ///
    /// Drawn again where it has a word in it by chance: at lengths other than 42 a word makes a placeholder.
    pub(crate) fn shape(&mut self, shape: &str) -> Result<String, String> {
        loop {
            let text = shape.split('+').map(|part| self.part(part)).collect::<Result<String, _>>()?;
            let lower = text.to_ascii_lowercase();
            let has = |word: &&str| lower.contains(word) && !shape.to_ascii_lowercase().contains(word);
            if !WORDS.iter().any(has) {
                return Ok(text);
            }
        }
    }

    fn part(&mut self, part: &str) -> Result<String, String> {
        if let Some(text) = part.strip_prefix('\'') {
            return Ok(text.to_owned());
        }
        if part == "plus" {
            return Ok("+".to_owned());
        }
        if part == "uuid" {
            return Ok([8, 4, 4, 4, 12].map(|length| self.of("0123456789abcdef", length)).join("-"));
        }
        let head = part.trim_end_matches(|it: char| it.is_ascii_digit());
        let length = part[head.len()..].parse().map_err(|_| format!("{part:?} has no length"))?;
        // "b64" ends in a digit of its own, hence the hyphen.
        let alphabet = match head {
            "" | "alnum" => [UPPER, LOWER, DIGITS].concat(),
            "hex" => "0123456789abcdef".to_owned(),
            "HEX" => "0123456789ABCDEF".to_owned(),
            "lower" => [LOWER, DIGITS].concat(),
            "az" => LOWER.to_owned(),
            "AZ" => UPPER.to_owned(),
            "digits" => DIGITS.to_owned(),
            "b64-" => [UPPER, LOWER, DIGITS, "+/"].concat(),
            "b64url-" => [UPPER, LOWER, DIGITS, "-_"].concat(),
            _ => return Err(format!("{part:?} is no shape")),
        };
        Ok(self.of(&alphabet, length))
    }

    /// A session token as Clerk and many others sign them: no secret of Clerk's.
    pub(crate) fn jwt(&mut self) -> String {
        let part = |text: &str| base64(text.as_bytes(), Alphabet::UrlSafe, Padding::None);
        let header = part(&format!(r#"{{"alg":"RS256","kid":"ins_{}","typ":"JWT"}}"#, self.of(LOWER, 27)));
        let claims = part(&format!(
            r#"{{"azp":"https://shop.example","exp":17{},"iss":"https://clerk.shop.example","sub":"user_{}"}}"#,
            self.of(DIGITS, 8),
            self.of(LOWER, 27)
        ));
        format!("{header}.{claims}.{}", self.of(&[UPPER, LOWER, DIGITS, "-_"].concat(), 342))
    }
}

/// What Clerk issues for an instance: its Frontend API host and a dollar sign, in base64.
pub(crate) fn publishable(environment: &str, host: &str, padding: Padding) -> String {
    format!("pk_{environment}_{}", base64(format!("{host}$").as_bytes(), Alphabet::Standard, padding))
}
