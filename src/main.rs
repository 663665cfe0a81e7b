//! The program `snap`.

fn main() -> std::process::ExitCode {
    snapstore::cli::run()
}
