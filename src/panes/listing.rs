//! What every pane with a table does alike: the cursor, the filter, the order, wide, only faults, and columns that keep
//! the width they had.
//!
//! Not here: which rows there are and what their cells say. Invariant: a column that is not shown keeps its place in
//! every list, so that rows need not know what is on the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use crate::action::Action;
use crate::panes::rows::Rows;
use crate::rack::filter::Filter;
use crate::theme::roles::Theme;
use crate::ui::frame::inside;
use crate::ui::table::layout::{self, widths};
use crate::ui::table::{Row, Sorting, Table, draw as draw_table};

/// What a cell says about the health of what it shows; the theme gives the colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Muted,
    Good,
    Warn,
    Bad,
}

impl Tone {
    /// What is no longer sure to hold has one look, whatever it says.
    pub(crate) fn style(self, is_stale: bool, theme: &Theme) -> Style {
        match self {
            _ if is_stale => theme.stale,
            Tone::Plain => theme.text,
            Tone::Muted => theme.muted,
            Tone::Good => theme.status_ok,
            Tone::Warn => theme.status_warn,
            Tone::Bad => theme.status_bad,
        }
    }
}

/// The columns of one table, an enum of the pane.
pub(crate) trait TableColumn: Copy + PartialEq + 'static {
    /// All of them, left to right.
    const ALL: &'static [Self];

    /// Title, widths and priority.
    fn layout(self) -> layout::Column;

    /// True when the table shows it only when wide.
    fn is_wide_only(self) -> bool;
}

/// What the user has made of a table.
#[derive(Debug)]
pub(crate) struct Listing<Id, Column> {
    pub(crate) rows: Rows<Id>,
    pub(crate) filter: String,
    /// The column to sort by; `None` is the order of the names.
    pub(crate) sort: Option<Column>,
    pub(crate) is_reversed: bool,
    pub(crate) is_wide: bool,
    pub(crate) only_faults: bool,
    /// The widest value each column has had.
    content: Vec<u16>,
}

impl<Id, Column> Default for Listing<Id, Column> {
    fn default() -> Self {
        Self {
            rows: Rows::default(),
            filter: String::new(),
            sort: None,
            is_reversed: false,
            is_wide: false,
            only_faults: false,
            content: Vec::new(),
        }
    }
}

/// Rows that fit into a pane, below the line of titles.
pub(crate) fn visible_rows(area: Rect) -> usize {
    usize::from(inside(area).height.saturating_sub(1))
}

impl<Id: Ord + Clone, Column: TableColumn> Listing<Id, Column> {
    /// The filter as it stands; the words before a colon are the titles of the columns.
    pub(crate) fn parsed_filter(&self) -> Filter {
        let titles: Vec<&str> = Column::ALL.iter().map(|it| it.layout().title).collect();
        Filter::parse(&self.filter, &titles).0
    }

    /// Whether a row with these texts, one for each column, passes. Columns of the wide table count without it only by
    /// their names: the kernel of every board says `rpi`.
    pub(crate) fn accepts<T: AsRef<str>>(&self, filter: &Filter, texts: &[T]) -> bool {
        let cells = |is_shown: bool| -> Vec<(&str, &str)> {
            Column::ALL
                .iter()
                .zip(texts)
                .filter(|(column, _)| (self.is_wide || !column.is_wide_only()) == is_shown)
                .map(|(column, text)| (column.layout().title, text.as_ref()))
                .collect()
        };
        filter.accepts_with(&cells(true), &cells(false))
    }

    pub(crate) fn set_filter(&mut self, text: &str) {
        if self.filter != text {
            text.clone_into(&mut self.filter);
            self.rows.chosen_anew();
        }
    }

    /// Wide, faults and order. False when `action` is none of them.
    pub(crate) fn on_action(&mut self, action: Action) -> bool {
        match action {
            Action::WideToggle => self.is_wide = !self.is_wide,
            Action::FaultsToggle => {
                self.only_faults = !self.only_faults;
                self.rows.chosen_anew();
            }
            Action::SortNext => self.sort = after(self.sort),
            Action::SortPrevious => self.sort = before(self.sort),
            Action::SortReverse => self.is_reversed = !self.is_reversed,
            _ => return false,
        }
        true
    }

    /// Shows all rows again, else removes the marks. False when there was nothing to undo.
    pub(crate) fn close(&mut self) -> bool {
        let had_filter = !self.filter.is_empty() || self.only_faults;
        if had_filter {
            self.rows.chosen_anew();
        }
        self.filter.clear();
        self.only_faults = false;
        had_filter || self.rows.clear_marks()
    }

    /// The name of the pane with what narrows its rows.
    pub(crate) fn title(&self, name: &str) -> String {
        let mut title = name.to_owned();
        if self.only_faults {
            title.push_str(" ! only faults");
        }
        if !self.filter.is_empty() {
            title.push_str(" /");
            title.push_str(&self.filter);
        }
        title
    }

    /// Takes in the widths of one row's texts, one for each column.
    pub(crate) fn measure(&mut self, widths: impl Iterator<Item = u16>) {
        self.content.resize(Column::ALL.len(), 0);
        for (widest, width) in self.content.iter_mut().zip(widths) {
            *widest = width.max(*widest);
        }
    }

    /// Draws titles and rows; `offset` and `selected` are indices in the whole table.
    pub(crate) fn draw(
        &self,
        rows: &[Row],
        (offset, selected): (usize, Option<usize>),
        inside: Rect,
        buf: &mut Buffer,
        theme: &Theme,
    ) {
        let columns = self.columns();
        let mut content = self.content.clone();
        layout::measure(&mut content, rows);
        let sorting = self
            .sort
            .and_then(|sort| Column::ALL.iter().position(|column| *column == sort));
        let table = Table {
            columns: &columns,
            widths: &widths(&columns, &content, inside.width.saturating_sub(1)),
            rows,
            offset,
            selected,
            sorting: sorting.map(|column| Sorting {
                column,
                is_descending: self.is_reversed,
            }),
        };
        draw_table(table, inside, buf, theme);
    }

    fn columns(&self) -> Vec<layout::Column> {
        let column = |column: &Column| {
            let shown = column.layout();
            if column.is_wide_only() && !self.is_wide {
                layout::Column {
                    min: 0,
                    max: 0,
                    title: "",
                    ..shown
                }
            } else {
                shown
            }
        };
        Column::ALL.iter().map(column).collect()
    }
}

/// The column to sort by after `sort`, around through "by name".
pub(crate) fn after<Column: TableColumn>(sort: Option<Column>) -> Option<Column> {
    let mut columns = Column::ALL.iter().copied();
    match sort {
        None => columns.next(),
        Some(column) => columns.skip_while(|it| *it != column).nth(1),
    }
}

pub(crate) fn before<Column: TableColumn>(sort: Option<Column>) -> Option<Column> {
    let columns = Column::ALL.iter().copied();
    match sort {
        None => columns.last(),
        Some(column) => columns.take_while(|it| *it != column).last(),
    }
}
