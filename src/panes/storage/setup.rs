//! The guided set-up of an NFS provisioner: a form, what the server would store, a question, and the test claim that proves
//! it, step by step.

use similar::{ChangeTag, TextDiff};

use crate::effect::Effect;
use crate::form::{Answers, Form, FormField, FormId, Input};
use crate::msg::{Msg, Question};
use crate::panes::Cx;
use crate::panes::page::{Line, Piece, heading, row};
use crate::rack::Rack;
use crate::rack::problem::Problem;
use crate::rack::storage::setup::{Field, IMAGE, NAMESPACE, News, Outcome, Setup, Tried};

const SERVER: &str = "server";
const PATH: &str = "path";
const CLASS: &str = "class";
const SPACE: &str = "namespace";
const DEFAULT: &str = "default";
const ARCHIVE: &str = "archive";
const IMAGE_FIELD: &str = "image";

/// Names of objects and of the test claim are made of the class's, and may have 63 letters.
const LONGEST_CLASS: usize = 40;

/// How far it is.
#[derive(Debug, Clone)]
pub(super) struct Course {
    /// Where it was begun: answers of another cluster are none.
    context: String,
    setup: Setup,
    stage: Stage,
}

#[derive(Debug, Clone)]
enum Stage {
    /// The server tries everything.
    Trying,
    Refused(Problem),
    Tried(Vec<Tried>),
    Running(Vec<String>),
    Ended(Vec<String>, Result<(), Problem>),
}

/// The first question: a set-up that is there already is offered again as it is.
pub(super) fn form(rack: &Rack) -> Msg {
    let known = rack.storage.provisioners().next();
    let server = known.map_or("", |it| &*it.server);
    let path = known.map_or("", |it| &*it.path);
    let text = |key, label, text: &str, help: &str| FormField::text(key, label, text).help(help);
    let fields = vec![
        text(
            SERVER,
            "NFS server",
            server,
            "its name or address, as the boards reach it",
        ),
        text(PATH, "path", path, "what it exports, such as /srv/nfs"),
        text(
            CLASS,
            "class name",
            "nas",
            "what claims will write as storageClassName",
        ),
        text(SPACE, "namespace", NAMESPACE, "where the provisioner runs"),
        FormField::new(DEFAULT, "default class", Input::Toggle(false))
            .help("for claims that name no class"),
        FormField::new(ARCHIVE, "keep deleted", Input::Toggle(true))
            .help("archiveOnDelete: folders of deleted claims are renamed, not removed"),
        text(
            IMAGE_FIELD,
            "image",
            IMAGE,
            "v4.0.2 is the only release for 32-bit boards too",
        ),
    ];
    Msg::Fill(Form {
        id: FormId::Provisioner,
        title: "Set up an NFS provisioner".to_owned(),
        lines: vec![
            "Claims get folders below an export. Nothing is written before you have seen it."
                .to_owned(),
        ],
        fields,
        otherwise: Vec::new(),
    })
}

fn setup(answers: &Answers) -> Setup {
    let text = |key| answers.text(key).trim().to_owned();
    Setup {
        server: text(SERVER),
        path: text(PATH),
        class: text(CLASS),
        namespace: text(SPACE),
        is_default: answers.is_on(DEFAULT),
        archives: answers.is_on(ARCHIVE),
        image: text(IMAGE_FIELD),
    }
}

pub(in crate::panes) fn complaint(
    answers: &Answers,
    rack: &Rack,
) -> Option<(&'static str, String)> {
    let setup = setup(answers);
    let is_host = |c: char| c.is_ascii_alphanumeric() || ".-:".contains(c);
    if setup.server.is_empty() || !setup.server.chars().all(is_host) {
        return Some((SERVER, "a name or an address".to_owned()));
    }
    let is_odd = |c: char| c.is_whitespace() || c.is_control();
    if !setup.path.starts_with('/') || setup.path.contains(is_odd) {
        return Some((
            PATH,
            "a path that begins with / and has no blanks".to_owned(),
        ));
    }
    for (key, name, longest) in [
        (CLASS, &setup.class, LONGEST_CLASS),
        (SPACE, &setup.namespace, 63),
    ] {
        if !super::wish::is_name(name) || name.len() > longest {
            let text = format!("lower case letters, digits and dashes, at most {longest}");
            return Some((key, text));
        }
    }
    if setup.image.is_empty() || setup.image.contains(is_odd) {
        return Some((IMAGE_FIELD, "an image".to_owned()));
    }
    setup.refusal(rack).map(|(field, text)| match field {
        Field::Class => (CLASS, text),
        Field::Image => (IMAGE_FIELD, text),
    })
}

/// The answers are in: the server tries it.
pub(super) fn filled_in(answers: &Answers, cx: &mut Cx<'_>) -> Course {
    let setup = setup(answers);
    let context = cx.rack.cluster.context.clone();
    cx.effects.push(Effect::TrySetup {
        context: context.clone(),
        manifest: setup.manifest(cx.rack),
    });
    Course {
        context,
        setup,
        stage: Stage::Trying,
    }
}

impl Course {
    /// What does not fit the stage is an answer to something that was begun before.
    pub(super) fn goes_on(&mut self, context: &str, news: &News) {
        if self.context != context {
            return;
        }
        let stage = std::mem::replace(&mut self.stage, Stage::Trying);
        self.stage = match (stage, news) {
            (Stage::Trying, News::Tried(Ok(tried))) => Stage::Tried(tried.clone()),
            (Stage::Trying, News::Tried(Err(problem))) => Stage::Refused(problem.clone()),
            (Stage::Tried(_), News::Said(sentence)) => Stage::Running(vec![sentence.clone()]),
            (Stage::Running(mut said), News::Said(sentence)) => {
                said.push(sentence.clone());
                Stage::Running(said)
            }
            (Stage::Running(said), News::Ended(result)) => Stage::Ended(said, result.clone()),
            (Stage::Tried(_), News::Ended(result)) => Stage::Ended(Vec::new(), result.clone()),
            (stage, _) => stage,
        };
    }

    pub(super) fn title(&self) -> String {
        format!("Storage: NFS provisioner for class {}", self.setup.class)
    }

    /// The question before anything is written.
    pub(super) fn apply(&self, cx: &mut Cx<'_>) {
        let tried = match &self.stage {
            Stage::Tried(tried) => tried,
            Stage::Trying => return cx.msgs.push(Msg::info("the server is still trying it")),
            Stage::Running(_) => return cx.msgs.push(Msg::info("it is being set up")),
            Stage::Refused(_) | Stage::Ended(..) => {
                return cx.msgs.push(Msg::warn("I begins anew"));
            }
        };
        if self.context != cx.rack.cluster.context {
            return cx.msgs.push(Msg::warn(
                "this was tried on another cluster: I begins anew",
            ));
        }
        let setup = &self.setup;
        let mut lines = vec![
            format!(
                "{} objects, then a test claim that is written, read and removed.",
                tried.len()
            ),
            format!("It runs {}.", setup.image),
            format!("Export: {}:{}", setup.server, setup.path),
        ];
        lines.push(format!("Cluster: {}", cx.rack.cluster.context));
        cx.msgs.push(Msg::Ask(Question {
            then: vec![Effect::SetUp {
                context: self.context.clone(),
                manifest: setup.manifest(cx.rack),
                setup: setup.clone(),
            }],
            ..Question::new(format!("Set up storage class {}?", setup.class), lines)
        }));
    }

    pub(super) fn lines(&self, rack: &Rack) -> Vec<Line> {
        let mut lines = Vec::new();
        match &self.stage {
            Stage::Trying => lines.push(line(
                "The server tries it; nothing is stored.",
                Piece::Plain,
            )),
            Stage::Refused(problem) => {
                lines.push(line("The server would not take it:", Piece::Bad));
                of_problem(problem, &mut lines);
            }
            Stage::Tried(tried) => self.review(tried, rack, &mut lines),
            Stage::Running(said) => {
                heading(&mut lines, "It is being set up");
                steps(said, &mut lines);
            }
            Stage::Ended(said, result) => {
                steps(said, &mut lines);
                match result {
                    Ok(()) => {
                        let text = format!(
                            "Storage class {} works: a claim was bound, written, read and removed.",
                            self.setup.class
                        );
                        lines.push(line(text, Piece::Good));
                    }
                    Err(problem) => of_problem(problem, &mut lines),
                }
            }
        }
        lines
    }

    fn review(&self, tried: &[Tried], rack: &Rack, lines: &mut Vec<Line>) {
        let later = tried
            .iter()
            .filter(|it| matches!(it.outcome, Outcome::Later(_)))
            .count();
        lines.push(line(
            "The server has tried it and accepts it; nothing is stored yet.",
            Piece::Good,
        ));
        if later > 0 {
            let text = format!(
                "{later} objects are tried when namespace {} is there, before any of them is made.",
                self.setup.namespace
            );
            lines.push(line(text, Piece::Label));
        }
        lines.push(line(
            "a sets it up (asks first); esc leaves it.",
            Piece::Plain,
        ));
        let concerns = self.setup.concerns(rack);
        if !concerns.is_empty() {
            heading(lines, "Before you say yes");
            for concern in concerns {
                lines.push(line(concern, Piece::Warn));
            }
        }
        for one in tried {
            heading(lines, one.object.as_str());
            match &one.outcome {
                Outcome::New(text) | Outcome::Later(text) => {
                    lines.extend(text.lines().map(|it| mark('+', it)));
                }
                Outcome::There { before, after } if before == after => {
                    lines.push(line("is there, just so", Piece::Label));
                }
                Outcome::There { before, after } => changed(before, after, lines),
            }
        }
    }
}

fn steps(said: &[String], lines: &mut Vec<Line>) {
    lines.extend(said.iter().map(|it| line(it.as_str(), Piece::Plain)));
}

fn of_problem(problem: &Problem, lines: &mut Vec<Line>) {
    lines.push(line(problem.what.as_str(), Piece::Bad));
    for (label, text) in [("why", &problem.why), ("next", &problem.next)] {
        if !text.is_empty() {
            lines.push(row(label, text.as_str()));
        }
    }
}

/// Only what differs, with two lines around it.
fn changed(before: &str, after: &str, lines: &mut Vec<Line>) {
    let diff = TextDiff::from_lines(before, after);
    for group in diff.grouped_ops(2) {
        for change in group.iter().flat_map(|it| diff.iter_changes(it)) {
            let sign = match change.tag() {
                ChangeTag::Equal => ' ',
                ChangeTag::Insert => '+',
                ChangeTag::Delete => '-',
            };
            lines.push(mark(sign, change.value().trim_end_matches('\n')));
        }
    }
}

/// A line of a text as it stands, with its sign.
fn mark(sign: char, text: &str) -> Line {
    let piece = match sign {
        '+' => Piece::Good,
        '-' => Piece::Bad,
        _ => Piece::Label,
    };
    vec![(format!("{sign} {text}"), piece)]
}

fn line(text: impl Into<String>, piece: Piece) -> Line {
    vec![(text.into(), piece)]
}
