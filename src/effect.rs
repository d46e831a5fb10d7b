//! Everything we can do to the world, on one page. `update` returns these; `app/effects.rs` and, for the terminal's
//! own, `app/event_loop.rs` carry them out.

use crate::msg::Generation;
use crate::rack::backup::restore::{Plan, Wish};
use crate::rack::board::Deed;
use crate::rack::draft::{Applied, Draft, DraftKey};
use crate::rack::drain::Consent;
use crate::rack::image::Wish as ImageWish;
use crate::rack::kubeconfig_change::{Asked, Lock, Order};
use crate::rack::log::feed::{FeedId, Origin};
use crate::rack::manifest::Manifest;
use crate::rack::node::{NodeName, Uid};
use crate::rack::onboard::{machine, wish};
use crate::rack::pipeline::state::{JobRef, Looking};
use crate::rack::pod::{Maker, PodName};
use crate::rack::pool_text::{Change, Form};
use crate::rack::problem::Subject;
use crate::rack::pull_secret::Wanted;
use crate::rack::scaffold::{Form as Scaffold, Plan as ScaffoldPlan};
use crate::rack::service::ServiceName;
use crate::rack::ssh::{Answer, Destination};
use crate::rack::storage::ClaimName;
use crate::rack::storage::setup::Setup;
use crate::rack::vip::probe::Target;
use crate::rack::vip::wish::Exposure;
use crate::rack::workload::WorkloadRef;

/// Numbers a request, so that an answer nobody waits for is dropped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names a background task. Starting a reading task under the same key replaces it; a writing one is never aborted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TaskKey {
    /// The list, watch and probe of the current context.
    Follow,
    Yaml,
    Probe,
    Check,
    PlanDrain,
    /// The questions to boards.
    Boards,
    /// The questions of connections to the person.
    SshAsks,
    Drain,
    /// The contexts of the kubeconfig and looks at their clusters.
    Fleet,
    Backups,
    /// The rehearsal of a restore.
    Restore,
    Idle,
    Manifest,
    /// A provisioner that is tried.
    Trial,
    /// Looks at NFS servers.
    Nfs,
    /// Pipelines of all GitLab servers.
    Builds,
    Draft,
    Preview,
    /// What a wish for boards leaves open.
    Prepare,
    /// Runs of boards that were cut off.
    CutOff,
    Onboard,
    /// Logs that are read for the viewer.
    Feed(FeedId),
    Write,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    // Reading the cluster.
    /// Follow a context (`None`: the kubeconfig's current one) in place of the one before.
    Follow {
        generation: Generation,
        context: Option<String>,
    },
    /// Whether node metrics are on the screen.
    WantMetrics(bool),
    /// Open a backup, look at the board, and say every step of a restore; nothing is changed.
    RehearseRestore(Box<Wish>),
    /// Put a backup onto a board, if the steps are still those of the rehearsal.
    Restore {
        wish: Box<Wish>,
        plan: Plan,
    },
    /// Read what is on record of backups on this machine, and again every hour.
    ReadBackups,
    /// Ask which workloads have no pod.
    ListIdle {
        generation: Generation,
        context: String,
    },
    /// Read the contexts and look at the cluster behind each now and then, or stop doing so.
    FollowFleet,
    Stop(TaskKey),
    /// What somebody looks at in the pipelines; the first one begins to follow them.
    LookAtBuilds(Looking),
    /// Retry, cancel or play the job that was seen; it is read again first.
    ActOnJob {
        at: JobRef,
        seen: Box<crate::rack::pipeline::Job>,
        order: crate::rack::pipeline::Order,
    },
    ReadYaml {
        request: RequestId,
        context: String,
        object: Subject,
    },
    /// A pod or a workload in words, with its events; answered as YAML is.
    Describe {
        request: RequestId,
        context: String,
        object: Subject,
    },
    /// Ask the cluster, registries and GitLab about images.
    ReadImages {
        request: RequestId,
        context: String,
        wish: ImageWish,
    },

    /// Ask these boards over SSH every 15 seconds, in place of those before; none stops it.
    WatchBoards {
        generation: Generation,
        boards: Vec<(NodeName, Destination)>,
        /// Also look for the cause of an outage.
        is_deep: bool,
    },
    /// The person's answer to what a connection asked.
    AnswerSsh {
        request: RequestId,
        answer: Answer,
    },
    /// Read logs for the viewer until they are stopped by their key.
    OpenFeed {
        feed: FeedId,
        origin: Origin,
    },
    /// Come back to the lines that are kept, after keys and frames.
    GoOnWithLogs,

    /// What draining the Node with this UID would do.
    PlanDrain {
        context: String,
        node: NodeName,
        uid: Uid,
        /// Asked for a hot swap, which goes on after the drain.
        is_swap: bool,
    },

    // Reaching addresses of Services from here.
    /// Connect to these ports now and then, in place of those before; none stops it.
    Probe {
        generation: Generation,
        targets: Vec<Target>,
    },
    /// Ask a URL for its status, once.
    CheckUrl(String),
    /// Read what a change of the kubeconfig would do, and ask its servers who they are. Nothing is written.
    PreviewChange {
        request: RequestId,
        asked: Asked,
    },

    /// Read what an undo of the kubeconfig would take back.
    ReadLastChange {
        request: RequestId,
    },

    // Writing to files of this machine.
    /// Change the kubeconfig; first remove this lock, which a person has said is left behind.
    ChangeKubeconfig {
        order: Order,
        unlock: Option<Lock>,
    },

    // Writing to the cluster.
    /// Cordon or uncordon the Node with this UID; it is read again first, and another under the same name is left alone.
    SetUnschedulable {
        context: String,
        node: NodeName,
        uid: Uid,
        unschedulable: bool,
    },

    /// Set a label of the Node with this UID, or remove it (`None`).
    SetLabel {
        context: String,
        node: NodeName,
        uid: Uid,
        key: String,
        value: Option<String>,
    },
    /// Tries changes of MetalLB's objects out, makes them, and writes them into the history.
    ChangePools {
        form: Form,
        changes: Vec<Change>,
        /// What the history says of it; its list of changes becomes what was really done.
        record: Applied,
    },
    /// Applies a manifest, object after object.
    Install {
        manifest: Manifest,
        record: Applied,
    },

    /// Delete the pod with this UID; what makes it makes another.
    DeletePod {
        context: String,
        pod: PodName,
        uid: Uid,
    },
    /// Have the workload that made those pods make them anew, one after the other.
    RestartWorkload {
        context: String,
        workload: WorkloadRef,
        maker: Maker,
    },
    /// Ask the workload that made those pods for so many.
    ScaleWorkload {
        context: String,
        workload: WorkloadRef,
        maker: Maker,
        replicas: u32,
    },

    /// Make a deploy token, try it, put it into a Secret, and the name of that to who pulls.
    MakePullSecret {
        context: String,
        wanted: Box<Wanted>,
    },
    // Boards on their way into the cluster.
    /// Find out the version of a channel and the address of the server.
    PrepareOnboarding(Box<wish::Asked>),
    /// Look at a board, keep its journal, take its next step: in this order, one after the other.
    Onboard {
        wish: Box<wish::Wish>,
        orders: Vec<machine::Order>,
    },
    /// The person has accepted a board's plan, or wants it tried again.
    SteerOnboarding {
        host: String,
        event: Box<machine::Event>,
    },
    /// Read the journals of boards whose run was cut off.
    ReadOnboarding,

    // Our own files.
    /// The draft of this key, and what was applied from here.
    ReadDraft(DraftKey),
    /// Keeps the draft on disk: at once, and again when more comes while it is written.
    KeepDraft(Draft),
    DropDraft(DraftKey),

    /// What files for building an image would change in a folder.
    PlanScaffold {
        folder: String,
        form: Scaffold,
    },
    /// Writes them, as they were shown.
    WriteScaffold(ScaffoldPlan),

    /// Reads a file a person has named.
    ReadManifest(String),

    /// Apply a merge patch to the Service with this UID, after the server has tried it.
    ChangeService {
        context: String,
        service: ServiceName,
        uid: Uid,
        change: serde_json::Value,
    },
    /// Make a Service for a Deployment, after the server has tried it.
    Expose {
        context: String,
        exposure: Exposure,
    },
    /// Do something to a board.
    Board {
        context: String,
        node: NodeName,
        to: Destination,
        deed: Deed,
    },
    /// Cordon the Node with this UID and evict its pods.
    Drain {
        context: String,
        node: NodeName,
        uid: Uid,
        consent: Consent,
        /// A hot swap goes on after it.
        is_swap: bool,
    },
    /// Evict no more pods of the Node with this UID. It stays cordoned.
    CancelDrain(Uid),
    /// Makes a `PersistentVolumeClaim`.
    CreateClaim {
        context: String,
        claim: ClaimName,
        body: serde_json::Value,
    },
    /// Look once whether NFS servers answer, from here and from a board.
    LookAtNfs {
        context: String,
        servers: Vec<Box<str>>,
        board: Option<(NodeName, Destination)>,
    },
    /// Let the server try a set-up; nothing is stored.
    TrySetup {
        context: String,
        manifest: Manifest,
    },
    /// Set up a provisioner and its class, and prove it with a claim.
    SetUp {
        context: String,
        manifest: Manifest,
        setup: Setup,
    },
    /// A merge patch of a claim, if it is still this one; without one it is deleted.
    ChangeClaim {
        context: String,
        claim: ClaimName,
        uid: Uid,
        change: Option<serde_json::Value>,
    },
    /// Delete the Node with this UID, and look whether k3s forgets its password.
    RemoveNode {
        context: String,
        node: NodeName,
        uid: Uid,
    },
    /// Delete the password that k3s keeps of a node that is gone.
    RemovePassword {
        context: String,
        node: NodeName,
    },

    /// How ssh's configuration resolves a host; the answer comes as a page of text.
    ResolveHost {
        request: RequestId,
        to: Destination,
    },

    /// Write lines to a new file that only its owner can read. Nothing is written over.
    SaveLogs {
        file: String,
        lines: Vec<u8>,
        with_colours: bool,
    },

    // The terminal.
    /// The terminal goes to the person's pager with these lines, until that ends.
    Page(Vec<u8>),
    /// The terminal goes to an interactive session on a board until that ends.
    Shell(Destination),
    /// The terminal goes to a shell in a pod, by kubectl, until that ends.
    Exec {
        context: String,
        pod: PodName,
    },
    /// To the clipboard of the person's own terminal (OSC 52).
    Copy(String),
    Repaint,
    Suspend,
    Quit,
}

impl Effect {
    /// True when it changes the cluster, a board or a file: the choke point of read-only mode asks this, and a new
    /// effect does not compile without an answer. A yes to a host key is none: where the program is read-only it counts
    /// until the end and is written nowhere (`keeps_host_keys` of `clients::ssh::Settings`).
    pub fn is_write(&self) -> bool {
        match self {
            Effect::SetUnschedulable { .. }
            | Effect::ChangeKubeconfig { .. }
            | Effect::SetLabel { .. }
            | Effect::ChangeService { .. }
            | Effect::Expose { .. }
            | Effect::Drain { .. }
            | Effect::Board { .. }
            | Effect::CreateClaim { .. }
            | Effect::ChangeClaim { .. }
            | Effect::SetUp { .. }
            | Effect::Restore { .. }
            | Effect::RemoveNode { .. }
            | Effect::RemovePassword { .. }
            | Effect::ChangePools { .. }
            | Effect::Install { .. }
            | Effect::ActOnJob { .. }
            | Effect::DeletePod { .. }
            | Effect::RestartWorkload { .. }
            | Effect::ScaleWorkload { .. }
            | Effect::WriteScaffold(_)
            | Effect::MakePullSecret { .. }
            | Effect::SteerOnboarding { .. }
            // A person can change anything there.
            | Effect::Exec { .. }
            | Effect::Shell(_) => true,
            // To stop is never forbidden.
            Effect::CancelDrain(_)
            // What an accepted plan comes to, whatever context is on the screen meanwhile: `SteerOnboarding` accepts it.
            | Effect::Onboard { .. }
            | Effect::WatchBoards { .. }
            | Effect::AnswerSsh { .. }
            | Effect::PrepareOnboarding(_)
            | Effect::ReadOnboarding
            | Effect::PlanDrain { .. }
            | Effect::Follow { .. }
            | Effect::WantMetrics(_)
            | Effect::FollowFleet
            | Effect::ReadBackups
            | Effect::RehearseRestore(_)
            | Effect::ListIdle { .. }
            | Effect::LookAtBuilds(_)
            | Effect::PreviewChange { .. }
            | Effect::ReadLastChange { .. }
            | Effect::Stop(_)
            | Effect::ReadYaml { .. }
            | Effect::Describe { .. }
            | Effect::ReadImages { .. }
            | Effect::Probe { .. }
            | Effect::CheckUrl(_)
            | Effect::ReadDraft(_)
            | Effect::ReadManifest(_)
            | Effect::TrySetup { .. }
            | Effect::LookAtNfs { .. }
            | Effect::PlanScaffold { .. }
            // Our own notes, as the log is.
            | Effect::KeepDraft(_)
            | Effect::DropDraft(_)
            | Effect::ResolveHost { .. }
            | Effect::OpenFeed { .. }
            | Effect::GoOnWithLogs
            // A new file beside all others: nothing that is there changes.
            | Effect::SaveLogs { .. }
            | Effect::Page(_)
            | Effect::Copy(_)
            | Effect::Repaint
            | Effect::Suspend
            | Effect::Quit => false,
        }
    }
}
