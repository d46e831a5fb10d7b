//! Drawing the contexts: the table, and below it everything about the row under the cursor.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::panes::kubeconfig::KubeconfigPane;
use crate::panes::kubeconfig::columns::{COLUMNS, Column, Light, health};
use crate::rack::Rack;
use crate::rack::fleet::State;
use crate::rack::kubeconfig::{ContextEntry, Credential, days_left};
use crate::rack::problem::Problem;
use crate::rack::time::short;
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box, inside};
use crate::ui::table::{Cell, Row};
use crate::ui::text::{clean, put, width16, wrap};

const MERGE_ONE: &str = "a merges one: the k3s.yaml of a server, or any other kubeconfig";
/// Lines kept for what is said about one context, so that the table does not jump when the cursor moves.
const BELOW: u16 = 8;
/// Cells of a label there.
const LABEL: u16 = 11;

/// Rows of the table, below its line of titles.
pub(super) fn rows_shown(area: Rect) -> usize {
    usize::from(split(inside(area)).0.height.saturating_sub(1))
}

/// The table, and what stands below it.
fn split(inside: Rect) -> (Rect, Rect) {
    let below = BELOW.min(inside.height.saturating_sub(3));
    let table = Rect {
        height: inside.height - below,
        ..inside
    };
    let below = Rect {
        y: table.bottom(),
        height: below,
        ..inside
    };
    (table, below)
}

/// The contexts on the screen, the index of the first of them, and of the selected one in the whole table.
fn window<'a>(
    pane: &KubeconfigPane,
    rack: &'a Rack,
    height: usize,
) -> (Vec<&'a ContextEntry>, usize, Option<usize>) {
    let mut contexts = pane.chosen(rack);
    let ids: Vec<String> = contexts.iter().map(|it| it.name.clone()).collect();
    let offset = pane.list.rows.offset(&ids, height);
    let selected = pane.list.rows.index(&ids);
    contexts.drain(..offset.min(contexts.len()));
    contexts.truncate(height);
    (contexts, offset, selected)
}

/// The widths of the texts of every visible row, one list for each.
pub(super) fn measure(pane: &KubeconfigPane, rack: &Rack, area: Rect) -> Vec<Vec<u16>> {
    let width = |column: &Column, context: &ContextEntry| {
        let text = column.cell(rack, context).0;
        let sign = if *column == Column::Health { 2 } else { 0 };
        width16(&clean(&text)).saturating_add(sign)
    };
    let (contexts, ..) = window(pane, rack, rows_shown(area));
    let row = |context: &&ContextEntry| COLUMNS.iter().map(|it| width(it, context)).collect();
    contexts.iter().map(row).collect()
}

pub(super) fn draw(
    pane: &KubeconfigPane,
    rack: &Rack,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let pane_box = PaneBox {
        title: &pane.list.title("Kubeconfig"),
        right: &asked(rack),
        has_focus: true,
    };
    let inside = draw_box(pane_box, area, buf, theme);
    if rack.fleet.entries().is_empty() {
        return draw_none(rack, theme, inside, buf);
    }
    let (table, below) = split(inside);
    let (contexts, offset, selected) = window(pane, rack, rows_shown(area));
    let rows: Vec<Row> = (contexts.iter())
        .map(|context| row(pane, context, rack, theme))
        .collect();
    pane.list.draw(&rows, (offset, selected), table, buf, theme);
    if contexts.is_empty() {
        let text = "No context passes the filter. esc shows all again.";
        let at = (table.x + 2, table.y + 2);
        put(buf, at, table.width.saturating_sub(2), text, theme.muted);
    }
    let chosen = selected.and_then(|index| contexts.get(index.checked_sub(offset)?));
    draw_below(chosen.copied(), rack, theme, below, buf);
}

/// When a cluster was last looked at.
fn asked(rack: &Rack) -> String {
    let looks = rack.fleet.entries().iter();
    let newest = looks
        .filter_map(|context| rack.fleet.health(&context.name))
        .map(|health| health.at)
        .max();
    match newest {
        Some(at) => format!("asked {} ago", short(rack.now.since(at))),
        None if rack.fleet.contexts.is_none() => "reading".to_owned(),
        None => String::new(),
    }
}

fn row(pane: &KubeconfigPane, context: &ContextEntry, rack: &Rack, theme: &Theme) -> Row {
    let cell = |column: &Column| {
        let (text, tone) = column.cell(rack, context);
        let text = match column {
            Column::Health => format!(
                "{} {}",
                sign(health(rack, context).light, theme),
                clean(&text)
            ),
            _ if text.is_empty() => theme.symbols.dash.to_owned(),
            _ => clean(&text).into_owned(),
        };
        Cell::new(text, tone.style(false, theme))
    };
    Row {
        cells: COLUMNS.iter().map(cell).collect(),
        is_marked: pane.list.rows.is_marked(&context.name),
        note: None,
    }
}

fn sign(light: Light, theme: &Theme) -> &'static str {
    let signs = &theme.symbols;
    match light {
        Light::Up => signs.live,
        Light::Unwell => signs.warn,
        Light::Unknown => signs.led_unknown,
        Light::Down => signs.stale,
        Light::Denied => signs.denied,
    }
}

/// Everything about the context under the cursor that the table has no room for.
fn draw_below(
    context: Option<&ContextEntry>,
    rack: &Rack,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let rule = theme
        .symbols
        .border
        .horizontal_top
        .repeat(area.width.into());
    put(buf, (area.x, area.y), area.width, &rule, theme.border);
    let Some(context) = context else { return };
    let room = usize::from(area.width.saturating_sub(LABEL + 2));
    let mut y = area.y + 1;
    let lines = below(context, rack, theme);
    for (label, text, style) in lines {
        let mut label = label;
        for line in wrap(&clean(&text), room) {
            if y >= area.bottom() {
                return;
            }
            put(buf, (area.x + 1, y), LABEL, label, theme.muted);
            let at = (area.x + 1 + LABEL, y);
            put(buf, at, area.width.saturating_sub(LABEL + 2), &line, style);
            label = "";
            y += 1;
        }
    }
}

/// Lines with a label each, the most useful first: what is wrong, and what to do about it.
fn below(context: &ContextEntry, rack: &Rack, theme: &Theme) -> Vec<(&'static str, String, Style)> {
    let mut lines = Vec::new();
    if let Some(problem) = problem(context, rack) {
        lines.push(("wrong", problem.what.clone(), theme.status_bad));
        if !problem.why.is_empty() {
            lines.push(("why", problem.why.clone(), theme.text));
        }
        if !problem.next.is_empty() {
            lines.push(("next", problem.next.clone(), theme.text));
        }
    } else if let Some((ready, all)) = health(rack, context).nodes
        && ready < all
    {
        let text = format!("{} of {all} nodes not ready", all - ready);
        lines.push(("wrong", text, theme.status_warn));
    }
    let separator = theme.symbols.separator;
    let server = match context.server.as_str() {
        "" => "?",
        server => server,
    };
    let cluster = &context.cluster;
    lines.push((
        "server",
        format!("{server} {separator} cluster {cluster}"),
        theme.text,
    ));
    let user = match context.user.as_str() {
        "" => "none",
        user => user,
    };
    let login = login(context, rack);
    lines.push(("user", format!("{user} {separator} {login}"), theme.text));
    let namespace = context.namespace.as_deref().unwrap_or("default");
    lines.push(("namespace", namespace.to_owned(), theme.text));
    lines.push(("file", rack.fleet.shown(&context.file), theme.text));
    lines
}

/// What is wrong with the context itself, else with its cluster.
fn problem<'a>(context: &'a ContextEntry, rack: &'a Rack) -> Option<&'a Problem> {
    if rack.cluster.context == context.name && rack.link.problem().is_some() {
        return rack.link.problem();
    }
    let asked = rack.fleet.health(&context.name);
    let fault = asked.and_then(|health| match &health.state {
        State::Up(_) => None,
        State::Denied(fault) | State::Down(fault) => Some(&fault.problem),
    });
    context.problem.as_ref().or(fault)
}

fn login(context: &ContextEntry, rack: &Rack) -> String {
    match &context.credential {
        Credential::Certificate { ends: None } => "certificate".to_owned(),
        Credential::Certificate { ends: Some(ends) } => {
            let date = ends.strftime("%F");
            match days_left(*ends, rack.now.wall) {
                days if days < 0 => format!("certificate ended {date}"),
                days => format!("certificate until {date}, {days} days left"),
            }
        }
        Credential::Token => "token".to_owned(),
        Credential::Password => "password".to_owned(),
        Credential::Plugin(name) => {
            format!("credential plugin {name}, which is not run for a look: asked as a stranger")
        }
        Credential::Nothing => "no login".to_owned(),
    }
}

/// Said while a source is read and its server asked.
pub(super) fn draw_waiting(source: &str, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let pane_box = PaneBox {
        title: "Kubeconfig",
        right: "nothing is written yet",
        has_focus: true,
    };
    let inside = draw_box(pane_box, area, buf, theme);
    let width = inside.width.saturating_sub(4);
    let head = format!("Reading {}", clean(source));
    put(buf, (inside.x + 2, inside.y + 1), width, &head, theme.title);
    let text = "and asking its server for its certificate; esc leaves";
    put(buf, (inside.x + 2, inside.y + 3), width, text, theme.muted);
}

/// Said in place of rows when there are none: why, and what to do.
fn draw_none(rack: &Rack, theme: &Theme, inside: Rect, buf: &mut Buffer) {
    let Some(contexts) = &rack.fleet.contexts else {
        let at = (inside.x + 2, inside.y + 1);
        put(buf, at, inside.width, "Reading the kubeconfig", theme.title);
        return;
    };
    let room = usize::from(inside.width.saturating_sub(4)).min(88);
    let mut y = inside.y.saturating_add(1);
    put(
        buf,
        (inside.x + 2, y),
        inside.width,
        "No contexts",
        theme.title,
    );
    y += 2;
    let texts = match &contexts.problem {
        Some(problem) => vec![
            problem.what.clone(),
            problem.why.clone(),
            problem.next.clone(),
        ],
        None => vec![format!(
            "{} holds none",
            contexts
                .files
                .iter()
                .map(|it| rack.fleet.shown(it))
                .collect::<Vec<_>>()
                .join(", ")
        )],
    };
    let texts = texts.into_iter().chain([MERGE_ONE.to_owned()]);
    for text in texts.filter(|text| !text.is_empty()) {
        for line in wrap(&clean(&text), room) {
            if y >= inside.bottom() {
                return;
            }
            let at = (inside.x + 2, y);
            put(buf, at, inside.width.saturating_sub(2), &line, theme.text);
            y += 1;
        }
        y += 1;
    }
}
