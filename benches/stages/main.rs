//! One bench a stage of a backup: `cargo bench`, or `cargo bench --bench stages -- pack tree` for
//! those with one of the words in their name. `benches/README.md` says how to read the table.

mod bytes;
mod timer;
mod trees;

use timer::Table;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // Only `cargo bench` says so: a test run builds this and does not wait for it.
    if !arguments.iter().any(|argument| argument == "--bench") {
        return;
    }
    let wanted: Vec<String> =
        arguments.into_iter().filter(|argument| !argument.starts_with('-')).collect();
    let mut table = Table::new(wanted);
    bytes::chunk(&mut table);
    bytes::identify(&mut table);
    bytes::hash_file(&mut table);
    bytes::compress(&mut table);
    bytes::seal(&mut table);
    trees::pack(&mut table);
    trees::index(&mut table);
    trees::tree(&mut table);
}
