//! The tips of a served repository, no more of them than a push asks for.
//!
//! That one commit is old takes one ref that reaches it, and mostly that is the ref that is pushed to. So single refs are
//! looked up by name, `packed-refs` is read in one piece, and the loose refs are listed only when everything is needed.

use std::fs;
use std::path::Path;

use rustc_hash::FxHashSet;

use super::locate::{Layout, path_of};
use super::ref_files::{self, PackedLine, Walk, read_small};
use super::reftable::{RefValue, Stack};
use super::{files, refs};
use crate::model::{ObjectFormat, Oid};

/// What existing refs name.
pub struct Tips {
    layout: Layout,
    format: ObjectFormat,
    /// `packed-refs`, or refs of tables written in its form.
    text: Vec<u8>,
    /// Ids in order, each with where the name of its ref stands in the text.
    packed: Vec<(Oid, u32, u32)>,
    /// Where the names stand, in their order: a push may name as many as there are.
    names: Vec<(u32, u32)>,
    is_table: bool,
}

impl Tips {
    /// Reads the refs that stand in one file. Cost: linear in it, some 100 ns a ref.
    pub(super) fn open(layout: &Layout, format: ObjectFormat) -> Self {
        let common = &layout.common_dir;
        let tables = common.join("reftable");
        let is_table = super::has_tables(common);
        let text = if is_table {
            Stack::read(&tables, format).map(|stack| as_packed(&stack)).unwrap_or_default()
        } else {
            files::read(&common.join("packed-refs")).unwrap_or_default()
        };
        let mut packed = parse(&text, format);
        let names = in_order(&packed, &text);
        packed.sort_unstable();
        Self { layout: layout.clone(), format, text, packed, names, is_table }
    }

    /// What a ref names now. A name comes from whoever pushes, and git looks at it only when the hook has said yes: one
    /// that would lead out of the refs, to a file of another repository's, names nothing.
    pub fn value(&self, name: &[u8]) -> Option<Oid> {
        let mut name = name.to_vec();
        for _ in 0..refs::SYMREF_DEPTH {
            if !is_below_refs(&name) {
                return None;
            }
            let path = self.layout.common_dir.join(path_of(&name));
            if self.is_table || !fs::symlink_metadata(&path).is_ok_and(|meta| !meta.is_dir()) {
                return self.packed_value(&name);
            }
            // Where there is a file, what is packed under the same name is out of force, whatever the file says.
            match self.loose(&path)? {
                RefValue::Symbolic(target) => name = target,
                RefValue::Direct(oid) => return Some(oid),
            }
        }
        None
    }

    fn packed_value(&self, name: &[u8]) -> Option<Oid> {
        let at = self.names.partition_point(|at| name_at(&self.text, *at) < name);
        let (start, _) = self.names.get(at).copied().filter(|at| name_at(&self.text, *at) == name)?;
        // A blank stands between.
        let end = (start as usize).checked_sub(1)?;
        Oid::from_hex(self.text.get(end.checked_sub(self.format.raw_len() * 2)?..end)?)
    }

    /// What HEAD names.
    pub fn head(&self) -> Option<Oid> {
        match self.loose(&self.layout.git_dir.join("HEAD"))? {
            RefValue::Symbolic(target) => self.value(&target),
            RefValue::Direct(oid) => Some(oid),
        }
    }

    /// Whether a packed ref that is still in force names it, itself or as what its tag tags. Cost: a search.
    pub fn has_packed(&self, oid: &Oid) -> bool {
        let from = self.packed.partition_point(|row| row.0 < *oid);
        self.packed[from..].iter().take_while(|row| row.0 == *oid).any(|row| {
            // A loose ref of the same name has taken its place, or a lock file says that one is about to: only the former
            // counts.
            let name = name_at(&self.text, (row.1, row.2));
            self.is_table || fs::symlink_metadata(self.layout.common_dir.join(path_of(name))).is_err()
        })
    }

    /// Everything that refs and HEADs name, and what packed tags tag. Cost: a few system calls for each loose ref.
    pub fn all(&self) -> FxHashSet<Oid> {
        let mut found = FxHashSet::default();
        let mut loose_names: FxHashSet<Vec<u8>> = FxHashSet::default();
        if !self.is_table {
            self.list(&self.layout.common_dir.join("refs"), &mut |name, oid| {
                // One that is gone by now was packed, or deleted: it takes no packed one's place.
                let is_there =
                    oid.is_some() || fs::symlink_metadata(self.layout.common_dir.join(path_of(&name))).is_ok();
                found.extend(oid);
                loose_names.extend(is_there.then_some(name));
            });
        }
        // git packs refs before it takes their files away: what was loose at first and was not found is there now.
        let again =
            (!self.is_table).then(|| files::read(&self.layout.common_dir.join("packed-refs")).unwrap_or_default());
        let again = again.filter(|text| *text != self.text).map(|text| (parse(&text, self.format), text));
        let (packed, text) = again.as_ref().map_or((&self.packed, &self.text), |(packed, text)| (packed, text));
        for (oid, start, end) in packed {
            if !loose_names.contains(&text[*start as usize..*end as usize]) {
                found.insert(*oid);
            }
        }
        found.extend(self.head());
        for (_, dir) in refs::worktrees(&self.layout.common_dir, &mut Vec::new()) {
            found.extend(self.direct(&dir.join("HEAD")));
            self.list(&dir.join("refs"), &mut |_, oid| found.extend(oid));
            if let Ok(stack) = Stack::read(&dir.join("reftable"), self.format) {
                found.extend(parse(&as_packed(&stack), self.format).into_iter().map(|row| row.0));
            }
        }
        found
    }

    fn list(&self, dir: &Path, each: &mut dyn FnMut(Vec<u8>, Option<Oid>)) {
        let mut walk = Walk::new(dir, b"refs/", ref_files::is_part);
        // A ref that cannot be listed makes nothing old: what it reaches is looked at once more.
        while let Some(files) = walk.next(&mut Vec::new()) {
            for (path, name) in files {
                each(name, self.direct(&path));
            }
        }
    }

    /// What the file of a ref says.
    fn loose(&self, path: &Path) -> Option<RefValue> {
        ref_files::value(&read_small(path).ok()?, self.format)
    }

    /// The id that the file of a ref names, itself.
    fn direct(&self, path: &Path) -> Option<Oid> {
        match self.loose(path)? {
            RefValue::Direct(oid) => Some(oid),
            RefValue::Symbolic(_) => None,
        }
    }
}

/// Whether a name leads, as a path, to a ref and nowhere else.
fn is_below_refs(name: &[u8]) -> bool {
    let is_part = |part: &[u8]| !part.is_empty() && ref_files::is_part(part);
    name.starts_with(b"refs/") && name.split(|byte| *byte == b'/').all(is_part)
}

/// Ids of a `packed-refs` and where the names stand; a peeled line has the name of the ref before it.
fn parse(text: &[u8], format: ObjectFormat) -> Vec<(Oid, u32, u32)> {
    let mut rows = Vec::with_capacity(text.len() / (format.raw_len() * 2 + 24));
    let mut name = (0, 0);
    for line in ref_files::packed(text, format) {
        let oid = match line {
            PackedLine::Ref(oid, at) => {
                name = (at.start as u32, at.end as u32);
                oid
            }
            PackedLine::Peeled(oid) => oid,
            PackedLine::Nothing | PackedLine::Broken => continue,
        };
        rows.push((oid, name.0, name.1));
    }
    rows
}

fn name_at(text: &[u8], (start, end): (u32, u32)) -> &[u8] {
    &text[start as usize..end as usize]
}

/// Where names stand, in their order. git writes them so, and others may not.
fn in_order(packed: &[(Oid, u32, u32)], text: &[u8]) -> Vec<(u32, u32)> {
    let mut names: Vec<(u32, u32)> = packed.iter().map(|row| (row.1, row.2)).collect();
    // What a tag tags has the name of the tag.
    names.dedup();
    if !names.is_sorted_by_key(|at| name_at(text, *at)) {
        names.sort_by_key(|at| name_at(text, *at));
    }
    names
}

/// The refs of tables in the form of a `packed-refs`. Worktrees apart, symbolic ones name a target that is there too.
fn as_packed(stack: &Stack) -> Vec<u8> {
    let mut text = Vec::new();
    for (name, value) in &stack.refs {
        if let RefValue::Direct(oid) = value {
            text.extend(format!("{oid} ").into_bytes());
            text.extend(name.iter().chain(b"\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ref_that_is_packed_meanwhile_is_not_overlooked() {
        let dir = tempfile::tempdir().unwrap();
        let git_dir = dir.path().to_owned();
        fs::create_dir_all(git_dir.join("refs/heads")).unwrap();
        let one = "1".repeat(40);
        fs::write(git_dir.join("HEAD"), "ref: refs/heads/none\n").unwrap();
        fs::write(git_dir.join("refs/heads/main"), format!("{one}\n")).unwrap();
        let layout = Layout { common_dir: git_dir.clone(), git_dir: git_dir.clone() };
        let tips = Tips::open(&layout, ObjectFormat::Sha1);
        assert_eq!(tips.all(), FxHashSet::from_iter(Oid::from_hex(one.as_bytes())));
        fs::write(git_dir.join("packed-refs"), format!("{one} refs/heads/main\n")).unwrap();
        fs::remove_file(git_dir.join("refs/heads/main")).unwrap();
        assert_eq!(tips.all(), FxHashSet::from_iter(Oid::from_hex(one.as_bytes())));
    }

    #[test]
    fn links_that_lead_back_end_the_walk_and_hide_nothing() {
        //  refs/heads: main, a -> ., b -> ., c -> ../tags; refs/tags: one, above -> ..
        let dir = tempfile::tempdir().unwrap();
        let refs = dir.path().join("refs");
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        for (folder, name, oid) in [("heads", "main", &one), ("tags", "one", &two)] {
            fs::create_dir_all(refs.join(folder)).unwrap();
            fs::write(refs.join(folder).join(name), format!("{oid}\n")).unwrap();
        }
        for (link, target) in [("heads/a", "."), ("heads/b", "."), ("heads/c", "../tags"), ("tags/above", "..")] {
            std::os::unix::fs::symlink(target, refs.join(link)).unwrap();
        }
        let layout = Layout { common_dir: dir.path().to_owned(), git_dir: dir.path().to_owned() };
        let tips = Tips::open(&layout, ObjectFormat::Sha1);
        let mut found = Vec::new();
        tips.list(&refs, &mut |name, oid| found.push((String::from_utf8(name).unwrap(), oid.unwrap().to_string())));
        found.sort();
        assert_eq!(found, [("refs/heads/main".to_owned(), one), ("refs/tags/one".to_owned(), two)]);
    }

    #[test]
    fn a_packed_ref_is_found_by_its_name_in_whatever_order_they_stand() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout { common_dir: dir.path().to_owned(), git_dir: dir.path().to_owned() };
        let id = |digit: usize| digit.to_string().repeat(40);
        for names in
            [["refs/heads/a", "refs/heads/a-b", "refs/tags/t"], ["refs/tags/t", "refs/heads/a-b", "refs/heads/a"]]
        {
            let lines = names.iter().enumerate().map(|(at, name)| format!("{} {name}\n^{}\n", id(at), id(9)));
            fs::write(dir.path().join("packed-refs"), lines.collect::<String>()).unwrap();
            let tips = Tips::open(&layout, ObjectFormat::Sha1);
            for (at, name) in names.iter().enumerate() {
                assert_eq!(tips.value(name.as_bytes()), Oid::from_hex(id(at).as_bytes()), "{name}");
            }
            for name in ["refs/heads", "refs/heads/a-", "refs/heads/b", "refs/tags/t/t", "refs/a"] {
                assert_eq!(tips.value(name.as_bytes()), None, "{name}");
            }
        }
    }

    #[test]
    fn packed_refs_are_read_with_what_their_tags_tag() {
        let (one, two) = ("1".repeat(40), "2".repeat(40));
        let text = format!(
            "# pack-refs with: peeled\n{one} refs/tags/a\n^{two}\nrubbish\n{two} refs/heads/b\n{one} refs/heads/cu"
        );
        let rows = parse(text.as_bytes(), ObjectFormat::Sha1);
        let shown: Vec<(String, &str)> =
            rows.iter().map(|(oid, start, end)| (oid.to_string(), &text[*start as usize..*end as usize])).collect();
        assert_eq!(shown, [(one, "refs/tags/a"), (two.clone(), "refs/tags/a"), (two, "refs/heads/b")]);
    }
}
