//! Reading a repository's own small files, and listing its directories.

use std::fs::{self, DirEntry};
use std::io::{self, Read as _};
use std::path::Path;

use super::Gap;

/// Larger than any real index or packed-refs.
const LARGEST: u64 = 4 << 30;

/// Reads a plain file whole. Anything else, a named pipe above all, would be waited for without end.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if check(path)?.len() > LARGEST {
        return Err(too_large("it"));
    }
    fs::read(path)
}

/// Reads a plain file, that is no link either, of so many bytes at the most.
pub(super) fn read_at_most(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let meta = fs::symlink_metadata(path)?;
    if !meta.is_file() || meta.len() > most {
        return Err(too_large("it"));
    }
    let mut bytes = Vec::new();
    fs::File::open(path)?.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Opens a plain file.
pub(super) fn open(path: &Path) -> io::Result<fs::File> {
    check(path)?;
    fs::File::open(path)
}

fn check(path: &Path) -> io::Result<fs::Metadata> {
    let meta = fs::metadata(path)?;
    if !meta.is_file() {
        return Err(not_plain());
    }
    Ok(meta)
}

/// That something else stands where a file should.
pub(super) fn not_plain() -> io::Error {
    io::Error::other("not a plain file")
}

/// That something of a file is larger than git ever makes it.
pub(super) fn too_large(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("{what} is larger than git makes it"))
}

/// What is in a directory, as far as it can be listed; and what failed, if anything did. An entry that cannot be read
/// must not pass for one that is not there: whoever asks has to look at both.
pub fn list_directory(dir: &Path) -> (Vec<DirEntry>, Option<io::Error>) {
    match fs::read_dir(dir) {
        Ok(entries) => split(entries),
        Err(error) => (Vec::new(), Some(error)),
    }
}

/// What came, and the first thing that failed.
fn split<T>(all: impl Iterator<Item = io::Result<T>>) -> (Vec<T>, Option<io::Error>) {
    let (mut came, mut failed) = (Vec::new(), None);
    for one in all {
        match one {
            Ok(one) => came.push(one),
            Err(error) => _ = failed.get_or_insert(error),
        }
    }
    (came, failed)
}

/// What is in a directory that may not be there, and then has nothing in it. Where it cannot be listed to its end is a
/// gap.
pub(super) fn entries(dir: &Path, gaps: &mut Vec<Gap>) -> Vec<DirEntry> {
    let (entries, failed) = list_directory(dir);
    gaps.extend(gap_of(dir, failed));
    entries
}

fn gap_of(dir: &Path, failed: Option<io::Error>) -> Option<Gap> {
    failed.filter(|error| error.kind() != io::ErrorKind::NotFound).map(|error| Gap::unreadable(dir, &error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listing_that_fails_halfway_is_a_gap_and_the_rest_is_read() {
        // As a network's file system does where its server goes away.
        let stale = || io::Error::from(io::ErrorKind::StaleNetworkFileHandle);
        let (came, failed) = split([Ok(1), Err(stale()), Ok(2), Err(io::Error::other("later"))].into_iter());
        assert_eq!((came, failed.as_ref().map(io::Error::kind)), (vec![1, 2], Some(stale().kind())));
        let gap = gap_of(Path::new("/a/pack"), failed).unwrap();
        assert_eq!((gap.reason, gap.object.as_slice()), ("unreadable", &b"/a/pack"[..]));
        assert_eq!(gap_of(Path::new("/a"), Some(io::ErrorKind::NotFound.into())), None);
    }

    #[test]
    fn a_directory_that_is_not_there_is_empty_and_a_file_in_its_place_is_a_gap() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("file"), "").unwrap();
        let mut gaps = Vec::new();
        let names: Vec<_> = entries(place.path(), &mut gaps).iter().map(DirEntry::file_name).collect();
        assert_eq!(names, ["file"]);
        assert!(entries(&place.path().join("none"), &mut gaps).is_empty() && gaps.is_empty());
        assert!(entries(&place.path().join("file"), &mut gaps).is_empty() && gaps.len() == 1);
    }
}
