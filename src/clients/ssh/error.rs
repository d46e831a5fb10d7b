//! What can go wrong on the way to a board, one variant per thing a person would do something different about.
//!
//! Invariant: no message holds a secret. Words of the other side are in it as they came: the view cleans them.

use std::time::Duration;

use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::ssh::KnownAt;
use crate::rack::ssh::{ChangedKey, HostKey};

/// `at` is the destination as the person named it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// ssh's configuration cannot be used, in ssh's own words where it said them.
    #[error("ssh's configuration for {at} cannot be used: {why}")]
    Config { at: String, why: String },
    /// No name service knows the name.
    #[error("no address is known for {name}: {why}")]
    Unresolved {
        at: String,
        name: String,
        why: String,
    },
    /// Nobody listens, or there is no way there.
    #[error("no connection to {place}: {why}")]
    Unreachable {
        at: String,
        place: String,
        why: String,
    },
    #[error("{at} did not answer within {} s while {doing}", .after.as_secs())]
    TimedOut {
        at: String,
        doing: &'static str,
        after: Duration,
    },
    /// Something answers, but it does not get as far as a login.
    #[error("{at} does not speak SSH with us: {why}")]
    Handshake { at: String, why: String },
    /// Nobody vouches for its key: the person said no, could not be asked, or ssh's configuration forbids it.
    #[error("the host key of {name} is not known: {why}")]
    NewHostKey {
        name: String,
        key: HostKey,
        why: String,
    },
    #[error("{} shows another host key than the one it is known by", .0.name)]
    HostKeyChanged(Box<ChangedKey>),
    #[error("the host key of {name} is revoked")]
    HostKeyRevoked {
        name: String,
        key: HostKey,
        by: Box<KnownAt>,
    },
    /// Every way to prove who we are was refused.
    #[error("{at} does not let {user} in")]
    Denied {
        at: String,
        user: String,
        /// What was tried, each with its outcome.
        tried: Vec<String>,
    },
    /// The person did not answer what had to be asked.
    #[error("{what} was not given")]
    Declined { at: String, what: String },
    /// The connection ended in the middle.
    #[error("the connection to {at} was lost: {why}")]
    Lost { at: String, why: String },
    /// The server allows no further session, and none of ours came free in time.
    #[error("{at} allows {sessions} sessions on a connection and all are in use")]
    Busy { at: String, sessions: usize },
    /// The server refuses to run commands.
    #[error("{at} refuses to run commands")]
    Refused { at: String },
    #[error("the command on {at} took longer than {} s", .after.as_secs())]
    Deadline { at: String, after: Duration },
    #[error("{user} may not become root on {at}: {why}")]
    Sudo {
        at: String,
        user: String,
        why: String,
    },
    #[error("sudo on {at} did not accept the password of {user}")]
    WrongPassword { at: String, user: String },
    /// A remote command that had to succeed did not.
    #[error("{what} on {at} failed: {why}")]
    Failed {
        at: String,
        what: String,
        why: String,
    },
    /// A file on this machine.
    #[error("{file}: {why}")]
    File { file: String, why: String },
    /// A host on the way there is the one with the problem.
    #[error("{at} is behind {hop}: {error}")]
    Hop {
        at: String,
        hop: String,
        error: Box<Error>,
    },
}

impl Error {
    /// Whether another try some seconds later may go better without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Unresolved { .. }
            | Error::Unreachable { .. }
            | Error::TimedOut { .. }
            | Error::Handshake { .. }
            | Error::Lost { .. }
            | Error::Busy { .. }
            | Error::Deadline { .. } => true,
            Error::Hop { error, .. } => error.is_transient(),
            _ => false,
        }
    }

    /// Whether somebody was asked and did not answer: asking again by itself would be a nuisance.
    pub(super) fn is_declined(&self) -> bool {
        match self {
            Error::Declined { .. }
            | Error::NewHostKey { .. }
            | Error::HostKeyChanged(_)
            | Error::WrongPassword { .. } => true,
            Error::Hop { error, .. } => error.is_declined(),
            _ => false,
        }
    }

    /// In the words of the program, about whatever the caller was doing it for.
    pub fn problem(&self, about: Subject) -> Problem {
        let severity = match self {
            Error::HostKeyChanged(_) | Error::HostKeyRevoked { .. } => Severity::Critical,
            _ => Severity::Warning,
        };
        let problem = Problem::new(severity, about, self.to_string());
        match self {
            Error::Hop { error, .. } => {
                let inner = error.problem(problem.about.clone());
                Problem { what: problem.what, ..inner }
            }
            Error::HostKeyChanged(changed) => changed_key(problem, changed),
            Error::HostKeyRevoked { key, by, .. } => problem
                .evidence(format!("{} {}", key.kind(), key.fingerprint()))
                .evidence(format!("revoked in {} line {}", by.file.display(), by.line))
                .next("somebody withdrew this key on purpose: give the board a new one"),
            Error::NewHostKey { key, .. } => problem
                .evidence(format!("{} {}", key.kind(), key.fingerprint()))
                .next("compare the fingerprint with the one on the board's own screen, then connect again and accept it"),
            Error::Denied { tried, .. } => {
                let problem = tried.iter().fold(problem, crate::rack::problem::Problem::evidence);
                problem.next(denied_next(tried))
            }
            _ => problem.next(self.next_step()),
        }
    }

    fn next_step(&self) -> String {
        match self {
            Error::Config { .. } => "correct the file; ssh -G shows what it makes of it".to_owned(),
            Error::Unresolved { at, .. } => format!(
                "name an address: hosts in bramble's config, or HostName for {at} in ~/.ssh/config"
            ),
            Error::Unreachable { .. } => {
                "check that the board has power and network, and that sshd runs".to_owned()
            }
            Error::TimedOut { .. } => {
                "the board may be starting or overloaded; it is tried again".to_owned()
            }
            Error::Handshake { at, .. } => format!("see what `ssh -v {at}` says"),
            Error::Declined { .. } => "connect again to be asked again".to_owned(),
            Error::Lost { .. } => "it is tried again".to_owned(),
            Error::Busy { .. } => {
                "close another view of this board, or raise MaxSessions in its sshd_config"
                    .to_owned()
            }
            Error::Refused { .. } => "use an account with a shell".to_owned(),
            Error::Deadline { .. } => "the board may be overloaded; try again".to_owned(),
            Error::Sudo { user, .. } => {
                format!("put {user} into the group sudo on the board, or connect as root")
            }
            Error::WrongPassword { .. } => "try again with the right password".to_owned(),
            _ => String::new(),
        }
    }
}

fn changed_key(problem: Problem, changed: &ChangedKey) -> Problem {
    let problem = changed.old.iter().fold(problem, |problem, old| {
        let place = format!("{} line {}", old.file.display(), old.line);
        problem.evidence(format!(
            "known: {} {} ({place})",
            old.key.kind(),
            old.key.fingerprint()
        ))
    });
    problem
        .evidence(format!(
            "shown: {} {}",
            changed.new.kind(),
            changed.new.fingerprint()
        ))
        .why("the board was reflashed, another board has its address, or somebody is listening in")
        .next("if you reflashed it, ask it something again, such as its journal, and accept the new key; otherwise do not connect")
}

fn denied_next(tried: &[String]) -> &'static str {
    if tried
        .iter()
        .any(|line| line.contains("Too many authentication failures"))
    {
        return "the server counts every key it is offered: name the right one with IdentityFile and IdentitiesOnly";
    }
    "copy your key to the board with ssh-copy-id, or name the right user and key in ~/.ssh/config"
}
