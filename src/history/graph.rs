//! What names what: trees their entries, commits their tree and parents, tags their target.

use super::Bits;

/// In the place of a link that is not there.
pub const NONE: u32 = u32::MAX;

/// What an object is, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeKind {
    /// It is named and was not read.
    #[default]
    Absent,
    /// A blob.
    Blob,
    /// A tree.
    Tree,
    /// A commit; its first link is its tree, the others its parents in order.
    Commit,
    /// A tag; its one link is its target.
    Tag,
}

/// All objects and their links. Memory: five bytes an object and four a link.
#[derive(Clone, Debug, Default)]
pub struct Graph {
    kinds: Vec<NodeKind>,
    first: Vec<u32>,
    links: Vec<u32>,
}

impl Graph {
    /// A graph of `count` objects, from each one's kind and links in any order.
    pub fn new<'a>(count: usize, rows: impl Iterator<Item = (u32, NodeKind, &'a [u32])> + Clone) -> Self {
        let mut kinds = vec![NodeKind::Absent; count];
        let mut first = vec![0u32; count + 1];
        for (object, kind, links) in rows.clone() {
            kinds[object as usize] = kind;
            first[object as usize + 1] = links.len() as u32;
        }
        for at in 0..count {
            first[at + 1] += first[at];
        }
        let mut all = vec![NONE; first[count] as usize];
        for (object, _, links) in rows {
            let from = first[object as usize] as usize;
            all[from..from + links.len()].copy_from_slice(links);
        }
        Self { kinds, first, links: all }
    }

    /// How many objects.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kinds.is_empty()
    }

    /// What an object is.
    pub fn kind(&self, object: u32) -> NodeKind {
        self.kinds[object as usize]
    }

    /// What it names.
    pub fn links(&self, object: u32) -> &[u32] {
        let object = object as usize;
        &self.links[self.first[object] as usize..self.first[object + 1] as usize]
    }

    /// Adds to `reached` all that `roots` reach; objects already there are not followed again. Each new one is told.
    pub fn reach(&self, roots: impl IntoIterator<Item = u32>, reached: &mut Bits, mut each: impl FnMut(u32)) {
        let mut pending: Vec<u32> = Vec::new();
        for root in roots {
            if reached.insert(root) {
                each(root);
                pending.push(root);
            }
            while let Some(object) = pending.pop() {
                for &link in self.links(object) {
                    if link != NONE && reached.insert(link) {
                        each(link);
                        pending.push(link);
                    }
                }
            }
        }
    }

    /// The trees that are among `targets` or lead to one of them.
    pub fn trees_leading_to(&self, targets: &Bits) -> Bits {
        let mut leads = Bits::new(self.len());
        if targets.is_empty() {
            return leads;
        }
        let mut done = Bits::new(self.len());
        let mut stack: Vec<(u32, usize)> = Vec::new();
        for root in 0..self.len() as u32 {
            if self.kind(root) == NodeKind::Tree && done.insert(root) {
                stack.push((root, 0));
            }
            while let Some((tree, at)) = stack.last_mut() {
                let tree = *tree;
                let Some(&link) = self.links(tree).get(*at) else {
                    stack.pop();
                    if targets.has(tree) {
                        leads.insert(tree);
                    }
                    // The one above looks at its links again once it is finished.
                    if leads.has(tree)
                        && let Some((above, _)) = stack.last()
                    {
                        leads.insert(*above);
                    }
                    continue;
                };
                *at += 1;
                if link == NONE {
                    continue;
                }
                if targets.has(link) || leads.has(link) {
                    leads.insert(tree);
                }
                if self.kind(link) == NodeKind::Tree && done.insert(link) {
                    stack.push((link, 0));
                }
            }
        }
        leads
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_a_target_is_found_and_only_that() {
        // 0 -> 1 -> 2 (blob), 0 -> 3 -> 4 (blob), 5 -> 3, 6 -> 1
        let rows: &[(u32, NodeKind, &[u32])] = &[
            (0, NodeKind::Tree, &[1, 3]),
            (1, NodeKind::Tree, &[2, NONE]),
            (2, NodeKind::Blob, &[]),
            (3, NodeKind::Tree, &[4]),
            (4, NodeKind::Blob, &[]),
            (5, NodeKind::Tree, &[3]),
            (6, NodeKind::Tree, &[1]),
        ];
        let graph = Graph::new(7, rows.iter().copied());
        let mut targets = Bits::new(7);
        targets.insert(2);
        let leads = graph.trees_leading_to(&targets);
        assert_eq!((0..7).filter(|at| leads.has(*at)).collect::<Vec<_>>(), [0, 1, 6]);
        let mut reached = Bits::new(7);
        let mut order = Vec::new();
        graph.reach([5], &mut reached, |object| order.push(object));
        assert_eq!(order, [5, 3, 4]);
    }

    #[test]
    fn a_tree_two_hundred_thousand_levels_deep_ends_no_stack() {
        let count = 200_000u32;
        let next: Vec<u32> = (1..=count).collect();
        let rows = (0..count).map(|at| {
            let last = at + 1 == count;
            (
                at,
                if last { NodeKind::Blob } else { NodeKind::Tree },
                if last { &[][..] } else { &next[at as usize..=at as usize] },
            )
        });
        let graph = Graph::new(count as usize, rows);
        let mut targets = Bits::new(count as usize);
        targets.insert(count - 1);
        assert!(graph.trees_leading_to(&targets).has(0));
    }
}
