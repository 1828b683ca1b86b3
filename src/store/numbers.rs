//! Numbers as git's binary files write them.

/// Two bytes at a place, the higher first.
pub(super) fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at.checked_add(2)?)?.try_into().ok().map(u16::from_be_bytes)
}

/// Four bytes at a place, the highest first.
pub(super) fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at.checked_add(4)?)?.try_into().ok().map(u32::from_be_bytes)
}

/// The number that `bytes` begin with, in the encoding of offsets in packs (`Documentation/gitformat-pack.txt`), and how
/// many bytes it takes. Indexes and tables of refs write lengths so.
pub(super) fn offset_varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut byte = *bytes.first()?;
    let (mut value, mut used) = (u64::from(byte & 0x7f), 1);
    while byte & 0x80 != 0 {
        byte = *bytes.get(used)?;
        value = value.checked_add(1)?.checked_mul(128)? | u64::from(byte & 0x7f);
        used += 1;
    }
    Some((value, used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_end_where_their_bytes_do() {
        assert_eq!((be16(&[1, 2, 3], 1), be16(&[1, 2, 3], 2), be16(&[], usize::MAX)), (Some(0x203), None, None));
        assert_eq!((be32(&[1, 2, 3, 4], 0), be32(&[1, 2, 3, 4], 1)), (Some(0x102_0304), None));
        assert_eq!(offset_varint(&[5, 9]), Some((5, 1)));
        assert_eq!(offset_varint(&[0x80, 0]), Some((128, 2)), "no number is written in two ways");
        assert_eq!(offset_varint(&[0x80, 0x80, 0]), Some((16_512, 3)));
        assert_eq!((offset_varint(&[0x80]), offset_varint(&[]), offset_varint(&[0xff; 20])), (None, None, None));
    }
}
