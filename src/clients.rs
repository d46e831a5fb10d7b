//! What talks to the outside. Clients return futures and facts of the rack, or their own error; they know no messages,
//! no panes and no screen.

mod backoff;
pub mod backup;
pub mod board;
pub mod drafts;
pub mod kubeconfig_files;
pub mod kubernetes;
pub mod manifest;
pub mod onboard;
pub mod probe;
pub mod ssh;
