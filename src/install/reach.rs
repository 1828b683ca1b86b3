//! Whether somebody can reach a file, by its mode and the modes of the directories that lead to it.
//!
//! git passes over a hook that its user cannot reach, as if there were none, and accepts the push. Root reaches
//! everything: when root asks, only the modes tell how it is for the user that git runs as.

use std::collections::BTreeSet;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What is to be done with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Read,
    Write,
    Execute,
}

/// A user of this host and their groups.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    groups: BTreeSet<u32>,
}

impl User {
    /// The owner of a directory, with its group and those of the host's files.
    pub(super) fn owner_of(directory: &Path) -> Option<Self> {
        let meta = fs::metadata(directory).ok()?;
        let text = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let mut groups = groups_of(meta.uid(), &text("/etc/passwd"), &text("/etc/group"));
        groups.insert(meta.gid());
        Some(Self { uid: meta.uid(), groups })
    }

    /// One who owns nothing and is in no group.
    pub(super) fn anybody() -> Self {
        Self { uid: u32::MAX, groups: BTreeSet::new() }
    }

    /// The first thing on the way to a file that keeps this user from it; the file itself, where the way is open.
    pub(super) fn kept_from(&self, path: &Path, wanted: Use) -> Option<PathBuf> {
        // By links, too: each directory on the way that is written, and each that it leads to.
        let ways = [Some(path.to_owned()), path.canonicalize().ok()];
        for way in ways.iter().flatten() {
            let mut above: Vec<&Path> = way.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()).collect();
            above.reverse();
            let closed = |dir: &&Path| fs::metadata(dir).is_ok_and(|meta| !self.may(&meta, Use::Execute));
            if let Some(closed) = above.into_iter().find(closed) {
                return Some(closed.to_owned());
            }
        }
        fs::metadata(path).is_ok_and(|meta| !self.may(&meta, wanted)).then(|| path.to_owned())
    }

    fn may(&self, meta: &Metadata, wanted: Use) -> bool {
        self.may_by(meta.mode(), meta.uid(), meta.gid(), wanted, meta.is_dir())
    }

    /// The first class that fits decides, as the kernel has it: an owner without a right has none by their group.
    fn may_by(&self, mode: u32, uid: u32, gid: u32, wanted: Use, is_dir: bool) -> bool {
        let bit = match wanted {
            Use::Read => 0o4,
            Use::Write => 0o2,
            Use::Execute => 0o1,
        };
        if self.uid == 0 {
            return is_dir || wanted != Use::Execute || mode & 0o111 != 0;
        }
        let class = if uid == self.uid {
            6
        } else if self.groups.contains(&gid) {
            3
        } else {
            0
        };
        (mode >> class) & bit != 0
    }
}

/// The groups of a user, as the host's files name them. Those of a directory service are not there.
fn groups_of(uid: u32, passwd: &str, group: &str) -> BTreeSet<u32> {
    let mut groups = BTreeSet::new();
    let rows = |text: &str| -> Vec<Vec<String>> {
        text.lines().map(|line| line.split(':').map(str::to_owned).collect()).collect()
    };
    let mut name = None;
    for row in rows(passwd) {
        if let [login, _, number, primary, ..] = row.as_slice()
            && number.parse() == Ok(uid)
        {
            name.get_or_insert_with(|| login.clone());
            groups.extend(primary.parse::<u32>());
        }
    }
    for row in rows(group) {
        if let [_, _, number, members, ..] = row.as_slice()
            && members.split(',').any(|member| Some(member) == name.as_deref())
        {
            groups.extend(number.parse::<u32>());
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn user(uid: u32, groups: &[u32]) -> User {
        User { uid, groups: groups.iter().copied().collect() }
    }

    #[test]
    fn the_first_class_that_fits_decides() {
        let git = user(7, &[70, 71]);
        for (mode, uid, gid, may) in [
            (0o700, 7, 1, true),
            (0o700, 1, 70, false),
            (0o710, 1, 71, true),
            (0o701, 1, 1, true),
            (0o750, 1, 1, false),
            (0o077, 7, 70, false),
            (0o701, 1, 70, false),
        ] {
            assert_eq!(git.may_by(mode, uid, gid, Use::Execute, true), may, "{mode:o} {uid} {gid}");
        }
        assert!(git.may_by(0o640, 1, 70, Use::Read, false) && !git.may_by(0o640, 1, 1, Use::Read, false));
        assert!(git.may_by(0o620, 1, 70, Use::Write, false) && !git.may_by(0o644, 1, 70, Use::Write, false));
        let root = user(0, &[0]);
        assert!(root.may_by(0o400, 7, 7, Use::Write, false));
        assert!(root.may_by(0o000, 7, 7, Use::Execute, true));
        assert!(!root.may_by(0o644, 7, 7, Use::Execute, false));
    }

    #[test]
    fn groups_are_those_of_the_files() {
        let passwd = "root:x:0:0::/:/bin/sh\ngit:x:7:70::/srv:/bin/sh\nnonsense\n";
        let group = "git:x:70:\nweb:x:80:www,git\nother:x:90:gitea\n";
        assert_eq!(groups_of(7, passwd, group), BTreeSet::from([70, 80]));
        assert_eq!(groups_of(8, passwd, group), BTreeSet::new());
    }

    #[test]
    fn what_stands_in_the_way_is_named_behind_links_too() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let (open, closed) = (root.join("open"), root.join("closed"));
        for dir in [&open, &closed] {
            fs::create_dir(dir).unwrap();
        }
        fs::write(closed.join("hook"), "").unwrap();
        fs::set_permissions(closed.join("hook"), fs::Permissions::from_mode(0o755)).unwrap();
        std::os::unix::fs::symlink(closed.join("hook"), open.join("hook")).unwrap();
        let mode = |dir: &Path, mode| fs::set_permissions(dir, fs::Permissions::from_mode(mode)).unwrap();
        mode(&root, 0o755);
        mode(&open, 0o755);
        mode(&closed, 0o755);
        let another = user(u32::MAX - 1, &[]);
        // Above the folder of the test everything is open, or the test says nothing.
        if another.kept_from(&root.join("none"), Use::Execute).is_some() {
            return;
        }
        assert_eq!(another.kept_from(&open.join("hook"), Use::Execute), None);
        mode(&closed, 0o750);
        assert_eq!(another.kept_from(&closed.join("hook"), Use::Execute), Some(closed.clone()));
        assert_eq!(another.kept_from(&open.join("hook"), Use::Execute), Some(closed.clone()));
        mode(&closed, 0o755);
        fs::set_permissions(closed.join("hook"), fs::Permissions::from_mode(0o750)).unwrap();
        assert_eq!(another.kept_from(&closed.join("hook"), Use::Execute), Some(closed.join("hook")));
    }
}
