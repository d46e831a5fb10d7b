//! Real sshds on loopback, asked through the program's own client and, where it is about a decision, through OpenSSH's
//! `ssh` with the very same files.
//!
//! The servers run in a mount namespace of their own, with their own /etc/passwd, shadow and sudoers, so that passwords,
//! PAM and sudo are the real ones and the machine is left as it is. That needs root and OpenSSH; without, these tests
//! say that they are skipped, and with `CI=true` that is a failure.

mod bed;
pub(crate) mod sshd;
mod typed;

mod auth;
mod backups;
mod commands;
mod known_hosts;
mod kubeconfigs;
mod resolving;
mod secrets;
mod ways;
