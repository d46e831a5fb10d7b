//! Pull secrets: a deploy token of a GitLab project in a Secret, and who pulls with it.
//!
//! Not here: making either. Invariant: the token itself is in a [`Secret`] and in the one body that is sent.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::Date;
use serde_json::{Value, json};

use crate::rack::pipeline::state::ProjectRef;
use crate::rack::pod::Maker;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::secret::Secret;
use crate::rack::workload::WorkloadRef;

/// Where the number of the token is kept on the Secret, so that the next one can take its place.
pub const TOKEN_ID: &str = "bramble/gitlab-deploy-token";
/// And the day it ends.
pub const TOKEN_ENDS: &str = "bramble/gitlab-deploy-token-ends";
pub const TYPE: &str = "kubernetes.io/dockerconfigjson";
/// So many days before its end a token is spoken of.
const SOON: i32 = 30;
/// GitLab gives a token of this name to every job: no name for one of a cluster.
const TAKEN: &str = "gitlab-deploy-token";

/// Who pulls with a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Holder {
    /// New pods that use this account and name no secrets of their own.
    Account(Box<str>),
    /// The pods of this very workload, which are made anew.
    Workload(WorkloadRef, Maker),
}

/// A pull secret that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub project: ProjectRef,
    /// `ops/thermo-hub`.
    pub path: String,
    /// What the names of its images begin with.
    pub registry: String,
    pub namespace: Box<str>,
    pub name: Box<str>,
    pub holder: Holder,
    /// The token is good until the day before.
    pub ends: Date,
    /// Of the cluster: part of the token's name in GitLab.
    pub context: String,
}

/// A token for machines, as GitLab lists it: never the token itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeployToken {
    pub id: u64,
    pub name: String,
    pub scopes: Vec<String>,
    pub expires: Option<Timestamp>,
    pub is_expired: bool,
    pub is_revoked: bool,
}

/// A token that was just made, with what it logs in with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    pub id: u64,
    pub user: String,
    pub secret: Secret,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Holder::Account(name) => write!(f, "service account {name}"),
            Holder::Workload(workload, _) => workload.fmt(f),
        }
    }
}

impl Wanted {
    /// The host, with its port, that a login is filed under: that of the image names, or it is not found.
    pub fn host(&self) -> &str {
        self.registry.split('/').next().unwrap_or_default()
    }

    /// The token's name in GitLab: says who uses it.
    pub fn token_name(&self) -> String {
        let name = format!("k3s-{}-{}", self.context, self.namespace);
        let name: String = name
            .chars()
            .filter(|sign| !sign.is_control())
            .take(255)
            .collect();
        debug_assert_ne!(name, TAKEN);
        name
    }

    /// The Secret, as it is sent to the API server.
    pub fn manifest(&self, token: &NewToken) -> Secret {
        let text = json!({
            "apiVersion": "v1",
            "kind": "Secret",
            "type": TYPE,
            "metadata": {
                "name": &*self.name,
                "namespace": &*self.namespace,
                "annotations": {
                    TOKEN_ID: format!("{} {}", token.id, self.source()),
                    TOKEN_ENDS: self.ends.to_string(),
                },
            },
            "data": { ".dockerconfigjson": self.login(token).expose() },
        });
        Secret::new(text.to_string())
    }

    /// Whose token it is.
    pub fn source(&self) -> String {
        format!("{} {}", self.project.instance, self.path)
    }

    /// What kubectl's `create secret docker-registry` writes, in base64.
    fn login(&self, token: &NewToken) -> Secret {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        let (user, password) = (&token.user, token.secret.expose());
        let both = STANDARD.encode(format!("{user}:{password}"));
        let login = json!({ "username": user, "password": password, "auth": both });
        let config = json!({ "auths": { self.host(): login } });
        Secret::new(STANDARD.encode(config.to_string()))
    }
}

/// The number of the token that a Secret was made with here, and for which project of which GitLab: the number of one
/// means nothing in another.
pub fn token_of(annotations: &Value) -> Option<(u64, &str)> {
    let (number, source) = annotations.get(TOKEN_ID)?.as_str()?.split_once(' ')?;
    Some((number.parse().ok()?, source))
}

/// `imagePullSecrets` with one name more; `None` when it is there already.
pub fn with(secrets: &Value, name: &str) -> Option<Value> {
    let mut all = secrets.as_array().cloned().unwrap_or_default();
    if all.iter().any(|it| it["name"] == *name) {
        return None;
    }
    all.push(json!({ "name": name }));
    Some(Value::Array(all))
}

/// What is wrong with the name of a Secret: it is that of a file under a domain.
pub fn name_complaint(name: &str) -> Option<String> {
    let is_sign =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    let ends = |byte: Option<u8>| byte.is_some_and(|it| it.is_ascii_alphanumeric());
    let is_good = name.bytes().all(is_sign)
        && name.len() <= 253
        && ends(name.bytes().next())
        && ends(name.bytes().next_back());
    (!is_good).then(|| format!("\"{name}\" is no name: lower case letters, digits, - and ."))
}

/// Tokens that pods pull with and that end soon, or have ended.
pub fn problems(project: &str, tokens: &[DeployToken], now: Timestamp) -> Vec<Problem> {
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    let days = |token: &DeployToken| {
        let ends = token.expires?.to_zoned(jiff::tz::TimeZone::UTC).date();
        today.until(ends).ok().map(|span| span.get_days())
    };
    let mut problems = Vec::new();
    for token in tokens {
        let pulls = token.scopes.iter().any(|scope| scope == "read_registry");
        let days = if token.is_expired {
            Some(0)
        } else {
            days(token)
        };
        let Some(days) = days.filter(|days| pulls && !token.is_revoked && *days <= SOON) else {
            continue;
        };
        let (severity, what) = match days {
            ..=0 => (Severity::Critical, "has expired".to_owned()),
            1 => (Severity::Warning, "expires tomorrow".to_owned()),
            days => (Severity::Warning, format!("expires in {days} days")),
        };
        let what = format!("deploy token \"{}\" of {project} {what}", token.name);
        problems.push(
            Problem::new(severity, Subject::Gitlab, what)
                .why("pods that pull with it cannot start anew after that")
                .next("K in Workloads, on a workload that pulls with it, makes a new one in its place"),
        );
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rack::pipeline::ProjectId;

    fn wanted() -> Wanted {
        Wanted {
            project: ProjectRef {
                instance: "office".into(),
                project: ProjectId(7),
            },
            path: "ops/hub".to_owned(),
            registry: "reg.lan:5050/ops/hub".to_owned(),
            namespace: "web".into(),
            name: "gitlab-pull".into(),
            holder: Holder::Account("default".into()),
            ends: "2027-11-24".parse().unwrap(),
            context: "office-rack".to_owned(),
        }
    }

    #[test]
    fn the_secret_is_filed_under_host_and_port_and_prints_nothing() {
        use base64::Engine;
        use base64::engine::general_purpose::STANDARD;
        let token = NewToken {
            id: 12,
            user: "gitlab+deploy-token-12".to_owned(),
            secret: Secret::new("gldt-very-secret"),
        };
        let manifest = wanted().manifest(&token);
        assert!(!format!("{manifest:?} {token:?}").contains("gldt"));
        let value: Value = serde_json::from_str(manifest.expose()).unwrap();
        assert_eq!(value["type"], TYPE);
        let annotations = &value["metadata"]["annotations"];
        let source = wanted().source();
        assert_eq!(token_of(annotations), Some((12, source.as_str())));
        let config = value["data"][".dockerconfigjson"].as_str().unwrap();
        let config: Value = serde_json::from_slice(&STANDARD.decode(config).unwrap()).unwrap();
        let login = &config["auths"]["reg.lan:5050"];
        assert_eq!(login["password"], "gldt-very-secret");
        let auth = STANDARD.decode(login["auth"].as_str().unwrap()).unwrap();
        assert_eq!(auth, b"gitlab+deploy-token-12:gldt-very-secret");
        assert_eq!(wanted().token_name(), "k3s-office-rack-web");
    }

    #[test]
    fn a_name_is_added_once_and_others_stay() {
        let one = with(&Value::Null, "a").unwrap();
        let two = with(&one, "b").unwrap();
        assert_eq!(two, json!([{ "name": "a" }, { "name": "b" }]));
        assert_eq!(with(&two, "a"), None);
    }

    #[test]
    fn tokens_that_pull_are_watched_until_their_end() {
        let token = |name: &str, ends: &str, scope: &str| DeployToken {
            id: 1,
            name: name.to_owned(),
            scopes: vec![scope.to_owned()],
            expires: ends.parse().ok(),
            is_expired: false,
            is_revoked: false,
        };
        let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let said = problems(
            "ops/hub",
            &[
                token("far", "2027-11-24T00:00:00Z", "read_registry"),
                token("soon", "2026-12-01T00:00:00Z", "read_registry"),
                token("over", "2026-11-24T00:00:00Z", "read_registry"),
                token("git", "2026-11-25T00:00:00Z", "read_repository"),
                token("never", "", "read_registry"),
            ],
            now,
        );
        let said: Vec<&str> = said.iter().map(|it| it.what.as_str()).collect();
        assert_eq!(
            said,
            [
                "deploy token \"soon\" of ops/hub expires in 7 days",
                "deploy token \"over\" of ops/hub has expired",
            ]
        );
    }

    #[test]
    fn names_of_secrets_are_those_kubernetes_takes() {
        for (name, is_good) in [
            ("gitlab-pull", true),
            ("a.b", true),
            ("", false),
            ("A", false),
            ("-a", false),
        ] {
            assert_eq!(name_complaint(name).is_none(), is_good, "{name}");
        }
    }
}
