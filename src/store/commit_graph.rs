//! The commit-graph: parents, times and generations of commits without inflating any.
//!
//! Format: git's `Documentation/gitformat-commit-graph.txt`, one file or a chain of them. It is a cache that the server
//! keeps of its own commits; what is not in it is read from the object.

use std::path::Path;

use super::table::{IdTable, TableFile, chunks};
use super::{files, locate};
use crate::model::{ObjectFormat, Oid};

/// What the graph says of a commit.
#[derive(Clone, Debug)]
pub(super) struct GraphCommit {
    pub(super) parents: Vec<Oid>,
    /// Committer time, seconds.
    pub(super) time: i64,
    /// One more than the highest of its parents'; 0 where it was never computed.
    pub(super) generation: u32,
}

/// The layers, the oldest first.
pub(super) struct CommitGraph {
    layers: Vec<Layer>,
    hash: usize,
}

struct Layer {
    file: TableFile,
    table: IdTable,
    data: u64,
    edges: Option<u64>,
    /// How many commits the layers below have.
    below: u32,
}

/// Stands in the place of a parent that is not.
const NONE: u32 = 0x7000_0000;
const LAST: u32 = 0x8000_0000;

impl CommitGraph {
    /// Opens the commit-graph in an object directory; `None` where there is none that can be read whole.
    pub(super) fn open(objects: &Path, format: ObjectFormat) -> Option<Self> {
        let info = objects.join("info");
        let mut graph = Self { layers: Vec::new(), hash: format.raw_len() };
        if graph.add(&info.join("commit-graph")).is_some() {
            return Some(graph);
        }
        let chain = files::read(&info.join("commit-graphs/commit-graph-chain")).ok()?;
        for line in chain.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            Oid::from_hex(line)?;
            let name = locate::path_of(&[b"graph-", line, b".graph"].concat());
            graph.add(&info.join("commit-graphs").join(name))?;
        }
        (!graph.layers.is_empty()).then_some(graph)
    }

    fn add(&mut self, path: &Path) -> Option<()> {
        let file = TableFile::open(path)?;
        let header: [u8; 8] = file.array(0)?;
        let hash_version = if self.hash == 20 { 1 } else { 2 };
        if &header[..5] != b"CGPH\x01" || header[5] != hash_version || usize::from(header[7]) != self.layers.len() {
            return None;
        }
        let chunks = chunks(&file, 8, header[6].checked_add(1)?)?;
        let at = |name: &[u8; 4]| chunks.iter().find(|chunk| &chunk.0 == name).map(|chunk| chunk.1);
        let table = IdTable::read(&file, at(b"OIDF")?, at(b"OIDL")?, self.hash, 0)?;
        let below = self.layers.last().map_or(Some(0), |layer| layer.below.checked_add(layer.table.len()))?;
        self.layers.push(Layer { data: at(b"CDAT")?, edges: at(b"EDGE"), file, table, below });
        Some(())
    }

    /// The layer that has a commit, and where its row begins.
    fn row(&self, oid: &Oid) -> Option<(&Layer, u64)> {
        let (layer, row) =
            self.layers.iter().rev().find_map(|layer| Some((layer, layer.table.find(&layer.file, oid)?)))?;
        Some((layer, layer.data.checked_add(u64::from(row) * (self.hash as u64 + 16))?))
    }

    /// The tree of a commit. Cost: two small reads.
    pub(super) fn tree_of(&self, oid: &Oid) -> Option<Oid> {
        let (layer, at) = self.row(oid)?;
        let mut buffer = Vec::new();
        Oid::from_bytes(layer.file.part(at, self.hash, &mut buffer)?)
    }

    /// What is known of a commit. Cost: three small reads.
    pub(super) fn find(&self, oid: &Oid) -> Option<GraphCommit> {
        let (layer, at) = self.row(oid)?;
        let bytes: [u8; 16] = layer.file.array(at.checked_add(self.hash as u64)?)?;
        let word = |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        let (first, second, high, low) = (word(0), word(4), word(8), word(12));
        let mut parents = Vec::new();
        if first != NONE {
            parents.push(self.id(first)?);
        }
        if second & LAST != 0 {
            let mut edge = second & !LAST;
            loop {
                let value = layer.file.be32(layer.edges?.checked_add(u64::from(edge) * 4)?)?;
                parents.push(self.id(value & !LAST)?);
                if value & LAST != 0 {
                    break;
                }
                edge = edge.checked_add(1)?;
            }
        } else if second != NONE {
            parents.push(self.id(second)?);
        }
        let time = (i64::from(high & 3) << 32) | i64::from(low);
        Some(GraphCommit { parents, time, generation: high >> 2 })
    }

    fn id(&self, position: u32) -> Option<Oid> {
        let layer = self.layers.iter().rev().find(|layer| layer.below <= position)?;
        layer.table.id_of(&layer.file, position - layer.below, self.hash)
    }
}
