//! The table of Services: what is visible of it, and the line under a row that is not well.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::panes::listing::visible_rows;
use crate::panes::services::ServicesPane;
use crate::panes::services::columns::{COLUMNS, Column, targets, worst_history};
use crate::panes::{age_and_source, draw_empty};
use crate::rack::Rack;
use crate::rack::link::Source;
use crate::rack::problem::Severity;
use crate::rack::service::Service;
use crate::rack::vip::Vip;
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box};
use crate::ui::strip::sparkline;
use crate::ui::table::layout::GUTTER;
use crate::ui::table::{Cell, Row};
use crate::ui::text::{clean, put, width16};

/// Attempts in the small graph of a row.
const GRAPH: usize = 6;
/// Cells of an answer: `120 ms`.
const ANSWER: u16 = 6;

/// The part of the table that is on the screen.
pub(super) struct Window<'a> {
    pub(super) services: Vec<&'a Service>,
    offset: usize,
    selected: Option<usize>,
}

/// Lines each of these Services takes: two with the reason why it is not well.
pub(super) fn lines(rack: &Rack, services: &[&Service]) -> Vec<u16> {
    let lines = |service: &&Service| 1 + u16::from(rack.vips.is_troubled(&service.name));
    services.iter().map(lines).collect()
}

/// What of the chosen Services stands in `height` lines.
pub(super) fn window<'a>(pane: &ServicesPane, rack: &'a Rack, height: usize) -> Window<'a> {
    let (ids, lines) = (&pane.ids, &pane.lines);
    let offset = pane.list.rows.offset_in_lines(ids, height, lines);
    let selected = pane.list.rows.index(ids);
    let mut left = height;
    let fitting = lines.iter().skip(offset).take_while(|lines| {
        let has_room = left > 0;
        left = left.saturating_sub(usize::from(**lines));
        has_room
    });
    let shown = ids.iter().skip(offset).take(fitting.count());
    let services = shown.filter_map(|uid| rack.services.by_uid(uid)).collect();
    Window {
        services,
        offset,
        selected,
    }
}

/// The widths of the texts of every visible row, one list for each.
pub(super) fn measure(pane: &ServicesPane, rack: &Rack, area: Rect) -> Vec<Vec<u16>> {
    let width = |column: &Column, service: &Service| {
        let text = width16(&clean(&column.cell(rack, service).0));
        match column {
            // The sign before it.
            Column::Vip => text + 2,
            // Answers and their graph have their room before the first one comes.
            Column::Answers if is_asked(rack, service) => {
                text.max(ANSWER) + 1 + u16::try_from(GRAPH).unwrap_or_default()
            }
            _ => text,
        }
    };
    let window = window(pane, rack, visible_rows(area));
    let row = |service: &&Service| COLUMNS.iter().map(|it| width(it, service)).collect();
    window.services.iter().map(row).collect()
}

pub(super) fn draw(pane: &ServicesPane, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let right = age_and_source(rack, theme);
    let name = if pane.shows_all {
        "Services of all types"
    } else {
        "Services"
    };
    let title = pane.list.title(name);
    let pane_box = PaneBox {
        title: &clean(&title),
        right: &right,
        has_focus: true,
    };
    let inside = draw_box(pane_box, area, buf, theme);
    if rack.services.is_empty() {
        return draw_empty(rack, (Source::Services, "Services"), theme, inside, buf);
    }
    let window = window(pane, rack, usize::from(inside.height.saturating_sub(1)));
    let rows: Vec<Row> = window
        .services
        .iter()
        .map(|it| row(pane, it, rack, theme))
        .collect();
    pane.list
        .draw(&rows, (window.offset, window.selected), inside, buf, theme);
    draw_signs(&window.services, &rows, rack, theme, inside, buf);
    if window.services.is_empty() {
        let text = if pane.list.filter.is_empty() && !pane.list.only_faults {
            "No service of type LoadBalancer. a shows all types, e exposes a Deployment."
        } else {
            "No service passes the filter. esc shows all again."
        };
        put(
            buf,
            (inside.x + 2, inside.y + 2),
            inside.width.saturating_sub(2),
            text,
            theme.muted,
        );
    }
}

fn row(pane: &ServicesPane, service: &Service, rack: &Rack, theme: &Theme) -> Row {
    let trouble = rack.vips.get(&service.name).and_then(Vip::trouble);
    let note = trouble.map(|problem| {
        let parts = [problem.why.as_str(), problem.next.as_str()];
        let parts: Vec<&str> = parts.into_iter().filter(|it| !it.is_empty()).collect();
        let style = match problem.severity {
            _ if rack.link.is_stale() => theme.stale,
            Severity::Critical => theme.status_bad,
            _ => theme.status_warn,
        };
        Cell::new(clean(&parts.join("; ")).into_owned(), style)
    });
    Row {
        cells: COLUMNS
            .iter()
            .map(|it| cell(*it, rack, service, theme))
            .collect(),
        is_marked: pane.list.rows.is_marked(&service.uid),
        note,
    }
}

fn cell(column: Column, rack: &Rack, service: &Service, theme: &Theme) -> Cell {
    let (text, tone) = column.cell(rack, service);
    let text = match column {
        Column::Vip => format!("{} {}", sign(rack, service, theme).0, clean(&text)),
        Column::Answers => with_graph(&text, rack, service, theme),
        _ if text.is_empty() => theme.symbols.dash.to_owned(),
        _ => clean(&text).into_owned(),
    };
    let text = if theme.symbols.dash.is_ascii() {
        text.replace('→', ">")
    } else {
        text
    };
    Cell::new(text, tone.style(rack.link.is_stale(), theme))
}

/// Somebody knocks at its ports.
fn is_asked(rack: &Rack, service: &Service) -> bool {
    !rack.probes.is_off && !targets(service).is_empty()
}

/// The latency with its last attempts as bars.
fn with_graph(text: &str, rack: &Rack, service: &Service, theme: &Theme) -> String {
    if text.is_empty() {
        return theme.symbols.dash.to_owned();
    }
    let Some((_, history)) = worst_history(rack, service).filter(|_| !rack.probes.is_off) else {
        return text.to_owned();
    };
    let latencies = history.latencies();
    let top = latencies.iter().flatten().copied().fold(1.0, f64::max);
    let bars = sparkline(&latencies, top * 1.5, GRAPH, &theme.symbols);
    format!("{text} {bars}")
}

/// The sign of a row: state is a symbol first.
fn sign(rack: &Rack, service: &Service, theme: &Theme) -> (&'static str, Style) {
    let signs = &theme.symbols;
    let Some(vip) = rack.vips.get(&service.name) else {
        return (signs.led_unknown, theme.led_unknown);
    };
    match vip.severity() {
        Some(Severity::Critical) => (signs.cross, theme.status_bad),
        Some(Severity::Warning) => (signs.warn, theme.status_warn),
        _ if service.is_pending() => (signs.led_late, theme.led_late),
        _ if !service.is_load_balancer() => (signs.led_unknown, theme.led_unknown),
        Some(Severity::Note) | None => (signs.led_ok, theme.led_ok),
    }
}

/// The signs have colours of their own.
fn draw_signs(
    services: &[&Service],
    rows: &[Row],
    rack: &Rack,
    theme: &Theme,
    inside: Rect,
    buf: &mut Buffer,
) {
    let mut y = inside.y + 1;
    for (service, row) in services.iter().zip(rows) {
        if y >= inside.bottom() {
            return;
        }
        let (_, style) = sign(rack, service, theme);
        let style = if rack.link.is_stale() {
            theme.stale
        } else {
            style
        };
        if let Some(cell) = buf.cell_mut((inside.x + GUTTER, y)) {
            cell.set_style(style);
        }
        y = y.saturating_add(row.height());
    }
}
