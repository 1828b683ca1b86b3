//! Corpus files: cases for people to read and to add to. `corpus/README.md` describes the format.

use std::path::Path;

/// One text, and what must be said of it.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    /// The corpus file's name without `.txt`.
    pub(crate) theme: String,
    /// Unique in its theme.
    pub(crate) name: String,
    /// Where it stands in the corpus file, from 1.
    pub(crate) line: usize,
    /// Which combination of its `@each` this is, from 0.
    pub(crate) variant: usize,
    /// What such a file would be called.
    pub(crate) file: String,
    /// The text with its templates; every line has its line end.
    pub(crate) content: String,
    pub(crate) expectations: Vec<Expectation>,
}

/// What must be said.
#[derive(Clone, Debug)]
pub(crate) enum Expectation {
    /// A Clerk credential.
    Credential(Credential),
    /// Another vendor's secret, under one of these names. Where it need not be told (`maybe-vendor`), it must not be
    /// told as anything else.
    Vendor { called: Vec<String>, names: Names, must: bool },
    /// At least so many placeholders.
    Placeholder(usize),
    /// Exactly so many half-masked keys; `any`: whatever is told of them.
    HalfMasked(Option<usize>),
    /// A publishable key of this host.
    Publishable(String),
    /// Nothing at all but placeholders.
    Nothing,
}

/// A Clerk credential that must be found.
#[derive(Clone, Debug)]
pub(crate) struct Credential {
    pub(crate) kind: String,
    pub(crate) names: Names,
    /// Any of these; empty: whatever it is.
    pub(crate) confidence: Vec<String>,
    pub(crate) line_and_column: Option<(u64, u64)>,
    pub(crate) encoding: Told,
    pub(crate) reasons: Vec<String>,
    pub(crate) variable: Option<String>,
    pub(crate) public_variable: bool,
    pub(crate) extent: Extent,
}

/// Which encodings must be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Those that the templates applied.
    AsApplied,
    /// Whatever they are.
    Anything,
    /// These, outermost first.
    Exactly(Vec<String>),
}

/// How much of a span must be right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    Both,
    Start,
    /// It must lie within what the template became.
    Within,
}

/// Names of templates: `k1`, `k1,k2`, `k*`, `k1#2` for the second place where `k1` stands.
#[derive(Clone, Debug)]
pub(crate) struct Names(pub(crate) String);

impl Names {
    /// Whether the `nth` place (from 1) of the template `name` is meant.
    pub(crate) fn mean(&self, name: &str, nth: usize) -> bool {
        self.0.split(',').any(|pattern| {
            let (pattern, place) = pattern.split_once('#').map_or((pattern, None), |(head, tail)| (head, Some(tail)));
            let fits = pattern.strip_suffix('*').map_or(pattern == name, |head| name.starts_with(head));
            fits && place.is_none_or(|place| place.parse() == Ok(nth))
        })
    }
}

/// Kinds of credential, as the product names them.
pub(crate) const KINDS: &[&str] = &[
    "secret_key",
    "legacy_api_key",
    "webhook_secret",
    "machine_secret",
    "platform_key",
    "claim_token",
    "encryption_key",
    "keyless_application",
];

const OTHERS: &[&str] = &["vendor", "maybe-vendor", "placeholder", "half-masked", "publishable", "nothing"];

/// Every case of every corpus file, files in the order of their names.
pub(crate) fn all_cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (theme, text) in corpus_files() {
        cases.extend(parse(&theme, &text).unwrap_or_else(|wrong| panic!("tests/detection/corpus/{theme}.txt:{wrong}")));
    }
    cases
}

/// Theme and text of every corpus file.
pub(crate) fn corpus_files() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/detection/corpus");
    let mut files: Vec<(String, String)> = std::fs::read_dir(&folder)
        .expect("tests/detection/corpus")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "txt"))
        .map(|path| {
            let theme = path.file_stem().and_then(|stem| stem.to_str()).expect("a name in UTF-8").to_owned();
            (theme, std::fs::read_to_string(&path).expect("a corpus file in UTF-8"))
        })
        .collect();
    files.sort();
    files
}

/// The cases of one file, each of `@each` a case of its own. The error begins with the line.
pub(crate) fn parse(theme: &str, text: &str) -> Result<Vec<Case>, String> {
    let mut cases = Vec::new();
    let mut default_file = format!("{theme}.txt");
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line)).peekable();
    while let Some((number, line)) = lines.next() {
        if let Some(file) = line.strip_prefix("@file ") {
            file.trim().clone_into(&mut default_file);
        } else if let Some(name) = line.strip_prefix("=== ") {
            let mut block = Block { number, name: name.trim().to_owned(), ..Block::default() };
            while let Some((number, line)) = lines.next_if(|(_, line)| !line.starts_with("=== ")) {
                block.add(number, line)?;
            }
            cases.extend(block.cases(theme, &default_file)?);
        } else if !line.is_empty() && !line.starts_with('#') {
            return Err(format!("{number}: neither a comment nor @file nor the head of a case"));
        }
    }
    Ok(cases)
}

/// The lines of a case.
#[derive(Default)]
struct Block {
    number: usize,
    name: String,
    file: Option<String>,
    each: Vec<(String, Vec<String>)>,
    content: String,
    expectations: Vec<(usize, String)>,
}

impl Block {
    fn add(&mut self, number: usize, line: &str) -> Result<(), String> {
        if let Some(expectation) = line.strip_prefix("--- ") {
            self.expectations.push((number, expectation.to_owned()));
        } else if !self.expectations.is_empty() {
            if !line.is_empty() && !line.starts_with('#') {
                return Err(format!("{number}: content behind what is expected"));
            }
        } else if let Some(file) = line.strip_prefix("@file ") {
            self.file = Some(file.trim().to_owned());
        } else if let Some(each) = line.strip_prefix("@each ") {
            let (name, values) = each.split_once(" = ").ok_or_else(|| format!("{number}: @each NAME = A | B"))?;
            self.each.push((format!("«${name}»"), values.split(" | ").map(str::to_owned).collect()));
        } else {
            let is_hidden = |word: &&&str| line.contains(&format!("--- {word} "));
            if KINDS.iter().chain(OTHERS).any(|word| is_hidden(&word)) {
                return Err(format!("{number}: what is expected begins a line"));
            }
            // A backslash takes from `---`, `===` and `@` what they would mean.
            let escaped = ["\\--- ", "\\=== ", "\\@"].iter().any(|head| line.starts_with(head));
            self.content.push_str(if escaped { &line[1..] } else { line });
            self.content.push('\n');
        }
        Ok(())
    }

    fn cases(self, theme: &str, default_file: &str) -> Result<Vec<Case>, String> {
        if self.expectations.is_empty() {
            return Err(format!("{}: nothing is expected of {:?}", self.number, self.name));
        }
        let mut choices: Vec<Vec<(&str, &str)>> = vec![Vec::new()];
        for (name, values) in &self.each {
            choices = choices
                .iter()
                .flat_map(|chosen| {
                    values.iter().map(|value| [chosen.as_slice(), &[(name.as_str(), value.as_str())]].concat())
                })
                .collect();
        }
        choices
            .iter()
            .enumerate()
            .map(|(variant, chosen)| Ok(Case { variant, ..self.case(theme, default_file, chosen)? }))
            .collect()
    }

    fn case(&self, theme: &str, default_file: &str, chosen: &[(&str, &str)]) -> Result<Case, String> {
        let put_in = |text: &str| chosen.iter().fold(text.to_owned(), |text, (name, value)| text.replace(name, value));
        let values: Vec<&str> = chosen.iter().map(|(_, value)| *value).collect();
        let suffix = if values.is_empty() { String::new() } else { format!(" [{}]", values.join(" | ")) };
        let expectations = self
            .expectations
            .iter()
            .map(|(number, line)| expectation(&put_in(line)).map_err(|wrong| format!("{number}: {wrong} in {line:?}")));
        Ok(Case {
            theme: theme.to_owned(),
            name: format!("{}{suffix}", self.name),
            line: self.number,
            variant: 0,
            file: self.file.as_deref().unwrap_or(default_file).to_owned(),
            content: put_in(&self.content),
            expectations: expectations.collect::<Result<_, _>>()?,
        })
    }
}

fn expectation(line: &str) -> Result<Expectation, String> {
    let words = words(line)?;
    let word = |at: usize| words.get(at).cloned().ok_or_else(|| "a word is missing".to_owned());
    let first = word(0)?;
    let count = || words.get(1).map_or(Ok(1), |count| count.parse().map_err(|_| "no count".to_owned()));
    let called = || word(1).map(|names| names.split('|').map(str::to_owned).collect());
    if KINDS.contains(&first.as_str()) {
        return credential(&words).map(Expectation::Credential);
    }
    match first.as_str() {
        "vendor" | "maybe-vendor" => {
            Ok(Expectation::Vendor { called: called()?, names: Names(word(2)?), must: first == "vendor" })
        }
        "placeholder" => count().map(Expectation::Placeholder),
        "half-masked" if words.get(1).is_some_and(|word| word == "any") => Ok(Expectation::HalfMasked(None)),
        "half-masked" => count().map(|count| Expectation::HalfMasked(Some(count))),
        "publishable" => word(1).map(Expectation::Publishable),
        "nothing" => Ok(Expectation::Nothing),
        _ => Err(format!("{first:?} is none of {KINDS:?} {OTHERS:?}")),
    }
}

fn credential(words: &[String]) -> Result<Credential, String> {
    let [kind, names, confidence, attributes @ ..] = words else {
        return Err("kind, name and confidence are needed".to_owned());
    };
    let levels: Vec<String> = confidence.split('|').map(str::to_owned).collect();
    if !levels.iter().all(|level| matches!(level.as_str(), "high" | "medium" | "low" | "any")) {
        return Err(format!("{confidence:?} is no confidence"));
    }
    let mut credential = Credential {
        kind: kind.clone(),
        names: Names(names.clone()),
        confidence: if confidence == "any" { Vec::new() } else { levels },
        line_and_column: None,
        encoding: Told::AsApplied,
        reasons: Vec::new(),
        variable: None,
        public_variable: false,
        extent: Extent::Both,
    };
    let mut rest = attributes.iter();
    while let Some(attribute) = rest.next() {
        let mut value = || rest.next().cloned().ok_or_else(|| format!("{attribute} needs a value"));
        match attribute.as_str() {
            "encoding" => {
                credential.encoding = match value()?.as_str() {
                    "?" => Told::Anything,
                    "raw" => Told::Exactly(Vec::new()),
                    chain => Told::Exactly(chain.split('>').map(str::to_owned).collect()),
                }
            }
            "reason" => credential.reasons.push(value()?),
            "variable" => credential.variable = Some(value()?),
            "public-variable" => credential.public_variable = true,
            "start" => credential.extent = Extent::Start,
            "within" => credential.extent = Extent::Within,
            place => {
                let numbers = place
                    .split_once(':')
                    .and_then(|(line, column)| Some((line.parse::<u64>().ok()?, column.parse::<u64>().ok()?)));
                credential.line_and_column = Some(numbers.ok_or_else(|| format!("{place:?} is not understood"))?);
            }
        }
    }
    Ok(credential)
}

/// Words between blanks; double quotes hold blanks together.
fn words(line: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let (word, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').ok_or("a quotation mark is missing")?,
            None => rest.split_at(rest.find(' ').unwrap_or(rest.len())),
        };
        words.push(word.to_owned());
        rest = behind.trim_start();
    }
    Ok(words)
}
