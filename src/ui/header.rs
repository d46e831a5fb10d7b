//! The two lines on top: where we are connected and how all is; and the panes to go to.
//!
//! Not here: what is worth saying (the app hands parts over). Invariant: what matters most is the last to go
//! when the screen is narrow, and a name keeps its end, which tells it from its neighbours.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::theme::roles::Theme;
use crate::ui::text::{cut_start, put, width16};

/// Blanks between two parts.
const GAP: u16 = 3;

/// A part of the header line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Part {
    /// The words.
    pub text: String,
    /// Fewer words for the same, used before anything is left out.
    pub short: Option<String>,
    /// How they look.
    pub style: Style,
    /// 0 stays for ever and is cut at its start; the highest number folds first.
    pub priority: u8,
}

/// Draws the header line: parts from the left, the clock on the right.
pub fn draw_header(parts: &[Part], clock: &str, area: Rect, buf: &mut Buffer, theme: &Theme) {
    let area = first_line(area, buf);
    buf.set_style(area, theme.header);
    let clock_width = width16(clock);
    let has_clock = clock_width > 0 && area.width >= clock_width.saturating_add(20);
    let right = if has_clock {
        clock_width.saturating_add(3)
    } else {
        1
    };
    let room = area.width.saturating_sub(right).saturating_sub(1);
    let mut x = area.x.saturating_add(1);
    for (text, style) in fold(parts, room, theme.symbols.ellipsis) {
        let left = area.right().saturating_sub(right).saturating_sub(x);
        x = put(buf, (x, area.y), left, &text, style).saturating_add(GAP);
    }
    if has_clock {
        let x = area.right().saturating_sub(clock_width).saturating_sub(1);
        put(buf, (x, area.y), clock_width, clock, theme.muted);
    }
}

/// A pane on the tab line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tab {
    /// The key that goes there, when there is one.
    pub key: Option<String>,
    /// The pane's title.
    pub title: String,
    /// Whether it is shown now.
    pub is_active: bool,
}

/// How much of the titles stands on the tab line; the pane that is shown keeps its own.
#[derive(Clone, Copy)]
enum Titles {
    Whole,
    /// So many letters, and one blank between two tabs.
    Cut(usize),
}

/// So many letters say which pane it is; with half of them one still guesses right.
const SHORT: usize = 4;

/// Draws the tab line and says how many cells it took. When it is too narrow for all titles they are cut short. Where even
/// two letters have no room, the neighbours of the pane that is shown stand beside it, and a sign says that there are more:
/// a bare key would tell nothing.
pub fn draw_tabs(tabs: &[Tab], area: Rect, buf: &mut Buffer, theme: &Theme) -> u16 {
    let area = first_line(area, buf);
    let all = |titles: Titles| -> Vec<String> { tabs.iter().map(|it| shown(it, titles)).collect() };
    let wide = |texts: &[String]| texts.iter().map(|it| width16(it)).sum::<u16>();
    let cuts = (SHORT / 2..=SHORT).rev().map(Titles::Cut);
    let whole = std::iter::once(Titles::Whole).chain(cuts);
    let fitting = whole.map(all).find(|texts| wide(texts) <= area.width);
    let (texts, kept) = fitting.map_or_else(
        || {
            let texts = all(Titles::Cut(SHORT));
            let active = tabs.iter().position(|tab| tab.is_active).unwrap_or(0);
            let more = width16(theme.symbols.ellipsis) + 1;
            let room = area.width.saturating_sub(2 * more);
            let kept = window(&texts, active, |part| wide(part) <= room);
            (texts, kept)
        },
        |texts| (texts, 0..tabs.len()),
    );
    let more = format!(" {}", theme.symbols.ellipsis);
    let mut x = area.x;
    let mut write = |text: &str, style| {
        let left = area.right().saturating_sub(x);
        x = put(buf, (x, area.y), left, text, style);
    };
    if kept.start > 0 {
        write(&more, theme.tab);
    }
    let all = tabs.iter().zip(&texts).enumerate();
    for (_, (tab, text)) in all.filter(|(index, _)| kept.contains(index)) {
        let style = if tab.is_active {
            theme.tab_active
        } else {
            theme.tab
        };
        write(text, style);
    }
    if kept.end < tabs.len() {
        write(&more, theme.tab);
    }
    x - area.x
}

/// The neighbours of one text that fit beside it, in turn to the right and to the left.
fn window(texts: &[String], middle: usize, fits: impl Fn(&[String]) -> bool) -> Range<usize> {
    let mut kept = middle..(middle + 1).min(texts.len());
    loop {
        let right = kept.start..(kept.end + 1).min(texts.len());
        let left = kept.start.saturating_sub(1)..kept.end;
        let is_leaning_right = kept.end - middle <= middle - kept.start + 1;
        let tries = if is_leaning_right {
            [right, left]
        } else {
            [left, right]
        };
        let wider = |it: &Range<usize>| *it != kept && texts.get(it.clone()).is_some_and(&fits);
        let Some(next) = tries.into_iter().find(wider) else {
            return kept;
        };
        kept = next;
    }
}

/// The line an area begins with, inside the buffer.
pub(super) fn first_line(area: Rect, buf: &Buffer) -> Rect {
    let line = Rect {
        height: area.height.min(1),
        ..area
    };
    line.intersection(buf.area)
}

/// A tab as it stands on the line, with the blanks around it.
fn shown(tab: &Tab, titles: Titles) -> String {
    let (letters, end) = match titles {
        _ if tab.is_active => (usize::MAX, " "),
        Titles::Whole => (usize::MAX, " "),
        Titles::Cut(letters) => (letters, ""),
    };
    let title: String = tab.title.chars().take(letters).collect();
    match &tab.key {
        Some(key) => format!(" {key} {title}{end}"),
        None => format!(" {title}{end}"),
    }
}

/// The parts that fit: first the short words, then fewer parts, last the parts that stay cut to an equal share.
fn fold(parts: &[Part], room: u16, ellipsis: &str) -> Vec<(String, Style)> {
    let mut kept: Vec<(String, &Part)> =
        parts.iter().map(|part| (part.text.clone(), part)).collect();
    let mut by_priority: Vec<u8> = parts.iter().map(|part| part.priority).collect();
    by_priority.sort_unstable();
    by_priority.dedup();
    for priority in by_priority.iter().rev() {
        if needed(&kept) > room {
            for (text, part) in kept
                .iter_mut()
                .filter(|(_, part)| part.priority == *priority)
            {
                *text = part.short.clone().unwrap_or_else(|| std::mem::take(text));
            }
        }
    }
    for priority in by_priority.iter().rev().filter(|priority| **priority > 0) {
        while needed(&kept) > room
            && let Some(last) = kept
                .iter()
                .rposition(|(_, part)| part.priority == *priority)
        {
            kept.remove(last);
        }
    }
    let excess = needed(&kept).saturating_sub(room);
    if excess > 0
        && let Some((text, _)) = kept.iter_mut().max_by_key(|(text, _)| width16(text))
    {
        let cells = width16(text).saturating_sub(excess);
        *text = cut_start(text, cells.into(), ellipsis).into_owned();
    }
    kept.into_iter()
        .map(|(text, part)| (text, part.style))
        .collect()
}

fn needed(parts: &[(String, &Part)]) -> u16 {
    let gaps = u16::try_from(parts.len().saturating_sub(1)).unwrap_or(u16::MAX);
    let texts = parts.iter().map(|(text, _)| width16(text));
    texts.fold(gaps.saturating_mul(GAP), u16::saturating_add)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::testing::{at_every_size, drawn, theme};

    fn part(text: &str, short: Option<&str>, priority: u8) -> Part {
        Part {
            text: text.into(),
            short: short.map(Into::into),
            style: Style::new(),
            priority,
        }
    }

    fn parts() -> Vec<Part> {
        vec![
            part("bramble", None, 4),
            part("arn:aws/prod/rack-office-7f9", None, 0),
            part("● live", Some("●"), 1),
            part("k3s v1.33.4", Some("v1.33.4"), 3),
            part("4/4 ready", Some("4/4"), 2),
        ]
    }

    fn header(width: u16) -> String {
        drawn(width, 1, |area, buf| {
            draw_header(&parts(), "12:04:31", area, buf, &theme());
        })
        .concat()
    }

    #[test]
    fn a_narrow_header_folds_from_the_least_important() {
        assert_eq!(
            header(90),
            " bramble   arn:aws/prod/rack-office-7f9   ● live   k3s v1.33.4   4/4 ready       12:04:31"
        );
        assert_eq!(
            header(80),
            " bramble   arn:aws/prod/rack-office-7f9   ● live   v1.33.4   4/4       12:04:31"
        );
        assert_eq!(
            header(60),
            " arn:aws/prod/rack-office-7f9   ●   v1.33.4   4/4  12:04:31"
        );
        assert_eq!(header(30), " …d/rack-office-7f9  12:04:31");
        assert_eq!(header(14), " …-office-7f9");
    }

    #[test]
    fn narrow_tabs_keep_letters_that_say_which_pane_it_is_and_the_title_of_the_shown_one() {
        let tab = |key: &str, title: &str, is_active| Tab {
            key: Some(key.into()),
            title: title.into(),
            is_active,
        };
        let titles = [
            "1 Rack",
            "2 Services",
            "3 Pools",
            "0 Storage",
            "4 Onboard",
            "5 Pipelines",
            "6 Logs",
            "7 Kubeconfig",
            "8 Problems",
            "9 Workloads",
        ];
        let draw = |width, active: &str| {
            let all = titles.map(|it| {
                let (key, title) = it.split_once(' ').unwrap();
                tab(key, title, title == active)
            });
            let mut used = 0;
            let lines = drawn(width, 1, |area, buf| {
                used = draw_tabs(&all, area, buf, &theme());
            });
            assert!(used <= width);
            lines.concat()
        };
        assert_eq!(
            draw(112, "Rack"),
            " 1 Rack  2 Services  3 Pools  0 Storage  4 Onboard  5 Pipelines  6 Logs  7 Kubeconfig  8 Problems  9 Workloads"
        );
        assert_eq!(
            draw(80, "Kubeconfig"),
            " 1 Rack 2 Serv 3 Pool 0 Stor 4 Onbo 5 Pipe 6 Logs 7 Kubeconfig  8 Prob 9 Work"
        );
        assert_eq!(
            draw(60, "Kubeconfig"),
            " 1 Ra 2 Se 3 Po 0 St 4 On 5 Pi 6 Lo 7 Kubeconfig  8 Pr 9 Wo"
        );
        assert_eq!(draw(40, "Storage"), " … 3 Pool 0 Storage  4 Onbo 5 Pipe …");
        assert_eq!(draw(40, "Rack"), " 1 Rack  2 Serv 3 Pool 0 Stor 4 Onbo …");
        assert_eq!(draw(40, "Workloads"), " … 6 Logs 7 Kube 8 Prob 9 Workloads");
        assert_eq!(draw(20, "Problems"), " … 8 Problems  …");
    }

    #[test]
    fn no_size_is_too_small_to_draw() {
        let theme = theme();
        let tabs = [Tab {
            key: None,
            title: "日本語".into(),
            is_active: true,
        }];
        at_every_size(|area, buf| {
            draw_header(&parts(), "12:04", area, buf, &theme);
            draw_header(&[], "", area, buf, &theme);
            draw_tabs(&tabs, area, buf, &theme);
        });
    }
}
