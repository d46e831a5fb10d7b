//! What a person wants of a board: its role, its name, the server it joins.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::version::Version;

/// The wish for one board. It is part of the journal, so it holds no secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a permission of its own"
)]
pub struct Wish {
    /// As one would say it to ssh.
    pub host: String,
    pub role: Role,
    /// The name of the Node; unset: the board's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node_ip: Option<String>,
    /// `key=value`; k3s sets them when a Node registers for the first time, never later.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// `key=value:NoSchedule`; as with labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taints: Vec<String>,
    /// Names and addresses the server's certificate is to be good for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tls_san: Vec<String>,
    /// Where the server is, as one would say it to ssh, and at which URL boards join it. The first server has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<ServerUrl>,
    pub version: Version,
    /// Images are given, for a board without a way to the internet.
    #[serde(default)]
    pub has_images: bool,
    /// What is left of an earlier cluster may be removed, with all its local volumes.
    #[serde(default)]
    pub may_clean: bool,
    /// The Node of that name was another board: it may be removed from the cluster.
    #[serde(default)]
    pub may_replace: bool,
    /// What is only a warning does not stop the board.
    #[serde(default)]
    pub may_ignore_warnings: bool,
    /// It leaves its cluster and becomes blank again; version, labels and the like do not count then.
    #[serde(default)]
    pub leaves: bool,
}

/// What a person asks for in one go; versions and addresses are still to be found out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub hosts: Vec<String>,
    /// As one would say it to ssh; when it is one of the hosts it is made now.
    pub server: String,
    pub url: Option<String>,
    /// The address its Node has in the cluster; for when ssh knows only a tunnel to it.
    pub known_address: Option<String>,
    /// What boards become that are not the server.
    pub role: Role,
    pub etcd: bool,
    pub name: Option<String>,
    /// A version or a channel.
    pub version: Option<String>,
    pub labels: Vec<String>,
    pub taints: Vec<String>,
    /// They leave the cluster in place of joining it.
    pub leaves: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Makes a new cluster, or is the server of one that there is.
    FirstServer {
        /// Its datastore is etcd, so that more servers can join; a server with sqlite is turned into one for good.
        etcd: bool,
    },
    /// One more server, of a cluster with embedded etcd.
    Server,
    Agent,
}

impl Role {
    pub fn is_server(self) -> bool {
        self != Role::Agent
    }

    /// The name of the unit without `.service`.
    pub fn unit(self) -> &'static str {
        if self.is_server() { "k3s" } else { "k3s-agent" }
    }

    /// The first word of the command.
    pub fn command(self) -> &'static str {
        if self.is_server() { "server" } else { "agent" }
    }

    pub fn words(self) -> &'static str {
        match self {
            Role::FirstServer { etcd: false } => "first server (sqlite)",
            Role::FirstServer { etcd: true } => "first server (embedded etcd)",
            Role::Server => "server",
            Role::Agent => "agent",
        }
    }
}

/// `https://host:port`, whole: k3s takes nothing less.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ServerUrl {
    /// Without brackets.
    host: String,
    port: u16,
}

impl ServerUrl {
    pub const PORT: u16 = 6443;

    /// Takes what people write: a scheme and a port are added where they are missing, an IPv6 address gets brackets.
    pub fn parse(text: &str) -> Result<ServerUrl, String> {
        let text = text.trim();
        let rest = match text.split_once("://") {
            Some(("https", rest)) => rest,
            Some((scheme, _)) => {
                return Err(format!("{text}: k3s servers speak https, not {scheme}"));
            }
            None => text,
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains(['/', '?', '#', '@'])
            || rest.chars().any(|c| c.is_whitespace() || c.is_control())
        {
            return Err(format!("{text} is more than https://host:port"));
        }
        let (host, port) = if let Some(inner) = rest.strip_prefix('[') {
            let (host, after) = inner
                .split_once(']')
                .ok_or_else(|| format!("{text}: a bracket is not closed"))?;
            (
                host,
                after
                    .strip_prefix(':')
                    .or_else(|| after.is_empty().then_some("")),
            )
        } else if rest.matches(':').count() > 1 {
            // An IPv6 address without brackets cannot have a port.
            (rest, Some(""))
        } else {
            match rest.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (rest, Some("")),
            }
        };
        let port = match port {
            Some("") => Some(Self::PORT),
            Some(port) => port.parse().ok().filter(|port| *port != 0),
            None => None,
        };
        let port = port.ok_or_else(|| format!("{text}: the port is no number"))?;
        if host.is_empty() {
            return Err(format!("{text} names no host"));
        }
        if host.contains(':') && host.parse::<std::net::Ipv6Addr>().is_err() {
            return Err(format!("{text}: {host} is no IPv6 address"));
        }
        Ok(ServerUrl {
            host: host.to_owned(),
            port,
        })
    }

    pub fn host(&self) -> &str {
        &self.host
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "https://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "https://{}:{}", self.host, self.port)
        }
    }
}

impl TryFrom<String> for ServerUrl {
    type Error = String;

    fn try_from(text: String) -> Result<ServerUrl, String> {
        ServerUrl::parse(&text)
    }
}

impl From<ServerUrl> for String {
    fn from(url: ServerUrl) -> String {
        url.to_string()
    }
}

/// Why a name cannot be a Node's (RFC 1123: labels of small letters, digits and `-`, with dots between).
pub fn unfit_name(name: &str) -> Option<String> {
    let is_label = |label: &str| {
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
        label.starts_with(is_plain)
            && label.ends_with(is_plain)
            && label.chars().all(|c| is_plain(c) || c == '-')
    };
    if name.len() > 253 {
        return Some(format!("it has {} characters, 253 are allowed", name.len()));
    }
    let bad = name
        .chars()
        .find(|c| !(c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-' || *c == '.'));
    match bad {
        Some('_') => Some("it has an underscore".to_owned()),
        Some(c) => Some(format!("{c:?} may not be in it")),
        None if !name.split('.').all(is_label) => {
            Some("it must begin and end with a letter or digit".to_owned())
        }
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_of_servers_are_made_whole() {
        for (text, expected) in [
            ("https://10.0.0.5:6443", Ok("https://10.0.0.5:6443")),
            ("10.0.0.5", Ok("https://10.0.0.5:6443")),
            ("k3s-server.lan:7443", Ok("https://k3s-server.lan:7443")),
            ("https://k3s/", Ok("https://k3s:6443")),
            ("fd00::5", Ok("https://[fd00::5]:6443")),
            ("https://[fd00::5]", Ok("https://[fd00::5]:6443")),
            ("[fd00::5]:7443", Ok("https://[fd00::5]:7443")),
            ("http://k3s:6443", Err("https, not http")),
            ("https://k3s:6443/v1", Err("more than")),
            ("https://pi@k3s", Err("more than")),
            ("https://", Err("names no host")),
            ("k3s:port", Err("no number")),
            ("fd00::zz", Err("no IPv6")),
        ] {
            match (ServerUrl::parse(text), expected) {
                (Ok(url), Ok(expected)) => assert_eq!(url.to_string(), expected),
                (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
                (found, expected) => panic!("{text}: {found:?}, not {expected:?}"),
            }
        }
    }

    #[test]
    fn names_that_no_node_can_have_are_known() {
        for (name, part) in [
            ("rpi_04", "underscore"),
            ("RPI", "'R'"),
            ("-a", "begin"),
            ("a.", "begin"),
            ("", "begin"),
        ] {
            assert!(
                unfit_name(name).is_some_and(|why| why.contains(part)),
                "{name}"
            );
        }
        assert_eq!(unfit_name("rpi-04.lan"), None);
    }
}
