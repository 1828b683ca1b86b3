//! Which setting of a policy lets a key pass.

use super::{Class, Limits, Mode, Policy, Reaction};
use crate::key::KeyId;

impl Policy {
    /// The setting by which a key of this class passes where it is new; `None` where it is refused. What is not known of
    /// it, and can be one of several, must be refused whichever it is. `today`: the day in UTC, `YYYY-MM-DD`.
    pub fn lets_pass(&self, key: &KeyId, class: &Class, today: &str) -> Option<String> {
        if self.mode == Mode::Observe {
            return Some("mode = \"observe\"".to_owned());
        }
        let Class { kinds, environments, confidence } = &self.refuse;
        let kind = class.kinds.iter().find(|kind| !kinds.contains(kind)).map(|kind| kind.name());
        let environment = class.environments.iter().find(|one| !environments.contains(one)).map(|one| one.name());
        let level = class.confidence.iter().find(|level| !confidence.contains(level)).map(|level| level.name());
        [("kinds", kind), ("environments", environment), ("confidence", level)]
            .into_iter()
            .find_map(|(setting, lacks)| Some(format!("refuse.{setting} has no {}", lacks?)))
            .or_else(|| self.allows_until(key, today).map(|day| format!("[[allow]] lists this key until {day}")))
            .or_else(|| {
                let limit = self.limits.tight().filter(|_| self.on_limit == Reaction::Accept);
                limit.map(|limit| format!("on_limit = \"accept\", past a limits.{limit} that ordinary pushes reach"))
            })
    }

    /// The last day on which the policy knows a key.
    fn allows_until(&self, key: &KeyId, today: &str) -> Option<&str> {
        let in_force = self.allow.iter().filter(|one| one.id == *key && one.is_in_force(today));
        in_force.map(|one| one.expires.as_str()).max()
    }
}

impl Limits {
    /// A limit that is set below its default, if any: those are such as no ordinary push reaches. Seconds below what any
    /// kind of server gives.
    fn tight(&self) -> Option<&'static str> {
        /// What GitHub's leaves.
        const LEAST_SECONDS: f64 = 4.0;
        let default = Self::default();
        [
            ("seconds", self.seconds.is_some_and(|seconds| seconds < LEAST_SECONDS)),
            ("object_bytes", self.object_bytes < default.object_bytes),
            ("total_bytes", self.total_bytes < default.total_bytes),
            ("expansion", self.expansion < default.expansion),
            ("tree_depth", self.tree_depth < default.tree_depth),
        ]
        .into_iter()
        .find_map(|(name, is_tight)| is_tight.then_some(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Confidence, Environment, Kind};

    #[test]
    fn the_setting_that_lets_a_key_pass_is_named() {
        let id = KeyId::parse(&format!("sha256:{}", "a".repeat(64))).unwrap();
        let class = |kind, environment| Class {
            kinds: vec![kind],
            environments: vec![environment],
            confidence: vec![Confidence::High, Confidence::Medium],
        };
        let allow = format!("[[allow]]\nid = \"{id}\"\nreason = \"x\"\nowner = \"y\"\nexpires = \"2026-11-24\"\n");
        let (live, test) = (class(Kind::SecretKey, Environment::Live), class(Kind::SecretKey, Environment::Test));
        let hook = class(Kind::WebhookSecret, Environment::Unknown);
        for (policy, key, told) in [
            ("", &live, None),
            ("strict = true\n", &hook, None),
            ("mode = \"observe\"\n", &live, Some("mode = \"observe\"")),
            ("[refuse]\nenvironments = [\"live\", \"unknown\"]\n", &live, None),
            ("[refuse]\nenvironments = [\"live\"]\n", &test, Some("refuse.environments has no test")),
            ("[refuse]\nkinds = [\"secret_key\"]\n", &hook, Some("refuse.kinds has no webhook_secret")),
            ("[refuse]\nconfidence = [\"high\"]\n", &live, Some("refuse.confidence has no medium")),
            (&allow, &live, Some("[[allow]] lists this key until 2026-11-24")),
            ("on_limit = \"accept\"\n", &live, None),
            ("[limits]\nobject_bytes = 1\n", &live, None),
            (
                "on_limit = \"accept\"\n[limits]\nobject_bytes = 1\n",
                &live,
                Some("on_limit = \"accept\", past a limits.object_bytes that ordinary pushes reach"),
            ),
            ("on_limit = \"accept\"\n[limits]\nseconds = 30\n", &live, None),
        ] {
            let policy = Policy::parse(policy).unwrap();
            assert_eq!(policy.lets_pass(&id, key, "2026-11-24").as_deref(), told, "{policy:?}");
        }
        let policy = Policy::parse(&allow).unwrap();
        assert_eq!(policy.lets_pass(&id, &live, "2026-11-25"), None, "it is over");
        let other = KeyId::parse(&format!("sha256:{}", "b".repeat(64))).unwrap();
        assert_eq!(policy.lets_pass(&other, &live, "2026-11-24"), None);
    }
}
