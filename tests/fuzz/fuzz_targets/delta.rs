//! A delta and its base: it makes what the format says, within its limit, or is refused; and what it says to have of
//! its base it has.
#![no_main]

use clerk_audit::store::parts;
use libfuzzer_sys::fuzz_target;

#[path = "../../common/reference.rs"]
mod reference;

const LIMIT: u64 = 1 << 16;

fuzz_target!(|data: &[u8]| {
    let [first, second, rest @ ..] = data else { return };
    // Longer than the data, so that there is something to copy: what is copied long enough is told.
    let base: Vec<u8> = (0..usize::from(*first) * 40).map(|at| (at * 7 % 251) as u8).collect();
    let delta = if second & 1 == 0 {
        rest.to_vec()
    } else {
        // The right size of the base, and a size that the rest may well make.
        let sizes = [size(base.len()), size(usize::from(*second) * 16)].concat();
        [&sizes, rest].concat()
    };
    let (mut out, mut copied) = (Vec::new(), Vec::new());
    let made = parts::delta(&base, &delta, LIMIT, &mut out, &mut copied);
    assert!(out.capacity() as u64 <= 2 * LIMIT + 64);
    let expected = reference::apply(&base, &delta, LIMIT);
    assert_eq!(made.is_ok().then_some(&out), expected.as_ref());
    // In place of its base it is the same, or nothing happens.
    let (mut bytes, mut told) = (base.clone(), Vec::new());
    match parts::delta_in_place(&mut bytes, &delta, LIMIT, &mut told) {
        Ok(true) => assert!(Some(&bytes) == expected.as_ref() && told == copied),
        Ok(false) => assert!(bytes == base),
        Err(_) => assert!(bytes == base && expected.is_none()),
    }
    if expected.is_some() {
        let mut end = 0;
        for part in copied {
            assert!(part.to >= end);
            end = part.to + part.length;
            assert_eq!(out[part.to..end], base[part.from..part.from + part.length]);
        }
    }
});

fn size(mut size: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while size > 0x7f {
        bytes.push(0x80 | (size & 0x7f) as u8);
        size >>= 7;
    }
    bytes.push(size as u8);
    bytes
}
