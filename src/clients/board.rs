//! Boards over SSH: the scripts that run on them, and what their answers mean.
//!
//! Agentless: one script, one round trip, nothing is installed. The scripts are POSIX sh and know their paths only
//! behind a prefix, so that tests run them on a folder.

use std::time::Duration;

use futures::future::join_all;
use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::clients::ssh::{Command, Error, Exit, Feed, Ssh};
use crate::rack::board::state::EVERY;
use crate::rack::board::{Deed, Journal, Reading, parse};
use crate::rack::node::NodeName;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::rack::ssh::Destination;
use crate::rack::storage::reach::{self, FromBoard};

/// Health of a board; read by `rack::board::parse`.
const PROBE: &str = include_str!("board/probe.sh");
/// What it sees of an NFS server; read by `rack::storage::reach::parse`.
const NFS: &str = include_str!("board/nfs.sh");
/// Its lights.
const LED: &str = include_str!("board/led.sh");
/// A probe takes a tenth of a second on a Pi; a board that swaps takes longer.
const PATIENCE: Duration = Duration::from_secs(12);
/// Blinking ends by itself after so long, whatever becomes of us.
pub const BLINKS: Duration = Duration::from_secs(120);

/// Asks each board again and again, each for itself. Never ends; drop it.
///
/// `is_deep` also looks for the cause of an outage: port 6443 and the journal of k3s.
pub async fn follow(
    ssh: &Ssh,
    boards: &[(NodeName, Destination)],
    is_deep: bool,
    out: &mpsc::Sender<(NodeName, Result<Reading, Problem>)>,
) {
    let each = boards.iter().map(|(node, to)| async move {
        loop {
            let answer = probe(ssh, node, to, is_deep).await;
            if out.send((node.clone(), answer)).await.is_err() {
                return;
            }
            sleep(EVERY).await;
        }
    });
    join_all(each).await;
}

/// One question, one answer.
pub async fn probe(
    ssh: &Ssh,
    node: &NodeName,
    to: &Destination,
    is_deep: bool,
) -> Result<Reading, Problem> {
    let deep = u8::from(is_deep);
    let script = format!("R=''\nDEEP={deep}\n{PROBE}");
    let command = Command::script(script).deadline(PATIENCE);
    let output = ssh
        .run(to, &command)
        .await
        .map_err(|error| error.problem(about(node)))?;
    parse(&output.text()).map_err(|error| {
        Problem::new(Severity::Warning, about(node), format!("{to}: {error}"))
            .why(output.complaint())
            .next("log in by hand and look at what its shell says")
    })
}

/// What a board sees of an NFS server.
pub async fn nfs(
    ssh: &Ssh,
    node: &NodeName,
    to: &Destination,
    server: &str,
) -> Result<FromBoard, Problem> {
    let server = crate::clients::ssh::quoted(server);
    let command = Command::script(format!("SERVER={server}\n{NFS}")).deadline(PATIENCE);
    let output = ssh.run(to, &command).await;
    let output = output.map_err(|error| error.problem(about(node)))?;
    reach::parse(node, &output.text()).ok_or_else(|| {
        Problem::new(
            Severity::Warning,
            about(node),
            format!("{to}: the answer about NFS server {server} was cut off"),
        )
        .why(output.complaint())
    })
}

/// Does something to a board; answers with a sentence about it.
pub async fn act(
    ssh: &Ssh,
    node: &NodeName,
    to: &Destination,
    deed: &Deed,
) -> Result<String, Problem> {
    ssh.retry(to);
    match deed {
        Deed::Blink => lights(ssh, node, to, "locate").await,
        Deed::StopBlinking => lights(ssh, node, to, "restore").await,
        Deed::Heartbeat => lights(ssh, node, to, "heartbeat").await,
        Deed::UsualLight => lights(ssh, node, to, "usual").await,
        Deed::Restart(unit) => {
            let line = format!(
                "systemctl restart --no-block {}",
                crate::clients::ssh::quoted(unit)
            );
            said(ssh, node, to, &line).await?;
            Ok(format!("{unit} on board {node} restarts"))
        }
        Deed::Reboot => {
            leaves(ssh, node, to, "systemctl reboot").await?;
            Ok(format!("board {node} reboots"))
        }
        Deed::PowerOff => {
            leaves(ssh, node, to, "systemctl poweroff").await?;
            Ok(format!("board {node} was told to switch off"))
        }
    }
}

/// Follows what a board writes, from its last lines on.
pub async fn journal(
    ssh: &Ssh,
    node: &NodeName,
    to: &Destination,
    journal: &Journal,
    feed: Feed,
) -> Result<Option<Exit>, Problem> {
    ssh.retry(to);
    let line = match journal {
        Journal::Unit(unit) => format!(
            "journalctl --no-pager -q -o short-iso -n 500 -f -u {}",
            crate::clients::ssh::quoted(unit)
        ),
        Journal::PreviousBoot => "journalctl --no-pager -q -o short-iso -n 2000 -b -1".to_owned(),
        Journal::Kernel => "dmesg --ctime --follow".to_owned(),
    };
    let command = Command::program(line).as_root();
    let followed = ssh.follow(to, &command, feed).await;
    followed.map_err(|error| error.problem(about(node)))
}

fn about(node: &NodeName) -> Subject {
    Subject::Node(node.clone())
}

async fn lights(
    ssh: &Ssh,
    node: &NodeName,
    to: &Destination,
    action: &str,
) -> Result<String, Problem> {
    let script = format!("R=''\nACTION={action}\nLIMIT={}\n{LED}", BLINKS.as_secs());
    let command = Command::script(script).as_root().deadline(PATIENCE);
    let output = ssh.run(to, &command).await;
    let output = output.map_err(|error| error.problem(about(node)))?;
    light_answer(&output.text(), action, node).map_err(|why| {
        Problem::new(
            Severity::Warning,
            about(node),
            format!("the lights of board {node} stay as they are"),
        )
        .why(why)
        .evidence(output.complaint())
    })
}

/// What `led.sh` says, as a sentence.
fn light_answer(text: &str, action: &str, node: &NodeName) -> Result<String, String> {
    let mut lines = text.lines().skip_while(|line| *line != "led 1").skip(1);
    let lines: Vec<&str> = lines.by_ref().take_while(|line| *line != "end").collect();
    let has = |word: &str| lines.contains(&word);
    let lights = |word: &str| -> Vec<&str> {
        let fields = lines
            .iter()
            .map(|line| line.split('\t').collect::<Vec<_>>());
        fields
            .filter_map(|fields| match fields.as_slice() {
                ["led", name, what] if *what == word => Some(*name),
                _ => None,
            })
            .collect()
    };
    if lines.is_empty() {
        return Err("the answer of the board was cut off".to_owned());
    }
    if has("unscheduled") {
        return Err("the board cannot be made to end it by itself, so nothing blinks".to_owned());
    }
    match action {
        "restore" => Ok(format!("the lights of board {node} are as they were")),
        "locate" => {
            let blinking = lights("blinks");
            if blinking.is_empty() {
                return Err("no light of this board can blink".to_owned());
            }
            let verb = if blinking.len() == 1 {
                "blinks"
            } else {
                "blink"
            };
            Ok(format!(
                "{} of board {node} {verb} for {} minutes; if nothing is seen, the board may not support it",
                blinking.join(" and "),
                BLINKS.as_secs() / 60
            ))
        }
        _ if has("nothing") => Err("this board has no ACT light".to_owned()),
        _ if !lights("does not take it").is_empty() => {
            Err("the ACT light does not take it".to_owned())
        }
        "heartbeat" => Ok(format!("the ACT light of board {node} beats with its load")),
        _ => Ok(format!(
            "the ACT light of board {node} shows its card again"
        )),
    }
}

/// A command that must succeed.
async fn said(ssh: &Ssh, node: &NodeName, to: &Destination, line: &str) -> Result<(), Problem> {
    let command = Command::program(line).as_root().deadline(PATIENCE);
    let output = ssh.run(to, &command).await;
    let output = output.map_err(|error| error.problem(about(node)))?;
    if output.is_success() {
        return Ok(());
    }
    let what = format!("{line} did not work on board {node}");
    Err(Problem::new(Severity::Warning, about(node), what).why(output.complaint()))
}

/// A command after which the board goes away: a connection that is lost in the middle is a yes.
async fn leaves(ssh: &Ssh, node: &NodeName, to: &Destination, line: &str) -> Result<(), Problem> {
    let command = Command::program(line).as_root().deadline(PATIENCE);
    let result = match ssh.run(to, &command).await {
        Ok(output) if output.is_success() => Ok(()),
        Err(Error::Lost { .. }) => Ok(()),
        Ok(output) => {
            let what = format!("{line} did not work on board {node}");
            Err(Problem::new(Severity::Warning, about(node), what).why(output.complaint()))
        }
        Err(error) => Err(error.problem(about(node))),
    };
    ssh.disconnect(to);
    result
}

#[cfg(test)]
#[allow(clippy::print_stderr, reason = "a test that skips or measures says so")]
mod tests;
