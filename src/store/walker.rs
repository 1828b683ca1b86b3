//! The reference reader: libgit2, asked for one object after another.
//!
//! It reads what is packed, in sound packs. Loose objects it is never asked for (a truncated one hangs libgit2 1.9.7),
//! nor objects that stand in a cycle of deltas (it follows one until memory ends) or in several places (one may be damaged,
//! or lead into such a cycle), nor what is made of those. The tests hold the bulk reader against it.

use git2::Odb;

use super::objects::{ObjectIndex, Objects};
use super::{Failure, Visitor, bulk::Pass};
use crate::model::{ObjectFormat, ObjectType};

/// libgit2's object database over the same directories.
pub(super) struct Walker {
    odb: Odb<'static>,
}

impl Walker {
    /// Opens the object directories of `objects` with libgit2; `None` where it cannot (SHA-256, a path that is not
    /// UTF-8).
    pub(super) fn open(objects: &Objects) -> Option<Self> {
        if objects.format != ObjectFormat::Sha1 {
            return None;
        }
        // Ids are not secrets' guards here: hashing every object again would cost more than all the rest.
        git2::opts::strict_hash_verification(false);
        let odb = Odb::new().ok()?;
        for dir in &objects.loose_dirs {
            odb.add_disk_alternate(dir.to_str()?).ok()?;
        }
        Some(Self { odb })
    }

    /// Reads one packed object.
    fn read(&self, objects: &Objects, index: ObjectIndex, out: &mut Vec<u8>) -> Result<ObjectType, Failure> {
        let oid =
            git2::Oid::from_bytes(objects.oid(index).as_bytes()).map_err(|_| Failure::Corrupt("its id is odd"))?;
        let object = self.odb.read(oid).map_err(|_| Failure::Corrupt("libgit2 cannot read it"))?;
        let kind = match object.kind() {
            git2::ObjectType::Blob => ObjectType::Blob,
            git2::ObjectType::Tree => ObjectType::Tree,
            git2::ObjectType::Commit => ObjectType::Commit,
            git2::ObjectType::Tag => ObjectType::Tag,
            git2::ObjectType::Any => return Err(Failure::Corrupt("libgit2 knows no type for it")),
        };
        out.clear();
        out.extend_from_slice(object.data());
        Ok(kind)
    }

    fn size(&self, objects: &Objects, index: ObjectIndex) -> Option<u64> {
        let oid = git2::Oid::from_bytes(objects.oid(index).as_bytes()).ok()?;
        self.odb.read_header(oid).ok().map(|(size, _)| size as u64)
    }

    /// Visits every packed object that `seen` does not have yet, in pack order, on the calling thread.
    pub(super) fn visit_packed<V: Visitor>(&self, pass: &Pass<'_>, visitor: &mut V) {
        let mut bytes = Vec::new();
        for index in pass.resolvable() {
            if pass.interrupt.is_set() {
                return;
            }
            // What is not held whole is left to the other reader.
            if self.size(pass.objects, index).is_some_and(|size| size <= pass.limit && !pass.is_streamed(size))
                && let Ok(kind) = self.read(pass.objects, index, &mut bytes)
            {
                pass.visit(visitor, index, kind, &bytes, None);
            }
        }
    }
}
