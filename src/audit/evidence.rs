//! What stands around a key: which instance it belongs to, which other credentials share its files, where it seems to
//! be deployed. Read only where a key was found.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::attribute::read_tree;
use super::entries::EntryMaker;
use super::roots::RefClass;
use crate::detect::{Neighbour, dashboard_url, siblings};
use crate::history::{NONE, NodeKind};
use crate::key::Publishable;
use crate::model::{Candidate, Environment, Instance, Interrupt, NamedPlace, Oid, Place, Shown};
use crate::store::ObjectIndex;

/// So many files of a key are read for evidence; more say the same.
const MOST_FILES: usize = 200;
/// So many places of a key in a file are compared with those of publishable keys.
const MOST_LINES: usize = 16;
/// Of a file so much is read.
const MOST_BYTES: u64 = 16 << 20;

/// What was found around one key.
#[derive(Default)]
pub(super) struct Evidence {
    pub(super) instance: Option<Instance>,
    pub(super) siblings: Vec<NamedPlace>,
}

/// A clue to an instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Clue {
    /// In the same file before the same directory; in the file, by how many lines it is away, and above before below: a
    /// name above is the heading of what stands below it.
    distance: (u8, u64, bool),
    host: Option<String>,
    publishable: Option<String>,
    dashboard: Option<String>,
    evidence: Shown,
}

/// Gathers evidence for every key. `paths` gives a path to a blob where one is known.
pub(super) fn gather(
    make: &EntryMaker<'_>,
    paths: &HashMap<Oid, Shown>,
    interrupt: Interrupt<'_>,
) -> HashMap<u32, Evidence> {
    let mut files: BTreeMap<u32, BTreeMap<ObjectIndex, Vec<u64>>> = BTreeMap::new();
    for sighting in make.content.sightings.iter().filter(|sighting| sighting.place == Place::File) {
        let of_key = files.entry(sighting.key).or_default();
        if of_key.len() < MOST_FILES || of_key.contains_key(&sighting.object) {
            let lines = of_key.entry(sighting.object).or_default();
            lines.extend(sighting.line.filter(|_| lines.len() < MOST_LINES));
        }
    }
    let neighbours = directory_neighbours(make);
    let mut bytes = Vec::new();
    let mut read: HashMap<ObjectIndex, (Option<String>, Vec<Neighbour>)> = HashMap::new();
    let mut all = HashMap::new();
    for (key, blobs) in files.into_iter().take_while(|_| !interrupt.is_set()) {
        let info = &make.content.keys[key as usize];
        let environment = info.text.environment_as(info.kind);
        let mut clues = BTreeSet::new();
        let mut names: BTreeMap<Shown, NamedPlace> = BTreeMap::new();
        for (blob, lines) in blobs {
            let path = paths.get(&make.store.objects.oid(blob));
            let (dashboard, neighbours_in_file) = read.entry(blob).or_insert_with(|| {
                match make.content.sizes[blob as usize] <= MOST_BYTES
                    && make.content.read(make.store, blob, &mut bytes).is_ok()
                {
                    true => (dashboard_url(&bytes), siblings(&bytes)),
                    false => (None, Vec::new()),
                }
            });
            let here = publishable(make, blob, environment, paths, (&lines, "in the same file"));
            let dashboard = dashboard.clone();
            if here.is_empty() && dashboard.is_some() {
                clues.insert(Clue {
                    distance: (0, 0, false),
                    host: None,
                    publishable: None,
                    evidence: place("likely: the dashboard address in the same file", path, None),
                    dashboard,
                });
            } else {
                let alone = here.len() == 1;
                clues.extend(
                    here.into_iter().map(|clue| Clue { dashboard: dashboard.clone().filter(|_| alone), ..clue }),
                );
            }
            for near in neighbours.get(&blob).into_iter().flatten() {
                let beside = publishable(make, *near, environment, paths, (&[], "in the same directory"));
                clues.extend(beside.into_iter().map(|clue| Clue { distance: (1, 0, false), ..clue }));
            }
            // Where the value does not look like a key as it stands (encoded, of another length), it is no sibling of itself.
            let is_itself =
                |neighbour: &&Neighbour| lines.contains(&neighbour.line) && info.variables.contains(&neighbour.name);
            for neighbour in neighbours_in_file.iter().filter(|neighbour| !is_itself(neighbour)) {
                let name = make.detector.mask(&neighbour.name);
                names.entry(name.clone()).or_insert_with(|| NamedPlace {
                    name,
                    path: path.cloned(),
                    line: Some(neighbour.line),
                });
            }
        }
        let siblings = names.into_values().collect();
        all.insert(key, Evidence { instance: instance(make, clues), siblings });
    }
    all
}

/// The publishable keys of one environment in a file; `lines` are those the key stands on.
fn publishable(
    make: &EntryMaker<'_>,
    blob: ObjectIndex,
    environment: Environment,
    paths: &HashMap<Oid, Shown>,
    (lines, whereabouts): (&[u64], &str),
) -> Vec<Clue> {
    let keys = make.content.publishable.get(&blob).map_or(&[][..], Vec::as_slice);
    let distance = |line: u64| lines.iter().map(|at| (at.abs_diff(line), line > *at)).min().unwrap_or_default();
    keys.iter()
        // What does not say its environment may belong to either.
        .filter(|(key, _)| environment == Environment::Unknown || key.environment == environment)
        .map(|(Publishable { text, host, .. }, line)| Clue {
            distance: line.map_or((0, u64::MAX, false), |line| (0, distance(line).0, distance(line).1)),
            host: Some(host.clone()),
            publishable: Some(text.clone()),
            dashboard: None,
            evidence: place(
                &format!("likely: a publishable key {whereabouts}"),
                paths.get(&make.store.objects.oid(blob)),
                *line,
            ),
        })
        .collect()
}

fn place(what: &str, path: Option<&Shown>, line: Option<u64>) -> Shown {
    let line = line.map_or(String::new(), |line| format!(":{line}"));
    match path {
        Some(path) => path.between(&format!("{what}, "), &line),
        None => Shown::default().between(what, ""),
    }
}

/// For each blob with a key, the blobs with publishable keys in the same directories.
fn directory_neighbours(make: &EntryMaker<'_>) -> HashMap<ObjectIndex, BTreeSet<ObjectIndex>> {
    let mut neighbours: HashMap<ObjectIndex, BTreeSet<ObjectIndex>> = HashMap::new();
    if make.content.publishable.is_empty() {
        return neighbours;
    }
    for (tree, blobs) in make.attribution.presence.directories() {
        let near: Vec<u32> =
            make.content.graph.entries(tree).filter(|entry| make.content.publishable.contains_key(entry)).collect();
        if near.is_empty() {
            continue;
        }
        for blob in blobs {
            let others = near.iter().copied().filter(|other| *other != blob);
            neighbours.entry(blob).or_default().extend(others.take(16));
        }
    }
    neighbours
}

/// The nearest clue, and the others that name a different instance.
fn instance(make: &EntryMaker<'_>, clues: BTreeSet<Clue>) -> Option<Instance> {
    let mut different: Vec<Clue> = Vec::new();
    for clue in clues {
        let is_known = |old: &Clue| match (&old.host, &clue.host) {
            (Some(old), Some(new)) => old == new,
            _ => old.dashboard.is_some() && old.dashboard == clue.dashboard,
        };
        match different.iter_mut().find(|old| is_known(old)) {
            Some(old) => old.dashboard = old.dashboard.take().or(clue.dashboard),
            None => different.push(clue),
        }
    }
    let shown = |text: Option<String>| text.map(|text| make.detector.mask(text.as_bytes()));
    let mut candidates = different.into_iter().map(|clue| Candidate {
        frontend_api: shown(clue.host),
        publishable_key: shown(clue.publishable),
        dashboard_url: clue.dashboard,
        evidence: clue.evidence,
    });
    let first = candidates.next()?;
    Some(Instance {
        frontend_api: first.frontend_api,
        publishable_key: first.publishable_key,
        dashboard_url: first.dashboard_url,
        evidence: first.evidence,
        alternatives: candidates.take(8).collect(),
    })
}

/// What runs a file that refers to a variable.
fn consumer_kind(path: &[u8]) -> Option<&'static str> {
    let lower = path.to_ascii_lowercase();
    let name = lower.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let ends = |end: &str| name.ends_with(end.as_bytes());
    let begins = |start: &str| name.starts_with(start.as_bytes());
    let below = |dir: &str| memchr::memmem::find(&lower, dir.as_bytes()).is_some();
    let yaml = ends(".yml") || ends(".yaml");
    Some(match name {
        _ if below(".github/workflows/") && yaml => "GitHub Actions",
        b".gitlab-ci.yml" => "GitLab CI",
        b"bitbucket-pipelines.yml" => "Bitbucket Pipelines",
        b"azure-pipelines.yml" => "Azure Pipelines",
        b"jenkinsfile" => "Jenkins",
        _ if below(".circleci/") && yaml => "CircleCI",
        b".travis.yml" => "Travis CI",
        _ if (begins("docker-compose") || begins("compose.")) && yaml => "Docker Compose",
        _ if begins("dockerfile") || ends(".dockerfile") => "Docker image",
        _ if ends(".tf") || ends(".tfvars") => "Terraform",
        _ if begins("wrangler.") => "Cloudflare Workers",
        b"vercel.json" => "Vercel",
        b"netlify.toml" => "Netlify",
        b"fly.toml" => "Fly.io",
        b"render.yaml" => "Render",
        b"railway.json" | b"railway.toml" => "Railway",
        b"app.json" | b"procfile" => "Heroku",
        b"amplify.yml" => "AWS Amplify",
        b"serverless.yml" | b"serverless.yaml" => "Serverless Framework",
        b"turbo.json" => "Turborepo",
        _ if ends("nginx.conf") || ends(".nginx") => "nginx",
        _ if yaml
            && (below("k8s/") || below("kubernetes/") || below("charts/") || below("helm/") || below("deploy")) =>
        {
            "Kubernetes"
        }
        _ => return None,
    })
}

/// Where the branch that HEAD names refers to a variable in files that deploy it: by variable, sorted, the first ones by
/// name. Cost: each file that deploys something is read once.
pub(super) fn consumers(
    make: &EntryMaker<'_>,
    variables: &BTreeSet<Vec<u8>>,
    interrupt: Interrupt<'_>,
) -> BTreeMap<Vec<u8>, Vec<NamedPlace>> {
    /// So many entries of the tree are looked at.
    const MOST_ENTRIES: usize = 500_000;
    let mut consumers = Consumers::default();
    let head = make.roots.tips.iter().find(|tip| tip.class == RefClass::HeadBranch || tip.name == b"HEAD");
    let root = head.or(make.roots.tips.iter().find(|tip| tip.class.is_branch())).map(|tip| tip.peeled);
    let root = root.filter(|commit| make.content.graph.kind(*commit) == NodeKind::Commit);
    let tree = root.and_then(|commit| make.content.graph.links(commit).first());
    let mut pending: Vec<(ObjectIndex, Vec<u8>)> = tree.map(|tree| (*tree, Vec::new())).into_iter().collect();
    let (mut bytes, mut seen) = (Vec::new(), 0);
    while let Some((tree, prefix)) = pending.pop() {
        if tree == NONE || make.content.graph.kind(tree) != NodeKind::Tree || interrupt.is_set() {
            continue;
        }
        let mut items = Vec::new();
        read_tree(make.store, make.content, tree, &mut bytes, |item| items.push(item));
        for item in items {
            seen += 1;
            let Some(object) = item.object.filter(|_| seen < MOST_ENTRIES && prefix.len() < 4096) else { continue };
            let path = if prefix.is_empty() { item.name.into_vec() } else { [&prefix, &b"/"[..], &item.name].concat() };
            match (make.content.graph.kind(object), consumer_kind(&path)) {
                (NodeKind::Tree, _) => pending.push((object, path)),
                (NodeKind::Blob, Some(kind)) if !interrupt.is_set() => {
                    consumers.add(make, variables, (object, kind, &path), &mut bytes);
                }
                _ => {}
            }
        }
    }
    consumers.found.into_iter().map(|(variable, places)| (variable, places.into_iter().collect())).collect()
}

/// What deploys variables, as it is found.
#[derive(Default)]
struct Consumers {
    found: BTreeMap<Vec<u8>, BTreeSet<NamedPlace>>,
    places: usize,
    /// What was read, by the variables that it names and the lines of each: the same file may stand at many paths.
    read: HashMap<ObjectIndex, Vec<(Vec<u8>, u64)>>,
}

impl Consumers {
    /// So many places are told of a variable, and of all.
    const MOST_PLACES: usize = 40;
    const MOST_OF_ALL: usize = 20_000;
    /// So many variables of a file are looked at, the first ones by name.
    const MOST_OF_FILE: usize = 1000;

    fn add(
        &mut self,
        make: &EntryMaker<'_>,
        variables: &BTreeSet<Vec<u8>>,
        (blob, kind, path): (ObjectIndex, &'static str, &[u8]),
        bytes: &mut Vec<u8>,
    ) {
        let named = self.read.entry(blob).or_insert_with(|| {
            let is_small = make.content.sizes[blob as usize] <= MOST_BYTES;
            match is_small && make.content.read(make.store, blob, bytes).is_ok() {
                true => first_lines(bytes, variables),
                false => Vec::new(),
            }
        });
        if named.is_empty() || self.places >= Self::MOST_OF_ALL {
            return;
        }
        let path = make.detector.mask(path);
        for (variable, line) in named {
            let place = NamedPlace { name: Shown::own(kind), path: Some(path.clone()), line: Some(*line) };
            let places = self.found.entry(variable.clone()).or_default();
            self.places += usize::from(places.insert(place));
            if places.len() > Self::MOST_PLACES {
                places.pop_last();
                self.places -= 1;
            }
        }
    }
}

/// Which of some variables a text names as words of their own, each with the line of its first place. Cost: one look at
/// the text, however many variables there are.
fn first_lines(text: &[u8], variables: &BTreeSet<Vec<u8>>) -> Vec<(Vec<u8>, u64)> {
    let mut found: BTreeMap<&[u8], u64> = BTreeMap::new();
    for (line, number) in text.split(|byte| *byte == b'\n').zip(1..) {
        let words = line.split(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_'));
        words.filter(|word| variables.contains(*word)).for_each(|word| _ = found.entry(word).or_insert(number));
    }
    let first = found.into_iter().take(Consumers::MOST_OF_FILE);
    first.map(|(variable, line)| (variable.to_vec(), line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_told_where_they_stand_as_words_of_their_own() {
        let variables = BTreeSet::from([b"A_KEY".to_vec(), b"B_KEY".to_vec(), b"C_KEY".to_vec()]);
        let text = b"XA_KEY: 1\nA_KEY_2: 1\n  - ${B_KEY}, $A_KEY\nA_KEY\n";
        assert_eq!(first_lines(text, &variables), [(b"A_KEY".to_vec(), 3), (b"B_KEY".to_vec(), 3)]);
    }
}
