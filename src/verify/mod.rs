//! Asks Clerk whether a key is alive. The only room that reaches the network, and one that knows nothing of
//! repositories: it is handed the texts of keys and returns verdicts.
//!
//! One call for each key, `GET /v1/instance` of Clerk's Backend API: the least that names the instance and reads no
//! user (Clerk's OpenAPI description, `bapi/2026-05-12.yml`). The key stands in the Authorization header and nowhere
//! else, and goes to one host alone: TLS always, no redirect followed, nothing but Clerk's hosts or loopback.
//!
//! Invariant: alive only where Clerk answers 200 and names an instance, dead only where it answers 401 with
//! `clerk_key_invalid`; all else is unknown, with its reason. No reason quotes what the server said.

mod endpoint;
mod later;

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

pub use endpoint::{Endpoint, EndpointError};

use crate::key::{KeyText, is_instance_id};
use crate::model::{Interrupt, Liveness};

/// The version of the API that is asked for.
const API_VERSION: &str = "2026-05-12";
/// An answer is a few hundred bytes.
const MOST_BODY: u64 = 64 * 1024;
/// So often is a key asked of a server that says to come again.
const MOST_TRIES: u32 = 3;
/// Where a server says "later" and not when. Clerk counts per ten seconds.
const DEFAULT_WAIT: Duration = Duration::from_secs(10);
/// A server that wants more patience than this is asked another day.
const MOST_WAIT: Duration = Duration::from_secs(60);

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The proxy's address is none.
    #[error("the proxy's address in HTTPS_PROXY cannot be used")]
    Proxy,
    /// The certificates cannot be read.
    #[error("the file of certificates has none in it")]
    Certificates,
}

/// How Clerk is asked.
#[derive(Clone, Debug)]
pub struct Options {
    /// The proxy, as `HTTPS_PROXY` names it.
    pub proxy: Option<String>,
    /// Certificates (PEM) of authorities to be trusted in the place of the public ones.
    pub authorities: Option<Vec<u8>>,
    /// How long one answer may take in all.
    pub patience: Duration,
    /// The clock: for a server that names the moment when to ask again, and does not say what time it is there.
    pub now: fn() -> OffsetDateTime,
}

/// What asking about one key has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Alive, dead or not known.
    pub liveness: Liveness,
    /// Why, in words of this program's own.
    pub reason: String,
    /// The instance that Clerk named.
    pub instance: Option<String>,
    /// Whether there was no answer at all, so that the next key may well get none either.
    pub unreached: bool,
    /// For how long the server wants to be asked nothing more.
    pub later: Option<Duration>,
}

impl Verdict {
    fn unknown(reason: impl Into<String>) -> Self {
        Self { liveness: Liveness::Unknown, reason: reason.into(), instance: None, unreached: false, later: None }
    }
}

/// Asks one host.
pub struct Client {
    agent: Agent,
    address: String,
    now: fn() -> OffsetDateTime,
}

impl Client {
    /// A client for an endpoint. Nothing is sent yet.
    ///
    /// # Errors
    /// Where the proxy or the certificates cannot be used.
    pub fn new(endpoint: &Endpoint, options: &Options) -> Result<Self, ClientError> {
        let proxy = match &options.proxy {
            Some(address) if !endpoint.is_loopback() => {
                Some(ureq::Proxy::new(address).map_err(|_| ClientError::Proxy)?)
            }
            _ => None,
        };
        let roots = match &options.authorities {
            Some(pem) => {
                let items = parse_pem(pem).filter_map(Result::ok);
                let authorities: Vec<Certificate<'static>> = items
                    .filter_map(|item| match item {
                        PemItem::Certificate(certificate) => Some(certificate),
                        _ => None,
                    })
                    .collect();
                if authorities.is_empty() {
                    return Err(ClientError::Certificates);
                }
                RootCerts::new_with_certs(&authorities)
            }
            None => RootCerts::WebPki,
        };
        let agent = Agent::config_builder()
            .https_only(true)
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(proxy)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .timeout_global(Some(options.patience))
            .max_response_header_size(32 * 1024)
            .user_agent(concat!("clerk-audit/", env!("CARGO_PKG_VERSION")))
            .build()
            .new_agent();
        Ok(Self { agent, address: format!("{}/v1/instance", endpoint.base()), now: options.now })
    }

    /// Asks about one key; again where the server says so, a few times. `waiting` is told of each such pause before it.
    pub fn ask(&self, key: &KeyText, interrupt: Interrupt<'_>, waiting: &dyn Fn(Duration)) -> Verdict {
        let Ok(text) = std::str::from_utf8(key.expose()) else {
            return Verdict::unknown("it is no text that can be sent");
        };
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Verdict::unknown("it is no text that can be sent");
        }
        let mut tries = 0;
        loop {
            tries += 1;
            match self.once(text) {
                Reply::Verdict(verdict) => return verdict,
                Reply::Later(wait, _) if tries < MOST_TRIES && wait <= MOST_WAIT => {
                    waiting(wait);
                    if !sleep(wait, interrupt) {
                        return Verdict::unknown("it was stopped while waiting to ask again");
                    }
                }
                Reply::Later(wait, why) => {
                    let seconds = wait.as_secs();
                    let tries = if tries == 1 { "1 try".to_owned() } else { format!("{tries} tries") };
                    let reason = format!("{why}, after {tries}; it says to wait {seconds} s");
                    return Verdict { later: Some(wait), ..Verdict::unknown(reason) };
                }
            }
        }
    }

    fn once(&self, key: &str) -> Reply {
        let call = self
            .agent
            .get(&self.address)
            .header("Authorization", format!("Bearer {key}"))
            .header("Clerk-API-Version", API_VERSION)
            .header("Accept", "application/json")
            .call();
        let mut response = match call {
            Ok(response) => response,
            Err(error) => return Reply::Verdict(failure(&error)),
        };
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let wait = header("retry-after").and_then(|text| later::wait(text, header("date"), (self.now)()));
        match (status, wait) {
            (429, wait) => {
                return Reply::Later(wait.unwrap_or(DEFAULT_WAIT), "too many requests (429)".to_owned());
            }
            (503, Some(wait)) => return Reply::Later(wait, other_status(status)),
            _ => {}
        }
        if !matches!(status, 200 | 401) {
            return Reply::Verdict(Verdict::unknown(other_status(status)));
        }
        let body = match response.body_mut().with_config().limit(MOST_BODY).read_to_vec() {
            Ok(body) => body,
            Err(error) => return Reply::Verdict(failure(&error)),
        };
        Reply::Verdict(judge(status, &serde_json::from_slice(&body).unwrap_or(Value::Null), key))
    }
}

/// What one request has come to.
enum Reply {
    Verdict(Verdict),
    /// Not now, but after so long, and why.
    Later(Duration, String),
}

/// What a status of 200 or 401 and its body mean.
fn judge(status: u16, body: &Value, key: &str) -> Verdict {
    let instance = body.get("id").and_then(Value::as_str).filter(|id| is_instance_id(id) && !holds_of(id, key));
    let code = body.pointer("/errors/0/code").and_then(Value::as_str);
    match (status, instance, code) {
        (200, Some(instance), _) => Verdict {
            liveness: Liveness::Alive,
            reason: "Clerk accepted it (200)".to_owned(),
            instance: Some(instance.to_owned()),
            unreached: false,
            later: None,
        },
        (200, None, _) => Verdict::unknown("the answer was 200, and named no instance: it may not have been Clerk's"),
        (_, _, Some("clerk_key_invalid")) => Verdict {
            liveness: Liveness::Dead,
            reason: "Clerk knows no such key (401, clerk_key_invalid)".to_owned(),
            instance: None,
            unreached: false,
            later: None,
        },
        _ => Verdict::unknown("refused (401), and not for the key"),
    }
}

/// Whether a server's text has a piece of the key in it: it is noted and shown, and a key never is.
fn holds_of(text: &str, key: &str) -> bool {
    const PIECE: usize = 8;
    let body = key.rsplit('_').next().unwrap_or(key);
    body.as_bytes().windows(PIECE).any(|piece| text.as_bytes().windows(PIECE).any(|other| other == piece))
}

fn other_status(status: u16) -> String {
    match status {
        300..400 => format!("redirected ({status}), which is not followed: a key goes to one host alone"),
        500..600 => format!("the server failed ({status})"),
        _ => format!("an answer that says nothing of the key ({status})"),
    }
}

const UNTRUSTED: &str = "the server's certificate is not to be trusted, or this machine's clock is off";

/// What a failed request says, without a word of the server's.
fn failure(error: &ureq::Error) -> Verdict {
    let (reason, unreached) = match error {
        ureq::Error::Timeout(_) => ("no answer in time", true),
        ureq::Error::HostNotFound => ("the host cannot be found: is there a network?", true),
        ureq::Error::ConnectionFailed => ("no connection: is there a network?", true),
        ureq::Error::ConnectProxyFailed(_) => ("the proxy refused", true),
        ureq::Error::BodyExceedsLimit(_) => ("the answer was far too long", false),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => (UNTRUSTED, true),
        ureq::Error::Io(error) if is_tls(error) => (UNTRUSTED, true),
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            ("no connection: nobody answers there", true)
        }
        ureq::Error::Io(_) => ("the connection broke", true),
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => ("the answer was no HTTP", false),
        _ => ("the request failed", false),
    };
    Verdict { unreached, ..Verdict::unknown(reason) }
}

/// Whether what broke is the TLS handshake: rustls's errors come wrapped.
fn is_tls(error: &std::io::Error) -> bool {
    error.kind() == std::io::ErrorKind::InvalidData
}

/// Sleeps; whether to the end.
fn sleep(mut wait: Duration, interrupt: Interrupt<'_>) -> bool {
    const SLICE: Duration = Duration::from_millis(100);
    while !wait.is_zero() {
        if interrupt.is_set() {
            return false;
        }
        let slice = wait.min(SLICE);
        std::thread::sleep(slice);
        wait -= slice;
    }
    !interrupt.is_set()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_two_answers_say_anything() {
        let json = |text: &str| serde_json::from_str(text).unwrap_or(Value::Null);
        let body = "AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEf";
        let key = format!("sk_{}_{body}", "live");
        let judge = |status, text: &str| super::judge(status, &json(text), &key);
        let alive = format!(r#"{{"object":"instance","id":"ins_{}"}}"#, "2abc".repeat(7).split_at(27).0);
        assert_eq!(judge(200, &alive).liveness, Liveness::Alive);
        assert_eq!(judge(401, r#"{"errors":[{"code":"clerk_key_invalid"}]}"#).liveness, Liveness::Dead);
        let echoes = [body, &body[3..30], &format!("{}{}", "2a".repeat(10), &body[20..28])];
        let echoes = echoes.map(|echo| (200, format!(r#"{{"object":"instance","id":"ins_{echo}"}}"#)));
        for (status, text) in [
            (200, "<html>Welcome</html>"),
            (200, r#"{"id":"ins_"}"#),
            (200, r#"{"id":"ins_2abc"}"#),
            (200, r#"{"id":"ins_aaaaaaaaaaaaa/../bbbbbbbbbb"}"#),
            (200, r#"{"errors":[{"code":"clerk_key_invalid"}]}"#),
            (401, r#"{"errors":[{"code":"authorization_header_format_invalid"}]}"#),
            (401, r#"{"errors":[{"code":"x"},{"code":"clerk_key_invalid"}]}"#),
            (401, &alive),
            (401, ""),
        ]
        .map(|(status, text)| (status, text.to_owned()))
        .into_iter()
        .chain(echoes)
        {
            let verdict = judge(status, &text);
            assert_eq!((verdict.liveness, verdict.instance), (Liveness::Unknown, None), "{status} {text}");
        }
        assert!(other_status(302).contains("not followed") && other_status(503).contains("failed"));
    }
}
