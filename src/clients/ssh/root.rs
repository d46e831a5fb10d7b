//! Becoming root on a board: whether a password is needed is found out once, the password is asked for once per host,
//! kept in memory only, and travels over stdin.
//!
//! sudo reads one line and then hands stdin to the command. So nothing but the password is sent until the command says
//! that it runs: a wrong password would make sudo take the first line of a script for the next try.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::Error;
use super::asking::{Asker, declined};
use super::command::{Exit, ROOT_MARK, quoted};
use super::connection::Connection;
use super::exec::{Heard, Running};
use super::feed::Stream;
use crate::rack::secret::Secret;
use crate::rack::ssh::Question;

/// PAM waits two seconds after a wrong password, more on a busy board.
const PATIENCE: Duration = Duration::from_secs(20);
/// Wrong passwords before we stop asking.
const TRIES: usize = 3;

const FIND_OUT: &str = "if [ \"$(id -u)\" = 0 ]; then echo root; \
    elif ! command -v sudo >/dev/null 2>&1; then echo none; \
    elif sudo -k -n true >/dev/null 2>&1; then echo free; else echo asks; fi";

/// How one becomes root on a host.
#[derive(Debug, Default)]
pub(super) enum Way {
    #[default]
    Unknown,
    /// Logged in as root.
    IsRoot,
    /// sudo wants no password.
    Free,
    Password(Secret),
    /// It wants one, and none was right yet.
    Asks,
}

/// A command that runs as root, and what it had said before we knew.
pub(super) struct Started {
    pub(super) running: Running,
    pub(super) heard: Vec<u8>,
}

/// Starts a shell line as root.
pub(super) async fn start(
    connection: &Connection,
    way: &mut Way,
    line: &str,
    asker: &Asker,
) -> Result<Started, Error> {
    if matches!(way, Way::Unknown) {
        *way = find_out(connection).await?;
    }
    let mut again = false;
    for _ in 0..TRIES {
        let password = match way {
            Way::IsRoot => return plain(connection, line).await,
            Way::Free => {
                return plain(connection, &format!("exec sudo -n sh -c {}", quoted(line))).await;
            }
            Way::Password(password) => password.clone(),
            Way::Asks | Way::Unknown => ask(connection, asker, again).await?,
        };
        if let Some(started) = with_password(connection, &password, line).await? {
            *way = Way::Password(password);
            return Ok(started);
        }
        *way = Way::Asks;
        again = true;
    }
    Err(Error::WrongPassword {
        at: connection.at(),
        user: connection.resolved.user.clone(),
    })
}

async fn plain(connection: &Connection, line: &str) -> Result<Started, Error> {
    Ok(Started {
        running: Running::start(connection, line).await?,
        heard: Vec::new(),
    })
}

async fn find_out(connection: &Connection) -> Result<Way, Error> {
    let mut running = Running::start(connection, FIND_OUT).await?;
    let end = Instant::now() + PATIENCE;
    let output = running.feed_and_collect(&[], 64, end, PATIENCE).await?;
    match output.text().trim() {
        "root" => Ok(Way::IsRoot),
        "free" => Ok(Way::Free),
        "asks" => Ok(Way::Asks),
        "none" => Err(refused(connection, "there is no sudo")),
        _ => Err(refused(connection, &output.complaint())),
    }
}

async fn ask(connection: &Connection, asker: &Asker, again: bool) -> Result<Secret, Error> {
    let (user, host) = (connection.resolved.user.clone(), connection.at());
    let what = format!("the sudo password of {user} on {host}");
    let question = Question::Sudo {
        user,
        host: host.clone(),
        again,
    };
    asker
        .secret(question)
        .await
        .ok_or_else(|| declined(&host, what))
}

/// `None`: the password was wrong.
async fn with_password(
    connection: &Connection,
    password: &Secret,
    line: &str,
) -> Result<Option<Started>, Error> {
    // -k: a password that sudo still remembers would leave ours to be read by the command.
    let inner = quoted(&format!("echo {ROOT_MARK}; {line}"));
    let line = format!("LC_ALL=C; export LC_ALL; exec sudo -k -S -p '' sh -c {inner}");
    let mut running = Running::start(connection, &line).await?;
    let mut bytes = password.expose().as_bytes().to_vec();
    bytes.push(b'\n');
    running.send(bytes).await?;
    let end = Instant::now() + PATIENCE;
    let (mut out, mut err) = (Vec::new(), Vec::new());
    loop {
        let heard = timeout_at(end, running.next())
            .await
            .map_err(|_| Error::Deadline {
                at: connection.at(),
                after: PATIENCE,
            })?;
        match heard {
            Some(Heard::Data(Stream::Out, data)) => {
                out.extend_from_slice(&data);
                if let Some(after) = after_mark(&out) {
                    return Ok(Some(Started {
                        running,
                        heard: after,
                    }));
                }
            }
            Some(Heard::Data(Stream::Err, data)) => {
                err.extend_from_slice(&data);
                if is_wrong(&err) {
                    running.end_input().await;
                    return Ok(None);
                }
            }
            Some(Heard::Eof) => {}
            Some(Heard::Refused) => {
                return Err(Error::Refused {
                    at: connection.at(),
                });
            }
            Some(Heard::Exit(Exit::Code(_) | Exit::Signal(_))) | None => {
                let words = String::from_utf8_lossy(&err);
                let last = words.lines().rev().find(|line| !line.trim().is_empty());
                return match last {
                    Some(_) if is_wrong(&err) => Ok(None),
                    Some(last) => Err(refused(connection, last.trim())),
                    None => Err(connection.lost()),
                };
            }
        }
    }
}

/// What sudo says in the C locale when a password was wrong and it asks for the next.
fn is_wrong(stderr: &[u8]) -> bool {
    let words = String::from_utf8_lossy(stderr);
    words.contains("try again") || words.contains("incorrect password")
}

/// What follows the mark, once it has come whole.
fn after_mark(out: &[u8]) -> Option<Vec<u8>> {
    let mark = format!("{ROOT_MARK}\n");
    let at = out
        .windows(mark.len())
        .position(|window| window == mark.as_bytes())?;
    Some(out[at + mark.len()..].to_vec())
}

fn refused(connection: &Connection, why: &str) -> Error {
    Error::Sudo {
        at: connection.at(),
        user: connection.resolved.user.clone(),
        why: why.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_the_mark_belongs_to_the_command() {
        assert_eq!(after_mark(b"bramble-is-r"), None);
        assert_eq!(after_mark(b"bramble-is-root\n"), Some(Vec::new()));
        assert_eq!(
            after_mark(b"motd\nbramble-is-root\nout"),
            Some(b"out".to_vec())
        );
    }

    #[test]
    fn a_wrong_password_is_told_from_a_missing_right() {
        assert!(is_wrong(b"Sorry, try again.\n"));
        assert!(is_wrong(b"sudo: 1 incorrect password attempt\n"));
        assert!(!is_wrong(b"pi is not in the sudoers file.\n"));
    }
}
