//! Links from below: which trees name a tree.

use super::{Bits, Graph, NodeKind};

/// By what each tree is named, and each part of one. Memory: four bytes an object or part, and four a link to one of those
/// two.
#[derive(Clone, Debug)]
pub(super) struct Upward {
    /// Where those above each node begin, and at its end where the last ones end.
    from: Vec<u32>,
    above: Vec<u32>,
}

impl Upward {
    /// Cost: two looks at all links.
    fn new(graph: &Graph) -> Self {
        let mut is_followed = Bits::new(graph.len());
        graph.trees_and_parts().for_each(|node| _ = is_followed.insert(node));
        let mut from = vec![0u32; graph.len() + 1];
        let followed = || {
            let links = |node| graph.links(node).iter().map(move |link| (node, *link));
            graph.trees_and_parts().flat_map(links).filter(|(_, link)| is_followed.has(*link))
        };
        followed().for_each(|(_, link)| from[link as usize] += 1);
        let mut end = 0;
        for count in &mut from {
            end += *count;
            *count = end;
        }
        let mut above = vec![0; end as usize];
        for (node, link) in followed() {
            let place = &mut from[link as usize];
            *place -= 1;
            above[*place as usize] = node;
        }
        Self { from, above }
    }

    fn of(&self, node: u32) -> &[u32] {
        &self.above[self.from[node as usize] as usize..self.from[node as usize + 1] as usize]
    }
}

impl Graph {
    /// Trees, and parts of such.
    fn trees_and_parts(&self) -> impl Iterator<Item = u32> {
        let trees = self.objects().filter(|object| self.kind(*object) == NodeKind::Tree);
        trees.chain(self.objects().end..self.len() as u32)
    }

    fn upward(&self) -> &Upward {
        self.upward.get_or_init(|| Upward::new(self))
    }

    /// The trees that name a tree. Cost: the first one asked for two looks at all links.
    pub fn trees_above(&self, tree: u32) -> impl Iterator<Item = u32> {
        let upward = self.upward();
        upward
            .of(tree)
            .iter()
            .flat_map(|node| match self.is_part(*node) {
                true => upward.of(*node),
                false => std::slice::from_ref(node),
            })
            .copied()
    }

    /// The trees that are among `targets` or lead to one of them, and the parts of trees that do. Cost: a look at all links,
    /// and of the first one with anything above what is named two more.
    pub fn trees_leading_to(&self, targets: &Bits) -> Bits {
        let mut leads = Bits::new(self.len());
        if targets.is_empty() {
            return leads;
        }
        let mut pending: Vec<u32> = self
            .trees_and_parts()
            .filter(|node| targets.has(*node) || self.links(*node).iter().any(|link| targets.has(*link)))
            .collect();
        pending.iter().for_each(|node| _ = leads.insert(*node));
        while let Some(node) = pending.pop() {
            pending.extend(self.upward().of(node).iter().filter(|above| leads.insert(**above)));
        }
        leads
    }
}
