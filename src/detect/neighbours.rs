//! Other credentials beside a key, by the names of their variables: whoever has the file has them too.
//!
//! Names alone say little: programs are full of `accessToken: string` and `token = getToken(request)`. So a value is
//! looked at too, whether somebody could have written a credential there.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::context;
use super::encoding::wide;

/// A variable that seems to hold a credential.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Neighbour {
    /// Its name; the value is never kept.
    pub name: Vec<u8>,
    /// The line, from 1.
    pub line: u64,
}

/// How far into a file neighbours are looked for, and how many are told.
const READ: usize = 1 << 20;
const MOST: usize = 40;

/// What stands before a value: an operator and, on its line, a quote; YAML's `|` and a line end; a line end and a quote;
/// or a command that takes a name and a value. A value that is not there takes nothing of the next line.
const BEFORE: &str = concat!(
    r#"(?m)(?-u)(?:[:=]|\|\||\?\?)[>=\-]?[ \t]{0,8}"#,
    r#"(?:\r?\n[ \t]{1,60}[bfruBFRU@$]{0,2}\\{0,3}["'`]"#,
    r#"|(?:[|>][+\-]?[0-9]?[ \t]{0,4}\r?\n[ \t]{1,60})?(?:[bfruBFRU@$]{0,2}\\{0,3}["'`])?)"#,
    r#"|^[ \t]{0,16}(?:ENV|ARG|setx)[ \t]{1,8}[A-Za-z_][A-Za-z0-9_]{1,80}[ \t]{1,8}["']?"#
);

/// The credentials other than Clerk's secret keys that `text` gives values to. Cost: linear, some microseconds a value.
pub fn siblings(text: &[u8]) -> Vec<Neighbour> {
    static PATTERN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(BEFORE).ok());
    let Some(before) = PATTERN.as_ref() else { return Vec::new() };
    let text = plain(&text[..text.len().min(READ)]);
    let is_code = reads_as_code(&text);
    let mut found: Vec<Neighbour> = Vec::new();
    let (mut line, mut counted, mut from) = (1, 0, 0);
    while let Some(operator) = before.find_at(&text, from) {
        from = operator.end();
        let Some(value) = Value::behind(&text, operator.start(), operator.end(), is_code) else { continue };
        let Some(at) = context::variable_at(&text, value.start) else { continue };
        let name = &text[at.start..at.end];
        // The last part of a path or an address is no name, `registry.example/api-token:v1`; a comment's first word can be.
        let is_part = matches!(text[..at.start], [.., b'@'] | [b'/'] | [.., b'!'..=b'.' | b'0'..=b'~', b'/']);
        // A claim token is a finding of its own.
        let is_claim = text[..at.start].ends_with(b"claim?");
        if is_part || is_claim || !value.could_be_credential(name) {
            continue;
        }
        from = value.start + value.text.len();
        if found.iter().any(|old| old.name == name) {
            continue;
        }
        line += memchr::memchr_iter(b'\n', &text[counted..value.start]).count() as u64;
        counted = value.start;
        found.push(Neighbour { name: name.to_vec(), line });
        if found.len() == MOST {
            break;
        }
    }
    found
}

/// The text, of a file in UTF-16 as well.
fn plain(text: &[u8]) -> Cow<'_, [u8]> {
    /// Wide text is wide from its beginning.
    const START: usize = 64;
    let is_character = |byte: u8| matches!(byte, b'\t' | b'\n' | b'\r' | b' '..=b'~');
    let is_wide = |four: &[u8]| is_character(four[0]) && four[1] == 0 && is_character(four[2]) && four[3] == 0;
    match text[..text.len().min(START)].windows(4).position(is_wide) {
        Some(at) => wide::decode(text, at).into_iter().next().map_or(Cow::Borrowed(text), |read| Cow::Owned(read.text)),
        None => Cow::Borrowed(text),
    }
}

/// Whether lines end as those of programs do. What has no quotes around it is an expression or a type there.
fn reads_as_code(text: &[u8]) -> bool {
    const LINES: usize = 2048;
    text.split(|byte| *byte == b'\n').take(LINES).any(|line| {
        let line = line.trim_ascii();
        let is_comment = line.starts_with(b"#") || line.starts_with(b"//");
        let opens = match line {
            [.., before, b' ', b'{'] => before.is_ascii_alphanumeric() || matches!(before, b')' | b'>' | b'_'),
            [.., b')', b'{' | b':'] | [.., b'('] | [.., b'=', b'>'] => true,
            _ => false,
        };
        // A connection string ends so too.
        let is_statement = line.ends_with(b";") && memchr::memchr_iter(b';', line).count() == 1;
        let declares = [&b"const "[..], b"let ", b"var ", b"import ", b"export const ", b"interface "];
        !is_comment && (opens || is_statement || declares.iter().any(|word| line.starts_with(word)))
    })
}

/// What is given to a variable.
struct Value<'t> {
    text: &'t [u8],
    start: usize,
    is_quoted: bool,
    /// Whether the operator stands between name and value without a blank, as in files of settings.
    is_tight: bool,
    is_code: bool,
}

impl<'t> Value<'t> {
    /// The value whose operator, and opening quote if it has one, are `from..start`, where it is a literal of some length.
    fn behind(all: &'t [u8], from: usize, start: usize, is_code: bool) -> Option<Self> {
        /// Of a longer one the beginning tells as much.
        const LONGEST: usize = 256;
        const SHORTEST: usize = 6;
        let byte = |at: usize| all.get(at).copied();
        let before = from.checked_sub(1).and_then(byte).unwrap_or(b'\n');
        // Comparisons, and paths of modules.
        let compares = byte(from) == Some(b'=') && (byte(from + 1) == Some(b'=') || b"=!<>".contains(&before));
        if compares || matches!((before, byte(from)), (b':', Some(b':'))) {
            return None;
        }
        let quote = all[from..start].last().copied().filter(|last| b"\"'`".contains(last));
        let window = &all[start..all.len().min(start + LONGEST)];
        let ends = |byte: &u8| match quote {
            Some(quote) => *byte == quote || *byte == b'\n',
            None if window.starts_with(b"-----BEGIN") => *byte == b'\n',
            None => byte.is_ascii_whitespace() || b"\"'`,\\".contains(byte),
        };
        let length = window.iter().position(ends).unwrap_or(window.len());
        let text = window[..length].trim_ascii_end();
        let text = if quote.is_some() { text.strip_suffix(b"\\").unwrap_or(text) } else { text };
        if text.len() < SHORTEST || matches!(text[0], b'=' | b':' | b'>' | b'(' | b'{' | b'[') {
            return None;
        }
        let behind = all[start + length..].iter().take(LONGEST);
        let mut behind = behind.skip(usize::from(quote.is_some())).filter(|byte| !matches!(byte, b' ' | b'\t' | b'\\'));
        // A name of its own, or a part of an expression.
        let goes_on = match behind.next() {
            _ if length == LONGEST => false,
            _ if quote.is_none() => !is_alone(&all[start + length..]),
            Some(b':' | b'+' | b'=') => true,
            _ => false,
        };
        let is_tight =
            byte(from) == Some(b'=') && start - from <= 1 + 3 * usize::from(quote.is_some()) && before > b' ';
        (!goes_on).then_some(Self { text, start, is_quoted: quote.is_some(), is_tight, is_code })
    }

    /// Whether a credential could stand there, if `name` says that one does or the value does by itself.
    fn could_be_credential(&self, name: &[u8]) -> bool {
        let name = name.rsplit(|byte| *byte == b'.').next().unwrap_or(name);
        let text = self.text;
        if is_placeholder(text) || is_other_finding(text) || is_public(name, text) {
            return false;
        }
        let says_so = BEGINNINGS.iter().any(|prefix| text.starts_with(prefix.as_bytes())) || is_private_key(text);
        if says_so || opens_something(text) && names_credential(name) {
            return true;
        }
        if !names_credential(name) || is_about_credential(name) || is_address(text) || is_path(text) {
            return false;
        }
        let shouts = name.len() > 2 && !name.iter().any(u8::is_ascii_lowercase);
        let is_setting = shouts && (self.is_tight || !self.is_code);
        let is_written = self.is_quoted || (!is_expression(text) && (is_setting || !self.is_code));
        if !is_written || (text.contains(&b' ') && !is_setting) {
            return false;
        }
        is_setting || !is_words(text) || (is_password(name) && !self.is_code && !is_same(name, text))
    }
}

/// Whether nothing that belongs to an expression stands behind a value without quotes.
fn is_alone(behind: &[u8]) -> bool {
    let blanks = behind.iter().take(64).take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r')).count();
    match &behind[blanks..] {
        [] | [b'\n' | b',' | b'"' | b'\'' | b'`' | b'\\', ..] => true,
        [b'#' | b'}' | b']', ..] | [b'/', b'/', ..] => blanks > 0,
        _ => false,
    }
}

/// What credentials and addresses with one begin with.
const BEGINNINGS: &[&str] = &[
    "sk_",
    "rk_",
    "whsec_",
    "ghp_",
    "github_pat_",
    "glpat-",
    "xoxb-",
    "xoxp-",
    "AKIA",
    "SG.",
    "postgres://",
    "postgresql://",
    "mysql://",
    "mongodb://",
    "mongodb+srv://",
    "redis://",
    "rediss://",
    "amqp://",
    "npm_",
];

fn has(text: &[u8], part: &str) -> bool {
    memchr::memmem::find(text, part.as_bytes()).is_some()
}

fn names_credential(name: &[u8]) -> bool {
    const NAMES: &[&str] = &[
        "SECRET",
        "TOKEN",
        "PASSWORD",
        "PASSWD",
        "PRIVATE_KEY",
        "PRIVATEKEY",
        "API_KEY",
        "APIKEY",
        "ACCESS_KEY",
        "DATABASE_URL",
        "DB_URL",
        "MONGO",
        "REDIS_URL",
        "POSTGRES_URL",
        "DSN",
        "CREDENTIAL",
        "CONNECTION_STRING",
        "ENCRYPTION_KEY",
        "SIGNING",
    ];
    let upper = name.to_ascii_uppercase();
    NAMES.iter().any(|word| has(&upper, word))
}

fn is_password(name: &[u8]) -> bool {
    has(&name.to_ascii_uppercase(), "PASSW")
}

/// Last words of names of what is no credential.
const ABOUT: &[&str] = &[
    "algorithm",
    "audience",
    "cookie",
    "count",
    "duration",
    "endpoint",
    "err",
    "error",
    "errors",
    "expiration",
    "expires",
    "expiry",
    "field",
    "file",
    "header",
    "hint",
    "host",
    "id",
    "ids",
    "in",
    "issuer",
    "label",
    "length",
    "limit",
    "message",
    "method",
    "mode",
    "name",
    "names",
    "path",
    "placeholder",
    "port",
    "prefix",
    "provider",
    "ref",
    "region",
    "scope",
    "scopes",
    "seed",
    "source",
    "status",
    "store",
    "strategy",
    "text",
    "title",
    "ttl",
    "type",
    "types",
    "uri",
    "url",
    "urls",
    "version",
];

/// Whether a name is that of something about a credential: where it is got, how long it lasts, what it is called.
fn is_about_credential(name: &[u8]) -> bool {
    let last = context::words(name).last().unwrap_or_default().to_ascii_lowercase();
    ABOUT.iter().any(|word| word.as_bytes() == last)
}

/// Publishable keys and public ones.
fn is_public(name: &[u8], text: &[u8]) -> bool {
    let upper = name.to_ascii_uppercase();
    has(&upper, "PUBLISHABLE") || has(&upper, "PUBLIC_KEY") || text.starts_with(b"pk_")
}

/// A Clerk secret key is a finding of its own.
fn is_other_finding(text: &[u8]) -> bool {
    let body = text.strip_prefix(b"sk_live_").or_else(|| text.strip_prefix(b"sk_test_"));
    body.is_some_and(|body| body.iter().take_while(|byte| byte.is_ascii_alphanumeric()).count() == crate::key::BODY)
}

fn is_private_key(text: &[u8]) -> bool {
    text.starts_with(b"-----BEGIN") && has(text, "PRIVATE KEY")
}

/// What nothing that somebody drew begins with.
const FILLERS_BEGIN: &[&str] = &[
    "$",
    "<",
    "{",
    "%(",
    "process.env",
    "import.meta",
    "os.environ",
    "env.",
    "secrets.",
    "op://",
    "your",
    "todo",
    "change",
    "replace",
    "insert",
    "enter ",
    "example",
    "null",
    "undefined",
    "none",
    "nil",
    "true",
    "false",
];

/// What it has nowhere in it.
const FILLERS_HAVE: &[&str] = &[
    "xxxx",
    "****",
    "...",
    "${",
    "{{",
    "#{",
    "$(",
    "your_",
    "your-",
    "<your",
    "placeholder",
    "changeme",
    "change_me",
    "replace_me",
    "redacted",
    "dummy",
    "_here",
    "-here",
    "\u{2022}\u{2022}",
    "\u{2026}",
];

/// What it does not end with.
const FILLERS_END: &[&str] = &["_123", "-123", "_abc", "-abc", "_1234", "-1234", ">"];

/// What is put there by something else, or is to be put there by somebody; and numbers.
fn is_placeholder(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    let is_number = lower.iter().all(|byte| byte.is_ascii_digit() || b"._-,+".contains(byte));
    is_number
        || lower.iter().all(|byte| *byte == lower[0])
        || FILLERS_BEGIN.iter().any(|word| lower.starts_with(word.as_bytes()))
        || FILLERS_END.iter().any(|word| lower.ends_with(word.as_bytes()))
        || FILLERS_HAVE.iter().any(|word| has(&lower, word))
}

/// An address with a name and a password in it, or a text of settings with a password.
fn opens_something(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    let behind = memchr::memmem::find(text, b"://").map(|at| &text[at + 3..]);
    let authority = behind.and_then(|behind| behind.split(|byte| b"/?#".contains(byte)).next());
    let is_database = behind.is_some() && !lower.starts_with(b"http") && !lower.starts_with(b"file");
    authority.is_some_and(|authority| authority.contains(&b'@'))
        || is_database
        || ["password=", "pwd=", "accountkey=", "sharedaccesskey=", "authtoken="].iter().any(|part| has(&lower, part))
}

fn is_address(text: &[u8]) -> bool {
    has(text, "://")
}

/// A path: it begins with a slash or a dot and has nothing in it that somebody drew.
fn is_path(text: &[u8]) -> bool {
    matches!(text, [b'/' | b'~', ..] | [b'.', b'/' | b'.', ..])
        && text.iter().all(|byte| byte.is_ascii_lowercase() || b"/_-.~[]:{}".contains(byte))
}

/// A name, a chain of names, a call, a type: what programs have where no quotes stand.
fn is_expression(text: &[u8]) -> bool {
    const TYPES: &[&str] = &["string", "number", "boolean", "object", "unknown", "integer", "optional", "buffer"];
    /// The longest name in a chain; parts of a token are longer.
    const NAME: usize = 32;
    let text = text.strip_suffix(b";").unwrap_or(text);
    let is_name = |part: &[u8]| {
        part.first().is_some_and(|first| first.is_ascii_alphabetic() || b"_$".contains(first))
            && part.len() <= NAME
            && part.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_$?!".contains(byte))
    };
    let head = text.split(|byte| b"([<|".contains(byte)).next().unwrap_or_default();
    let is_called = head.len() < text.len() && !head.is_empty() && head.split(|byte| *byte == b'.').all(is_name);
    let is_chain = text.contains(&b'.') && text.split(|byte| *byte == b'.').all(is_name);
    let is_type = TYPES.iter().any(|name| head.eq_ignore_ascii_case(name.as_bytes()));
    is_called || is_chain || is_type || text.starts_with(b"&") || text.starts_with(b"*") || text.starts_with(b"!")
}

/// Words and small numbers, as names have them: nothing that somebody drew.
fn is_words(text: &[u8]) -> bool {
    const SMALL: usize = 3;
    text.split(|byte| b" _-.:/@".contains(byte)).flat_map(context::words).all(|word| {
        word.iter().all(u8::is_ascii_alphabetic) || (word.len() <= SMALL && word.iter().all(u8::is_ascii_digit))
    })
}

/// Whether a value only says the last words of its name, as texts of an interface do.
fn is_same(name: &[u8], text: &[u8]) -> bool {
    let letters = |text: &[u8]| -> Vec<u8> {
        text.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect()
    };
    letters(name).ends_with(&letters(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_lines_of_credentials_are_told() {
        let text = b"NEXT_PUBLIC_CLERK_PUBLISHABLE_KEY=pk_test_abcdefgh\n\nDATABASE_URL=postgres://u:p@host/db\n\
            CLERK_WEBHOOK_SIGNING_SECRET=whsec_abcdefgh\nexport const x = { \"stripeKey\": \"sk_live_abcdefghijklmnop\" }\n\
            PORT=3000000\nSECRET=${FROM_ENV}\n";
        let names: Vec<(String, u64)> =
            siblings(text).into_iter().map(|n| (String::from_utf8(n.name).unwrap(), n.line)).collect();
        assert_eq!(
            names,
            [
                ("DATABASE_URL".to_owned(), 3),
                ("CLERK_WEBHOOK_SIGNING_SECRET".to_owned(), 4),
                ("stripeKey".to_owned(), 5)
            ]
        );
    }

    fn told(text: &str) -> Vec<String> {
        siblings(text.as_bytes())
            .into_iter()
            .map(|n| format!("{}:{}", String::from_utf8(n.name).unwrap(), n.line))
            .collect()
    }

    #[test]
    fn an_empty_value_takes_nothing_of_the_next_line() {
        let text = "\nSTRIPE_SECRET_KEY=\nUPLOADTHING_SECRET= \nUPLOADTHING_APP_ID=\r\nDATABASE_URL=postgres://u:p@db/x\n\
            SENTRY_RELEASE=\nAWS_SECRET_ACCESS_KEY=abcdefghij1234567890\n";
        assert_eq!(told(text), ["DATABASE_URL:5", "AWS_SECRET_ACCESS_KEY:7"]);
        let block = "stringData:\n  DATABASE_URL: postgres://u:p@h/d\ndata:\n  STRIPE_SECRET_KEY: c2tfbGl2ZV9hYmNkRUZHSDEyMzQ=\n";
        assert_eq!(told(block), ["DATABASE_URL:2", "STRIPE_SECRET_KEY:4"]);
    }

    #[test]
    fn what_could_be_a_credential_is_told() {
        for text in [
            "DATABASE_URL=postgres://u:p4ss@db/x # the shop's",
            "DATABASE_URL='mysql://u:p4ss@db/x'",
            "const database = 'mongodb+srv://u:p4ss@db/x'",
            "{\"DATABASE_URL\":\"postgres://a:b@c/d\",\"port\":1}",
            "ENV DATABASE_URL postgres://a:b@c/d",
            "services: {web: {environment: {DATABASE_URL: postgres://a:b@c/d, PORT: 1}}}",
            "SENTRY_DSN=https://0123456789abcdef@o1.ingest.sentry.io/1",
            "DB_CONNECTION_STRING=Server=db;Database=shop;User=sa;Password=Hunter2!;",
            "private_key: |\n  -----BEGIN RSA PRIVATE KEY-----\n  MIIEpAIBAAKCAQEA\n",
            "JWT_SIGNING_KEY=\"-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkq\n\"",
            "\"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMIIEvQIBADANBgkq\"",
            "AWS_ACCESS_KEY_ID=AKIAIOSFODNN7ABCDEFG",
            "aws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYzzzzKEY",
            "WEBHOOK = 'whsec_abcdefgh'",
            "RESEND_API_KEY=re_123abcABC_45678901234567890",
            "DB_PASSWORD=\"correct horse battery\"",
            "export DB_PASSWORD=correcthorse",
            "password: hunter22",
            "{\"password\": \"abcdefg1\"}",
            "const password = 'hunter22';\n",
            "const jwtSecret = process.env.JWT_SECRET || 'f3b1c2a49d8e7f60';\n",
            "const apiToken: string = \"9f86d081884c7d659a2feaa0c55ad015\";\n",
            "# API_TOKEN=abcdefgh1234",
            &format!("API_TOKEN={}", "a1B2c3D4".repeat(100)),
            "{&quot;apiToken&quot;: 'x'}\nC_TOKEN=\"Zm9vYmFyMTIz\"",
        ] {
            assert_eq!(told(text).len(), 1, "{text}: {:?}", told(text));
        }
    }

    #[test]
    fn expressions_types_numbers_and_placeholders_are_none() {
        for text in [
            "\"apiKeysUrl\": \"https://dashboard.clerk.com/apps/app_1/instances/ins_1/api-keys\"",
            "interface Session { accessToken: string; refreshToken: string | null }",
            "export interface Session {\n  pendingAuthenticationToken: string;\n  passwordResetUrl: string;\n}",
            "  accessToken: string\n  password: boolean\n",
            "export const a = {\n  client_secret: options.clientSecret,\n  clientSecret,\n};\n",
            "func New() {\n\tcredentialErr := fault.New(\"x\")\n}\n",
            "const token = getToken(req)\nconst apiKey = req.headers.get('x-api-key')\n",
            "const token = await getToken(req);\nconst password: string = body.password\n",
            "if (tokenType === 'bearer12') return token",
            "if (token != \"abcdef12\") {}",
            "const maxTokens = 4096000\nMAX_TOKENS=4096000\nAPI_TOKEN_SEED=12345678",
            "token: \"portal_session_123\"",
            "D_SECRET=null\nE_SECRET=undefined\nF_SECRET=changeme\nG_TOKEN=\"\"\nH_TOKEN=${TOKEN}\nI_TOKEN=$TOKEN_VALUE",
            "STRIPE_SECRET_KEY=sk_test_xxxxxxxxxxxxxxxxxxxxxxxx\nSENDGRID_API_KEY=your-key-here\nA_TOKEN=<your token>",
            "DATABASE_URL=postgres://${USER}:${PASSWORD}@db/x\nB_SECRET={{ secret }}\nC_SECRET=process.env.SECRET",
            "passwordResetPath: \"/auth/reset-password\"\nPASSWORD_FILE=/run/secrets/db_password",
            "\"password\": \"Please enter your password\",\n\"tokenLabel\": \"Access12\"",
            "export const ACCESS_TOKEN_COOKIE = 'access_token';\n",
            "const secret = somethingElse;\n",
            "CLERK_JWT_KEY=\"-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhki\"",
            "secretKeyRef:\n  name: clerk-secrets\nsecretName: clerk-secrets-2\n",
            "image: registry.example/api-token:v1.2.3456",
            "Token::Bearer12(token)",
        ] {
            assert_eq!(told(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn the_field_value_is_told_by_the_name_of_its_item() {
        let item =
            "env:\n  - name: CLERK_SECRET_KEY\n    value: x\n  - name: DATABASE_URL\n    value: postgres://u:p@h/d\n";
        assert_eq!(told(item), ["DATABASE_URL:5"]);
        assert_eq!(told("{\"name\":\"API_TOKEN\",\"value\":\"abcdef123456\"}"), ["API_TOKEN:1"]);
        assert_eq!(told("process.env.API_TOKEN || 'abcdef123456'"), ["API_TOKEN:1"]);
    }

    #[test]
    fn wide_text_is_read_as_text() {
        let text = "A=1\r\nDATABASE_URL=postgres://u:p@h/d\r\n";
        let little: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.bytes().flat_map(|byte| [byte, 0])).collect();
        let big: Vec<u8> = [0xfe, 0xff].into_iter().chain(text.bytes().flat_map(|byte| [0, byte])).collect();
        for wide in [&little[..], &little[2..], &big[..]] {
            let found = siblings(wide);
            assert_eq!(found, [Neighbour { name: b"DATABASE_URL".to_vec(), line: 2 }]);
        }
    }

    #[test]
    fn text_made_to_be_slow_is_not() {
        let start = std::time::Instant::now();
        for piece in
            ["=", ":=", "value:", "value: abcdefg1\n", "a=b=", "\"", " ", "\\", "(", "TOKEN=x1y2z3w4", "&quot;", "||'"]
        {
            siblings(piece.repeat((1 << 17) / piece.len()).as_bytes());
        }
        assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
    }
}
