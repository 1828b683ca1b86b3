//! Where keys are planted in a history that passes by, commit after commit, parents first.
//!
//! A planted file goes on along first parents until it is deleted, as any file does: so it is known of every
//! commit whether it holds one.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write;

use super::common::secrets::{Alphabet, Padding, base64, live_key, test_key, utf16le};

/// How fast-export and fast-import call a commit.
pub(crate) type Mark = String;

/// A commit of the stream.
#[derive(Default)]
pub(crate) struct Commit {
    /// The lines before the message.
    pub(crate) head: Vec<Vec<u8>>,
    pub(crate) mark: Mark,
    /// Its id in the source.
    pub(crate) original: String,
    pub(crate) message: Vec<u8>,
    pub(crate) parents: Vec<Mark>,
    pub(crate) changes: Vec<Vec<u8>>,
}

impl Commit {
    pub(crate) fn write(&self, output: &mut impl Write) {
        let mut bytes = self.head.concat();
        bytes.extend(data(&self.message));
        for (at, parent) in self.parents.iter().enumerate() {
            let word = if at == 0 { "from" } else { "merge" };
            bytes.extend_from_slice(format!("{word} {parent}\n").as_bytes());
        }
        bytes.extend(self.changes.concat());
        bytes.push(b'\n');
        output.write_all(&bytes).expect("writing to git fast-import");
    }

    fn put(&mut self, path: &str, content: &[u8]) {
        let mut change = format!("M 100644 inline {path}\n").into_bytes();
        change.extend(data(content));
        change.push(b'\n');
        self.changes.push(change);
    }

    fn delete(&mut self, path: &str) {
        self.changes.push(format!("D {path}\n").into_bytes());
    }
}

fn data(bytes: &[u8]) -> Vec<u8> {
    [format!("data {}\n", bytes.len()).as_bytes(), bytes].concat()
}

/// A key that was planted, and the introductions at key level that this makes: commit, place and path.
pub(crate) struct Planted {
    pub(crate) what: String,
    pub(crate) key: String,
    pub(crate) introductions: BTreeSet<String>,
}

/// What is done when its time has come, at the first commit that is fit for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Deed {
    AddFile,
    AddAnother,
    AddInMerge,
    ReplaceFile,
    InMessage,
    InAuthor,
    Base64File,
    WideFile,
    FolderName,
    CopyElsewhere,
    Move,
    Delete,
    BringBack,
}

/// Deeds, and after how many hundredths they are due: of the longest line of first parents, where one is built on
/// by another; else of all commits.
const DEEDS: [(usize, Deed); 13] = [
    (5, Deed::CopyElsewhere),
    (10, Deed::AddFile),
    (15, Deed::AddAnother),
    (18, Deed::AddInMerge),
    (20, Deed::ReplaceFile),
    (35, Deed::InMessage),
    (40, Deed::InAuthor),
    (45, Deed::Base64File),
    (50, Deed::WideFile),
    (55, Deed::FolderName),
    (60, Deed::Move),
    (75, Deed::Delete),
    (85, Deed::BringBack),
];

impl Deed {
    fn is_on_the_line(self) -> bool {
        matches!(self, Self::AddFile | Self::AddAnother | Self::Move | Self::Delete | Self::BringBack)
    }
}

/// The file that is added, edited, deleted and brought back.
const ADDED: &str = "planted/added.env";
/// The file that moves, from here to there.
const HERE: &str = "planted/here.env";
const THERE: &str = "planted/there.env";
/// Where the same key is on another line of history.
const ELSEWHERE: &str = "planted/elsewhere.env";

pub(crate) struct Plan {
    total: usize,
    seen: usize,
    /// The longest line of first parents: how far each of its commits is, in hundredths.
    line: HashMap<String, usize>,
    due: Vec<(usize, Deed)>,
    /// The planted files that each commit holds.
    held: HashMap<Mark, BTreeSet<&'static str>>,
    /// What was done, by the key it was done with: mark, place, path.
    done: BTreeMap<&'static str, Vec<(Mark, &'static str, String)>>,
    last: Mark,
}

impl Plan {
    /// A plan for these commits and their parents, parents first.
    pub(crate) fn new(history: &[(String, Vec<String>)]) -> Self {
        Self {
            total: history.len(),
            seen: 0,
            line: longest_line(history),
            due: DEEDS.to_vec(),
            held: HashMap::new(),
            done: BTreeMap::new(),
            last: Mark::new(),
        }
    }

    /// Plants in a commit what is due and fits.
    pub(crate) fn change(&mut self, commit: &mut Commit) {
        self.seen += 1;
        let first_parent = commit.parents.first();
        let mut held = first_parent.and_then(|parent| self.held.get(parent)).cloned().unwrap_or_default();
        if commit.changes.iter().any(|change| change == b"deleteall\n") {
            held.clear();
        }
        let on_the_line = self.line.get(&commit.original).copied();
        let due = self.due.iter().position(|(hundredths, deed)| {
            let now = if deed.is_on_the_line() { on_the_line } else { Some(self.seen * 100 / self.total) };
            now.is_some_and(|now| now >= *hundredths) && self.fits(*deed, commit, &held)
        });
        match due {
            Some(at) => {
                let (_, deed) = self.due.remove(at);
                self.do_it(deed, commit, &mut held);
            }
            // An edit now and then, which keeps the key.
            None if held.contains(ADDED) && self.seen.is_multiple_of(7) => {
                commit.put(ADDED, format!("# edit {}\nCLERK_SECRET_KEY={}\n", self.seen, live_key(1)).as_bytes());
            }
            None => {}
        }
        self.held.insert(commit.mark.clone(), held);
        self.last.clone_from(&commit.mark);
    }

    fn fits(&self, deed: Deed, commit: &Commit, held: &BTreeSet<&str>) -> bool {
        let any_parent_has = |path: &str| {
            commit.parents.iter().any(|parent| self.held.get(parent).is_some_and(|held| held.contains(path)))
        };
        match deed {
            Deed::AddInMerge => commit.parents.len() > 1,
            Deed::ReplaceFile => commit.parents.len() == 1 && commit.changes.iter().any(|change| is_file(change)),
            Deed::Move => held.contains(HERE),
            Deed::Delete => held.contains(ADDED),
            // After the deletion, and where no parent holds it: an introduction anew.
            Deed::BringBack => !any_parent_has(ADDED) && self.due.iter().all(|(_, deed)| *deed != Deed::Delete),
            Deed::AddAnother => !any_parent_has(ELSEWHERE),
            // A cherry-pick, on a line that does not hold it.
            Deed::CopyElsewhere => {
                let aside = !commit.parents.is_empty() && !self.line.contains_key(&commit.original);
                aside && !any_parent_has(HERE) && !any_parent_has(THERE)
            }
            _ => !commit.parents.is_empty(),
        }
    }

    fn do_it(&mut self, deed: Deed, commit: &mut Commit, held: &mut BTreeSet<&'static str>) {
        match deed {
            Deed::AddFile | Deed::BringBack => {
                commit.put(ADDED, format!("A=1\nCLERK_SECRET_KEY={}\n", live_key(1)).as_bytes());
                held.insert(ADDED);
                self.note("a key in a file", commit, "file", ADDED);
            }
            Deed::Delete => {
                commit.delete(ADDED);
                held.remove(ADDED);
            }
            Deed::AddInMerge => {
                commit.put("planted/merged.env", format!("key: \"{}\"\n", test_key(12)).as_bytes());
                self.note("a key typed in a merge", commit, "file", "planted/merged.env");
            }
            Deed::AddAnother => {
                commit.put(HERE, format!("key: \"{}\"\n", test_key(2)).as_bytes());
                held.insert(HERE);
                self.note("a key that moves", commit, "file", HERE);
            }
            Deed::Move => {
                commit.delete(HERE);
                commit.put(THERE, format!("key: \"{}\"\n", test_key(2)).as_bytes());
                held.remove(HERE);
                held.insert(THERE);
            }
            Deed::CopyElsewhere => {
                commit.put(ELSEWHERE, format!("{}\n", test_key(2)).as_bytes());
                held.insert(ELSEWHERE);
                self.note("a key that moves", commit, "file", ELSEWHERE);
            }
            Deed::ReplaceFile => {
                let at = commit.changes.iter().position(|change| is_file(change)).expect("a file that is changed");
                let line = String::from_utf8_lossy(&commit.changes[at]).into_owned();
                let path = line.splitn(4, ' ').nth(3).expect("a path").trim_end().to_owned();
                commit.changes.remove(at);
                commit.put(&path, format!("text\n\n  `{}`\n", live_key(3)).as_bytes());
                self.note("a key in a file that was there", commit, "file", &path);
            }
            Deed::InMessage => {
                commit.message.extend_from_slice(format!("\n\nkey: {}\n", test_key(4)).as_bytes());
                self.note("a key in a message", commit, "commit_message", "-");
            }
            Deed::InAuthor => {
                let author = commit.head.iter_mut().find(|line| line.starts_with(b"author "));
                let author = author.expect("a commit has an author");
                let open = author.iter().position(|byte| *byte == b'<').expect("an address");
                author.splice(7..open, format!("Bo {} ", live_key(5)).into_bytes());
                self.note("a key in an author's name", commit, "author", "-");
            }
            Deed::Base64File => {
                let text = base64(format!("user:{}", live_key(6)).as_bytes(), Alphabet::Standard, Padding::Full);
                commit.put("planted/auth.yml", format!("apiVersion: v1\ndata: {text}\n").as_bytes());
                self.note("a key in base64", commit, "file", "planted/auth.yml");
            }
            Deed::WideFile => {
                commit.put("planted/wide.ps1", &utf16le(&format!("first\r\n$key = '{}'\r\n", test_key(7))));
                self.note("a key in UTF-16", commit, "file", "planted/wide.ps1");
            }
            Deed::FolderName => {
                commit.put(&format!("planted/dir-{}/x", live_key(8)), b"nothing\n");
                self.note("a key in a folder's name", commit, "path", "(masked)");
            }
        }
    }

    fn note(&mut self, what: &'static str, commit: &Commit, place: &'static str, path: &str) {
        self.done.entry(what).or_default().push((commit.mark.clone(), place, path.to_owned()));
    }

    /// What comes after the last commit: a tag, a branch that will be deleted, and a ref with a key in its name.
    pub(crate) fn finish(&mut self, output: &mut impl Write) {
        let last = &self.last;
        let person = "Bo <bo@example.test> 1700000000 +0000";
        let message = format!("release\n\nkey {}\n", live_key(9));
        let content = format!("{}\n", test_key(10));
        let added = format!(
            "tag planted-v1\nfrom {last}\ntagger {person}\n{}\ncommit refs/heads/planted-gone\nmark :{GONE}\n\
             committer {person}\n{}\nfrom {last}\nM 100644 inline planted/gone.env\n{}\n\
             reset refs/heads/planted-{}\nfrom {last}\n\n",
            plain(&message),
            plain("gone\n"),
            plain(&content),
            live_key(11),
        );
        output.write_all(added.as_bytes()).expect("writing to git fast-import");
        self.done.insert("a key on a branch that is gone", Vec::new());
        for (what, place) in [("a key in a tag", "tag_message"), ("a key in a ref's name", "ref_name")] {
            self.done.insert(what, vec![(Mark::new(), place, "-".into())]);
        }
    }

    pub(crate) fn refs_to_delete(&self) -> [&'static str; 1] {
        ["refs/heads/planted-gone"]
    }

    /// What was planted, by the ids that commits have now.
    pub(crate) fn planted(&self, marks: &HashMap<Mark, String>) -> Vec<Planted> {
        assert!(self.due.is_empty(), "no commit was fit for {:?}", self.due);
        let id = |mark: &Mark| marks.get(mark).map_or("-", String::as_str).to_owned();
        let planted = self.done.iter().map(|(what, done)| Planted {
            what: (*what).to_owned(),
            key: key_of(what),
            introductions: done.iter().map(|(mark, place, path)| format!("{} {place} {path}", id(mark))).collect(),
        });
        planted.collect()
    }
}

fn longest_line(history: &[(String, Vec<String>)]) -> HashMap<String, usize> {
    let mut lengths: HashMap<&str, usize> = HashMap::new();
    let mut first_parents: HashMap<&str, &str> = HashMap::new();
    for (commit, parents) in history {
        let parent = parents.first().map(String::as_str);
        lengths.insert(commit, parent.map_or(0, |parent| lengths[parent]) + 1);
        first_parents.extend(parent.map(|parent| (commit.as_str(), parent)));
    }
    let longest = lengths.iter().max_by_key(|(commit, length)| (**length, **commit)).map(|(commit, _)| *commit);
    let commits: Vec<&str> = std::iter::successors(longest, |commit| first_parents.get(commit).copied()).collect();
    let place = |(at, commit): (usize, &&str)| ((*commit).to_owned(), at * 100 / commits.len());
    commits.iter().rev().enumerate().map(place).collect()
}

/// A mark that fast-export is not going to reach.
const GONE: u32 = 999_999_999;

fn plain(text: &str) -> String {
    format!("data {}\n{text}", text.len())
}

fn is_file(change: &[u8]) -> bool {
    change.starts_with(b"M 100644 ") && !change.contains(&b'"') && !change.contains(&b'\\')
}

fn key_of(what: &str) -> String {
    match what {
        "a key in a file" => live_key(1),
        "a key that moves" => test_key(2),
        "a key typed in a merge" => test_key(12),
        "a key in a file that was there" => live_key(3),
        "a key in a message" => test_key(4),
        "a key in an author's name" => live_key(5),
        "a key in base64" => live_key(6),
        "a key in UTF-16" => test_key(7),
        "a key in a folder's name" => live_key(8),
        "a key in a tag" => live_key(9),
        "a key on a branch that is gone" => test_key(10),
        _ => live_key(11),
    }
}
