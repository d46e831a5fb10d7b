//! Where a kubeconfig to merge comes from: a file, standard input, or a board over SSH.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::files;
use crate::rack::kubeconfig::{FileText, Source};
use crate::rack::problem::Problem;

/// k3s' own kubeconfig, on a server.
pub const K3S: &str = "/etc/rancher/k3s/k3s.yaml";

/// What is read from standard input at most.
const LARGEST: u64 = 64 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    File(PathBuf),
    StandardInput,
    Ssh {
        user: Option<String>,
        host: String,
        port: Option<u16>,
    },
}

/// Reads `-`, `ssh://[user@]host[:port]` or a path.
pub fn parse_place(text: &str) -> Result<Place, Box<Problem>> {
    if text == "-" {
        return Ok(Place::StandardInput);
    }
    let Some(rest) = text.strip_prefix("ssh://") else {
        return Ok(Place::File(PathBuf::from(text)));
    };
    let bad = |why: &str| {
        let problem = files::problem("the source is no usable ssh:// address".to_owned());
        Box::new(
            problem
                .why(why)
                .next("write it as ssh://USER@HOST or ssh://USER@HOST:PORT"),
        )
    };
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let (user, authority) = match rest.rsplit_once('@') {
        Some((user, authority)) => (Some(user), authority),
        None => (None, rest),
    };
    if user.is_some_and(|user| user.contains(':')) {
        return Err(bad("a password has no place in it"));
    }
    let is_word = |text: &str| {
        !text.is_empty()
            && !text.starts_with('-')
            && !text.contains(|c: char| c.is_control() || c.is_whitespace())
    };
    if user.is_some_and(|user| !is_word(user)) {
        return Err(bad("the user is not readable"));
    }
    let url = crate::rack::kubeconfig::ServerUrl::parse(&format!("ssh://{authority}"));
    match url.filter(|url| url.path.is_empty() && is_word(&url.host)) {
        Some(url) => Ok(Place::Ssh {
            user: user.map(ToOwned::to_owned),
            host: url.host,
            port: url.port,
        }),
        None => Err(bad("the host is not readable")),
    }
}

/// Reads the source. Blocking.
pub fn read_source(place: &Place) -> Result<Source, Box<Problem>> {
    match place {
        Place::File(path) => read_file(path),
        Place::StandardInput => {
            let mut text = String::new();
            let mut input = std::io::stdin().lock().take(LARGEST);
            let read = input.read_to_string(&mut text);
            read.map_err(|error| files::cannot("read", Path::new("standard input"), &error))?;
            Source::parse("standard input", text, None, None)
        }
        Place::Ssh { user, host, .. } => {
            let user = user
                .as_ref()
                .map(|user| format!("{user}@"))
                .unwrap_or_default();
            let problem = files::problem(format!("cannot read {K3S} of {host} over ssh"))
                .why("this version of bramble opens no ssh sessions of its own")
                .next(format!("let ssh fetch it: ssh {user}{host} sudo cat {K3S} | bramble kubeconfig merge - --server {host}"));
            Err(problem.into())
        }
    }
}

fn read_file(path: &Path) -> Result<Source, Box<Problem>> {
    let text = match files::read_text(path) {
        FileText::Text(text) => text,
        FileText::Unreadable(problem) => return Err(problem.into()),
        FileText::Missing => {
            let problem = files::problem(format!("cannot read {}", path.display()))
                .why("there is no such file");
            return Err(problem.next(format!("on a k3s server it is {K3S}")).into());
        }
    };
    let real = files::target_of(path).unwrap_or_else(|_| path.to_owned());
    // Only k3s' own file tells which machine it is from.
    let host = (real == Path::new(K3S)).then(files::host_name);
    Source::parse(
        &path.display().to_string(),
        text,
        Some(files::folder_of(&real)),
        host.as_deref(),
    )
}
