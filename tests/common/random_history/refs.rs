//! What a random history leaves beside its commits: refs of all kinds, tags, notes, and objects that nothing
//! reaches.

use super::contents::{base64_of, text_with};
use super::{Made, Writer, put};
use crate::common::fixture::objects::{Files, Mode, ObjectType, Oid, Tag};

impl Writer {
    /// Points refs at what was made; what no ref reaches stays as it is.
    pub(super) fn leave_refs(&mut self) {
        for (name, at) in std::mem::take(&mut self.branches) {
            self.repo.set_ref(&name, self.commits[at].id);
            self.branches.push((name, at));
        }
        for number in 0..self.random.usize(..5) {
            self.leave_tag(number);
        }
        for number in 0..self.random.usize(..3) {
            self.leave_other_ref(number);
        }
        if self.one_in(4) {
            self.leave_notes();
        }
        for _ in 0..self.random.usize(..3) {
            self.leave_behind();
        }
    }

    fn any_made(&mut self) -> Option<Made> {
        self.random.choice(&self.commits).cloned()
    }

    fn keyed_blob(&mut self) -> Oid {
        let keys = self.some_keys();
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let content = text_with(&mut self.random, &keys);
        self.repo.blob(content)
    }

    /// A commit, a blob, a tree, or an annotated tag of one of them, or of a tag.
    fn any_target(&mut self) -> (Oid, ObjectType) {
        match (self.random.u8(..8), self.any_made()) {
            (0, _) | (_, None) => (self.keyed_blob(), ObjectType::Blob),
            (1, Some(made)) => (self.repo.tree(&made.files), ObjectType::Tree),
            (2, Some(made)) => {
                let mut files = Files::new();
                let files_of = if self.one_in(2) { &made.files } else { &files.clone() };
                files.clone_from(files_of);
                put(&mut files, b"only/in/a.tree".to_vec(), (Mode::File, self.keyed_blob()));
                (self.repo.tree(&files), ObjectType::Tree)
            }
            (3, _) => {
                let (target, target_type) = self.any_target();
                (self.annotated(target, target_type), ObjectType::Tag)
            }
            (_, Some(made)) => (made.id, ObjectType::Commit),
        }
    }

    fn annotated(&mut self, target: Oid, target_type: ObjectType) -> Oid {
        let mut tagger = self.person();
        if let Some(key) = self.key_in_text(15) {
            tagger.name = format!("Tess {key}").into_bytes();
        }
        let mut message = String::from("a release\n");
        if let Some(key) = self.key_in(3) {
            message.push_str(&format!("\nsigned with {key}\n"));
        }
        if let Some(key) = self.key_in(10) {
            message.push_str(&format!("{}\n", base64_of(&mut self.random, &key)));
        }
        let name = self.key_in_text(15).map_or_else(|| "v1".into(), |key| format!("v1-{key}"));
        let tagger = (!self.one_in(10)).then_some(tagger);
        self.repo.tag(&Tag { target, target_type, name, tagger, message: message.into_bytes() })
    }

    fn leave_tag(&mut self, number: usize) {
        let (target, target_type) = self.any_target();
        let id = if self.random.bool() { self.annotated(target, target_type) } else { target };
        let key = self.key_in_text(20).map_or_else(String::new, |key| format!("-{key}"));
        self.repo.set_ref(&format!("refs/tags/v{number}{key}"), id);
    }

    fn leave_other_ref(&mut self, number: usize) {
        let key = self.key_in_text(20).map_or_else(String::new, |key| format!("{key}/"));
        let kinds = [
            "pull/9/merge",
            "merge-requests/7/head",
            "keep-around/0a1b",
            "stash",
            "changes/01/1/2",
            "replace",
            "remotes/up/main",
            "custom",
        ];
        let kind = self.random.usize(..kinds.len());
        if kinds[kind] == "replace" {
            // A decoy: git itself would show one commit in place of the other.
            if let (Some(made), Some(other)) = (self.any_made(), self.any_made()) {
                self.repo.set_ref(&format!("refs/replace/{}", made.id), other.id);
            }
            return;
        }
        let (target, _) = self.any_target();
        match kinds[kind] {
            "stash" => self.repo.set_ref("refs/stash", target),
            kind => self.repo.set_ref(&format!("refs/{kind}{number}/{key}x"), target),
        }
    }

    /// Notes on commits, in a history of their own or on top of one that others reach.
    fn leave_notes(&mut self) {
        let mut parents = Vec::new();
        if self.one_in(4) {
            parents.extend(self.any_made().map(|_| self.any_commit()));
        }
        let mut files = Files::new();
        for _ in 0..self.random.usize(1..4) {
            let path = match self.any_made() {
                Some(made) => made.id.to_string().into_bytes(),
                None => b"0a/1b".to_vec(),
            };
            let blob = self.keyed_blob();
            put(&mut files, path, (Mode::File, blob));
            let made = self.make(files.clone(), parents);
            parents = vec![made];
        }
        let name = *self.random.choice(&["commits", "review", "a/b"]).expect("one of them");
        self.repo.set_ref(&format!("refs/notes/{name}"), self.commits[parents[0]].id);
    }

    /// An object that no ref reaches.
    fn leave_behind(&mut self) {
        match self.random.u8(..4) {
            0 => {
                self.keyed_blob();
            }
            1 => {
                let mut files = Files::new();
                let blob = self.keyed_blob();
                let name = self.key_in(2).map_or_else(|| "left.txt".into(), |key| format!("left-{key}"));
                put(&mut files, name.into_bytes(), (Mode::File, blob));
                self.repo.tree(&files);
            }
            2 => {
                let (target, target_type) = self.any_target();
                self.annotated(target, target_type);
            }
            _ => {
                let files = self.changed(Files::new());
                self.make(files, Vec::new());
            }
        }
    }

    /// What belongs to a work tree: HEAD, the index, another work tree; and a symbolic ref, grafts.
    pub(super) fn leave_worktree_state(&mut self) {
        let bare = self.repo.git_directory() == self.repo.path();
        let heads: Vec<String> =
            self.branches.iter().map(|(name, _)| name.clone()).filter(|name| name.starts_with("refs/heads/")).collect();
        match (self.random.u8(..4), self.any_made()) {
            (0, Some(made)) => {
                self.repo.git(&["update-ref", "--no-deref", "HEAD", &made.id.to_string()]);
            }
            (1..=2, _) => {
                if let Some(name) = self.random.choice(&heads).cloned() {
                    self.repo.git(&["symbolic-ref", "HEAD", &name]);
                }
            }
            _ => {}
        }
        let remote = self.branches.iter().find(|(name, _)| name.starts_with("refs/remotes/origin/")).cloned();
        if let Some((name, _)) = remote {
            self.repo.git(&["symbolic-ref", "refs/remotes/origin/HEAD", &name]);
        }
        if !bare {
            while self.one_in(2) {
                self.stage();
            }
        }
        if self.one_in(15) {
            self.add_worktree();
        }
        if self.one_in(15) {
            self.write_grafts();
        }
    }

    /// Stages a file: a new one or one that a commit has, at a path of its own or at one that a commit has.
    fn stage(&mut self) {
        let made = self.any_made().map(|made| made.files).unwrap_or_default();
        let is_file = |mode: &Mode| matches!(mode, Mode::File | Mode::Executable);
        let files: Vec<Oid> = made.values().filter(|(mode, _)| is_file(mode)).map(|(_, blob)| *blob).collect();
        let blob = self.random.choice(&files).copied().filter(|_| self.random.bool());
        let blob = blob.unwrap_or_else(|| self.keyed_blob());
        // Names that git stages on every system.
        let is_plain = |path: &&str| path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte));
        let paths: Vec<&str> = made.keys().filter_map(|path| std::str::from_utf8(path).ok()).filter(is_plain).collect();
        let path = self.random.choice(&paths).copied().filter(|_| self.random.bool()).unwrap_or("staged.txt");
        self.repo.git(&["update-index", "--add", "--replace", "--cacheinfo", &format!("100644,{blob},{path}")]);
    }

    fn add_worktree(&mut self) {
        let Some(made) = self.any_made() else { return };
        let folder = self.repo.beside("second");
        let folder = folder.to_str().expect("a plain path");
        let commit = made.id.to_string();
        self.repo.git(&["worktree", "add", "--quiet", "--no-checkout", "--detach", folder, &commit]);
    }

    /// Grafts would make a commit a root, and hide what is behind it.
    fn write_grafts(&mut self) {
        let Some(made) = self.any_made() else { return };
        let info = self.repo.git_directory().join("info");
        std::fs::create_dir_all(&info).expect("making a folder");
        std::fs::write(info.join("grafts"), format!("{}\n", made.id)).expect("writing grafts");
    }
}
