//! How a host is reached, after everything ssh's configuration says about it.

use std::path::PathBuf;
use std::time::Duration;

use crate::rack::ssh::destination::{Destination, PORT};
use crate::rack::ssh::known_hosts::Names;
use crate::rack::ssh::tokens::Tokens;

/// Values by keyword, in lower case, in the order in which they were read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options(Vec<(String, String)>);

/// Keywords whose values add up instead of the first one winning.
const ADDING: [&str; 2] = ["identityfile", "certificatefile"];

/// Two ways to go through something: whichever comes first counts.
const WAYS: [&str; 2] = ["proxyjump", "proxycommand"];

/// Where this program runs, for the tokens and defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Here {
    pub home: PathBuf,
    pub user: String,
    pub host: String,
}

/// Who resolved it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum By {
    /// `ssh -G`.
    OpenSsh,
    /// Our own reading of these files, with what it could not understand.
    OwnReading {
        files: Vec<PathBuf>,
        notes: Vec<String>,
    },
}

/// What happens with the key of a host nobody has seen (`StrictHostKeyChecking`). A changed key is refused always: `no`
/// is read as `accept-new`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strict {
    Refuse,
    Ask,
    AcceptNew,
}

/// Which agent holds keys (`IdentityAgent`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Agent {
    /// The socket in `SSH_AUTH_SOCK`.
    Environment,
    Socket(String),
    None,
}

/// A way to prove who we are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    PublicKey,
    KeyboardInteractive,
    Password,
}

/// Everything needed for a connection, and shown by `:host`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resolved {
    pub destination: Destination,
    pub by: By,
    pub host_name: String,
    pub port: u16,
    pub user: String,
    /// `ProxyJump`, the first hop first.
    pub jumps: Vec<Destination>,
    pub proxy_command: Option<String>,
    pub identity_files: Vec<String>,
    pub certificate_files: Vec<String>,
    pub identities_only: bool,
    pub agent: Agent,
    /// The person's own files; the first one is written.
    pub known_hosts: Vec<String>,
    pub global_known_hosts: Vec<String>,
    pub host_key_alias: Option<String>,
    pub strict: Strict,
    pub hash_known_hosts: bool,
    pub connect_timeout: Option<Duration>,
    /// `ServerAliveInterval` and `ServerAliveCountMax`, where set.
    pub alive: Option<(Duration, usize)>,
    /// Allowed methods in the order in which they are tried.
    pub methods: Vec<Method>,
    /// `BatchMode`: nothing may be asked.
    pub is_batch: bool,
}

impl Options {
    /// Takes a value unless an earlier one holds already.
    pub fn set(&mut self, keyword: &str, value: &str) {
        let is_way = WAYS.contains(&keyword);
        let is_taken = if is_way {
            WAYS.iter().any(|way| self.first(way).is_some())
        } else {
            self.first(keyword).is_some()
        };
        if ADDING.contains(&keyword) || !is_taken {
            self.0.push((keyword.to_owned(), value.to_owned()));
        }
    }

    pub fn first(&self, keyword: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == keyword);
        found.map(|(_, value)| value.as_str())
    }

    pub fn all<'a>(&'a self, keyword: &'a str) -> impl Iterator<Item = &'a str> {
        let found = self.0.iter().filter(move |(name, _)| name == keyword);
        found.map(|(_, value)| value.as_str())
    }

    /// The output of `ssh -G`: a keyword and a value on each line.
    pub fn from_ssh(output: &str) -> Self {
        let pairs = output.lines().filter_map(|line| line.split_once(' '));
        Self(
            pairs
                .map(|(keyword, value)| (keyword.to_lowercase(), value.trim().to_owned()))
                .collect(),
        )
    }

    fn is_on(&self, keyword: &str, default: bool) -> bool {
        self.first(keyword).map_or(default, |value| {
            ["yes", "true"].contains(&value.to_lowercase().as_str())
        })
    }

    /// A value that is not `none`.
    fn some(&self, keyword: &str) -> Option<&str> {
        self.first(keyword)
            .filter(|value| !value.eq_ignore_ascii_case("none"))
    }
}

impl Resolved {
    /// Reads the options that hold for `destination`. `variable` is the environment.
    pub fn new(
        destination: Destination,
        by: By,
        options: &Options,
        here: &Here,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, String> {
        let host_name = match options.first("hostname") {
            Some(name) => name.replace("%h", &destination.host).replace("%%", "%"),
            None => destination.host.clone(),
        }
        .to_lowercase();
        let port = match options.first("port") {
            Some(port) => port
                .parse()
                .map_err(|_| format!("port \"{port}\" of {destination} is no port"))?,
            None => PORT,
        };
        let user = options.first("user").unwrap_or(&here.user).to_owned();
        let host_key_alias = options.some("hostkeyalias").map(str::to_lowercase);
        let home = here.home.display().to_string();
        let tokens = Tokens {
            host: host_name.clone(),
            original: destination.host.clone(),
            port: port.to_string(),
            user: user.clone(),
            local_user: here.user.clone(),
            key_alias: host_key_alias.clone().unwrap_or_else(|| host_name.clone()),
            local_host: here.host.clone(),
            home,
        };
        let path = |text: &str| tokens.expand_path(text, &variable);
        let files = |keyword: &str, default: [&str; 2]| match options.first(keyword) {
            Some(list) => words(list)
                .filter(|word| word != "none")
                .map(|word| path(&word))
                .collect(),
            None => default.map(path).to_vec(),
        };
        Ok(Self {
            jumps: jumps(options, &tokens)?,
            proxy_command: options
                .some("proxycommand")
                .map(|command| tokens.expand(command)),
            identity_files: identities(options)
                .into_iter()
                .map(|file| path(&file))
                .collect(),
            certificate_files: options
                .all("certificatefile")
                .map(|file| path(&unquoted(file)))
                .collect(),
            identities_only: options.is_on("identitiesonly", false),
            agent: agent(options, &path),
            known_hosts: files(
                "userknownhostsfile",
                ["~/.ssh/known_hosts", "~/.ssh/known_hosts2"],
            ),
            global_known_hosts: files(
                "globalknownhostsfile",
                ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"],
            ),
            strict: match options
                .first("stricthostkeychecking")
                .map(str::to_lowercase)
                .as_deref()
            {
                Some("yes" | "true") => Strict::Refuse,
                Some("no" | "false" | "off" | "accept-new") => Strict::AcceptNew,
                Some(_) | None => Strict::Ask,
            },
            hash_known_hosts: options.is_on("hashknownhosts", false),
            connect_timeout: options
                .some("connecttimeout")
                .and_then(seconds)
                .filter(|it| !it.is_zero()),
            alive: options
                .some("serveraliveinterval")
                .and_then(seconds)
                .filter(|it| !it.is_zero())
                .map(|interval| {
                    let count = options
                        .first("serveralivecountmax")
                        .and_then(|count| count.parse().ok());
                    (interval, count.unwrap_or(3))
                }),
            methods: methods(options),
            is_batch: options.is_on("batchmode", false),
            destination,
            by,
            host_name,
            port,
            user,
            host_key_alias,
        })
    }

    /// The names it is known by in `known_hosts`.
    pub fn names(&self) -> Names {
        Names::new(&self.host_name, self.port, self.host_key_alias.as_deref())
    }

    /// [`Resolved::lines`] as a page of text.
    pub fn page(&self) -> String {
        let lines = self.lines();
        let width = lines
            .iter()
            .map(|(word, _)| word.len())
            .max()
            .unwrap_or_default();
        let lines = lines
            .iter()
            .map(|(word, value)| format!("{word:width$}  {value}\n"));
        lines.collect()
    }

    /// What a person sees of it: a word and a value on each line.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines = vec![
            ("asked for", self.destination.to_string()),
            (
                "connects to",
                format!("{} port {}", self.host_name, self.port),
            ),
            ("as user", self.user.clone()),
        ];
        if !self.jumps.is_empty() {
            lines.push((
                "through",
                joined(self.jumps.iter().map(ToString::to_string)),
            ));
        }
        if let Some(command) = &self.proxy_command {
            lines.push(("through command", command.clone()));
        }
        if let Some(alias) = &self.host_key_alias {
            lines.push(("key known as", alias.clone()));
        }
        let strict = match self.strict {
            Strict::Refuse => "refused",
            Strict::Ask => "asked about",
            Strict::AcceptNew => "accepted and remembered; a changed one is refused",
        };
        lines.push(("a new host key is", strict.to_owned()));
        lines.push(("known hosts", joined(self.known_hosts.iter().cloned())));
        lines.push(("keys", joined(self.identity_files.iter().cloned())));
        if !self.certificate_files.is_empty() {
            lines.push((
                "certificates",
                joined(self.certificate_files.iter().cloned()),
            ));
        }
        let agent = match &self.agent {
            Agent::Environment if self.identities_only => {
                "the one of SSH_AUTH_SOCK, only for these keys".to_owned()
            }
            Agent::Environment => "the one of SSH_AUTH_SOCK".to_owned(),
            Agent::Socket(path) => path.clone(),
            Agent::None => "none".to_owned(),
        };
        lines.push(("agent", agent));
        match &self.by {
            By::OpenSsh => lines.push(("resolved by", "ssh -G".to_owned())),
            By::OwnReading { files, notes } => {
                let files = files.iter().map(|file| file.display().to_string());
                lines.push((
                    "resolved by",
                    format!("bramble, there is no ssh; read {}", joined(files)),
                ));
                lines.extend(notes.iter().map(|note| ("but", note.clone())));
            }
        }
        lines
    }
}

fn joined(words: impl Iterator<Item = String>) -> String {
    let joined = words.collect::<Vec<_>>().join(", ");
    if joined.is_empty() {
        "none".to_owned()
    } else {
        joined
    }
}

fn jumps(options: &Options, tokens: &Tokens) -> Result<Vec<Destination>, String> {
    let Some(list) = options.some("proxyjump") else {
        return Ok(Vec::new());
    };
    list.split(',')
        .map(|hop| Destination::parse(&tokens.expand(hop)))
        .collect()
}

/// The names OpenSSH tries when none is configured, in its order; those of types we do not have are found by nobody.
const DEFAULT_IDENTITIES: [&str; 7] = [
    "~/.ssh/id_rsa",
    "~/.ssh/id_ecdsa",
    "~/.ssh/id_ecdsa_sk",
    "~/.ssh/id_ed25519",
    "~/.ssh/id_ed25519_sk",
    "~/.ssh/id_xmss",
    "~/.ssh/id_dsa",
];

fn identities(options: &Options) -> Vec<String> {
    let files: Vec<String> = options.all("identityfile").map(unquoted).collect();
    if files.is_empty() {
        return DEFAULT_IDENTITIES.map(str::to_owned).to_vec();
    }
    files.into_iter().filter(|file| file != "none").collect()
}

fn agent(options: &Options, path: &impl Fn(&str) -> String) -> Agent {
    match options.first("identityagent").map(unquoted).as_deref() {
        None | Some("SSH_AUTH_SOCK") => Agent::Environment,
        Some("none") => Agent::None,
        Some(socket) => match socket.strip_prefix('$').filter(|it| !it.starts_with('{')) {
            Some(name) => Agent::Socket(path(&format!("${{{name}}}"))),
            None => Agent::Socket(path(socket)),
        },
    }
}

fn methods(options: &Options) -> Vec<Method> {
    let known = [
        (
            Method::PublicKey,
            "publickey",
            options.is_on("pubkeyauthentication", true) || is_half(options),
        ),
        (
            Method::KeyboardInteractive,
            "keyboard-interactive",
            options.is_on(
                "kbdinteractiveauthentication",
                options.is_on("challengeresponseauthentication", true),
            ),
        ),
        (
            Method::Password,
            "password",
            options.is_on("passwordauthentication", true),
        ),
    ];
    let allowed = |name: &str| {
        known
            .iter()
            .find(|(_, it, is_on)| *it == name && *is_on)
            .map(|(method, ..)| *method)
    };
    match options.first("preferredauthentications") {
        Some(list) => list.split(',').filter_map(allowed).collect(),
        None => known
            .iter()
            .filter_map(|(_, name, _)| allowed(name))
            .collect(),
    }
}

/// `PubkeyAuthentication` has two more words that mean yes to us.
fn is_half(options: &Options) -> bool {
    options
        .first("pubkeyauthentication")
        .is_some_and(|value| ["unbound", "host-bound"].contains(&value))
}

/// A year.
const LONGEST: u64 = 366 * 86_400;

/// Seconds, or a time as `1m30s`.
fn seconds(text: &str) -> Option<Duration> {
    let mut total = 0_u64;
    let mut digits = String::new();
    for c in text.chars() {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        let unit = match c.to_ascii_lowercase() {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            'w' => 604_800,
            _ => return None,
        };
        total = total.checked_add(digits.parse::<u64>().ok()?.checked_mul(unit)?)?;
        digits.clear();
    }
    if !digits.is_empty() {
        total = total.checked_add(digits.parse().ok()?)?;
    }
    // A time that no clock can hold is a slip of the finger.
    (total <= LONGEST).then(|| Duration::from_secs(total))
}

/// The words of a list of files; a name with blanks is quoted.
fn words(list: &str) -> impl Iterator<Item = String> {
    let mut parts = list.split('"').enumerate().flat_map(|(index, part)| {
        if index % 2 == 1 {
            vec![part.to_owned()]
        } else {
            part.split_whitespace().map(str::to_owned).collect()
        }
    });
    std::iter::from_fn(move || parts.next())
}

fn unquoted(text: &str) -> String {
    text.trim_matches('"').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolved(output: &str) -> Result<Resolved, String> {
        let here = Here {
            home: PathBuf::from("/home/me"),
            user: "me".to_owned(),
            host: "desk".to_owned(),
        };
        let to = Destination::parse("rpi-01").unwrap();
        Resolved::new(to, By::OpenSsh, &Options::from_ssh(output), &here, |_| None)
    }

    #[test]
    fn the_output_of_ssh_is_read() {
        let output = "user pi\nhostname 10.0.0.5\nport 2222\nproxyjump a@b:22,c\nidentityfile ~/.ssh/%h\n\
            stricthostkeychecking false\nserveraliveinterval 30\nserveralivecountmax 2\nconnecttimeout none\n";
        let resolved = resolved(output).unwrap();
        assert_eq!(
            (
                resolved.host_name.as_str(),
                resolved.port,
                resolved.user.as_str()
            ),
            ("10.0.0.5", 2222, "pi")
        );
        assert_eq!(
            resolved
                .jumps
                .iter()
                .map(ToString::to_string)
                .collect::<Vec<_>>(),
            ["a@b:22", "c"]
        );
        assert_eq!(resolved.identity_files, ["/home/me/.ssh/10.0.0.5"]);
        assert_eq!(
            resolved.strict,
            Strict::AcceptNew,
            "a changed key is refused all the same"
        );
        assert_eq!(resolved.alive, Some((Duration::from_secs(30), 2)));
        assert_eq!(resolved.connect_timeout, None);
    }

    #[test]
    fn nonsense_is_an_error_and_nothing_is_the_defaults() {
        assert!(resolved("port many\n").is_err());
        assert!(resolved("proxyjump -oProxyCommand=x\n").is_err());
        let resolved = resolved("").unwrap();
        assert_eq!(
            (
                resolved.host_name.as_str(),
                resolved.port,
                resolved.user.as_str()
            ),
            ("rpi-01", 22, "me")
        );
        assert_eq!(resolved.known_hosts[0], "/home/me/.ssh/known_hosts");
    }

    #[test]
    fn times_are_read_as_ssh_writes_them() {
        for (text, expected) in [
            ("7", Some(7)),
            ("1m", Some(60)),
            ("1h30m", Some(5_400)),
            ("x", None),
            ("9999999999999w", None),
        ] {
            assert_eq!(seconds(text).map(|it| it.as_secs()), expected, "{text}");
        }
    }
}
