/// Whether git takes a file for binary (`buffer_is_binary`), and git filter-repo after it: what is no text keeps its length where
/// something is written over in it.
pub fn is_binary(bytes: &[u8]) -> bool {
    const LOOKED_AT: usize = 8192;
    bytes[..bytes.len().min(LOOKED_AT)].contains(&0)
}
