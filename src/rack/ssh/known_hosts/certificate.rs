//! A host certificate: what must hold before its authority's word counts.

use crate::rack::ssh::host_key::HostKey;

/// The parts of an OpenSSH host certificate (PROTOCOL.certkeys) that decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Certificate {
    pub key: HostKey,
    pub authority: HostKey,
    /// Whether the authority's signature over it is right; checked by who decoded it.
    pub is_signed: bool,
    /// Made for a host, not for a user.
    pub is_for_host: bool,
    /// The names it speaks for. None at all speaks for nobody: older OpenSSH takes that for everybody.
    pub principals: Vec<String>,
    /// Seconds since 1970: from this one, up to but without that one.
    pub valid_after: u64,
    pub valid_before: u64,
    /// Names of options that must be understood; none are defined for hosts.
    pub critical_options: Vec<String>,
}

impl Certificate {
    /// Why the certificate does not speak for `principal` at `now`; `None` when it does.
    pub fn complaint(&self, principal: &str, now: i64) -> Option<String> {
        let now = u64::try_from(now).unwrap_or_default();
        if !self.is_signed {
            return Some("its signature is wrong".to_owned());
        }
        if !self.is_for_host {
            return Some("it was made for a user, not for a host".to_owned());
        }
        if now < self.valid_after {
            return Some("it is not valid yet".to_owned());
        }
        if now >= self.valid_before {
            return Some("it has expired".to_owned());
        }
        if let Some(option) = self.critical_options.first() {
            return Some(format!("it has a critical option we do not know: {option}"));
        }
        if !self.principals.iter().any(|name| name == principal) {
            return Some(format!("it is made out to {}", self.principals.join(", ")));
        }
        None
    }
}
