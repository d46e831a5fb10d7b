//! One line of a `known_hosts` file.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::hmac;

use crate::rack::ssh::host_key::HostKey;
use crate::rack::ssh::pattern::{self, Listed};

/// Names longer than this match nothing, as in OpenSSH.
const LONGEST_NAME: usize = 1_023;

/// What a line says about its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Marker {
    /// These hosts have this key.
    None,
    /// `@cert-authority`: this key signs the certificates of these hosts.
    Authority,
    /// `@revoked`: this key must never be accepted from these hosts.
    Revoked,
}

/// A line that could be read.
#[derive(Debug, Clone)]
pub(super) struct Line {
    /// Counted from 1, comments too.
    pub(super) number: usize,
    pub(super) marker: Marker,
    /// The first field: names and patterns, or one hashed name.
    pub(super) names: String,
    pub(super) key: HostKey,
}

impl Line {
    /// A line that is in no file.
    pub(super) fn plain(name: &str, key: HostKey) -> Self {
        Self {
            number: 0,
            marker: Marker::None,
            names: name.to_owned(),
            key,
        }
    }

    /// Whether it speaks of this host. `name` is as in [`super::Names::name`].
    pub(super) fn is_about(&self, name: &str) -> bool {
        if self.names.starts_with('|') {
            return is_hash_of(&self.names, name);
        }
        let (name, names) = (name.to_lowercase(), self.names.to_lowercase());
        let patterns = names
            .split(',')
            .take_while(|pattern| pattern.len() <= LONGEST_NAME);
        pattern::listed(&name, patterns) == Listed::Yes
    }
}

/// The lines of a text that can be read.
pub(super) fn read(text: &str) -> Vec<Line> {
    let lines = text.split('\n').enumerate();
    lines
        .filter_map(|(index, line)| parse(line, index + 1))
        .collect()
}

pub(super) fn parse(line: &str, number: usize) -> Option<Line> {
    let (first, rest) = word(line)?;
    if first.starts_with('#') {
        return None;
    }
    let (marker, names, rest) = match first {
        // OpenSSH overlooks a marker that is followed by a tab. For an authority we do the same; a revocation that somebody
        // wrote down counts.
        "@cert-authority" if rest.starts_with(' ') => after(Marker::Authority, rest)?,
        "@revoked" => after(Marker::Revoked, rest)?,
        marker if marker.starts_with('@') => return None,
        names => (Marker::None, names, rest),
    };
    if names.starts_with('@') {
        return None;
    }
    let (algorithm, rest) = word(rest)?;
    let (base64, _comment) = word(rest)?;
    let key = HostKey::from_base64(base64.trim_end_matches('\r'))?;
    (key.algorithm == algorithm).then(|| Line {
        number,
        marker,
        names: names.to_owned(),
        key,
    })
}

fn after(marker: Marker, rest: &str) -> Option<(Marker, &str, &str)> {
    let (names, rest) = word(rest)?;
    Some((marker, names, rest))
}

/// The next word, fields being parted by blanks and tabs, and what follows it.
pub(super) fn word(text: &str) -> Option<(&str, &str)> {
    let text = text.trim_start_matches([' ', '\t']);
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let is_word = !word.trim_end_matches('\r').is_empty();
    is_word.then_some((word, rest))
}

/// `|1|salt|hash`: HMAC-SHA1 of the name under the salt, both in base64.
fn is_hash_of(names: &str, name: &str) -> bool {
    let mut parts = names.splitn(4, '|').skip(1);
    let (Some("1"), Some(salt), Some(hash)) = (parts.next(), parts.next(), parts.next()) else {
        return false;
    };
    let (Ok(salt), Ok(hash)) = (BASE64_STANDARD.decode(salt), BASE64_STANDARD.decode(hash)) else {
        return false;
    };
    salt.len() == SALT && mac(&salt, name).as_ref() == hash
}

/// Bytes of salt, the length of SHA-1, as OpenSSH demands.
pub(super) const SALT: usize = 20;

fn mac(salt: &[u8], name: &str) -> hmac::Tag {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, salt);
    hmac::sign(&key, name.as_bytes())
}

/// A name in the form that does not tell it.
pub(super) fn hashed(name: &str, salt: &[u8; SALT]) -> String {
    let tag = mac(salt, name);
    format!(
        "|1|{}|{}",
        BASE64_STANDARD.encode(salt),
        BASE64_STANDARD.encode(tag)
    )
}
