//! Characters that must not stand in anything that somebody reads.

/// Whether a character does something to a terminal, or cannot be seen: controls, characters that turn the reading
/// direction, separators of lines and paragraphs, and all that prints nothing.
///
/// What prints nothing is told because two names that look alike must not be different ones.
pub fn is_hidden(character: char) -> bool {
    matches!(character,
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}'
        | '\u{13430}'..='\u{13455}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// Writes a hidden character as JSON's strings have it.
pub fn json_escape(hidden: char) -> String {
    hidden.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect()
}

/// A JSON text on one line in which no character is hidden: outside of strings it has none.
pub fn harmless_json(text: &str) -> String {
    let mut harmless = String::with_capacity(text.len());
    for character in text.chars() {
        match is_hidden(character) {
            true => harmless.push_str(&json_escape(character)),
            false => harmless.push(character),
        }
    }
    harmless
}
