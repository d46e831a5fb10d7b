//! A host's public key, as people compare it.

use std::fmt;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};

/// A public key of a host in SSH's wire form, with the name of its type.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct HostKey {
    /// `ssh-ed25519`, `ecdsa-sha2-nistp256`, `ssh-rsa` …: the type in the key itself, not the signature's.
    pub algorithm: String,
    /// The wire form (RFC 4253, section 6.6), which begins with the type.
    pub blob: Vec<u8>,
}

impl HostKey {
    /// A key from its wire form; `None` when it is no key of a type we know the shape of.
    pub fn from_blob(blob: &[u8]) -> Option<Self> {
        let (algorithm, fields) = field(blob)?;
        let algorithm = std::str::from_utf8(algorithm).ok()?;
        is_whole(algorithm, fields).then(|| Self {
            algorithm: algorithm.to_owned(),
            blob: blob.to_owned(),
        })
    }

    /// A key from base64, as `known_hosts` and `.pub` files hold it.
    pub fn from_base64(text: &str) -> Option<Self> {
        Self::from_blob(&BASE64_STANDARD.decode(text).ok()?)
    }

    pub fn to_base64(&self) -> String {
        BASE64_STANDARD.encode(&self.blob)
    }

    /// `SHA256:…`, as `ssh-keygen -l` prints it.
    pub fn fingerprint(&self) -> String {
        let digest = ring::digest::digest(&ring::digest::SHA256, &self.blob);
        format!("SHA256:{}", BASE64_STANDARD_NO_PAD.encode(digest))
    }

    /// `ED25519`, `ECDSA`, `RSA`, as ssh names the type to people.
    pub fn kind(&self) -> &str {
        match self.algorithm.as_str() {
            "ssh-ed25519" => "ED25519",
            "ssh-rsa" => "RSA",
            "ssh-dss" => "DSA",
            "sk-ssh-ed25519@openssh.com" => "ED25519-SK",
            "sk-ecdsa-sha2-nistp256@openssh.com" => "ECDSA-SK",
            name if name.starts_with("ecdsa-sha2-") => "ECDSA",
            name => name,
        }
    }
}

impl fmt::Debug for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.algorithm, self.fingerprint())
    }
}

/// A host that shows another key than the one it is known by. Refused until a person says that the board was reflashed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedKey {
    /// The name it is known by: `host`, or `[host]:port`.
    pub name: String,
    /// The keys it was known by, each with the file and the line, counted from 1.
    pub old: Vec<KnownAt>,
    /// The key it shows now.
    pub new: HostKey,
    /// Where the new key will be written.
    pub file: Option<PathBuf>,
}

/// A key in a `known_hosts` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownAt {
    pub file: PathBuf,
    pub line: usize,
    pub key: HostKey,
}

/// The first string of a wire form, and what follows it.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)
}

/// Whether `fields` are exactly those of a key of this type.
fn is_whole(algorithm: &str, fields: &[u8]) -> bool {
    let mut rest = fields;
    let mut next = || {
        let (value, after) = field(rest)?;
        rest = after;
        Some(value)
    };
    let is_right = match algorithm {
        "ssh-ed25519" => next().is_some_and(|key| key.len() == 32),
        "sk-ssh-ed25519@openssh.com" => {
            next().is_some_and(|key| key.len() == 32) && next().is_some()
        }
        "ssh-rsa" => {
            next().is_some_and(|exponent| !exponent.is_empty())
            // OpenSSH refuses moduli under 1024 bits.
            && next().is_some_and(|modulus| modulus.len() >= 128)
        }
        "ssh-dss" => (0..4).all(|_| next().is_some()),
        "ecdsa-sha2-nistp256" => next() == Some(b"nistp256") && is_point(next(), 65),
        "ecdsa-sha2-nistp384" => next() == Some(b"nistp384") && is_point(next(), 97),
        "ecdsa-sha2-nistp521" => next() == Some(b"nistp521") && is_point(next(), 133),
        "sk-ecdsa-sha2-nistp256@openssh.com" => {
            next() == Some(b"nistp256") && is_point(next(), 65) && next().is_some()
        }
        _ => false,
    };
    is_right && rest.is_empty()
}

/// An uncompressed point of `length` bytes (SEC 1, section 2.3.3).
fn is_point(value: Option<&[u8]>, length: usize) -> bool {
    value.is_some_and(|point| point.len() == length && point.first() == Some(&4))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with `ssh-keygen -t ed25519`; the fingerprint is what `ssh-keygen -l` printed.
    const KEY: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIB/3kOSfmc4dd2ZtEmu1MwC72EQjRhto+GWEGaIHu13K";

    #[test]
    fn a_fingerprint_is_the_one_ssh_keygen_prints() {
        let key = HostKey::from_base64(KEY).unwrap();
        assert_eq!(key.algorithm, "ssh-ed25519");
        assert_eq!(key.kind(), "ED25519");
        assert_eq!(
            key.fingerprint(),
            "SHA256:9fU+SHwBQRT/FyCI/Whk8k+HxmJOaV4/mLpuRuaaOt8"
        );
        assert_eq!(key.to_base64(), KEY);
    }

    #[test]
    fn what_is_not_a_whole_key_is_no_key() {
        let whole = BASE64_STANDARD.decode(KEY).unwrap();
        for length in 0..whole.len() {
            assert_eq!(HostKey::from_blob(&whole[..length]), None, "{length}");
        }
        let mut longer = whole.clone();
        longer.push(0);
        assert_eq!(HostKey::from_blob(&longer), None);
        let mut huge = whole;
        huge[0] = 255;
        assert_eq!(HostKey::from_blob(&huge), None);
        assert_eq!(HostKey::from_base64("not base64!"), None);
    }
}
