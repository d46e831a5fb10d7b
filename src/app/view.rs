//! The screen as a function of the model: header, tabs, the pane, the foot, and what stands over them.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect, Size};

use crate::action::{Action, PaneId};
use crate::app::Model;
use crate::app::command::Purpose;
use crate::app::form::OpenForm;
use crate::app::input::tables;
use crate::app::popup::Popup;
use crate::keymap::table::Table;
use crate::msg::Level;
use crate::rack::Rack;
use crate::rack::link::{LinkState, Source, SourceState};
use crate::rack::problem::Severity;
use crate::rack::time::short;
use crate::ui::footer::{Hint, Weight, draw_hints, draw_long_notice, draw_notice, hints};
use crate::ui::frame::{Regions, draw_too_small, fill, regions};
use crate::ui::header::{Part, Tab, draw_header, draw_tabs};
use crate::ui::popup::help::Help;
use crate::ui::popup::page::Page;
use crate::ui::popup::question::Typed;
use crate::ui::popup::{form, menu, page, question};
use crate::ui::text::{clean, width16};

/// Draws everything; gives the place of the cursor when something is being typed.
pub fn view(model: &Model, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let theme = &model.theme;
    let Some(regions) = regions(Size::new(area.width, area.height)) else {
        draw_too_small(area, buf, theme);
        return None;
    };
    fill(area, buf, theme.text);
    header(model, &regions, buf);
    tabs(model, &regions, buf);
    let mut typing = None;
    match model.focus {
        PaneId::Rack => model.panes.rack.view(&model.rack, theme, regions.body, buf),
        PaneId::Services => model
            .panes
            .services
            .view(&model.rack, theme, regions.body, buf),
        PaneId::Pools => {
            typing = model
                .panes
                .pools
                .view(&model.rack, theme, regions.body, buf);
        }
        PaneId::Storage => model
            .panes
            .storage
            .view(&model.rack, theme, regions.body, buf),
        PaneId::Onboard => model
            .panes
            .onboard
            .view(&model.rack, theme, regions.body, buf),
        PaneId::Pipelines => model
            .panes
            .pipelines
            .view(&model.rack, theme, regions.body, buf),
        PaneId::Logs => model.panes.logs.view(&model.rack, theme, regions.body, buf),
        PaneId::Workloads => model
            .panes
            .workloads
            .view(&model.rack, theme, regions.body, buf),
        PaneId::Kubeconfig => model
            .panes
            .kubeconfig
            .view(&model.rack, theme, regions.body, buf),
        PaneId::Problems => model
            .panes
            .problems
            .view(&model.rack, theme, regions.body, buf),
    }
    let typing = typing.filter(|_| model.popup.is_none());
    let cursor = over(model, regions.body, buf).or(typing);
    foot(model, &regions, buf).or(cursor)
}

/// Lines of the help page, to scroll by.
pub(super) fn help_height(model: &Model) -> usize {
    help(model).height()
}

fn header(model: &Model, regions: &Regions, buf: &mut Buffer) {
    let (rack, theme) = (&model.rack, &model.theme);
    let part = |text: String, short: Option<String>, style, priority| Part {
        text,
        short,
        style,
        priority,
    };
    let context = clean(&rack.cluster.context).into_owned();
    let mut parts = vec![part("bramble".to_owned(), None, theme.title, 6)];
    if !context.is_empty() {
        parts.push(part(context, None, theme.text, 0));
    }
    parts.push(link(model));
    if model.is_read_only() {
        parts.push(part(
            "read-only".to_owned(),
            Some("ro".to_owned()),
            theme.status_warn,
            2,
        ));
    }
    if let Some(version) = &rack.cluster.version {
        let version = clean(version).into_owned();
        let without_suffix = version.split('+').next().unwrap_or_default().to_owned();
        parts.push(part(
            format!("k3s {without_suffix}"),
            Some(without_suffix),
            theme.text,
            5,
        ));
    }
    if rack.node_count() > 0 {
        let (ready, all) = (rack.ready_count(), rack.node_count());
        let style = if ready < all {
            theme.status_bad
        } else {
            theme.text
        };
        let style = if rack.link.is_stale() {
            theme.stale
        } else {
            style
        };
        parts.push(part(
            format!("{ready}/{all} ready"),
            Some(format!("{ready}/{all}")),
            style,
            3,
        ));
    }
    if let Some((text, is_full)) = virtual_addresses(rack) {
        let style = match is_full {
            _ if rack.link.is_stale() => theme.stale,
            true => theme.status_warn,
            false => theme.text,
        };
        parts.push(part(format!("VIP {text}"), None, style, 4));
    }
    let wrong = rack
        .problems
        .iter()
        .filter(|problem| problem.severity < Severity::Note)
        .count();
    if wrong > 0 {
        let is_critical = rack
            .problems
            .iter()
            .any(|problem| problem.severity == Severity::Critical);
        let style = if is_critical {
            theme.problem_critical
        } else {
            theme.problem_warning
        };
        parts.push(part(
            format!("{} {wrong}", theme.symbols.warn),
            None,
            style,
            1,
        ));
    }
    draw_header(&parts, &wall_clock(model), regions.header, buf, theme);
}

/// Virtual addresses in use, of how many the pools have, and whether that is all; `None` when the cluster has neither.
fn virtual_addresses(rack: &Rack) -> Option<(String, bool)> {
    if matches!(
        rack.link.source(Source::Services),
        SourceState::Forbidden(_)
    ) {
        return Some(("?".to_owned(), false));
    }
    let used = rack.vips.used;
    match rack.vips.capacity {
        Some(all) => Some((format!("{used}/{all}"), used as u64 >= all)),
        None => (used > 0).then(|| (used.to_string(), false)),
    }
}

fn wall_clock(model: &Model) -> String {
    let time = model.rack.now.wall.to_zoned(model.time_zone.clone());
    format!(
        "{:02}:{:02}:{:02}",
        time.hour(),
        time.minute(),
        time.second()
    )
}

/// The link state in a word, with its age where that matters.
fn link(model: &Model) -> Part {
    let (rack, theme) = (&model.rack, &model.theme);
    let signs = &theme.symbols;
    let age = short(
        rack.now
            .since(rack.link.last_contact.unwrap_or(rack.link.since)),
    );
    let (sign, word, style) = match &rack.link.state {
        LinkState::Nowhere(_) => (signs.stale, "no cluster".to_owned(), theme.link_stale),
        LinkState::Connecting => (signs.connecting, "connecting".to_owned(), theme.link_wait),
        LinkState::Live => (signs.live, "live".to_owned(), theme.link_live),
        LinkState::Stale { .. } if rack.link.last_contact.is_none() => {
            (signs.stale, "no contact".to_owned(), theme.link_stale)
        }
        LinkState::Stale { .. } => (signs.stale, format!("stale {age}"), theme.link_stale),
        LinkState::Denied { .. } => (signs.denied, "denied".to_owned(), theme.link_denied),
    };
    Part {
        text: format!("{sign} {word}"),
        short: None,
        style,
        priority: 0,
    }
}

fn tabs(model: &Model, regions: &Regions, buf: &mut Buffer) {
    let tab = |pane: PaneId| Tab {
        key: model.keymap.keys_for(&[Table::Global], pane.action()),
        title: pane.title().to_owned(),
        is_active: pane == model.focus,
    };
    let tabs: Vec<Tab> = PaneId::ALL.iter().copied().map(tab).collect();
    let outage = model
        .rack
        .link
        .problem()
        .filter(|_| model.rack.node_count() > 0)
        .map(|problem| clean(&problem.sentence()).into_owned());
    // An outage is said where it cannot be overlooked, beside the panes it concerns: their titles give way to it.
    let wanted = outage.as_deref().map_or(0, |said| width16(said) + 2);
    let half = Rect {
        width: regions.tabs.width - wanted.min(regions.tabs.width / 2),
        ..regions.tabs
    };
    let used = draw_tabs(&tabs, half, buf, &model.theme);
    if let Some(said) = outage {
        let room = Rect {
            x: regions.tabs.x + used,
            width: regions.tabs.width.saturating_sub(used),
            ..regions.tabs
        };
        draw_notice(&said, Weight::Bad, room, buf, &model.theme);
    }
}

fn over(model: &Model, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let theme = &model.theme;
    match &model.popup {
        None => {
            if !model.pending.is_empty() {
                let tables = tables(model);
                let next = model.keymap.next_keys(&model.pending, &tables);
                let rows: Vec<Hint> = next
                    .into_iter()
                    .map(|(key, action)| hint(key, action))
                    .collect();
                menu::draw_next_keys(&model.pending.shown(), &rows, area, buf, theme);
            }
        }
        Some(Popup::Question(open)) => {
            let lines: Vec<String> = open
                .question
                .lines
                .iter()
                .map(|line| clean(line).into_owned())
                .collect();
            let title = clean(&open.question.title);
            let answers = answers(model);
            let typed = open.question.typed.as_ref().map(|wanted| Typed {
                wanted,
                field: &open.typed,
            });
            let question = question::Question {
                title: &title,
                lines: &lines,
                hints: &answers,
                typed,
            };
            return question::draw(question, area, buf, theme);
        }
        Some(Popup::Form(open)) => return draw_form(model, open, area, buf),
        Some(Popup::Menu(open)) => {
            let below = [Table::Pane(model.focus), Table::List, Table::Global];
            let key = |action: Action| model.keymap.keys_for(&below, action).unwrap_or_default();
            let rows: Vec<Hint> = open
                .actions
                .iter()
                .map(|action| hint(key(*action), *action))
                .collect();
            menu::draw(&clean(&open.title), &rows, open.selected, area, buf, theme);
        }
        Some(Popup::Help { scroll }) => help(model).draw(*scroll, area, buf, theme),
        Some(Popup::Text(text)) => {
            let loading = [format!("reading{}", theme.symbols.ellipsis)];
            let lines = text.lines.as_deref().unwrap_or(&loading);
            let title = clean(&text.title);
            page::draw(
                Page {
                    title: &title,
                    lines,
                    offset: text.scroll,
                    query: &text.search,
                },
                area,
                buf,
                theme,
            );
        }
    }
    None
}

fn draw_form(model: &Model, open: &OpenForm, area: Rect, buf: &mut Buffer) -> Option<Position> {
    let lines: Vec<String> = open
        .lines()
        .iter()
        .map(|line| clean(line).into_owned())
        .collect();
    let complaint = open.complaint.as_ref().map(|(_, why)| clean(why));
    let form = form::Form {
        title: &clean(open.title()),
        lines: &lines,
        rows: &open.rows(),
        focus: open.focus,
        help: &clean(open.help()),
        complaint: complaint.as_deref(),
        hints: &form_hints(model, open),
    };
    form::draw(form, area, buf, &model.theme)
}

fn form_hints(model: &Model, open: &OpenForm) -> Vec<Hint> {
    let key = |action| {
        model
            .keymap
            .keys_for(&[Table::Form], action)
            .unwrap_or_default()
    };
    let send = if open.is_at_last() { "go on" } else { "next" };
    [
        (Action::Accept, send),
        (Action::RowUp, "field before"),
        (Action::Close, "leave"),
    ]
    .map(|(action, text)| Hint {
        key: key(action),
        text: text.to_owned(),
    })
    .into()
}

/// The two answers to a question, in the words of one.
fn answers(model: &Model) -> Vec<Hint> {
    let tables = tables(model);
    let key = |action| model.keymap.keys_for(&tables, action).unwrap_or_default();
    vec![
        Hint {
            key: key(Action::Accept),
            text: "yes, do it".to_owned(),
        },
        Hint {
            key: key(Action::Close),
            text: "no".to_owned(),
        },
    ]
}

fn help(model: &Model) -> Help {
    let mut tables = vec![Table::Pane(model.focus), Table::List, Table::Global];
    if model.panes.is_detail(model.focus) {
        tables.insert(0, Table::Detail);
    }
    if model.focus == PaneId::Kubeconfig && model.panes.kubeconfig.is_preview() {
        tables = vec![Table::Preview, Table::List, Table::Global];
    }
    Help::new(&model.keymap, &tables, model.size.width)
}

fn hint(key: String, action: Action) -> Hint {
    Hint {
        key,
        text: action.info().help.to_owned(),
    }
}

/// The last line: what is typed, else a notice, else the keys that act here.
fn foot(model: &Model, regions: &Regions, buf: &mut Buffer) -> Option<Position> {
    let theme = &model.theme;
    if let Some(line) = &model.command_line {
        let cursor = line.prompt.draw(regions.footer, regions.body, buf, theme);
        if line.purpose == Purpose::Filter
            && let Some(complaint) = line.complaint()
        {
            let above = Rect {
                y: regions.footer.y.saturating_sub(1),
                x: 2,
                ..regions.footer
            };
            draw_notice(&complaint, Weight::Warn, above, buf, theme);
        }
        return cursor;
    }
    if let Some((notice, _)) = &model.notice {
        let weight = match notice.level {
            Level::Info => Weight::Info,
            Level::Warning => Weight::Warn,
            Level::Error => Weight::Bad,
        };
        let area = regions.body.union(regions.footer);
        draw_long_notice(&clean(&notice.text), weight, area, buf, theme);
        return None;
    }
    match &model.popup {
        Some(Popup::Question(_)) => {
            draw_hints(&answers(model), regions.footer, buf, theme);
            return None;
        }
        Some(Popup::Form(open)) => {
            draw_hints(&form_hints(model, open), regions.footer, buf, theme);
            return None;
        }
        Some(Popup::Menu(_) | Popup::Help { .. } | Popup::Text(_)) | None => {}
    }
    let mut actions = foot_actions(model);
    if model.is_read_only() {
        actions.retain(|action| !action.is_writer());
    }
    actions.push(Action::HelpOpen);
    draw_hints(
        &hints(&model.keymap, &tables(model), &actions),
        regions.footer,
        buf,
        theme,
    );
    None
}

fn foot_actions(model: &Model) -> Vec<Action> {
    match &model.popup {
        None => model.panes.hints(model.focus, &model.rack).to_vec(),
        Some(Popup::Question(_) | Popup::Form(_)) => Vec::new(),
        Some(Popup::Menu(_)) => vec![Action::RowOpen, Action::Close],
        Some(Popup::Help { .. }) => vec![Action::HalfDown, Action::Close],
        Some(Popup::Text(_)) => vec![
            Action::FilterOpen,
            Action::SearchNext,
            Action::HalfDown,
            Action::Close,
        ],
    }
}
