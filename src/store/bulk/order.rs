//! Where objects stand in a pack, and sorting by that.

use crate::store::objects::ObjectIndex;
use crate::store::starts::Starts;

/// Where an object stands in a pack.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Place {
    pub(super) offset: u64,
    pub(super) index: ObjectIndex,
    /// The CRC32 of the entry, where the pack's index has checksums.
    pub(super) checksum: u32,
}

/// Puts places in the order of their offsets, and of their objects where those are alike. Cost: two looks at each where
/// they stand as far apart as entries do; comparing takes ten times as long for half a million.
pub(super) fn by_offset(places: &mut Vec<Place>) {
    /// With fewer there is nothing to gain.
    const FEW: usize = 1 << 12;
    if places.len() < FEW {
        places.sort_unstable();
        return;
    }
    match Starts::of(places.len(), places.iter().map(|place| place.offset)) {
        Some(starts) => {
            let ranks = starts.ranked();
            let mut ordered = vec![Place::default(); places.len()];
            places.iter().for_each(|place| ordered[ranks.of(place.offset)] = *place);
            *places = ordered;
        }
        None => by_digits(places),
    }
}

/// The same for places anywhere: a look at each for eleven bits of the largest offset.
fn by_digits(places: &mut Vec<Place>) {
    const BITS: u32 = 11;
    let largest = places.iter().map(|place| place.offset).max().unwrap_or_default();
    let mut other = vec![Place::default(); places.len()];
    for shift in (0..u64::BITS - largest.leading_zeros()).step_by(BITS as usize) {
        let digit = |place: &Place| (place.offset >> shift) as usize & ((1 << BITS) - 1);
        let mut next = [0usize; 1 << BITS];
        places.iter().for_each(|place| next[digit(place)] += 1);
        let mut from = 0;
        next.iter_mut().for_each(|count| from += std::mem::replace(count, from));
        for place in &*places {
            let at = &mut next[digit(place)];
            other[*at] = *place;
            *at += 1;
        }
        std::mem::swap(places, &mut other);
    }
    // Two objects at one offset are somebody's forgery, or one object's two names.
    places
        .chunk_by_mut(|one, next| one.offset == next.offset)
        .filter(|alike| alike.len() > 1)
        .for_each(<[_]>::sort_unstable);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_in_the_order_of_their_offsets() {
        let seed = fastrand::u64(..);
        println!("seed {seed}");
        let mut random = fastrand::Rng::with_seed(seed);
        for bits in [0, 3, 10, 11, 12, 22, 33, 40, 64] {
            let below = u64::MAX.checked_shr(64 - bits).unwrap_or(0);
            let mut place =
                || Place { offset: random.u64(..) & below, index: random.u32(..50), checksum: random.u32(..) };
            let mut places: Vec<Place> = (0..9000).map(|_| place()).collect();
            let mut expected = places.clone();
            expected.sort_unstable();
            by_offset(&mut places);
            assert_eq!(places, expected, "seed {seed}, {bits} bits");
        }
        // As far apart as entries, and in the order of their ids, which is none.
        let mut offset = 12;
        let mut place = |index| {
            offset += random.u64(8..400);
            Place { offset, index, checksum: 0 }
        };
        let expected: Vec<Place> = (0..9000).map(&mut place).collect();
        let mut places = expected.clone();
        random.shuffle(&mut places);
        by_offset(&mut places);
        assert_eq!(places, expected, "seed {seed}");
    }
}
