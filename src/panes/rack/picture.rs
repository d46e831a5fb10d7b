//! The rack as a picture: each board a tray with its lights, in the order of the case on the wall.

use std::cmp::Ordering;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::panes::rack::{RackPane, board, table};
use crate::panes::{age_and_source, draw_empty};
use crate::rack::Rack;
use crate::rack::beat::Pulse;
use crate::rack::hot_swap::Step;
use crate::rack::link::Source;
use crate::rack::node::{Node, Truth};
use crate::rack::time::short;
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box};
use crate::ui::table::Cell;
use crate::ui::text::clean;
use crate::ui::tray::{self, Light, Tray};

/// Nodes in the order of the trays; those the config does not name come after, servers first, by name.
pub(super) fn order<'a>(rack: &'a Rack, trays: &[String]) -> Vec<&'a Node> {
    let mut nodes: Vec<&Node> = rack.nodes().collect();
    let place = |node: &Node| {
        trays
            .iter()
            .position(|name| name == node.name.as_str())
            .unwrap_or(usize::MAX)
    };
    nodes.sort_by(|a, b| {
        place(a)
            .cmp(&place(b))
            .then(a.role().cmp(&b.role()))
            .then(Ordering::Equal)
    });
    nodes
}

pub(super) fn draw(pane: &RackPane, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let right = age_and_source(rack, theme);
    let inside = draw_box(
        PaneBox {
            title: "Rack picture",
            right: &right,
            has_focus: true,
        },
        area,
        buf,
        theme,
    );
    if rack.node_count() == 0 {
        return draw_empty(rack, (Source::Nodes, "Nodes"), theme, inside, buf);
    }
    let nodes = order(rack, &pane.trays);
    let ids: Vec<_> = nodes.iter().map(|node| node.uid.clone()).collect();
    let selected = pane.list.rows.index(&ids);
    let across = tray::columns(inside.width);
    let row = selected.unwrap_or_default() / across;
    let first = (row + 1).saturating_sub(tray::rows(inside.height)) * across;
    let trays: Vec<Tray> = nodes
        .iter()
        .enumerate()
        .skip(first)
        .take(across * (tray::rows(inside.height) + 1))
        .map(|(index, node)| of_node(index, node, selected == Some(index), rack, theme))
        .collect();
    tray::draw(&trays, inside, buf, theme);
}

fn of_node(index: usize, node: &Node, is_selected: bool, rack: &Rack, theme: &Theme) -> Tray {
    let (sign, style) = table::light(rack, node, theme);
    let (text, style) = if rack.link.is_stale() {
        (theme.stale, theme.stale)
    } else {
        (theme.text, style)
    };
    let light = Light {
        sign,
        style,
        label: "beat",
    };
    let act = board::activity(rack, node, theme);
    Tray {
        title: format!("tray {}", index + 1),
        leds: vec![light, act],
        name: Cell::new(clean(node.name.as_str()).into_owned(), text),
        line: line(rack, node, theme),
        is_selected,
    }
}

/// The most useful words in 16 cells.
fn line(rack: &Rack, node: &Node, theme: &Theme) -> Vec<Cell> {
    let reading = rack.reading(&node.name);
    let age = reading.age.map(short).unwrap_or_default();
    if let Some(swap) = rack.swap(&node.name) {
        let style = match swap.step {
            Step::SafeToPull => theme.status_ok,
            _ => theme.status_warn,
        };
        return vec![Cell::new(swap.word(), style)];
    }
    let words = match (reading.pulse, node.ready()) {
        _ if rack.link.is_stale() => Cell::new("not known now", theme.stale),
        (Pulse::Lost, _) => Cell::new(format!("lost {age}"), theme.status_bad),
        (_, Some(Truth::False | Truth::Unknown)) => Cell::new("NotReady", theme.status_bad),
        (Pulse::Late, _) => Cell::new(format!("late {age}"), theme.status_warn),
        _ if node.unschedulable => Cell::new("cordoned", theme.status_warn),
        _ if node.troubles().next().is_some() => {
            let kind = node
                .troubles()
                .next()
                .map_or_else(String::new, |trouble| trouble.kind.to_string());
            Cell::new(clean(&kind).into_owned(), theme.status_warn)
        }
        _ => match warmth(rack, node, theme) {
            Some(cells) => return cells,
            None => Cell::new("Ready", theme.status_ok),
        },
    };
    let pods = rack
        .pod_counts(&node.name)
        .map(|counts| Cell::new(format!("{} pods", counts.held), theme.muted));
    std::iter::once(words).chain(pods).collect()
}

/// Temperature and its last course, and the supply when something is to be said of it; `None` when the board does not
/// answer.
fn warmth(rack: &Rack, node: &Node, theme: &Theme) -> Option<Vec<Cell>> {
    let (text, tone) = board::temperature(rack, node);
    let known = rack.boards.get(&node.name).filter(|_| !text.is_empty())?;
    let text = text.replace('°', theme.symbols.degree);
    let (power, power_tone) = board::power(rack, node);
    let mut cells = vec![
        Cell::new(text, tone.style(false, theme)),
        Cell::new(board::temperatures(known, 5, theme), theme.muted),
    ];
    if !matches!(power, "" | "ok") {
        cells.push(Cell::new(power, power_tone.style(false, theme)));
    }
    Some(cells)
}
