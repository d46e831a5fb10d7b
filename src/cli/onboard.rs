//! `bramble onboard`: boards onboarded without a screen, resumable wherever it was cut off.
//!
//! Progress and questions go to standard error, the summary to standard output. Exit codes: 0 every board has joined; 1 at
//! least one has not, and the summary says why; 2 the command line or a file is wrong; 5 nothing was changed, because a
//! plan was not accepted; 130 a signal came.

mod file;
mod run;
mod say;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::anyhow;
use clap::{Args, ValueEnum};

use crate::cli::asking::with_ssh;
use crate::cli::{Failure, Global, Output};
use crate::clients::onboard::depot::{Depot, Given, Sources};
use crate::clients::onboard::shelf::Shelf;
use crate::clients::onboard::{Tools, address, folder, makes_cluster};
use crate::config::Paths;
use crate::rack::onboard::journal::Journal;
use crate::rack::onboard::runs::BATCH;
use crate::rack::onboard::version::Version;
use crate::rack::onboard::wish::{Role, ServerUrl, Wish};
use crate::rack::problem::{Problem, Subject};
use crate::rack::ssh::Destination;
use file::{Entry, Plan};

/// The exit code when a signal came.
const STOPPED: u8 = 130;

#[derive(Debug, Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub(super) struct OnboardArguments {
    /// Boards, each as one would say it to ssh: `rpi-04`, `pi@10.0.0.24`, a Host of ~/.ssh/config.
    #[arg(value_name = "HOST")]
    hosts: Vec<String>,
    /// The server that boards join, as one would say it to ssh; when it is one of the boards, it is made now.
    #[arg(long, value_name = "HOST")]
    server: Option<String>,
    /// The URL boards join the server at; from its SSH address unless given.
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// What boards become that are not the server.
    #[arg(long, value_enum, value_name = "ROLE", default_value = "agent")]
    role: Roles,
    /// The first server keeps its data in etcd, so that more servers can join; one with sqlite is turned for good.
    #[arg(long)]
    etcd: bool,
    /// The name of the node, for one board; its own unless given.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// A label (key=value) the node registers with; may be given again.
    #[arg(long = "label", value_name = "LABEL")]
    labels: Vec<String>,
    /// A taint (key=value:NoSchedule) the node registers with; may be given again.
    #[arg(long = "taint", value_name = "TAINT")]
    taints: Vec<String>,
    /// A name or address the server's certificate is to be good for; may be given again.
    #[arg(long = "tls-san", value_name = "NAME")]
    tls_san: Vec<String>,
    /// The version of k3s, such as v1.33.4+k3s1.
    #[arg(long, value_name = "VERSION", conflicts_with = "channel")]
    version: Option<String>,
    /// The channel whose newest version is taken: stable, latest, v1.33; stable unless given.
    #[arg(long, value_name = "CHANNEL")]
    channel: Option<String>,
    /// A YAML file that says the same, and more for each board.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// k3s's binary, in place of a download; --version says which it is.
    #[arg(long, value_name = "FILE")]
    binary: Option<PathBuf>,
    /// k3s's install script, in place of a download.
    #[arg(long, value_name = "FILE")]
    installer: Option<PathBuf>,
    /// Images for boards without a way to the internet.
    #[arg(long, value_name = "FILE")]
    images: Option<PathBuf>,
    /// Remove what an earlier cluster has left on a board; its local volumes are lost.
    #[arg(long)]
    clean: bool,
    /// Remove the node that had the name before, when it is not alive.
    #[arg(long)]
    replace: bool,
    /// Take the boards out of their cluster and make them blank again: what would be lost is said first.
    #[arg(long, conflicts_with_all = ["clean", "replace", "etcd", "version", "channel", "config", "name"])]
    uninstall: bool,
    /// Boards that are drained at once in an upgrade.
    #[arg(long, value_name = "NUMBER", default_value_t = BATCH)]
    batch: usize,
    /// Go on in spite of warnings.
    #[arg(long)]
    force: bool,
    /// Accept the plans.
    #[arg(short, long)]
    yes: bool,
    /// Run the checks, show the plans, change nothing.
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Go on with what was cut off: these boards, or all that have not joined.
    #[arg(long)]
    resume: bool,
    /// Do not merge the first server's kubeconfig into ours.
    #[arg(long)]
    no_kubeconfig: bool,
    /// How long a board may take from its start to Ready, in seconds.
    #[arg(long, value_name = "SECONDS", default_value_t = 600)]
    wait: u64,
    /// How to print the summary.
    #[arg(short, long, value_enum, default_value = "table")]
    output: Output,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Roles {
    Agent,
    /// One more server, of a cluster with embedded etcd.
    Server,
    /// The first server of a cluster.
    FirstServer,
}

pub(super) fn run(global: &Global, arguments: &OnboardArguments) -> Result<ExitCode, Failure> {
    if global.read_only && !arguments.dry_run {
        return Err(Failure {
            code: 5,
            error: anyhow!("read-only mode: no board is changed"),
        });
    }
    let paths =
        Paths::of_user().ok_or_else(|| Failure::usage(anyhow!("there is no home directory")))?;
    let shelf = Shelf::new(folder(&paths.state));
    let plan = match &arguments.config {
        Some(file) => file::read(file).map_err(Failure::usage)?,
        None => Plan::default(),
    };
    let done = with_ssh(global, async |ssh| {
        let depot = Depot::new(
            paths.cache.join("k3s"),
            plan.sources(),
            plan.given(arguments),
        );
        let patience = Duration::from_secs(arguments.wait);
        let tools = Tools::new(ssh.clone(), depot, patience);
        let journals = if arguments.resume {
            resumed(&shelf, arguments)?
        } else {
            let wishes = wished(&tools, &plan, arguments).await?;
            wishes.into_iter().map(Journal::new).collect()
        };
        run::run(global, arguments, &tools, &shelf, journals).await
    });
    if done.as_ref().is_err_and(|failure| failure.code == STOPPED) {
        say::line(
            "a step that runs on a board goes on to its end; go on with bramble onboard --resume",
        );
    }
    done
}

/// The journals of runs that were cut off.
fn resumed(shelf: &Shelf, arguments: &OnboardArguments) -> Result<Vec<Journal>, Failure> {
    let (journals, problems) = shelf.journals();
    say::warn(&problems);
    let is_wanted = |journal: &Journal| match arguments.hosts.as_slice() {
        [] => !journal.is_joined && journal.plan.is_some(),
        hosts => hosts.contains(&journal.wish.host),
    };
    let mut journals: Vec<Journal> = journals.into_iter().filter(is_wanted).collect();
    for host in &arguments.hosts {
        if !journals.iter().any(|journal| journal.wish.host == *host) {
            let error = anyhow!("there is no run of {host} to go on with; leave --resume away");
            return Err(Failure::usage(error));
        }
    }
    if journals.is_empty() {
        let error = anyhow!(
            "no run was cut off, so there is nothing to go on with; name boards: bramble onboard HOST"
        );
        return Err(Failure::usage(error));
    }
    for journal in &mut journals {
        journal.wish.may_clean |= arguments.clean;
        journal.wish.may_replace |= arguments.replace;
        journal.wish.may_ignore_warnings |= arguments.force;
    }
    Ok(journals)
}

/// What the command line and the file ask for, board by board.
async fn wished(
    tools: &Tools,
    plan: &Plan,
    arguments: &OnboardArguments,
) -> Result<Vec<Wish>, Failure> {
    let usage = |words: String| Failure::usage(anyhow!(words));
    let mut entries = plan.boards.clone();
    for host in &arguments.hosts {
        if !entries.iter().any(|entry| entry.host == *host) {
            entries.push(Entry::of(host));
        }
    }
    let server = arguments.server.clone().or_else(|| plan.server.clone());
    if let Some(server) = &server
        && (arguments.etcd || plan.etcd)
        && !entries.iter().any(|entry| entry.host == *server)
    {
        entries.insert(0, Entry::of(server));
    }
    if entries.is_empty() {
        return Err(usage(
            "name the boards, or give a file with --config".to_owned(),
        ));
    }
    if arguments.name.is_some() && entries.len() > 1 {
        return Err(usage(
            "--name is for one board; a file (--config) has a name for each".to_owned(),
        ));
    }
    let etcd = arguments.etcd || plan.etcd;
    let roles = roles(&entries, server.as_deref(), (arguments.role, etcd)).map_err(usage)?;
    let version = if arguments.uninstall {
        Version::default()
    } else {
        version(tools, plan, arguments).await?
    };
    let url = url(tools, plan, arguments, server.as_deref()).await?;
    let wish = |(entry, role): (&Entry, Role)| Wish {
        host: entry.host.clone(),
        role,
        name: entry.name.clone().or_else(|| arguments.name.clone()),
        node_ip: entry.node_ip.clone(),
        labels: [&entry.labels[..], &arguments.labels[..]].concat(),
        taints: [&entry.taints[..], &arguments.taints[..]].concat(),
        tls_san: if role.is_server() {
            [&plan.tls_san[..], &arguments.tls_san[..]].concat()
        } else {
            Vec::new()
        },
        server: server.clone().filter(|_| !makes_cluster(role)),
        url: url.clone(),
        version: version.clone(),
        has_images: plan.given(arguments).images.is_some(),
        may_clean: arguments.clean,
        may_replace: arguments.replace,
        may_ignore_warnings: arguments.force,
        leaves: arguments.uninstall,
    };
    Ok(entries.iter().zip(roles).map(wish).collect())
}

/// What each board becomes: `usual` unless the file says otherwise, or it is the server.
fn roles(
    entries: &[Entry],
    server: Option<&str>,
    (usual, etcd): (Roles, bool),
) -> Result<Vec<Role>, String> {
    let mut roles = Vec::new();
    for entry in entries {
        Destination::parse(&entry.host).map_err(|why| format!("{}: {why}", entry.host))?;
        let is_server = server == Some(entry.host.as_str());
        let wanted = entry.role.unwrap_or(match usual {
            // With a server of that name, the other boards join it.
            Roles::FirstServer if server.is_some() => Roles::Agent,
            usual => usual,
        });
        let role = match wanted {
            Roles::Agent if !is_server => Role::Agent,
            Roles::Server if !is_server => Role::Server,
            Roles::Agent | Roles::Server | Roles::FirstServer => Role::FirstServer { etcd },
        };
        if server.is_none() && !makes_cluster(role) {
            let host = &entry.host;
            return Err(format!(
                "{host} has no server to join: name it with --server"
            ));
        }
        roles.push(role);
    }
    if roles.iter().filter(|role| makes_cluster(**role)).count() > 1 {
        return Err("a cluster has one first server; the others get --role server".to_owned());
    }
    Ok(roles)
}

async fn version(
    tools: &Tools,
    plan: &Plan,
    arguments: &OnboardArguments,
) -> Result<Version, Failure> {
    let named = arguments.version.as_ref().or(plan
        .version
        .as_ref()
        .filter(|_| arguments.channel.is_none()));
    if let Some(text) = named {
        return Version::parse(text).ok_or_else(|| {
            Failure::usage(anyhow!("{text} is no version of k3s such as v1.33.4+k3s1"))
        });
    }
    if plan.given(arguments).binary.is_some() {
        return Err(Failure::usage(anyhow!(
            "say which version --binary is: --version v1.33.4+k3s1"
        )));
    }
    let channel = arguments
        .channel
        .as_deref()
        .or(plan.channel.as_deref())
        .unwrap_or("stable");
    tools.depot.channel(channel).await.map_err(|fault| {
        let problem: Problem = fault
            .problem(Subject::Program)
            .next("name a version with --version");
        Failure::cluster(anyhow!(say::plain(&problem.sentence()).into_owned()))
    })
}

/// Where boards join: as given, else the address ssh has for the server.
async fn url(
    tools: &Tools,
    plan: &Plan,
    arguments: &OnboardArguments,
    server: Option<&str>,
) -> Result<Option<ServerUrl>, Failure> {
    if let Some(text) = arguments.url.as_ref().or(plan.url.as_ref()) {
        return ServerUrl::parse(text)
            .map(Some)
            .map_err(|why| Failure::usage(anyhow!(why)));
    }
    let Some(server) = server else {
        return Ok(None);
    };
    let found = address(tools, server).await;
    found.map(Some).map_err(|problem| {
        let problem = problem.next("say where boards join it with --url");
        Failure::usage(anyhow!(say::plain(&problem.sentence()).into_owned()))
    })
}

/// Files a person has named, wherever they were named.
impl Plan {
    fn given(&self, arguments: &OnboardArguments) -> Given {
        let pick =
            |own: &Option<PathBuf>, file: &Option<PathBuf>| own.clone().or_else(|| file.clone());
        Given {
            binary: pick(&arguments.binary, &self.air_gap.binary),
            images: pick(&arguments.images, &self.air_gap.images),
            installer: pick(&arguments.installer, &self.air_gap.installer),
        }
    }

    fn sources(&self) -> Sources {
        let usual = Sources::default();
        let named = &self.sources;
        Sources {
            channels: named.channels.clone().unwrap_or(usual.channels),
            releases: named.releases.clone().unwrap_or(usual.releases),
            installer: named.installer.clone().unwrap_or(usual.installer),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_named_server_is_made_and_the_others_join_it() {
        let entries = ["a", "b"].map(Entry::of);
        let first = Role::FirstServer { etcd: true };
        let turn = |server, usual| roles(&entries, server, (usual, true));
        assert_eq!(turn(Some("a"), Roles::Agent), Ok(vec![first, Role::Agent]));
        assert_eq!(
            turn(Some("a"), Roles::Server),
            Ok(vec![first, Role::Server])
        );
        assert_eq!(turn(Some("c"), Roles::Agent), Ok(vec![Role::Agent; 2]));
        assert!(turn(None, Roles::Agent).is_err_and(|why| why.contains("--server")));
        assert!(turn(None, Roles::FirstServer).is_err_and(|why| why.contains("one first server")));
        let one = roles(&entries[..1], None, (Roles::FirstServer, false));
        assert_eq!(one, Ok(vec![Role::FirstServer { etcd: false }]));
    }
}
