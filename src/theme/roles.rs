//! The roles of a theme: one field of [`Theme`] for each meaning a style can have.
//!
//! Not here: the colours themselves (`themes/*.toml`). Invariant: the list stands once; fields, file names
//! and the preview are made from it, so a new role cannot be forgotten anywhere.

use ratatui::style::Style;

use crate::theme::symbols::Symbols;

/// Makes the struct, and the look-ups by the name in a file, from one list.
macro_rules! roles {
    ($($field:ident $name:literal $meaning:literal,)+) => {
        /// A style for every meaning, and the signs that go with them.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct Theme {
            $(#[doc = $meaning] pub $field: Style,)+
            /// The signs to draw with.
            pub symbols: Symbols,
        }

        /// The name of every role in files, and what it stands for.
        pub const ROLES: &[(&str, &str)] = &[$(($name, $meaning)),+];

        impl Theme {
            /// A theme in which nothing has a style yet.
            pub(super) fn plain(symbols: Symbols) -> Theme {
                Theme { $($field: Style::new(),)+ symbols }
            }

            /// The style a file calls `name`, to be changed.
            pub(super) fn slot(&mut self, name: &str) -> Option<&mut Style> {
                match name {
                    $($name => Some(&mut self.$field),)+
                    _ => None,
                }
            }

            /// True when no role has a colour: those of other programs have no place here either.
            pub fn is_colourless(&self) -> bool {
                let has = |style: Style| style.fg.is_some() || style.bg.is_some();
                !self.roles().into_iter().any(|(_, style)| has(style))
            }

            /// Every role with its style, in the order of [`ROLES`].
            pub fn roles(&self) -> Vec<(&'static str, Style)> {
                vec![$(($name, self.$field)),+]
            }
        }
    };
}

roles! {
    text "text" "Plain text, and the ground everything stands on.",
    muted "muted" "Text of less weight: labels, ages, units.",
    title "title" "The title of a pane or pop-up.",
    border "border" "The lines of a box.",
    border_focus "border-focus" "The lines of the box the keys act on.",
    header "header" "The first line of the screen.",
    tab "tab" "A pane that can be gone to.",
    tab_active "tab-active" "The pane that is shown.",
    column "column" "The titles of columns.",
    cursor "cursor" "The bar left of the row the keys act on.",
    selection "selection" "The row the keys act on.",
    mark "mark" "The sign of a marked row.",
    match_ "match" "The place a search found.",
    hint_key "hint-key" "A key in a hint.",
    hint_text "hint-text" "What the key does.",
    led_ok "led-ok" "A heartbeat in time.",
    led_pulse "led-pulse" "The moment a heartbeat arrives.",
    led_late "led-late" "A late heartbeat.",
    led_lost "led-lost" "A lost heartbeat.",
    led_unknown "led-unknown" "A heartbeat nobody knows about.",
    status_ok "status-ok" "All is well.",
    status_warn "status-warn" "Something needs a look.",
    status_bad "status-bad" "Something is broken.",
    link_live "link-live" "The link is live.",
    link_wait "link-wait" "The link is being made.",
    link_stale "link-stale" "The link is gone.",
    link_denied "link-denied" "The other side refuses us.",
    bar "bar" "A bar of use.",
    bar_full "bar-full" "A bar that is nearly full.",
    sparkline "sparkline" "Small graphs.",
    notice "notice" "News in the last line.",
    notice_warn "notice-warn" "News that needs a look.",
    notice_bad "notice-bad" "News of a failure.",
    prompt "prompt" "The line where text is typed.",
    popup "popup" "The ground of a pop-up.",
    stale "stale" "Facts that may no longer hold.",
    problem_critical "problem-critical" "A problem that stops something.",
    problem_warning "problem-warning" "A problem that will stop something.",
    problem_note "problem-note" "Something worth knowing.",
    diff_add "diff-add" "A line that comes.",
    diff_remove "diff-remove" "A line that goes.",
    log_time "log-time" "The time before a log line.",
    log_source_1 "log-source-1" "The name before the lines of a source.",
    log_source_2 "log-source-2" "The same of another source.",
    log_source_3 "log-source-3" "The same of another source.",
    log_source_4 "log-source-4" "The same of another source.",
    log_source_5 "log-source-5" "The same of another source.",
    log_source_6 "log-source-6" "The same of another source.",
    code_key "code-key" "A key of YAML.",
    code_text "code-text" "Text between quotes in YAML.",
    code_value "code-value" "A number, an address or a truth in YAML.",
    code_comment "code-comment" "A comment in YAML.",
    code_sign "code-sign" "Dashes, brackets and colons of YAML.",
    line_number "line-number" "The number of a line that is edited.",
    line_number_current "line-number-current" "The number of the line the cursor is in.",
    fault "fault" "The place in a text that is wrong.",
    offer "offer" "Words a text could go on with.",
    offer_chosen "offer-chosen" "The one of them that would be taken.",
}
