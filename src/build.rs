//! Names the sources that this program is built from, so that what one build remembers of a repository is not taken
//! for what another would find: `CLERK_AUDIT_SOURCES`, a hash over every file of `src` and the versions of all
//! dependencies.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    // The whole of `src`: what decides a finding is in most of its rooms, and a list of them could fall behind.
    println!("cargo::rerun-if-changed=src");
    println!("cargo::rerun-if-changed=Cargo.lock");
    let mut files = Vec::new();
    let mut pending = vec![PathBuf::from("src")];
    while let Some(folder) = pending.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                pending.push(path);
            } else {
                files.push(path);
            }
        }
    }
    // A decoder of another version may read another content. A package that is built as a dependency has no lock.
    files.extend(Some(PathBuf::from("Cargo.lock")).filter(|lock| lock.exists()));
    files.sort();
    let mut hash = Fnv::default();
    for path in &files {
        hash.add(name_of(path).as_bytes());
        hash.add(&fs::read(path)?);
    }
    println!("cargo::rustc-env=CLERK_AUDIT_SOURCES={:032x}", hash.0);
    Ok(())
}

/// Of a path, what is the same on every machine.
fn name_of(path: &Path) -> String {
    path.components().map(|part| part.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// FNV-1a of 128 bits: nobody chooses sources so that two are alike, and it is a few lines.
struct Fnv(u128);

impl Default for Fnv {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d)
    }
}

impl Fnv {
    /// Its length first, so that no two lists of parts are one text.
    fn add(&mut self, part: &[u8]) {
        for byte in (part.len() as u64).to_le_bytes().iter().chain(part) {
            self.0 = (self.0 ^ u128::from(*byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b);
        }
    }
}
