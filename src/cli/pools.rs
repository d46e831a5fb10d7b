//! `bramble pools check` and `bramble pools convert`: MetalLB's configuration as files, without any cluster.

use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::{Args, ValueEnum};

use crate::cli::{Failure, print};
use crate::rack::pools::check::{Facts, Mode, Report, check};
use crate::rack::pools::convert::convert;
use crate::rack::pools::entry;
use crate::rack::pools::finding::{LineIndex, Place, Severity, Verdict};
use crate::rack::pools::range::AddressRange;
use crate::rack::pools::read::{Form, LONGEST};
use crate::rack::pools::version::Version;
use crate::ui::text::clean;

/// Between two files: what follows is another document.
const BETWEEN: &str = "\n---\n";

#[derive(Debug, Args)]
pub(super) struct Check {
    /// Files that make up one configuration; - reads standard input.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// The MetalLB release it is for, as in 0.14.9; without it 0.12.1 for a ConfigMap and the newest known for resources.
    #[arg(long, value_name = "VERSION", value_parser = version)]
    metallb: Option<Version>,
    /// How MetalLB speaks BGP.
    #[arg(long, value_enum, value_name = "MODE")]
    bgp: Option<Bgp>,
    /// What the DHCP server hands out, as in 192.168.7.100-192.168.7.199; may be given several times.
    #[arg(long, value_name = "RANGE", value_parser = range)]
    dhcp: Vec<AddressRange>,
    /// The address of a node; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    node: Vec<IpAddr>,
    /// The address of a router; may be given several times.
    #[arg(long, value_name = "ADDRESS")]
    gateway: Vec<IpAddr>,
    /// The namespace MetalLB runs in.
    #[arg(long, value_name = "NAME")]
    metallb_namespace: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Bgp {
    Native,
    Frr,
}

#[derive(Debug, Args)]
pub(super) struct Convert {
    /// A ConfigMap, or the text it holds; - reads standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

fn version(text: &str) -> Result<Version, String> {
    Version::parse(text).ok_or_else(|| "a release of MetalLB looks like 0.14.9".to_owned())
}

fn range(text: &str) -> Result<AddressRange, String> {
    let entry = entry::parse(text)
        .map_err(|error| format!("it {}; {}", error.fault, error.fault.advice()))?;
    entry
        .range
        .ok_or_else(|| "its ends are of two families".to_owned())
}

/// A line for each problem. Exit code 1 when MetalLB would refuse the configuration, 0 otherwise.
pub(super) fn run_check(arguments: &Check) -> Result<ExitCode, Failure> {
    let mut joined = Joined::default();
    for file in &arguments.files {
        let text = read(file).map_err(Failure::usage)?;
        joined.push(name_of(file), &text);
    }
    let facts = Facts {
        version: arguments.metallb,
        mode: match arguments.bgp {
            None => Mode::Unknown,
            Some(Bgp::Native) => Mode::Native,
            Some(Bgp::Frr) => Mode::Frr,
        },
        namespace: arguments.metallb_namespace.as_deref().map(Into::into),
        nodes: arguments.node.iter().map(|it| ("".into(), *it)).collect(),
        gateways: arguments.gateway.clone(),
        dhcp: arguments.dhcp.clone(),
        ..Facts::default()
    };
    let report = check(&joined.text, Form::File, &facts);
    let lines = joined.lines(&report);
    print(|out| out.write_all(lines.as_bytes()))?;
    Ok(match report.verdict() {
        Verdict::Reject => ExitCode::from(1),
        Verdict::Accept | Verdict::Warn => ExitCode::SUCCESS,
    })
}

/// The resources on standard output, what one must know on standard error. Exit code 1 when MetalLB would refuse the
/// configuration as it is: its problems are printed instead.
pub(super) fn run_convert(arguments: &Convert) -> Result<ExitCode, Failure> {
    let text = read(&arguments.file).map_err(Failure::usage)?;
    match convert(&text, Form::File, &[]) {
        Ok(conversion) if conversion.is_empty() => Err(Failure::usage(anyhow!(
            "{} holds no configuration for MetalLB up to 0.12; give a ConfigMap with data.config, or the text in it",
            name_of(&arguments.file)
        ))),
        Ok(conversion) => {
            let notes: String = conversion
                .notes
                .iter()
                .map(|it| clean(it).into_owned() + "\n")
                .collect();
            tell(&notes);
            print(|out| out.write_all(conversion.yaml.as_bytes()))
        }
        Err(report) => {
            let mut joined = Joined::default();
            joined.push(name_of(&arguments.file), &text);
            tell(&joined.lines(&report));
            tell("nothing is converted: MetalLB would refuse this configuration\n");
            Ok(ExitCode::from(1))
        }
    }
}

/// Words beside the result. If nobody reads them there is nobody to tell.
fn tell(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

fn name_of(file: &Path) -> String {
    if file == Path::new("-") {
        "<stdin>".to_owned()
    } else {
        file.display().to_string()
    }
}

fn read(file: &Path) -> anyhow::Result<String> {
    let name = name_of(file);
    let source: Box<dyn Read> = if file == Path::new("-") {
        Box::new(io::stdin())
    } else {
        let file = File::open(file).with_context(|| format!("cannot read {name}"))?;
        Box::new(file)
    };
    let mut bytes = Vec::new();
    let most = LONGEST as u64 + 1;
    source
        .take(most)
        .read_to_end(&mut bytes)
        .with_context(|| format!("cannot read {name}"))?;
    String::from_utf8(bytes).map_err(|_| anyhow!("{name} is no text in UTF-8"))
}

/// Several files as one text.
#[derive(Default)]
struct Joined {
    text: String,
    /// Names, and where each begins.
    files: Vec<(String, usize)>,
}

impl Joined {
    fn push(&mut self, name: String, text: &str) {
        if !self.files.is_empty() {
            self.text.push_str(BETWEEN);
        }
        self.files.push((name, self.text.len()));
        self.text.push_str(text);
    }

    /// `file:line:col: error: …`, a line each.
    fn lines(&self, report: &Report) -> String {
        let index = LineIndex::new(&self.text);
        let mut lines = String::new();
        for finding in &report.findings {
            let at = finding.span.start;
            let file = self.files.iter().rev().find(|(_, start)| *start <= at);
            let (name, start) = file.map_or(("?", 0), |(name, start)| (name.as_str(), *start));
            let Place { line, column } = index.place(at);
            let before = index.place(start).line - 1;
            let word = match finding.severity() {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let line = line - before;
            let sentence = finding.sentence();
            let _ = writeln!(
                lines,
                "{}:{line}:{column}: {word}: {}",
                clean(name),
                clean(&sentence)
            );
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn problems_stand_in_the_lines_of_their_own_files() {
        let pool = |name: &str, entry: &str| {
            format!(
                "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {{name: {name}, namespace: metallb-system}}\nspec:\n  addresses:\n  - {entry}\n"
            )
        };
        let mut joined = Joined::default();
        joined.push("a.yaml".into(), &pool("a", "10.0.0.0/28"));
        joined.push("b.yaml".into(), &pool("b", "10.0.0.5/32"));
        let report = check(&joined.text, Form::File, &Facts::default());
        let lines = joined.lines(&report);
        assert!(
            lines.contains("a.yaml:3:18: warning: nothing announces IPAddressPool a"),
            "{lines}"
        );
        assert!(lines.contains("b.yaml:6:5: error: \"10.0.0.5/32\" in IPAddressPool b overlaps \"10.0.0.0/28\" in IPAddressPool a"), "{lines}");
    }

    #[test]
    fn escapes_in_a_file_do_not_reach_the_terminal() {
        let mut joined = Joined::default();
        joined.push(
            "x.yaml".into(),
            "apiVersion: metallb.io/v1beta1\nkind: \"\\e[31mPool\"\n",
        );
        let lines = joined.lines(&check(&joined.text, Form::File, &Facts::default()));
        assert!(
            !lines.contains('\u{1b}') && lines.contains("no kind"),
            "{lines:?}"
        );
    }
}
