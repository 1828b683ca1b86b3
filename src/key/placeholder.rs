//! Bodies that nobody generated: `xxxx…`, `your_key`, `abcdef…`.

/// Whether the whole of a 42-character body was made up rather than drawn at random.
///
/// Only the whole body counts, never a part such as `123` or `test`, which a random one has by chance. Of 200,000
/// random bodies the lowest entropy was 4.11 bits a character and the fewest distinct characters were 20, so the
/// floors of 3.5 and 16 lose nothing.
pub fn is_made_up(body: &[u8]) -> bool {
    distinct(body) < 16 || entropy(body) < 3.5 || repeats(body) || runs_in_order(body)
}

/// Whether a body of another length is a placeholder: at these lengths words count too, since nothing that is
/// certain is lost.
pub fn is_placeholder_of_other_length(body: &[u8]) -> bool {
    const WORDS: &[&str] = &[
        "your",
        "secret",
        "example",
        "placeholder",
        "dummy",
        "mock",
        "fake",
        "xxxx",
        "here",
        "replace",
        "changeme",
        "deadbeef",
        "abcdef",
        "123456",
        "sample",
        "redacted",
        "insert",
        "token",
        "foobar",
        "todo",
        "invalid",
    ];
    if body.len() < 16 {
        return true;
    }
    let lower = body.to_ascii_lowercase();
    let has = |word: &&&str| memchr::memmem::find(&lower, word.as_bytes()).is_some();
    // A random body has one of the shorter words now and then; two hardly ever.
    let says_so = || match WORDS.iter().filter(has).count() {
        0 => false,
        1 => class_changes(body) * 20 < body.len() * 9,
        _ => true,
    };
    distinct(body) < (body.len() / 3).min(9) || entropy(body) < 2.3 || runs_in_order(body) || says_so()
}

/// How often a digit, a capital or a lowercase letter is followed by one of another of these classes: at six of ten
/// places of a random body, at four or fewer of words that are written together.
pub(super) fn class_changes(body: &[u8]) -> usize {
    let class = |byte: u8| (byte.is_ascii_digit(), byte.is_ascii_uppercase());
    body.windows(2).filter(|pair| class(pair[0]) != class(pair[1])).count()
}

fn distinct(body: &[u8]) -> usize {
    counts(body).iter().filter(|count| **count > 0).count()
}

/// Shannon entropy, in bits a character.
fn entropy(body: &[u8]) -> f64 {
    let total = body.len().max(1) as f64;
    counts(body)
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let share = f64::from(*count) / total;
            -share * share.log2()
        })
        .sum()
}

fn counts(body: &[u8]) -> [u32; 256] {
    let mut counts = [0; 256];
    for byte in body {
        counts[usize::from(*byte)] += 1;
    }
    counts
}

/// Whether the body is one shorter text over and over.
fn repeats(body: &[u8]) -> bool {
    (1..=body.len() / 2).any(|period| body[period..] == body[..body.len() - period])
}

/// Whether three steps of four go to a neighbour: `abcdef`, `9876`, `qwerty`; or of the steps to the next but one or
/// two: `a1b2c3d4`.
pub(super) fn runs_in_order(body: &[u8]) -> bool {
    const ROWS: &[u8] = b"qwertyuiopasdfghjklzxcvbnm";
    let neighbour = |from: u8, to: u8| {
        let (from, to) = (from.to_ascii_lowercase(), to.to_ascii_lowercase());
        let row = |byte| memchr::memchr(byte, ROWS);
        from.abs_diff(to) == 1
            || matches!((from, to), (b'9', b'0') | (b'0', b'9') | (b'z', b'a') | (b'z', b'0') | (b'9', b'a'))
            || matches!((row(from), row(to)), (Some(a), Some(b)) if a.abs_diff(b) == 1)
    };
    let runs = |stride: usize| {
        let steps = body.windows(stride + 1).filter(|steps| neighbour(steps[0], steps[stride])).count();
        body.len() > stride + 3 && steps * 4 >= (body.len() - stride) * 3
    };
    // Short texts have steps of two and three by chance.
    const LONG: usize = 16;
    runs(1) || (body.len() >= LONG && (runs(2) || runs(3)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_bodies_are_told() {
        for body in [
            "x".repeat(42),
            "abcdefghijklmnopqrstuvwxyz0123456789ABCDEF".to_owned(),
            "1234567890".repeat(5)[..42].to_owned(),
            "0123456789abcdef".repeat(3)[..42].to_owned(),
            "qwertyuiopasdfghjklzxcvbnmqwertyuiopasdfgh".to_owned(),
            "a1b2c3d4e5f6g7h8i9j0k1l2m3n4o5p6q7r8s9t0u1".to_owned(),
            "aB1bC2cD3dE4eF5fG6gH7hI8iJ9jK0kL1lM2mN3nO4".to_owned(),
            "yourkeyhereyourkeyhereyourkeyhereyourkeyhe".to_owned(),
        ] {
            assert_eq!(body.len(), 42);
            assert!(is_made_up(body.as_bytes()), "{body}");
        }
    }

    #[test]
    fn random_bodies_are_not_whatever_words_they_have_by_chance() {
        let seed = 7;
        let mut random = fastrand::Rng::with_seed(seed);
        for _ in 0..50_000 {
            let mut body: Vec<u8> = (0..42).map(|_| random.alphanumeric() as u8).collect();
            assert!(!is_made_up(&body), "seed {seed}");
            body[10..14].copy_from_slice(b"test");
            body[20..26].copy_from_slice(b"123abc");
            assert!(!is_made_up(&body), "seed {seed}");
        }
    }
}
