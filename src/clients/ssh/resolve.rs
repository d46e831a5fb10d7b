//! From what a person says to where and how to connect: OpenSSH itself is asked (`ssh -G`), because only it reads its
//! configuration exactly; our own reading is for machines without it.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::{Error, Settings};
use crate::clients::process;
use crate::rack::ssh::Destination;
use crate::rack::ssh::config::{self, Asked, File};
use crate::rack::ssh::resolved::{By, Options, Resolved};

/// `Match exec` may run something slow.
const PATIENCE: Duration = Duration::from_secs(10);

/// Resolves a destination. `through`: hops that stand in place of the configured ones.
pub(super) async fn resolve(
    settings: &Settings,
    destination: &Destination,
) -> Result<Resolved, Error> {
    let resolved = look_up(settings, destination).await?;
    let Some(address) = &destination.or_address else {
        return Ok(resolved);
    };
    let is_configured = resolved.host_name != destination.host.to_lowercase()
        || !resolved.jumps.is_empty()
        || resolved.proxy_command.is_some();
    if is_configured
        || tokio::net::lookup_host((resolved.host_name.as_str(), resolved.port))
            .await
            .is_ok()
    {
        return Ok(resolved);
    }
    let by_address = Destination {
        host: address.clone(),
        or_address: None,
        ..destination.clone()
    };
    look_up(settings, &by_address).await
}

async fn look_up(settings: &Settings, destination: &Destination) -> Result<Resolved, Error> {
    let (options, by) = match &settings.program {
        Some(program) => (ask_ssh(settings, program, destination).await?, By::OpenSsh),
        None => read(settings, destination),
    };
    let variable = |name: &str| std::env::var(name).ok();
    Resolved::new(destination.clone(), by, &options, &settings.here, variable).map_err(|why| {
        Error::Config {
            at: destination.to_string(),
            why,
        }
    })
}

async fn ask_ssh(
    settings: &Settings,
    program: &Path,
    destination: &Destination,
) -> Result<Options, Error> {
    let failed = |why: String| Error::Config {
        at: destination.to_string(),
        why,
    };
    let mut command = Command::new(program);
    command
        .arg("-G")
        .args(arguments(settings, destination))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let answer = async { process::start(&mut command)?.wait_with_output().await };
    let output = timeout(PATIENCE, answer).await;
    let output = output
        .map_err(|_| {
            failed(format!(
                "ssh -G did not answer within {} s",
                PATIENCE.as_secs()
            ))
        })?
        .map_err(|error| failed(format!("{} cannot be run: {error}", program.display())))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let words: Vec<&str> = words
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        return Err(failed(words.join("; ")));
    }
    Ok(Options::from_ssh(&String::from_utf8_lossy(&output.stdout)))
}

/// The arguments by which `ssh` finds the same host: `-F`, `-l`, `-p`, and the name after `--`.
pub(super) fn arguments(settings: &Settings, destination: &Destination) -> Vec<std::ffi::OsString> {
    let mut arguments = Vec::new();
    if let Some(file) = &settings.config {
        arguments.extend(["-F".into(), file.into()]);
    }
    if let Some(user) = &destination.user {
        arguments.extend(["-l".into(), user.into()]);
    }
    if let Some(port) = destination.port {
        arguments.extend(["-p".into(), port.to_string().into()]);
    }
    arguments.extend(["--".into(), destination.host.clone().into()]);
    arguments
}

/// Our own reading of the same files.
fn read(settings: &Settings, destination: &Destination) -> (Options, By) {
    let user_dir = settings.here.home.join(".ssh");
    let paths = match &settings.config {
        Some(file) => vec![file.clone()],
        None => vec![
            user_dir.join("config"),
            PathBuf::from("/etc/ssh/ssh_config"),
        ],
    };
    let asked = Asked {
        destination: destination.clone(),
        local_user: settings.here.user.clone(),
    };
    let files: Vec<File> = paths.into_iter().filter_map(open).collect();
    let reading = config::read(&asked, &files, |word, inside| {
        let dir = if inside.path.starts_with("/etc/ssh") {
            Path::new("/etc/ssh")
        } else {
            &user_dir
        };
        included(word, dir, &settings.here.home)
    });
    let by = By::OwnReading {
        files: reading.files,
        notes: reading.notes,
    };
    (reading.options, by)
}

fn open(path: PathBuf) -> Option<File> {
    let text = String::from_utf8_lossy(&std::fs::read(&path).ok()?).into_owned();
    Some(File { path, text })
}

/// The files of an `Include`: `~`, names relative to `dir`, and patterns in the last part of the path.
fn included(word: &str, dir: &Path, home: &Path) -> Vec<File> {
    let path = match word.strip_prefix("~/") {
        Some(rest) => home.join(rest),
        None => dir.join(word),
    };
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let (Some(parent), Some(name)) = (path.parent(), name) else {
        return Vec::new();
    };
    if !name.contains(['*', '?']) {
        return open(path).into_iter().collect();
    }
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let mut paths: Vec<PathBuf> = entries
        .filter(|entry| {
            let entry = entry.file_name().to_string_lossy().into_owned();
            !entry.starts_with('.') && crate::rack::ssh::pattern::matches(&entry, &name)
        })
        .map(|entry| entry.path())
        .collect();
    paths.sort();
    paths.into_iter().filter_map(open).collect()
}
