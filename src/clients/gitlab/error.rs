//! What can go wrong between us and a GitLab, in words: decided by status and kind of body before anything is parsed.

use std::time::Duration;

use http::{HeaderMap, StatusCode, header};
use serde_json::Value;

use crate::rack::problem::{Problem, Severity, Subject};

/// A question that was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("GitLab {instance}: {asking}: {fault}")]
pub struct Error {
    pub instance: String,
    /// What was asked for: `the jobs of pipeline #9311`.
    pub asking: String,
    pub fault: Fault,
}

/// Why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("{0}")]
    Settings(String),
    #[error("no token: {0}")]
    Token(String),
    #[error("{host} cannot be reached: {why}")]
    Unreachable { host: String, why: String },
    #[error("the certificate of {host} is not trusted: {why}")]
    Certificate { host: String, why: String },
    #[error("{host} stopped answering for {}s", .after.as_secs())]
    Silent { host: String, after: Duration },
    #[error("the token is refused (401): {0}")]
    Unauthorized(String),
    #[error("the token may only read (403): it has not the scope {0}")]
    Scope(String),
    #[error("forbidden (403): {0}")]
    Forbidden(String),
    #[error("not found (404): {0}")]
    NotFound(String),
    /// A project that was renamed.
    #[error("it moved to {0}")]
    Moved(String),
    #[error("a web page came instead of data ({0})")]
    WebPage(String),
    /// The duration: how long not to ask.
    #[error("too many requests (429): asking again in {}s", .0.as_secs())]
    Busy(Duration),
    #[error("refused ({status}): {why}")]
    Rejected { status: u16, why: String },
    #[error("the server failed ({status}): {why}")]
    Server { status: u16, why: String },
    #[error("the answer is not what GitLab sends: {0}")]
    Garbled(String),
    #[error("the answer is larger than {} MiB", .0 >> 20)]
    TooLarge(usize),
    /// The object is not what the person saw when asking for the change.
    #[error("{0}")]
    Changed(String),
}

impl Fault {
    /// What a person does next; empty when waiting is all.
    pub fn next(&self) -> &'static str {
        match self {
            Fault::Settings(_) => "correct [gitlab] in config.toml",
            Fault::Token(_) => {
                "name a token in config.toml: token-env, token-command, token-file or token-glab"
            }
            Fault::Unreachable { .. } => "check url in [gitlab] of config.toml and the network",
            Fault::Certificate { .. } => {
                "name the authority's certificate with ca-file in [gitlab] of config.toml"
            }
            Fault::Unauthorized(_) => {
                "make a new access token in GitLab and put it where config.toml says"
            }
            Fault::Scope(_) => "make a token with the scope api to act; read_api is for looking",
            Fault::Forbidden(_) => "ask a Maintainer of the project for the role",
            Fault::NotFound(_) => {
                "check the name; GitLab says not found too when the token has no access"
            }
            Fault::Moved(_) => "write the new path into config.toml",
            Fault::WebPage(_) => {
                "check url in config.toml: the root of GitLab, not behind a sign-in page"
            }
            Fault::Garbled(_) => "look whether url in config.toml is a GitLab",
            Fault::Changed(_) => "look at it again and decide anew",
            Fault::Rejected { .. }
            | Fault::Silent { .. }
            | Fault::Busy(_)
            | Fault::Server { .. }
            | Fault::TooLarge(_) => "",
        }
    }
}

impl Error {
    pub fn problem(&self) -> Problem {
        let severity = match self.fault {
            Fault::Busy(_) => Severity::Note,
            _ => Severity::Warning,
        };
        let what = format!("GitLab {}: no answer for {}", self.instance, self.asking);
        Problem::new(severity, Subject::Gitlab, what)
            .why(self.fault.to_string())
            .next(self.fault.next())
    }
}

/// The longest text of a server that is put into a sentence.
const LONGEST: usize = 200;

/// The fault an answer is, unless it is a good one.
pub(super) fn of_answer(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<Fault> {
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let is_page = kind.starts_with("text/html");
    let why = || words(body, is_page, status);
    Some(match status.as_u16() {
        200..=299 if is_page => Fault::WebPage("a sign-in page, or no GitLab".to_owned()),
        200..=299 | 304 => return None,
        300..=399 => moved(headers),
        401 => Fault::Unauthorized(why()),
        403 => match json(body).as_ref().and_then(|it| it.get("scope")) {
            Some(scope) => Fault::Scope(scope.as_str().unwrap_or("api").to_owned()),
            None => Fault::Forbidden(why()),
        },
        404 => Fault::NotFound(why()),
        429 => Fault::Busy(wait(headers)),
        status @ 500.. => Fault::Server { status, why: why() },
        status => Fault::Rejected { status, why: why() },
    })
}

fn moved(headers: &HeaderMap) -> Fault {
    let to = headers.get(header::LOCATION);
    let to = to.and_then(|to| to.to_str().ok()).unwrap_or_default();
    if to.contains("sign_in") || to.contains("login") {
        return Fault::WebPage("the address leads to a sign-in page".to_owned());
    }
    Fault::Moved(short(to))
}

/// How long not to ask: what the server says, a minute if it says nothing, an hour at most.
fn wait(headers: &HeaderMap) -> Duration {
    let said = headers.get(header::RETRY_AFTER);
    let seconds = said
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or(60_u64);
    Duration::from_secs(seconds.clamp(1, 3_600))
}

fn json(body: &[u8]) -> Option<Value> {
    serde_json::from_slice(body).ok()
}

/// The server's own words. A page is never shown as text.
fn words(body: &[u8], is_page: bool, status: StatusCode) -> String {
    let reason = status.canonical_reason().unwrap_or("no reason").to_owned();
    if is_page {
        return reason;
    }
    let Some(value) = json(body) else {
        let text = String::from_utf8_lossy(body);
        let text = text.trim();
        return if text.is_empty() || text.starts_with('<') {
            reason
        } else {
            short(text)
        };
    };
    let said = ["error_description", "message", "error"]
        .iter()
        .find_map(|key| value.get(key));
    said.map_or(reason, |said| short(&flat(said)))
}

/// `{"name":["is missing","is short"]}` as `name is missing, is short`.
fn flat(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => items.iter().map(flat).collect::<Vec<_>>().join(", "),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| match key.as_str() {
                "error" | "base" => flat(value),
                key => format!("{key} {}", flat(value)),
            })
            .collect::<Vec<_>>()
            .join("; "),
        other => other.to_string(),
    }
}

fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.chars().take(LONGEST).collect()
}
