//! What a push says in words: names of refs, options, the certificate.

use super::Work;
use crate::gate::{Place, Problem, Push, Standing, Unmasked};

impl Work<'_> {
    /// What the push says in words: names of refs, options, the certificate.
    pub(super) fn words(&mut self, push: &Push) {
        if let Err(malformed) = &push.updates {
            self.problem(Problem::Input(*malformed));
        }
        for (at, update) in push.updates.iter().flatten().enumerate() {
            if self.examiner.interrupt.is_set() {
                break;
            }
            let keys = self.scan(&update.name, None);
            if keys.is_empty() {
                continue;
            }
            let is_there = push.full_names.get(at).is_some_and(|name| self.receiving.tips.value(name).is_some());
            let standing = match (update.new, is_there) {
                (None, _) => Standing::Removed,
                (Some(_), true) => Standing::Kept,
                (Some(_), false) => Standing::Introduced,
            };
            let is_new = standing == Standing::Introduced;
            for sight in keys {
                self.add(&sight, Place::RefName(Unmasked::new(&update.name)), None, standing, is_new);
            }
        }
        for (at, option) in push.options.iter().enumerate() {
            for sight in self.scan(option, None) {
                self.add(&sight, Place::PushOption(at + 1), None, Standing::Introduced, true);
            }
        }
        if let Some(certificate) = push.certificate {
            // Some versions of git put it beside what was pushed. No ref reaches it there either, and it is read here.
            let is_stored = !self.receiving.came_with_push(&certificate);
            self.comparer.placed.insert(certificate);
            let mut bytes = Vec::new();
            match self.receiving.read(&certificate, self.examiner.limits.object_bytes, &mut bytes) {
                Ok(Some(_)) => {
                    for sight in self.scan(&bytes, Some(certificate)) {
                        self.add(&sight, Place::Certificate { is_stored }, None, Standing::Introduced, true);
                    }
                }
                Ok(None) => self.problem(Problem::Missing { oid: certificate, kind: "certificate" }),
                Err(failure) => {
                    let limit = self.examiner.limits.object_bytes;
                    self.problem(Problem::of_failure(certificate, failure, limit));
                }
            }
        }
    }
}
