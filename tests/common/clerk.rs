//! A stand-in for Clerk's Backend API on this machine: real TLS by an authority made for the test, answers as Clerk's
//! OpenAPI description has them, and every fault that a server can have.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

/// An instance's id, as long as Clerk's are.
pub(crate) const INSTANCE: &str = "ins_2aliveAliveAliveAliveAlive1";

/// What the server does with a key.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// 200, and the instance.
    Alive(&'static str),
    /// 401, `clerk_key_invalid`.
    Dead,
    /// This, as it is: status line, headers, body.
    Raw(String),
    /// The first answers once, the other from then on.
    Then(Box<Answer>, Box<Answer>),
    /// Nothing for so long, then 200.
    Slow(Duration),
    /// Half of an answer, and the end of the connection.
    Cut,
    /// 200 and so many bytes.
    Huge(usize),
}

/// The running server.
pub(crate) struct Clerk {
    pub(crate) address: SocketAddr,
    folder: TempDir,
    seen: Arc<Mutex<Vec<String>>>,
    stop: Arc<AtomicBool>,
}

impl Clerk {
    /// Starts one. A key that is not in `answers` is dead.
    pub(crate) fn start(answers: HashMap<String, Answer>) -> Self {
        Self::with_name(answers, "127.0.0.1")
    }

    /// The same with a certificate for another name.
    pub(crate) fn with_name(answers: HashMap<String, Answer>, name: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let (authority, config) = certificates(name);
        std::fs::write(folder.path().join("ca.pem"), authority).expect("writing");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (seen, stop) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicBool::new(false)));
        let answers = Arc::new(Mutex::new(answers));
        let (seen_there, stop_there) = (seen.clone(), stop.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop_there.load(Ordering::Relaxed) {
                    return;
                }
                let (config, seen, answers) = (config.clone(), seen_there.clone(), answers.clone());
                std::thread::spawn(move || serve(stream, config, &seen, &answers));
            }
        });
        Self { address, folder, seen, stop }
    }

    /// Its address, as `--api-url` takes it.
    pub(crate) fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// The certificate of its authority.
    pub(crate) fn authority(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// The requests that it got, headers and all.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.seen.lock().expect("requests").clone()
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(self.address);
    }
}

fn certificates(name: &str) -> (String, Arc<ServerConfig>) {
    let mut authority = CertificateParams::new(Vec::new()).expect("parameters");
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority_key = KeyPair::generate().expect("a key");
    let pem = authority.self_signed(&authority_key).expect("a certificate").pem();
    let issuer = Issuer::new(authority, authority_key);
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(vec![name.to_owned()]).expect("parameters");
    let certificate = params.signed_by(&key, &issuer).expect("a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from(certificate.der().to_vec())],
            PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .expect("a configuration");
    (pem, Arc::new(config))
}

fn serve(
    stream: TcpStream,
    config: Arc<ServerConfig>,
    seen: &Mutex<Vec<String>>,
    answers: &Mutex<HashMap<String, Answer>>,
) -> Option<()> {
    let mut tls = StreamOwned::new(ServerConnection::new(config).ok()?, stream);
    loop {
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            if tls.read(&mut byte).ok()? == 0 {
                return None;
            }
            request.push(byte[0]);
        }
        let request = String::from_utf8(request).ok()?;
        seen.lock().ok()?.push(request.clone());
        let key = request.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then(|| value.strip_prefix("Bearer "))?.map(str::to_owned)
        });
        let answer = next(&mut *answers.lock().ok()?, &key?);
        match answer {
            Answer::Slow(wait) => {
                std::thread::sleep(wait);
                send(&mut tls, &alive(INSTANCE))?;
            }
            Answer::Cut => {
                let half = format!("HTTP/1.1 200 OK\r\ncontent-length: 500\r\n\r\n{{\"id\":\"{INSTANCE}\"");
                tls.write_all(half.as_bytes()).ok()?;
                tls.flush().ok()?;
                return None;
            }
            Answer::Huge(bytes) => {
                let head =
                    format!("HTTP/1.1 200 OK\r\ncontent-length: {bytes}\r\n\r\n{{\"id\":\"{INSTANCE}\",\"x\":\"");
                tls.write_all(head.as_bytes()).ok()?;
                (0..bytes / 4096).try_for_each(|_| tls.write_all(&[b'x'; 4096])).ok()?;
                return None;
            }
            Answer::Alive(instance) => send(&mut tls, &alive(instance))?,
            Answer::Raw(text) => send(&mut tls, &text)?,
            Answer::Dead | Answer::Then(..) => send(
                &mut tls,
                &response(
                    "401 Unauthorized",
                    "",
                    r#"{"errors":[{"message":"The provided Clerk Secret Key is invalid.","long_message":"Make sure that your Clerk Secret Key is correct.","code":"clerk_key_invalid"}],"clerk_trace_id":"x"}"#,
                ),
            )?,
        }
    }
}

fn next(answers: &mut HashMap<String, Answer>, key: &str) -> Answer {
    match answers.get(key).cloned().unwrap_or(Answer::Dead) {
        Answer::Then(first, then) => {
            answers.insert(key.to_owned(), *then);
            *first
        }
        answer => answer,
    }
}

fn send(tls: &mut impl Write, text: &str) -> Option<()> {
    tls.write_all(text.as_bytes()).ok()?;
    tls.flush().ok()
}

fn alive(instance: &str) -> String {
    let body = format!(
        r#"{{"object":"instance","id":"{instance}","environment_type":"production","allowed_origins":null,"workspace_id":null}}"#
    );
    response("200 OK", "", &body)
}

/// A whole answer.
pub(crate) fn response(status: &str, headers: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
}
