//! The checklist's Markdown as HTML.
//!
//! No reader of Markdown at large: it knows the few forms that `checklist::sheet` writes, and takes everything else
//! for text. Foreign text stands in code spans there, which are read as CommonMark has them; all of it is escaped.

use super::super::escape::markup;

/// Where a link may lead.
const HOSTS: [&str; 2] = ["https://dashboard.clerk.com/", "https://clerk.com/docs/"];

/// The page's body.
pub(super) fn to_html(text: &str) -> String {
    let mut page = Page::default();
    for line in text.lines() {
        page.line(line);
    }
    page.close_all();
    page.html
}

#[derive(Default)]
struct Page {
    html: String,
    /// How many lists are open, each with an item open in it.
    depth: usize,
    /// What closes the outermost list.
    ordered: bool,
    in_section: bool,
    in_quote: bool,
}

impl Page {
    fn line(&mut self, line: &str) {
        let quoted = line.strip_prefix('>').map(|rest| rest.strip_prefix(' ').unwrap_or(rest));
        if quoted.is_some() != self.in_quote {
            self.close_lists(0);
            self.in_quote = quoted.is_some();
            self.html.push_str(if self.in_quote { "<blockquote>\n" } else { "</blockquote>\n" });
        }
        self.plain_line(quoted.unwrap_or(line));
    }

    fn plain_line(&mut self, line: &str) {
        let trimmed = line.trim_start_matches(' ');
        let depth = (line.len() - trimmed.len()) / 2;
        let number = trimmed.split_once(". ").filter(|(digits, _)| digits.bytes().all(|byte| byte.is_ascii_digit()));
        if let Some(title) = line.strip_prefix("## ") {
            self.section(title);
        } else if let Some(title) = line.strip_prefix("### ") {
            self.block("h3", title);
        } else if line.starts_with("# ") {
            // The page has its own title.
        } else if let Some(item) = trimmed.strip_prefix("- ") {
            self.item(depth, "ul", item);
        } else if let Some((_, item)) = number.filter(|(digits, _)| !digits.is_empty()) {
            self.item(0, "ol", item);
        } else if line.is_empty() {
            self.close_lists(0);
        } else {
            self.block("p", line);
        }
    }

    fn section(&mut self, title: &str) {
        self.close_all();
        let key = title.split_once(". ").map(|(number, _)| number);
        let key = key.filter(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
        let id = match key {
            Some(number) => format!("key-{number}"),
            None => {
                let words = title.split(|character: char| !character.is_ascii_alphanumeric());
                words.filter(|word| !word.is_empty()).take(2).collect::<Vec<_>>().join("-").to_ascii_lowercase()
            }
        };
        let marked = if key.is_some() { " data-key" } else { "" };
        self.html.push_str(&format!("<section id=\"{id}\"{marked}>\n<h2>{}</h2>\n", inline(title)));
        self.in_section = true;
    }

    fn block(&mut self, tag: &str, text: &str) {
        self.close_lists(0);
        self.html.push_str(&format!("<{tag}>{}</{tag}>\n", inline(text)));
    }

    fn item(&mut self, depth: usize, list: &str, text: &str) {
        // No item is deeper than one below the last.
        let depth = depth.min(self.depth);
        self.close_lists(depth + 1);
        if self.depth > depth {
            self.html.push_str("</li>\n");
        } else {
            if depth == 0 {
                self.ordered = list == "ol";
            }
            self.html.push_str(&format!("\n<{list}>\n"));
            self.depth += 1;
        }
        let checked = [("[ ] ", ""), ("[x] ", " checked")]
            .into_iter()
            .find_map(|(mark, checked)| Some((text.strip_prefix(mark)?, checked)));
        match checked {
            Some((text, checked)) => self.html.push_str(&format!(
                "<li class=\"tick\"><label><input type=\"checkbox\"{checked}> <span>{}</span></label>",
                inline(text)
            )),
            None => self.html.push_str(&format!("<li>{}", inline(text))),
        }
    }

    fn close_lists(&mut self, until: usize) {
        while self.depth > until {
            self.depth -= 1;
            self.html.push_str(if self.depth == 0 && self.ordered { "</li>\n</ol>\n" } else { "</li>\n</ul>\n" });
        }
    }

    fn close_all(&mut self) {
        self.close_lists(0);
        if std::mem::take(&mut self.in_quote) {
            self.html.push_str("</blockquote>\n");
        }
        if std::mem::take(&mut self.in_section) {
            self.html.push_str("</section>\n");
        }
    }
}

/// One line of text: code spans, strong text, addresses, and backslashes before punctuation.
fn inline(text: &str) -> String {
    let mut html = String::new();
    let mut strong = false;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if first == '`'
            && let Some((code, after)) = code_span(rest)
        {
            html.push_str(&format!("<code>{}</code>", markup(code)));
            rest = after;
        } else if let Some(after) = rest.strip_prefix("**") {
            html.push_str(if strong { "</strong>" } else { "<strong>" });
            strong = !strong;
            rest = after;
        } else if first == '<'
            && let Some((address, after)) = rest[1..].split_once('>')
            && HOSTS.iter().any(|host| address.starts_with(host))
        {
            html.push_str(&format!("<a href=\"{0}\" rel=\"noreferrer noopener\">{0}</a>", markup(address)));
            rest = after;
        } else {
            let after =
                rest.strip_prefix('\\').filter(|after| after.starts_with(|next: char| next.is_ascii_punctuation()));
            let from = after.unwrap_or(rest);
            let length = from.chars().next().map_or(0, char::len_utf8);
            html.push_str(&markup(&from[..length]).to_string());
            rest = &from[length..];
        }
    }
    if strong {
        html.push_str("</strong>");
    }
    html
}

/// The content of the code span that `text` begins with, and what follows it (CommonMark 0.31, section 6.1).
fn code_span(text: &str) -> Option<(&str, &str)> {
    let fence = text.len() - text.trim_start_matches('`').len();
    let mut from = fence;
    loop {
        let at = from + text[from..].find('`')?;
        let run = text[at..].len() - text[at..].trim_start_matches('`').len();
        if run == fence {
            let code = &text[fence..at];
            let is_blank = code.bytes().all(|byte| byte == b' ');
            let padded = code.strip_prefix(' ').and_then(|code| code.strip_suffix(' ')).filter(|_| !is_blank);
            return Some((padded.unwrap_or(code), &text[at + run..]));
        }
        from = at + run;
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::escape;
    use super::*;

    #[test]
    fn the_forms_of_a_sheet_become_those_of_a_page() {
        let text = "# T\n\nPara **bold** `a<b` \\<i\\> <https://clerk.com/docs/x>\n\n> **Mind**\n>\n> - so\n\n## 1. `k` (live)\n\n- a\n  - b\n  - [ ] c\n- [x] d\n\n1. x\n2. y\n";
        assert_eq!(
            to_html(text),
            "<p>Para <strong>bold</strong> <code>a&lt;b</code> &lt;i&gt; <a href=\"https://clerk.com/docs/x\" \
             rel=\"noreferrer noopener\">https://clerk.com/docs/x</a></p>\n<blockquote>\n<p><strong>Mind</strong></p>\n\n<ul>\n<li>so</li>\n</ul>\n</blockquote>\n\
             <section id=\"key-1\" data-key>\n<h2>1. <code>k</code> (live)</h2>\n\n<ul>\n<li>a\n<ul>\n<li>b</li>\n\
             <li class=\"tick\"><label><input type=\"checkbox\"> <span>c</span></label></li>\n</ul>\n</li>\n\
             <li class=\"tick\"><label><input type=\"checkbox\" checked> <span>d</span></label></li>\n</ul>\n\n<ol>\n<li>x</li>\n\
             <li>y</li>\n</ol>\n</section>\n"
        );
    }

    #[test]
    fn whatever_stands_in_a_code_span_stays_text() {
        for text in [
            "<script>x</script>",
            "`` ` ```",
            " ` ",
            "**a**",
            "<https://clerk.com/docs/x>",
            "a\n- b",
            "",
            "\\<",
            "````",
        ] {
            let html = inline(&format!("x {} y", escape::markdown(text)));
            let shown = escape::terminal(text).to_string();
            // Long runs of backticks are escaped in Markdown as well.
            let shown = if text == "````" { "\\u{60}".repeat(4) } else { shown };
            let code = if text.is_empty() { "(empty)".to_owned() } else { format!("<code>{}</code>", markup(&shown)) };
            assert_eq!(html, format!("x {code} y"), "{text:?}");
        }
    }

    #[test]
    fn only_clerks_addresses_become_links() {
        for address in ["https://evil.example/", "https://clerk.com.evil.example/docs/", "javascript:alert(1)"] {
            assert!(!inline(&format!("<{address}>")).contains("<a "), "{address}");
        }
    }
}
