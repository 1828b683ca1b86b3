//! Writing a repository: all that the demonstration needs, by libgit2; and single objects, of either format, by hand.

use std::io::{self, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use sha2::{Digest as _, Sha256};

use git2::{Commit, Oid, Repository, Signature, Time};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::model::{self, ObjectFormat, ObjectType};

/// Why a repository could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// libgit2 refused.
    #[error("{0}")]
    Git(#[from] git2::Error),
    /// A time is not RFC 3339.
    #[error("{0}")]
    Time(#[from] time::error::Parse),
}

/// Writes an object loose into an object directory, as git does; its id.
///
/// # Errors
/// Where it cannot be written.
pub fn write_loose(directory: &Path, format: ObjectFormat, kind: ObjectType, bytes: &[u8]) -> io::Result<model::Oid> {
    let mut whole = format!("{} {}\0", kind.name(), bytes.len()).into_bytes();
    whole.extend_from_slice(bytes);
    let id = match format {
        ObjectFormat::Sha256 => Sha256::digest(&whole).to_vec(),
        ObjectFormat::Sha1 => {
            let kind = git2::ObjectType::from_str(kind.name()).unwrap_or(git2::ObjectType::Blob);
            Oid::hash_object(kind, bytes).map_err(io::Error::other)?.as_bytes().to_vec()
        }
    };
    let oid = model::Oid::from_bytes(&id).ok_or_else(|| io::Error::other("a hash of another length"))?;
    let name = oid.to_string();
    let folder = directory.join(&name[..2]);
    std::fs::create_dir_all(&folder)?;
    let mut file = ZlibEncoder::new(std::fs::File::create(folder.join(&name[2..]))?, Compression::fast());
    file.write_all(&whole)?;
    file.finish()?;
    Ok(oid)
}

/// A commit that was written.
#[derive(Clone, Copy, Debug)]
pub struct Written(Oid);

/// A new repository.
pub struct Writer {
    repository: Repository,
}

type Person<'a> = (&'a str, &'a str);

impl Writer {
    /// Makes an empty repository whose HEAD names `main`.
    ///
    /// # Errors
    /// Where libgit2 cannot.
    pub fn init(path: &Path) -> Result<Self, WriteError> {
        let repository = Repository::init(path)?;
        repository.set_head("refs/heads/main")?;
        Ok(Self { repository })
    }

    /// Writes a commit of these files, by one person at one time.
    ///
    /// # Errors
    /// Where libgit2 cannot.
    pub fn commit(
        &mut self,
        who: Person<'_>,
        when: &str,
        message: &str,
        files: &[(&str, String)],
        parents: &[Written],
    ) -> Result<Written, WriteError> {
        let mut index = git2::Index::new()?;
        for (path, content) in files {
            index.add(&git2::IndexEntry {
                ctime: git2::IndexTime::new(0, 0),
                mtime: git2::IndexTime::new(0, 0),
                dev: 0,
                ino: 0,
                mode: 0o100_644,
                uid: 0,
                gid: 0,
                file_size: 0,
                id: self.repository.blob(content.as_bytes())?,
                flags: 0,
                flags_extended: 0,
                path: path.as_bytes().to_vec(),
            })?;
        }
        let tree = self.repository.find_tree(index.write_tree_to(&self.repository)?)?;
        let parents = parents.iter().map(|parent| self.repository.find_commit(parent.0));
        let parents: Vec<Commit<'_>> = parents.collect::<Result<_, _>>()?;
        let parents: Vec<&Commit<'_>> = parents.iter().collect();
        let signature = signature(who, when)?;
        Ok(Written(self.repository.commit(None, &signature, &signature, message, &tree, &parents)?))
    }

    /// Makes a branch.
    ///
    /// # Errors
    /// Where libgit2 cannot.
    pub fn branch(&self, name: &str, at: Written) -> Result<(), WriteError> {
        self.repository.reference(&format!("refs/heads/{name}"), at.0, true, "made")?;
        Ok(())
    }

    /// Makes an annotated tag.
    ///
    /// # Errors
    /// Where libgit2 cannot.
    pub fn tag(&self, name: &str, at: Written, who: Person<'_>, when: &str, message: &str) -> Result<(), WriteError> {
        let target = self.repository.find_object(at.0, None)?;
        self.repository.tag(name, &target, &signature(who, when)?, message, true)?;
        Ok(())
    }
}

fn signature((name, email): Person<'_>, when: &str) -> Result<Signature<'static>, WriteError> {
    let when = OffsetDateTime::parse(when, &Rfc3339)?;
    let time = Time::new(when.unix_timestamp(), i32::from(when.offset().whole_minutes()));
    Ok(Signature::new(name, email, &time)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loose_object_has_gits_name_and_can_be_read() {
        let dir = tempfile::tempdir().unwrap();
        // As `echo hello | git hash-object --stdin` says, of each format.
        for (format, name) in [
            (ObjectFormat::Sha1, "ce013625030ba8dba906f756967f9e9ca394464a"),
            (ObjectFormat::Sha256, "2cf8d83d9ee29543b34a87727421fdecb7e3f3a183d337639025de576db9ebb4"),
        ] {
            let oid = write_loose(dir.path(), format, ObjectType::Blob, b"hello\n").unwrap();
            assert_eq!(oid.to_string(), name);
            let mut bytes = Vec::new();
            let read = crate::store::loose::read(
                dir.path(),
                oid,
                100,
                &mut crate::store::inflate::Inflater::new(),
                &mut bytes,
            );
            assert_eq!((read.unwrap(), bytes.as_slice()), (ObjectType::Blob, &b"hello\n"[..]));
        }
    }
}
