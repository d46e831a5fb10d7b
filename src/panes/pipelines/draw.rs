//! Drawing the Pipelines pane: its frame, and a table with what is known of the row under the cursor.
//!
//! ```text
//! ┌ Pipelines ▸ ops/thermo-hub ▸ #9311 ────────────────── asked 3s ago ┐
//! │ ! GitLab office: … 502                 (only when something is wrong)│
//! │ STATUS        NAME        WHAT              TOOK  AGE  BY            │
//! │ ✓ success     build       build             3:12  4m   pi-builder-01 │
//! │ ───────────────────────────────────────────────────────────────────  │
//! │ waits         it waits for a runner for 5m                           │
//! └──────────────────────────────────────────────────────────────────────┘
//! ```

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::panes::listing::Tone;
use crate::panes::pipelines::rows::{Line, tone};
use crate::panes::pipelines::{PipelinesPane, Place};
use crate::rack::Rack;
use crate::rack::pipeline::state::{InstanceName, JobRef, TOKEN_SOON, Token};
use crate::rack::pipeline::waiting::{Runners, why};
use crate::rack::pipeline::{Job, Status, clock};
use crate::rack::time::short;
use crate::theme::roles::Theme;
use crate::ui::frame::{PaneBox, draw_box, inside};
use crate::ui::table::{Cell, Row};
use crate::ui::text::{clean, put, wrap};

/// Lines kept for what is said about one row, so that the table does not jump when the cursor moves.
const BELOW: u16 = 6;
/// Cells of a label there.
const LABEL: u16 = 10;
/// The line for what is wrong with GitLab.
const BANNER: u16 = 1;

/// Rows of a table, below its line of titles.
pub(super) fn rows_shown(area: Rect) -> usize {
    let (table, _) = split(below_banner(inside(area)));
    usize::from(table.height.saturating_sub(1))
}

/// The banner keeps its line also when there is none: what is read must not jump.
pub(super) fn below_banner(inside: Rect) -> Rect {
    let banner = BANNER.min(inside.height);
    Rect {
        y: inside.y + banner,
        height: inside.height - banner,
        ..inside
    }
}

fn split(inside: Rect) -> (Rect, Rect) {
    let below = BELOW.min(inside.height.saturating_sub(4));
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

/// `Pipelines ▸ ops/thermo-hub ▸ #9311`.
fn title(pane: &PipelinesPane, rack: &Rack, theme: &Theme) -> String {
    let mut parts = vec!["Pipelines".to_owned()];
    for place in &pane.trail {
        parts.push(match place {
            Place::Project(project) => match rack.builds.project(project) {
                Some(about) => about.path.clone(),
                None => format!("project #{}", project.project),
            },
            Place::Pipeline(pipeline) => format!("#{}", pipeline.pipeline),
            Place::Log(job) => match rack.builds.job(job) {
                Some(job) => format!("{} #{}", job.name, job.id),
                None => format!("job #{}", job.job),
            },
        });
    }
    let arrow = format!(" {} ", theme.symbols.arrow_right);
    let mut title = clean(&parts.join(&arrow)).into_owned();
    if !pane.filter().is_empty() {
        title.push_str(" /");
        title.push_str(pane.filter());
    }
    title
}

/// The GitLab that is looked at; without one chosen, the one that has trouble.
fn instance<'a>(pane: &PipelinesPane, rack: &'a Rack) -> Option<&'a InstanceName> {
    let chosen = pane.trail.first().and_then(|place| match place {
        Place::Project(project) => Some(&project.instance),
        _ => None,
    });
    let troubled = || {
        let all = rack.builds.instances.iter();
        all.clone()
            .find(|(_, it)| it.trouble().is_some())
            .or_else(|| all.clone().next())
            .map(|(name, _)| name)
    };
    match chosen {
        Some(chosen) => rack
            .builds
            .instances
            .get_key_value(chosen)
            .map(|(name, _)| name),
        None => troubled(),
    }
}

/// When GitLab last answered.
fn asked(pane: &PipelinesPane, rack: &Rack) -> String {
    let instance = instance(pane, rack).and_then(|name| rack.builds.instances.get(name));
    match instance.map(|it| it.answered) {
        Some(Some(at)) => format!("answered {} ago", short(rack.now.since(at))),
        Some(None) => "asking".to_owned(),
        None => String::new(),
    }
}

/// What is wrong with GitLab or its token, in one line; the old data stays below.
fn banner(pane: &PipelinesPane, rack: &Rack) -> Option<(String, Tone)> {
    let name = instance(pane, rack)?;
    let instance = rack.builds.instances.get(name)?;
    if let Some(problem) = instance.trouble() {
        return Some((problem.sentence(), Tone::Bad));
    }
    let token = instance.token.as_ref()?;
    match token.days_left(rack.now.wall) {
        Some(days) if days <= 0 => {
            let text = format!("the token of GitLab {name} has expired; make a new one");
            Some((text, Tone::Bad))
        }
        Some(days) if days <= TOKEN_SOON => {
            let text = format!("the token of GitLab {name} expires in {days} days; make a new one");
            Some((text, Tone::Warn))
        }
        _ if token.is_read_only() => {
            let text = format!("read-only: the token of GitLab {name} has no scope api");
            Some((text, Tone::Muted))
        }
        _ => None,
    }
}

/// Draws the box, the banner, and gives the room that is left.
pub(super) fn frame(
    pane: &PipelinesPane,
    rack: &Rack,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) -> Rect {
    let pane_box = PaneBox {
        title: &title(pane, rack, theme),
        right: &asked(pane, rack),
        has_focus: true,
    };
    let inside = draw_box(pane_box, area, buf, theme);
    if let Some((text, tone)) = banner(pane, rack)
        && inside.height > 0
    {
        let sign = match tone {
            Tone::Muted => theme.symbols.note,
            _ => theme.symbols.warn,
        };
        let text = format!("{sign} {}", clean(&text));
        let at = (inside.x + 1, inside.y);
        let width = inside.width.saturating_sub(2);
        put(buf, at, width, &text, tone.style(false, theme));
    }
    below_banner(inside)
}

pub(super) fn table(
    pane: &PipelinesPane,
    rack: &Rack,
    theme: &Theme,
    area: Rect,
    buf: &mut Buffer,
) {
    let inside = frame(pane, rack, theme, area, buf);
    let lines = pane.lines(rack);
    let Some(list) = pane.table().filter(|_| !lines.is_empty()) else {
        return draw_none(pane, rack, theme, inside, buf);
    };
    let (table, below) = split(inside);
    let ids: Vec<_> = lines.iter().map(Line::key).collect();
    let height = rows_shown(area);
    let (offset, selected) = (list.rows.offset(&ids, height), list.rows.index(&ids));
    let rows: Vec<Row> = lines
        .iter()
        .skip(offset)
        .take(height)
        .map(|line| row(line, list.rows.is_marked(&line.key()), theme))
        .collect();
    list.draw(&rows, (offset, selected), table, buf, theme);
    if let Some(line) = selected.and_then(|at| lines.get(at)) {
        draw_below(&about(line, rack), below, theme, buf);
    }
}

fn row(line: &Line, is_marked: bool, theme: &Theme) -> Row {
    let tone = line.tone();
    let cells = line.texts().iter().enumerate().map(|(index, text)| {
        let text = clean(text);
        if index == 0 {
            let sign = line
                .status()
                .map_or(theme.symbols.led_unknown, |it| sign(it, theme));
            return Cell::new(format!("{sign} {text}"), tone.style(false, theme));
        }
        Cell::new(text, theme.text)
    });
    Row {
        cells: cells.collect(),
        is_marked,
        note: None,
    }
}

/// A sign for each state, so that it is read without colour.
pub(super) fn sign(status: &Status, theme: &Theme) -> &'static str {
    let signs = &theme.symbols;
    match status {
        Status::Success => signs.check,
        Status::Failed => signs.cross,
        Status::Running => signs.arrow_right,
        Status::Canceled | Status::Canceling => signs.denied,
        Status::Skipped => signs.dash,
        Status::Manual | Status::Scheduled => signs.led_off,
        Status::Other(_) => signs.led_unknown,
        _ => signs.connecting,
    }
}

/// What is known of one row beyond its cells, with a label each.
fn about(line: &Line, rack: &Rack) -> Vec<(&'static str, String, Tone)> {
    match line {
        Line::Project {
            project,
            about,
            newest,
            ..
        } => {
            let mut lines = vec![("url", about.url.clone(), Tone::Plain)];
            let instance = rack.builds.instances.get(&project.instance);
            if let Some(token) = instance.and_then(|it| it.token.as_ref()) {
                lines.push(("token", about_token(token, rack), Tone::Plain));
            }
            if let Some(registry) = &about.registry {
                lines.push(("images", registry.clone(), Tone::Plain));
            }
            if let Some(newest) = newest {
                let text = format!("#{} {}", newest.id, newest.status);
                lines.push(("newest", text, tone(&newest.status)));
            }
            lines
        }
        Line::Pipeline { about, .. } => vec![
            ("url", about.url.clone(), Tone::Plain),
            ("commit", about.sha.clone(), Tone::Plain),
            ("ref", about.branch.clone(), Tone::Plain),
        ],
        Line::Job { at, job, .. } => about_job(at, job, rack),
    }
}

/// `may api, read_registry; ends 2027-01-31, in 68 days`.
fn about_token(token: &Token, rack: &Rack) -> String {
    let scopes = match token.scopes.as_slice() {
        [] => "what it may do is not told".to_owned(),
        scopes if token.is_read_only() => format!("may {}: to look, not to act", scopes.join(", ")),
        scopes => format!("may {}", scopes.join(", ")),
    };
    match (token.expires, token.days_left(rack.now.wall)) {
        (Some(day), Some(days)) => format!("{scopes}; ends {day}, in {days} days"),
        _ if token.scopes.is_empty() => scopes,
        _ => format!("{scopes}; no end"),
    }
}

fn about_job(at: &JobRef, job: &Job, rack: &Rack) -> Vec<(&'static str, String, Tone)> {
    let runners = rack.builds.runners.get(at).unwrap_or(&Runners::NotAsked);
    let label = if job.status == Status::Failed {
        "why"
    } else {
        "waits"
    };
    let mut lines: Vec<_> = why(job, runners, rack.now)
        .into_iter()
        .map(|text| (label, text, Tone::Warn))
        .collect();
    if !job.tags.is_empty() {
        lines.push(("tags", job.tags.join(", "), Tone::Plain));
    }
    if let Some(runner) = &job.runner {
        let text = format!("{} (#{})", runner.description, runner.id);
        lines.push(("runner", text, Tone::Plain));
    }
    if let Some(queued) = job.queued {
        lines.push(("queued", clock(queued), Tone::Plain));
    }
    lines.push(("url", job.url.clone(), Tone::Plain));
    lines
}

fn draw_below(lines: &[(&str, String, Tone)], area: Rect, theme: &Theme, buf: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let rule = theme.symbols.border.horizontal_top;
    let rule = rule.repeat(area.width.into());
    put(buf, (area.x, area.y), area.width, &rule, theme.border);
    let room = area.width.saturating_sub(LABEL + 2);
    let mut y = area.y + 1;
    let mut before = "";
    for (label, text, tone) in lines.iter().filter(|(_, text, _)| !text.is_empty()) {
        let mut shown = if *label == before { "" } else { *label };
        before = label;
        for part in wrap(&clean(text), room.into()) {
            if y >= area.bottom() {
                return;
            }
            put(buf, (area.x + 1, y), LABEL, shown, theme.muted);
            let style = tone.style(false, theme);
            put(buf, (area.x + 1 + LABEL, y), room, &part, style);
            shown = "";
            y += 1;
        }
    }
}

/// Said in place of rows when there are none: why, and what to do.
fn draw_none(pane: &PipelinesPane, rack: &Rack, theme: &Theme, inside: Rect, buf: &mut Buffer) {
    let builds = &rack.builds;
    let is_filtered = !pane.filter().is_empty();
    let (head, texts): (&str, Vec<String>) = match pane.trail.last() {
        _ if !builds.is_configured() => (
            "No GitLab to show",
            vec![
                "Name one in config.toml, and start bramble again:".to_owned(),
                "[gitlab.office]".to_owned(),
                "url = \"https://gitlab.example.com\"".to_owned(),
                "token-env = \"GITLAB_TOKEN\"".to_owned(),
                "projects = [\"ops/thermo-hub\"]".to_owned(),
            ],
        ),
        _ if is_filtered => (
            "Nothing passes the filter",
            vec!["esc shows all again.".to_owned()],
        ),
        None if builds.instances.values().all(|it| it.answered.is_none()) => {
            ("Asking for the projects", Vec::new())
        }
        None => (
            "No projects",
            vec![
                "The owner of the token is a member of none; name some in config.toml.".to_owned(),
            ],
        ),
        Some(Place::Project(project)) if builds.pipelines.contains_key(project) => {
            ("This project has no pipelines", Vec::new())
        }
        Some(Place::Pipeline(pipeline)) => match builds.jobs.get(pipeline) {
            Some((_, detail)) => (
                "This pipeline has no jobs",
                detail.yaml_errors.iter().cloned().collect(),
            ),
            None => ("Asking for the jobs", Vec::new()),
        },
        _ => ("Asking for the pipelines", Vec::new()),
    };
    let width = inside.width.saturating_sub(4);
    let mut y = inside.y;
    put(buf, (inside.x + 2, y), width, head, theme.title);
    y += 2;
    for text in texts {
        for line in wrap(&clean(&text), width.into()) {
            if y >= inside.bottom() {
                return;
            }
            put(buf, (inside.x + 2, y), width, &line, theme.text);
            y += 1;
        }
    }
}
