//! How a registry asks for a login: the `WWW-Authenticate` header.

use std::fmt::Write;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    Basic,
    /// A token from `realm`, for `service`.
    Bearer {
        realm: String,
        service: String,
    },
}

impl Challenge {
    /// `Bearer realm="https://…/jwt/auth",service="container_registry",scope="…"`; the scope is ours to choose.
    pub(super) fn parse(text: &str) -> Option<Challenge> {
        let (scheme, rest) = text.split_once(' ').unwrap_or((text, ""));
        if scheme.eq_ignore_ascii_case("basic") {
            return Some(Challenge::Basic);
        }
        if !scheme.eq_ignore_ascii_case("bearer") {
            return None;
        }
        let mut rest = rest.trim();
        let (mut realm, mut service) = (None, String::new());
        while let Some((key, value)) = rest.split_once('=') {
            let (value, after) = match value.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"')?,
                None => value.split_once(',').unwrap_or((value, "")),
            };
            match key.trim().trim_start_matches(',').trim() {
                "realm" => realm = Some(value.to_owned()),
                "service" => value.clone_into(&mut service),
                _ => {}
            }
            rest = after.trim_start_matches([',', ' ']);
        }
        let realm = realm.filter(|it| it.starts_with("https://") || it.starts_with("http://"))?;
        Some(Challenge::Bearer { realm, service })
    }
}

/// The address a token is asked for at.
pub(super) fn with_query(realm: &str, service: &str, scope: &str) -> String {
    let mut address = realm.to_owned();
    let mut sign = if realm.contains('?') { '&' } else { '?' };
    for (key, value) in [("service", service), ("scope", scope)] {
        let _ = write!(address, "{sign}{key}=");
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-_.~/:".contains(&byte) {
                address.push(char::from(byte));
            } else {
                let _ = write!(address, "%{byte:02X}");
            }
        }
        sign = '&';
    }
    address
}
