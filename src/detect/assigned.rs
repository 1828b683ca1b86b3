//! Credentials that only the name of their variable tells: legacy API keys, machine and platform keys, encryption
//! keys, and what Clerk's keyless mode leaves behind.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::boundary::body_length;
use super::encoding::base64::{Run, is_base64};
use super::encoding::{Decoded, Encoding, escapes};
use super::layer::{Layer, Positions};
use super::scan::{note, note_secret};
use super::settle::{Sight, What};
use super::{context, dashboard, token};
use crate::key::{Context, KeyText, Vendor, decode_publishable, is_made_up, is_placeholder};
use crate::model::{Confidence, Kind, Span};

/// The longest name that is read, and how far behind it a value may end.
const NAME: usize = 100;
const VALUE: usize = 400;

/// So many characters of base64 the shortest credential takes.
const SHORTEST_BASE64: usize = 28;

/// So far around a claim address the rest of a keyless file stands.
const KEYLESS: usize = 2048;

/// What may stand between an operator and a value: white space, YAML's `&anchor`, `!!tag`, `>-` and `|`, a line end, a
/// call, quotes.
macro_rules! value {
    () => {
        concat!(
            r#"[ \t]{0,8}(?:[&!][A-Za-z0-9_!:/.\-]{1,40}[ \t]{1,8}){0,2}(?:[|>][+\-]?[0-9]?[ \t]{0,4})?(?:\\?\r?\n[ \t]{0,60})?"#,
            r#"(?:[A-Za-z_.]{1,24}\()?(?:[bfruBFRU@$]{1,2}["'`])?(?:["'`\\(*]|&(?:quot|#34|#x22|#39);){0,40}([A-Za-z0-9_+/=.\-]{8,})"#
        )
    };
}

/// Quotes may be spelt as HTML spells them in attributes. A name is followed by: `= "…"`, `: …`, `=> '…'`, `", "…"`, ` …`; `:-…` and `|| "…"` of a default; `: string = …` of
/// a type; `</key><string>…` of a table or a list of properties; `| …` of a table in Markdown.
const ASSIGNMENT: &str = concat!(
    r#"^(?-u)(?:[ \t]{0,8}(?:["'`\\\])}!*]|&(?:quot|#34|#x22|#39);){1,40})?[ \t]{0,8}"#,
    r#"(?::?[ \t]{0,4}[A-Za-z&][A-Za-z0-9_<>\[\]|?& \t]{0,40}?=|</[A-Za-z:]{1,20}>\s{0,60}<[A-Za-z:]{1,20}>"#,
    r#"|=>|:[\-=?+]?|\?\?=?|\|\|=?|\?:|=|,|\||\{|>|or\b|[ \t])"#,
    value!()
);

/// Or its value is a field beside it: `{"name": "…", "value": "…"}` of Kubernetes and the consoles of hosts,
/// `key="…" value="…"`, Terraform's `variable "…" { default = "…" }`. First what stands between.
const FIELD: &str = concat!(
    r#"^(?-u)["'`\\]{0,40}((?:[ \t]{0,8}\{)?[^{}<>]{0,200}?)\b(?:[A-Za-z_]{0,20}[Vv]alue|VALUE|default)"#,
    r#"["'`\\]{0,40}[ \t]{0,8}[:=]"#,
    value!()
);

/// The same where the value stands before the name.
const FIELD_BEFORE: &str = concat!(
    r#"^(?-u)(?:alue|ALUE)["'`\\]{0,40}[ \t]{0,8}[:=]"#,
    value!(),
    r#"["'`\\]{0,40}([^{}<>]{0,200}?)(?:[Nn]ame|NAME|[Kk]ey|KEY)["'`\\]{0,40}[ \t]{0,8}[:=][ \t]{0,8}["'`\\]{0,40}$"#
);

/// Or an option of the command that keeps it: `gh secret set … --body …`, `vercel env add … <<< …`.
const OPTION: &str = concat!(
    r#"^(?-u)["']?((?:[ \t](?:[^\r\n;|&<>{}\\]|\\\r?\n){0,120}?)?)"#,
    r#"(?:--(?:body|value|secret-string)[= \t]|[ \t]-b=?|[ \t]<<<)"#,
    value!()
);

/// Or it is piped into that: `echo … | wrangler secret put …`.
const PIPED: &str = concat!(
    r#"(?-u)\b(?:echo|printf)(?:[ \t]{1,4}-[A-Za-z]{1,4})?(?:[ \t]{1,4}["']?%s(?:\\n)?["']?)?[ \t]{1,4}["']?"#,
    r#"([A-Za-z0-9_+/=.\-]{8,})(?:\\n)?["']?[ \t]{0,4}\|([^\r\n;|&<>]{0,120}\b(?:env|secrets?|variables?)\b[^\r\n;|&<>]{0,120})$"#
);

/// A value as the operator of an assignment gives it.
fn value_after(bytes: &[u8], name_end: usize) -> Option<Span> {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(ASSIGNMENT).ok());
    let window = &bytes[name_end..bytes.len().min(name_end + VALUE)];
    let value = PATTERN.as_ref()?.captures(window)?.get(1)?;
    Some(Span { start: name_end + value.start(), end: name_end + value.end() })
}

/// Whether what stands between a name and a value has another's name, or begins another item.
fn parts_items(between: &[u8]) -> bool {
    static OTHER: LazyLock<Option<Regex>> = LazyLock::new(|| {
        Regex::new(r#"(?i-u)(?:name|key)["'`\\]{0,40}[ \t]{0,8}[:=]|value["'`\\]{0,40}[ \t]{0,8}[:=]|\n[ \t]*-"#).ok()
    });
    OTHER.as_ref().is_none_or(|other| other.is_match(between))
}

/// The value of the field beside that of a name.
fn field_after(bytes: &[u8], name_end: usize) -> Option<Span> {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(FIELD).ok());
    let window = &bytes[name_end..bytes.len().min(name_end + VALUE)];
    // Most names have no such field near them, and the pattern looks at all that there is.
    if !["alue", "ALUE", "default"].iter().any(|word| memchr::memmem::find(window, word.as_bytes()).is_some()) {
        return None;
    }
    let captures = PATTERN.as_ref()?.captures(window)?;
    let value = captures.get(2).filter(|_| captures.get(1).is_some_and(|between| !parts_items(between.as_bytes())))?;
    Some(Span { start: name_end + value.start(), end: name_end + value.end() })
}

fn field_before(bytes: &[u8], name_start: usize) -> Option<Span> {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(FIELD_BEFORE).ok());
    let from = name_start.saturating_sub(VALUE);
    let window = &bytes[from..name_start];
    let last = |word: &[u8]| memchr::memmem::rfind(window, word);
    let at = last(b"alue").max(last(b"ALUE"))?;
    let captures = PATTERN.as_ref()?.captures(&window[at..])?;
    let value = captures.get(1).filter(|_| captures.get(2).is_some_and(|between| !parts_items(between.as_bytes())))?;
    Some(Span { start: from + at + value.start(), end: from + at + value.end() })
}

/// The value that the command which sets a name is given.
fn option_after(bytes: &[u8], name_end: usize) -> Option<Span> {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(OPTION).ok());
    let window = &bytes[name_end..bytes.len().min(name_end + VALUE)];
    // Most names have no such option behind them.
    if !["--", "-b", "<<<"].iter().any(|sign| memchr::memmem::find(window, sign.as_bytes()).is_some()) {
        return None;
    }
    let captures = PATTERN.as_ref()?.captures(window)?;
    let is_its_own = captures.get(1).is_some_and(|between| !is_about_another(between.as_bytes()));
    let value = captures.get(2).filter(|_| is_its_own && keeps_something(line_up_to(bytes, name_end)))?;
    Some(Span { start: name_end + value.start(), end: name_end + value.end() })
}

/// What stands in a line before `end`, or the last of it.
fn line_up_to(bytes: &[u8], end: usize) -> &[u8] {
    let line = &bytes[end.saturating_sub(VALUE)..end];
    memchr::memrchr2(b'\n', b'\r', line).map_or(line, |end| &line[end + 1..])
}

/// Whether what stands between a name and a value in a command has another variable's name, or is a comment's.
fn is_about_another(between: &[u8]) -> bool {
    static OTHER: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?-u)#|\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+").ok());
    OTHER.as_ref().is_none_or(|other| other.is_match(between))
}

/// Whether a line up to a name has a word of commands that keep what they are given by it.
fn keeps_something(line: &[u8]) -> bool {
    static WORDS: LazyLock<Option<Regex>> =
        LazyLock::new(|| Regex::new(r"(?-u)\b(?:secrets?|variables?|env|put|set|add|create)\b").ok());
    WORDS.as_ref().is_some_and(|words| words.is_match(line))
}

fn piped_before(bytes: &[u8], name_start: usize) -> Option<Span> {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(PIPED).ok());
    let line = line_up_to(bytes, name_start);
    // Most lines have no pipe.
    memchr::memchr(b'|', line)?;
    let captures = PATTERN.as_ref()?.captures(line)?;
    let value =
        captures.get(1).filter(|_| captures.get(2).is_some_and(|command| !is_about_another(command.as_bytes())))?;
    let from = name_start - line.len();
    Some(Span { start: from + value.start(), end: from + value.end() })
}

/// The name around `hit`: where it begins and ends.
fn name_around(bytes: &[u8], hit: usize) -> Option<Span> {
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(**byte, b'_' | b'-' | b'.' | b'$');
    let back = bytes[..hit].iter().rev().take(NAME).take_while(is_name).count();
    let on = bytes[hit..].iter().take(NAME).take_while(is_name).count();
    (back < NAME && on < NAME).then_some(Span { start: hit - back, end: hit + on })
}

/// A name without what its spelling puts between words.
fn plain_name(name: &[u8]) -> Vec<u8> {
    name.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect()
}

struct Judged {
    kind: Kind,
    end: usize,
    confidence: Confidence,
    reason: &'static str,
}

/// Finds what stands beside a name.
type Beside = fn(&[u8], Span) -> Option<Span>;

/// A variable whose name can tell of a credential.
struct Variable<'l, 'b> {
    layer: &'l Layer<'b>,
    name: Span,
    plain: Vec<u8>,
}

/// A variable whose name has a needle at `hit`.
pub(super) fn named(layer: &Layer<'_>, hit: usize, sights: &mut Vec<Sight>) {
    let bytes = layer.bytes;
    let Some(name) = name_around(bytes, hit) else { return };
    let plain = plain_name(&bytes[name.start..name.end]);
    if plain.ends_with(b"apikeysurl") {
        keyless(layer, name, sights);
        return;
    }
    if !can_tell(&plain) {
        others(layer, name, sights);
        return;
    }
    if is_about(&bytes[name.start..name.end], &plain) {
        return;
    }
    let names_clerk = memchr::memmem::find(&plain, b"clerk").is_some();
    if !names_clerk && plain == b"apikey" && !may_have_legacy_key(&bytes[name.end..bytes.len().min(name.end + VALUE)]) {
        return;
    }
    let variable = Variable { layer, name, plain };
    let beside: [Beside; 5] = [
        |bytes, name| value_after(bytes, name.end),
        |bytes, name| field_after(bytes, name.end),
        |bytes, name| field_before(bytes, name.start),
        |bytes, name| option_after(bytes, name.end),
        |bytes, name| piped_before(bytes, name.start),
    ];
    // Whose name says little is not looked after any further.
    for find in beside.iter().take(if names_clerk { beside.len() } else { 1 }) {
        if find(bytes, name).is_some_and(|value| variable.try_value(value, sights)) {
            return;
        }
    }
}

impl Variable<'_, '_> {
    fn name(&self) -> &[u8] {
        &self.layer.bytes[self.name.start..self.name.end]
    }

    /// Whether a value of this variable's is a credential, which is noted.
    fn try_value(&self, value: Span, sights: &mut Vec<Sight>) -> bool {
        let layer = self.layer;
        // Of both readings the better stays.
        let was_escaped = self.try_escaped(layer, value, value, sights);
        let text = &layer.bytes[value.start..value.end];
        // What stands between as an escape hides one from the other.
        let is_plain = |end: usize| layer.is_plain(self.name.start.min(value.start), self.name.end.max(end));
        if let Some(judged) = self.judge(text, value) {
            if !is_plain(value.start + judged.end) {
                self.note(layer, value.start, judged, sights);
            }
            return true;
        }
        let Some(inner) = in_base64(text).filter(|_| !was_escaped) else { return was_escaped };
        let Some(judged) = self.judge(inner.trim_ascii_end(), value) else { return false };
        if !is_plain(value.end) {
            let positions = Positions::Sextets { first: value.start };
            let below = Layer::decoded(layer, &inner, positions, (Encoding::Base64 { alignment: 0 }, "base64"));
            self.note(&below, 0, judged, sights);
        }
        true
    }

    /// The same of a value that goes on behind an escape, with that undone: the run around the escape, which is read by
    /// itself, need not have the name in it. `from`: where the whole of it stands in the variable's own layer.
    fn try_escaped(&self, layer: &Layer<'_>, value: Span, from: Span, sights: &mut Vec<Sight>) -> bool {
        const TURNS: usize = 3;
        if layer.escapes >= self.layer.escapes + TURNS || !escapes::goes_on(layer.bytes, value.end) {
            return false;
        }
        let Some(Decoded { text, positions, encoding, name, .. }) =
            escapes::decode_from(layer.bytes, value.start, value.end)
        else {
            return false;
        };
        let below = Layer::decoded(layer, &text, positions, (encoding, name));
        let is_value = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_+/=.-".contains(byte);
        let value = Span { start: 0, end: text.iter().take_while(is_value).count() };
        if self.try_escaped(&below, value, from, sights) {
            return true;
        }
        // What ends before the escape stands as it is.
        let Some(judged) = self.judge(&text[..value.end], from).filter(|judged| !below.is_plain(0, judged.end)) else {
            return false;
        };
        self.note(&below, 0, judged, sights);
        true
    }

    fn note(&self, layer: &Layer<'_>, start: usize, judged: Judged, sights: &mut Vec<Sight>) {
        let Judged { kind, end, confidence, reason } = judged;
        let text = &layer.bytes[start..start + end];
        let padding = text.iter().rev().take_while(|byte| **byte == b'=').count();
        let variable = Some(self.name()[context::reached_through(self.name())..].to_vec());
        let what = What::Key { key: KeyText::new(text), kind, confidence, reasons: vec![reason], variable };
        note_secret(layer, (start, start + end - padding, start + end), what, sights);
    }

    /// What a value says, which stands at `from` of the variable's layer.
    fn judge(&self, value: &[u8], from: Span) -> Option<Judged> {
        let near = || match context::names(self.name()) {
            Context::None => token::around(self.layer, from.start, from.end),
            own => own,
        };
        judge((self.name(), &self.plain), value, near)
    }
}

/// Another vendor's key that begins with `live_` or `test_`, by its variable's name.
fn others(layer: &Layer<'_>, name: Span, sights: &mut Vec<Sight>) {
    const LONGEST: usize = 64;
    let bytes = layer.bytes;
    let near = &bytes[name.end..bytes.len().min(name.end + 64)];
    if memchr::memmem::find(near, b"live_").or_else(|| memchr::memmem::find(near, b"test_")).is_none() {
        return;
    }
    let Some(value) = value_after(bytes, name.end) else { return };
    let text = &bytes[value.start..value.end];
    let Some(body) = text.strip_prefix(b"live_").or_else(|| text.strip_prefix(b"test_")) else { return };
    let Context::Other(vendor) = context::names(&bytes[name.start..name.end]) else { return };
    let is_whole = body.len() <= LONGEST && body.iter().all(u8::is_ascii_alphanumeric) && !is_placeholder(body);
    if is_whole && !layer.is_plain(name.start, value.end) {
        let vendor = Vendor { name: vendor, why: "its own variable's name says so" };
        let what = What::OtherVendor { vendor, token: KeyText::new(text), by_own_name: true };
        note(layer, value.start, value.end, what, sights);
    }
}

/// Whether a name can tell of any credential at all: most names that have a needle cannot.
fn can_tell(name: &[u8]) -> bool {
    let has = |part: &[u8]| memchr::memmem::find(name, part).is_some();
    has(b"clerk") || name == b"apikey" || has(b"machinesecret") || has(b"platformapikey")
}

/// Whether a name goes on behind the credential's and ends in a word for what is told of one: its hash, its number.
fn is_about(name: &[u8], plain: &[u8]) -> bool {
    const CREDENTIALS: [&str; 5] = ["machinesecret", "platformapikey", "encryptionkey", "apikey", "clerkkey"];
    const ABOUT: [&str; 11] =
        ["hash", "hashed", "md5", "sha1", "sha256", "sha384", "sha512", "digest", "checksum", "fingerprint", "version"];
    let end_of = |word: &&str| memchr::memmem::rfind(plain, word.as_bytes()).map(|at| at + word.len());
    let Some(behind) = CREDENTIALS.iter().filter_map(end_of).max().map(|end| &plain[end..]) else { return false };
    // So short that other words end in it.
    let is_number = || behind == b"id" || (behind.ends_with(b"id") && last_word(name).eq_ignore_ascii_case(b"id"));
    ABOUT.iter().any(|word| behind.ends_with(word.as_bytes())) || is_number()
}

/// The last word of a name, however it is spelt: `KEY_ID`, `keyId`, `keyID`.
fn last_word(name: &[u8]) -> &[u8] {
    let length = name.iter().rposition(u8::is_ascii_alphanumeric).map_or(0, |last| last + 1);
    let name = &name[..length];
    let begins = |at: usize| {
        at == 0
            || !name[at - 1].is_ascii_alphanumeric()
            || (name[at].is_ascii_uppercase() && !name[at - 1].is_ascii_uppercase())
    };
    let start = (0..name.len()).rev().find(|at| begins(*at)).unwrap_or_default();
    &name[start..]
}

/// The text of a value that is base64 as a whole, as Kubernetes' Secrets have them.
fn in_base64(value: &[u8]) -> Option<Vec<u8>> {
    let body = &value[..value.len() - value.iter().rev().take(2).take_while(|byte| **byte == b'=').count()];
    let is_one = body.len() >= SHORTEST_BASE64 && body.iter().all(|byte| is_base64(*byte));
    is_one.then(|| Run::of(body).decode(body, 0).text)
}

/// Whether what follows a name that everybody has could be a legacy key, as it is or in base64 as a whole.
fn may_have_legacy_key(behind: &[u8]) -> bool {
    ["live_", "test_", "bGl2ZV", "dGVzdF"].iter().any(|text| memchr::memmem::find(behind, text.as_bytes()).is_some())
}

/// What a value says by the name of its variable, as it is spelt and plain.
fn judge((spelt, name): (&[u8], &[u8]), value: &[u8], near: impl Fn() -> Context) -> Option<Judged> {
    let has = |part: &[u8]| memchr::memmem::find(name, part).is_some();
    let sure = |is_sure: bool| if is_sure { Confidence::High } else { Confidence::Medium };
    if has(b"machinesecret") {
        let end = opaque(value, spelt)?;
        let is_clerk = has(b"clerk") || near() == Context::Clerk;
        let reason = "ak_ and an opaque text, in a variable that names a machine's secret";
        return is_clerk.then_some(Judged { kind: Kind::MachineSecret, end, confidence: sure(has(b"clerk")), reason });
    }
    if has(b"platformapikey") {
        let end = opaque(value, spelt)?;
        let is_clerk = has(b"clerk") || near() == Context::Clerk;
        let reason = "ak_ and an opaque text, in a variable that names a platform API key";
        return is_clerk.then_some(Judged { kind: Kind::PlatformKey, end, confidence: sure(has(b"clerk")), reason });
    }
    if has(b"clerkencryptionkey") {
        let end = value.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
        let is_hex = matches!(end, 32 | 64) && value[..end].iter().all(u8::is_ascii_hexdigit);
        let reason = "64 or 32 hex digits as CLERK_ENCRYPTION_KEY";
        let is_drawn = is_hex && !is_placeholder(&value[..end]);
        return is_drawn.then_some(Judged { kind: Kind::EncryptionKey, end, confidence: Confidence::High, reason });
    }
    if has(b"apikey") || has(b"clerkkey") {
        let end = legacy(value)?;
        let is_clerk = has(b"clerk") || (name == b"apikey" && near() == Context::Clerk);
        let reason = "live_ or test_ and 34 letters and digits, as the value of Clerk's API key: the form before 2023";
        return is_clerk.then_some(Judged { kind: Kind::LegacyApiKey, end, confidence: sure(has(b"clerk")), reason });
    }
    None
}

/// `live_` or `test_` and exactly 34 letters and digits that somebody drew.
fn legacy(value: &[u8]) -> Option<usize> {
    const PREFIX: usize = 5;
    const BODY: usize = 34;
    let body = value.strip_prefix(b"live_").or_else(|| value.strip_prefix(b"test_"))?;
    let run = body.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count();
    (run == BODY && !is_made_up(&body[..BODY])).then_some(PREFIX + BODY)
}

/// `ak_` and a text that somebody drew: how long, no documentation says. `name` is its variable's.
fn opaque(value: &[u8], name: &[u8]) -> Option<usize> {
    const PREFIX: &[u8] = b"ak_";
    let body = value.strip_prefix(PREFIX)?;
    // How long these are nobody says: only what mostly parts texts is none of one.
    let run = body_length(body, [PREFIX, name], b"/");
    let padding = body[run..].iter().take(2).take_while(|byte| **byte == b'=').count();
    (run >= 20 && !is_placeholder(&body[..run])).then_some(PREFIX.len() + run + padding)
}

/// A claim address or a claim token at `hit`.
pub(super) fn claim(layer: &Layer<'_>, hit: usize, sights: &mut Vec<Sight>) {
    const TOKEN: usize = 40;
    let bytes = layer.bytes;
    let window = &bytes[hit..bytes.len().min(hit + VALUE)];
    let is_url_name = window.starts_with(b"claimUrl");
    if is_url_name && let Some(name) = name_around(bytes, hit) {
        keyless(layer, name, sights);
    }
    let start = if window.starts_with(b"claim?token=") {
        hit + "claim?token=".len()
    } else if is_url_name {
        // The address is found by its own needle; a bare token is this name's value.
        match value_after(bytes, hit + "claimUrl".len()) {
            Some(value) => value.start,
            None => return,
        }
    } else {
        match name_around(bytes, hit).and_then(|name| value_after(bytes, name.end)) {
            Some(value) => value.start,
            None => return,
        }
    };
    let is_token = |byte: &&u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let run = bytes[start..].iter().take(TOKEN + 1).take_while(is_token).count();
    let goes_on = bytes.get(start + run).is_some_and(u8::is_ascii_alphanumeric);
    if run != TOKEN || goes_on || is_made_up(&bytes[start..start + TOKEN]) {
        return;
    }
    let end = start + TOKEN;
    if layer.is_plain(hit.min(start), end) {
        return;
    }
    let names_clerk = || {
        let near = &bytes[hit.saturating_sub(KEYLESS)..bytes.len().min(end + KEYLESS)];
        memchr::memmem::find(&near.to_ascii_lowercase(), b"clerk").is_some() || is_keyless(near)
    };
    let confidence = if names_clerk() { Confidence::High } else { Confidence::Medium };
    // Any site may have an address to claim something at.
    let is_anybodys = || {
        let near = &bytes[hit.saturating_sub(VALUE)..end];
        !["claimUrl", "claimToken"].iter().any(|name| memchr::memmem::find(near, name.as_bytes()).is_some())
    };
    if confidence != Confidence::High && window.starts_with(b"claim?token=") && is_anybodys() {
        return;
    }
    let what = What::Key {
        key: KeyText::new(&bytes[start..end]),
        kind: Kind::ClaimToken,
        confidence,
        reasons: vec!["40 lowercase letters and digits as the token of a keyless application's claim address"],
        variable: context::variable(bytes, start).map(<[u8]>::to_vec),
    };
    note(layer, start, end, what, sights);
}

/// Whether text has the fields that Clerk's keyless mode writes (`packages/shared/src/keyless/nodeFileStorage.ts`).
fn is_keyless(text: &[u8]) -> bool {
    let has = |name: &[u8]| memchr::memmem::find(text, name).is_some();
    has(b"secretKey") && has(b"publishableKey") && (has(b"claimUrl") || has(b"apiKeysUrl"))
}

/// A keyless application's file, of which `name` is a field: told once, at its first address.
fn keyless(layer: &Layer<'_>, name: Span, sights: &mut Vec<Sight>) {
    let bytes = layer.bytes;
    let before = &bytes[name.start.saturating_sub(KEYLESS)..name.start];
    let is_second = ["claimUrl", "apiKeysUrl"].iter().any(|field| {
        // In the same object: no end of one between.
        memchr::memmem::rfind(before, field.as_bytes()).is_some_and(|at| memchr::memchr(b'}', &before[at..]).is_none())
    });
    let from = memchr::memrchr(b'{', before).map_or(0, |at| name.start - before.len() + at);
    let behind = &bytes[name.end..bytes.len().min(name.end + KEYLESS)];
    let to = memchr::memchr(b'}', behind).map_or(name.end + behind.len(), |at| name.end + at);
    let object = &bytes[from..to];
    if is_second || !is_keyless(object) || layer.is_plain(from, to) {
        return;
    }
    // The application's own ids identify it; without them its publishable key does.
    let publishable = || {
        let at = memchr::memmem::find(object, b"pk_")?;
        decode_publishable(&object[at..]).map(|key| key.text.into_bytes())
    };
    let ids = dashboard::ids(object).map(|(application, instance)| format!("{application}/{instance}").into_bytes());
    let Some(text) = ids.or_else(publishable) else { return };
    let what = What::Key {
        key: KeyText::new(&text),
        kind: Kind::KeylessApplication,
        confidence: Confidence::High,
        reasons: vec!["the file that Clerk's keyless mode writes: its application may not be claimed yet"],
        variable: None,
    };
    note(layer, name.start, name.end, what, sights);
}
