//! Reading a repository's own small files.

use std::fs;
use std::io;
use std::path::Path;

/// Larger than any real index or packed-refs.
const LARGEST: u64 = 4 << 30;

/// Reads a plain file whole. Anything else, a named pipe above all, would be waited for without end.
pub(super) fn read(path: &Path) -> io::Result<Vec<u8>> {
    if check(path)?.len() > LARGEST {
        return Err(too_large("it"));
    }
    fs::read(path)
}

/// Opens a plain file.
pub(super) fn open(path: &Path) -> io::Result<fs::File> {
    check(path)?;
    fs::File::open(path)
}

fn check(path: &Path) -> io::Result<fs::Metadata> {
    let meta = fs::metadata(path)?;
    if !meta.is_file() {
        return Err(io::Error::other("not a plain file"));
    }
    Ok(meta)
}

/// That something of a file is larger than git ever makes it.
pub(super) fn too_large(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("{what} is larger than git makes it"))
}
