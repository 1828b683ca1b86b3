//! A repository in the middle of a push: the quarantine, the permanent store behind it, and the refs as they still are.
//!
//! Opening lists what was pushed and nothing else. git hands the place of each to its hooks in the environment
//! (`Documentation/git-receive-pack.txt`, `tmp-objdir.c`); the command line hands it on as data.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use rustc_hash::FxHashSet;

use super::commit_graph::CommitGraph;
use super::locate::{bytes_of, path_of};
use super::lookup::Lookup;
use super::objects::{ObjectIndex, Objects};
use super::{Error, Failure, Gap, Layout, Tips, Visitor, bulk, list_directory, locate_git_dir, parse, refs};
use crate::model::{Interrupt, ObjectFormat, ObjectType, Oid, RawTime};

/// Where git says that a push is, as its environment variables have it.
#[derive(Clone, Debug, Default)]
pub struct PushPaths {
    /// `GIT_DIR`.
    pub git_dir: PathBuf,
    /// `GIT_OBJECT_DIRECTORY`: the quarantine, where there is one.
    pub object_directory: Option<PathBuf>,
    /// `GIT_QUARANTINE_PATH`: the same; GitLab does not hand it on.
    pub quarantine: Option<PathBuf>,
    /// `GIT_ALTERNATE_OBJECT_DIRECTORIES`.
    pub alternates: Vec<PathBuf>,
    /// `GIT_SHALLOW_FILE`.
    pub shallow_file: Option<PathBuf>,
    /// `GIT_NAMESPACE`.
    pub namespace: Vec<u8>,
}

impl PushPaths {
    /// Reads the variables by `variable`. Without `GIT_DIR` it is the current directory, which is where git runs hooks.
    pub fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let path = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let bytes = |name: &str| variable(name).map(|value| bytes_of(Path::new(&value))).unwrap_or_default();
        Self {
            git_dir: path("GIT_DIR").unwrap_or_else(|| PathBuf::from(".")),
            object_directory: path("GIT_OBJECT_DIRECTORY"),
            quarantine: path("GIT_QUARANTINE_PATH"),
            alternates: path_list(&bytes("GIT_ALTERNATE_OBJECT_DIRECTORIES")),
            shallow_file: path("GIT_SHALLOW_FILE"),
            namespace: bytes("GIT_NAMESPACE"),
        }
    }

    /// The same for hooks that run when the objects are in the store: there is no quarantine, and where `GIT_OBJECT_DIRECTORY`
    /// is set it is the store, or a part of it.
    #[must_use]
    pub fn in_the_store(self) -> Self {
        let alternates = self.object_directory.into_iter().chain(self.alternates).collect();
        Self { object_directory: None, quarantine: None, alternates, ..self }
    }

    /// Whether git says that it took in objects for the push: it never does for one that only deletes refs.
    pub fn has_quarantine(&self) -> bool {
        self.quarantine.is_some()
    }

    /// Where what was pushed lies: one place, unless something has changed one of the variables on their way here.
    fn quarantines(&self, own: &Path) -> Vec<PathBuf> {
        let named = self.quarantine.iter().chain(&self.object_directory).map(|path| real(path));
        let mut places: Vec<PathBuf> = named.filter(|path| path != own).collect();
        places.dedup();
        places
    }

    /// The whole name of a ref that a push calls `name`: standard input leaves the namespace out (`namespace.c`).
    pub fn full_ref_name(&self, name: &[u8]) -> Vec<u8> {
        let mut full = Vec::new();
        for part in self.namespace.split(|byte| *byte == b'/').filter(|part| !part.is_empty()) {
            full.extend_from_slice(b"refs/namespaces/");
            full.extend_from_slice(part);
            full.push(b'/');
        }
        full.extend_from_slice(name);
        full
    }
}

/// Splits a list of paths at colons; a path that has one stands in C quotes (`tmp-objdir.c`, `env_append`).
fn path_list(list: &[u8]) -> Vec<PathBuf> {
    let mut paths = Vec::new();
    let mut rest = list;
    while !rest.is_empty() {
        let end = if rest[0] == b'"' { quoted_end(rest) } else { None };
        let end = end.unwrap_or_else(|| memchr::memchr(b':', rest).unwrap_or(rest.len()));
        let path = refs::unquote(&rest[..end]);
        if !path.is_empty() {
            paths.push(path_of(&path));
        }
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    paths
}

/// Where the quotes that a text begins with are closed again, if a colon or the end follows.
fn quoted_end(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return (text.get(at + 1).is_none_or(|next| *next == b':')).then_some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// A path without links; as it is where it leads nowhere.
fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// That no directory is at a path, or none that anybody could look at.
fn not_a_directory(dir: &Path) -> Option<Gap> {
    match dir.metadata() {
        Ok(meta) if meta.is_dir() => None,
        Ok(_) => Some(Gap::unreadable(dir, &io::ErrorKind::NotADirectory.into())),
        Err(error) => Some(Gap::unreadable(dir, &error)),
    }
}

/// The sizes of the files of an object directory: its packs, and what stands loose two digits below it.
fn stored_bytes(dir: &Path) -> u64 {
    // What fails here fails for those that list its objects, who tell it.
    let files_in = |dir: &Path| list_directory(dir).0.into_iter();
    let files = files_in(dir).flat_map(|entry| files_in(&entry.path()));
    files.filter_map(|entry| entry.metadata().ok()).map(|metadata| metadata.len()).sum()
}

/// What is known of a commit's place in history.
#[derive(Clone, Debug)]
pub struct CommitPlace {
    /// Its parents, those apart at which a shallow repository is cut.
    pub parents: Vec<Oid>,
    /// Committer time in seconds; the beginning of time where none can be read.
    pub time: i64,
    /// Higher than any ancestor's; only a commit-graph tells.
    pub generation: Option<u32>,
    /// Whether the commit-graph has it, and so all of its ancestors.
    pub is_in_graph: bool,
}

/// A repository that is being pushed to.
pub struct Receiving {
    /// Its directories.
    pub layout: Layout,
    /// How its objects are named.
    pub format: ObjectFormat,
    /// Refs as they are before the push.
    pub tips: Tips,
    /// What lies in the quarantine; bases that only complete a thin pack among it.
    pub quarantined: Objects,
    /// Bytes that the quarantine takes as it is stored.
    pub stored_bytes: u64,
    /// What of the quarantine, the alternates or the shallow files could not be read.
    pub gaps: Vec<Gap>,
    is_new: Vec<bool>,
    everything: Lookup,
    graph: Option<CommitGraph>,
    shallow: FxHashSet<Oid>,
}

impl Receiving {
    /// How objects of the repository are named, before anything of it is read.
    ///
    /// # Errors
    /// Where there is no repository.
    pub fn format_of(paths: &PushPaths) -> Result<ObjectFormat, Error> {
        super::format(&locate_git_dir(&paths.git_dir)?, &mut Vec::new())
    }

    /// Opens the repository and lists the quarantine. Cost: linear in the refs of `packed-refs` and in what was pushed.
    ///
    /// # Errors
    /// Where there is no repository.
    pub fn open(paths: &PushPaths) -> Result<Self, Error> {
        let layout = locate_git_dir(&paths.git_dir)?;
        let mut gaps = Vec::new();
        let format = super::format(&layout, &mut gaps)?;
        let own = layout.common_dir.join("objects");
        let mut quarantines = paths.quarantines(&real(&own));
        let mut permanent = Vec::new();
        for dir in std::iter::once(&own).chain(&paths.alternates) {
            permanent.push(real(dir));
            permanent.extend(refs::alternates(dir, &mut Vec::new()));
        }
        let mut seen = FxHashSet::default();
        permanent.retain(|dir| !quarantines.contains(dir) && seen.insert(dir.clone()));
        // One that is named and not there has not nothing in it: what came along lies somewhere else, and was not seen.
        quarantines.retain(|dir| not_a_directory(dir).map(|gap| gaps.push(gap)).is_none());
        let quarantined = match quarantines.as_slice() {
            // A damaged index of what was just received is reason enough to refuse it.
            [dir, more @ ..] => Objects::list(dir, more, (format, false), &mut gaps),
            [] => Objects::list(Path::new("/nonexistent"), &[], (format, false), &mut Vec::new()),
        };
        let stored_bytes = quarantines.iter().map(|dir| stored_bytes(dir)).sum();
        let mut behind = Lookup::new(permanent.clone(), format);
        let is_new = behind.lacks(&quarantined);
        let graph = permanent.iter().find_map(|dir| CommitGraph::open(dir, format));
        let everything = quarantines.into_iter().chain(permanent).collect();
        let shallow_files = paths.shallow_file.iter().cloned().chain([layout.common_dir.join("shallow")]);
        let shallow = shallow_files.flat_map(|file| super::shallow(&file, &mut gaps)).collect();
        Ok(Self {
            tips: Tips::open(&layout, format),
            layout,
            format,
            quarantined,
            stored_bytes,
            gaps,
            is_new,
            everything: Lookup::new(everything, format),
            graph,
            shallow,
        })
    }

    /// Whether the permanent store does not have an object of the quarantine. What it has came along as a base.
    pub fn is_new(&self, index: ObjectIndex) -> bool {
        self.is_new[index as usize]
    }

    /// Whether an id is in the quarantine and not in the permanent store.
    pub fn came_with_push(&self, oid: &Oid) -> bool {
        self.quarantined.find(oid).is_some_and(|index| self.is_new(index))
    }

    /// Reads everything in the quarantine once, along its deltas; what could not be read. `limit`: bytes of the largest
    /// object; `memory`: bytes of objects that are held at once.
    pub fn visit_quarantined<V: Visitor>(
        &self,
        visitors: &mut [V],
        (limit, memory): (u64, u64),
        interrupt: Interrupt<'_>,
    ) -> Vec<(ObjectIndex, Failure)> {
        let pass = bulk::Pass { streams: false, ..bulk::Pass::new(&self.quarantined, (limit, memory), interrupt) };
        pass.run(visitors);
        pass.failures.into_inner().unwrap_or_default()
    }

    /// Reads one object from wherever it is into `out`; `None` where it is nowhere.
    ///
    /// # Errors
    /// Where it is there and cannot be read.
    pub fn read(&mut self, oid: &Oid, limit: u64, out: &mut Vec<u8>) -> Result<Option<ObjectType>, Failure> {
        self.everything.read(oid, limit, out)
    }

    /// Whether an object is anywhere.
    pub fn has(&mut self, oid: &Oid) -> bool {
        self.everything.has(oid)
    }

    /// Whether history is cut at a commit: a parent of it that is not there is not missing.
    pub fn is_shallow(&self, oid: &Oid) -> bool {
        self.shallow.contains(oid)
    }

    /// Puts objects into the order in which they are stored, those in packs first: what is read so is read once, because an
    /// object that others are made of is at hand when they are.
    pub fn sort_as_stored<T>(&mut self, rows: &mut [T], oid_of: impl Fn(&T) -> Oid) {
        rows.sort_by_cached_key(|row| self.everything.stored_at(&oid_of(row)));
    }

    /// The tree of a commit, where the commit-graph has it.
    pub fn tree_in_graph(&self, oid: &Oid) -> Option<Oid> {
        self.graph.as_ref()?.tree_of(oid)
    }

    /// A commit's place in history: by the commit-graph where it has it, else from the commit. `None` where it is no commit
    /// that can be read.
    pub fn place(&mut self, oid: &Oid) -> Option<CommitPlace> {
        /// Larger than any commit but one made to be.
        const LARGEST: u64 = 64 << 20;
        let is_shallow = self.is_shallow(oid);
        let found = self.graph.as_ref().and_then(|graph| graph.find(oid));
        let is_in_graph = found.is_some();
        if let Some(found) = found.filter(|_| !is_shallow) {
            let generation = Some(found.generation).filter(|generation| *generation > 0);
            return Some(CommitPlace { parents: found.parents, time: found.time, generation, is_in_graph });
        }
        let mut bytes = Vec::new();
        match self.read(oid, LARGEST, &mut bytes) {
            Ok(Some(ObjectType::Commit)) => {}
            _ => return None,
        }
        let commit = parse::commit(&bytes, self.format);
        let time = commit.committer.clone().map(|line| parse::ident(&bytes[line]).time.to_vec());
        let time = time.and_then(|time| RawTime::parse(&time)).map_or(i64::MIN, |time| time.seconds);
        let parents = if is_shallow { Vec::new() } else { commit.parents };
        Some(CommitPlace { parents, time, generation: None, is_in_graph })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_paths_are_split_as_git_joins_them() {
        let split = |text: &str| path_list(text.as_bytes());
        assert_eq!(split("/a:/b/c"), [PathBuf::from("/a"), PathBuf::from("/b/c")]);
        assert_eq!(split(r#""/co:lon/o\"q":/b"#), [PathBuf::from("/co:lon/o\"q"), PathBuf::from("/b")]);
        assert_eq!(split("\"/half:/b"), [PathBuf::from("\"/half"), PathBuf::from("/b")]);
        assert_eq!(split(""), Vec::<PathBuf>::new());
        assert_eq!(split(r#"/x:"/\303\251""#), [PathBuf::from("/x"), PathBuf::from("/é")]);
    }

    #[test]
    fn a_namespace_stands_before_each_name() {
        let paths = PushPaths { namespace: b"a/b".to_vec(), ..PushPaths::default() };
        assert_eq!(paths.full_ref_name(b"refs/heads/m"), b"refs/namespaces/a/refs/namespaces/b/refs/heads/m");
        assert_eq!(PushPaths::default().full_ref_name(b"refs/heads/m"), b"refs/heads/m");
    }
}
