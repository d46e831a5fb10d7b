//! The log viewer on the screen: lines with what stands before them, the list of sources, one line of how things are.
//!
//! ```text
//! ┌ Logs deploy/web ──────────────────────── 3 of 4 sources ┐
//! │ ▌! 14:05:32.123 web-x2x4z WARN  slow disk               │
//! │ following  12,345 lines  88 dropped  & error  /timeout  │
//! └─────────────────────────────────────────────────────────┘
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::panes::logs::LogsPane;
use crate::panes::logs::line::{self, Look, long};
use crate::panes::logs::sources::{self, colour, count, grouped};
use crate::panes::logs::window::{self, GUTTER, Places};
use crate::rack::Rack;
use crate::rack::log::SourceState;
use crate::rack::log::logbook::Logbook;
use crate::rack::log::ring::Line;
use crate::theme::roles::Theme;
use crate::ui::ansi::Span;
use crate::ui::frame::{PaneBox, draw_box};
use crate::ui::text::{clean, cut_end, cut_start, put, wrap};

pub(super) fn pane(pane: &LogsPane, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let book = &rack.logbook;
    let title = if book.title.is_empty() {
        "Logs".to_owned()
    } else {
        format!("Logs {}", clean(&book.title))
    };
    let frame = PaneBox {
        title: &title,
        right: &who(book),
        has_focus: true,
    };
    let inside = draw_box(frame, area, buf, theme);
    if book.is_closed() {
        return nothing_open(theme, inside, buf);
    }
    let places = window::places(pane, book, area);
    lines(pane, rack, theme, places, buf);
    sources::draw(pane, rack, theme, places.list, buf);
    status(pane, rack, theme, places.status, buf);
}

/// How many there are to read from, and how many of them are read.
fn who(book: &Logbook) -> String {
    let all = book.sources().len();
    let is_read = |state: &SourceState| matches!(state, SourceState::Reading);
    let read = book
        .sources()
        .iter()
        .filter(|it| is_read(&it.state))
        .count();
    match all {
        0 => "no source yet".to_owned(),
        1 => book
            .sources()
            .first()
            .map_or(String::new(), |it| clean(&it.name).into_owned()),
        _ if read == all => format!("{all} sources"),
        _ => format!("{read} of {all} sources read"),
    }
}

fn nothing_open(theme: &Theme, inside: Rect, buf: &mut Buffer) {
    let texts = [
        "Nothing is read.",
        "",
        "P on a node and l on a Service read the logs of its pods; so does",
        ":logs web, :logs deploy/web -n office, :logs -l app=web, :logs node/rpi-01",
    ];
    let room = usize::from(inside.width.saturating_sub(4));
    let lines = texts.iter().flat_map(|text| wrap(text, room));
    for (line, y) in lines.zip(inside.y + 1..inside.bottom()) {
        put(buf, (inside.x + 2, y), inside.width, &line, theme.muted);
    }
}

fn lines(pane: &LogsPane, rack: &Rack, theme: &Theme, places: Places, buf: &mut Buffer) {
    let book = &rack.logbook;
    let area = places.lines;
    let Some((top, skipped)) = window::top(pane, book, places) else {
        let text = why_empty(pane, book);
        let room = usize::from(area.width.saturating_sub(4));
        for (line, y) in wrap(&clean(&text), room)
            .iter()
            .zip(area.y + 1..area.bottom())
        {
            put(
                buf,
                (area.x + 2, y),
                area.width.saturating_sub(2),
                line,
                theme.muted,
            );
        }
        return;
    };
    let look = pane.look(theme);
    let mut y = area.y;
    let mut skipped = skipped;
    let mut next = Some(top);
    while let Some(line) = next.and_then(|number| book.ring.get(number)) {
        for (at, row) in window::rows(pane, &line, &look, places).iter().enumerate() {
            if skipped > 0 {
                skipped -= 1;
                continue;
            }
            if y >= area.bottom() {
                return;
            }
            let place = Rect {
                y,
                height: 1,
                ..area
            };
            one_row(
                pane,
                rack,
                (&line, at == 0, row),
                (&look, places),
                place,
                buf,
            );
            y += 1;
        }
        next = pane.sieve.at_or_after(line.number + 1, &book.ring);
    }
}

/// One row of a line; what stands before the text only in the first.
fn one_row(
    pane: &LogsPane,
    rack: &Rack,
    (line, is_first, row): (&Line<'_>, bool, &[Span]),
    (look, places): (&Look<'_>, Places),
    area: Rect,
    buf: &mut Buffer,
) {
    let theme = look.theme;
    let y = area.y;
    let ground = if pane.sieve.is_choosy() && !pane.sieve.matches(line) {
        theme.muted
    } else {
        theme.text
    };
    let mut x = area.x + GUTTER;
    if is_first {
        gutter(pane, rack, line, theme, area, buf);
        let time = pane.shape.times.text(line.time, &pane.zone, rack.now);
        x = put(
            buf,
            (x, y),
            area.right().saturating_sub(x),
            &time,
            theme.log_time,
        );
        if places.name > 0
            && let Some(source) = rack.logbook.source(line.source)
        {
            let name = clean(source.short());
            let name = cut_start(&name, usize::from(places.name - 1), theme.symbols.ellipsis);
            put(
                buf,
                (x, y),
                places.name - 1,
                &name,
                colour(line.source, theme),
            );
        }
    }
    x = area.right().saturating_sub(places.text);
    for span in row {
        let left = area.right().saturating_sub(x);
        x = put(buf, (x, y), left, &span.text, ground.patch(span.style));
    }
    if !pane.follows && pane.cursor == line.number && pane.list.is_none() {
        buf.set_style(area, theme.selection);
        put(buf, (area.x, y), 1, theme.symbols.cursor, theme.cursor);
    }
}

/// The sign of a mark, of the level, of a section.
fn gutter(
    pane: &LogsPane,
    rack: &Rack,
    line: &Line<'_>,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let at = (area.x, area.y);
    if pane.marks.contains(&line.number) {
        put(buf, at, 1, theme.symbols.mark, theme.mark);
    }
    let (sign, style) = match rack.logbook.section(line.number) {
        Some(_) if pane.sieve.is_folded(line.number) => (theme.symbols.arrow_right, theme.muted),
        Some(_) => (theme.symbols.arrow_down, theme.muted),
        None => line::sign(line::level_of(line), theme),
    };
    put(buf, (at.0 + 1, at.1), 1, sign, style);
}

fn why_empty(pane: &LogsPane, book: &Logbook) -> String {
    let trouble = book.feeds().iter().find_map(|feed| feed.trouble.as_ref());
    if !book.ring.is_empty() && !pane.sieve.is_open() {
        return format!(
            "None of {} is let through; esc takes the last filter away.",
            count(book.ring.len() as u64)
        );
    }
    if let Some(problem) = trouble {
        return problem.sentence();
    }
    let mut states = book.sources().iter().map(|source| &source.state);
    match states.next() {
        None => "Looking for what is to be read.".to_owned(),
        Some(SourceState::Failing(problem)) => problem.sentence(),
        Some(SourceState::Waiting(why)) => format!("Nothing to read yet: {why}."),
        Some(SourceState::Ended(why)) => format!("It wrote nothing; {why}."),
        Some(SourceState::Reading) => "It is read, and has written nothing so far.".to_owned(),
    }
}

/// One line: following or not, how many lines, what was dropped, what is looked for, what is wrong.
fn status(pane: &LogsPane, rack: &Rack, theme: &Theme, area: Rect, buf: &mut Buffer) {
    let mut x = area.x + 1;
    for (text, style) in words(pane, rack, theme) {
        let left = area.right().saturating_sub(x);
        let text = cut_end(
            &text,
            usize::from(left.saturating_sub(1)),
            theme.symbols.ellipsis,
        );
        x = put(buf, (x, area.y), left, &text, style).saturating_add(2);
    }
}

fn words(pane: &LogsPane, rack: &Rack, theme: &Theme) -> Vec<(String, Style)> {
    let book = &rack.logbook;
    let signs = &theme.symbols;
    let mut words = Vec::new();
    let news = pane.news(rack);
    words.push(match (pane.follows, news) {
        (true, _) => (format!("{} following", signs.arrow_down), theme.status_ok),
        (false, 0) => ("paused".to_owned(), theme.status_warn),
        (false, _) => (format!("paused, {} new", count(news)), theme.status_warn),
    });
    let failing = |state: &SourceState| matches!(state, SourceState::Failing(_));
    let failed = book
        .sources()
        .iter()
        .filter(|it| failing(&it.state))
        .count();
    let troubles = book
        .feeds()
        .iter()
        .filter(|it| it.trouble.is_some())
        .count();
    if failed + troubles > 0 {
        let text = format!("{} {} not read: s says why", signs.cross, failed + troubles);
        words.push((text, theme.status_bad));
    }
    if let Some(silence) = silence(rack) {
        words.push((format!("silent for {}", long(silence)), theme.status_warn));
    }
    words.push(if pane.sieve.is_open() {
        (count(book.ring.len() as u64), theme.muted)
    } else {
        let shown = grouped(pane.sieve.count(&book.ring));
        (
            format!("{shown} of {}", count(book.ring.len() as u64)),
            theme.muted,
        )
    });
    if book.ring.dropped() > 0 {
        let dropped = grouped(book.ring.dropped());
        words.push((format!("{dropped} dropped"), theme.status_warn));
    }
    if book.lost() > 0 {
        let lost = grouped(book.lost());
        words.push((format!("{lost} lost on the way"), theme.status_bad));
    }
    for term in pane.sieve.terms() {
        words.push((format!("& {}", clean(&term.words())), theme.title));
    }
    if pane.sieve.only_faults() {
        words.push(("! faults".to_owned(), theme.title));
    }
    if pane.sieve.is_choosy() && pane.sieve.context() > 0 {
        words.push((format!("{} around", pane.sieve.context()), theme.title));
    }
    if !pane.search.is_empty() {
        let sign = if pane.hunt.is_some() {
            signs.ellipsis
        } else {
            ""
        };
        words.push((format!("/{}{sign}", clean(&pane.search)), theme.title));
    }
    words
}

/// How long nothing came from any of those that could write.
fn silence(rack: &Rack) -> Option<std::time::Duration> {
    let sources = rack.logbook.sources().iter();
    let mut readable = sources
        .filter(|it| matches!(it.state, SourceState::Reading))
        .peekable();
    readable.peek()?;
    let silences: Option<Vec<_>> = readable.map(|source| source.silence(rack.now)).collect();
    silences?.into_iter().min()
}
