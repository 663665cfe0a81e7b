//! Makes the corpora: from the repository in `fixtures/draft-0`, from a server and its dump, and by
//! hand. What fuzzing found is put there by hand, as `found-…`.

mod by_hand;
mod objects;
mod server;

use super::corpus::folder;

/// Writes inputs that nobody has found by fuzzing anew.
#[test]
#[ignore = "writes fixtures/fuzz; needs mongod and pymongo"]
fn write_the_corpora() {
    objects::write();
    by_hand::write();
    server::write();
}

fn keep(target: &str, name: &str, bytes: &[u8]) {
    std::fs::create_dir_all(folder(target)).unwrap();
    std::fs::write(folder(target).join(name), bytes).unwrap();
}
