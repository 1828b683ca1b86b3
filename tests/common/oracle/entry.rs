//! One line of text for each thing that is compared, written the same for both sides.

use std::collections::BTreeMap;

use serde_json::Value;

use super::facts::Stamp;
use super::when::Moment;

/// Strings as a report shows them: keys as their hints, and what is not UTF-8 as `\xNN`.
pub(crate) struct Masker {
    hints: Vec<(String, String)>,
}

impl Masker {
    /// Keys and their hints.
    pub(crate) fn new(hints: BTreeMap<String, String>) -> Self {
        Self { hints: hints.into_iter().collect() }
    }

    pub(crate) fn show(&self, bytes: &[u8]) -> String {
        let mut masked = bytes.to_vec();
        for (key, hint) in &self.hints {
            while let Some(at) = masked.windows(key.len()).position(|part| part == key.as_bytes()) {
                masked.splice(at..at + key.len(), hint.bytes());
            }
        }
        let mut shown = String::new();
        for part in masked.utf8_chunks() {
            shown.push_str(&part.valid().replace('\\', "\\\\"));
            part.invalid().iter().for_each(|byte| shown.push_str(&format!("\\x{byte:02x}")));
        }
        shown
    }
}

/// An entry of introductions or removals, as far as it is compared.
#[derive(Default)]
pub(crate) struct Entry {
    pub(crate) commit: Option<String>,
    pub(crate) parents: Vec<String>,
    pub(crate) place: String,
    pub(crate) path: Option<String>,
    pub(crate) level: String,
    /// The object and the blob; not for removals.
    pub(crate) objects: Option<(String, Option<String>)>,
    /// Not for removals, names and tags.
    pub(crate) position: Option<(u64, u64)>,
    pub(crate) author: Option<String>,
    pub(crate) committer: Option<String>,
    /// For a tag's own text only.
    pub(crate) tagger: Option<String>,
    pub(crate) subject: Option<String>,
    pub(crate) clock_skew: bool,
    /// For introductions only.
    pub(crate) brought_back: bool,
}

impl Entry {
    /// Which entry it is: there is one for each of these.
    pub(crate) fn name(&self) -> String {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        let object = match (&self.commit, &self.objects) {
            (None, Some((object, _))) => object.clone(),
            _ => String::new(),
        };
        format!("{} {} {:?} {object}", or_none(&self.commit), self.place, or_none(&self.path))
    }

    /// Everything about it.
    pub(crate) fn line(&self) -> String {
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        let (object, blob) = match &self.objects {
            Some((object, blob)) => (object.clone(), or_none(blob)),
            None => (String::new(), String::new()),
        };
        let position = self.position.map_or("-".into(), |(line, column)| format!("{line}:{column}"));
        format!(
            "{} level={} at={position} object={object} blob={blob} skew={} back={} parents={} author={} committer={} \
             tagger={} subject={:?}",
            self.name(),
            self.level,
            self.clock_skew,
            self.brought_back,
            self.parents.join(","),
            or_none(&self.author),
            or_none(&self.committer),
            or_none(&self.tagger),
            or_none(&self.subject),
        )
    }

    /// An entry of a report.
    pub(crate) fn reported(entry: &Value, kind: Kind) -> Self {
        let text = |name: &str| entry[name].as_str().map(str::to_owned);
        let place = text("place").unwrap_or_default();
        let commit = text("commit");
        let has_position = kind == Kind::Introduction && !matches!(&*place, "path" | "tag_message" | "ref_name");
        let position = entry["line"].as_u64().zip(entry["column"].as_u64());
        Self {
            parents: strings(&entry["parents"]),
            path: text("path"),
            level: text("level").unwrap_or_default(),
            objects: (kind == Kind::Introduction).then(|| (text("object").unwrap_or_default(), text("blob"))),
            position: position.filter(|_| has_position),
            author: person(&entry["author"]),
            committer: person(&entry["committer"]),
            tagger: person(&entry["tagger"]).filter(|_| place == "tag_message"),
            subject: commit.as_ref().map(|_| text("subject").unwrap_or_default()),
            clock_skew: entry["clock_skew"].as_bool().unwrap_or_default(),
            brought_back: entry["brought_back"].as_bool().unwrap_or_default(),
            commit,
            place,
        }
    }
}

/// Which list an entry is of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Introduction,
    Removal,
}

/// A person of a report.
fn person(value: &Value) -> Option<String> {
    let text = |name: &str| value[name].as_str().unwrap_or("null");
    let when = Moment::reported(text("time")).map_or_else(|| text("time").to_owned(), |when| when.to_string());
    value.is_object().then(|| format!("{} <{}> {when} ({})", text("name"), text("email"), text("time_raw")))
}

/// The same of a commit or tag.
pub(crate) fn stamp(stamp: &Stamp, masker: &Masker) -> String {
    let (name, email) = (masker.show(&stamp.name), masker.show(&stamp.email));
    format!("{name} <{email}> {} ({})", stamp.when, stamp.recorded)
}

/// The strings of a list; one that is null stands as `null`.
pub(crate) fn strings(list: &Value) -> Vec<String> {
    let items = list.as_array().into_iter().flatten();
    items.map(|item| item.as_str().unwrap_or("null").to_owned()).collect()
}
