//! Where there is no MetalLB: what that means, what to do, and a manifest file applied from here.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::effect::Effect;
use crate::form::{Answers, Form, FormField, FormId};
use crate::msg::{Msg, Question};
use crate::panes::pools::PoolsPane;
use crate::panes::{Cx, age_and_source};
use crate::rack::Rack;
use crate::rack::draft::{Applied, Deed, DraftKey};
use crate::rack::link::{LinkState, Source, SourceState};
use crate::rack::manifest::Manifest;
use crate::rack::metallb::Era;
use crate::rack::problem::Problem;
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box};
use crate::ui::text::{clean, put, wrap};

const FILE: &str = "file";

/// A manifest on its way.
#[derive(Debug, Clone)]
pub(super) struct Installing {
    done: usize,
    next: String,
    /// How it ended; `None` while it runs.
    ended: Option<Result<(), String>>,
}

impl Installing {
    /// What is still waited for, in one sentence; `None` when nothing is.
    pub(super) fn waiting(&self, rack: &Rack) -> Option<String> {
        match &self.ended {
            Some(Ok(())) => Some(match rack.metallb.controller() {
                None => "Waiting for MetalLB's controller: it is not there yet.".to_owned(),
                Some(it) => format!(
                    "Waiting for MetalLB's controller: {} of {} pods ready.",
                    it.ready, it.desired
                ),
            }),
            _ => None,
        }
    }
}

impl PoolsPane {
    pub(super) fn ask_for_manifest(&self, cx: &mut Cx<'_>) {
        // One that stopped half-way is gone on with by applying it again.
        let mut installs = self.history.iter().filter(|it| it.deed == Deed::Install);
        let unfinished = installs.next().filter(|it| !it.stopped.is_empty());
        if let Some(version) = cx.rack.metallb.version().filter(|_| unfinished.is_none()) {
            cx.msgs.push(Msg::info(format!(
                "MetalLB {version} is here already: an upgrade is applied the way it was installed"
            )));
            return;
        }
        cx.msgs.push(Msg::Fill(Form {
            id: FormId::Manifest,
            title: "Install MetalLB".to_owned(),
            lines: vec![
                "From a manifest file on this machine, such as metallb-native.yaml of a release."
                    .to_owned(),
            ],
            fields: vec![
                FormField::text(FILE, "file", unfinished.map_or("", |it| &it.after))
                    .help("its path; ~/ is your home"),
            ],
            otherwise: Vec::new(),
        }));
    }

    pub(super) fn install_step(&mut self, done: usize, next: &str) {
        self.installing = Some(Installing {
            done,
            next: next.to_owned(),
            ended: None,
        });
    }

    pub(super) fn installed(
        &mut self,
        record: &Applied,
        result: &Result<(), Problem>,
        cx: &mut Cx<'_>,
    ) {
        self.history.insert(0, record.clone());
        let ended = result.clone().map_err(|problem| problem.sentence());
        cx.msgs.push(match &ended {
            Ok(()) => Msg::info("the manifest is applied; waiting for MetalLB's controller"),
            Err(sentence) => Msg::warn(sentence.clone()),
        });
        if let Some(installing) = &mut self.installing {
            installing.ended = Some(ended);
        }
        self.settle_install(cx);
    }

    /// Says when the controller is there, which is the end of an install.
    pub(super) fn settle_install(&mut self, cx: &mut Cx<'_>) {
        let is_applied = |it: &Installing| matches!(it.ended, Some(Ok(())));
        if !self.installing.as_ref().is_some_and(is_applied) {
            return;
        }
        let controller = cx.rack.metallb.controller();
        if controller.is_some_and(|it| it.desired > 0 && it.ready >= it.desired) {
            self.installing = None;
            let version = cx.rack.metallb.version();
            let version = version.map_or_else(String::new, |it| format!(" {it}"));
            let next = if self.pools.is_empty() {
                "; + makes the first pool"
            } else {
                ""
            };
            cx.msgs.push(Msg::info(format!(
                "MetalLB{version} is installed: its controller is ready{next}"
            )));
        }
    }
}

pub(super) fn complaint(answers: &Answers) -> Option<(&'static str, String)> {
    let is_empty = answers.text(FILE).is_empty();
    is_empty.then(|| (FILE, "name a file".to_owned()))
}

pub(super) fn named(answers: &Answers, cx: &mut Cx<'_>) {
    let file = answers.text(FILE).to_owned();
    cx.effects.push(Effect::ReadManifest(file));
}

/// The file is read: what is in it, and whether it is to be applied.
pub(super) fn read(result: &Result<Manifest, Problem>, cx: &mut Cx<'_>) {
    let manifest = match result {
        Ok(manifest) => manifest,
        Err(problem) => return cx.msgs.push(Msg::warn(problem.sentence())),
    };
    let counts: Vec<String> = manifest
        .counts()
        .into_iter()
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    let mut lines = vec![format!("{}.", counts.join(", "))];
    lines.extend(
        manifest
            .images()
            .iter()
            .map(|image| format!("It runs {image}.")),
    );
    if !manifest.is_metallb() {
        lines.push("There is no MetalLB in it.".to_owned());
    }
    lines.push("Fields that somebody else manages are not taken from them.".to_owned());
    lines.push(format!("Cluster: {}", cx.rack.cluster.context));
    let record = Applied {
        at: cx.rack.now.wall,
        key: DraftKey {
            context: cx.rack.cluster.context.clone(),
            target: "manifest".to_owned(),
        },
        form: None,
        deed: Deed::Install,
        before: String::new(),
        after: manifest.file.clone(),
        changes: Vec::new(),
        stopped: String::new(),
    };
    cx.msgs.push(Msg::Ask(Question {
        then: vec![Effect::Install {
            manifest: manifest.clone(),
            record,
        }],
        ..Question::new(
            format!(
                "Apply {} objects of {}?",
                manifest.objects.len(),
                manifest.file
            ),
            lines,
        )
    }));
}

/// Said in place of the halves.
pub(super) fn draw(
    installing: Option<&Installing>,
    rack: &Rack,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let frame = PaneBox {
        title: "Pools",
        right: &age_and_source(rack, theme),
        has_focus: true,
    };
    let inside = draw_box(frame, area, buf, theme);
    let lines = match installing {
        Some(installing) => progress(installing, rack),
        None => reason(rack),
    };
    let room = usize::from(inside.width.saturating_sub(4)).min(88);
    let mut y = inside.y.saturating_add(1);
    for (number, line) in lines.iter().enumerate() {
        let style = if number == 0 { theme.title } else { theme.text };
        for part in wrap(&clean(line), room) {
            if y >= inside.bottom() {
                return;
            }
            put(
                buf,
                (inside.x + 2, y),
                inside.width.saturating_sub(2),
                &part,
                style,
            );
            y += 1;
        }
        y += 1;
    }
}

fn progress(installing: &Installing, rack: &Rack) -> Vec<String> {
    match &installing.ended {
        None => vec![
            "Applying the manifest".to_owned(),
            format!(
                "{} objects are applied; now {}",
                installing.done, installing.next
            ),
        ],
        Some(Err(sentence)) => vec![
            "The manifest is applied in part".to_owned(),
            sentence.clone(),
            "I applies it again: what is there already stays as it is.".to_owned(),
        ],
        Some(Ok(())) => vec![
            "The manifest is applied".to_owned(),
            installing.waiting(rack).unwrap_or_default(),
        ],
    }
}

/// Why there is no text here, and what to do.
fn reason(rack: &Rack) -> Vec<String> {
    let say = |lines: &[&str]| lines.iter().map(|line| (*line).to_owned()).collect();
    let unread = [
        Source::DaemonSets,
        Source::IpAddressPools,
        Source::L2Advertisements,
        Source::PoolConfigMaps,
    ];
    let problem = unread
        .iter()
        .find_map(|source| match rack.link.source(*source) {
            SourceState::Forbidden(problem) | SourceState::Failing(problem) => Some(problem),
            _ => None,
        });
    match (&rack.link.state, rack.metallb.era(&rack.link), problem) {
        (
            LinkState::Nowhere(problem)
            | LinkState::Denied { problem }
            | LinkState::Stale { problem },
            ..,
        ) => {
            vec![
                "No contact yet".to_owned(),
                problem.what.clone(),
                problem.next.clone(),
            ]
        }
        (_, _, Some(problem)) => vec![
            "MetalLB's configuration cannot be read".to_owned(),
            problem.what.clone(),
            problem.why.clone(),
            problem.next.clone(),
        ],
        (_, Era::Absent, _) => say(&[
            "There is no MetalLB in this cluster",
            "Services of type LoadBalancer get no address of their own without it.",
            "1. Take metallb-native.yaml of a release of MetalLB (0.13 or newer) to this machine.",
            "2. I applies it from here, or: kubectl apply -f metallb-native.yaml",
            "3. On k3s servicelb hands out the boards' own addresses and quarrels with MetalLB: start every server with --disable servicelb.",
            "4. + makes the first pool.",
        ]),
        _ => say(&["Looking for MetalLB", "Its objects have not been read yet."]),
    }
}
