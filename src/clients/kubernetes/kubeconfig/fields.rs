//! The fields of one cluster and one user: what kubectl takes as unset, what must be readable, what must make sense.

use std::path::{Path, PathBuf};

use http::HeaderValue;
use jiff::Timestamp;
use kube::config::{AuthInfo, Cluster, ExecInteractiveMode, KubeconfigError};
use secrecy::{ExposeSecret, SecretString};

use super::{Problem, problem};
use crate::rack::kubeconfig::{base64, certificate_end, display_url};

/// Checks a cluster and writes it as kube understands it.
pub(super) fn check_cluster(
    cluster: &mut Cluster,
    name: &str,
    path: &str,
    files: &mut Vec<PathBuf>,
) -> Result<(), Box<Problem>> {
    let of = format!("cluster {name:?} in kubeconfig {path}");
    for field in [
        &mut cluster.server,
        &mut cluster.certificate_authority,
        &mut cluster.certificate_authority_data,
        &mut cluster.proxy_url,
        &mut cluster.tls_server_name,
    ] {
        drop_empty(field);
    }
    let authority = pem(
        cluster.certificate_authority_data.as_deref(),
        cluster.certificate_authority.as_deref(),
        &format!("certificate-authority of {of}"),
        files,
    )?;
    if let Some(authority) = &authority
        && !holds_certificate(authority)
    {
        return Err(problem(format!(
            "certificate-authority of {of} holds no certificate"
        ))
        .next("take a fresh kubeconfig from the server")
        .into());
    }
    let Some(server) = &cluster.server else {
        return Err(problem(format!("{of} names no server"))
            .next("add server: https://ADDRESS:6443")
            .into());
    };
    let wants_tls = authority.is_some() || cluster.insecure_skip_tls_verify == Some(true);
    let url = match (server.contains("://"), wants_tls) {
        (true, _) => server.clone(),
        (false, true) => format!("https://{server}"),
        (false, false) => format!("http://{server}"),
    };
    check_url(&url, &format!("server of {of}"))?;
    cluster.server = Some(url);
    Ok(())
}

fn check_url(url: &str, of: &str) -> Result<(), Box<Problem>> {
    let shown = display_url(url);
    let bad = |why: &str| {
        problem(format!("{of} is no usable address: {shown:?}"))
            .why(why)
            .next("write it as https://ADDRESS:6443")
    };
    let uri: http::Uri = url.parse().map_err(|_| bad("it is no URL"))?;
    match uri.scheme_str() {
        Some("http" | "https") if uri.host().is_some_and(|host| !host.is_empty()) => Ok(()),
        Some("http" | "https") => Err(bad("it names no host").into()),
        _ => Err(bad("it must begin with https:// or http://").into()),
    }
}

/// Checks a user and writes it as kube understands it; answers when its client certificate ends.
pub(super) fn check_user(
    user: &mut AuthInfo,
    name: &str,
    path: &str,
    files: &mut Vec<PathBuf>,
) -> Result<Option<Timestamp>, Box<Problem>> {
    let of = format!("user {name:?} in kubeconfig {path}");
    for field in [
        &mut user.username,
        &mut user.token_file,
        &mut user.client_certificate,
        &mut user.client_certificate_data,
        &mut user.client_key,
    ] {
        drop_empty(field);
    }
    drop_empty_secret(&mut user.password);
    drop_empty_secret(&mut user.token);
    drop_empty_secret(&mut user.client_key_data);
    check_token(user, &of, files)?;
    if let Some(exec) = &mut user.exec {
        // A plugin that asks would read our keys and write on our screen.
        exec.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    let certificate = pem(
        user.client_certificate_data.as_deref(),
        user.client_certificate.as_deref(),
        &format!("client-certificate of {of}"),
        files,
    )?;
    let key = pem(
        user.client_key_data
            .as_ref()
            .map(ExposeSecret::expose_secret),
        user.client_key.as_deref(),
        &format!("client-key of {of}"),
        files,
    )?;
    let half = |has: &str, lacks: &str| {
        problem(format!("{of} has a {has} but no {lacks}"))
            .next("take a fresh kubeconfig from the server")
    };
    match (certificate, key) {
        (None, None) => Ok(None),
        (Some(_), None) => Err(half("client-certificate", "client-key").into()),
        (None, Some(_)) => Err(half("client-key", "client-certificate").into()),
        (Some(certificate), Some(_)) => match certificate_end(&certificate) {
            Some(end) => Ok(Some(end)),
            None => Err(
                problem(format!("client-certificate of {of} is no certificate"))
                    .next("take a fresh kubeconfig from the server")
                    .into(),
            ),
        },
    }
}

/// A token file is read here, because kube sends its line break along, and again when it changes.
fn check_token(
    user: &mut AuthInfo,
    of: &str,
    files: &mut Vec<PathBuf>,
) -> Result<(), Box<Problem>> {
    if let Some(file) = user.token_file.take() {
        files.push(PathBuf::from(&file));
        match std::fs::read_to_string(&file) {
            Ok(token) => user.token = Some(token.trim().into()),
            Err(_) if user.token.is_some() => {}
            Err(error) => {
                return Err(cannot_read(&format!("tokenFile of {of}"), &file, &error).into());
            }
        }
    }
    if let Some(token) = &user.token {
        let token = token.expose_secret().trim().to_owned();
        // kube panics on a token that is no header value.
        if HeaderValue::from_str(&token).is_err() {
            return Err(problem(format!(
                "the token of {of} holds characters no token can have"
            ))
            .next("get a fresh token")
            .into());
        }
        user.token = Some(token.into());
    }
    Ok(())
}

fn drop_empty(field: &mut Option<String>) {
    if field.as_deref().is_some_and(|text| text.trim().is_empty()) {
        *field = None;
    }
}

fn drop_empty_secret(field: &mut Option<SecretString>) {
    let is_empty = |it: &SecretString| it.expose_secret().trim().is_empty();
    if field.as_ref().is_some_and(is_empty) {
        *field = None;
    }
}

/// The PEM text of a field that can be given as base64 data or as a file; the data wins.
fn pem(
    data: Option<&str>,
    file: Option<&str>,
    of: &str,
    files: &mut Vec<PathBuf>,
) -> Result<Option<Vec<u8>>, Box<Problem>> {
    match (data, file) {
        (Some(data), _) => base64(data).map(Some).ok_or_else(|| {
            problem(format!("{of} is not base64"))
                .next("take a fresh kubeconfig from the server")
                .into()
        }),
        (None, Some(file)) => {
            files.push(PathBuf::from(file));
            std::fs::read(file)
                .map(Some)
                .map_err(|error| cannot_read(of, file, &error).into())
        }
        (None, None) => Ok(None),
    }
}

fn cannot_read(of: &str, file: &str, error: &std::io::Error) -> Problem {
    problem(format!("{of}: cannot read {}", Path::new(file).display()))
        .why(error.kind().to_string())
        .next("repair the path or its permissions")
}

fn holds_certificate(pem: &[u8]) -> bool {
    certificate_end(pem).is_some()
}

/// What kind of error kube met, in words of our own.
pub(super) fn plain_reason(error: &KubeconfigError) -> &'static str {
    match error {
        KubeconfigError::ReadConfig(..) => "the file is not text in UTF-8",
        KubeconfigError::Parse(_) => "it cannot be parsed",
        KubeconfigError::KindMismatch => "its documents are of different kinds",
        KubeconfigError::ApiVersionMismatch => "its documents have different versions",
        KubeconfigError::ParseProxyUrl(_) => "proxy-url is no URL",
        KubeconfigError::LoadCertificateAuthority(_) | KubeconfigError::ParseCertificates(_) => {
            "certificate-authority cannot be read"
        }
        KubeconfigError::LoadClientCertificate(_) => "the client certificate cannot be read",
        KubeconfigError::LoadClientKey(_) => "the client key cannot be read",
        _ => "the context is not complete",
    }
}
