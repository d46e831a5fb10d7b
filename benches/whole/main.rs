//! What the whole program costs: the release binary in a pseudo-terminal against a real kube-apiserver.
//!
//! ```text
//! cargo bench --bench whole [-- small|medium|large|services|outage|all]
//! ```
//!
//! prints one table, and ends with exit code 1 when a figure does not hold. *small* is 4 nodes and 60 pods, *medium*
//! 100 and 3,000, *large* 1,000 and 20,000 with 200 changes a second and an outage; *services* adds
//! 2,000 Services with 200 changes of them a second; *outage* kills and freezes the API of 4 nodes. Without an argument
//! all are run, in about fourteen minutes. The control plane is that of
//! `tests/real/control-plane`; where it cannot be built (no Go) the bench says so and ends with exit code 0.
//!
//! Times are the machine's: compare within one run. What stands beside ours (`kubectl`) is run in turns with it.
//! `BRAMBLE_LOG` is handed on; everything is written below a temporary directory and gone afterwards.

#![allow(
    clippy::redundant_closure_for_method_calls,
    reason = "a method of `Shown` is tied to one lifetime, the questions are asked for any"
)]
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a bench prints its figures, and on stderr how far it is"
)]

mod cluster;
mod cockpit;
mod control_plane;
mod kubectl;
mod objects;
mod process;
mod relay;
mod scenes;
mod services;
mod table;
mod vips;

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, bail};
use tempfile::TempDir;

use crate::cluster::Cluster;
use crate::control_plane::ControlPlane;
use crate::relay::Relay;
use crate::scenes::Quiet;
use crate::table::Table;

/// In the order in which they are run: in the outage of 4 nodes they grow old enough for what comes after.
const PARTS: [&str; 5] = ["outage", "small", "medium", "large", "services"];

fn main() -> ExitCode {
    let mut table = Table::default();
    let ended = chosen().and_then(|parts| run(&mut table, &parts));
    println!("\nload {} at the end\n", process::load());
    table.print();
    match ended {
        Ok(()) if table.holds() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("\nnot finished: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The parts named on the command line, without what cargo adds to it.
fn chosen() -> Result<Vec<&'static str>> {
    let words: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    if let Some(word) = words
        .iter()
        .find(|word| *word != "all" && !PARTS.contains(&word.as_str()))
    {
        bail!("{word:?} is none of small, medium, large, services, outage, all");
    }
    let is_chosen =
        |part: &&str| words.is_empty() || words.iter().any(|word| word == "all" || word == part);
    Ok(PARTS.into_iter().filter(is_chosen).collect())
}

fn run(table: &mut Table, parts: &[&str]) -> Result<()> {
    let binary = match control_plane::build() {
        Ok(binary) => binary,
        Err(error) => {
            println!("SKIPPED: nothing is measured, there is no control plane: {error:#}");
            return Ok(());
        }
    };
    eprintln!("load {} at the beginning", process::load());
    let home = TempDir::new()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let mut control_plane = ControlPlane::start(&binary)?;
    let kubeconfig = control_plane.kubeconfig();
    let mut cluster = Cluster::connect(runtime.handle(), &kubeconfig)?;
    let relay = Relay::start(runtime.handle(), &kubeconfig, home.path())?;
    for part in parts {
        eprintln!("{part}");
        match *part {
            "small" => small(table, &mut cluster, &kubeconfig, &relay, home.path())?,
            "outage" => {
                cluster.grow(4, 60)?;
                scenes::outages(table, &cluster, &mut control_plane, home.path())?;
            }
            "medium" => medium(table, &mut cluster, &kubeconfig, &relay, home.path())?,
            "services" => {
                // After the others: a cluster never shrinks.
                if cluster.nodes() < 100 {
                    cluster.grow(100, 3_000)?;
                }
                cluster.churn(false);
                services::measure(table, &mut cluster, &relay, home.path())?;
            }
            _ => {
                large(table, &mut cluster, &kubeconfig, &relay, home.path())?;
                scenes::outages(table, &cluster, &mut control_plane, home.path())?;
            }
        }
    }
    Ok(())
}

fn small(
    table: &mut Table,
    cluster: &mut Cluster,
    kubeconfig: &Path,
    relay: &Relay,
    home: &Path,
) -> Result<()> {
    scenes::binary_size(table)?;
    scenes::first_frame(table, home)?;
    cluster.grow(4, 60)?;
    scenes::first_table(table, cluster, kubeconfig, home, 1.0)?;
    cluster.come_of_age();
    let mut cockpit = scenes::settled(cluster, relay.kubeconfig(), home)?;
    let must = Quiet {
        what: "idle, 4 boards",
        terminal: Some(120.0),
        cpu: 0.5,
        memory: None,
        api: Some(1_000.0),
    };
    scenes::quiet(table, cluster, &mut cockpit, relay, &must)?;
    scenes::changes(table, cluster, &mut cockpit)
}

fn medium(
    table: &mut Table,
    cluster: &mut Cluster,
    kubeconfig: &Path,
    relay: &Relay,
    home: &Path,
) -> Result<()> {
    cluster.grow(100, 3_000)?;
    scenes::first_table(table, cluster, kubeconfig, home, 1.5)?;
    cluster.come_of_age();
    let mut cockpit = scenes::settled(cluster, relay.kubeconfig(), home)?;
    let must = Quiet {
        what: "idle, 100 nodes, 3,000 pods",
        terminal: None,
        cpu: 1.5,
        memory: Some(60.0),
        api: Some(15_000.0),
    };
    scenes::quiet(table, cluster, &mut cockpit, relay, &must)
}

fn large(
    table: &mut Table,
    cluster: &mut Cluster,
    kubeconfig: &Path,
    relay: &Relay,
    home: &Path,
) -> Result<()> {
    cluster.grow(1_000, 20_000)?;
    cluster.churn(true);
    scenes::first_table(table, cluster, kubeconfig, home, 1.5)?;
    let mut cockpit = scenes::settled(cluster, relay.kubeconfig(), home)?;
    let must = Quiet {
        what: "1,000 nodes, 20,000 pods",
        terminal: None,
        cpu: 6.0,
        memory: Some(120.0),
        api: None,
    };
    scenes::quiet(table, cluster, &mut cockpit, relay, &must)?;
    scenes::keys(table, &mut cockpit)?;
    scenes::changes(table, cluster, &mut cockpit)
}
