//! Links from below: which trees name a tree.

use std::ops::Range;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

use super::{Bits, Graph, NodeKind};

/// By what each tree is named, and each part of one. Memory: four bytes an object or part, as many more for each thread while
/// it is made, and four a link to one of those two.
#[derive(Clone, Debug)]
pub(super) struct Upward {
    /// Where those above each node begin, and at its end where the last ones end.
    from: Vec<u32>,
    above: Vec<u32>,
}

impl Upward {
    /// Cost: two looks at all links, by all threads.
    fn new(graph: &Graph) -> Self {
        let mut is_followed = Bits::new(graph.len());
        graph.trees_and_parts(0..graph.len() as u32).for_each(|node| _ = is_followed.insert(node));
        let followed = |nodes: Range<u32>| {
            let links = |node| graph.links(node).iter().map(move |link| (node, *link));
            graph.trees_and_parts(nodes).flat_map(links).filter(|(_, link)| is_followed.has(*link))
        };
        // How often what each thread looks at names each node; then where of those above it the thread's first one goes.
        let mut counts: Vec<Vec<u32>> = graph.on_threads(graph.shares(), |nodes| {
            let mut counts = vec![0u32; graph.len()];
            followed(nodes).for_each(|(_, link)| counts[link as usize] += 1);
            counts
        });
        let (mut from, mut end) = (Vec::with_capacity(graph.len() + 1), 0);
        for node in 0..graph.len() {
            from.push(end);
            for counts in &mut counts {
                end += std::mem::replace(&mut counts[node], end);
            }
        }
        from.push(end);
        // No two write to one place; shared, it takes no longer.
        let above: Vec<AtomicU32> = (0..end).map(|_| AtomicU32::new(0)).collect();
        graph.on_threads(graph.shares().into_iter().zip(counts), |(nodes, mut next)| {
            for (node, link) in followed(nodes) {
                let place = &mut next[link as usize];
                above[*place as usize].store(node, Ordering::Relaxed);
                *place += 1;
            }
        });
        Self { from, above: above.into_iter().map(AtomicU32::into_inner).collect() }
    }

    fn of(&self, node: u32) -> &[u32] {
        &self.above[self.from[node as usize] as usize..self.from[node as usize + 1] as usize]
    }
}

impl Graph {
    /// Trees, and parts of such, of these objects and parts.
    fn trees_and_parts(&self, nodes: Range<u32>) -> impl Iterator<Item = u32> {
        nodes.filter(|node| self.is_part(*node) || self.kind(*node) == NodeKind::Tree)
    }

    /// All objects and parts, in as many shares as there are threads.
    fn shares(&self) -> Vec<Range<u32>> {
        let (count, threads) = (self.len() as u32, self.threads.max(1) as u32);
        let share = count.div_ceil(threads).max(1);
        (0..threads).map(|at| at.saturating_mul(share).min(count)..(at + 1).saturating_mul(share).min(count)).collect()
    }

    /// Does some work for each item, each on a thread of its own, the first on this one; in order. Where there is no thread to
    /// be had this one does it.
    fn on_threads<I: Send, R: Send>(&self, items: impl IntoIterator<Item = I>, work: impl Fn(I) -> R + Sync) -> Vec<R> {
        let waiting: Vec<Mutex<Option<I>>> = items.into_iter().map(|item| Mutex::new(Some(item))).collect();
        let work = |at: usize| {
            let item = waiting[at].lock().unwrap_or_else(PoisonError::into_inner).take();
            item.map(&work)
        };
        let work = &work;
        std::thread::scope(|scope| {
            let start = |at| std::thread::Builder::new().spawn_scoped(scope, move || work(at));
            let others: Vec<_> = (1..waiting.len()).map(start).collect();
            let first = work(0);
            let others = (1..).zip(others).map(|(at, other)| match other {
                Ok(other) => other.join().ok().flatten(),
                Err(_) => work(at),
            });
            std::iter::once(first).chain(others).flatten().collect()
        })
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
        let names_one = |node: &u32| targets.has(*node) || self.links(*node).iter().any(|link| targets.has(*link));
        let naming = |nodes| self.trees_and_parts(nodes).filter(names_one).collect::<Vec<u32>>();
        let mut pending = self.on_threads(self.shares(), naming).concat();
        pending.iter().for_each(|node| _ = leads.insert(*node));
        while let Some(node) = pending.pop() {
            pending.extend(self.upward().of(node).iter().filter(|above| leads.insert(**above)));
        }
        leads
    }
}
