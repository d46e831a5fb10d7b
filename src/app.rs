//! The whole state of the program and the one place that changes it.
//!
//! Invariant: [`update`] never waits, locks, reads a file or asks the time. Time comes in as the first message of each
//! batch, and everything that leaves goes out as an [`Effect`] through one gate, where read-only mode is kept.

pub mod backend;
mod boards;
mod command;
mod drains;
pub mod effects;
pub mod event_loop;
mod form;
mod input;
mod popup;
mod services;
pub mod signals;
pub mod terminal;
pub mod view;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::layout::Size;

use crate::action::PaneId;
use crate::app::command::CommandLine;
use crate::app::form::OpenForm;
use crate::app::popup::Popup;
use crate::effect::{Effect, RequestId, TaskKey};
use crate::form::FormId;
use crate::keymap::{Keymap, Pending};
use crate::msg::{Generation, Level, Msg, Notice};
use crate::panes::{Cx, Panes};
use crate::rack::facts::{Change, Fact};
use crate::rack::node::{NodeName, Uid};
use crate::rack::problem::{Problem, Subject};
use crate::rack::time::Now;
use crate::rack::vip::probe::Target;
use crate::rack::{Rack, ToldNetwork};
use crate::theme::roles::Theme;
use crate::ui::frame;

/// How long a notice stays at the foot of the screen.
const NOTICE_STAYS: Duration = Duration::from_secs(6);
/// How often the list of problems is made anew.
const SURVEY_EVERY: Duration = Duration::from_secs(1);
/// For so long after a question came up by itself no key answers it.
const STARTLED: Duration = Duration::from_millis(400);
/// How many places `[` goes back.
const HISTORY: usize = 50;

/// Everything the program knows and shows.
pub struct Model {
    pub rack: Rack,
    pub panes: Panes,
    pub focus: PaneId,
    pub size: Size,
    pub theme: Theme,
    keymap: Keymap,
    pending: Pending,
    popup: Option<Popup>,
    /// Questions and forms that came by themselves while something else was open.
    waiting: VecDeque<Popup>,
    /// When the question or form on the screen came up by itself, not at a key.
    came_up: Option<Duration>,
    /// The line at the foot while something is typed there.
    command_line: Option<CommandLine>,
    notice: Option<(Notice, Duration)>,
    settings: Settings,
    generation: Generation,
    next_request: u64,
    /// Where the clock on the screen is: the person's own, read once.
    time_zone: TimeZone,
    /// The answer we wait for: an older one is dropped.
    awaited_yaml: Option<RequestId>,
    history: Vec<PaneId>,
    forward: Vec<PaneId>,
    /// The pane that a node was opened from: closing the node leads back there.
    return_to: Option<PaneId>,
    surveyed: Option<Duration>,
    wants_metrics: bool,
    /// Ports that are probed now.
    probed: Vec<Target>,
    boards: boards::Watch,
    /// Whether the contexts are being looked at.
    follows_fleet: bool,
}

/// What config.toml and the command line decided, as far as `update` needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// `--read-only`: whatever the context.
    pub read_only: bool,
    /// By name of context.
    pub contexts: BTreeMap<String, ContextSettings>,
    /// Plain ASCII symbols.
    pub ascii: bool,
    pub time_zone: TimeZone,
    /// What is wrong with the user's files; shown as problems.
    pub complaints: Vec<Problem>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            read_only: false,
            contexts: BTreeMap::new(),
            ascii: false,
            time_zone: TimeZone::UTC,
            complaints: Vec::new(),
        }
    }
}

/// What the user decided about one context.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ContextSettings {
    pub read_only: bool,
    /// Node names in the order of the trays.
    pub trays: Vec<String>,
    /// Nothing is connected to but the API server.
    pub is_probe_off: bool,
    /// The network around the cluster.
    pub network: ToldNetwork,
    /// Where the boards of nodes are, as one would say it to ssh.
    pub hosts: BTreeMap<String, String>,
    /// Ask the other boards too, by the names of their nodes.
    pub asks_all_boards: bool,
}

impl Model {
    pub fn new(now: Now, size: Size, theme: Theme, keymap: Keymap, settings: Settings) -> Model {
        let mut model = Model {
            rack: Rack::new(now),
            panes: Panes::default(),
            focus: PaneId::Rack,
            size,
            theme,
            keymap,
            pending: Pending::default(),
            popup: None,
            waiting: VecDeque::new(),
            came_up: None,
            command_line: None,
            notice: None,
            generation: Generation::default(),
            next_request: 0,
            time_zone: settings.time_zone.clone(),
            awaited_yaml: None,
            history: Vec::new(),
            forward: Vec::new(),
            return_to: None,
            surveyed: None,
            wants_metrics: false,
            probed: Vec::new(),
            boards: boards::Watch::default(),
            follows_fleet: false,
            settings,
        };
        if let Some(complaint) = model.settings.complaints.first() {
            model.notice = Some((
                Notice {
                    level: Level::Warning,
                    text: complaint.sentence(),
                },
                now.mono,
            ));
        }
        model
    }

    /// The first effects: follow the kubeconfig's context.
    pub fn begin(&mut self, context: Option<String>) -> Vec<Effect> {
        let mut effects = vec![Effect::Follow {
            generation: self.generation,
            context,
        }];
        self.want_metrics(&mut effects);
        effects
    }

    /// True when something on the screen moves with time: the clock, ages, LEDs.
    pub fn is_ticking(&self) -> bool {
        frame::regions(self.size).is_some()
    }

    /// True when a message can change what is on the screen before the next tick, which draws anyway.
    pub fn shows(&self, msg: &Msg) -> bool {
        let Msg::Fact { generation, fact } = msg else {
            return true;
        };
        let sees =
            |node: &NodeName| self.focus == PaneId::Rack && self.panes.rack.sees(node, &self.rack);
        *generation == self.generation
            && match fact {
                Fact::Leases(Change::Applied(lease)) => sees(&lease.node),
                Fact::Pods(Change::Applied(pod) | Change::Deleted(pod)) => {
                    pod.node.as_ref().is_some_and(sees)
                }
                Fact::Events(Change::Applied(event) | Change::Deleted(event)) => sees(&event.node),
                Fact::Contact => false,
                // One pane shows them as they come; the header counts Services at the next tick.
                Fact::Services(_)
                | Fact::EndpointSlices(_)
                | Fact::ServiceEvents(_)
                | Fact::L2Statuses(_)
                | Fact::BgpStatuses(_)
                | Fact::Workloads(..)
                | Fact::Namespaces(_) => self.focus == PaneId::Services,
                _ => true,
            }
    }

    /// Brings what is derived up to date before a frame; costs nothing when no fact has come that it depends on.
    pub fn settle(&mut self) {
        self.rack.settle();
    }

    /// True when nothing of this context may be changed.
    pub fn is_read_only(&self) -> bool {
        self.settings.read_only
            || self
                .context_settings()
                .is_some_and(|context| context.read_only)
    }

    fn read_only_notice(&self) -> String {
        format!(
            "read-only: nothing in \"{}\" is changed from here",
            self.rack.cluster.context
        )
    }

    fn context_settings(&self) -> Option<&ContextSettings> {
        self.settings.contexts.get(&self.rack.cluster.context)
    }

    fn now(&self) -> Now {
        self.rack.now
    }

    fn request(&mut self) -> RequestId {
        self.next_request += 1;
        RequestId(self.next_request)
    }

    fn notify(&mut self, level: Level, text: impl Into<String>) {
        self.notice = Some((
            Notice {
                level,
                text: text.into(),
            },
            self.now().mono,
        ));
    }

    /// Tells the watcher whether CPU and memory are on the screen.
    fn want_metrics(&mut self, effects: &mut Vec<Effect>) {
        let wants = self.focus == PaneId::Rack;
        if wants != self.wants_metrics {
            self.wants_metrics = wants;
            effects.push(Effect::WantMetrics(wants));
        }
    }

    /// Looks at the clusters of other contexts only while somebody looks at them.
    fn follow_fleet(&mut self, effects: &mut Vec<Effect>) {
        let follows = self.focus == PaneId::Kubeconfig;
        if follows != self.follows_fleet {
            self.follows_fleet = follows;
            effects.push(if follows {
                Effect::FollowFleet
            } else {
                Effect::Stop(TaskKey::Fleet)
            });
        }
    }

    /// Shows a pane and remembers where we were.
    fn show(&mut self, pane: PaneId) {
        if pane == self.focus {
            return;
        }
        self.history.push(self.focus);
        if self.history.len() > HISTORY {
            self.history.remove(0);
        }
        self.forward.clear();
        self.return_to = None;
        self.focus = pane;
    }

    /// Brings up what waits to be answered, once nothing else is open: a question never takes the place of what is being
    /// read or typed.
    fn bring_up_waiting(&mut self, is_key: bool) {
        if self.popup.is_none()
            && self.command_line.is_none()
            && let Some(next) = self.waiting.pop_front()
        {
            self.popup = Some(next);
            self.came_up = (!is_key).then(|| self.now().mono);
        }
    }

    /// True while a key was probably meant for what was there before a question came up by itself.
    fn is_startled(&self) -> bool {
        self.came_up
            .is_some_and(|at| self.now().since(at) < STARTLED)
    }

    /// Turns to another context at once: what was known belongs to the old one.
    fn turn_to(&mut self, context: &str, effects: &mut Vec<Effect>) {
        self.generation.0 += 1;
        // Drains go on, and are shown when their cluster is.
        let drains = std::mem::take(&mut self.rack.drains);
        let swaps = std::mem::take(&mut self.rack.swaps);
        let fleet = std::mem::take(&mut self.rack.fleet);
        self.rack = Rack::new(self.now());
        self.rack.drains = drains;
        self.rack.swaps = swaps;
        self.boards = boards::Watch::default();
        self.rack.fleet = fleet;
        context.clone_into(&mut self.rack.cluster.context);
        // The contexts are the same in every cluster.
        let kubeconfig = std::mem::take(&mut self.panes.kubeconfig);
        self.panes = Panes {
            kubeconfig,
            ..Panes::default()
        };
        self.probed.clear();
        let open = self.popup.take().into_iter().chain(self.waiting.drain(..));
        effects.extend(open.flat_map(Popup::refuse));
        self.surveyed = None;
        effects.push(Effect::Follow {
            generation: self.generation,
            context: Some(context.to_owned()),
        });
    }
}

/// Takes in one message, with everything that panes ask for on the way, and says what is to be done.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    let is_key = matches!(msg, Msg::Key(_));
    let mut queue = VecDeque::from([msg]);
    while let Some(msg) = queue.pop_front() {
        step(model, msg, &mut queue, &mut effects);
    }
    model.bring_up_waiting(is_key);
    model.want_metrics(&mut effects);
    model.want_probes(is_key, &mut effects);
    boards::want(model, &mut effects);
    model.follow_fleet(&mut effects);
    gate(model, &mut effects);
    effects
}

/// The choke point of read-only mode: no writing effect passes it, whoever asked for it.
fn gate(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.is_read_only() && effects.iter().any(Effect::is_write) {
        effects.retain(|effect| !effect.is_write());
        model.notify(Level::Warning, model.read_only_notice());
    }
}

fn step(model: &mut Model, msg: Msg, queue: &mut VecDeque<Msg>, effects: &mut Vec<Effect>) {
    match msg {
        Msg::Clock(now) => clock(model, now, effects),
        Msg::Key(key) => input::key(model, key, queue, effects),
        Msg::Paste(text) => input::paste(model, &text, queue),
        Msg::Resize(size) => resize(model, size),
        Msg::Fact { generation, fact } => {
            if generation == model.generation {
                take_in(model, fact);
            }
        }
        Msg::Fleet(fact) => {
            model.rack.fleet.apply(fact, model.rack.now);
            model.panes.kubeconfig.contexts_changed(&model.rack);
        }
        Msg::Written { result } => match result {
            Ok(done) => model.notify(Level::Info, done),
            Err(problem) => model.notify(Level::Error, problem.sentence()),
        },
        msg @ (Msg::BoardAnswered { .. }
        | Msg::BoardDone { .. }
        | Msg::JournalLines { .. }
        | Msg::JournalEnded { .. }
        | Msg::OnBoard { .. }
        | Msg::SshAsks { .. }) => boards::heard(model, msg, queue, effects),
        msg @ Msg::DrainPlanned { .. } => drains::planned(model, &msg, queue, effects),
        Msg::Drain { uid, news } => drains::told(model, &uid, news),
        Msg::NodeRemoved {
            context,
            node,
            result,
        } => drains::removed(model, context, node, result, queue),
        Msg::YamlRead { request, result } => yaml_read(model, request, result),
        Msg::TaskFailed(key, problem) => {
            if key == TaskKey::Yaml && model.awaited_yaml.take().is_some() {
                // Nothing will come to fill the page.
                model.popup = None;
            }
            model.notify(Level::Error, problem.sentence());
            model.settings.complaints.push(problem);
        }
        Msg::Focus(pane) => model.show(pane),
        Msg::ShowNode(node) => {
            let from = model.focus;
            model.show(PaneId::Rack);
            model.return_to = (from != PaneId::Rack).then_some(from);
            let shown = with_panes(model, queue, effects, |panes, cx| {
                panes.rack.show_node(&node, cx)
            });
            if !shown {
                model.notify(Level::Warning, format!("there is no node \"{node}\" now"));
            }
        }
        Msg::TurnTo(context) if context == model.rack.cluster.context => {
            model.notify(Level::Info, format!("this is context {context} already"));
        }
        Msg::TurnTo(context) => {
            model.turn_to(&context, effects);
            model.notify(Level::Info, format!("turned to context {context}"));
        }
        Msg::ShowService(service) => services::show(model, &service, queue, effects),
        Msg::Probed {
            generation,
            target,
            outcome,
        } => {
            if generation == model.generation {
                model.rack.probed(target, outcome);
            }
        }
        Msg::CheckUrl(url) => {
            model.notify(Level::Info, format!("asking {url}"));
            effects.push(Effect::CheckUrl(url));
        }
        Msg::ReadYaml(object) => {
            let request = model.request();
            model.awaited_yaml = Some(request);
            model.popup = Some(Popup::loading(object.to_string()));
            let context = model.rack.cluster.context.clone();
            effects.push(Effect::ReadYaml {
                request,
                context,
                object,
            });
        }
        Msg::Ask(question) => model.waiting.push_back(Popup::question(question)),
        Msg::Fill(form) => model.waiting.push_back(Popup::Form(OpenForm::new(form))),
        Msg::FormSent {
            form: FormId::Ssh { request },
            answers,
        } => boards::asks::ssh_answered(request, &answers, effects),
        msg @ Msg::FormSent { .. } => to_pane(model, &msg, queue, effects),
        Msg::Notice(notice) => model.notify(notice.level, notice.text),
        Msg::Copy(text) => {
            model.notify(Level::Info, format!("copied {text}"));
            effects.push(Effect::Copy(text));
        }
    }
}

fn resize(model: &mut Model, size: Size) {
    model.size = size;
    if let Some(Popup::Text(page)) = &mut model.popup {
        page.resize(frame::regions(size).unwrap_or_default().body);
    }
}

fn clock(model: &mut Model, now: Now, effects: &mut Vec<Effect>) {
    model.rack.tick(now);
    if model
        .notice
        .as_ref()
        .is_some_and(|(_, since)| now.since(*since) >= NOTICE_STAYS)
    {
        model.notice = None;
    }
    if model
        .surveyed
        .is_none_or(|at| now.since(at) >= SURVEY_EVERY)
    {
        survey(model);
        let area = frame::regions(model.size).unwrap_or_default().body;
        model.panes.rack.measure(&model.rack, area);
        model.panes.services.measure(&model.rack, area);
        model.want_probes(true, effects);
        model.panes.kubeconfig.measure(&model.rack, area);
    }
}

fn survey(model: &mut Model) {
    model.surveyed = Some(model.now().mono);
    model.rack.survey();
    model
        .rack
        .problems
        .extend(model.settings.complaints.iter().cloned());
}

fn take_in(model: &mut Model, fact: Fact) {
    let moves_rows = matches!(fact, Fact::Nodes(_));
    let moves_services = matches!(fact, Fact::Services(_));
    let is_link = matches!(fact, Fact::Link(_) | Fact::Source(..) | Fact::Cluster(_));
    model.rack.apply(fact);
    if moves_rows {
        model.panes.rack.nodes_changed(&model.rack);
        close_question_of_gone_object(model);
    }
    if moves_services {
        model.panes.services.services_changed(&model.rack);
        close_question_of_gone_object(model);
    }
    if is_link {
        survey(model);
        let trays = model
            .context_settings()
            .map(|context| context.trays.clone())
            .unwrap_or_default();
        model.panes.rack.set_trays(trays);
        let context = model.context_settings();
        model.rack.network = context.map(|it| it.network.clone()).unwrap_or_default();
    }
}

/// A question about an object that is gone, or is another under the same name, must not be answered.
fn close_question_of_gone_object(model: &mut Model) {
    let Some(Popup::Question(open)) = &model.popup else {
        return;
    };
    let is_there =
        |(object, uid): &&(Subject, Uid)| model.rack.uid(object).is_some_and(|now| now == uid);
    let Some((gone, _)) = open.question.about.iter().find(|object| !is_there(object)) else {
        return;
    };
    let text = format!("{gone} is gone or was replaced: nothing was done");
    model.popup = None;
    model.notify(Level::Warning, text);
}

fn yaml_read(model: &mut Model, request: RequestId, result: Result<String, Problem>) {
    if model
        .awaited_yaml
        .take_if(|awaited| *awaited == request)
        .is_none()
    {
        return;
    }
    match result {
        Ok(text) => {
            if let Some(Popup::Text(page)) = &mut model.popup {
                page.fill(&text, frame::regions(model.size).unwrap_or_default().body);
            }
        }
        Err(problem) => {
            model.popup = None;
            model.notify(Level::Error, problem.sentence());
        }
    }
}

/// Gives a message to the pane that waits for it.
fn to_pane(model: &mut Model, msg: &Msg, queue: &mut VecDeque<Msg>, effects: &mut Vec<Effect>) {
    with_panes(model, queue, effects, |panes, cx| panes.on_msg(msg, cx));
}

/// Calls into the panes with what they may see and collects what they ask for.
fn with_panes<R>(
    model: &mut Model,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
    call: impl FnOnce(&mut Panes, &mut Cx<'_>) -> R,
) -> R {
    let area = frame::regions(model.size).unwrap_or_default().body;
    let mut cx = Cx {
        rack: &model.rack,
        area,
        msgs: Vec::new(),
        effects: Vec::new(),
    };
    let result = call(&mut model.panes, &mut cx);
    let Cx {
        msgs,
        effects: asked,
        ..
    } = cx;
    queue.extend(msgs);
    effects.extend(asked);
    result
}

#[cfg(test)]
mod tests;
