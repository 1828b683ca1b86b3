//! Tables of refs made block by block (git's `Documentation/technical/reftable.txt`): what git itself would never write.

/// A table of blocks: the type of each (`r` of refs, `g` of logs) and its records. No block is padded, none says where
/// restarts are, and nobody reads the footer.
pub(crate) fn table(blocks: &[(u8, &[u8])], deflate: &mut dyn FnMut(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let mut table = b"REFT\x01\0\0\0".to_vec();
    table.extend([0; 16]);
    for (at, (kind, records)) in blocks.iter().enumerate() {
        // The first block's length counts the header, as if it began the block.
        let header = if at == 0 { table.len() } else { 0 };
        let length = header + 4 + records.len() + 2;
        table.push(*kind);
        table.extend_from_slice(&(length as u32).to_be_bytes()[1..]);
        let rest = [records, &[0, 0][..]].concat();
        table.extend(if *kind == b'g' { deflate(&rest) } else { rest });
    }
    table.extend([0; 68]);
    table
}
