//! New contents for a `known_hosts` file: a key added, or the keys of one host replaced.
//!
//! Works on bytes, because what is not ours must come out as it went in: other hosts, comments, markers, line ends.

use super::line::{self, Marker, SALT};
use crate::rack::ssh::host_key::HostKey;

/// The line that records a key, with its line end. A salt hashes the name.
pub fn new_line(name: &str, key: &HostKey, salt: Option<&[u8; SALT]>) -> String {
    let name = match salt {
        Some(salt) => line::hashed(name, salt),
        None => name.to_owned(),
    };
    format!("{name} {} {}\n", key.algorithm, key.to_base64())
}

/// Whether the file hides names already, so that a new one should be hidden too.
pub fn hides_names(text: &[u8]) -> bool {
    lines(text).any(|line| line.trim_ascii_start().starts_with(b"|1|"))
}

/// The file with `new` at its end; a last line without an end gets one.
pub fn with_line(text: &[u8], new: &str) -> Vec<u8> {
    let mut out = text.to_owned();
    if !out.is_empty() && !out.ends_with(b"\n") {
        out.push(b'\n');
    }
    out.extend_from_slice(new.as_bytes());
    out
}

/// The file without the plain keys of `name`. Other names on such a line keep it; lines with a marker, a pattern that
/// happens to match, or contents that cannot be read stay as they are.
pub fn without(text: &[u8], name: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    for raw in lines(text) {
        match shortened(raw, name) {
            Some(kept) => out.extend_from_slice(kept.as_bytes()),
            None => out.extend_from_slice(raw),
        }
    }
    out
}

/// What is left of a line without `name`: nothing, or the line for its other names. `None`: leave it alone.
fn shortened(raw: &[u8], name: &str) -> Option<String> {
    let text = std::str::from_utf8(raw).ok()?;
    let line = line::parse(text.trim_end_matches('\n'), 0)?;
    if line.marker != Marker::None || !line.is_about(name) {
        return None;
    }
    if line.names.starts_with('|') {
        return Some(String::new());
    }
    let others: Vec<&str> = line
        .names
        .split(',')
        .filter(|it| !it.eq_ignore_ascii_case(name))
        .collect();
    if others.len() == line.names.split(',').count() {
        return None;
    }
    if others.iter().all(|it| it.starts_with('!')) {
        return Some(String::new());
    }
    let (before, after) = text.split_once(line.names.as_str())?;
    Some(format!("{before}{}{after}", others.join(",")))
}

/// The lines with their ends.
fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = "AAAAC3NzaC1lZDI1NTE5AAAAIB/3kOSfmc4dd2ZtEmu1MwC72EQjRhto+GWEGaIHu13K";

    fn file(lines: &[&str]) -> String {
        lines
            .join("\n")
            .replace("KEY", &format!("ssh-ed25519 {OLD}"))
    }

    #[test]
    fn only_the_plain_lines_of_that_host_go() {
        let hash = line::hashed("rpi-01", &[7; SALT]);
        let before = file(&[
            "# the rack",
            "rpi-01 KEY old card",
            "  RPI-01,10.0.0.5\tKEY",
            &format!("{hash} KEY"),
            "rpi-02 KEY",
            "@revoked rpi-01 KEY",
            "@cert-authority rpi-01 KEY",
            "rpi-* KEY",
            "rpi-01 ssh-ed25519 broken",
            "[rpi-01]:2222 KEY",
            "last KEY",
        ]);
        let after = file(&[
            "# the rack",
            "  10.0.0.5\tKEY",
            "rpi-02 KEY",
            "@revoked rpi-01 KEY",
            "@cert-authority rpi-01 KEY",
            "rpi-* KEY",
            "rpi-01 ssh-ed25519 broken",
            "[rpi-01]:2222 KEY",
            "last KEY",
        ]);
        let edited = without(before.as_bytes(), "rpi-01");
        assert_eq!(String::from_utf8(edited).unwrap(), after);
    }

    #[test]
    fn bytes_that_are_no_text_stay() {
        let before = b"rpi-02 x \xff\xfe\nrpi-01 \xff\n\r\n";
        assert_eq!(without(before, "rpi-01"), before);
    }

    #[test]
    fn a_line_is_added_after_a_file_without_a_last_line_end() {
        let key = HostKey::from_base64(OLD).unwrap();
        let new = new_line("rpi-01", &key, None);
        assert_eq!(new, format!("rpi-01 ssh-ed25519 {OLD}\n"));
        assert_eq!(with_line(b"", &new), new.as_bytes());
        assert_eq!(with_line(b"x", &new), format!("x\n{new}").as_bytes());
        assert_eq!(with_line(b"x\n", &new), format!("x\n{new}").as_bytes());
    }

    #[test]
    fn a_file_that_hides_names_goes_on_hiding_them() {
        assert!(hides_names(b"# c\n|1|a|b ssh-rsa x\n"));
        assert!(!hides_names(b"# |1|\nrpi ssh-rsa x |1|\n"));
        let key = HostKey::from_base64(OLD).unwrap();
        let new = new_line("rpi-01", &key, Some(&[7; SALT]));
        assert!(!new.contains("rpi-01"), "{new}");
        assert!(line::parse(new.trim_end(), 1).unwrap().is_about("rpi-01"));
    }
}
