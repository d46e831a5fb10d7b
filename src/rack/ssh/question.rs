//! What must be asked of the person before a connection stands. Data only: who asks it, and how, is the program's
//! business.

use crate::rack::secret::Secret;
use crate::rack::ssh::{ChangedKey, HostKey};

/// A question whose answer a connection waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    /// First contact: is this the host's key? Answered with [`Answer::Yes`] or [`Answer::No`].
    NewHostKey {
        /// The name it would be known by: `host`, or `[host]:port`.
        name: String,
        /// The address that answered, when it is another thing than the name.
        address: Option<String>,
        /// The hosts on the way, in order.
        through: Vec<String>,
        key: HostKey,
        /// Keys of other types that this name is already known by.
        others: Vec<HostKey>,
        /// Where the key will be written; `None` keeps it for this run only.
        file: Option<std::path::PathBuf>,
    },
    /// The host shows another key than the one it is known by. Answered with [`Answer::Yes`] only by somebody who knows
    /// that the board was reflashed; then its lines in `known_hosts` are replaced.
    ChangedHostKey {
        /// The host as the person names it.
        host: String,
        /// The address that answered.
        address: Option<String>,
        changed: Box<ChangedKey>,
    },
    /// A private key is encrypted. [`Answer::Secret`].
    Passphrase { file: String, again: bool },
    /// [`Answer::Secret`].
    Password {
        user: String,
        host: String,
        again: bool,
    },
    /// The server's own questions (keyboard-interactive). All of the text is the server's: hostile. [`Answer::Secrets`].
    Interactive {
        user: String,
        host: String,
        title: String,
        text: String,
        prompts: Vec<Prompt>,
    },
    /// sudo wants the password of `user`. [`Answer::Secret`].
    Sudo {
        user: String,
        host: String,
        again: bool,
    },
}

/// One field of [`Question::Interactive`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub text: String,
    /// Whether what is typed may be seen.
    pub echo: bool,
}

/// What the person said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Yes,
    /// Declined; right for every question.
    No,
    Secret(Secret),
    /// One for each prompt.
    Secrets(Vec<Secret>),
}

impl Question {
    /// The host it is about, for the title of a pop-up; the file for a passphrase.
    pub fn about(&self) -> &str {
        match self {
            Question::NewHostKey { name, .. } => name,
            Question::Passphrase { file, .. } => file,
            Question::Password { host, .. }
            | Question::Interactive { host, .. }
            | Question::ChangedHostKey { host, .. }
            | Question::Sudo { host, .. } => host,
        }
    }
}
