//! The program: arguments in, exit code out. The only place that ends the process.

use std::io::Write;
use std::process::ExitCode;

use bramble::cli::{self, Failure};
use clap::Parser;

fn main() -> ExitCode {
    let arguments = cli::Arguments::parse();
    match cli::run(arguments) {
        Ok(code) => code,
        Err(Failure { code, error }) => {
            // Printed after the terminal was restored; if stderr is gone there is nobody to tell.
            let _ = writeln!(std::io::stderr(), "bramble: {error:#}");
            ExitCode::from(code)
        }
    }
}
