//! The columns of the table of claims: what each says, and how it sorts.

use std::borrow::Cow;

use crate::panes::listing::{TableColumn, Tone};
use crate::rack::Rack;
use crate::rack::problem::Severity;
use crate::rack::storage::symptom;
use crate::rack::storage::view::{ClaimView, Standing, place, size};
use crate::rack::time::short;
use crate::ui::table::layout::Column as Layout;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Column {
    State,
    Claim,
    Size,
    Class,
    Place,
    Pods,
    Age,
    Access,
    Reclaim,
    Volume,
}

pub(super) const COLUMNS: [Column; 10] = [
    Column::State,
    Column::Claim,
    Column::Size,
    Column::Class,
    Column::Place,
    Column::Pods,
    Column::Age,
    Column::Access,
    Column::Reclaim,
    Column::Volume,
];

impl TableColumn for Column {
    const ALL: &'static [Column] = &COLUMNS;

    fn layout(self) -> Layout {
        match self {
            Column::Claim => Layout::words("CLAIM", 14, 50, 0).keeping_the_end(),
            Column::State => Layout::words("STATE", 12, 26, 0),
            Column::Size => Layout::numbers("SIZE", 5, 8, 2),
            Column::Class => Layout::words("CLASS", 8, 24, 5),
            Column::Place => Layout::words("WHERE", 12, 60, 3),
            Column::Pods => Layout::words("PODS", 8, 40, 1),
            Column::Age => Layout::numbers("AGE", 4, 5, 6),
            Column::Access => Layout::words("ACCESS", 6, 14, 9),
            Column::Reclaim => Layout::words("RECLAIM", 7, 8, 10),
            Column::Volume => Layout::words("VOLUME", 8, 48, 11),
        }
    }

    fn is_wide_only(self) -> bool {
        matches!(self, Column::Access | Column::Reclaim | Column::Volume)
    }
}

impl Column {
    /// What the cell says, and in what tone. An empty text is drawn as a dash.
    pub(super) fn cell<'a>(self, rack: &Rack, view: &ClaimView<'a>) -> (Cow<'a, str>, Tone) {
        let claim = view.claim;
        let plain = |text: String| (Cow::Owned(text), Tone::Plain);
        match self {
            Column::Claim => plain(claim.name.to_string()),
            Column::State => (view.state().1.into(), tone(rack, view)),
            Column::Size => plain(
                claim
                    .capacity
                    .or(claim.wanted)
                    .map_or_else(String::new, size),
            ),
            Column::Class => match claim.class.as_deref() {
                None | Some("") => ("".into(), Tone::Muted),
                Some(name) if view.class.is_none() => (format!("{name} ?").into(), Tone::Warn),
                Some(name) => (name.into(), Tone::Plain),
            },
            Column::Place => plain(view.volume.map_or_else(String::new, place)),
            Column::Pods => match view.pods.as_slice() {
                [] => ("".into(), Tone::Muted),
                [pod] => ((*pod.name).into(), Tone::Plain),
                [pod, rest @ ..] => plain(format!("{} +{}", pod.name, rest.len())),
            },
            Column::Age => {
                let age = claim.created.map(|at| short(rack.now.age_of(at)));
                (age.unwrap_or_else(|| "?".to_owned()).into(), Tone::Muted)
            }
            Column::Access => {
                let words: Vec<&str> = claim.access.iter().map(|it| abbreviated(it)).collect();
                plain(words.join(","))
            }
            Column::Reclaim => match view.volume {
                Some(volume) => (volume.reclaim.word().into(), Tone::Plain),
                None => ("".into(), Tone::Muted),
            },
            Column::Volume => (
                claim.volume.as_deref().unwrap_or_default().into(),
                Tone::Muted,
            ),
        }
    }

    /// Sorts the troubled first, names ascending.
    pub(super) fn sort_key(self, rack: &Rack, view: &ClaimView<'_>) -> (u64, String) {
        let claim = view.claim;
        let number = match self {
            Column::State => view.state().0 as u64,
            Column::Size => u64::MAX - claim.capacity.or(claim.wanted).unwrap_or(0),
            Column::Pods => u64::MAX - view.pods.len() as u64,
            Column::Age => claim
                .created
                .map_or(0, |at| u64::MAX - at.as_second().unsigned_abs()),
            _ => 0,
        };
        let text = match self {
            Column::Class | Column::Place | Column::Reclaim => self.cell(rack, view).0.into_owned(),
            _ => String::new(),
        };
        (number, format!("{text}\0{}", claim.name))
    }
}

/// How grave what is wrong with it is, else how it stands.
pub(super) fn tone(rack: &Rack, view: &ClaimView<'_>) -> Tone {
    match symptom::of_claim(rack, view.claim).map(|it| it.severity) {
        Some(Severity::Critical) => Tone::Bad,
        Some(Severity::Warning) => Tone::Warn,
        _ => match view.state().0 {
            Standing::Bad => Tone::Bad,
            Standing::Waiting => Tone::Warn,
            Standing::Unused => Tone::Muted,
            Standing::Good => Tone::Plain,
        },
    }
}

/// `RWO` of `ReadWriteOnce`, as kubectl writes it.
pub(super) fn abbreviated(mode: &str) -> &str {
    match mode {
        "ReadWriteOnce" => "RWO",
        "ReadOnlyMany" => "ROX",
        "ReadWriteMany" => "RWX",
        "ReadWriteOncePod" => "RWOP",
        other => other,
    }
}
