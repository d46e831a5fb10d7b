//! Secrets taken out of what a board prints, before it is shown or kept.
//!
//! Two nets: the secrets that are known by heart in this run, and the forms that every k3s secret has. A private key in
//! PEM goes over many lines, so a redactor has a state: one for each stream.

use std::sync::LazyLock;

use regex::Regex;

use crate::rack::secret::Secret;

/// What stands in place of a secret.
pub const MASK: &str = "***";

/// Takes secrets out of one stream, line by line.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    known: Vec<Secret>,
    is_in_key: bool,
}

/// Forms of secrets: a token with its hash, a short-lived token, key data of a kubeconfig, a value behind the word.
static FORMS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    [
        (r"K10[0-9a-fA-F]{64}::[^\s'\x22]+", MASK),
        (r"\b[a-z0-9]{6}\.[a-z0-9]{16}\b", MASK),
        (r"(client-key-data\x22?\s*[:=]\s*)[^\s]+", "${1}***"),
        (r"(?i)((?:K3S_TOKEN|K3S_AGENT_TOKEN|\btoken|\bpassword|\bpasswd)\x22?\s*[:=]\s*)[^\s,}]+", "${1}***"),
        (r"(--(?:agent-)?token[ =])[^\s]+", "${1}***"),
    ]
    .into_iter()
    // A form that does not compile is caught by the test of this page.
    .filter_map(|(form, with)| Some((Regex::new(form).ok()?, with)))
    .collect()
});

impl Redactor {
    pub fn new(known: Vec<Secret>) -> Redactor {
        Redactor {
            known: known
                .into_iter()
                .filter(|it| it.expose().len() >= 4)
                .collect(),
            is_in_key: false,
        }
    }

    pub fn line(&mut self, line: &str) -> String {
        if self.is_in_key {
            self.is_in_key = !line.contains("-----END");
            return MASK.to_owned();
        }
        if let Some(at) = line
            .find("-----BEGIN")
            .filter(|_| line.contains("PRIVATE KEY"))
        {
            self.is_in_key = !line[at..].contains("-----END");
            return format!("{}{MASK}", &line[..at]);
        }
        let mut line = line.to_owned();
        for secret in &self.known {
            line = line.replace(secret.expose(), MASK);
        }
        for (form, with) in FORMS.iter() {
            line = form.replace_all(&line, *with).into_owned();
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_form_of_a_secret_gets_through() {
        assert_eq!(FORMS.len(), 5, "a form does not compile");
        let hash = "0123456789abcdef".repeat(4);
        let mut redactor = Redactor::new(vec![Secret::new("marked-password"), Secret::new("a")]);
        for (line, expected) in [
            (
                format!("joining with K10{hash}::server:marked rest"),
                "joining with *** rest".to_owned(),
            ),
            (
                format!("token: K10{hash}::abc123.0123456789abcdef"),
                "token: ***".to_owned(),
            ),
            (
                "id abc123.0123456789abcdef is used".to_owned(),
                "id *** is used".to_owned(),
            ),
            (
                "sudo: marked-password is wrong".to_owned(),
                "sudo: *** is wrong".to_owned(),
            ),
            (
                "    client-key-data: TUFSS0VE".to_owned(),
                "    client-key-data: ***".to_owned(),
            ),
            ("K3S_TOKEN='marked'".to_owned(), "K3S_TOKEN=***".to_owned()),
            (
                "k3s agent --token marked --server x".to_owned(),
                "k3s agent --token *** --server x".to_owned(),
            ),
            (
                "{\"token\":\"marked\",\"a\":1}".to_owned(),
                "{\"token\":***,\"a\":1}".to_owned(),
            ),
            (
                "Node password rejected, duplicate hostname".to_owned(),
                "Node password rejected, duplicate hostname".to_owned(),
            ),
            (
                "[INFO]  Using v1.33.4+k3s1 as release".to_owned(),
                "[INFO]  Using v1.33.4+k3s1 as release".to_owned(),
            ),
        ] {
            assert_eq!(redactor.line(&line), expected);
        }
    }

    #[test]
    fn a_private_key_is_taken_out_whole() {
        let mut redactor = Redactor::default();
        let text = "before\nkey: -----BEGIN EC PRIVATE KEY-----\nMARKED\nMARKED\n-----END EC PRIVATE KEY-----\nafter";
        let lines: Vec<String> = text.lines().map(|line| redactor.line(line)).collect();
        assert_eq!(lines, ["before", "key: ***", "***", "***", "***", "after"]);
    }
}
