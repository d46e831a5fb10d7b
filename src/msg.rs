//! Everything that can happen, on one page. `update` is the only reader.

use crossterm::event::KeyEvent;
use ratatui::layout::Size;

use crate::action::{Action, PaneId};
use crate::effect::{Effect, RequestId, TaskKey};
use crate::form::{Answers, Form, FormId};
use crate::rack::backup::Backups;
use crate::rack::backup::restore::{Plan as RestorePlan, Wish};
use crate::rack::board::{Deed, Journal, Reading};
use crate::rack::draft::{Applied, Draft, DraftKey};
use crate::rack::drain::{News, Plan};
use crate::rack::facts::Fact;
use crate::rack::fleet::FleetFact;
use crate::rack::image::{Builder, Found, Wish as ImageWish};
use crate::rack::kubeconfig_change::{Done, LastChange, Order, Preview, Refusal};
use crate::rack::log::feed::{FeedId, FeedNews, Opening};
use crate::rack::manifest::Manifest;
use crate::rack::node::{NodeName, PasswordSecret, Uid};
use crate::rack::onboard::journal::Journal as OnboardJournal;
use crate::rack::onboard::machine::Event;
use crate::rack::onboard::wish::Wish as OnboardWish;
use crate::rack::pipeline::state::News as BuildNews;
use crate::rack::pool_text::Changed;
use crate::rack::problem::{Problem, Subject};
use crate::rack::scaffold::Plan as Scaffold;
use crate::rack::service::ServiceName;
use crate::rack::ssh;
use crate::rack::storage::reach::Reach;
use crate::rack::storage::setup::News as SetupNews;
use crate::rack::time::Now;
use crate::rack::vip::probe::{Outcome, Target};
use crate::rack::workloads::IdleWorkload;

/// Counts the contexts we turned to: facts of an earlier one are dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Generation(pub u64);

/// One message. The loop is the only reader.
#[derive(Debug, Clone, PartialEq)]
pub enum Msg {
    // The terminal and the clock.
    Key(KeyEvent),
    Paste(String),
    Resize(Size),
    /// Stands first in every batch, so that `update` never asks the time.
    Clock(Now),

    // The cluster.
    Fact {
        generation: Generation,
        fact: Fact,
    },
    /// News of the contexts; whichever of them the session is on.
    Fleet(FleetFact),
    /// What a restore would do.
    RestoreRehearsed {
        wish: Box<Wish>,
        result: Result<RestorePlan, Problem>,
    },
    Restored {
        wish: Box<Wish>,
        plan: RestorePlan,
        result: Result<Vec<String>, Problem>,
    },
    /// What is on record of backups.
    BackupsRead(Backups),
    /// The workloads that have no pod.
    IdleListed {
        generation: Generation,
        workloads: Vec<IdleWorkload>,
    },
    /// News of pipelines.
    Builds(BuildNews),
    /// What a change of the kubeconfig would do.
    ChangePreviewed {
        request: RequestId,
        result: Result<Box<Preview>, Box<Problem>>,
    },
    /// What an undo of the kubeconfig would take back; `None`: nothing.
    LastChangeRead {
        request: RequestId,
        change: Option<LastChange>,
    },
    /// A change of the kubeconfig has ended.
    KubeconfigChanged {
        order: Box<Order>,
        result: Result<Box<Done>, Refusal>,
    },
    /// A write has ended, with a sentence for the notice line.
    Written {
        result: Result<String, Problem>,
    },
    /// A board has answered over SSH, or not.
    BoardAnswered {
        generation: Generation,
        node: NodeName,
        result: Result<Box<Reading>, Problem>,
    },
    /// Something was done to a board of this context, or not.
    BoardDone {
        context: String,
        node: NodeName,
        deed: Deed,
        result: Result<String, Problem>,
    },
    /// A connection waits for an answer of the person.
    SshAsks {
        request: RequestId,
        question: ssh::Question,
    },
    /// The connection that asked has ended: nobody waits for the answer any more.
    SshAskEnded {
        request: RequestId,
    },
    /// What draining a node would do: to be asked about.
    DrainPlanned {
        node: NodeName,
        uid: Uid,
        is_swap: bool,
        result: Result<Plan, Problem>,
    },
    /// A step of a drain that runs, whatever context is on the screen.
    Drain {
        uid: Uid,
        news: News,
    },
    NodeRemoved {
        context: String,
        node: NodeName,
        result: Result<PasswordSecret, Problem>,
    },
    YamlRead {
        request: RequestId,
        result: Result<String, Problem>,
    },
    /// What was found out about images of this context.
    ImagesRead {
        request: RequestId,
        context: String,
        result: Result<Box<Found>, Problem>,
    },
    /// An attempt to connect to an address of a Service has ended.
    Probed {
        generation: Generation,
        target: Target,
        outcome: Outcome,
    },
    /// What was kept on disk for a text: its draft, and everything applied from here, newest first.
    DraftRead {
        key: DraftKey,
        draft: Result<Option<Box<Draft>>, Problem>,
        history: Result<Vec<Applied>, Problem>,
    },
    /// A draft could not be kept, or can again.
    DraftKept(Result<(), Problem>),
    /// Changes of MetalLB's objects have ended, wholly or half-way; as the history has it.
    PoolsChanged {
        record: Box<Applied>,
        outcome: Box<Changed>,
    },
    ManifestRead(Result<Manifest, Problem>),
    /// Look whether the NFS servers answer.
    LookAtNfs,
    NfsLooked {
        context: String,
        server: Box<str>,
        reach: Reach,
    },
    /// A provisioner is being set up.
    Setup {
        context: String,
        news: SetupNews,
    },
    /// What files for building an image would change: to be shown and asked about.
    ScaffoldPlanned(Result<Scaffold, Problem>),
    /// So many objects of a manifest are applied; the next is on its way.
    InstallStep {
        done: usize,
        next: String,
    },
    Installed {
        record: Box<Applied>,
        result: Result<(), Problem>,
    },
    /// News of logs that are read for the viewer.
    Feed {
        feed: FeedId,
        news: FeedNews,
    },
    /// The next piece of work on the lines that are kept is due.
    GoOnWithLogs,
    // Boards on their way into the cluster.
    /// News for the machine of a board.
    Onboard {
        host: String,
        event: Box<Event>,
    },
    /// What a board has printed; secrets are taken out.
    OnboardLines {
        host: String,
        lines: Vec<String>,
    },
    /// Runs of boards that were cut off, and what is wrong with their files.
    OnboardFound(Vec<OnboardJournal>, Vec<Problem>),
    /// What was asked for, board by board.
    OnboardWished(Result<Vec<OnboardWish>, Problem>),
    /// Merge the kubeconfig of this source: a file, or `ssh://HOST`.
    MergeKubeconfig(String),
    /// Take a board off the list.
    OnboardForget(String),
    TaskFailed(TaskKey, Problem),

    // What a pane asks of the rest of the program.
    Focus(PaneId),
    ShowNode(NodeName),
    ShowService(ServiceName),
    /// A claim, a volume, a class, or the whole of storage.
    ShowStorage(Subject),
    /// Ask a URL for its status, once.
    CheckUrl(String),
    /// The session goes on with this context.
    TurnTo(String),
    ReadYaml(Subject),
    /// The same in words, with its events.
    Describe(Subject),
    ReadImages(ImageWish),
    /// The log of the job that built an image.
    ShowJob(Box<Builder>),
    /// The viewer shows these from now on.
    OpenLogs(Opening),
    /// A page of text over the panes.
    ShowPage {
        title: String,
        text: String,
    },
    /// An interactive session on the board of a node.
    OpenShell(NodeName),
    OnBoard {
        node: NodeName,
        wish: BoardWish,
    },
    Ask(Question),
    Fill(Form),
    /// A form is filled in and sent off, with an answer for each of its fields; the pane that asked takes it.
    FormSent {
        form: FormId,
        answers: Answers,
    },
    Notice(Notice),
    Copy(String),
}

/// What a pane wants of a board; where the board is, it does not know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BoardWish {
    /// Blink, or stop it.
    Blink,
    /// ACT beats, or shows the card again.
    Heartbeat,
    /// Of k3s when no unit is named.
    Read(Journal),
    RestartK3s,
    Reboot,
    HotSwap,
    /// A backup is put back onto it.
    Restore,
}

/// A question before something is done. Nothing happens unless it is answered with yes.
#[derive(Debug, Clone, PartialEq)]
pub struct Question {
    /// `cordon node rpi-03?`
    pub title: String,
    /// What will happen, and what speaks against it.
    pub lines: Vec<String>,
    /// The objects it is about: the question closes when one of them is gone or replaced.
    pub about: Vec<(Subject, Uid)>,
    /// The name to be typed before yes counts, for what cannot be undone.
    pub typed: Option<String>,
    pub then: Vec<Effect>,
    /// What a no sets off: for a task that waits for the answer.
    pub otherwise: Vec<Effect>,
}

impl Question {
    /// A question that a key answers, and that does nothing yet.
    pub fn new(title: impl Into<String>, lines: Vec<String>) -> Question {
        Question {
            title: title.into(),
            lines,
            about: Vec::new(),
            typed: None,
            then: Vec::new(),
            otherwise: Vec::new(),
        }
    }
}

/// One line at the foot of the screen, for a few seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    pub level: Level,
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Info,
    Warning,
    Error,
}

impl Msg {
    /// A refusal or an error, said at the foot of the screen.
    pub fn warn(text: impl Into<String>) -> Msg {
        Msg::Notice(Notice {
            level: Level::Warning,
            text: text.into(),
        })
    }

    /// A key that means something elsewhere.
    pub fn nothing_here(action: Action) -> Msg {
        let what = action.info().help;
        let what = what.split([':', ';']).next().unwrap_or(what);
        Msg::info(format!("{what}: there is nothing here to do that with"))
    }

    pub fn info(text: impl Into<String>) -> Msg {
        Msg::Notice(Notice {
            level: Level::Info,
            text: text.into(),
        })
    }
}
