//! The `remora` program: reads the command line and hands over. Decides nothing.

use std::process::ExitCode;

fn main() -> ExitCode {
    remora::cli::main()
}
