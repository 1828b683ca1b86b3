//! Deltas as git's `Documentation/gitformat-pack.txt` has them, in the plainest way: what the readers are held against.

/// What a delta makes of its base; `None` where it does not fit it, or makes more than `limit` bytes.
pub(crate) fn apply(base: &[u8], delta: &[u8], limit: u64) -> Option<Vec<u8>> {
    let mut rest = delta.iter().copied();
    if size(&mut rest)? != base.len() as u64 {
        return None;
    }
    let size = size(&mut rest)?;
    if size > limit {
        return None;
    }
    let mut made = Vec::new();
    while let Some(op) = rest.next() {
        if op == 0 {
            return None;
        }
        if op < 0x80 {
            for _ in 0..op {
                made.push(rest.next()?);
            }
        } else {
            let mut numbers = [0u8; 7];
            for (bit, number) in numbers.iter_mut().enumerate() {
                if op >> bit & 1 == 1 {
                    *number = rest.next()?;
                }
            }
            let [a, b, c, d, e, f, g] = numbers;
            let from = u32::from_le_bytes([a, b, c, d]) as usize;
            let length = match u32::from_le_bytes([e, f, g, 0]) as usize {
                0 => 0x10000,
                length => length,
            };
            made.extend_from_slice(base.get(from..from + length)?);
        }
        if made.len() as u64 > size {
            return None;
        }
    }
    (made.len() as u64 == size).then_some(made)
}

/// A size: seven bits a byte, the lowest first; more than 64 bits are none.
fn size(bytes: &mut impl Iterator<Item = u8>) -> Option<u64> {
    let mut size = 0u128;
    for shift in (0..).step_by(7) {
        let byte = bytes.next()?;
        // Whoever writes more digits than any size has does not write a size.
        if shift > 57 {
            return None;
        }
        size |= u128::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    u64::try_from(size).ok()
}
