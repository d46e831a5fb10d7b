//! A person's side: a directory with ssh's files, a client on it, and somebody who answers questions.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use bramble::clients::ssh::{Ask, Command, Error, Output, Settings, Ssh};
use bramble::rack::secret::Secret;
use bramble::rack::ssh::resolved::Here;
use bramble::rack::ssh::{Answer, Destination, Question};
use tempfile::TempDir;
use tokio::sync::mpsc;

use super::sshd::{PASSPHRASE, PASSWORD, Sshd, key, public};

pub(crate) struct Bed {
    pub(crate) dir: TempDir,
    pub(crate) ssh: Ssh,
    again: (Settings, mpsc::Sender<Ask>),
    questions: Arc<Mutex<Vec<Question>>>,
    answer: Arc<Mutex<Person>>,
}

/// Somebody who answers.
type Person = fn(&Question) -> Answer;

/// Says yes to new keys and gives the right secrets.
pub(crate) fn willing(question: &Question) -> Answer {
    let secret = |text: &str| Answer::Secret(Secret::new(text));
    match question {
        Question::NewHostKey { .. } => Answer::Yes,
        // Willing is not careless.
        Question::ChangedHostKey { .. } => Answer::No,
        Question::Passphrase { .. } => secret(PASSPHRASE),
        Question::Password { .. } | Question::Sudo { .. } => secret(PASSWORD),
        Question::Interactive { prompts, .. } => {
            Answer::Secrets(prompts.iter().map(|_| Secret::new(PASSWORD)).collect())
        }
    }
}

pub(crate) fn unwilling(_: &Question) -> Answer {
    Answer::No
}

/// A runtime like the program's.
pub(crate) fn run(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test);
}

impl Bed {
    /// A client with this configuration. `DIR` in it stands for the directory, `KEY(name)` for a key.
    pub(crate) fn new(config: &str, answer: Person) -> Bed {
        Self::with(config, answer, Some(PathBuf::from("/usr/bin/ssh")))
    }

    pub(crate) fn with(config: &str, answer: Person, program: Option<PathBuf>) -> Bed {
        let dir = TempDir::new().unwrap();
        fs::create_dir(dir.path().join(".ssh")).unwrap();
        let here = dir.path().display().to_string();
        let own = format!(
            "Host *\n UserKnownHostsFile {here}/known_hosts\n GlobalKnownHostsFile none\n IdentityAgent none\n"
        );
        let config = (config.to_owned() + "\n" + &own).replace("DIR", &here);
        fs::write(dir.path().join("config"), with_keys(&config)).unwrap();
        let (asks, mut asked) = mpsc::channel::<Ask>(8);
        let questions = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(Mutex::new(answer));
        let (seen, answering) = (Arc::clone(&questions), Arc::clone(&answer));
        tokio::spawn(async move {
            while let Some(ask) = asked.recv().await {
                seen.lock().unwrap().push(ask.question.clone());
                let answer = *answering.lock().unwrap();
                let _ = ask.answer.send(answer(&ask.question));
            }
        });
        let settings = Settings {
            config: Some(dir.path().join("config")),
            program,
            here: Here {
                home: dir.path().to_owned(),
                user: "root".to_owned(),
                host: "desk.lan".to_owned(),
            },
            keeps_host_keys: true,
        };
        Bed {
            ssh: Ssh::new(settings.clone(), asks.clone()),
            again: (settings, asks),
            dir,
            questions,
            answer,
        }
    }

    /// The same where no host key may be written down.
    pub(crate) fn keeping_nothing(mut self) -> Bed {
        let (mut settings, asks) = self.again.clone();
        settings.keeps_host_keys = false;
        self.ssh = Ssh::new(settings, asks);
        self
    }

    /// From now on somebody else answers.
    pub(crate) fn answer_with(&self, answer: Person) {
        *self.answer.lock().unwrap() = answer;
    }

    /// A client that knows these servers as `board`, `board-2` … and logs in as `pi` with the key `user`.
    pub(crate) fn for_boards(servers: &[&Sshd], config: &str, answer: Person) -> Bed {
        let mut text = config.to_owned() + "\n";
        for (index, server) in servers.iter().enumerate() {
            let lines = [
                "HostName 127.0.0.1",
                &format!("Port {}", server.port),
                "User pi",
            ];
            text = text + "Host " + &board(index) + "\n" + &lines.join("\n") + "\n";
        }
        if !config.contains("IdentityFile") {
            text += "Host board*\n IdentityFile KEY(user)\n";
        }
        let bed = Bed::new(&text, answer);
        let known: Vec<String> = servers
            .iter()
            .map(|server| format!("[127.0.0.1]:{} {}", server.port, public("host-ed25519")))
            .collect();
        bed.write_known_hosts(&(known.join("\n") + "\n"));
        bed
    }

    pub(crate) fn write_known_hosts(&self, text: &str) {
        let file = self.known_hosts_file();
        fs::write(&file, text).unwrap();
        fs::set_permissions(file, fs::Permissions::from_mode(0o600)).unwrap();
    }

    pub(crate) fn known_hosts_file(&self) -> PathBuf {
        self.dir.path().join("known_hosts")
    }

    pub(crate) fn known_hosts(&self) -> String {
        fs::read_to_string(self.known_hosts_file()).unwrap_or_default()
    }

    /// The questions that were asked since the last look.
    pub(crate) fn questions(&self) -> Vec<Question> {
        std::mem::take(&mut *self.questions.lock().unwrap())
    }

    pub(crate) async fn run(&self, to: &str, command: &Command) -> Result<Output, Error> {
        self.ssh.run(&destination(to), command).await
    }

    /// What `sh` says to a script on the first board.
    pub(crate) async fn says(&self, script: &str) -> String {
        let output = self.run("board", &Command::script(script)).await.unwrap();
        assert!(output.is_success(), "{output:?}");
        output.text()
    }
}

pub(crate) fn board(index: usize) -> String {
    match index {
        0 => "board".to_owned(),
        index => format!("board-{}", index + 1),
    }
}

pub(crate) fn destination(text: &str) -> Destination {
    Destination::parse(text).unwrap()
}

/// `KEY(name)` replaced by the file of the key.
fn with_keys(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("KEY(") {
        let (name, tail) = after.split_once(')').unwrap();
        out.push_str(before);
        out.push_str(&key(name).display().to_string());
        rest = tail;
    }
    out + rest
}

/// Runs OpenSSH's own client on the same files.
pub(crate) fn openssh(bed: &Path, to: &str, options: &[&str]) -> std::process::Output {
    std::process::Command::new("ssh")
        .arg("-F")
        .arg(bed.join("config"))
        .args(["-o", "BatchMode=yes", "-n"])
        .args(options)
        .args(["--", to, "echo in"])
        .env_remove("SSH_AUTH_SOCK")
        .output()
        .unwrap()
}
