//! Names and addresses: what a rack is called after its host, and a server's URL with another host in it.

/// A server's URL taken apart. IPv6 addresses stand without their brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl {
    pub scheme: String,
    pub host: String,
    pub port: Option<u16>,
    /// With its slash; most often empty.
    pub path: String,
}

impl ServerUrl {
    /// Reads a URL as it stands in a kubeconfig; `None` when it names no host.
    pub fn parse(url: &str) -> Option<ServerUrl> {
        let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
        let (authority, path) = match rest.find(['/', '?', '#']) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        let authority = authority.rsplit_once('@').map_or(authority, |(_, it)| it);
        let (host, port) = host_and_port(authority)?;
        Some(ServerUrl {
            scheme: scheme.to_owned(),
            host,
            port,
            path: path.to_owned(),
        })
    }

    /// This URL with what a person gave in place of its host: `HOST`, `HOST:PORT` or a whole URL. The port stays unless
    /// another is given.
    pub fn with(&self, given: &str) -> Option<ServerUrl> {
        let given = given.trim();
        let is_url = given.contains("://");
        let parsed = ServerUrl::parse(given)?;
        Some(ServerUrl {
            scheme: if is_url {
                parsed.scheme
            } else {
                self.scheme.clone()
            },
            host: parsed.host,
            port: parsed.port.or(self.port),
            path: if is_url {
                parsed.path
            } else {
                self.path.clone()
            },
        })
    }

    /// True for an address that means "this machine" wherever it is read.
    pub fn is_local(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || (self.host.parse::<std::net::IpAddr>())
                .is_ok_and(|address| address.is_loopback() || address.is_unspecified())
    }

    /// True when the host is an address and no name.
    pub fn is_address(&self) -> bool {
        self.host.parse::<std::net::IpAddr>().is_ok()
    }
}

impl std::fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let is_v6 = self.host.contains(':');
        let (open, close) = if is_v6 { ("[", "]") } else { ("", "") };
        write!(f, "{}://{open}{}{close}", self.scheme, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, rest) = rest.split_once(']')?;
        host.split('%').next()?.parse::<std::net::Ipv6Addr>().ok()?;
        let port = match rest.strip_prefix(':') {
            Some(port) => Some(port.parse().ok()?),
            None if rest.is_empty() => None,
            None => return None,
        };
        return Some((host.to_owned(), port));
    }
    if authority.parse::<std::net::Ipv6Addr>().is_ok() {
        return Some((authority.to_owned(), None));
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (authority, None),
    };
    let is_host = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    (!host.is_empty() && host.chars().all(is_host)).then(|| (host.to_owned(), port))
}

/// A URL without user and password.
pub fn display_url(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let (authority, path) = match rest.find('/') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let host = authority
        .rsplit_once('@')
        .map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// What a rack on this host is called: the first label of a name, an address as it is but for colons.
pub fn name_of_host(host: &str) -> String {
    if host.parse::<std::net::IpAddr>().is_ok() {
        let mut name = host.replace(':', "-");
        while name.contains("--") {
            name = name.replace("--", "-");
        }
        return name.trim_matches('-').to_owned();
    }
    let first = host.split('.').next().unwrap_or(host);
    first.to_lowercase()
}

/// `name`, or the first of `name-2`, `name-3` ... that is not taken.
pub(super) fn free_name(name: &str, is_taken: impl Fn(&str) -> bool) -> String {
    let mut candidate = name.to_owned();
    let mut number = 2_usize;
    while is_taken(&candidate) {
        candidate = format!("{name}-{number}");
        number += 1;
    }
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_replaced_and_the_port_stays() {
        let k3s = ServerUrl::parse("https://127.0.0.1:6443").unwrap();
        for (given, expected) in [
            ("10.0.0.5", "https://10.0.0.5:6443"),
            ("rack.lan", "https://rack.lan:6443"),
            ("rack.lan:7443", "https://rack.lan:7443"),
            ("fd00::1", "https://[fd00::1]:6443"),
            ("[fd00::1]", "https://[fd00::1]:6443"),
            ("[fd00::1]:1", "https://[fd00::1]:1"),
            ("https://rack.lan", "https://rack.lan:6443"),
            ("https://[fd00::1]/k8s", "https://[fd00::1]:6443/k8s"),
            ("http://user:word@rack.lan:80", "http://rack.lan:80"),
            (" rack.lan ", "https://rack.lan:6443"),
        ] {
            assert_eq!(k3s.with(given).unwrap().to_string(), expected);
        }
        for given in [
            "",
            "https://",
            "a b",
            "rack:x",
            "[fd00::1",
            "[rack]",
            "rack:99999",
            "\u{1b}[31m",
        ] {
            assert_eq!(k3s.with(given), None, "{given:?}");
        }
    }

    #[test]
    fn a_local_address_is_known() {
        for (url, expected) in [
            ("https://127.0.0.1:6443", true),
            ("https://localhost", true),
            ("https://[::1]:6443", true),
            ("https://0.0.0.0:6443", true),
            ("https://10.0.0.5:6443", false),
        ] {
            assert_eq!(ServerUrl::parse(url).unwrap().is_local(), expected, "{url}");
        }
    }

    #[test]
    fn racks_are_called_after_their_host() {
        for (host, expected) in [
            ("rpi-01.lan", "rpi-01"),
            ("Rack", "rack"),
            ("10.0.0.5", "10.0.0.5"),
            ("fd00::1", "fd00-1"),
        ] {
            assert_eq!(name_of_host(host), expected);
        }
        assert_eq!(free_name("a", |it| ["a", "a-2"].contains(&it)), "a-3");
    }

    #[test]
    fn user_and_password_in_a_url_are_not_shown() {
        assert_eq!(display_url("https://u:p@h:1/x@y"), "https://h:1/x@y");
        assert_eq!(display_url("https://h"), "https://h");
        assert_eq!(display_url("h:1"), "h:1");
    }
}
