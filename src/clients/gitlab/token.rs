//! Where the token of a GitLab comes from. It is read when it is needed and goes nowhere but into a header.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use super::error::Fault;
use crate::clients::process;
use crate::rack::secret::Secret;

/// A password manager may ask its owner for something.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenSource {
    /// An environment variable.
    Env(String),
    /// The first line of what a command prints.
    Command(Vec<String>),
    /// A file that nobody else may read.
    File(PathBuf),
    /// What glab keeps of this host, in its `config.yml`.
    Glab(PathBuf),
}

/// The token for `host`.
pub(super) async fn read(source: &TokenSource, host: &str) -> Result<Secret, Fault> {
    let text = match source {
        TokenSource::Env(name) => std::env::var(name)
            .map_err(|_| Fault::Token(format!("the environment has no {name}")))?,
        TokenSource::Command(words) => from_command(words).await?,
        TokenSource::File(file) => from_file(file)?,
        TokenSource::Glab(file) => from_glab(file, host)?,
    };
    let token = text.lines().next().unwrap_or_default().trim();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let what = format!("{} gives no usable token", named(source));
        return Err(Fault::Token(what));
    }
    Ok(Secret::new(token))
}

fn named(source: &TokenSource) -> String {
    match source {
        TokenSource::Env(name) => format!("the variable {name}"),
        // Arguments may be secrets themselves.
        TokenSource::Command(words) => {
            format!("the command {}", words.first().map_or("", String::as_str))
        }
        TokenSource::File(file) | TokenSource::Glab(file) => file.display().to_string(),
    }
}

async fn from_command(words: &[String]) -> Result<String, Fault> {
    let program = words.first().map_or("", String::as_str);
    let fault = |why: &str| Fault::Token(format!("the command {program} {why}"));
    let mut command = tokio::process::Command::new(program);
    command
        .args(words.get(1..).unwrap_or_default())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .kill_on_drop(true);
    let child = process::start(&mut command)
        .map_err(|error| fault(&format!("cannot be started: {error}")))?;
    let output = tokio::time::timeout(PATIENCE, child.wait_with_output()).await;
    let output = output
        .map_err(|_| fault("does not end"))?
        .map_err(|error| fault(&format!("cannot be read: {error}")))?;
    if !output.status.success() {
        return Err(fault(&format!("failed ({})", output.status)));
    }
    String::from_utf8(output.stdout).map_err(|_| fault("printed no text"))
}

fn from_file(file: &Path) -> Result<String, Fault> {
    let fault = |why: String| Fault::Token(format!("{}: {why}", file.display()));
    let about = std::fs::metadata(file).map_err(|error| fault(error.to_string()))?;
    let mode = about.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let why = format!("others may read it (mode {mode:04o}): chmod 600 it");
        return Err(fault(why));
    }
    std::fs::read_to_string(file).map_err(|error| fault(error.to_string()))
}

/// glab keeps `hosts: {gitlab.example.com: {token: …}}`.
fn from_glab(file: &Path, host: &str) -> Result<String, Fault> {
    let fault = |why: String| Fault::Token(format!("{}: {why}", file.display()));
    let text = std::fs::read_to_string(file).map_err(|error| fault(error.to_string()))?;
    let value: serde_yaml::Value =
        serde_yaml::from_str(&text).map_err(|_| fault("is no YAML of glab".to_owned()))?;
    let about = value.get("hosts").and_then(|hosts| hosts.get(host));
    let Some(about) = about else {
        return Err(fault(format!("glab knows no host {host}")));
    };
    match about.get("token").and_then(serde_yaml::Value::as_str) {
        Some(token) => Ok(token.to_owned()),
        None => Err(fault(format!(
            "glab keeps no token of {host} here (it may be in a keyring): use token-command"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn token(source: TokenSource) -> Result<String, String> {
        let read = read(&source, "git.example.com").await;
        read.map(|secret| secret.expose().to_owned())
            .map_err(|fault| fault.to_string())
    }

    fn command(words: &[&str]) -> TokenSource {
        TokenSource::Command(words.iter().map(|it| (*it).to_owned()).collect())
    }

    #[tokio::test]
    async fn a_file_must_be_the_owners_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("token");
        std::fs::write(&file, "glpat-abc\nsecond line\n").unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o640)).unwrap();
        let refused = token(TokenSource::File(file.clone())).await.unwrap_err();
        assert!(refused.contains("mode 0640"), "{refused}");
        assert!(!refused.contains("glpat"), "{refused}");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(token(TokenSource::File(file)).await.unwrap(), "glpat-abc");
    }

    #[tokio::test]
    async fn a_command_gives_its_first_line_and_is_named_without_its_arguments() {
        let good = token(command(&["sh", "-c", "echo glpat-x; echo more"])).await;
        assert_eq!(good.unwrap(), "glpat-x");
        let bad = token(command(&["sh", "-c", "echo glpat-secret >&2; exit 3"])).await;
        let bad = bad.unwrap_err();
        assert!(bad.contains("the command sh failed"), "{bad}");
        assert!(!bad.contains("glpat"), "{bad}");
        let empty = token(command(&["true"])).await.unwrap_err();
        assert!(empty.contains("gives no usable token"), "{empty}");
        let none = token(command(&["/does/not/exist"])).await.unwrap_err();
        assert!(none.contains("cannot be started"), "{none}");
    }

    #[tokio::test]
    async fn the_token_of_glab_is_found_by_host() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("config.yml");
        let text = "hosts:\n  git.example.com:\n    token: glpat-glab\n  other:\n    user: me\n";
        std::fs::write(&file, text).unwrap();
        let found = token(TokenSource::Glab(file.clone())).await;
        assert_eq!(found.unwrap(), "glpat-glab");
        let other = read(&TokenSource::Glab(file), "other").await.unwrap_err();
        assert!(other.to_string().contains("keyring"), "{other}");
    }

    #[tokio::test]
    async fn a_variable_that_is_not_set_is_named() {
        let gone = token(TokenSource::Env("BRAMBLE_TEST_NO_SUCH".into())).await;
        assert!(gone.unwrap_err().contains("BRAMBLE_TEST_NO_SUCH"));
    }
}
