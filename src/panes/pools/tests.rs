//! The pools pane by its keys.
