//! Where a key may be sent.

/// Clerk's hosts of the Backend API: the second is the older name of the first (Clerk's OpenAPI description).
const HOSTS: [&str; 2] = ["api.clerk.com", "api.clerk.dev"];

/// Why a key is not sent to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// It would go over the wire as it is.
    #[error("the address does not begin with https://")]
    NotHttps,
    /// It is somebody else's.
    #[error("a key is sent to Clerk (api.clerk.com, api.clerk.dev) or to this machine itself, and nowhere else")]
    Stranger,
    /// It has more to it than a host and a port.
    #[error("the address has more in it than a host and, for this machine itself, a port")]
    NotPlain,
}

/// Clerk, or this machine itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    authority: String,
    loopback: bool,
}

impl Default for Endpoint {
    /// Clerk.
    fn default() -> Self {
        Self { authority: HOSTS[0].to_owned(), loopback: false }
    }
}

impl Endpoint {
    /// Takes an address: `https://` and a host, with `/` or `/v1` behind it or nothing.
    ///
    /// # Errors
    /// Where a key must not be sent there.
    pub fn parse(address: &str) -> Result<Self, EndpointError> {
        let rest = address.strip_prefix("https://").ok_or(EndpointError::NotHttps)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let authority = rest.strip_suffix("/v1").unwrap_or(rest);
        if authority.bytes().any(|byte| !byte.is_ascii_alphanumeric() && !b".-:[]".contains(&byte)) {
            return Err(EndpointError::NotPlain);
        }
        let (host, port) =
            match authority.rsplit_once(':').filter(|(host, _)| !host.contains(':') || host.ends_with(']')) {
                Some((host, port)) => (host, Some(port.parse::<u16>().map_err(|_| EndpointError::NotPlain)?)),
                None => (authority, None),
            };
        let loopback = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        let is_clerks = HOSTS.iter().any(|known| known.eq_ignore_ascii_case(host));
        match (loopback, is_clerks, port) {
            (true, _, _) | (false, true, None | Some(443)) => {
                Ok(Self { authority: authority.to_ascii_lowercase(), loopback })
            }
            (false, true, Some(_)) => Err(EndpointError::NotPlain),
            (false, false, _) => Err(EndpointError::Stranger),
        }
    }

    /// The address, without a slash at its end.
    pub fn base(&self) -> String {
        format!("https://{}", self.authority)
    }

    /// Whether it is this machine itself.
    pub fn is_loopback(&self) -> bool {
        self.loopback
    }

    /// The host alone.
    pub fn host(&self) -> &str {
        self.authority
            .rsplit_once(':')
            .filter(|(host, _)| !self.loopback || !host.is_empty())
            .map_or(&self.authority, |(host, _)| host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_goes_to_clerk_or_nowhere() {
        for good in [
            "https://api.clerk.com",
            "https://api.clerk.dev/v1",
            "https://API.clerk.com/",
            "https://api.clerk.com:443/v1/",
            "https://127.0.0.1:8443",
            "https://localhost:1/",
            "https://[::1]:9",
        ] {
            assert!(Endpoint::parse(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("http://api.clerk.com", EndpointError::NotHttps),
            ("api.clerk.com", EndpointError::NotHttps),
            ("http://127.0.0.1:80", EndpointError::NotHttps),
            ("https://api.clerk.com.evil.example", EndpointError::Stranger),
            ("https://evil.example", EndpointError::Stranger),
            ("https://api.stripe.com", EndpointError::Stranger),
            ("https://127.0.0.2", EndpointError::Stranger),
            ("https://0.0.0.0", EndpointError::Stranger),
            ("https://evil.example/api.clerk.com", EndpointError::NotPlain),
            ("https://api.clerk.com@evil.example", EndpointError::NotPlain),
            ("https://api.clerk.com#@evil.example", EndpointError::NotPlain),
            ("https://api.clerk.com?x", EndpointError::NotPlain),
            ("https://api.clerk.com/v2", EndpointError::NotPlain),
            ("https://api.clerk.com\\@evil.example", EndpointError::NotPlain),
            ("https://api.clerk.com:8443", EndpointError::NotPlain),
            ("https://api.clerk.com:x", EndpointError::NotPlain),
            ("https://127.0.0.1:80:evil.example", EndpointError::Stranger),
            ("https://", EndpointError::Stranger),
        ] {
            assert_eq!(Endpoint::parse(bad), Err(why), "{bad}");
        }
    }
}
