//! `known_hosts`: which key a host is known by, decided line by line as OpenSSH does (`man sshd`, `SSH_KNOWN_HOSTS` FILE
//! FORMAT; its order of looking: revoked, authority, key, then the name without its port).
//!
//! Not here: reading and writing the files. Invariant: a line that cannot be read is skipped and decides nothing.

pub mod edit;

mod certificate;
mod line;

use std::path::PathBuf;

use crate::rack::ssh::destination::PORT;
use crate::rack::ssh::host_key::{HostKey, KnownAt};

pub use certificate::Certificate;
use line::{Line, Marker};

/// The files that count for a host, in order, as text.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts {
    files: Vec<(PathBuf, Vec<Line>)>,
}

/// What the names of one host are in these files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Names {
    /// `host`, `[host]:port`, or the `HostKeyAlias`.
    pub name: String,
    /// The name without its port: a key known by it counts too, when nothing is known by the other.
    bare: Option<String>,
    /// What a host certificate must be made out to.
    pub principal: String,
}

/// What the host showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Offered {
    Key(HostKey),
    Certificate(Box<Certificate>),
}

/// What its key is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// Known by a key, or by an authority that signed it.
    Known(KnownAt),
    /// Nobody has seen it under this name; `others` are keys of other hosts' names that are this very key.
    New {
        key: HostKey,
    },
    /// Known by other keys, none of which it showed.
    Changed {
        key: HostKey,
        old: Vec<KnownAt>,
    },
    Revoked {
        key: HostKey,
        by: KnownAt,
    },
}

impl Names {
    /// `host_name` as it is after ssh's configuration; an alias stands for name and port both.
    pub fn new(host_name: &str, port: u16, alias: Option<&str>) -> Self {
        let host = host_name.to_lowercase();
        match alias {
            Some(alias) => Self {
                name: alias.to_owned(),
                bare: None,
                principal: alias.to_owned(),
            },
            None if port == PORT => Self {
                name: host.clone(),
                bare: None,
                principal: host,
            },
            None => Self {
                name: format!("[{host}]:{port}"),
                bare: Some(host.clone()),
                principal: host,
            },
        }
    }
}

impl KnownHosts {
    /// Reads the texts of the files, in the order in which they count.
    pub fn read(files: impl IntoIterator<Item = (PathBuf, String)>) -> Self {
        let files = files.into_iter();
        Self {
            files: files
                .map(|(path, text)| (path, line::read(&text)))
                .collect(),
        }
    }

    /// Adds keys that were accepted in this run but could not be written anywhere.
    pub fn add(&mut self, name: &str, key: &HostKey) {
        let line = Line::plain(name, key.clone());
        self.files.push((PathBuf::new(), vec![line]));
    }

    /// Decides about a host. `now`: seconds since 1970, for the validity of certificates.
    pub fn verdict(&self, names: &Names, offered: &Offered, now: i64) -> Verdict {
        if let Offered::Certificate(certificate) = offered {
            match self.by_authority(names, certificate, now) {
                Some(verdict) => return verdict,
                None => return self.by_key(names, &certificate.key),
            }
        }
        match offered {
            Offered::Key(key) => self.by_key(names, key),
            Offered::Certificate(certificate) => self.by_key(names, &certificate.key),
        }
    }

    /// The types of plain keys a host is known by, and whether a certificate would change anything: what to ask the host
    /// for first, because a host that is known by its RSA key would look new by another.
    pub fn known_types(&self, names: &Names) -> (Vec<String>, bool) {
        let types = self.lines_of(&names.name, Marker::None);
        let types = types.map(|(_, line)| line.key.algorithm.clone()).collect();
        let counts = std::iter::once(&names.name).chain(&names.bare).any(|name| {
            let mut lines = self
                .lines_of(name, Marker::Authority)
                .chain(self.lines_of(name, Marker::Revoked));
            lines.next().is_some()
        });
        (types, counts)
    }

    /// `None`: the certificate is worth nothing here, its bare key may still be known.
    fn by_authority(&self, names: &Names, certificate: &Certificate, now: i64) -> Option<Verdict> {
        for name in std::iter::once(&names.name).chain(&names.bare) {
            let is_revoked =
                |line: &Line| line.key == certificate.key || line.key == certificate.authority;
            if let Some(by) = self.find(name, Marker::Revoked, is_revoked) {
                let key = certificate.key.clone();
                return Some(Verdict::Revoked { key, by });
            }
            let authority = self.find(name, Marker::Authority, |line| {
                line.key == certificate.authority
            });
            if let Some(authority) = authority
                && certificate.complaint(&names.principal, now).is_none()
            {
                return Some(Verdict::Known(authority));
            }
        }
        None
    }

    fn by_key(&self, names: &Names, key: &HostKey) -> Verdict {
        let verdict = self.by_key_under(&names.name, key);
        match (&verdict, &names.bare) {
            (Verdict::New { .. }, Some(bare)) => match self.by_key_under(bare, key) {
                by @ (Verdict::Known(_) | Verdict::Revoked { .. }) => by,
                Verdict::New { .. } | Verdict::Changed { .. } => verdict,
            },
            _ => verdict,
        }
    }

    fn by_key_under(&self, name: &str, key: &HostKey) -> Verdict {
        if let Some(by) = self.find(name, Marker::Revoked, |line| line.key == *key) {
            return Verdict::Revoked {
                key: key.clone(),
                by,
            };
        }
        if let Some(by) = self.find(name, Marker::None, |line| line.key == *key) {
            return Verdict::Known(by);
        }
        let old: Vec<_> = self.lines_of(name, Marker::None).map(known_at).collect();
        let key = key.clone();
        if old.is_empty() {
            return Verdict::New { key };
        }
        Verdict::Changed { key, old }
    }

    fn find(&self, name: &str, marker: Marker, is_it: impl Fn(&Line) -> bool) -> Option<KnownAt> {
        self.lines_of(name, marker)
            .find(|(_, line)| is_it(line))
            .map(known_at)
    }

    fn lines_of(&self, name: &str, marker: Marker) -> impl Iterator<Item = (&PathBuf, &Line)> {
        let lines = self
            .files
            .iter()
            .flat_map(|(path, lines)| lines.iter().map(move |line| (path, line)));
        lines.filter(move |(_, line)| line.marker == marker && line.is_about(name))
    }
}

fn known_at((path, line): (&PathBuf, &Line)) -> KnownAt {
    KnownAt {
        file: path.clone(),
        line: line.number,
        key: line.key.clone(),
    }
}

#[cfg(test)]
mod tests;
