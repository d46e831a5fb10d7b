//! Keys and pasted text: who gets them, and what the program itself does with an action.
//!
//! The order: a question, the line being typed, what stands over the panes, the pane, the whole program.

use std::collections::VecDeque;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::action::{Action, PaneId};
use crate::app::command::{self, Command, CommandLine, Purpose};
use crate::app::drains;
use crate::app::form::OpenForm;
use crate::app::hosts;
use crate::app::logs;
use crate::app::pipelines;
use crate::app::popup::Popup;
use crate::app::{Model, with_panes};
use crate::effect::Effect;
use crate::keymap::table::Table;
use crate::keymap::{Lookup, Pending};
use crate::msg::{Level, Msg};
use crate::panes::logs::Asked;
use crate::rack::node::NodeName;
use crate::theme::roles::Theme;
use crate::ui::frame;

pub(super) fn key(
    model: &mut Model,
    key: KeyEvent,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) {
    let tables = tables(model);
    if is_text(key) && typed_into(model, key, queue, effects) {
        model.pending = Pending::default();
        return;
    }
    match model.keymap.look_up(&mut model.pending, &tables, key) {
        Lookup::Action(action) => act(model, action, queue, effects),
        Lookup::Nothing => _ = typed_into(model, key, queue, effects),
        Lookup::Pending => {}
    }
}

/// The tables that apply now, innermost first.
pub(super) fn tables(model: &Model) -> Vec<Table> {
    if model.command_line.is_some() {
        return vec![Table::Prompt];
    }
    match &model.popup {
        Some(Popup::Question(open)) if open.question.typed.is_none() => vec![Table::Question],
        Some(Popup::Question(_) | Popup::Form(_)) => vec![Table::Form],
        Some(Popup::Menu(_) | Popup::Help { .. } | Popup::Text(_)) => {
            vec![Table::Popup, Table::List, Table::Global]
        }
        None if model.panes.is_editing(model.focus) => vec![Table::Editor],
        None if model.panes.is_detail(model.focus) => {
            vec![
                Table::Detail,
                Table::Pane(model.focus),
                Table::List,
                Table::Global,
            ]
        }
        None if model.focus == PaneId::Kubeconfig && model.panes.kubeconfig.is_preview() => {
            vec![Table::Preview, Table::List, Table::Global]
        }
        None => vec![Table::Pane(model.focus), Table::List, Table::Global],
    }
}

/// A key that writes a character into a line.
fn is_text(key: KeyEvent) -> bool {
    matches!(key.code, KeyCode::Char(_))
        && !key
            .modifiers
            .intersects(KeyModifiers::CONTROL | KeyModifiers::ALT)
}

pub(super) fn paste(
    model: &mut Model,
    text: &str,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) {
    if let Some(line) = &mut model.command_line {
        line.prompt.field.on_paste(text);
        edited(model);
        return;
    }
    match &mut model.popup {
        Some(Popup::Form(form)) => {
            form.on_paste(text);
            check(model);
        }
        Some(Popup::Question(open)) if open.question.typed.is_some() => open.typed.on_paste(text),
        None if model.panes.is_editing(model.focus) => {
            let focus = model.focus;
            with_panes(model, queue, effects, |panes, cx| {
                panes.on_paste(focus, text, cx);
            });
        }
        _ => model.notify(
            Level::Info,
            "nothing to paste into here: press / or : first",
        ),
    }
}

/// Gives a key to the text field that has the cursor. False when there is none, or it was no key for it.
fn typed_into(
    model: &mut Model,
    key: KeyEvent,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) -> bool {
    if let Some(line) = &mut model.command_line {
        let is_taken = line.prompt.field.on_key(key);
        if is_taken {
            edited(model);
        }
        return is_taken;
    }
    let is_startled = model.is_startled();
    match &mut model.popup {
        Some(Popup::Form(form)) => {
            // The first letters were meant for what was there before.
            let is_taken = is_startled || form.on_key(key);
            check(model);
            is_taken
        }
        Some(Popup::Question(open)) if open.question.typed.is_some() => {
            is_startled || open.typed.on_key(key)
        }
        None if model.panes.is_editing(model.focus) => {
            let focus = model.focus;
            with_panes(model, queue, effects, |panes, cx| {
                panes.on_text(focus, key, cx)
            })
        }
        _ => false,
    }
}

/// Asks the pane what it thinks of the answers so far, once they were sent in vain.
fn check(model: &mut Model) {
    if let Some(Popup::Form(form)) = &mut model.popup
        && form.was_sent
    {
        form.complaint = model
            .panes
            .complaint(form.id(), &form.answers(), &model.rack);
    }
}

/// The line has changed: a filter holds at once.
fn edited(model: &mut Model) {
    let Some(line) = &mut model.command_line else {
        return;
    };
    line.edited(&model.rack);
    if line.purpose == Purpose::Filter {
        let text = line.text().to_owned();
        model.panes.set_filter(model.focus, &text);
    }
}

fn act(model: &mut Model, action: Action, queue: &mut VecDeque<Msg>, effects: &mut Vec<Effect>) {
    if model.command_line.is_some() {
        in_line(model, action, queue, effects);
    } else if model.popup.is_some() {
        in_popup(model, action, queue, effects);
    } else {
        on_screen(model, action, queue, effects);
    }
}

/// An action while a line is being typed.
fn in_line(
    model: &mut Model,
    action: Action,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) {
    let Some(line) = &mut model.command_line else {
        return;
    };
    match action {
        Action::RowDown => line.prompt.choose_next(),
        Action::RowUp => line.prompt.choose_previous(),
        Action::Accept => {
            let (purpose, text) = (line.purpose, line.text().to_owned());
            model.command_line = None;
            enter_line(model, purpose, &text, queue, effects);
        }
        Action::Close | Action::Cancel | Action::Back => {
            let (purpose, before) = (line.purpose, line.before.clone());
            model.command_line = None;
            if purpose == Purpose::Filter {
                model.panes.set_filter(model.focus, &before);
            }
        }
        Action::Repaint => effects.push(Effect::Repaint),
        Action::Suspend => effects.push(Effect::Suspend),
        _ => {}
    }
}

fn enter_line(
    model: &mut Model,
    purpose: Purpose,
    text: &str,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) {
    match purpose {
        Purpose::Filter if model.focus == PaneId::Logs => {
            with_panes(model, queue, effects, |panes, cx| {
                panes.logs.search(text, cx);
            });
        }
        Purpose::Filter => model.panes.set_filter(model.focus, text),
        Purpose::Logs(asked) => {
            with_panes(model, queue, effects, |panes, cx| {
                panes.logs.told(asked, text, cx);
            });
        }
        Purpose::Search => {
            if let Some(Popup::Text(page)) = &mut model.popup
                && !page.search_for(text)
                && !text.is_empty()
            {
                model.notify(Level::Info, format!("\"{text}\" is not on this page"));
            }
        }
        Purpose::Command if text.trim().is_empty() => {}
        Purpose::Command => match command::parse(text, &model.rack) {
            Ok(command) => run(model, command, queue, effects),
            Err(message) => model.notify(Level::Warning, message),
        },
    }
}

fn run(model: &mut Model, command: Command, queue: &mut VecDeque<Msg>, effects: &mut Vec<Effect>) {
    match command {
        Command::Do(action) => act(model, action, queue, effects),
        Command::Context(name) => model.turn_to(&name, effects),
        Command::Host(name) => hosts::show(model, &name, effects),
        Command::Logs { query, joins } => logs::ask(model, &query, joins, queue),
        Command::Node(name) => queue.push_back(Msg::ShowNode(NodeName::new(&name))),
        Command::Theme(name) => set_theme(model, &name),
        Command::Filter(text) => model.panes.set_filter(model.focus, &text),
    }
}

fn set_theme(model: &mut Model, name: &str) {
    let (theme, _) = Theme::load(name, None);
    model.theme = if model.settings.ascii {
        theme.in_ascii()
    } else {
        theme
    };
}

/// An action while something stands over the panes.
fn in_popup(
    model: &mut Model,
    action: Action,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) {
    match action {
        Action::Repaint => return effects.push(Effect::Repaint),
        Action::Suspend => return effects.push(Effect::Suspend),
        Action::Close | Action::Back | Action::Cancel => {
            effects.extend(model.popup.take().into_iter().flat_map(Popup::refuse));
            return;
        }
        Action::Accept if model.is_startled() => return,
        _ => {}
    }
    let window = usize::from(
        frame::regions(model.size)
            .unwrap_or_default()
            .body
            .height
            .saturating_sub(2),
    );
    match model.popup.take() {
        Some(Popup::Question(open)) => {
            if action == Action::Accept && open.is_ready() {
                effects.extend(open.question.then);
            } else {
                model.popup = Some(Popup::Question(open));
            }
        }
        Some(Popup::Menu(mut menu)) => {
            if let (Action::RowOpen, Some(chosen)) = (action, menu.chosen()) {
                on_screen(model, chosen, queue, effects);
            } else {
                menu.on_action(action);
                model.popup = Some(Popup::Menu(menu));
            }
        }
        Some(Popup::Help { mut scroll }) => {
            crate::panes::scrolled(&mut scroll, action, super::view::help_height(model), window);
            if action != Action::HelpOpen {
                model.popup = Some(Popup::Help { scroll });
            }
        }
        Some(Popup::Text(mut page)) => {
            let height = page.height();
            match action {
                Action::FilterOpen => {
                    let search = page.search.clone();
                    model.command_line =
                        Some(CommandLine::new(Purpose::Search, &search, &model.rack));
                }
                Action::SearchNext => _ = page.next_match(true),
                Action::SearchPrevious => _ = page.next_match(false),
                action => _ = crate::panes::scrolled(&mut page.scroll, action, height, window),
            }
            model.popup = Some(Popup::Text(page));
        }
        Some(Popup::Form(form)) => in_form(model, form, action, queue),
        None => {}
    }
}

/// An action while a form is filled in: enter goes from field to field and, on the last one, sends it.
fn in_form(model: &mut Model, mut form: OpenForm, action: Action, queue: &mut VecDeque<Msg>) {
    match action {
        Action::RowDown => form.step(true),
        Action::RowUp => form.step(false),
        Action::Accept if !form.is_at_last() => form.step(true),
        Action::Accept => {
            let answers = form.answers();
            form.was_sent = true;
            form.complaint = model.panes.complaint(form.id(), &answers, &model.rack);
            let Some((key, _)) = &form.complaint else {
                let form = form.id().clone();
                return queue.push_back(Msg::FormSent { form, answers });
            };
            form.go_to(key);
        }
        _ => {}
    }
    model.popup = Some(Popup::Form(form));
}

/// An action with nothing over the panes: the program's own, else the pane's.
fn on_screen(
    model: &mut Model,
    action: Action,
    queue: &mut VecDeque<Msg>,
    effects: &mut Vec<Effect>,
) {
    match action {
        writer if writer.is_writer() && model.is_read_only() => {
            model.notify(Level::Warning, model.read_only_notice());
        }
        Action::Quit => drains::leave(model, queue, effects),
        Action::Suspend => effects.push(Effect::Suspend),
        Action::Repaint => effects.push(Effect::Repaint),
        Action::Cancel if drains::cancel(model, effects) => {}
        Action::Close | Action::Cancel => _ = close(model),
        Action::Back => {
            if !close(model) {
                drains::leave(model, queue, effects);
            }
        }
        Action::PaneRack => model.show(PaneId::Rack),
        Action::PaneServices => model.show(PaneId::Services),
        Action::PaneKubeconfig => model.show(PaneId::Kubeconfig),
        Action::PanePools => model.show(PaneId::Pools),
        Action::PaneOnboard => model.show(PaneId::Onboard),
        Action::PanePipelines => model.show(PaneId::Pipelines),
        Action::PaneStorage => model.show(PaneId::Storage),
        Action::PaneLogs => model.show(PaneId::Logs),
        Action::PaneWorkloads => model.show(PaneId::Workloads),
        Action::PaneProblems => model.show(PaneId::Problems),
        Action::PaneNext => step_pane(model, 1),
        Action::PanePrevious => step_pane(model, PaneId::ALL.len() - 1),
        Action::HistoryBack => history(model, true),
        Action::HistoryForward => history(model, false),
        Action::CommandOpen => {
            model.command_line = Some(CommandLine::new(Purpose::Command, "", &model.rack));
        }
        Action::FilterOpen => {
            let text = model.panes.filter(model.focus).to_owned();
            model.command_line = Some(CommandLine::new(Purpose::Filter, &text, &model.rack));
        }
        Action::LogKeep => ask_for_logs(model, Asked::Keep),
        Action::LogTime => ask_for_logs(model, Asked::Time),
        Action::LogHighlight => ask_for_logs(model, Asked::Highlight),
        Action::LogsPrevious | Action::LogsEarlier if model.focus == PaneId::Logs => {
            logs::again(model, action, effects);
        }
        Action::LogsClear => logs::clear(model),
        Action::LogsClose => logs::close(model, effects),
        Action::HelpOpen => model.popup = Some(Popup::Help { scroll: 0 }),
        Action::MenuOpen => {
            let (title, mut menu) = model.panes.menu(model.focus, &model.rack);
            if model.is_read_only() {
                menu.retain(|action| !action.is_writer());
            }
            if menu.is_empty() {
                model.notify(Level::Info, "there is no row here to do something with");
            } else {
                model.popup = Some(Popup::menu(title, menu));
            }
        }
        Action::Refresh if model.focus == PaneId::Kubeconfig => effects.push(Effect::FollowFleet),
        Action::Refresh if model.focus == PaneId::Pipelines => {
            pipelines::refresh(model, queue, effects);
        }
        Action::Refresh => {
            let context =
                Some(model.rack.cluster.context.clone()).filter(|context| !context.is_empty());
            effects.push(Effect::Follow {
                generation: model.generation,
                context,
            });
        }
        pane_action => {
            let focus = model.focus;
            with_panes(model, queue, effects, |panes, cx| {
                panes.on_action(focus, pane_action, cx);
            });
        }
    }
}

/// Opens the line in which something is typed for the log viewer.
fn ask_for_logs(model: &mut Model, asked: Asked) {
    if model.rack.logbook.is_closed() {
        return model.notify(Level::Info, "no logs are read: :logs QUERY begins");
    }
    model.command_line = Some(CommandLine::new(Purpose::Logs(asked), "", &model.rack));
}

/// Closes the innermost thing of the pane. False when there was nothing.
fn close(model: &mut Model) -> bool {
    let here = model.focus;
    if model.panes.is_detail(here)
        && let Some(pane) = model.return_to.take()
    {
        model.focus = pane;
    }
    if model.panes.close(here, &model.rack) {
        return true;
    }
    // Logs were opened from somewhere: back there.
    let came_from = (here == PaneId::Logs)
        .then(|| model.history.pop())
        .flatten();
    if let Some(pane) = came_from {
        model.focus = pane;
    }
    came_from.is_some()
}

fn step_pane(model: &mut Model, by: usize) {
    let here = PaneId::ALL
        .iter()
        .position(|pane| *pane == model.focus)
        .unwrap_or_default();
    if let Some(pane) = PaneId::ALL.get((here + by) % PaneId::ALL.len()) {
        model.show(*pane);
    }
}

fn history(model: &mut Model, back: bool) {
    let (from, to) = if back {
        (&mut model.history, &mut model.forward)
    } else {
        (&mut model.forward, &mut model.history)
    };
    match from.pop() {
        Some(pane) => {
            to.push(model.focus);
            model.focus = pane;
        }
        None => model.notify(Level::Info, "no further"),
    }
}
