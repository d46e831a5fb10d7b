//! The left half: pools with their use, and of the one under the cursor the address map and who announces it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::panes::age_and_source;
use crate::panes::pools::map::{self, Map};
use crate::panes::pools::{Half, PoolsPane};
use crate::rack::Rack;
use crate::rack::pools::entry;
use crate::rack::pools::live::PoolView;
use crate::rack::pools::map::{Cell, State};
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box};
use crate::ui::text::{clean, cut_end, put, wrap};

/// Cells of a use bar.
const BAR: u16 = 12;
/// Rows of the address map at most.
const MAP: u16 = 4;

pub(super) fn draw(pane: &PoolsPane, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let has_focus = pane.half == Half::Pools;
    let frame = PaneBox {
        title: "Pools",
        right: &age_and_source(rack, theme),
        has_focus,
    };
    let inside = draw_box(frame, area, buf, theme);
    if pane.pools.is_empty() {
        let mut lines = vec![
            "There is no pool yet: MetalLB has no address to give.".to_owned(),
            "+ makes one, with a free range proposed.".to_owned(),
        ];
        lines.extend(pane.installing.as_ref().and_then(|it| it.waiting(rack)));
        let mut y = inside.y.saturating_add(1);
        for line in lines
            .iter()
            .flat_map(|line| wrap(line, usize::from(inside.width.saturating_sub(2))))
        {
            put(buf, (inside.x + 1, y), inside.width, &line, theme.text);
            y = y.saturating_add(1);
        }
        return;
    }
    let ids = pane.ids();
    // Half of the room for the list, the rest for the one under the cursor.
    let below = inside.height.saturating_mul(6) / 10;
    let rows = inside.height.saturating_sub(below).max(1);
    let offset = pane.rows.offset(&ids, rows.into());
    let selected = pane.rows.index(&ids);
    let shown = pane.pools.iter().enumerate().skip(offset);
    let mut y = inside.y;
    for (index, pool) in shown.take(rows.into()) {
        let line = Rect {
            y,
            height: 1,
            ..inside
        };
        draw_row(
            pool,
            rack,
            selected == Some(index) && has_focus,
            line,
            buf,
            theme,
        );
        y += 1;
    }
    if let Some(pool) = pane.current() {
        let area = Rect {
            y: y.saturating_add(1),
            height: inside.bottom().saturating_sub(y + 1),
            ..inside
        };
        draw_pool(pool, rack, pane.map_cursor, area, buf, theme);
    }
}

/// `▌ lan            ▓▓▓░░░░░░░░░  12/50`
fn draw_row(
    pool: &PoolView,
    rack: &Rack,
    is_selected: bool,
    line: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let counts = map::counts(pool);
    let room = line.width.saturating_sub(BAR + 14);
    let name = clean(&pool.name);
    let name = cut_end(&name, room.into(), theme.symbols.ellipsis);
    if is_selected {
        put(buf, (line.x, line.y), 1, theme.symbols.cursor, theme.cursor);
    }
    let style = if problems(pool, rack).is_empty() {
        theme.text
    } else {
        theme.status_bad
    };
    put(buf, (line.x + 2, line.y), room, &name, style);
    let x = line.x.saturating_add(3).saturating_add(room);
    draw_bar(pool, (x, line.y), buf, theme);
    let x = x.saturating_add(BAR + 1);
    put(
        buf,
        (x, line.y),
        line.right().saturating_sub(x),
        &counts,
        theme.text,
    );
    if is_selected {
        buf.set_style(line, theme.selection);
    }
}

fn draw_bar(pool: &PoolView, at: (u16, u16), buf: &mut Buffer, theme: &Theme) {
    let (used, all, _) = map::numbers(pool);
    let width = u128::from(BAR);
    let filled = if all == 0 {
        0
    } else if used >= all {
        width
    } else {
        // Something in use is never drawn as nothing.
        (used.saturating_mul(width) / all).max(u128::from(used > 0))
    };
    let filled = u16::try_from(filled).unwrap_or(BAR);
    let is_full = all > 0 && used >= all.saturating_sub(all / 10);
    let style = if is_full { theme.bar_full } else { theme.bar };
    for cell in 0..BAR {
        let (sign, style) = if cell < filled {
            (theme.symbols.bar_full, style)
        } else {
            (theme.symbols.bar_empty, theme.muted)
        };
        put(buf, (at.0.saturating_add(cell), at.1), 1, sign, style);
    }
}

fn draw_pool(
    pool: &PoolView,
    rack: &Rack,
    cursor: usize,
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let room = area.width.saturating_sub(3);
    let map = Map::of(pool, rack, usize::from(room) * usize::from(MAP));
    let cells = &map.cells;
    let cursor = cursor.min(cells.len().saturating_sub(1));
    let mut y = area.y;
    for (row, line) in cells.chunks(usize::from(room).max(1)).enumerate() {
        if y >= area.bottom() {
            return;
        }
        for (index, cell) in line.iter().enumerate() {
            let (sign, style) = sign(cell, theme);
            let x = area.x + 2 + u16::try_from(index).unwrap_or(0);
            let is_here = row * usize::from(room) + index == cursor;
            let style = if is_here {
                style.patch(theme.selection)
            } else {
                style
            };
            put(buf, (x, y), 1, sign, style);
        }
        y += 1;
    }
    let mut lines: Vec<(String, Style)> = Vec::new();
    if let Some(cell) = cells.get(cursor) {
        for owner in map.owners(cell).into_iter().take(3) {
            lines.push((owner, theme.text));
        }
    }
    lines.push((String::new(), theme.text));
    for problem in problems(pool, rack) {
        lines.push((problem, theme.status_bad));
    }
    for by in pool.announced_by.iter().take(4) {
        lines.push((format!("announced by {by}"), theme.muted));
    }
    if !pool.auto_assign {
        lines.push((
            "only on request (autoAssign is off)".to_owned(),
            theme.muted,
        ));
    }
    for entry in &pool.addresses {
        lines.push((entry.clone(), theme.muted));
    }
    for (text, style) in lines {
        for part in wrap(&clean(&text), usize::from(room)) {
            if y >= area.bottom() {
                return;
            }
            put(buf, (area.x + 2, y), room, &part, style);
            y += 1;
        }
    }
}

fn problems(pool: &PoolView, rack: &Rack) -> Vec<String> {
    let mut problems = Vec::new();
    if pool.announced_by.is_empty() {
        problems.push("nothing announces these addresses: they will not answer".to_owned());
    }
    for entry in pool.addresses.iter().filter(|it| entry::parse(it).is_err()) {
        problems.push(format!("MetalLB does not read {entry}"));
    }
    for (ip, node) in map::boards(pool, rack) {
        problems.push(format!("{ip} is the address of node {node}"));
    }
    problems
}

fn sign(cell: &Cell, theme: &Theme) -> (&'static str, Style) {
    match cell.state() {
        State::Free => (theme.symbols.led_unknown, theme.muted),
        State::Reserved => (theme.symbols.dash, theme.muted),
        State::Pending => (theme.symbols.led_lost, theme.bar),
        State::Used if cell.free > 0 => (theme.symbols.led_late, theme.bar),
        State::Used => (theme.symbols.led_ok, theme.bar),
        State::Conflict => (theme.symbols.cross, theme.status_bad),
    }
}
