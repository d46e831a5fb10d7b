//! The one place that changes the model: a message in, effects out.
//!
//! Invariant: nothing here waits, locks, reads a file or asks the time, and every effect leaves through [`gate`], where
//! read-only mode is kept. An arm of [`step`] says what a message means; what takes more than a few lines is in the
//! module of its subject.

use std::collections::VecDeque;
use std::time::Duration;

use ratatui::layout::Size;

use crate::action::PaneId;
use crate::app::form::OpenForm;
use crate::app::popup::Popup;
use crate::app::{
    Model, boards, drains, hosts, images, input, logs, onboarding, pipelines, restores, services,
    storage, workloads,
};
use crate::effect::{Effect, RequestId, TaskKey};
use crate::form::FormId;
use crate::msg::{Level, Msg};
use crate::panes::{Cx, Panes};
use crate::rack::facts::Fact;
use crate::rack::node::Uid;
use crate::rack::problem::{Problem, Subject};
use crate::rack::time::Now;
use crate::ui::frame;

/// How long a notice stays at the foot of the screen.
const NOTICE_STAYS: Duration = Duration::from_secs(6);
/// How often the list of problems is made anew.
const SURVEY_EVERY: Duration = Duration::from_secs(1);

/// Takes in one message, with everything that panes ask for on the way, and says what is to be done.
pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    let mut effects = Vec::new();
    let is_key = matches!(msg, Msg::Key(_));
    if is_key {
        // A key means what stands under the cursor now, not at the last frame.
        model.panes.settle(model.focus, &model.rack);
    }
    let mut queue = VecDeque::from([msg]);
    work_off(model, &mut queue, &mut effects);
    if is_key && model.focus == PaneId::Pools {
        // It may have come up only now.
        with_panes(model, &mut queue, &mut effects, |panes, cx| {
            panes.pools.catch_up(cx);
        });
        work_off(model, &mut queue, &mut effects);
    }
    model.bring_up_waiting(is_key);
    model.want_metrics(&mut effects);
    model.want_probes(is_key, &mut effects);
    boards::want(model, is_key, &mut effects);
    model.follow_fleet(&mut effects);
    pipelines::want(model, &mut effects);
    workloads::want(model, &mut effects);
    gate(model, &mut effects);
    effects
}

fn work_off(model: &mut Model, queue: &mut VecDeque<Msg>, effects: &mut Vec<Effect>) {
    while let Some(msg) = queue.pop_front() {
        step(model, msg, queue, effects);
    }
}

/// The choke point of read-only mode: no writing effect passes it, whoever asked for it.
fn gate(model: &mut Model, effects: &mut Vec<Effect>) {
    if model.is_read_only() && effects.iter().any(Effect::is_write) {
        effects.retain(|effect| !effect.is_write());
        model.notify(Level::Warning, model.read_only_notice());
    }
}

#[expect(clippy::too_many_lines, reason = "one short arm for each message")]
fn step(model: &mut Model, msg: Msg, queue: &mut VecDeque<Msg>, effects: &mut Vec<Effect>) {
    match msg {
        Msg::Clock(now) => clock(model, now, queue, effects),
        Msg::Key(key) => input::key(model, key, queue, effects),
        Msg::Paste(text) => input::paste(model, &text, queue, effects),
        Msg::Resize(size) => resize(model, size),
        Msg::Fact { generation, fact } => {
            if generation == model.generation {
                let (is_of_pools, waits) = (fact.concerns_pools(), fact.is_one_of_many());
                take_in(model, fact);
                if is_of_pools {
                    with_panes(model, queue, effects, |panes, cx| {
                        panes.pools.facts_changed(waits, cx);
                    });
                }
            }
        }
        Msg::BackupsRead(backups) => model.rack.backups = backups,
        Msg::IdleListed {
            generation,
            workloads,
        } => {
            if generation == model.generation {
                workloads::listed(model, workloads);
            }
        }
        Msg::Fleet(fact) => {
            model.rack.fleet.apply(fact, model.rack.now);
            model.panes.kubeconfig.contexts_changed(&model.rack);
        }
        Msg::Builds(news) => pipelines::heard(model, news),
        Msg::Written { result } => match result {
            Ok(done) => model.notify(Level::Info, done),
            Err(problem) => model.notify(Level::Error, problem.sentence()),
        },
        msg @ (Msg::BoardAnswered { .. }
        | Msg::BoardDone { .. }
        | Msg::OnBoard { .. }
        | Msg::SshAsks { .. }
        | Msg::SshAskEnded { .. }) => boards::heard(model, msg, queue, effects),
        msg @ (Msg::Onboard { .. }
        | Msg::OnboardLines { .. }
        | Msg::OnboardFound(..)
        | Msg::OnboardWished(_)
        | Msg::OnboardForget(_)
        | Msg::MergeKubeconfig(_)) => onboarding::heard(model, msg, queue, effects),
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
        Msg::ShowStorage(about) => {
            let from = model.focus;
            model.show(PaneId::Storage);
            model.return_to = (from != PaneId::Storage).then_some(from);
            model.panes.storage.show(&about, &model.rack);
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
        Msg::Describe(object) => {
            let request = model.request();
            model.awaited_yaml = Some(request);
            model.popup = Some(Popup::loading(object.to_string()));
            let context = model.rack.cluster.context.clone();
            effects.push(Effect::Describe {
                request,
                context,
                object,
            });
        }
        Msg::ReadImages(wish) => images::ask(model, wish, effects),
        Msg::ImagesRead {
            request,
            context,
            result,
        } => images::heard(model, request, &context, result),
        Msg::ShowJob(builder) => images::show_job(model, &builder),
        Msg::OpenLogs(opening) => logs::open(model, opening, effects),
        Msg::Feed { feed, news } => logs::fed(model, feed, news, queue, effects),
        Msg::GoOnWithLogs => with_panes(model, queue, effects, |panes, cx| panes.logs.go_on(cx)),
        Msg::ShowPage { title, text } => {
            let mut page = Popup::loading(title);
            if let Popup::Text(page) = &mut page {
                page.fill(&text, frame::regions(model.size).unwrap_or_default().body);
            }
            model.popup = Some(page);
        }
        Msg::RestoreRehearsed { wish, result } => restores::rehearsed(model, wish, result),
        Msg::Restored { wish, plan, result } => restores::restored(model, &wish, &plan, &result),
        Msg::LookAtNfs => storage::look(model, effects),
        Msg::NfsLooked {
            context,
            server,
            reach,
        } => storage::looked(model, &context, server, reach),
        Msg::OpenShell(node) => hosts::open_shell(model, &node, effects),
        Msg::Ask(question) => model.waiting.push_back(Popup::question(question)),
        Msg::Fill(form) => model.waiting.push_back(Popup::Form(OpenForm::new(form))),
        Msg::FormSent {
            form: FormId::Ssh { request },
            answers,
        } => boards::asks::ssh_answered(request, &answers, effects),
        msg @ (Msg::FormSent { .. }
        | Msg::ChangePreviewed { .. }
        | Msg::LastChangeRead { .. }
        | Msg::DraftRead { .. }
        | Msg::DraftKept(_)
        | Msg::PoolsChanged { .. }
        | Msg::ManifestRead(_)
        | Msg::Setup { .. }
        | Msg::ScaffoldPlanned(_)
        | Msg::InstallStep { .. }
        | Msg::Installed { .. }) => to_pane(model, &msg, queue, effects),
        msg @ Msg::KubeconfigChanged { .. } => {
            to_pane(model, &msg, queue, effects);
            if model.follows_fleet {
                effects.push(Effect::FollowFleet);
            }
        }
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

fn clock(model: &mut Model, now: Now, queue: &mut VecDeque<Msg>, effects: &mut Vec<Effect>) {
    model.rack.tick(now);
    logs::settle(model, queue, effects);
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
        model.panes.measure(model.focus, &model.rack, area);
        model.want_probes(true, effects);
        let is_shown = model.focus == PaneId::Pools;
        with_panes(model, queue, effects, |panes, cx| {
            panes.pools.on_clock(is_shown, cx);
        });
    }
}

fn survey(model: &mut Model) {
    model.surveyed = Some(model.now().mono);
    model.rack.survey();
    model
        .rack
        .problems
        .extend(model.settings.complaints.iter().cloned());
    let of_builds = model.rack.builds.problems(model.rack.now.wall);
    model.rack.problems.extend(of_builds);
    let of_images = model.rack.images.problems(&model.rack);
    model.rack.problems.extend(of_images);
    let of_boards = model.rack.onboarding.problems();
    model.rack.problems.extend(of_boards);
}

fn take_in(model: &mut Model, fact: Fact) {
    let moves_rows = matches!(fact, Fact::Nodes(_));
    let moves_services = matches!(fact, Fact::Services(_));
    let moves_pods = matches!(fact, Fact::Pods(_));
    let moves_claims = matches!(fact, Fact::Claims(_));
    let is_link = matches!(fact, Fact::Link(_) | Fact::Source(..) | Fact::Cluster(_));
    model.rack.apply(fact);
    if moves_rows {
        model.panes.rack.nodes_changed(&model.rack);
        close_question_of_gone_object(model);
    }
    if moves_pods {
        model.panes.workloads.pods_changed();
        if model.focus == PaneId::Workloads {
            close_question_of_gone_object(model);
        }
    }
    if moves_services {
        close_question_of_gone_object(model);
    }
    if moves_claims {
        model.panes.storage.claims_changed(&model.rack);
        close_question_of_gone_object(model);
    }
    if is_link {
        survey(model);
        let trays = model
            .context_settings()
            .map(|context| context.trays.clone())
            .unwrap_or_default();
        model.panes.rack.set_trays(trays);
        let hosts = model
            .context_settings()
            .map(|context| context.hosts.clone())
            .unwrap_or_default();
        model.panes.onboard.set_known(hosts);
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

pub(super) fn yaml_read(model: &mut Model, request: RequestId, result: Result<String, Problem>) {
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
pub(super) fn to_pane(
    model: &mut Model,
    msg: &Msg,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) {
    with_panes(model, queue, effects, |panes, cx| panes.on_msg(msg, cx));
}

/// Calls into the panes with what they may see and collects what they ask for.
pub(super) fn with_panes<R>(
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
