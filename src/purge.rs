//! The files by which keys are cleaned out of a history with `git filter-repo` or BFG.
//!
//! These are the one output of this program that has keys in it, on purpose; where they may be written is the command
//! line's to see to. Pure: texts in, files out. No key stands in a command: arguments are seen by everyone on a
//! machine, so commands name files.
//!
//! What can be written over in its place is: every spelling of a key that is foreseen, and those in which it was found to
//! stand. [`Cleaner`] does to a text what the files will have done to it, so that it can be tried out before. A file in
//! which a key is left then (in an archive, say) is dropped from the history whole, by its blob's id.
//!
//! Each key has a replacement of its own: two names that differ by their keys alone must not become one.

mod module;
mod readme;
mod scripts;

use std::collections::{BTreeMap, HashMap};

use crate::key::{KeyText, base64};
use crate::model::{ObjectType, Oid, ReadLimits, is_binary};

pub use readme::readme;
pub use scripts::{Planned, commands};

/// The repository that a plan was made of.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// Its path.
    pub repository: &'a str,
    /// Where it was cloned from, by the names that it has for that; masked and escaped. None where it is nobody's clone.
    pub remotes: &'a [String],
}

/// A key that is to go.
#[derive(Clone, Debug)]
pub struct Leak {
    /// Its text.
    pub text: KeyText,
    /// How it stands in texts and names in ways that are not foreseen: bytes in other escapes, over line ends.
    pub written: Vec<Vec<u8>>,
    /// Blobs in which it is packed so that it cannot be written over.
    pub packed: Vec<Oid>,
}

/// Whether a key in these encodings, outermost first, is surely written over in its place. For objects that are too
/// large to be tried out: what is called base64 can be wrapped, and hex be spelt in both cases, and neither is then.
pub fn is_written_over(encoding: &[&str]) -> bool {
    matches!(encoding, [] | ["utf-16le" | "utf-16be"])
}

/// What stands in a key's place: a word, and some digits of the key's id.
fn replacement(key: &KeyText) -> String {
    format!("REMOVED-{}", digits(key))
}

fn digits(key: &KeyText) -> String {
    const DIGITS: usize = 10;
    key.id().to_string().trim_start_matches("sha256:").chars().take(DIGITS).collect()
}

/// A file of a plan.
pub struct PlanFile {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub content: Vec<u8>,
}

/// One way in which a key can stand in a file, and what to put in its place: as long where it is encoded, and in what is no text,
/// so that nothing around it moves.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Spelling {
    from: Vec<u8>,
    to: Vec<u8>,
}

impl Spelling {
    /// What is put in its place where nothing may move.
    fn as_long(&self) -> Vec<u8> {
        match self.to.len() == self.from.len() {
            true => self.to.clone(),
            false => self.to.iter().chain(b"**").cycle().take(self.from.len()).copied().collect(),
        }
    }

    /// Whether a line of `--replace-text` can have it.
    fn is_a_line(&self) -> bool {
        !self.from.iter().any(|byte| matches!(byte, b'\n' | b'\r'))
            && memchr::memmem::find(&self.from, b"==>").is_none()
    }
}

/// Every spelling of a key that is written over in its place.
fn spellings(leak: &Leak) -> Vec<Spelling> {
    let text = leak.text.expose();
    let wide: Vec<u8> = text.iter().flat_map(|byte| [*byte, 0]).collect();
    // What both byte orders have in common: the characters with a NUL between each two.
    let core = &wide[..wide.len().saturating_sub(1)];
    let hex: String = text.iter().map(|byte| format!("{byte:02x}")).collect();
    let (word, digits) = (replacement(&leak.text), digits(&leak.text));
    let cycled = |pattern: &str, length: usize| pattern.bytes().cycle().take(length).collect::<Vec<u8>>();
    let raw = Spelling { from: text.to_vec(), to: word.clone().into_bytes() };
    let padded = raw.as_long();
    let wide_word = core.iter().enumerate().map(|(at, _)| if at % 2 == 0 { padded[at / 2] } else { 0 }).collect();
    let mut all = vec![
        raw,
        Spelling { from: core.to_vec(), to: wide_word },
        Spelling { from: hex.to_uppercase().into_bytes(), to: cycled(&digits, hex.len()) },
        Spelling { to: cycled(&digits, hex.len()), from: hex.into_bytes() },
    ];
    for plain in [text, wide.as_slice()] {
        for alignment in 0..3 {
            // A wide character's first byte stands at every place in a group as well.
            let core = base64::core(plain, alignment);
            let url_safe: Vec<u8> = core
                .iter()
                .map(|byte| match byte {
                    b'+' => b'-',
                    b'/' => b'_',
                    other => *other,
                })
                .collect();
            // Base64 of nothing, which nobody decodes again: but none that another key has.
            let filler = cycled(&format!("REMOVED{digits}"), core.len());
            all.push(Spelling { from: url_safe, to: filler.clone() });
            all.push(Spelling { from: core, to: filler });
        }
    }
    all.extend(leak.written.iter().map(|from| Spelling { from: from.clone(), to: word.clone().into_bytes() }));
    // A single byte is nobody's key.
    all.retain(|spelling| spelling.from.len() > 1);
    all
}

/// Writes keys over, as the files of a plan have it done.
pub struct Cleaner {
    /// In the order of their turns.
    spellings: Vec<Spelling>,
    /// The turns of those that begin so, as far as the shortest goes.
    turns: HashMap<Vec<u8>, Vec<usize>>,
    shortest: usize,
    /// By byte, whether any begins with it.
    begins: [bool; 256],
}

impl Cleaner {
    /// For the keys of one repository.
    pub fn of(leaks: &[Leak]) -> Self {
        let mut spellings: Vec<Spelling> = leaks.iter().flat_map(spellings).collect();
        // The longest first, so that none is taken to pieces by another; but what `--replace-text` can have before the
        // rest, since that is its turn.
        let rank = |one: &Spelling| (!one.is_a_line(), std::cmp::Reverse(one.from.len()));
        spellings.sort_by(|a, b| rank(a).cmp(&rank(b)).then_with(|| a.cmp(b)));
        spellings.dedup_by(|a, b| a.from == b.from);
        let shortest = spellings.iter().map(|spelling| spelling.from.len()).min().unwrap_or(1);
        let (mut turns, mut begins) = (HashMap::<Vec<u8>, Vec<usize>>::new(), [false; 256]);
        for (turn, Spelling { from, .. }) in spellings.iter().enumerate() {
            turns.entry(from[..shortest].to_vec()).or_default().push(turn);
            begins[usize::from(from[0])] = true;
        }
        Self { spellings, turns, shortest, begins }
    }

    /// A text, a path or a ref's name with every key of these written over.
    pub fn clean(&self, text: &[u8]) -> Vec<u8> {
        self.write_over(text, |spelling| spelling.to.clone())
    }

    /// The same of an object of this type, or of a name in it: a file that is no text keeps its length.
    pub fn clean_in(&self, kind: ObjectType, text: &[u8]) -> Vec<u8> {
        match kind == ObjectType::Blob && is_binary(text) {
            true => self.write_over(text, Spelling::as_long),
            false => self.clean(text),
        }
    }

    /// Where two overlap, that stays whose turn is later. All are looked for at once, as `clerk_purge.py` does it: one after
    /// another takes time by the square of the keys.
    fn write_over(&self, text: &[u8], with: impl Fn(&Spelling) -> Vec<u8>) -> Vec<u8> {
        let mut found = Vec::new();
        for (at, window) in
            text.windows(self.shortest).enumerate().filter(|(_, text)| self.begins[usize::from(text[0])])
        {
            let turns = self.turns.get(window).into_iter().flatten();
            found.extend(
                turns.filter(|turn| text[at..].starts_with(&self.spellings[**turn].from)).map(|turn| (*turn, at)),
            );
        }
        found.sort_unstable();
        let mut taken: BTreeMap<usize, &Spelling> = BTreeMap::new();
        for (turn, at) in found {
            let spelling = &self.spellings[turn];
            let before = taken.range(..at + spelling.from.len()).next_back();
            if before.is_none_or(|(start, other)| start + other.from.len() <= at) {
                taken.insert(at, spelling);
            }
        }
        let (mut cleaned, mut rest) = (Vec::with_capacity(text.len()), 0);
        for (at, spelling) in taken {
            cleaned.extend_from_slice(&text[rest..at]);
            cleaned.extend(with(spelling));
            rest = at + spelling.from.len();
        }
        cleaned.extend_from_slice(&text[rest..]);
        cleaned
    }
}

/// The files for one repository, of which these refs are to be dropped. The `others` stay in it, and are only not to be
/// said.
pub fn files(leaks: &[Leak], others: &[Leak], dropped: &[Vec<u8>]) -> Vec<PlanFile> {
    let Cleaner { spellings, .. } = Cleaner::of(leaks);
    let mut packed: Vec<String> = leaks.iter().flat_map(|leak| &leak.packed).map(ToString::to_string).collect();
    packed.sort();
    packed.dedup();
    let line = |prefix: &[u8], spelling: &Spelling| [prefix, &spelling.from, b"==>", &spelling.to, b"\n"].concat();
    let lines = || spellings.iter().filter(|spelling| spelling.is_a_line());
    let expressions: Vec<u8> = lines().flat_map(|spelling| line(b"literal:", spelling)).collect();
    // BFG reads its file as text, and takes a line for literal as it is.
    let is_text =
        |spelling: &&Spelling| spelling.from.iter().all(|byte| byte.is_ascii_graphic() || matches!(byte, b' ' | b'\t'));
    let bfg: Vec<u8> = lines().filter(is_text).flat_map(|spelling| line(b"", spelling)).collect();
    let ids: String = packed.iter().map(|id| format!("{id}\n")).collect();
    let refs: Vec<u8> = dropped.iter().flat_map(|name| [name, b"\n".as_slice()].concat()).collect();
    vec![
        PlanFile { name: "expressions.txt", content: expressions },
        PlanFile { name: "bfg.txt", content: bfg },
        PlanFile { name: "strip-blobs.txt", content: ids.into_bytes() },
        PlanFile { name: "drop-refs.txt", content: refs },
        PlanFile { name: "clerk_purge.py", content: module::module(&spellings, &hidden(others)).into_bytes() },
        PlanFile { name: "publish.sh", content: scripts::publish().into_bytes() },
    ]
}

/// What the scripts put in the place of keys that stay, when they say something: their hints.
fn hidden(others: &[Leak]) -> Vec<Spelling> {
    let shown = |leak: &Leak| {
        let hint = leak.text.hint().into_bytes();
        spellings(leak).into_iter().map(move |Spelling { from, .. }| Spelling { from, to: hint.clone() })
    };
    let mut all: Vec<Spelling> = others.iter().flat_map(shown).collect();
    all.sort_by(|a, b| b.from.len().cmp(&a.from.len()).then_with(|| a.cmp(b)));
    all.dedup();
    all
}

/// Limits as options of `history` and `trace`: those that are not the defaults.
fn options(limits: ReadLimits) -> String {
    let (now, usual) = (limits, ReadLimits::default());
    let all = [
        ("depth", now.max_depth.into(), usual.max_depth.into()),
        ("decoded", now.max_decoded, usual.max_decoded),
        ("object-time", now.max_object_time, usual.max_object_time),
        ("blob-size", now.max_blob_size, usual.max_blob_size),
        ("memory", now.max_memory, usual.max_memory),
    ];
    all.iter().filter(|(_, now, usual)| now != usual).map(|(name, now, _)| format!(" --max-{name} {now}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> KeyText {
        let body = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789ZyXwVu";
        KeyText::new(format!("sk_{}_{body}", "live").as_bytes())
    }

    fn leak(text: KeyText) -> Leak {
        Leak { text, written: Vec::new(), packed: Vec::new() }
    }

    #[test]
    fn every_spelling_is_written_over_and_nothing_moves() {
        let all = spellings(&leak(key()));
        let raw = all.iter().find(|spelling| spelling.from == key().expose()).unwrap();
        assert_eq!(raw.to, format!("REMOVED-{}", &key().id().to_string()[7..17]).into_bytes());
        for spelling in all.iter().filter(|spelling| *spelling != raw) {
            assert_eq!(spelling.from.len(), spelling.to.len());
            assert!(!spelling.from.contains(&b'\n'));
        }
        // Of base64 no more is left than the two ends that other bytes have a share in.
        let text = [b"ab".as_slice(), key().expose(), b"c"].concat();
        let encoded = base64::core(&text, 0);
        let clean = Cleaner::of(&[leak(key())]).clean(&encoded);
        let longest = (0..encoded.len()).rev().find(|length| {
            let mut pieces = encoded.windows(*length);
            *length == 0 || pieces.any(|piece| clean.windows(*length).any(|other| other == piece))
        });
        assert!(clean.len() == encoded.len() && longest.unwrap() < 8, "{}", String::from_utf8_lossy(&clean));
    }

    #[test]
    fn two_keys_become_two_words_in_every_spelling() {
        let other = KeyText::new(format!("sk_{}_{}", "live", "ZbCdEfGhIjKlMnOpQrStUvWxYz0123456789ZyXwVu").as_bytes());
        let both = Cleaner::of(&[leak(key()), leak(other.clone())]);
        for (one, other) in spellings(&leak(key())).iter().zip(spellings(&leak(other))) {
            assert_ne!(both.clean(&one.from), both.clean(&other.from));
        }
    }

    #[test]
    fn all_at_once_is_as_one_after_another() {
        let random = &mut fastrand::Rng::with_seed(17);
        let letters = |random: &mut fastrand::Rng, length: usize| -> Vec<u8> {
            (0..length).map(|_| *random.choice(b"xyz\n").unwrap()).collect()
        };
        for _ in 0..2000 {
            let mut leak = leak(key());
            leak.written = (0..random.usize(1..12))
                .map(|_| {
                    let length = random.usize(1..6);
                    letters(random, length)
                })
                .collect();
            let cleaner = Cleaner::of(&[leak]);
            let length = random.usize(..40);
            let text = letters(random, length);
            let mut expected = text.clone();
            for Spelling { from, to } in &cleaner.spellings {
                let finder = memchr::memmem::Finder::new(from);
                let (mut cleaned, mut rest) = (Vec::new(), 0);
                for at in finder.find_iter(&expected) {
                    cleaned.extend_from_slice(&expected[rest..at]);
                    cleaned.extend_from_slice(to);
                    rest = at + from.len();
                }
                cleaned.extend_from_slice(&expected[rest..]);
                expected = cleaned;
            }
            assert_eq!(cleaner.clean(&text), expected, "{:?}", String::from_utf8_lossy(&text));
        }
    }

    #[test]
    fn what_is_found_to_stand_somewhere_is_written_over_as_it_stands() {
        let over_lines = b"sk_li=\nve_...".to_vec();
        let mut leak = leak(key());
        leak.written = vec![over_lines.clone(), b"%73k==>_".to_vec()];
        let word = replacement(&leak.text);
        let cleaner = Cleaner::of(std::slice::from_ref(&leak));
        let clean = cleaner.clean(&[b"a ", over_lines.as_slice(), b" b ", &over_lines, b"%73k==>_"].concat());
        assert_eq!(clean, format!("a {word} b {word}{word}").into_bytes());
        // Where words are apart by a space a line can have it, and one over lines none.
        leak.written.push(b"73 6b 5f".to_vec());
        // A line of a file can have neither, and the module has both.
        let files = files(&[leak], &[], &[b"refs/tags/x".to_vec()]);
        let text = |at: usize| String::from_utf8_lossy(&files[at].content).into_owned();
        assert!(text(0).lines().all(|line| line.starts_with("literal:") && !line.contains("%73k")));
        assert!(text(4).contains("\\x3d\\x0a") && text(4).contains("\\x25\\x37\\x33"));
        assert_eq!(text(3), "refs/tags/x\n");
        assert!(text(1).contains(&format!("\n73 6b 5f==>{word}\n")) && !text(1).contains("ve_..."), "{}", text(1));
        let readme = readme("/plan");
        let told = ["over several lines", "UTF-16", "strip-blobs.txt"];
        let bfg = readme.split("With BFG instead").nth(1).unwrap();
        assert!(told.iter().all(|told| bfg.contains(told)) && !bfg.contains("cleans files that are text"));
    }

    #[test]
    fn commands_and_words_have_no_key_in_them() {
        let leak = Leak { packed: vec![Oid::from_bytes(&[7; 20]).unwrap()], ..leak(key()) };
        let files = files(&[leak], &[], &[]);
        let holds = |bytes: &[u8]| bytes.windows(20).any(|window| key().expose()[10..].starts_with(window));
        let with: Vec<&str> = files.iter().filter(|file| holds(&file.content)).map(|file| file.name).collect();
        assert_eq!(with, ["expressions.txt", "bfg.txt"], "the module has them as escapes");
        assert!(files[2].content.starts_with(b"0707"));
        let subject = Subject { repository: "/srv/git/it's; rm -rf x", remotes: &[] };
        let script = commands(&subject, &[], false, ReadLimits::default());
        assert!(
            script.contains(r"source=${2:-'/srv/git/it'\''s; rm -rf x'}") && script.contains("history --write-known")
        );
        let remotes = ["origin".to_owned(), "it's".to_owned()];
        let clone = commands(&Subject { remotes: &remotes, ..subject }, &[], false, ReadLimits::default());
        assert!(clone.contains(r"has a remote (origin, it'\''s): ") && !clone.contains("${2:-'"), "{clone}");
        let limits = ReadLimits { max_depth: 9, max_memory: 1 << 30, ..ReadLimits::default() };
        let planned = Planned { id: key().id(), hint: key().hint(), needs_a_name: false };
        let deep = commands(&subject, &[planned], true, limits);
        assert!(
            deep.contains(&format!("echo 'Clean of {}.", key().hint())) && !deep.contains("echo \"Clean"),
            "{deep}"
        );
        let trace = format!("trace --id {} --kind-is-known --max-depth 9 --max-memory 1073741824 .", key().id());
        assert!(deep.contains(&trace), "{deep}");
    }
}
