//! Drawing blocks: pure functions from values and a theme into a buffer. The regions of the screen:
//!
//! ```text
//!  bramble  office-rack ● live   k3s v1.33.4   4/4 ready   ! 2            12:04:31   header: frame/header
//!  1 Rack  8 Problems                                                               tabs: frame/header
//! ┌ Rack ─────────────────────────────────────────────────────── 3s ago · watch ┐   body: frame (box)
//! │  BEAT  NODE         ROLE    STATUS      AGE                                  │     table, strip, led
//! │▌ ●  2s k3s-server   server  Ready       91d     ┌ Cordon rpi-01 ────────┐    │     or tray (the picture)
//! │  ◐ 17s rpi-02       agent   Ready late  91d     │ No new pods will come │    │     popup: question, menu,
//! │     └ no heartbeat for 17 s                     │ y yes  n no           │    │     help, page
//! │                                                 └───────────────────────┘    │
//! └──────────────────────────────────────────────────────────────────────────────┘
//!  enter open  c cordon  / filter  m menu  : command  ? help                        footer: hints, notice
//!                                                                                   or prompt
//! ```
//!
//! Not here: what to show (panes) and what a key does (`keymap`). Blocks know keys, actions and themes,
//! never the rack. Invariants: drawing changes nothing but the buffer; nothing panics at any size;
//! text is cut by cells and never through a wide letter; text from outside goes through [`text::clean`].

pub mod ansi;
pub mod editor;
pub mod field;
pub mod footer;
pub mod frame;
pub mod header;
pub mod led;
pub mod popup;
pub mod prompt;
pub mod strip;
pub mod table;
pub mod text;
pub mod tray;

#[cfg(test)]
pub(crate) mod testing;
