//! Whole requests against whole files: what is planned, what the text is then, and that a second time nothing is left.

mod merging;
mod others;
mod properties;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair};

use super::{FileText, Files, Merge, OnConflict, Plan, Request, Source, plan};
use crate::rack::problem::Problem;

/// Base64 of a PEM, as kubeconfigs have it.
pub(super) struct Pki {
    pub(super) authorities: Vec<String>,
    /// The same authority as the first, with a comment before it.
    pub(super) first_otherwise: String,
    /// Admins as k3s makes them, by different certificates.
    pub(super) admins: Vec<String>,
    pub(super) alice: String,
    pub(super) key: String,
}

pub(super) static PKI: LazyLock<Pki> = LazyLock::new(|| {
    let made = |name: &str, organization: Option<&str>, is_authority: bool| {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        if let Some(organization) = organization {
            params
                .distinguished_name
                .push(DnType::OrganizationName, organization);
        }
        if is_authority {
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        }
        params.not_after = rcgen::date_time_ymd(2035, 2, 3);
        params
            .self_signed(&KeyPair::generate().unwrap())
            .unwrap()
            .pem()
    };
    let authorities: Vec<String> = (0..4)
        .map(|n| made(&format!("k3s-server-ca@{n}"), None, true))
        .collect();
    let admin = || base64(&made("system:admin", Some("system:masters"), false));
    Pki {
        first_otherwise: base64(&format!("# office\n{}", authorities[0])),
        authorities: authorities.iter().map(|pem| base64(pem)).collect(),
        admins: (0..3).map(|_| admin()).collect(),
        alice: base64(&made("alice", None, false)),
        key: base64(
            "-----BEGIN EC PRIVATE KEY-----\nnot looked into\n-----END EC PRIVATE KEY-----\n",
        ),
    }
});

pub(super) fn base64(text: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[bits >> (18 - 6 * place) & 63];
            out.push(if place <= chunk.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    out
}

/// What k3s writes, with this authority and this admin.
pub(super) fn k3s(authority: usize, admin: usize) -> String {
    format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {}\n    server: https://127.0.0.1:6443\n  \
         name: default\ncontexts:\n- context:\n    cluster: default\n    user: default\n  name: default\n\
         current-context: default\nkind: Config\nusers:\n- name: default\n  user:\n    client-certificate-data: {}\n    \
         client-key-data: {}\n",
        PKI.authorities[authority], PKI.admins[admin], PKI.key
    )
}

pub(super) fn source(text: &str) -> Source {
    Source::parse(
        "k3s.yaml",
        text.to_owned(),
        Some(Path::new("/etc/k3s")),
        None,
    )
    .unwrap()
}

/// A merge of k3s' file for the host `rack.lan`.
pub(super) fn merge_of(text: &str) -> Merge {
    Merge {
        source: source(text),
        only: None,
        name: None,
        server: Some("rack.lan".to_owned()),
        tls_server_name: None,
        on_conflict: OnConflict::Ask,
        set_current: false,
    }
}

pub(super) fn files(texts: &[(&str, Option<&str>)]) -> Files {
    let files = texts.iter().map(|(path, text)| {
        let text = text.map_or(FileText::Missing, |text| FileText::Text(text.to_owned()));
        (PathBuf::from(path), text)
    });
    Files::new(files.collect())
}

pub(super) fn one(text: &str) -> Files {
    files(&[("/home/pi/.kube/config", Some(text))])
}

pub(super) fn planned(files: &Files, request: &Request) -> Plan {
    plan(files, request).unwrap()
}

/// The text of the only file after a request, which must be enough: asked again, nothing is left to do.
#[track_caller]
pub(super) fn after(text: &str, request: &Request) -> String {
    let plan = planned(&one(text), request);
    assert!(plan.conflicts.is_empty(), "{:?}", plan.conflicts);
    let after = plan
        .edits
        .first()
        .map_or(text, |edit| &edit.after)
        .to_owned();
    let again = planned(&one(&after), request);
    assert!(again.is_nothing(), "{:?}\n{after}", again.entries);
    after
}

/// Every change as `kind name how (was) fields`.
pub(super) fn entries(plan: &Plan) -> Vec<String> {
    let word = |it: &super::EntryChange| {
        let mut words = format!("{} {} {}", it.kind.word(), it.name, it.how.word());
        if let Some(was) = &it.was {
            words = format!("{words} was {was}");
        }
        if !it.fields.is_empty() {
            words = format!("{words}: {}", it.fields.join(", "));
        }
        words
    };
    plan.entries.iter().map(word).collect()
}

pub(super) fn refusal(files: &Files, request: &Request) -> Problem {
    *plan(files, request).err().unwrap()
}
