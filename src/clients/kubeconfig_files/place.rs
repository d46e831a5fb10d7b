//! Where a kubeconfig to merge comes from: a file, standard input, or a board over SSH.

use std::io::Read;
use std::path::{Path, PathBuf};

use super::files;
use crate::clients::ssh::{self, Ssh, Who};
use crate::rack::kubeconfig::{FileText, Source};
use crate::rack::problem::{Problem, Subject};
use crate::rack::ssh::Destination;

/// k3s' own kubeconfig, on a server.
pub const K3S: &str = "/etc/rancher/k3s/k3s.yaml";

/// What is read from standard input at most.
const LARGEST: u64 = 64 << 20;
/// What a board may send: k3s writes three kilobytes.
const LARGEST_SENT: usize = 1 << 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    File(PathBuf),
    StandardInput,
    Ssh(Destination),
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
        let problem = problem.why(why);
        Box::new(problem.next("write it as ssh://USER@HOST or ssh://USER@HOST:PORT"))
    };
    let user = rest.rsplit_once('@').map_or("", |(user, _)| user);
    if user.contains(':') {
        return Err(bad("a password has no place in it"));
    }
    let destination = Destination::parse(text).map_err(|why| bad(&why))?;
    Ok(Place::Ssh(destination))
}

/// Reads k3s' kubeconfig of a board, as root; answers it with the address the board was reached at.
pub async fn fetch(ssh: &Ssh, to: &Destination) -> Result<(Source, String), Box<Problem>> {
    let resolved = ssh.resolve(to).await.map_err(|error| refused(to, &error))?;
    let bytes = ssh.read_file(to, K3S, Who::Root, LARGEST_SENT).await;
    let bytes = bytes.map_err(|error| refused(to, &error))?;
    let place = format!("{K3S} of {}", to.host);
    let text = String::from_utf8(bytes.ok_or_else(|| {
        let problem = files::problem(format!("there is no {K3S} on {}", to.host));
        problem.next("k3s writes it on servers only; is this an agent?")
    })?);
    let text = text.map_err(|_| files::problem(format!("{place} is not text in UTF-8")))?;
    let source = Source::parse(&place, text, None, Some(&to.host))?;
    Ok((source, resolved.host_name))
}

fn refused(to: &Destination, error: &ssh::Error) -> Box<Problem> {
    let mut problem = error.problem(Subject::Kubeconfig);
    let by_hand = format!(
        "or let ssh fetch it: ssh {} sudo cat {K3S} | bramble kubeconfig merge - --server {}",
        to, to.host
    );
    problem.next = match problem.next.as_str() {
        "" => by_hand,
        next => format!("{next}; {by_hand}"),
    };
    problem.into()
}

/// Reads a source of this machine. Blocking.
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
        Place::Ssh(to) => {
            let what = format!("{K3S} of {} is not on this machine", to.host);
            Err(files::problem(what).why("it is fetched over ssh").into())
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
