//! Join tokens: `K10<sha256 of the CA>::<user>:<password>`, `K10<…>::<id>.<secret>` (short-lived), or a bare password.
//!
//! Source: docs.k3s.io/cli/token. Invariant: a token is only ever a [`Secret`]; what is said of it never quotes it.

use crate::rack::secret::Secret;

/// A join token whose form was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    secret: Secret,
    /// SHA-256 of the cluster's CA, in hexadecimal: what the joining side compares.
    pub ca_hash: Option<String>,
    pub kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Of the server: joins servers and agents, and is the key to the datastore's bootstrap data.
    Server,
    /// Joins agents, and expires.
    Bootstrap,
    /// A password without a hash: whoever answers at the server's address is believed.
    Short,
}

impl Token {
    /// Takes the text of a token file. The words of an error say what is wrong with its form and do not quote it.
    pub fn parse(text: &str) -> Result<Token, String> {
        let text = text.trim_matches(['\n', '\r', ' ', '\t']);
        if text.is_empty() {
            return Err("it is empty".to_owned());
        }
        if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            return Err("it has blanks or line breaks inside: it was not copied whole".to_owned());
        }
        let (ca_hash, rest) = match text.strip_prefix("K10") {
            None => (None, text),
            Some(rest) => {
                let Some((hash, rest)) = rest.split_once("::") else {
                    return Err(
                        "it begins like a secure token and has no \"::\": it is cut off".to_owned(),
                    );
                };
                let is_hash = hash.len() == 64 && hash.chars().all(|c| c.is_ascii_hexdigit());
                if !is_hash {
                    return Err(format!(
                        "its CA hash has {} characters instead of 64: it is cut off",
                        hash.chars().count()
                    ));
                }
                (Some(hash.to_lowercase()), rest)
            }
        };
        let kind = match rest.split_once(':') {
            Some((user, password)) if !user.is_empty() && !password.is_empty() => Kind::Server,
            None if is_bootstrap(rest) => Kind::Bootstrap,
            None if ca_hash.is_none() => Kind::Short,
            Some(_) | None => {
                return Err("it has no password after the CA hash: it is cut off".to_owned());
            }
        };
        Ok(Token {
            secret: Secret::new(text),
            ca_hash,
            kind,
        })
    }

    /// The text, for the one place that writes it into a board's config.yaml.
    pub fn expose(&self) -> &str {
        self.secret.expose()
    }

    pub fn secret(&self) -> &Secret {
        &self.secret
    }
}

/// `[a-z0-9]{6}.[a-z0-9]{16}`
fn is_bootstrap(text: &str) -> bool {
    let is_part = |part: &str, length| {
        part.len() == length
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    (text.split_once('.')).is_some_and(|(id, secret)| is_part(id, 6) && is_part(secret, 16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_a_token_is_known_before_it_is_tried() {
        let hash = "a".repeat(64);
        let kind =
            |text: &str| Token::parse(text).map(|token| (token.kind, token.ca_hash.is_some()));
        for (text, expected) in [
            (
                format!("K10{hash}::server:secret\n"),
                Ok((Kind::Server, true)),
            ),
            (
                format!("K10{hash}::abc123.0123456789abcdef"),
                Ok((Kind::Bootstrap, true)),
            ),
            (
                "abc123.0123456789abcdef".to_owned(),
                Ok((Kind::Bootstrap, false)),
            ),
            ("server:secret".to_owned(), Ok((Kind::Server, false))),
            ("just-a-password".to_owned(), Ok((Kind::Short, false))),
            (format!("K10{hash}::"), Err("cut off")),
            (format!("K10{hash}"), Err("cut off")),
            ("K10abc::server:secret".to_owned(), Err("3 characters")),
            (format!("K10{hash}::server:"), Err("cut off")),
            (
                format!("K10{hash}::server:se\ncret"),
                Err("not copied whole"),
            ),
            (" \n".to_owned(), Err("empty")),
        ] {
            match (kind(&text), expected) {
                (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
                (Err(words), Err(part)) => {
                    assert!(words.contains(part), "{text}: {words}");
                    assert!(!words.contains("cret"), "{words} quotes the token");
                }
                (found, expected) => panic!("{text}: {found:?}, not {expected:?}"),
            }
        }
        assert!(!format!("{:?}", Token::parse("just-a-password")).contains("password\""));
    }
}
