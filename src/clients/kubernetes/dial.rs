//! Making a client from a chosen context.
//!
//! It happens on a blocking thread, the one place of this client that leaves the future it was called in: kube runs
//! credential plugins while it builds a client, three times and waiting for each, and a plugin of half a second must
//! not stop the loop. A new client is made whenever the line was lost, because pooled connections may be as dead as
//! the one we noticed, and because a plugin's credentials may have run out meanwhile.

use std::time::Duration;

use http::HeaderValue;
use http::header::USER_AGENT;
use kube::Client;

use super::connection::Connection;
use super::error::Error;
use super::kubeconfig::Chosen;
use crate::rack::problem::{Problem, Severity, Subject};

const AGENT: &str = concat!("bramble/", env!("CARGO_PKG_VERSION"));
/// For TCP and the TLS handshake together.
const CONNECT: Duration = Duration::from_secs(5);
/// A plugin that waits for somebody to log in would wait for ever.
const PLUGIN: Duration = Duration::from_secs(30);

/// Makes a client with connections of its own. Sends nothing yet.
pub(super) async fn dial(chosen: &Chosen) -> Result<Connection, Error> {
    let mut config = chosen.config.clone();
    config.connect_timeout = Some(CONNECT);
    // Silence is measured per stream and answered with a probe, see `supervisor`.
    config.read_timeout = None;
    config.default_retry = false;
    // kube takes HTTPS_PROXY but not NO_PROXY as kubectl does; only the kubeconfig's own proxy-url counts here.
    if !chosen.has_proxy {
        config.proxy_url = None;
    }
    config
        .headers
        .push((USER_AGENT, HeaderValue::from_static(AGENT)));
    let making = tokio::task::spawn_blocking(move || Client::try_from(config));
    let client = match tokio::time::timeout(PLUGIN, making).await {
        Ok(Ok(Ok(client))) => client,
        Ok(Ok(Err(error))) => return Err(fault(chosen, &error)),
        Ok(Err(_)) => return Err(credentials(chosen, "the credentials make no valid header")),
        Err(_) => return Err(credentials(chosen, "the credential plugin does not end")),
    };
    Ok(Connection::new(client, chosen.server.clone()))
}

/// kube's own words hold arguments and environment of a plugin, so the words are ours.
fn fault(chosen: &Chosen, error: &kube::Error) -> Error {
    use kube::client::AuthError as Auth;
    match error {
        kube::Error::Auth(auth) => credentials(
            chosen,
            match auth {
                Auth::AuthExecStart(_) => "the credential plugin cannot be started",
                Auth::AuthExecRun { .. } => "the credential plugin failed",
                Auth::AuthExecParse(_) | Auth::ExecPluginFailed => {
                    "the credential plugin gave no credential"
                }
                Auth::MissingCommand => "the kubeconfig names no command for the credential plugin",
                _ => "the credentials of the kubeconfig cannot be used",
            },
        ),
        kube::Error::ProxyProtocolDisabled { .. }
        | kube::Error::ProxyProtocolUnsupported { .. } => {
            unusable(chosen, "its proxy-url is of a kind bramble cannot use")
        }
        _ => unusable(chosen, "its certificates cannot be used for TLS"),
    }
}

fn credentials(chosen: &Chosen, why: &str) -> Error {
    Error::Unauthorized {
        server: Box::new(chosen.server.clone()),
        why: why.to_owned(),
    }
}

fn unusable(chosen: &Chosen, why: &str) -> Error {
    let what = format!("context {:?} cannot be used", chosen.server.context);
    Error::Kubeconfig(Box::new(
        Problem::new(Severity::Critical, Subject::Kubeconfig, what)
            .why(why)
            .next("take a fresh kubeconfig from the server"),
    ))
}
