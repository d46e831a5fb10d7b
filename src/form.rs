//! Forms as data: what a pane asks a person to fill in, and the answers.
//!
//! Not here: how a form is drawn and edited (`ui`, `app`), and what an answer does (the pane that asked).

use std::collections::BTreeMap;

use crate::effect::{Effect, RequestId};
use crate::rack::node::{NodeName, Uid};
use crate::rack::pipeline::Job;
use crate::rack::pipeline::state::{JobRef, ProjectRef};
use crate::rack::pod::Maker;
use crate::rack::secret::Secret;
use crate::rack::service::ServiceName;
use crate::rack::ssh::Destination;
use crate::rack::storage::ClaimName;
use crate::rack::workload::WorkloadRef;

/// What a form is for; the pane that asked finds here what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormId {
    /// A label of this very node is set or removed.
    NodeLabel {
        node: NodeName,
        uid: Uid,
    },
    /// This very Service asks for an address, a pool, or to share with another.
    ServiceAddress {
        service: ServiceName,
        uid: Uid,
    },
    ServicePool {
        service: ServiceName,
        uid: Uid,
    },
    ServiceShare {
        service: ServiceName,
        uid: Uid,
    },
    /// A Service is made for a Deployment.
    Expose,
    /// A new `PersistentVolumeClaim`.
    ClaimCreate,
    /// A backup is put back onto a board.
    Restore {
        node: NodeName,
        to: Destination,
    },
    /// An NFS provisioner and its class are set up.
    Provisioner,
    /// More room for this very claim.
    ClaimResize {
        claim: ClaimName,
        uid: Uid,
    },
    PoolCreate,
    /// Objects of MetalLB are deleted; these pools of them are in use.
    PoolDeletions {
        in_use: Vec<String>,
    },
    /// The file MetalLB is installed from.
    Manifest,
    /// A workload is asked for so many pods.
    Scale {
        workload: WorkloadRef,
        maker: Maker,
    },
    /// Lines of logs are saved to a file.
    LogSave,
    /// The log of a job is saved to a file.
    TraceSave,
    /// Another kubeconfig is merged into ours.
    KubeconfigMerge,
    /// Another cluster or person has the name that a merge would take.
    KubeconfigConflict,
    ContextRename {
        context: String,
    },
    ContextNamespace {
        context: String,
    },
    /// A context is deleted whose cluster and user nothing else uses.
    ContextDelete {
        context: String,
    },
    /// A job that waits for somebody is started, with variables.
    PlayJob {
        at: JobRef,
        job: Box<Job>,
    },
    /// A deploy token of a project goes into a Secret that this workload pulls with.
    PullSecret {
        workload: WorkloadRef,
        maker: Maker,
        /// In the order of the form.
        offered: Vec<ProjectRef>,
    },
    /// Files for building an image are written into a folder.
    ArmScaffold,
    /// Boards are added to those that are onboarded.
    Onboard,
    /// The node of a board that is onboarded gets another name.
    OnboardName {
        host: String,
    },
    /// A connection over SSH wants secrets.
    Ssh {
        request: RequestId,
    },
}

/// Fields to fill in, over the panes.
#[derive(Debug, Clone, PartialEq)]
pub struct Form {
    pub id: FormId,
    /// `Label of node rpi-03`.
    pub title: String,
    /// What it is about, above the fields.
    pub lines: Vec<String>,
    pub fields: Vec<FormField>,
    /// What leaving it sets off: for a task that waits for the answers.
    pub otherwise: Vec<Effect>,
}

/// One line of a form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormField {
    /// What its answer is found under.
    pub key: &'static str,
    /// A word or two before the field.
    pub label: &'static str,
    /// One line shown while the field has the cursor; may be empty.
    pub help: String,
    pub input: Input,
}

/// What can be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input {
    /// A text, as it stands at first, and texts that it could become: the first that begins with what is typed is
    /// shown behind it.
    Text {
        text: String,
        offered: Vec<String>,
    },
    /// A text that is not shown.
    Secret,
    /// One of several; there is at least one.
    Choice {
        options: Vec<String>,
        chosen: usize,
    },
    Toggle(bool),
}

/// What was entered in one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Text(String),
    Secret(Secret),
    /// The place in the options.
    Choice(usize),
    Toggle(bool),
}

/// The answers by key of the field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answers(BTreeMap<&'static str, Answer>);

impl FormField {
    pub fn text(key: &'static str, label: &'static str, text: impl Into<String>) -> FormField {
        let input = Input::Text {
            text: text.into(),
            offered: Vec::new(),
        };
        FormField::new(key, label, input)
    }

    pub fn new(key: &'static str, label: &'static str, input: Input) -> FormField {
        FormField {
            key,
            label,
            help: String::new(),
            input,
        }
    }

    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> FormField {
        self.help = help.into();
        self
    }
}

impl Answers {
    /// The text entered under `key`, without blanks around it; empty when there is none.
    pub fn text(&self, key: &str) -> &str {
        match self.0.get(key) {
            Some(Answer::Text(text)) => text.trim(),
            _ => "",
        }
    }

    pub fn secret(&self, key: &str) -> Option<&Secret> {
        match self.0.get(key) {
            Some(Answer::Secret(secret)) => Some(secret),
            _ => None,
        }
    }

    /// The place of the chosen option.
    pub fn choice(&self, key: &str) -> usize {
        match self.0.get(key) {
            Some(Answer::Choice(chosen)) => *chosen,
            _ => 0,
        }
    }

    pub fn is_on(&self, key: &str) -> bool {
        matches!(self.0.get(key), Some(Answer::Toggle(true)))
    }
}

impl FromIterator<(&'static str, Answer)> for Answers {
    fn from_iter<I: IntoIterator<Item = (&'static str, Answer)>>(answers: I) -> Answers {
        Answers(answers.into_iter().collect())
    }
}
