//! Everything a key can mean: the name for keymaps, the line for help, and whether it changes the world.
//!
//! Not here: which key does it (`keymaps/*.toml`) and what happens (`app`, `panes`).

/// The panes, with the numbers of the product: a pane keeps its number for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PaneId {
    Rack,
    Services,
    Pools,
    Onboard,
    Kubeconfig,
    Problems,
}

impl PaneId {
    pub const ALL: &[PaneId] = &[
        PaneId::Rack,
        PaneId::Services,
        PaneId::Pools,
        PaneId::Onboard,
        PaneId::Kubeconfig,
        PaneId::Problems,
    ];

    /// The title on the tab; in lower case it is also the pane's table in a keymap.
    pub fn title(self) -> &'static str {
        match self {
            PaneId::Rack => "Rack",
            PaneId::Services => "Services",
            PaneId::Kubeconfig => "Kubeconfig",
            PaneId::Pools => "Pools",
            PaneId::Onboard => "Onboard",
            PaneId::Problems => "Problems",
        }
    }

    /// The action that shows the pane.
    pub fn action(self) -> Action {
        match self {
            PaneId::Rack => Action::PaneRack,
            PaneId::Services => Action::PaneServices,
            PaneId::Kubeconfig => Action::PaneKubeconfig,
            PaneId::Pools => Action::PanePools,
            PaneId::Onboard => Action::PaneOnboard,
            PaneId::Problems => Action::PaneProblems,
        }
    }
}

/// What an action can do to the world. Writers are refused in read-only mode and ask first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Danger {
    Safe,
    /// Changes the cluster.
    Writes,
}

/// What a key, a menu row or a typed command can mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Action {
    Quit,
    Back,
    Close,
    Accept,
    Cancel,
    Suspend,
    Repaint,
    PaneRack,
    PaneServices,
    PaneKubeconfig,
    PanePools,
    PaneOnboard,
    PaneProblems,
    PaneNext,
    PanePrevious,
    CommandOpen,
    HelpOpen,
    MenuOpen,
    HistoryBack,
    HistoryForward,
    RowDown,
    RowUp,
    HalfDown,
    HalfUp,
    PageDown,
    PageUp,
    GoTop,
    GoBottom,
    RowOpen,
    RowMark,
    FilterOpen,
    SortNext,
    SortPrevious,
    SortReverse,
    WideToggle,
    FaultsToggle,
    Refresh,
    YamlOpen,
    CopyName,
    SearchNext,
    SearchPrevious,
    PictureToggle,
    ServicesAll,
    ServiceCheck,
    CopyUrl,
    ServiceExpose,
    ServiceAddress,
    ServicePool,
    ServiceShare,
    ServiceRelease,
    NodeCordon,
    NodeUncordon,
    NodeLabel,
    NodeDrain,
    NodeRemove,
    NodeShell,
    BoardBlink,
    BoardHeartbeat,
    BoardJournal,
    BoardPreviousBoot,
    BoardKernel,
    BoardRestart,
    BoardReboot,
    BoardHotSwap,
    ContextTurn,
    HalfToggle,
    PoolEdit,
    PoolReview,
    PoolApply,
    PoolUndo,
    PoolHistory,
    PoolCreate,
    PoolConvert,
    PoolMerge,
    PoolDiscard,
    FaultNext,
    FaultPrevious,
    MetallbInstall,
    ContextUse,
    ContextNamespace,
    ContextRename,
    ContextDelete,
    KubeconfigMerge,
    KubeconfigUndo,
    OnboardAdd,
    OnboardAccept,
    OnboardFix,
    OnboardRetry,
    OnboardForget,
    ChangeWrite,
    ChangeEdit,
}

/// The name, the help line and the danger of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionInfo {
    /// Noun-verb, kebab-case: what a keymap file says.
    pub name: &'static str,
    /// One short line for help and menus; a hint shows it up to the first colon or semicolon.
    pub help: &'static str,
    pub danger: Danger,
}

impl Action {
    /// Every action, in the order of the help page.
    pub const ALL: &[Action] = &[
        Action::Quit,
        Action::Back,
        Action::Close,
        Action::Accept,
        Action::Cancel,
        Action::Suspend,
        Action::Repaint,
        Action::PaneRack,
        Action::PaneServices,
        Action::PaneKubeconfig,
        Action::PanePools,
        Action::PaneOnboard,
        Action::PaneProblems,
        Action::PaneNext,
        Action::PanePrevious,
        Action::CommandOpen,
        Action::HelpOpen,
        Action::MenuOpen,
        Action::HistoryBack,
        Action::HistoryForward,
        Action::RowDown,
        Action::RowUp,
        Action::HalfDown,
        Action::HalfUp,
        Action::PageDown,
        Action::PageUp,
        Action::GoTop,
        Action::GoBottom,
        Action::RowOpen,
        Action::RowMark,
        Action::FilterOpen,
        Action::SortNext,
        Action::SortPrevious,
        Action::SortReverse,
        Action::WideToggle,
        Action::FaultsToggle,
        Action::Refresh,
        Action::YamlOpen,
        Action::CopyName,
        Action::SearchNext,
        Action::SearchPrevious,
        Action::PictureToggle,
        Action::ServicesAll,
        Action::ServiceCheck,
        Action::CopyUrl,
        Action::ServiceExpose,
        Action::ServiceAddress,
        Action::ServicePool,
        Action::ServiceShare,
        Action::ServiceRelease,
        Action::NodeCordon,
        Action::NodeUncordon,
        Action::NodeLabel,
        Action::NodeDrain,
        Action::NodeRemove,
        Action::NodeShell,
        Action::BoardBlink,
        Action::BoardHeartbeat,
        Action::BoardJournal,
        Action::BoardPreviousBoot,
        Action::BoardKernel,
        Action::BoardRestart,
        Action::BoardReboot,
        Action::BoardHotSwap,
        Action::ContextTurn,
        Action::HalfToggle,
        Action::PoolEdit,
        Action::PoolReview,
        Action::PoolApply,
        Action::PoolUndo,
        Action::PoolHistory,
        Action::PoolCreate,
        Action::PoolConvert,
        Action::PoolMerge,
        Action::PoolDiscard,
        Action::FaultNext,
        Action::FaultPrevious,
        Action::MetallbInstall,
        Action::ContextUse,
        Action::ContextNamespace,
        Action::ContextRename,
        Action::ContextDelete,
        Action::KubeconfigMerge,
        Action::KubeconfigUndo,
        Action::OnboardAdd,
        Action::OnboardAccept,
        Action::OnboardFix,
        Action::OnboardRetry,
        Action::OnboardForget,
        Action::ChangeWrite,
        Action::ChangeEdit,
    ];

    /// The action a keymap file calls `name`.
    pub fn from_name(name: &str) -> Option<Action> {
        Action::ALL
            .iter()
            .copied()
            .find(|action| action.info().name == name)
    }

    #[expect(
        clippy::too_many_lines,
        reason = "one arm for each action, and no logic"
    )]
    pub fn info(self) -> ActionInfo {
        let (name, help, danger) = match self {
            Action::Quit => ("quit", "leave bramble", Danger::Safe),
            Action::Back => ("back", "go back; at the top, leave", Danger::Safe),
            Action::Close => ("close", "close: the innermost thing", Danger::Safe),
            Action::Accept => ("accept", "yes: do it", Danger::Safe),
            Action::Cancel => (
                "cancel",
                "cancel what is running, or leave a prompt",
                Danger::Safe,
            ),
            Action::Suspend => ("suspend", "suspend to the shell", Danger::Safe),
            Action::Repaint => ("repaint", "paint the whole screen again", Danger::Safe),
            Action::PaneRack => ("pane-rack", "nodes and their heartbeats", Danger::Safe),
            Action::PaneServices => (
                "pane-services",
                "virtual addresses and who answers",
                Danger::Safe,
            ),
            Action::PaneKubeconfig => (
                "pane-kubeconfig",
                "contexts, and how their clusters are",
                Danger::Safe,
            ),
            Action::PanePools => ("pane-pools", "the addresses of MetalLB", Danger::Safe),
            Action::PaneOnboard => (
                "pane-onboard",
                "boards on their way into the cluster",
                Danger::Safe,
            ),
            Action::PaneProblems => (
                "pane-problems",
                "everything that is wrong, worst first",
                Danger::Safe,
            ),
            Action::PaneNext => ("pane-next", "next pane", Danger::Safe),
            Action::PanePrevious => ("pane-previous", "previous pane", Danger::Safe),
            Action::CommandOpen => ("command-open", "command: type one", Danger::Safe),
            Action::HelpOpen => ("help-open", "help: the keys that act here", Danger::Safe),
            Action::MenuOpen => ("menu-open", "menu: everything for this row", Danger::Safe),
            Action::HistoryBack => ("history-back", "where you were before", Danger::Safe),
            Action::HistoryForward => ("history-forward", "forward again", Danger::Safe),
            Action::RowDown => ("row-down", "next row", Danger::Safe),
            Action::RowUp => ("row-up", "previous row", Danger::Safe),
            Action::HalfDown => ("half-down", "half a page down", Danger::Safe),
            Action::HalfUp => ("half-up", "half a page up", Danger::Safe),
            Action::PageDown => ("page-down", "a page down", Danger::Safe),
            Action::PageUp => ("page-up", "a page up", Danger::Safe),
            Action::GoTop => ("go-top", "first row", Danger::Safe),
            Action::GoBottom => ("go-bottom", "last row", Danger::Safe),
            Action::RowOpen => ("row-open", "open: what is behind this row", Danger::Safe),
            Action::RowMark => ("row-mark", "mark: this row, or no longer", Danger::Safe),
            Action::FilterOpen => (
                "filter-open",
                "filter: only some rows; in a text, search",
                Danger::Safe,
            ),
            Action::SortNext => ("sort-next", "sort: by the next column", Danger::Safe),
            Action::SortPrevious => (
                "sort-previous",
                "sort back: by the previous column",
                Danger::Safe,
            ),
            Action::SortReverse => (
                "sort-reverse",
                "reverse: the order of the rows",
                Danger::Safe,
            ),
            Action::WideToggle => ("wide-toggle", "wide: more columns", Danger::Safe),
            Action::FaultsToggle => ("faults-toggle", "faults: only what is wrong", Danger::Safe),
            Action::Refresh => ("refresh", "refresh: ask the server again", Danger::Safe),
            Action::YamlOpen => ("yaml-open", "YAML", Danger::Safe),
            Action::CopyName => ("copy-name", "copy: the name, also over ssh", Danger::Safe),
            Action::SearchNext => ("search-next", "next match", Danger::Safe),
            Action::SearchPrevious => ("search-previous", "previous match", Danger::Safe),
            Action::ServicesAll => (
                "services-all",
                "all types: NodePort and ClusterIP too",
                Danger::Safe,
            ),
            Action::ServiceCheck => ("service-check", "check: ask over HTTP once", Danger::Safe),
            Action::CopyUrl => ("copy-url", "copy URL", Danger::Safe),
            Action::ServiceExpose => (
                "service-expose",
                "expose: a VIP for a Deployment",
                Danger::Writes,
            ),
            Action::ServiceAddress => (
                "service-address",
                "address: ask for another one",
                Danger::Writes,
            ),
            Action::ServicePool => (
                "service-pool",
                "pool: ask for one of another",
                Danger::Writes,
            ),
            Action::ServiceShare => (
                "service-share",
                "share: another service's address",
                Danger::Writes,
            ),
            Action::ServiceRelease => (
                "service-release",
                "release: give the address up",
                Danger::Writes,
            ),
            Action::PictureToggle => (
                "picture-toggle",
                "picture: the rack as the case on the wall",
                Danger::Safe,
            ),
            Action::NodeCordon => ("node-cordon", "cordon: no new pods here", Danger::Writes),
            Action::NodeUncordon => (
                "node-uncordon",
                "uncordon: pods may come again",
                Danger::Writes,
            ),
            Action::ContextTurn => (
                "context-turn",
                "turn to: this session goes on with it",
                Danger::Safe,
            ),
            Action::NodeLabel => ("node-label", "label: set one or remove it", Danger::Writes),
            Action::ContextUse => (
                "context-use",
                "current: make it the file's current-context",
                Danger::Writes,
            ),
            Action::ContextNamespace => (
                "context-namespace",
                "namespace: the one kubectl takes for this context",
                Danger::Writes,
            ),
            Action::ContextRename => (
                "context-rename",
                "rename: current-context follows",
                Danger::Writes,
            ),
            Action::ContextDelete => (
                "context-delete",
                "delete: from the kubeconfig, not from the world",
                Danger::Writes,
            ),
            Action::OnboardAdd => (
                "onboard-add",
                "onboard: add boards; they are checked first",
                Danger::Safe,
            ),
            Action::OnboardAccept => (
                "onboard-accept",
                "do the plan: it is shown and asked about",
                Danger::Writes,
            ),
            Action::OnboardFix => (
                "onboard-fix",
                "fix: what stands against the board, asked first",
                Danger::Writes,
            ),
            Action::OnboardRetry => (
                "onboard-retry",
                "again: try the board once more",
                Danger::Writes,
            ),
            Action::OnboardForget => (
                "onboard-forget",
                "off the list: the board is left as it is",
                Danger::Safe,
            ),
            Action::KubeconfigMerge => (
                "kubeconfig-merge",
                "merge: take in k3s.yaml or another kubeconfig",
                Danger::Writes,
            ),
            Action::KubeconfigUndo => (
                "kubeconfig-undo",
                "undo: the last change of the kubeconfig",
                Danger::Writes,
            ),
            Action::ChangeWrite => ("change-write", "write: what is shown here", Danger::Writes),
            Action::ChangeEdit => ("change-edit", "edit: back to the form", Danger::Safe),
            Action::NodeDrain => (
                "node-drain",
                "drain: cordon it and evict its pods",
                Danger::Writes,
            ),
            Action::NodeRemove => (
                "node-remove",
                "remove: take the node out of the cluster",
                Danger::Writes,
            ),
            Action::HalfToggle => (
                "half-toggle",
                "other half: from the pools to the text and back",
                Danger::Safe,
            ),
            Action::PoolEdit => ("pool-edit", "edit: type in the text", Danger::Safe),
            Action::PoolReview => (
                "pool-review",
                "review: what the text changes, and for which services",
                Danger::Safe,
            ),
            Action::PoolApply => (
                "pool-apply",
                "apply: review, question, trial, then the cluster",
                Danger::Writes,
            ),
            Action::PoolUndo => ("pool-undo", "undo: the last apply", Danger::Writes),
            Action::PoolHistory => (
                "pool-history",
                "history: everything applied from here",
                Danger::Safe,
            ),
            Action::PoolCreate => (
                "pool-create",
                "new pool: with a free range proposed",
                Danger::Safe,
            ),
            Action::PoolConvert => (
                "pool-convert",
                "convert: the old ConfigMap to objects",
                Danger::Safe,
            ),
            Action::PoolMerge => (
                "pool-merge",
                "merge: their change and yours into one text",
                Danger::Safe,
            ),
            Action::PoolDiscard => (
                "pool-discard",
                "discard: the draft goes, the server's text comes",
                Danger::Safe,
            ),
            Action::FaultNext => ("fault-next", "next fault in the text", Danger::Safe),
            Action::FaultPrevious => ("fault-previous", "previous fault in the text", Danger::Safe),
            Action::MetallbInstall => (
                "metallb-install",
                "install: MetalLB from a manifest file",
                Danger::Writes,
            ),
            Action::NodeShell => ("node-shell", "shell: ssh to the board", Danger::Writes),
            Action::BoardBlink => (
                "board-blink",
                "blink: find the board by its lights",
                Danger::Writes,
            ),
            Action::BoardHeartbeat => (
                "board-heartbeat",
                "heartbeat light: ACT beats, or shows the card",
                Danger::Writes,
            ),
            Action::BoardJournal => (
                "board-journal",
                "log: the journal of k3s on this board",
                Danger::Safe,
            ),
            Action::BoardPreviousBoot => (
                "board-previous-boot",
                "previous boot: what its journal said last",
                Danger::Safe,
            ),
            Action::BoardKernel => ("board-kernel", "kernel: dmesg of this board", Danger::Safe),
            Action::BoardRestart => (
                "board-restart",
                "restart k3s: on this board",
                Danger::Writes,
            ),
            Action::BoardReboot => ("board-reboot", "reboot: this board", Danger::Writes),
            Action::BoardHotSwap => (
                "board-hot-swap",
                "hot swap: drain it, switch it off, take another",
                Danger::Writes,
            ),
        };
        ActionInfo { name, help, danger }
    }

    pub fn is_writer(self) -> bool {
        self.info().danger == Danger::Writes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_has_its_own_kebab_case_name() {
        for &action in Action::ALL {
            let name = action.info().name;
            assert!(
                name.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
                "{name}"
            );
            assert_eq!(
                Action::from_name(name),
                Some(action),
                "{name} is not unique"
            );
        }
    }
}
