//! Templates: `«key live k1»` becomes a random key that goes by the name of k1, `«base64 …»` what it encloses in
//! base64. `corpus/README.md` lists them.

use std::collections::HashMap;
use std::ops::Range;

use crate::secrets::{Alphabet, Padding, base64};
use crate::shapes::{Draw, publishable};
use crate::wrap::{words_of, wrap};

/// A text with all its templates expanded.
pub(crate) struct Expanded {
    pub(crate) bytes: Vec<u8>,
    /// Where each named text came to stand, in that order.
    pub(crate) marks: Vec<Mark>,
}

/// One place of a named text.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) name: String,
    /// Which place of that name this is, from 1.
    pub(crate) nth: usize,
    /// The text itself, with nothing applied.
    pub(crate) text: Vec<u8>,
    /// The bytes that stand for it; for what is compressed, the whole of that.
    pub(crate) span: Range<usize>,
    pub(crate) is_compressed: bool,
    /// The encodings that changed it, outermost first.
    pub(crate) chain: Vec<&'static str>,
    piece: Piece,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Piece {
    Whole,
    First,
    Further,
}

/// Expands `content`; the same every time for the same seed and case.
pub(crate) fn expand(content: &str, seed: u64, case: &str) -> Result<Expanded, String> {
    let nodes = Parser { text: content, at: 0 }.nodes(0)?;
    let mut values = Values { draw: Draw::new(seed, case), named: HashMap::new() };
    let mut out = Output::default();
    values.expand(&nodes, &mut out)?;
    if let Some(end) = out.end {
        out.bytes.truncate(end);
    }
    let mut marks: Vec<Mark> = Vec::new();
    out.marks.sort_by_key(|mark| mark.span.start);
    for mark in out.marks {
        match marks.iter_mut().rfind(|earlier| earlier.name == mark.name) {
            Some(first) if mark.piece == Piece::Further => first.span.end = mark.span.end,
            earlier => {
                let nth = earlier.map_or(1, |earlier| earlier.nth + 1);
                marks.push(Mark { nth, ..mark });
            }
        }
    }
    Ok(Expanded { bytes: out.bytes, marks })
}

#[derive(Clone)]
enum Node {
    Text(String),
    Call { name: String, body: Vec<Node> },
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
}

impl Parser<'_> {
    fn nodes(&mut self, depth: usize) -> Result<Vec<Node>, String> {
        let mut nodes = Vec::new();
        loop {
            let rest = &self.text[self.at..];
            let next = rest.find(['«', '»']).unwrap_or(rest.len());
            if next > 0 {
                nodes.push(Node::Text(rest[..next].to_owned()));
                self.at += next;
            }
            if rest[next..].starts_with('«') {
                self.at += '«'.len_utf8();
                nodes.push(self.call(depth + 1)?);
            } else if rest[next..].starts_with('»') {
                if depth == 0 {
                    return Err(format!(
                        "a » too many before {:?}",
                        &rest[next..].chars().take(20).collect::<String>()
                    ));
                }
                self.at += '»'.len_utf8();
                return Ok(nodes);
            } else if depth > 0 {
                return Err("a » is missing".to_owned());
            } else {
                return Ok(nodes);
            }
        }
    }

    fn call(&mut self, depth: usize) -> Result<Node, String> {
        let name = self.word();
        Ok(Node::Call { name, body: self.nodes(depth)? })
    }

    /// The next word and the one blank or line end behind it.
    fn word(&mut self) -> String {
        let rest = &self.text[self.at..];
        let end = rest.find([' ', '\n', '«', '»']).unwrap_or(rest.len());
        let word = rest[..end].to_owned();
        self.at += end + usize::from(rest[end..].starts_with([' ', '\n']));
        word
    }
}

#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    marks: Vec<Mark>,
    /// Where `«end»` stood.
    end: Option<usize>,
}

impl Output {
    fn mark(&mut self, name: &str, text: &[u8], start: usize, piece: Piece) {
        self.marks.push(Mark {
            name: name.to_owned(),
            nth: 0,
            text: text.to_vec(),
            span: start..self.bytes.len(),
            is_compressed: false,
            chain: Vec::new(),
            piece,
        });
    }

    fn named(&mut self, name: Option<&String>, text: &str) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(text.as_bytes());
        if let Some(name) = name {
            self.mark(name, text.as_bytes(), start, Piece::Whole);
        }
    }
}

struct Values {
    draw: Draw,
    named: HashMap<String, String>,
}

impl Values {
    fn expand(&mut self, nodes: &[Node], out: &mut Output) -> Result<(), String> {
        for node in nodes {
            match node {
                Node::Text(text) => out.bytes.extend_from_slice(text.as_bytes()),
                Node::Call { name, body } => {
                    self.call(name, body, out).map_err(|wrong| format!("«{name} …»: {wrong}"))?;
                }
            }
        }
        Ok(())
    }

    fn call(&mut self, name: &str, body: &[Node], out: &mut Output) -> Result<(), String> {
        match name {
            "as" => return self.region(body, out),
            "end" => {
                out.end = Some(out.bytes.len());
                return Ok(());
            }
            _ => {}
        }
        if let Some(count) = words_of(name) {
            return self.wrapped(name, count, body, out);
        }
        let words = leaf_words(body)?;
        match name {
            "let" => {
                let (name, words) = words.split_first().ok_or("nothing to make")?;
                self.made(name, words).map(drop)
            }
            "head" | "tail" | "part" => self.piece(name, &words, out),
            "byte" => {
                for word in &words {
                    out.bytes.push(u8::from_str_radix(word, 16).map_err(|_| format!("{word:?} is no byte"))?);
                }
                Ok(())
            }
            _ if words.is_empty() && self.named.contains_key(name) => {
                let text = self.named[name].clone();
                out.named(Some(&name.to_owned()), &text);
                Ok(())
            }
            _ => {
                let (text, mark) = self.made(name, &words)?;
                out.named(mark.as_ref(), &text);
                Ok(())
            }
        }
    }

    /// `«as NAME …»`: what it encloses goes by that name.
    fn region(&mut self, body: &[Node], out: &mut Output) -> Result<(), String> {
        let (words, body) = leading_words(body, 1)?;
        let start = out.bytes.len();
        self.expand(&body, out)?;
        let text = out.bytes[start..].to_vec();
        out.mark(&words[0], &text, start, Piece::Whole);
        Ok(())
    }

    fn wrapped(&mut self, name: &str, count: usize, body: &[Node], out: &mut Output) -> Result<(), String> {
        let (words, body) = leading_words(body, count)?;
        let mut inner = Output::default();
        self.expand(&body, &mut inner)?;
        inner.bytes.truncate(inner.end.unwrap_or(usize::MAX));
        let encoded = wrap(name, &words, &inner.bytes)?;
        let start = out.bytes.len();
        for mut mark in inner.marks {
            let before = &inner.bytes[mark.span.clone()];
            let span = encoded.span(mark.span.start, mark.span.end);
            let is_changed = span.as_ref().is_none_or(|span| encoded.bytes[span.clone()] != *before);
            if is_changed && !encoded.name.is_empty() {
                mark.chain.insert(0, encoded.name);
            }
            mark.is_compressed |= span.is_none();
            let span = span.unwrap_or(0..encoded.bytes.len());
            mark.span = start + span.start..start + span.end;
            out.marks.push(mark);
        }
        out.bytes.extend_from_slice(&encoded.bytes);
        Ok(())
    }

    /// `«head k1 20»`: the prefix of k1 and 20 characters of its body; `«part k1 20 30»`; `«tail k1 30»`: the rest.
    fn piece(&mut self, which: &str, words: &[String], out: &mut Output) -> Result<(), String> {
        let text = words.first().and_then(|name| self.named.get(name)).ok_or("no such name")?.clone();
        let body = text.rfind('_').map_or(0, |at| at + 1);
        let cut = |at: usize| {
            let cut = words.get(at).and_then(|word| word.parse::<usize>().ok()).map(|cut| body + cut);
            cut.filter(|cut| *cut <= text.len()).ok_or("no such cut")
        };
        let range = match which {
            "head" => 0..cut(1)?,
            "part" => cut(1)?..cut(2)?,
            _ => cut(1)?..text.len(),
        };
        let start = out.bytes.len();
        out.bytes.extend_from_slice(&text.as_bytes()[range]);
        let piece = if which == "head" { Piece::First } else { Piece::Further };
        out.mark(&words[0], text.as_bytes(), start, piece);
        Ok(())
    }

    /// A new random or fixed text, and the name it was given.
    fn made(&mut self, what: &str, words: &[String]) -> Result<(String, Option<String>), String> {
        let word = |at: usize| words.get(at).map(String::as_str).ok_or("a word is missing");
        let number = |at: usize| word(at)?.parse::<usize>().map_err(|_| "no number");
        let draw = &mut self.draw;
        // The text, and how many words it took; what comes behind is the name.
        let (text, taken) = match what {
            "key" => (format!("sk_{}_{}", word(0)?, draw.body()), 1),
            "sk" | "rk" => (format!("{what}_{}_{}", word(0)?, draw.shape(word(1)?)?), 2),
            "tok" => (format!("{}{}", word(0)?, draw.shape(word(1)?)?), 2),
            "legacy" => (format!("{}_{}", word(0)?, draw.shape("34")?), 1),
            "whsec" => (format!("whsec_{}", draw.shape("b64-32")?), 0),
            "ak" => (format!("ak_{}", draw.shape("43")?), 0),
            "claim" => (draw.shape("lower40")?, 0),
            "encryption" => (draw.shape("hex64")?, 0),
            "pk" => (publishable(word(0)?, word(1)?, Padding::None), 2),
            "pk-padded" => (publishable(word(0)?, word(1)?, Padding::Full), 2),
            "half" => (format!("sk_{}_{}{}", word(0)?, draw.shape(word(1)?)?, word(2)?.repeat(number(3)?)), 4),
            "jwt" => (draw.jwt(), 0),
            "shape" => (draw.shape(word(0)?)?, 1),
            "alnum" | "hex" | "HEX" | "lower" | "digits" => (draw.shape(&format!("{what}{}", number(0)?))?, 1),
            "uuid" => (draw.shape("uuid")?, 0),
            "rep" => (word(1)?.repeat(number(0)?), 2),
            "alphabet" => (('a'..='z').chain('0'..='9').chain('A'..='Z').cycle().take(number(0)?).collect(), 1),
            "nul" => ("\0".to_owned(), 0),
            "cr" => ("\r".to_owned(), 0),
            "tab" => ("\t".to_owned(), 0),
            "esc" => ("\x1b".to_owned(), 0),
            "bom" => ("\u{feff}".to_owned(), 0),
            "none" => (String::new(), 0),
            "b64-text" => (base64(words.join(" ").as_bytes(), Alphabet::Standard, Padding::Full), words.len()),
            _ => return Err("no such template".to_owned()),
        };
        let name = words.get(taken).cloned();
        if words.len() > taken + 1 {
            return Err(format!("{:?} is too much", words[taken + 1]));
        }
        if let Some(name) = &name
            && self.named.insert(name.clone(), text.clone()).is_some()
        {
            return Err(format!("{name:?} has a meaning already"));
        }
        Ok((text, name))
    }
}

fn leaf_words(body: &[Node]) -> Result<Vec<String>, String> {
    match body {
        [] => Ok(Vec::new()),
        [Node::Text(text)] => Ok(text.split_whitespace().map(str::to_owned).collect()),
        _ => Err("it encloses no other".to_owned()),
    }
}

/// The first `count` words of what a template encloses, and the rest.
fn leading_words(body: &[Node], count: usize) -> Result<(Vec<String>, Vec<Node>), String> {
    let mut rest: Vec<Node> = body.to_vec();
    let mut words = Vec::new();
    for _ in 0..count {
        let Some(Node::Text(text)) = rest.first_mut() else { return Err("a word is missing".to_owned()) };
        let end = text.find([' ', '\n']).ok_or("a word is missing")?;
        words.push(text[..end].to_owned());
        *text = text[end + 1..].to_owned();
    }
    Ok((words, rest))
}
