//! Long lists, shortened.

use super::wording;

/// The first few of some values, or all, and how many there are besides where there are `total` in all; whether any was
/// left out that is here.
pub(super) fn few(mut values: Vec<String>, total: u64, most: usize) -> (Vec<String>, bool) {
    // One more would take a line as well: then it may as well be told.
    let is_cut = most < usize::MAX && values.len() > most + 1;
    if is_cut {
        values.truncate(most);
    }
    let more = total.saturating_sub(values.len() as u64);
    if more > 0 {
        values.push(format!("and {} more", wording::number(more)));
    }
    (values, is_cut)
}
