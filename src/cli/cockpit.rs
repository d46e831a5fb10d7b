//! The cockpit itself: settings, log, keymap, theme, clients, terminal, loop. Read top to bottom like a recipe.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, anyhow};
use crossterm::clipboard::CopyToClipboard;
use crossterm::event::EventStream;
use futures::{Stream, StreamExt};
use jiff::tz::TimeZone;
use ratatui::layout::Size;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::app::effects::{Effects, LAST_CHANGE};
use crate::app::event_loop::{self, Clock, Exit, Sources};
use crate::app::terminal::{self, Screen};
use crate::app::{ContextSettings, Model, Settings, signals, update};
use crate::cli::{Failure, Global, exec, gitlab, pager, shell, supplies};
use crate::clients::gitlab as gitlab_client;
use crate::clients::kubeconfig_files::Places;
use crate::clients::kubernetes::Target;
use crate::clients::process;
use crate::clients::ssh;
use crate::config::{self, Cluster, Config, Paths};
use crate::effect::Effect;
use crate::keymap::Keymap;
use crate::logging;
use crate::msg::Msg;
use crate::rack::ToldNetwork;
use crate::rack::pools::entry;
use crate::rack::problem::{Problem, Severity, Subject};
use crate::theme::roles::Theme;

/// Leaving that takes longer says why.
const UNNOTICED: Duration = Duration::from_millis(500);

pub(super) fn run(global: &Global, target: Target) -> Result<ExitCode, Failure> {
    let runtime = runtime().map_err(Failure::terminal)?;
    // Where there is no home no note can be kept: writing one fails, and the change says that undo is not possible.
    let notes = Paths::of_user().map_or(PathBuf::from("/dev/null"), |paths| paths.state);
    let notes = notes.join("kubeconfig-undo");
    run_in(&runtime, global, Places { target, notes }, None)
}

/// Two threads for background work; the loop has the main one for itself.
pub(super) fn runtime() -> anyhow::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start the runtime")
}

/// What stands in for the person's own files.
pub(super) struct StandIn {
    /// Where drafts are kept.
    pub(super) state: PathBuf,
    /// The context these hosts are of.
    pub(super) context: String,
    pub(super) hosts: BTreeMap<String, String>,
    pub(super) ssh_config: PathBuf,
    /// Where the pipelines are.
    pub(super) gitlab: gitlab_client::Settings,
    /// Where k3s comes from.
    pub(super) k3s: config::K3s,
}

/// Runs the cockpit until it is left.
pub(super) fn run_in(
    runtime: &Runtime,
    global: &Global,
    places: Places,
    stand_in: Option<StandIn>,
) -> Result<ExitCode, Failure> {
    if !terminal::is_there() {
        let error = anyhow!(
            "the cockpit needs a terminal; `bramble nodes` and `bramble problems` print without one"
        );
        return Err(Failure::terminal(error));
    }
    let mut loaded = load(global);
    let mut state = None;
    if let Some(stand_in) = stand_in {
        state = Some(stand_in.state);
        let config = &mut loaded.config;
        config.ssh_config = Some(stand_in.ssh_config);
        // A demo asks nobody outside.
        loaded.gitlabs = vec![stand_in.gitlab];
        config.k3s = stand_in.k3s;
        config.clusters.entry(stand_in.context).or_default().hosts = stand_in.hosts;
    }
    let paths = Paths::of_user();
    if let Some(paths) = &paths
        && let Err(error) = logging::start(&paths.state, &global.log)
    {
        loaded.complain(format!("no log is written: {error}"));
    }
    let context = places.target.context.clone();
    let state = state.or_else(|| paths.map(|paths| paths.state));
    let ended = runtime.block_on(show(loaded, places, context, state));
    terminal::leave();
    ended
        .context("the terminal failed")
        .map_err(Failure::terminal)
}

/// Settings, looks and keys as the files and flags decide.
pub(super) struct Loaded {
    pub(super) config: Config,
    pub(super) theme: Theme,
    pub(super) keymap: Keymap,
    pub(super) complaints: Vec<Problem>,
    gitlabs: Vec<gitlab_client::Settings>,
    read_only: bool,
    ascii: bool,
}

impl Loaded {
    fn complain(&mut self, text: impl Into<String>) {
        self.complaints
            .push(Problem::new(Severity::Warning, Subject::Settings, text));
    }
}

/// Reads the user's files. What is wrong in them is kept as problems; the start never stops for it.
pub(super) fn load(global: &Global) -> Loaded {
    let paths = Paths::of_user();
    let mut complaints = Vec::new();
    let mut read = |file: Option<std::path::PathBuf>| {
        let file = file?;
        let (text, complaint) = config::read_optional(&file);
        complaints.extend(complaint);
        text.map(|text| (file, text))
    };
    let config_file = read(paths.as_ref().map(Paths::config_file));
    let keymap_file = read(paths.as_ref().map(Paths::keymap_file));
    let theme_file = read(paths.as_ref().map(Paths::theme_file));

    let (config, complaint) = config_file.map_or_else(
        || (Config::default(), None),
        |(file, text)| Config::parse(&text, &file),
    );
    complaints.extend(complaint);
    let networks = config
        .clusters
        .iter()
        .flat_map(|(name, cluster)| network(name, cluster).1);
    complaints.extend(networks);
    let (gitlabs, gitlab_complaints) = gitlab::settings(&config);
    complaints.extend(gitlab_complaints);
    let ascii = global.ascii || config.ascii.unwrap_or_else(|| !locale_is_utf8());
    let theme_name = global.theme.clone().or_else(|| config.theme.clone());
    let theme_name = theme_name.unwrap_or_else(|| {
        if no_color() {
            "mono".to_owned()
        } else {
            "terminal".to_owned()
        }
    });
    let (theme, theme_complaints) = Theme::load(&theme_name, borrowed(theme_file.as_ref()));
    let theme = if ascii { theme.in_ascii() } else { theme };
    let keymap_name = global
        .keymap
        .clone()
        .unwrap_or_else(|| config.keymap.clone());
    let (keymap, key_complaints) = Keymap::load(&keymap_name, borrowed(keymap_file.as_ref()));

    let all = complaints
        .into_iter()
        .chain(theme_complaints.iter().map(ToString::to_string))
        .chain(key_complaints.iter().map(ToString::to_string));
    let complaints = all
        .map(|text| Problem::new(Severity::Warning, Subject::Settings, text))
        .collect();
    Loaded {
        config,
        theme,
        keymap,
        complaints,
        gitlabs,
        read_only: global.read_only,
        ascii,
    }
}

fn borrowed(file: Option<&(std::path::PathBuf, String)>) -> Option<(&Path, &str)> {
    file.map(|(path, text)| (path.as_path(), text.as_str()))
}

/// What the settings of a context say of its network, and a sentence for each address that is none.
fn network(context: &str, cluster: &Cluster) -> (ToldNetwork, Vec<String>) {
    let mut told = ToldNetwork::default();
    let mut complaints = Vec::new();
    let place = |key: &str| format!("config.toml: {key} of cluster {context}");
    for text in &cluster.dhcp {
        match entry::parse(text) {
            Ok(entry) => told.dhcp.extend(entry.range),
            Err(error) => complaints.push(format!(
                "{}: \"{text}\" {}; {}",
                place("dhcp"),
                error.fault,
                error.fault.advice()
            )),
        }
    }
    for text in &cluster.gateways {
        match text.parse() {
            Ok(address) => told.gateways.push(address),
            Err(_) => complaints.push(format!("{}: \"{text}\" is no address", place("gateways"))),
        }
    }
    (told, complaints)
}

/// <https://no-color.org>: set and not empty.
fn no_color() -> bool {
    std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
}

/// Whether the locale's characters are UTF-8, by the variables in their order of precedence. No locale at all (a bare
/// `ssh` into a minimal image) counts as UTF-8, which terminals of today are; `C` and `POSIX` were asked for and are
/// ASCII; `TERM=linux` draws too few signs.
fn locale_is_utf8() -> bool {
    if std::env::var("TERM").is_ok_and(|term| term == "linux" || term == "vt100" || term == "vt220")
    {
        return false;
    }
    let set = ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|it| !it.is_empty()));
    set.is_none_or(|locale| {
        let locale = locale.to_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

/// The program from its first effect to its last: whatever ends it, a change that has begun is waited for.
async fn show(
    loaded: Loaded,
    places: Places,
    context: Option<String>,
    state: Option<PathBuf>,
) -> io::Result<ExitCode> {
    let kubeconfig = places.target.kubeconfig.clone();
    let (mut effects, mut inbox) = Effects::new(places);
    effects = effects.with_supplies(supplies::of(&loaded.config.k3s, state.as_deref()));
    if let Some(state) = state {
        effects = effects.keeping(&state);
    }
    effects = effects.with_gitlabs(loaded.gitlabs.clone());
    let mut ssh = ssh::Settings::of_user();
    ssh.config.clone_from(&loaded.config.ssh_config);
    ssh.keeps_host_keys = !loaded.read_only;
    effects = effects.with_ssh(ssh.clone());
    let mut signals = signals::listen()?;
    terminal::install_panic_hook();
    let ended = on_screen(
        loaded,
        (context, kubeconfig),
        &ssh,
        &mut effects,
        &mut inbox,
        &mut signals,
    );
    let ended = Box::pin(ended).await;
    terminal::leave();
    finish(effects, inbox, &mut signals).await;
    ended.map(|()| ExitCode::SUCCESS)
}

/// Waits for what must not be cut off; ctrl-c does not wait.
async fn finish<S>(effects: Effects, inbox: mpsc::Receiver<Msg>, signals: &mut S)
where
    S: Stream<Item = Exit> + Unpin,
{
    let mut finish = pin!(effects.finish(inbox));
    if timeout(UNNOTICED, &mut finish).await.is_ok() {
        return;
    }
    // The terminal may be gone, and nobody reads it.
    let _ = writeln!(
        io::stderr().lock(),
        "bramble: what has begun ends first, in {} seconds at most; ctrl-c does not wait for it",
        LAST_CHANGE.as_secs()
    );
    let interrupted = async {
        loop {
            match signals.next().await {
                Some(Exit::Interrupted) => return,
                // A terminal that is gone says so without end.
                Some(Exit::Ended) | None => return std::future::pending().await,
                Some(_) => {}
            }
        }
    };
    tokio::select! {
        () = finish => {}
        () = interrupted => {}
    }
}

/// The terminal's part: enter, loop, come back after a suspend. The caller leaves it.
async fn on_screen<S>(
    loaded: Loaded,
    (context, kubeconfig): (Option<String>, Option<PathBuf>),
    ssh: &ssh::Settings,
    effects: &mut Effects,
    inbox: &mut mpsc::Receiver<Msg>,
    signals: &mut S,
) -> io::Result<()>
where
    S: Stream<Item = Exit> + Unpin,
{
    let clock = Clock::start();
    let mut screen = terminal::enter()?;
    let mut input = EventStream::new();
    let frame = Duration::from_secs(1) / u32::from(loaded.config.max_fps.max(1));
    let mut model = model(loaded, clock, screen.size()?);
    for effect in model.begin(context) {
        effects.run(effect);
    }
    loop {
        let sources = Sources {
            inbox: &mut *inbox,
            signals: &mut *signals,
            clock,
            frame,
        };
        let exit = event_loop::run(
            &mut model,
            &mut screen,
            &mut input,
            sources,
            |effect, screen| match effect {
                Effect::Copy(text) => copy(screen, &text),
                effect => effects.run(effect),
            },
        );
        match exit.await? {
            Exit::Quit | Exit::Ended | Exit::Interrupted => return Ok(()),
            exit @ (Exit::Shell(_) | Exit::Page(_) | Exit::Exec { .. }) => {
                drop(input);
                terminal::leave();
                let mut program = shell::Program {
                    model: &mut model,
                    effects: &mut *effects,
                    inbox: &mut *inbox,
                    signals: &mut *signals,
                    clock,
                };
                let ended = match exit {
                    Exit::Shell(to) => shell::run(&mut program, ssh, &to).await?,
                    Exit::Exec { context, pod } => {
                        exec::run(&mut program, kubeconfig.as_deref(), &context, &pod).await?
                    }
                    Exit::Page(lines) => pager::run(&mut program, &lines).await?,
                    _ => shell::End::Back(None),
                };
                if matches!(ended, shell::End::Leave) {
                    return Ok(());
                }
                screen = terminal::enter()?;
                input = EventStream::new();
                if let shell::End::Back(Some(text)) = ended {
                    drop(update(&mut model, Msg::warn(text)));
                }
            }
            Exit::Suspend if !signals::can_suspend() => {
                let notice = Msg::warn("no shell would bring bramble back: it is not suspended");
                update(&mut model, notice);
            }
            Exit::Suspend => {
                drop(input);
                terminal::leave();
                process::between_starts(signals::suspend)?;
                screen = terminal::enter()?;
                input = EventStream::new();
            }
            Exit::Repaint => screen = terminal::enter()?,
        }
        let size = screen.size()?;
        for effect in update(&mut model, Msg::Resize(size)) {
            effects.run(effect);
        }
    }
}

fn model(loaded: Loaded, clock: Clock, size: Size) -> Model {
    let Loaded {
        config,
        theme,
        keymap,
        complaints,
        gitlabs,
        read_only,
        ascii,
    } = loaded;
    let contexts = config
        .clusters
        .into_iter()
        .map(|(name, cluster)| {
            let (network, _) = network(&name, &cluster);
            (
                name,
                ContextSettings {
                    read_only: cluster.read_only,
                    trays: cluster.trays,
                    is_probe_off: !cluster.probe,
                    network,
                    hosts: cluster.hosts,
                    asks_all_boards: cluster.ssh,
                },
            )
        })
        .collect();
    Model::new(
        clock.now(),
        size,
        theme,
        keymap,
        Settings {
            read_only,
            contexts,
            log_lines: config.log_lines,
            ascii,
            time_zone: TimeZone::system(),
            gitlabs: (gitlabs.into_iter())
                .map(|gitlab| (gitlab.name, gitlab.url))
                .collect(),
            complaints,
        },
    )
}

/// To the clipboard of the person's own terminal, through tmux and ssh (OSC 52).
fn copy(screen: &mut Screen, text: &str) {
    let mut bytes = Vec::new();
    if crossterm::queue!(bytes, CopyToClipboard::to_clipboard_from(text)).is_ok()
        && let Err(error) = screen.backend_mut().send_raw(&bytes)
    {
        tracing::warn!(%error, "cannot copy");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_is_read_as_pools_are_and_mistakes_are_named() {
        let cluster = Cluster {
            dhcp: vec!["192.168.7.100-192.168.7.199".into(), "192.168.7.9".into()],
            gateways: vec!["192.168.7.1".into(), "router".into()],
            ..Cluster::default()
        };
        let (told, complaints) = network("office", &cluster);
        assert_eq!((told.dhcp.len(), told.gateways.len()), (1, 1));
        assert_eq!(
            complaints,
            [
                "config.toml: dhcp of cluster office: \"192.168.7.9\" has no prefix length; write 192.168.7.9/32",
                "config.toml: gateways of cluster office: \"router\" is no address",
            ]
        );
    }
}
