//! Asks Clerk whether a key is alive. The only room that reaches the network, and one that knows nothing of
//! repositories: it is handed the texts of keys and returns verdicts.
//!
//! One call for each key, `GET /v1/instance` of Clerk's Backend API: the least that names the instance and reads no
//! user (Clerk's OpenAPI description, `bapi/2026-05-12.yml`). The key stands in the Authorization header and nowhere
//! else, and goes to one host alone: TLS always, no redirect followed, nothing but Clerk's hosts or loopback.
//!
//! Invariant: alive only where Clerk answers 200 with an instance, dead only where it answers 401 with
//! `clerk_key_invalid`; all else is unknown, with its reason. No reason quotes what the server said.

mod endpoint;
mod later;

use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

pub use endpoint::{Endpoint, EndpointError};
pub use later::When;

use crate::key::{KeyText, is_instance_id};
use crate::model::Liveness;

/// The version of the API that is asked for.
const API_VERSION: &str = "2026-05-12";
/// An answer is a few hundred bytes.
const MOST_BODY: u64 = 64 * 1024;

/// Why a client cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The proxy's address is none, or it speaks what this does not.
    #[error("the proxy in HTTPS_PROXY cannot be used: only addresses that begin with http:// or https:// are")]
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
    /// Why there was no answer at all, where there was none: then the next key may well get none either.
    pub unreached: Option<Unreached>,
    /// Where the server wants to be asked again later.
    pub later: Option<Later>,
}

/// That a server wants to be asked again later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Later {
    /// When, by its word.
    pub when: When,
    /// What it takes no questions about until then.
    pub of: Limited,
}

/// What a server takes no questions about for a while.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limited {
    /// An instance: Clerk counts the requests of each by itself.
    Instance,
    /// Anything.
    Server,
}

/// Why nothing was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreached {
    /// Nobody is there, or there is no network.
    Silent,
    /// Whoever is there has no certificate that is to be trusted.
    Untrusted,
    /// Whoever is there speaks no TLS.
    NoTls,
    /// The proxy lets nothing through.
    Proxy,
    /// The connection was cut.
    Cut,
}

impl Verdict {
    fn unknown(reason: impl Into<String>) -> Self {
        Self { liveness: Liveness::Unknown, reason: reason.into(), instance: None, unreached: None, later: None }
    }

    fn later(why: &str, later: Later) -> Self {
        Self { later: Some(later), ..Self::unknown(format!("{why}; {}", later.when)) }
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
            Some(address) if !endpoint.is_loopback() => Some(proxy(address)?),
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

    /// Asks about one key, once. Whom to ask again, and when, is the caller's.
    pub fn ask(&self, key: &KeyText) -> Verdict {
        match std::str::from_utf8(key.expose()) {
            Ok(text) if text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') => self.send(text),
            _ => Verdict::unknown("it is no text that can be sent"),
        }
    }

    fn send(&self, key: &str) -> Verdict {
        let call = self
            .agent
            .get(&self.address)
            .header("Authorization", format!("Bearer {key}"))
            .header("Clerk-API-Version", API_VERSION)
            .header("Accept", "application/json")
            .call();
        let mut response = match call {
            Ok(response) => response,
            Err(error) => return failure(&error),
        };
        let status = response.status().as_u16();
        let header = |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok());
        let when = header("retry-after").and_then(|text| later::when(text, header("date"), (self.now)()));
        match (status, when) {
            (429, when) => {
                let when = when.unwrap_or(When::Unsaid);
                return Verdict::later("too many requests (429)", Later { when, of: Limited::Instance });
            }
            (503, Some(when)) => {
                return Verdict::later(&other_status(status), Later { when, of: Limited::Server });
            }
            _ => {}
        }
        if !matches!(status, 200 | 401) {
            return Verdict::unknown(other_status(status));
        }
        let body = match response.body_mut().with_config().limit(MOST_BODY).read_to_vec() {
            Ok(body) => body,
            Err(error) => return failure(&error),
        };
        judge(status, &serde_json::from_slice(&body).unwrap_or(Value::Null), key)
    }
}

/// A proxy that is spoken to in HTTP. Of SOCKS the client knows the names, and ends the program at the first call where it
/// was built without.
fn proxy(address: &str) -> Result<ureq::Proxy, ClientError> {
    let is_other = address
        .split_once("://")
        .is_some_and(|(scheme, _)| !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https"));
    match ureq::Proxy::new(address) {
        Ok(proxy) if !is_other => Ok(proxy),
        _ => Err(ClientError::Proxy),
    }
}

/// What a status of 200 or 401 and its body mean.
fn judge(status: u16, body: &Value, key: &str) -> Verdict {
    // Old instances may have ids of another length than Clerk's are now: such an id is not noted, and the key is alive.
    let instance = body.get("id").and_then(Value::as_str).filter(|id| is_instance_id(id) && !holds_of(id, key));
    let is_instance = body.get("object").and_then(Value::as_str) == Some("instance");
    let code = body.pointer("/errors/0/code").and_then(Value::as_str);
    match (status, is_instance, code) {
        (200, true, _) => Verdict {
            liveness: Liveness::Alive,
            reason: "Clerk accepted it (200)".to_owned(),
            instance: instance.map(str::to_owned),
            unreached: None,
            later: None,
        },
        (200, false, _) => Verdict::unknown("the answer was 200, and no instance: it may not have been Clerk's"),
        (_, _, Some("clerk_key_invalid")) => Verdict {
            liveness: Liveness::Dead,
            reason: "Clerk knows no such key (401, clerk_key_invalid)".to_owned(),
            instance: None,
            unreached: None,
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

const NO_TLS: &str = "who answers speaks no TLS: is it the right address and port?";
const UNTRUSTED: &str = "the server's certificate is not to be trusted, or this machine's clock is off";

/// What a failed request says, without a word of the server's.
fn failure(error: &ureq::Error) -> Verdict {
    use Unreached::{Cut, NoTls, Proxy, Silent, Untrusted};
    let (reason, unreached) = match error {
        ureq::Error::Timeout(_) => ("no answer in time", Some(Silent)),
        ureq::Error::HostNotFound => (NOT_FOUND, Some(Silent)),
        ureq::Error::Io(error) if is_lookup(error) => (NOT_FOUND, Some(Silent)),
        ureq::Error::ConnectionFailed => ("no connection: is there a network?", Some(Silent)),
        ureq::Error::ConnectProxyFailed(_) => ("the proxy refused", Some(Proxy)),
        ureq::Error::BodyExceedsLimit(_) => ("the answer was far too long", None),
        error if is_tls(error) && is_of_certificate(error) => (UNTRUSTED, Some(Untrusted)),
        error if is_tls(error) => (NO_TLS, Some(NoTls)),
        ureq::Error::Io(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
            ("no connection: nobody answers there", Some(Silent))
        }
        ureq::Error::Io(_) => ("the connection broke", Some(Cut)),
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => ("the answer was no HTTP", None),
        _ => ("the request failed", None),
    };
    Verdict { unreached, ..Verdict::unknown(reason) }
}

const NOT_FOUND: &str = "the host (or the proxy) cannot be found by its name: is there a network?";

/// Whether a name could not be resolved: the standard library says so in words alone.
fn is_lookup(error: &std::io::Error) -> bool {
    error.to_string().starts_with("failed to lookup address information")
}

/// Whether what broke is the TLS handshake: rustls's errors come wrapped.
fn is_tls(error: &ureq::Error) -> bool {
    match error {
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) => true,
        ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::InvalidData,
        _ => false,
    }
}

/// Whether it broke by the certificate: rustls says so in words, as far as it can be seen from here.
fn is_of_certificate(error: &ureq::Error) -> bool {
    error.to_string().contains("certificate")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(proxy: &str) -> Result<Client, ClientError> {
        let options = Options {
            proxy: Some(proxy.to_owned()),
            authorities: None,
            patience: Duration::from_secs(1),
            now: OffsetDateTime::now_utc,
        };
        Client::new(&Endpoint::default(), &options)
    }

    #[test]
    fn a_proxy_that_is_not_spoken_to_is_refused_before_anything_is_sent() {
        for proxy in
            ["socks5://127.0.0.1:1080", "socks5h://127.0.0.1:1", "SOCKS4://127.0.0.1:1", "socks4a://x:1", "ftp://x:1"]
        {
            assert!(matches!(client(proxy), Err(ClientError::Proxy)), "{proxy}");
        }
        for proxy in ["http://127.0.0.1:3128", "HTTPS://ann:secret@127.0.0.1:3128", "127.0.0.1:3128"] {
            assert!(client(proxy).is_ok(), "{proxy}");
        }
        assert!(ClientError::Proxy.to_string().contains("http://"));
    }

    #[test]
    fn a_name_that_nobody_knows_is_told_as_that() {
        use std::net::ToSocketAddrs;
        // No name is so long: no server is asked.
        let error = ("a".repeat(300).as_str(), 443).to_socket_addrs().unwrap_err();
        let verdict = failure(&ureq::Error::Io(error));
        assert!(
            verdict.unreached == Some(Unreached::Silent) && verdict.reason.contains("cannot be found"),
            "{}",
            verdict.reason
        );
        let broken = failure(&ureq::Error::Io(std::io::ErrorKind::ConnectionReset.into()));
        assert_eq!(broken.reason, "the connection broke");
    }

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
        // What is no id of Clerk's is not noted, and no reason to doubt that the key is alive.
        let odd = echoes.iter().map(|echo| format!("\"ins_{echo}\"")).chain(
            [r#""ins_""#, r#""ins_2abc""#, r#""ins_aaaaaaaaaaaaa/../bbbbbbbbbb""#, "7", "null"].map(str::to_owned),
        );
        for id in odd {
            let verdict = judge(200, &format!(r#"{{"object":"instance","id":{id}}}"#));
            assert_eq!((verdict.liveness, verdict.instance), (Liveness::Alive, None), "{id}");
        }
        assert_eq!(judge(200, r#"{"object":"instance"}"#).liveness, Liveness::Alive);
        for (status, text) in [
            (200, "<html>Welcome</html>"),
            (200, r#"{"id":"ins_2abc"}"#),
            (200, r#"{"object":"user","id":"ins_2abc"}"#),
            (200, r#"{"object":["instance"]}"#),
            (200, r#"[{"object":"instance"}]"#),
            (200, r#""instance""#),
            (200, r#"{"errors":[{"code":"clerk_key_invalid"}]}"#),
            (401, r#"{"errors":[{"code":"authorization_header_format_invalid"}]}"#),
            (401, r#"{"errors":[{"code":"x"},{"code":"clerk_key_invalid"}]}"#),
            (401, &alive),
            (401, ""),
        ] {
            let verdict = judge(status, text);
            assert_eq!((verdict.liveness, verdict.instance), (Liveness::Unknown, None), "{status} {text}");
        }
        assert!(other_status(302).contains("not followed") && other_status(503).contains("failed"));
    }
}
