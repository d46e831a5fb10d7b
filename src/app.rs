//! The whole state of the program and the one place that changes it.
//!
//! Invariant: only [`update()`] changes a [`Model`]. Time comes in as the first message of each batch, and everything that
//! leaves goes out as an [`Effect`].

pub mod backend;
mod boards;
mod command;
mod drains;
pub mod effects;
pub mod event_loop;
mod form;
mod hosts;
mod images;
mod input;
mod logs;
mod onboarding;
mod pipelines;
mod popup;
mod restores;
mod services;
mod settings;
pub mod signals;
mod storage;
pub mod terminal;
mod update;
pub mod view;
mod workloads;

use std::collections::VecDeque;
use std::time::Duration;

use jiff::tz::TimeZone;
use ratatui::layout::Size;

use crate::action::PaneId;
use crate::app::command::CommandLine;
use crate::app::popup::Popup;
pub use crate::app::settings::{ContextSettings, Settings};
pub use crate::app::update::update;
use crate::app::update::{to_pane, with_panes};
use crate::effect::{Effect, RequestId, TaskKey};
use crate::keymap::{Keymap, Pending};
use crate::msg::{Generation, Level, Msg, Notice};
use crate::panes::Panes;
use crate::rack::Rack;
use crate::rack::facts::{Change, Fact};
use crate::rack::node::NodeName;
use crate::rack::pipeline::state::{Instance, Looking};
use crate::rack::time::Now;
use crate::rack::vip::probe::Target;
use crate::theme::roles::Theme;
use crate::ui::frame;

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
    next_feed: u32,
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
    /// When the workloads without a pod were asked for last, while they are shown.
    idle_asked: Option<Duration>,
    /// What is asked of the pipelines.
    looking: Looking,
    /// Whether the contexts are being looked at.
    follows_fleet: bool,
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
            next_feed: 0,
            time_zone: settings.time_zone.clone(),
            awaited_yaml: None,
            history: Vec::new(),
            forward: Vec::new(),
            return_to: None,
            surveyed: None,
            wants_metrics: false,
            probed: Vec::new(),
            boards: boards::Watch::default(),
            idle_asked: None,
            follows_fleet: false,
            looking: Looking::default(),
            settings,
        };
        for (name, url) in &model.settings.gitlabs {
            let instance = Instance {
                url: url.clone(),
                ..Instance::default()
            };
            let name = name.as_str().into();
            model.rack.builds.instances.insert(name, instance);
        }
        model.panes.logs.set_time_zone(model.time_zone.clone());
        model.rack.logbook = model.new_logbook();
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
        effects.push(Effect::ReadBackups);
        effects.push(Effect::ReadOnboarding);
        self.want_metrics(&mut effects);
        effects
    }

    /// True when something on the screen moves with time: the clock, ages, LEDs.
    pub fn is_ticking(&self) -> bool {
        frame::regions(self.size).is_some()
    }

    /// True when a message can change what is on the screen before the next tick, which draws anyway.
    pub fn shows(&self, msg: &Msg) -> bool {
        if matches!(msg, Msg::Feed { .. } | Msg::GoOnWithLogs) {
            return self.focus == PaneId::Logs;
        }
        let Msg::Fact { generation, fact } = msg else {
            return true;
        };
        let sees =
            |node: &NodeName| self.focus == PaneId::Rack && self.panes.rack.sees(node, &self.rack);
        *generation == self.generation
            && match fact {
                Fact::Leases(Change::Applied(lease)) => sees(&lease.node),
                Fact::Pods(_) if self.focus == PaneId::Workloads => true,
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
                Fact::StorageClasses(_)
                | Fact::Claims(_)
                | Fact::Volumes(_)
                | Fact::Provisioners(_)
                | Fact::StorageEvents(_) => self.focus == PaneId::Storage,
                _ => true,
            }
    }

    /// Brings what is derived up to date before a frame; costs nothing when no fact has come that it depends on.
    pub fn settle(&mut self) {
        self.rack.settle();
        self.panes.settle(self.focus, &self.rack);
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
            // What only said to wait for it is over.
            self.notice
                .take_if(|(notice, _)| notice.level == Level::Info);
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
        let backups = std::mem::take(&mut self.rack.backups);
        let onboarding = std::mem::take(&mut self.rack.onboarding);
        let builds = std::mem::take(&mut self.rack.builds);
        logs::stop(self, effects);
        self.rack = Rack::new(self.now());
        self.rack.drains = drains;
        self.rack.swaps = swaps;
        self.boards = boards::Watch::default();
        self.rack.logbook = self.new_logbook();
        self.rack.fleet = fleet;
        self.rack.backups = backups;
        self.rack.onboarding = onboarding;
        self.rack.builds = builds;
        context.clone_into(&mut self.rack.cluster.context);
        // The contexts, the pipelines and boards on their way are the same in every cluster.
        let kubeconfig = std::mem::take(&mut self.panes.kubeconfig);
        let pipelines = std::mem::take(&mut self.panes.pipelines);
        let onboard = std::mem::take(&mut self.panes.onboard);
        self.panes = Panes {
            kubeconfig,
            onboard,
            pipelines,
            ..Panes::default()
        };
        self.panes.logs.set_time_zone(self.time_zone.clone());
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

#[cfg(test)]
mod tests;
