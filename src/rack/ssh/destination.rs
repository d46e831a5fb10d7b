//! Where to go, in the words a person would give to `ssh`.

use std::collections::BTreeMap;
use std::fmt;

use crate::rack::node::NodeName;

/// The port of SSH when nothing else is said.
pub(super) const PORT: u16 = 22;

/// A host as a person names it: an alias of `~/.ssh/config`, a name or an address, perhaps with a user and a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Destination {
    pub user: Option<String>,
    pub host: String,
    pub port: Option<u16>,
    /// The address to use when ssh's configuration says nothing about `host` and no name service knows it.
    pub or_address: Option<String>,
}

impl Destination {
    /// Reads `host`, `user@host`, `user@host:port`, `[address]:port` or `ssh://user@host:port`.
    ///
    /// What a shell or `ssh` itself could take for something else (a leading dash, blanks, quotes) is refused.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let rest = text.strip_prefix("ssh://").unwrap_or(text);
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        let (host, port) = split_port(place);
        let port = match port {
            Some(digits) => Some(read_port(digits).ok_or_else(|| {
                format!("\"{digits}\" is no port; write a number from 1 to 65535")
            })?),
            None => None,
        };
        if host.is_empty() || !is_plain(host) {
            return Err(format!(
                "\"{}\" is no host; write host, user@host or user@host:port",
                text.escape_debug()
            ));
        }
        if user.is_some_and(|user| user.is_empty() || !is_plain(user)) {
            return Err(format!(
                "\"{}\" has no usable user; write user@host",
                text.escape_debug()
            ));
        }
        Ok(Self {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
            or_address: None,
        })
    }

    /// Where the board of a node is: by `hosts`, the settings of the context; else by the node's own name through
    /// ssh's configuration or the name service; else at `address`, its `InternalIP`.
    pub fn of_node(
        node: &NodeName,
        hosts: &BTreeMap<String, String>,
        address: Option<&str>,
    ) -> Result<Self, String> {
        if let Some(text) = hosts.get(node.as_str()) {
            return Self::parse(text);
        }
        let mut destination = Self::parse(node.as_str())?;
        destination.or_address = address.map(str::to_owned);
        Ok(destination)
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(user) = &self.user {
            write!(f, "{user}@")?;
        }
        match self.port {
            Some(port) if self.host.contains(':') => write!(f, "[{}]:{port}", self.host),
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

/// Host and port. Several colons without brackets are an IPv6 address, not a port.
fn split_port(place: &str) -> (&str, Option<&str>) {
    if let Some((address, rest)) = place.strip_prefix('[').and_then(|it| it.split_once(']')) {
        return (address, rest.strip_prefix(':'));
    }
    match place.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, Some(port)),
        Some(_) | None => (place, None),
    }
}

fn read_port(digits: &str) -> Option<u16> {
    digits.parse().ok().filter(|port| *port > 0)
}

/// Nothing that a shell, `ssh` or a terminal could take for something else.
fn is_plain(word: &str) -> bool {
    let is_hostile =
        |c: char| c.is_control() || c.is_whitespace() || "\"'`\\$;&<>|(){}*?!#,".contains(c);
    !word.starts_with('-') && !word.contains(is_hostile)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, user: Option<&str>, host: &str, port: Option<u16>, shown: &str) {
        let destination = Destination::parse(text).unwrap();
        let expected = Destination {
            user: user.map(str::to_owned),
            host: host.to_owned(),
            port,
            or_address: None,
        };
        assert_eq!(destination, expected, "{text}");
        assert_eq!(destination.to_string(), shown);
    }

    #[test]
    fn a_destination_is_read_as_people_write_it() {
        check("rpi-01", None, "rpi-01", None, "rpi-01");
        check(" pi@rpi-01 ", Some("pi"), "rpi-01", None, "pi@rpi-01");
        check(
            "pi@10.0.0.5:2222",
            Some("pi"),
            "10.0.0.5",
            Some(2222),
            "pi@10.0.0.5:2222",
        );
        check(
            "ssh://pi@rpi-01:22/",
            Some("pi"),
            "rpi-01",
            Some(22),
            "pi@rpi-01:22",
        );
        check("fe80::1", None, "fe80::1", None, "fe80::1");
        check(
            "[fe80::1]:2200",
            None,
            "fe80::1",
            Some(2200),
            "[fe80::1]:2200",
        );
        check("a@b@c", Some("a@b"), "c", None, "a@b@c");
    }

    #[test]
    fn what_could_be_taken_for_an_option_or_a_command_is_refused() {
        for text in [
            "",
            "@",
            "pi@",
            "@rpi",
            "-oProxyCommand=x",
            "pi@-x",
            "a b",
            "a;b",
            "a$(b)",
            "x\u{1b}[2J",
            "rpi:0",
            "rpi:x",
            "rpi:70000",
            "*",
            "a,b",
        ] {
            assert!(Destination::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_node_without_settings_is_reached_by_its_own_name() {
        let hosts = BTreeMap::from([("rpi-01".to_owned(), "pi@10.0.0.5".to_owned())]);
        let of = |node: &str| {
            Destination::of_node(&NodeName::new(node), &hosts, Some("10.0.0.9")).unwrap()
        };
        assert_eq!(of("rpi-01").to_string(), "pi@10.0.0.5");
        assert_eq!(of("rpi-01").or_address, None);
        assert_eq!(of("rpi-02").to_string(), "rpi-02");
        assert_eq!(of("rpi-02").or_address.as_deref(), Some("10.0.0.9"));
    }
}
