//! Proxies: which is asked, what it sees, and which is refused.

use std::collections::HashMap;

use crate::common::clerk::Clerk;
use crate::common::incident::Case;
use crate::common::nobody::Nobody;
use crate::common::run::Audit;
use crate::common::secrets::live_key;

/// A proxy on this machine: it takes one request, and lets nothing through.
fn proxy() -> (u16, std::thread::JoinHandle<String>) {
    use std::io::{Read as _, Write as _};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let seen = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut byte = [0];
        while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
            request.push(byte[0]);
        }
        stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\n\r\n").unwrap();
        String::from_utf8(request).unwrap()
    });
    (port, seen)
}

#[test]
fn a_proxy_is_asked_for_a_tunnel_to_clerk_and_sees_no_key() {
    let case = Case::new(vec![live_key(7017)]);
    let (port, seen) = proxy();
    let run = Audit::new(&["verify", "--yes", "--timeout", "5"])
        .and(&case.report)
        .variable("https_proxy", format!("http://127.0.0.1:{port}"))
        .run();
    let request = seen.join().unwrap();
    assert!(request.starts_with("CONNECT api.clerk.com:443 HTTP/1.1\r\n"), "{request}");
    assert!(!request.contains(&case.keys[0][..12]) && !request.to_lowercase().contains("bearer"), "{request}");
    assert_eq!(run.code, Some(3), "{}", run.text());
    assert!(run.text().contains("unknown") && run.text().contains("proxy"), "{}", run.text());
    assert!(run.errors().contains("error: the proxy lets nothing through\n"), "{}", run.errors());
    assert!(run.errors().contains("which does not see the keys") && !run.errors().contains("a network"));
    assert!(run.errors().contains(&format!("through the proxy http://127.0.0.1:{port}")), "{}", run.errors());
}

#[test]
fn a_proxy_is_not_said_to_see_nothing_where_its_authority_may_be_trusted() {
    let case = Case::new(vec![live_key(7018)]);
    let (port, seen) = proxy();
    let clerk = Clerk::start(HashMap::new());
    let run = Audit::new(&["verify", "--yes", "--timeout", "5", "--ca-file"])
        .and(clerk.authority())
        .and(&case.report)
        .variable("https_proxy", format!("http://127.0.0.1:{port}"))
        .run();
    seen.join().unwrap();
    let said = run.errors();
    assert!(said.contains(&format!("through the proxy http://127.0.0.1:{port} (HTTPS_PROXY).")), "{said}");
    assert!(
        !said.contains("does not see") && said.contains("whoever has one of them, the proxy perhaps, can read"),
        "{said}"
    );
}

#[test]
fn a_connection_that_is_cut_is_told_as_that() {
    let case = Case::new(vec![live_key(7019)]);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let cut = std::thread::spawn(move || drop(listener.accept().unwrap()));
    let run =
        Audit::new(&["verify", "--yes", "--api-url"]).and(format!("https://127.0.0.1:{port}")).and(&case.report).run();
    cut.join().unwrap();
    assert_eq!(run.code, Some(3));
    assert!(run.errors().contains("error: every connection is cut\n"), "{}{}", run.errors(), run.text());
}

#[test]
fn a_proxy_is_told_and_loopback_never_goes_through_one() {
    let case = Case::two();
    let clerk = Clerk::start(HashMap::new());
    let proxy = "http://user:word@127.0.0.1:9";
    let run = case.verify(&clerk).variable("HTTPS_PROXY", proxy).run();
    assert_eq!((run.code, clerk.requests().len()), (Some(0), 2), "{}", run.errors());
    assert!(!run.errors().contains("proxy"));
    // Clerk itself would be asked through it: nobody is there, so nothing leaves this machine.
    let run = Audit::new(&["verify", "--yes", "--timeout", "3"])
        .and(&case.report)
        .and("--again")
        .variable("HTTPS_PROXY", proxy)
        .run();
    assert!(
        run.errors().contains("through the proxy 127.0.0.1:9") && !run.errors().contains("word"),
        "{}",
        run.errors()
    );
    assert_eq!(run.code, Some(3), "{}{}", run.text(), run.errors());
    assert!(run.text().contains("clerk_key_invalid"), "what was answered stays: {}", run.text());
}

#[test]
fn of_two_proxies_the_one_that_curl_takes_is_asked() {
    let case = Case::new(vec![live_key(7025)]);
    let refuses = Nobody::listening();
    let refused = format!("http://{}", refuses.address);
    let (port, seen) = proxy();
    let asked = format!("http://127.0.0.1:{port}");
    let verify = || Audit::new(&["verify", "--yes", "--timeout", "5", "--again"]).and(&case.report);
    let run = verify().variable("https_proxy", &asked).variable("HTTPS_PROXY", &refused).run();
    assert!(run.errors().contains(&format!("through the proxy {asked}")), "{}", run.errors());
    assert!(seen.join().unwrap().starts_with("CONNECT api.clerk.com:443"));
    assert_eq!(run.code, Some(3));
    // One that is set and empty is none, for curl too.
    let run = verify().variable("https_proxy", "").variable("HTTPS_PROXY", &refused).run();
    assert!(run.errors().contains(&format!("through the proxy {refused}")), "{}", run.errors());
}

#[test]
fn a_proxy_that_cannot_be_read_is_refused_and_nothing_is_sent() {
    use std::os::unix::ffi::OsStrExt as _;
    let case = Case::new(vec![live_key(7026)]);
    let refuses = Nobody::listening();
    let run = Audit::new(&["verify", "--yes", "--timeout", "5"])
        .and(&case.report)
        // Should the other be left out: nothing leaves this machine.
        .variable("HTTPS_PROXY", format!("http://{}", refuses.address))
        .variable("https_proxy", std::ffi::OsStr::from_bytes(b"http://proxy.example/\xff"))
        .run();
    assert_eq!(run.code, Some(2), "{}{}", run.text(), run.errors());
    assert!(run.errors().contains("https_proxy") && run.errors().contains("hint:"), "{}", run.errors());
    assert!(!run.errors().contains("This sends"), "{}", run.errors());
}

#[test]
fn a_proxy_that_speaks_socks_is_refused_and_nothing_is_sent() {
    let case = Case::new(vec![live_key(7024)]);
    for proxy in ["socks5://127.0.0.1:9", "socks5h://127.0.0.1:9", "socks4://127.0.0.1:9"] {
        let run = Audit::new(&["verify", "--yes"]).and(&case.report).variable("HTTPS_PROXY", proxy).run();
        assert_eq!(run.code, Some(2), "{proxy}: {}{}", run.text(), run.errors());
        assert!(
            run.errors().contains("error: the proxy in HTTPS_PROXY") && run.errors().contains("hint:"),
            "{}",
            run.errors()
        );
    }
}
