//! Onboarding carried out: looks at boards, and takes one step of a plan at a time.
//!
//! ```text
//! Order::Survey ─► survey ──► preflight.sh on the board, server.sh on the server, the API
//! Order::Do     ─► carry_out ─► steps.sh │ push (depot: one download for all) │ follow (unit, journal, API)
//! Order::Keep   ─► shelf (journals, transcripts, locks)
//! ```
//!
//! What comes next is decided in `rack::onboard::machine`. Every script is sent over stdin; tokens are in the text of a
//! script and in no argument, environment or file but the board's own config.yaml. What boards print passes the
//! redactor before anybody hears of it.

#![allow(
    clippy::result_large_err,
    reason = "a failure ends a step: it is rare and moved a few times"
)]

pub mod depot;
mod follow;
mod member;
mod prepare;
mod script;
mod server;
pub mod shelf;
mod survey;

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;

use crate::clients::kubernetes::joining::Removed;
use crate::clients::ssh::{Error, Push, Ssh};
use crate::rack::onboard::cmdline::{Verdict, verdict};
use crate::rack::onboard::findings::Fix;
use crate::rack::onboard::machine::Failure;
use crate::rack::onboard::step::Step;
use crate::rack::onboard::token::Token;
use crate::rack::onboard::wish::{Role, Wish};
use crate::rack::onboard::{critical, warning};
use crate::rack::problem::Subject;
use crate::rack::ssh::Destination;
use depot::Depot;
use script::Settings;
use server::Servers;

pub use prepare::{address, prepare};
pub use survey::survey;

/// Where the installer waits on the board; steps.sh removes it when it has done its work.
const INSTALLER: &str = "/var/lib/rancher/.bramble-install.sh";
const BINARY: &str = "/usr/local/bin/k3s";
const IMAGES: &str = "/var/lib/rancher/k3s/agent/images";
/// 75 MB over a slow line.
const PUSHING: Duration = Duration::from_secs(1_800);
const STEP: Duration = Duration::from_secs(180);
/// An old card needs more than a minute to start.
const REBOOTING: Duration = Duration::from_secs(300);
const LOOK_AGAIN: Duration = Duration::from_secs(2);

/// What the steps of all boards share.
pub struct Tools {
    pub ssh: Ssh,
    pub depot: Depot,
    servers: Servers,
    /// How long a board may take from its start to Ready.
    patience: Duration,
}

/// What is heard of a step while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// What goes on right now, in words.
    Note(String),
    /// A line of output, without secrets.
    Line(String),
}

/// How a step ended: whether it changed anything, and what there is to say.
pub type Outcome = Result<(bool, String), Failure>;

impl Tools {
    pub fn new(ssh: Ssh, depot: Depot, patience: Duration) -> Tools {
        Tools {
            servers: Servers::default(),
            ssh,
            depot,
            patience,
        }
    }
}

/// Takes one step on one board.
pub async fn carry_out(
    tools: &Tools,
    wish: &Wish,
    step: &Step,
    news: &mpsc::Sender<News>,
) -> Outcome {
    let to = destination(wish)?;
    let board = Board {
        tools,
        wish,
        to: &to,
        news,
    };
    match step {
        Step::Clean => board.script("clean", &Settings::new()).await,
        Step::SetClock => board.script("set-clock", &Settings::new()).await,
        Step::EditCmdline(edit) => {
            let after = depot::sha256(format!("{}\n", edit.after).as_bytes());
            let settings = Settings::new()
                .with("FILE", &edit.path)
                .with("BEFORE", &edit.hash)
                .with("AFTER", &after)
                .with("LINE", &edit.after);
            board.script("edit-cmdline", &settings).await
        }
        Step::Reboot { boot } => board.reboot(boot).await,
        Step::PushBinary { version, build } => {
            board
                .note(format!(
                    "fetching k3s {version} for {build}, once for all boards"
                ))
                .await;
            let binary = tools
                .depot
                .binary(version, build)
                .await
                .map_err(|it| board.failed(&it))?;
            board.push(&binary, BINARY, 0o755).await
        }
        Step::PushImages { build } => {
            let images = tools
                .depot
                .images(build)
                .await
                .map_err(|it| board.failed(&it))?;
            let name = images
                .path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            board
                .push(&images, &format!("{IMAGES}/{name}"), 0o644)
                .await
        }
        Step::Configure {
            file,
            lines,
            with_token,
        } => board.configure(file, lines, *with_token).await,
        Step::RemoveOldNode { name } => board.remove_old(name).await,
        Step::Drain { name } => member::drain(&board, name).await,
        Step::Uncordon { name } => member::uncordon(&board, name).await,
        Step::Leave { name, machine } => member::leave(&board, name, machine).await,
        Step::Install { role } => {
            let installer = tools
                .depot
                .installer()
                .await
                .map_err(|it| board.failed(&it))?;
            board.push(&installer, INSTALLER, 0o700).await?;
            let settings = Settings::new()
                .with("ROLE", role.command())
                .with("UNIT", role.unit())
                .with("VERSION", &wish.version.to_string())
                .with("INSTALLER", INSTALLER);
            board.script("install", &settings).await
        }
        Step::Start { role } => {
            board
                .script("start", &Settings::new().with("UNIT", role.unit()))
                .await
        }
        Step::Join { role, name } => follow::join(&board, *role, name).await,
    }
}

/// One board and whoever hears of it.
struct Board<'a> {
    tools: &'a Tools,
    wish: &'a Wish,
    to: &'a Destination,
    news: &'a mpsc::Sender<News>,
}

impl Board<'_> {
    fn host(&self) -> &str {
        &self.wish.host
    }

    async fn note(&self, note: impl Into<String>) {
        let _ = self.news.send(News::Note(note.into())).await;
    }

    /// A failure of the connection, in the words of this board.
    fn lost(&self, error: &Error) -> Failure {
        lost(self.host(), error)
    }

    fn failed(&self, fault: &depot::Fault) -> Failure {
        Failure {
            problem: fault.problem(Subject::Board(self.host().to_owned())),
            is_transient: fault.is_transient(),
            fix: None,
        }
    }

    async fn script(&self, step: &str, settings: &Settings) -> Outcome {
        let done = script::run(self, step, settings, STEP).await?;
        done.map_err(|words| {
            self.refused(&format!("{step} on {} did not work", self.host()), &words)
        })
    }

    /// The board itself says that it cannot be done.
    fn refused(&self, what: &str, words: &str) -> Failure {
        let (why, next) = words
            .split_once("; ")
            .unwrap_or((words, "see its output; then try again"));
        Failure {
            problem: critical(self.host(), what).why(why).next(next),
            is_transient: false,
            fix: None,
        }
    }

    async fn push(&self, what: &depot::Artifact, path: &str, mode: u32) -> Outcome {
        let push = Push {
            from: &what.path,
            sha256: &what.sha256,
            path,
            mode,
            deadline: PUSHING,
        };
        let size = what.size.max(1);
        let news = self.news.clone();
        let said = std::sync::atomic::AtomicU64::new(0);
        let sent = move |bytes: u64| {
            let percent = bytes * 100 / size;
            // Every fifth percent; a note that finds no room is followed by another.
            if said.swap(percent / 5, std::sync::atomic::Ordering::Relaxed) != percent / 5 {
                let _ = news.try_send(News::Note(format!("sending: {percent} %")));
            }
        };
        match self.tools.ssh.push_file(self.to, push, &sent).await {
            Ok(changed) => Ok((
                changed,
                format!("{} MB, sha256 {}", what.size >> 20, &what.sha256[..12]),
            )),
            Err(error) => Err(self.lost(&error)),
        }
    }

    async fn configure(&self, file: &str, lines: &[String], with_token: bool) -> Outcome {
        let mut content = vec![script::MARK.to_owned()];
        content.extend(lines.iter().cloned());
        let mut note = String::new();
        let mut token: Option<Token> = None;
        if with_token {
            let fetched = self.tools.servers.token(self).await?;
            content.push(crate::rack::onboard::config::pair(
                "token",
                fetched.token.expose(),
            ));
            note = format!("with the {} token of the server", fetched.how);
            token = Some(fetched.token);
        }
        let mut settings = Settings::new()
            .with("FILE", file)
            .with("MARK", script::MARK)
            .with("CONTENT", &content.join("\n"));
        settings.secrets = token.iter().map(|token| token.secret().clone()).collect();
        let (changed, _) = self.script("configure", &settings).await?;
        Ok((changed, note))
    }

    async fn remove_old(&self, name: &str) -> Outcome {
        let connection = self.tools.servers.connection(self).await?;
        let removed = crate::clients::kubernetes::joining::remove_dead(&connection, name).await;
        match removed {
            Ok(Removed::Removed) => Ok((true, format!("node {name} and its password are removed"))),
            Ok(Removed::Nothing) => Ok((false, String::new())),
            Ok(Removed::IsAlive) => Err(Failure {
                problem: critical(
                    self.host(),
                    format!("node {name} is alive and was not removed"),
                )
                .why("a board of that name is Ready")
                .next("switch the old board off first, or use another name"),
                is_transient: false,
                fix: Some(Fix::Rename),
            }),
            Err(error) => {
                let mut problem = error.problem();
                problem.what = format!("the old node {name} was not removed: {}", problem.what);
                Err(Failure {
                    problem,
                    is_transient: false,
                    fix: None,
                })
            }
        }
    }

    /// Reboots unless the board has another boot id already, waits for it, and looks whether that helped.
    async fn reboot(&self, boot: &str) -> Outcome {
        let settings = Settings::new().with("BOOT", boot);
        let asked = script::run(self, "reboot", &settings, STEP).await;
        match asked {
            Ok(Ok(_)) => {}
            // What a board that goes down looks like.
            Err(failure) if failure.is_transient => {}
            Ok(Err(words)) => {
                return Err(self.refused(&format!("{} does not reboot", self.host()), &words));
            }
            Err(failure) => return Err(failure),
        }
        let begun = tokio::time::Instant::now();
        let mut last = None;
        while begun.elapsed() < REBOOTING {
            self.note(format!(
                "waiting for it to come back: {} s",
                begun.elapsed().as_secs()
            ))
            .await;
            self.tools.ssh.disconnect(self.to);
            self.tools.ssh.retry(self.to);
            match survey::facts(self.tools, self.wish, self.to, survey::Depth::Kernel).await {
                Ok(facts) if facts.boot_id.as_deref() != Some(boot) => {
                    return self.judge(boot, &facts);
                }
                Ok(_) => {}
                Err(failure) if failure.is_transient => last = Some(failure),
                Err(failure) => return Err(failure),
            }
            sleep(LOOK_AGAIN).await;
        }
        let problem = warning(
            self.host(),
            format!("{} has not come back from its reboot", self.host()),
        )
        .why(format!("{} s have passed", REBOOTING.as_secs()))
        .next("look at its lights and its screen; then go on with --resume");
        Err(Failure {
            problem: last.iter().fold(problem, |problem, it| {
                problem.evidence(it.problem.what.clone())
            }),
            is_transient: false,
            fix: None,
        })
    }

    fn judge(&self, boot: &str, facts: &crate::rack::onboard::facts::Facts) -> Outcome {
        let now = facts.boot_id.as_deref().unwrap_or_default();
        let running = facts.running.as_deref().unwrap_or_default();
        // What is not known stops nobody here: k3s itself would say it.
        let has_memory = facts.cgroup.has_memory() != Some(false);
        let problem = match verdict(boot, now, running, has_memory) {
            Verdict::Works => return Ok((true, "the memory controller is there".to_owned())),
            Verdict::NotRebooted => critical(self.host(), format!("{} did not reboot", self.host())).next("reboot it by hand"),
            Verdict::WrongFile => critical(self.host(), format!("the edit of {} had no effect", self.host()))
                .why("the kernel was started without the words: another file than the one that was edited is in use")
                .evidence(format!("/proc/cmdline: {running}"))
                .next("see which partition it starts from (findmnt /boot/firmware), then run the checks again"),
            Verdict::Ignored => critical(self.host(), format!("the kernel of {} ignores the words", self.host()))
                .why("it was started with them and has no memory controller: it lacks Raspberry Pi's patch (raspberrypi/linux#6439)")
                .evidence(format!("/proc/cmdline: {running}"))
                .next("update kernel and firmware, or use the vendor's kernel; rebooting again does not help"),
        };
        Err(Failure {
            problem,
            is_transient: false,
            fix: None,
        })
    }
}

/// Where a board is, as ssh knows it.
fn destination(wish: &Wish) -> Result<Destination, Failure> {
    parsed(&wish.host, &wish.host)
}

fn parsed(host: &str, about: &str) -> Result<Destination, Failure> {
    Destination::parse(host).map_err(|error| Failure {
        problem: critical(about, format!("{host} cannot be reached over SSH")).why(error),
        is_transient: false,
        fix: None,
    })
}

fn lost(board: &str, error: &Error) -> Failure {
    Failure {
        problem: error.problem(Subject::Board(board.to_owned())),
        is_transient: error.is_transient(),
        fix: None,
    }
}

/// Whether a board of this role makes the cluster that others join.
pub fn makes_cluster(role: Role) -> bool {
    matches!(role, Role::FirstServer { .. })
}

/// The folder of the journals below the state folder.
pub fn folder(state: &Path) -> PathBuf {
    state.join("onboard")
}

#[cfg(test)]
#[allow(clippy::print_stderr, reason = "a test that skips says so")]
mod tests;
