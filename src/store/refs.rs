//! Refs and reflogs, read from their files.
//!
//! Our own reader, not libgit2's: that one takes nine seconds for 20,000 loose refs, cannot say which of them are
//! broken, and does not know the refs of other worktrees. Names are bytes: git lets a server hold any.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::Gap;
use super::files;
use super::locate::{Layout, bytes_of, path_of};
use super::ref_files::{self, PackedLine, Walk};
use super::reftable::{RefValue, Stack};
use crate::model::{ObjectFormat, Oid};

/// One tip: a ref, or a worktree's HEAD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tip {
    /// The whole name: `refs/heads/main`, `HEAD`, `worktrees/x/HEAD`.
    pub name: Vec<u8>,
    /// The object it names.
    pub oid: Oid,
    /// Whether it is the branch that HEAD names.
    pub is_head: bool,
}

/// One line of a reflog: `<old> <new> <who> <when>\t<message>` (git's `refs/files-backend.c`); what is not is kept for its
/// text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReflogLine<'a> {
    /// What stands in the braces of `HEAD@{3}`: 0 is the newest.
    pub position: usize,
    /// The id before.
    pub old: Option<Oid>,
    /// The id after.
    pub new: Option<Oid>,
    /// The whole line, as it stands.
    pub text: &'a [u8],
}

/// A ref's log. It is kept as it stands: its lines, taken apart, would be many times as large.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reflog {
    /// The ref's name, as a tip would have it.
    pub name: Vec<u8>,
    text: Vec<u8>,
    format: ObjectFormat,
}

impl Reflog {
    /// Its lines, newest first.
    pub fn lines(&self) -> impl Iterator<Item = ReflogLine<'_>> {
        let digits = self.format.raw_len() * 2;
        let oid = |hex: Option<&[u8]>| hex.and_then(Oid::from_hex).filter(|oid| !oid.is_zero());
        let lines = self.text.rsplit(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        lines.enumerate().map(move |(position, text)| ReflogLine {
            position,
            old: oid(text.get(..digits)),
            new: oid(text.get(digits + 1..digits * 2 + 1)),
            text,
        })
    }

    /// How many lines it has.
    pub fn line_count(&self) -> usize {
        self.text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).count()
    }

    /// The file as it stands.
    pub fn text(&self) -> &[u8] {
        &self.text
    }
}

/// All that names objects from outside the object store.
#[derive(Clone, Debug, Default)]
pub struct Refs {
    /// The tips, by name.
    pub tips: Vec<Tip>,
    /// Symbolic refs, whose target is a tip already or does not exist, and then its name too. They are no tips of their own.
    pub symbolic: Vec<Symbolic>,
    /// By the name of each HEAD that is on a branch, that branch, born or not; by whatever alias.
    pub branches: BTreeMap<Vec<u8>, Vec<u8>>,
    /// The logs.
    pub reflogs: Vec<Reflog>,
}

/// A name that stands for a tip's, or for no ref.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Symbolic {
    /// The whole name.
    pub name: Vec<u8>,
    /// The name of the tip that it leads to in the end; none where there is no such ref.
    pub target: Option<Vec<u8>>,
}

/// How many levels of symbolic refs git follows (`refs.c`, `SYMREF_MAXDEPTH`).
pub(super) const SYMREF_DEPTH: usize = 5;

/// Reads every ref in every namespace, the HEAD of every worktree, and (unless told not to) every reflog. What is
/// broken is a gap.
pub(super) fn read(layout: &Layout, format: ObjectFormat, with_reflogs: bool, gaps: &mut Vec<Gap>) -> Refs {
    let mut reader = Reader { format, gaps, values: BTreeMap::new() };
    let common = &layout.common_dir;
    let mut logs = vec![(common.join("logs"), Vec::new())];
    let mut tables = Vec::new();
    let has_tables = super::has_tables(common);
    if has_tables {
        tables.extend(reader.tables(&common.join("reftable"), b""));
    } else {
        // Loose refs first: one that is packed meanwhile is then in the file that is read after.
        reader.loose(&common.join("refs"), b"refs/");
        reader.packed(&common.join("packed-refs"));
        reader.head(&common.join("HEAD"), b"HEAD");
    }
    for (name, dir) in worktrees(common, reader.gaps) {
        let name = [b"worktrees/", name.as_slice(), b"/"].concat();
        if has_tables {
            tables.extend(reader.tables(&dir.join("reftable"), &name));
        } else {
            let head = [&name, &b"HEAD"[..]].concat();
            if !reader.head(&dir.join("HEAD"), &head) && dir.join("gitdir").exists() {
                reader.gaps.push(Gap::named("broken_ref", &head, b"it is not there, and its worktree is"));
            }
            reader.loose(&dir.join("refs"), &[&name, &b"refs/"[..]].concat());
        }
        logs.push((dir.join("logs"), name));
    }
    let mut refs = reader.resolve();
    if with_reflogs {
        refs.reflogs.extend(tables);
    }
    if with_reflogs {
        for (dir, prefix) in logs {
            read_reflogs(&dir, &prefix, format, gaps, &mut refs.reflogs);
        }
    }
    refs
}

/// The linked worktrees: their names and their git directories. What cannot be looked into is a gap.
pub(super) fn worktrees(common_dir: &Path, gaps: &mut Vec<Gap>) -> Vec<(Vec<u8>, PathBuf)> {
    let dir = common_dir.join("worktrees");
    let all = if is_dir(&dir, gaps) { files::entries(&dir, gaps) } else { Vec::new() };
    let mut found: Vec<(Vec<u8>, PathBuf)> = all
        .into_iter()
        .map(|entry| entry.path())
        .filter(|path| is_dir(path, gaps))
        .map(|path| (bytes_of(Path::new(path.file_name().unwrap_or_default())), path))
        .collect();
    found.sort();
    found
}

/// Whether there is a directory; one that cannot be told is a gap.
fn is_dir(path: &Path, gaps: &mut Vec<Gap>) -> bool {
    match fs::metadata(path) {
        Ok(meta) => meta.is_dir(),
        Err(error) => {
            let is_none = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
            gaps.extend((!is_none).then(|| Gap::unreadable(path, &error)));
            false
        }
    }
}

/// Whether a name is like those that git has for itself beside refs: capitals, and no slash (gitglossary, "pseudoref").
fn is_pseudoref(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'_')
}

/// So many broken lines of one file are told each by itself: a line can be a byte, and what is told of it a hundred.
const MOST_BROKEN: usize = 1_000;

struct Reader<'a> {
    format: ObjectFormat,
    gaps: &'a mut Vec<Gap>,
    values: BTreeMap<Vec<u8>, RefValue>,
}

impl Reader<'_> {
    fn packed(&mut self, path: &Path) {
        let text = match files::read(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return,
            Err(error) => return self.gaps.push(Gap::unreadable(path, &error)),
        };
        let (mut broken, mut packed) = (0, HashMap::new());
        for (number, line) in ref_files::packed(&text, self.format).enumerate() {
            let what = match line {
                PackedLine::Ref(oid, name) => {
                    // git, which never writes such a file, has others fetch both.
                    match *packed.entry(&text[name]).or_insert(oid) == oid {
                        true => continue,
                        false => "is a second one of its ref, which names something else",
                    }
                }
                PackedLine::Broken => "is no ref",
                PackedLine::Peeled(_) | PackedLine::Nothing => continue,
            };
            broken += 1;
            if broken <= MOST_BROKEN {
                let detail = format!("line {} {what}", number + 1);
                self.gaps.push(Gap::new("broken_ref", path, detail.as_bytes()));
            }
        }
        for (name, oid) in packed {
            // A loose ref is newer than the packed one.
            self.values.entry(name.to_vec()).or_insert(RefValue::Direct(oid));
        }
        if broken > MOST_BROKEN {
            let detail = format!("{} more lines are no refs", broken - MOST_BROKEN);
            self.gaps.push(Gap::new("broken_ref", path, detail.as_bytes()));
        }
    }

    /// The files below `dir`.
    fn loose(&mut self, dir: &Path, prefix: &[u8]) {
        let mut walk = Walk::new(dir, prefix, ref_files::is_part);
        while let Some(files) = walk.next(self.gaps) {
            for (path, name) in files {
                self.file(&path, name);
            }
        }
    }

    fn file(&mut self, path: &Path, name: Vec<u8>) {
        // Before there were symbolic refs there were symbolic links.
        if let Ok(target) = fs::read_link(path)
            && bytes_of(&target).starts_with(b"refs/")
        {
            self.values.insert(name, RefValue::Symbolic(bytes_of(&target)));
            return;
        }
        let text = match ref_files::read_small(path) {
            Ok(text) => text,
            // Deleted or packed since the directory was listed.
            Err(error) if error.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(path).is_err() => return,
            Err(error) => return self.gaps.push(Gap::unreadable(path, &error)),
        };
        match ref_files::value(&text, self.format) {
            Some(value) => _ = self.values.insert(name, value),
            None => self.gaps.push(Gap::named("broken_ref", &name, b"its file holds no object id")),
        }
    }

    /// Reads a HEAD; whether there is one.
    fn head(&mut self, path: &Path, name: &[u8]) -> bool {
        match fs::symlink_metadata(path) {
            Ok(_) => self.file(path, name.to_vec()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return false,
            Err(error) => self.gaps.push(Gap::unreadable(path, &error)),
        }
        true
    }

    /// The refs of a stack of tables; its logs are handed back.
    fn tables(&mut self, dir: &Path, prefix: &[u8]) -> Vec<Reflog> {
        let stack = match Stack::read(dir, self.format) {
            Ok(stack) => stack,
            Err(error) => {
                self.gaps.push(Gap::unreadable(dir, &error));
                return Vec::new();
            }
        };
        for (name, value) in stack.refs {
            // ORIG_HEAD and its like are no refs, and no tips where they are files either.
            let is_ref = name == b"HEAD" || name.starts_with(b"refs/");
            if !is_ref && is_pseudoref(&name) {
                continue;
            }
            if !is_ref {
                self.gaps.push(Gap::named("broken_ref", &[prefix, &name].concat(), b"no ref has such a name"));
            }
            self.values.insert([prefix, &name].concat(), value);
        }
        let mut texts: BTreeMap<Vec<u8>, Vec<u8>> = BTreeMap::new();
        for ((name, _), line) in stack.logs {
            let text = texts.entry([prefix, &name].concat()).or_default();
            text.extend(line.iter().chain(b"\n"));
        }
        texts.into_iter().map(|(name, text)| Reflog { name, text, format: self.format }).collect()
    }

    fn resolve(self) -> Refs {
        let mut refs = Refs::default();
        // The name in the end, of a ref or not; none where there is no end.
        let last = |name: &[u8]| {
            let mut name = name.to_vec();
            for _ in 0..SYMREF_DEPTH {
                match self.values.get(&name) {
                    Some(RefValue::Symbolic(target)) => name = target.clone(),
                    Some(RefValue::Direct(_)) | None => return Some(name),
                }
            }
            None
        };
        let direct = |name: &[u8]| last(name).filter(|name| self.values.contains_key(name));
        let head = direct(b"HEAD");
        for (name, value) in &self.values {
            if let RefValue::Symbolic(branch) = value
                && (name == b"HEAD" || (name.starts_with(b"worktrees/") && name.ends_with(b"/HEAD")))
            {
                refs.branches.insert(name.clone(), last(name).unwrap_or_else(|| branch.clone()));
            }
            match value {
                RefValue::Direct(oid) if oid.is_zero() => {
                    self.gaps.push(Gap::named("broken_ref", name, b"it names the all-zero id"));
                }
                RefValue::Direct(oid) => {
                    let is_head = head.as_deref() == Some(name);
                    refs.tips.push(Tip { name: name.clone(), oid: *oid, is_head });
                }
                RefValue::Symbolic(target) => {
                    let leads_to = direct(name);
                    // A branch that is not born yet: nothing is hidden, but a name can say a key.
                    let unborn = leads_to.is_none().then(|| Symbolic { name: target.clone(), target: None });
                    refs.symbolic.push(Symbolic { name: name.clone(), target: leads_to });
                    refs.symbolic.extend(unborn);
                }
            }
        }
        refs
    }
}

fn read_reflogs(dir: &Path, prefix: &[u8], format: ObjectFormat, gaps: &mut Vec<Gap>, logs: &mut Vec<Reflog>) {
    if !is_dir(dir, gaps) {
        return;
    }
    let mut walk = Walk::new(dir, prefix, |_| true);
    while let Some(files) = walk.next(gaps) {
        for (path, name) in files.into_iter().filter(|(_, name)| !name.ends_with(b".lock")) {
            match files::read(&path) {
                Ok(text) => logs.push(Reflog { name, text, format }),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => gaps.push(Gap::unreadable(&path, &error)),
            }
        }
    }
    logs.sort_by(|a, b| a.name.cmp(&b.name));
}

/// The directories that `objects/info/alternates` of `objects` names, and theirs, each once.
pub(super) fn alternates(objects: &Path, gaps: &mut Vec<Gap>) -> Vec<PathBuf> {
    /// As deep as git goes (`object-file.c`, `link_alt_odb_entries`).
    const DEPTH: usize = 6;
    let mut seen: HashSet<PathBuf> = objects.canonicalize().into_iter().collect();
    let mut found = Vec::new();
    let mut level = vec![objects.to_owned()];
    for _ in 0..DEPTH {
        let mut next = Vec::new();
        for dir in &level {
            let text = match files::read(&dir.join("info/alternates")) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => {
                    gaps.push(Gap::unreadable(&dir.join("info/alternates"), &error));
                    continue;
                }
            };
            for line in text.split(|byte| *byte == b'\n') {
                if line.is_empty() || line.starts_with(b"#") {
                    continue;
                }
                let path = dir.join(path_of(&unquote(line)));
                match path.canonicalize() {
                    Ok(real) if seen.insert(real.clone()) => {
                        found.push(real.clone());
                        next.push(real);
                    }
                    Ok(_) => {}
                    Err(error) => gaps.push(Gap::unreadable(&path, &error)),
                }
            }
        }
        level = next;
    }
    found
}

/// Undoes git's C-style quoting (`quote.c`), which a path with a colon or quote needs.
pub(super) fn unquote(line: &[u8]) -> Vec<u8> {
    let Some(inner) = line.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")) else { return line.to_vec() };
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            plain.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => plain.push(b'\n'),
            Some(b't') => plain.push(b'\t'),
            Some(b'r') => plain.push(b'\r'),
            Some(b'a') => plain.push(7),
            Some(b'b') => plain.push(8),
            Some(b'f') => plain.push(12),
            Some(b'v') => plain.push(11),
            Some(digit @ b'0'..=b'3') => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    if let Some(next) = bytes.next_if(|byte| (b'0'..=b'7').contains(byte)) {
                        value = value * 8 + u32::from(next - b'0');
                    }
                }
                plain.push(value as u8);
            }
            Some(other) => plain.push(other),
            None => plain.push(b'\\'),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_alternates_are_unquoted() {
        assert_eq!(unquote(b"/plain/path"), b"/plain/path");
        assert_eq!(unquote(br#""/co:lon/\"q\"\303\251\n""#), b"/co:lon/\"q\"\xc3\xa9\n");
    }

    #[test]
    fn reflog_positions_count_from_the_newest() {
        let zero = "0".repeat(40);
        let one = "1".repeat(40);
        let text = format!("{zero} {one} A <a@b> 1 +0000\tfirst\n{one} {one} A <a@b> 2 +0000\tsecond\nrubbish\n");
        let log = Reflog { name: b"HEAD".to_vec(), text: text.into_bytes(), format: ObjectFormat::Sha1 };
        let lines: Vec<ReflogLine<'_>> = log.lines().collect();
        assert_eq!(lines.iter().map(|line| line.position).collect::<Vec<_>>(), [0, 1, 2]);
        assert_eq!(log.line_count(), 3);
        assert_eq!(lines[2].old, None);
        assert_eq!(lines[1].old, Oid::from_hex(one.as_bytes()));
        assert_eq!((lines[0].old, lines[0].new), (None, None));
    }

    #[test]
    fn broken_lines_without_end_are_counted_and_not_kept() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("packed-refs");
        let one = "1".repeat(40);
        fs::write(&path, format!("{}{one} refs/heads/main\n", "x\n".repeat(5_000))).unwrap();
        let mut gaps = Vec::new();
        let mut reader = Reader { format: ObjectFormat::Sha1, gaps: &mut gaps, values: BTreeMap::new() };
        reader.packed(&path);
        assert!(reader.values.contains_key(&b"refs/heads/main"[..]));
        assert_eq!(gaps.len(), MOST_BROKEN + 1);
        let last: Vec<String> =
            gaps[MOST_BROKEN - 1..].iter().map(|gap| String::from_utf8_lossy(&gap.detail).into_owned()).collect();
        assert_eq!(last, ["line 1000 is no ref", "4000 more lines are no refs"]);
    }
}
