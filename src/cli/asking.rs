//! Questions of an SSH connection, asked on the terminal: host keys, passwords, passphrases.
//!
//! It is the terminal that is asked (`/dev/tty`), not standard input, which may be a pipe; without one everything is
//! declined and said so once. Invariants: a secret is not echoed, kept or printed; whatever ends the program, the terminal
//! shows again what is typed; words of a server are cleaned before they reach it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::sync::Arc;

use anyhow::anyhow;
use futures::future::select_all;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::sync::mpsc;

use crate::cli::{Failure, Global, cockpit};
use crate::clients::ssh::{Ask, Settings, Ssh};
use crate::rack::secret::Secret;
use crate::rack::ssh::{Answer, ChangedKey, HostKey, Prompt, Question};
use crate::ui::text::clean;

/// ctrl-c, ctrl-d.
const GIVE_UP: [u8; 2] = [3, 4];
const BACKSPACE: [u8; 2] = [8, 127];
/// ctrl-u.
const CLEAR: u8 = 21;
/// Nobody types more.
const LONGEST: usize = 4_096;

/// Does something over ssh, and asks the person what has to be asked meanwhile. Read-only, no host key is written down.
pub(super) fn with_ssh<T>(
    global: &Global,
    work: impl AsyncFnOnce(&Ssh) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let runtime = cockpit::runtime().map_err(Failure::usage)?;
    let terminal = Terminal::open().map(Arc::new);
    let result = runtime.block_on(async {
        let (asks, asked) = mpsc::channel(1);
        let settings = Settings {
            keeps_host_keys: !global.read_only,
            ..Settings::of_user()
        };
        let ssh = Ssh::new(settings, asks);
        tokio::select! { biased;
            () = stopped() => Err(Failure {
                code: 130,
                error: anyhow!("stopped"),
            }),
            done = work(&ssh) => done,
            () = answer_all(asked, terminal.clone()) => Err(Failure::usage(anyhow!("nobody asks"))),
        }
    });
    if let Some(terminal) = &terminal {
        terminal.restore();
    }
    // A thread may still wait for a line that nobody needs any more.
    runtime.shutdown_background();
    result
}

/// A secret typed unseen; `None` without a terminal, or when the person gives up.
pub(super) fn secret(prompt: &str) -> Option<Secret> {
    Terminal::open()?.line(prompt, false).ok()?
}

/// A line typed on the terminal; `None` without one, or when the person gives up.
pub(super) fn line(prompt: &str) -> Option<String> {
    let said = Terminal::open()?.line(prompt, true).ok()??;
    Some(said.expose().to_owned())
}

/// A signal that ends programs came.
async fn stopped() {
    use tokio::signal::unix::{SignalKind, signal};
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let mut signals: Vec<_> = kinds.into_iter().flat_map(signal).collect();
    if signals.is_empty() {
        return std::future::pending().await;
    }
    select_all(signals.iter_mut().map(|it| Box::pin(it.recv()))).await;
}

async fn answer_all(mut asked: mpsc::Receiver<Ask>, terminal: Option<Arc<Terminal>>) {
    let mut is_said = false;
    while let Some(Ask { question, answer }) = asked.recv().await {
        let Some(terminal) = terminal.clone() else {
            if !is_said {
                let mut err = io::stderr().lock();
                let what = clean(question.about()).into_owned();
                // If standard error is gone there is nobody to tell.
                let _ = writeln!(
                    err,
                    "bramble: warning: {what} asks something, and there is no terminal to answer on; run it in one, \
                     or give ssh a key and the host key beforehand"
                );
            }
            is_said = true;
            continue;
        };
        let asking = tokio::task::spawn_blocking(move || terminal.ask(&question));
        // Dropped unanswered, it is declined.
        if let Ok(Ok(said)) = asking.await {
            let _ = answer.send(said);
        }
    }
    std::future::pending::<()>().await;
}

/// The terminal of the process, and how it was before we asked.
struct Terminal {
    file: File,
    before: Termios,
}

impl Terminal {
    fn open() -> Option<Terminal> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .ok()?;
        let before = tcgetattr(&file).ok()?;
        Some(Terminal { file, before })
    }

    fn restore(&self) {
        // A terminal that is gone needs nothing.
        let _ = tcsetattr(&self.file, OptionalActions::Now, &self.before);
    }

    fn ask(&self, question: &Question) -> io::Result<Answer> {
        match question {
            Question::NewHostKey { .. } => {
                let text = host_key(question);
                let said = self.line(&text, true)?;
                let is_yes = said.is_some_and(|said| {
                    ["y", "yes"].contains(&said.expose().trim().to_lowercase().as_str())
                });
                Ok(if is_yes { Answer::Yes } else { Answer::No })
            }
            Question::ChangedHostKey { host, changed, .. } => {
                let said = self.line(&changed_key(host, changed), true)?;
                let is_sure = said.is_some_and(|said| said.expose().trim() == host);
                Ok(if is_sure { Answer::Yes } else { Answer::No })
            }
            Question::Interactive { prompts, .. } => self.prompts(question, prompts),
            Question::Passphrase { .. } | Question::Password { .. } | Question::Sudo { .. } => {
                let said = self.line(&secret_prompt(question), false)?;
                let said = said.filter(|said| !said.expose().is_empty());
                Ok(said.map_or(Answer::No, Answer::Secret))
            }
        }
    }

    fn prompts(&self, question: &Question, prompts: &[Prompt]) -> io::Result<Answer> {
        if let Question::Interactive {
            host, title, text, ..
        } = question
        {
            for line in [title, text].into_iter().flat_map(|it| it.lines()) {
                writeln!(&self.file, "{}: {}", clean(host), clean(line))?;
            }
        }
        let mut secrets = Vec::new();
        for prompt in prompts {
            let text = format!("{}: {}", clean(question.about()), clean(&prompt.text));
            match self.line(&text, prompt.echo)? {
                Some(said) => secrets.push(said),
                None => return Ok(Answer::No),
            }
        }
        Ok(Answer::Secrets(secrets))
    }

    /// One line. `None`: the person gives up.
    fn line(&self, prompt: &str, echo: bool) -> io::Result<Option<Secret>> {
        let mut quiet = self.before.clone();
        quiet
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
        // Flush: what was typed before the question is no answer to it.
        tcsetattr(&self.file, OptionalActions::Flush, &quiet)?;
        write!(&self.file, "{prompt}")?;
        let line = self.read(echo);
        self.restore();
        writeln!(&self.file)?;
        line
    }

    fn read(&self, echo: bool) -> io::Result<Option<Secret>> {
        let mut line = zeroize::Zeroizing::new(Vec::with_capacity(LONGEST));
        let mut byte = zeroize::Zeroizing::new([0_u8]);
        loop {
            if (&self.file).read(byte.as_mut_slice())? == 0 {
                return Ok(None);
            }
            match byte[0] {
                b'\r' | b'\n' => {
                    let text = std::str::from_utf8(&line).map_err(io::Error::other)?;
                    return Ok(Some(Secret::new(text)));
                }
                key if GIVE_UP.contains(&key) => return Ok(None),
                key if BACKSPACE.contains(&key) => {
                    let gone = take_letter(&mut line);
                    if echo && gone {
                        write!(&self.file, "\u{8} \u{8}")?;
                    }
                }
                CLEAR => while take_letter(&mut line) {},
                // An arrow or another key that is no letter.
                key if key < b' ' => {}
                key if line.len() < LONGEST => {
                    line.push(key);
                    if echo {
                        (&self.file).write_all(&[key])?;
                    }
                }
                _ => {}
            }
        }
    }
}

/// Takes the last letter away, which may be of several bytes.
fn take_letter(line: &mut Vec<u8>) -> bool {
    let start = line.iter().rposition(|byte| byte & 0xc0 != 0x80);
    if let Some(start) = start {
        line.truncate(start);
    }
    start.is_some()
}

fn host_key(question: &Question) -> String {
    let Question::NewHostKey {
        name,
        address,
        through,
        key,
        others,
        file,
    } = question
    else {
        return String::new();
    };
    let mut text = format!("The host key of {} is not known yet", clean(name));
    if let Some(address) = address {
        text = format!("{text} (address {})", clean(address));
    }
    if !through.is_empty() {
        text = format!("{text}, reached through {}", clean(&through.join(", ")));
    }
    let line = |key: &HostKey| format!("{} {}", clean(key.kind()), key.fingerprint());
    text = format!("{text}.\n  {}\n", line(key));
    for other in others {
        text = format!("{text}  known by another key: {}\n", line(other));
    }
    text += "Compare it with what the board itself says, on its screen: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub\n";
    match file {
        Some(file) => format!(
            "{text}Is it the right one? It is kept in {}. [y/N] ",
            clean(&file.display().to_string())
        ),
        None => format!("{text}Is it the right one? It is kept for this run only. [y/N] "),
    }
}

/// Both fingerprints, and the name to be typed by somebody who has reflashed the board.
fn changed_key(host: &str, changed: &ChangedKey) -> String {
    let (host, name) = (clean(host), clean(&changed.name));
    let mut text = format!("{name} shows another host key than the one it is known by.\n");
    for old in &changed.old {
        let file = old.file.display().to_string();
        let (kind, fingerprint) = (clean(old.key.kind()), old.key.fingerprint());
        let place = format!("{} line {}", clean(&file), old.line);
        text = format!("{text}  known: {kind} {fingerprint} ({place})\n");
    }
    let (kind, fingerprint) = (clean(changed.new.kind()), changed.new.fingerprint());
    text = format!("{text}  shown: {kind} {fingerprint}\n");
    text += "Right only if you reflashed this board or put another in its place; otherwise somebody may be listening in.\n";
    format!("{text}Type {host} to replace its lines in known_hosts, anything else to refuse: ")
}

fn secret_prompt(question: &Question) -> String {
    let again = |again: &bool| if *again { "not accepted; " } else { "" };
    match question {
        Question::Passphrase { file, again: twice } => {
            format!("{}passphrase of {}: ", again(twice), clean(file))
        }
        Question::Password {
            user,
            host,
            again: twice,
        } => format!(
            "{}password of {} on {}: ",
            again(twice),
            clean(user),
            clean(host)
        ),
        Question::Sudo {
            user,
            host,
            again: twice,
        } => format!(
            "{}sudo password of {} on {}: ",
            again(twice),
            clean(user),
            clean(host)
        ),
        Question::NewHostKey { .. }
        | Question::ChangedHostKey { .. }
        | Question::Interactive { .. } => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_of_several_bytes_is_taken_away_whole() {
        let mut line = "aß€".as_bytes().to_vec();
        assert!(take_letter(&mut line));
        assert_eq!(line, "aß".as_bytes());
        assert!(take_letter(&mut line) && take_letter(&mut line));
        assert!(!take_letter(&mut line), "nothing is left");
    }

    #[test]
    fn prompts_name_what_is_wanted_and_let_no_escape_through() {
        let sudo = Question::Sudo {
            user: "pi".to_owned(),
            host: "board\u{1b}[2J".to_owned(),
            again: true,
        };
        let text = secret_prompt(&sudo);
        assert!(text.starts_with("not accepted; sudo password of pi on board"));
        assert!(!text.contains('\u{1b}'), "{text:?}");
        let key = HostKey::from_base64(
            "AAAAC3NzaC1lZDI1NTE5AAAAIJx0Yk4nZ0Fh7lJ0xMUWfQkb9y8rBDpCwW9ZtYtq5f2y",
        );
        let key = key.unwrap();
        let text = host_key(&Question::NewHostKey {
            name: "[board]:2222".to_owned(),
            address: Some("10.0.0.9".to_owned()),
            through: vec!["gate".to_owned()],
            key: key.clone(),
            others: Vec::new(),
            file: Some("/home/me/.ssh/known_hosts".into()),
        });
        for part in [
            "[board]:2222",
            "address 10.0.0.9",
            "through gate",
            "ED25519 SHA256:",
            "known_hosts",
            "[y/N]",
        ] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let changed = ChangedKey {
            name: "board\u{1b}[2J".to_owned(),
            old: Vec::new(),
            new: key,
            file: None,
        };
        let text = changed_key("board", &changed);
        assert!(text.contains("shown: ED25519 SHA256:"), "{text}");
        assert!(text.ends_with(
            "Type board to replace its lines in known_hosts, anything else to refuse: "
        ));
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }
}
