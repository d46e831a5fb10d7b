//! What is measured, one function for each row or two of the table.

use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::cluster::Cluster;
use crate::cockpit::{BINARY, Cockpit, Echo};
use crate::control_plane::ControlPlane;
use crate::relay::Relay;
use crate::table::{Table, millis, quantile};
use crate::{kubectl, objects, process};

/// Starts of each program; the medians are compared.
const STARTS: usize = 10;
/// Boards that a screen of 48 lines has room for.
const ROOM: usize = 40;
const WINDOW: Duration = Duration::from_secs(30);
const KEYS: usize = 200;
const CHANGES: usize = 40;
const DOWN: Duration = Duration::from_secs(60);
/// Longer than anything that is still of interest.
const LONG: Duration = Duration::from_secs(60);

pub(crate) fn binary_size(table: &mut Table) -> Result<()> {
    #[allow(clippy::cast_precision_loss, reason = "some megabytes")]
    let megabytes = std::fs::metadata(BINARY)?.len() as f64 / 1e6;
    table.below("release binary", 20.0, "MB", Some(megabytes));
    Ok(())
}

/// The first frame must not wait for anybody: here nothing listens where the kubeconfig points.
pub(crate) fn first_frame(table: &mut Table, home: &Path) -> Result<()> {
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let kubeconfig = home.join("unreachable.yaml");
    let text = format!(
        "apiVersion: v1\nkind: Config\ncurrent-context: default\n\
         clusters: [{{name: default, cluster: {{server: 'https://{nobody}'}}}}]\n\
         users: [{{name: default, user: {{token: nothing}}}}]\n\
         contexts: [{{name: default, context: {{cluster: default, user: default}}}}]\n"
    );
    std::fs::write(&kubeconfig, text)?;
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let mut cockpit = Cockpit::start(&kubeconfig, home)?;
        let started = cockpit.started;
        let complete = cockpit.until(LONG, |shown| shown.is_complete());
        times.push(complete.context("no first frame")? - started);
    }
    table.quicker(
        "exec to first complete frame, API unreachable",
        Duration::from_millis(50),
        Some(quantile(&times, 0.5)),
    );
    Ok(())
}

/// From exec to the table of nodes, in turns with `kubectl get nodes`.
pub(crate) fn first_table(
    table: &mut Table,
    cluster: &Cluster,
    kubeconfig: &Path,
    home: &Path,
    factor: f64,
) -> Result<()> {
    let what = format!("exec to node table, {} nodes", cluster.nodes());
    let has_kubectl = kubectl::is_there();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 0..=STARTS {
        let mut cockpit = Cockpit::start(kubeconfig, home)?;
        let at = see_nodes(&mut cockpit, cluster)?;
        let took = at - cockpit.started;
        drop(cockpit);
        // The first of each only warms up: file caches, kubectl's cache of the API.
        if round > 0 {
            ours.push(took);
        }
        if has_kubectl {
            let took = kubectl::first_row(kubeconfig, home)?;
            if round > 0 {
                theirs.push(took);
            }
        }
    }
    let ours = quantile(&ours, 0.5);
    if has_kubectl {
        table.against(&what, factor, ours, quantile(&theirs, 0.5));
    } else {
        let why = format!(
            "{:.0} ms; there is no kubectl to compare with",
            millis(ours)
        );
        table.skipped(&what, &why);
    }
    Ok(())
}

fn see_nodes(cockpit: &mut Cockpit, cluster: &Cluster) -> Result<Instant> {
    let expected = cluster.nodes().min(ROOM);
    let at = cockpit.until(LONG, |shown| shown.boards() >= expected);
    at.with_context(|| {
        format!(
            "no nodes on the screen:\n{}",
            cockpit.shown().rows().join("\n")
        )
    })
}

/// Starts bramble and waits for nodes and pods.
pub(crate) fn settled(cluster: &Cluster, kubeconfig: &Path, home: &Path) -> Result<Cockpit> {
    let mut cockpit = Cockpit::start(kubeconfig, home)?;
    see_nodes(&mut cockpit, cluster)?;
    let pods = |shown: &crate::cockpit::Shown<'_>| {
        let first = objects::node_name(0);
        let rows = shown.rows();
        let title = rows
            .iter()
            .find_map(|row| row.find("PODS").map(|at| (row, at)));
        let row = rows.iter().find(|row| row.contains(&first));
        // The number ends where its title does; bytes are not cells, dashes and frames have three.
        title.zip(row).is_some_and(|((title, at), row)| {
            let cells = title[..at].chars().count() + "PODS".len();
            let until: String = row.chars().take(cells).collect();
            let number = until.split_whitespace().next_back();
            number.is_some_and(|it| it.trim_start_matches('!').parse::<u32>().is_ok())
        })
    };
    let begun = Instant::now();
    cockpit.until(LONG, pods).context("no pods on the screen")?;
    eprintln!("    pods after {:.1} s", begun.elapsed().as_secs_f64());
    cockpit.pass(Duration::from_secs(8));
    Ok(cockpit)
}

/// What must hold while nobody does anything.
pub(crate) struct Quiet {
    pub(crate) what: &'static str,
    pub(crate) terminal: Option<f64>,
    pub(crate) cpu: f64,
    pub(crate) memory: Option<f64>,
    pub(crate) api: Option<f64>,
}

/// Half a minute without a key: bytes to the terminal, processor time, memory, bytes from the API.
#[allow(
    clippy::cast_precision_loss,
    reason = "bytes of half a minute, and memory in megabytes"
)]
pub(crate) fn quiet(
    table: &mut Table,
    cluster: &Cluster,
    cockpit: &mut Cockpit,
    relay: &Relay,
    must: &Quiet,
) -> Result<()> {
    let pid = cockpit.pid()?;
    let before = (cockpit.bytes, relay.received(), cluster.written());
    let (cpu, begun) = (process::cpu(pid)?, Instant::now());
    cockpit.pass(WINDOW);
    let cpu = process::cpu(pid)?.saturating_sub(cpu);
    let seconds = begun.elapsed().as_secs_f64();
    let memory = process::memory(pid)?;
    let per_second = |now: u64, before: u64| (now - before) as f64 / seconds;
    let terminal = per_second(cockpit.bytes, before.0);
    let api = per_second(relay.received(), before.1);
    let what = must.what;
    let changes = per_second(cluster.written(), before.2);
    table.told(
        &format!("{what}: heartbeats and changes"),
        format!("{changes:.1} /s"),
    );
    demand(
        table,
        &format!("{what}: to the terminal"),
        must.terminal,
        "B/s",
        terminal,
    );
    let percent = cpu.as_secs_f64() / seconds * 100.0;
    table.below(&format!("{what}: CPU"), must.cpu, "%", Some(percent));
    let megabytes = |bytes: u64| bytes as f64 / 1e6;
    demand(
        table,
        &format!("{what}: resident memory"),
        must.memory,
        "MB",
        megabytes(memory.now),
    );
    table.told(
        &format!("{what}: resident memory, peak"),
        format!("{:.1} MB", megabytes(memory.peak)),
    );
    demand(
        table,
        &format!("{what}: from the API"),
        must.api,
        "B/s",
        api,
    );
    Ok(())
}

fn demand(table: &mut Table, what: &str, limit: Option<f64>, unit: &str, value: f64) {
    match limit {
        Some(limit) => table.below(what, limit, unit, Some(value)),
        None => table.told(what, format!("{value:.1} {unit}")),
    }
}

/// The cursor goes down and up; the time until it has moved on the screen. In turns with it `cat` echoes a byte in
/// another pseudo-terminal: what takes that long is the machine.
pub(crate) fn keys(table: &mut Table, cockpit: &mut Cockpit) -> Result<()> {
    let mut echo = Echo::start()?;
    let (mut times, mut echoes) = (Vec::new(), Vec::new());
    for index in 0..KEYS {
        cockpit.pass(Duration::from_millis(30 + index as u64 * 13 % 47));
        let before = cockpit.shown().cursor().context("no cursor")?;
        let pressed = cockpit.press(if index % 2 == 0 { "j" } else { "k" })?;
        let moved = cockpit.until(Duration::from_secs(5), |shown| {
            shown.cursor().is_some_and(|now| now != before)
        });
        times.push(moved.context("a key has no effect")? - pressed);
        echoes.push(echo.key()?);
    }
    table.told("key echoed by cat", median_and(&echoes, "p99", 0.99));
    table.told("key to screen", median_and(&times, "worst", 1.0));
    table.quicker(
        "key to screen, p99 of 200",
        Duration::from_millis(20),
        Some(quantile(&times, 0.99)),
    );
    Ok(())
}

fn median_and(times: &[Duration], word: &str, share: f64) -> String {
    format!(
        "median {:.1} ms, {word} {:.1} ms",
        millis(quantile(times, 0.5)),
        millis(quantile(times, share))
    )
}

/// A node is cordoned through the API, and taken back: from before the request until it is on the screen.
pub(crate) fn changes(table: &mut Table, cluster: &Cluster, cockpit: &mut Cockpit) -> Result<()> {
    let (mut times, mut answers) = (Vec::new(), Vec::new());
    // The first two only open the connection.
    for index in 0..CHANGES + 2 {
        cockpit.pass(Duration::from_millis(250 + index as u64 * 37 % 110));
        let (board, is_on) = (2, index % 2 == 0);
        let name = objects::node_name(board);
        let written = Instant::now();
        let request = cluster.cordon(board, is_on);
        let shown = cockpit.until(Duration::from_secs(10), |shown| {
            let rows = shown.rows();
            let row = rows.iter().find(|row| row.contains(&name));
            row.is_some_and(|row| row.contains("cordoned") == is_on)
        });
        let Some(shown) = shown else {
            bail!("a change does not come to the screen");
        };
        let answered = cluster.answered(request)?;
        if index >= 2 {
            times.push(shown - written);
            answers.push(answered);
        }
    }
    let nodes = cluster.nodes();
    table.told(
        &format!("API write answered, {nodes} nodes"),
        median_and(&answers, "p95", 0.95),
    );
    for (word, share) in [("median", 0.5), ("p95", 0.95)] {
        table.quicker(
            &format!("API write to screen, {nodes} nodes, {word} of {CHANGES}"),
            Duration::from_millis(50),
            Some(quantile(&times, share)),
        );
    }
    Ok(())
}

/// The API server is killed for a minute, and frozen for a minute.
pub(crate) fn outages(
    table: &mut Table,
    cluster: &Cluster,
    control_plane: &mut ControlPlane,
    home: &Path,
) -> Result<()> {
    // Without the relay, which would accept connections for a server that is not there.
    let mut cockpit = settled(cluster, &control_plane.kubeconfig(), home)?;
    let nodes = cluster.nodes();
    for (what, [begin, begun], [end, ended], limit) in [
        (
            "API killed",
            ["stop-api", "stopped"],
            ["start-api", "ready"],
            Duration::from_secs(2),
        ),
        (
            "API hung",
            ["hang-api", "hanging"],
            ["resume-api", "resumed"],
            Duration::from_secs(15),
        ),
    ] {
        if cockpit.until(LONG, |shown| shown.is_live()).is_none() {
            bail!("not live before: {what}");
        }
        control_plane.ask(begin, begun)?;
        // A server that ends in order says goodbye for a second and a half before it is gone: that is no outage yet.
        let down = Instant::now();
        let banner = cockpit.until(LONG, |shown| shown.has_banner());
        table.quicker(
            &format!("{what}, {nodes} nodes: banner"),
            limit,
            banner.map(|at| at.saturating_duration_since(down)),
        );
        cockpit.pass(DOWN.saturating_sub(down.elapsed()));
        control_plane.ask(end, ended)?;
        let up = Instant::now();
        let live = cockpit.until(LONG, |shown| shown.is_live());
        table.quicker(
            &format!("{what}, {nodes} nodes: live after its return"),
            Duration::from_secs(3),
            live.map(|at| at.saturating_duration_since(up)),
        );
        // The lists and kubelets of a whole cluster come back now; that is not what the next round measures.
        sleep(Duration::from_secs(1));
        cockpit.pass(Duration::from_secs(9));
    }
    Ok(())
}
