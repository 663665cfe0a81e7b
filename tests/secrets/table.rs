//! Every command of snap, in an order in which each has something to do.

use crate::support::World;
use std::collections::BTreeSet;

type Runs = &'static [&'static [&'static str]];

/// A command, and what it is tried with. `DATABASE` is an address with a password.
pub const COMMANDS: &[(&str, Runs)] = &[
    ("init", &[&[], &["-r", "other", "--password-file", "inputs/other"]]),
    (
        "config init",
        &[&["-r", "repository", "bot", "DATABASE"], &["--password-file", "inputs/password"]],
    ),
    ("config check", &[&[], &["--config", "inputs/password"]]),
    ("config show", &[&[], &["--password-command", "inputs/child"]]),
    ("config repo", &[&[]]),
    ("config schema", &[&[]]),
    (
        "backup",
        &[
            &["bot"],
            &["bot", "--password-command", "inputs/child"],
            &[
                "--command",
                "--stdin-filename",
                "said",
                "--",
                "sh",
                "-c",
                "inputs/child > /dev/null",
            ],
            &["--mongodb-file", "inputs/mongodb"],
            &["DATABASE"],
            &["mongodb://canary:canary-Mongo-5e8b@127.0.0.1:9/bot?serverSelectionTimeoutMS=200"],
            &["mongodb://canary:canary-Mongo-5e8b@:99999/bot"],
            &["mongodb://canary:canary-Mongo-5e8b@host/bot?nonsense=canary-Mongo-5e8b"],
            &["mongodb://canary:canary-Mongo-5e8b@/bot"],
            &["mongodb://canary:canary-Mongo-5e8b"],
            &["MONGODB://canary:canary-Mongo-5e8b@127.0.0.1:9"],
            &["bot", "--password-file", "inputs/other"],
            &["bot", "--key-file", "inputs/password"],
            &["bot", "--password-command", "inputs/child; exit 7"],
        ],
    ),
    (
        "protect",
        &[
            &["--status"],
            &["mongodb://canary:canary-Mongo-5e8b@127.0.0.1:9/bot?serverSelectionTimeoutMS=200"],
        ],
    ),
    ("log show", &[&["--ns", "bot.users", "--id", "1"]]),
    ("key list", &[&[]]),
    ("key add", &[&["--new-key-file", "inputs/key"], &["--new-password-file", "inputs/other"]]),
    ("key passwd", &[&["--new-password-file", "inputs/password"]]),
    ("key remove", &[&["0"], &["--key-file", "inputs/key", "ffff"]]),
    (
        "restore",
        &[
            &["latest", "--target", "restored"],
            &["latest", "--to", "DATABASE"],
            &[
                "latest",
                "--to",
                "mongodb://canary:canary-Mongo-5e8b@127.0.0.1:9/bot?serverSelectionTimeoutMS=200",
                "--dry-run",
            ],
            &["latest", "--yes", "--conflict", "overwrite"],
        ],
    ),
    ("rollback", &[&["--list"], &["--dry-run"], &["--yes", "--to", "DATABASE"]]),
    ("import", &[&["bot"], &["inputs/mongodb"], &["DATABASE"]]),
    ("snapshots", &[&[], &["nothing"]]),
    ("ls", &[&["latest"], &["latest", "DATABASE"], &["-R", "latest", "/"]]),
    ("find", &[&["config*"], &["--id", "1", "--collection", "DATABASE"]]),
    ("diff", &[&["latest"], &["latest", "latest"], &["latest", "DATABASE"]]),
    ("dump", &[&["latest"], &["latest", "DATABASE"]]),
    ("cat", &[&["config"], &["snapshot", "latest"], &["tree", "latest"], &["key", "0"]]),
    ("mount", &[&["nowhere"], &[]]),
    ("browse", &[&[]]),
    ("check", &[&["--read-data"], &["--key-file", "inputs/key"]]),
    ("repair index", &[&[]]),
    ("repair snapshots", &[&[]]),
    ("forget", &[&["--dry-run", "--keep-last", "1"]]),
    ("prune", &[&["--dry-run"], &["--space-only", "--yes"]]),
    ("stats", &[&[], &["--by", "folder", "latest"]]),
    ("tag", &[&["--add", "a", "latest"]]),
    (
        "copy",
        &[
            &["--init", "--to", "third"],
            &["--to", "other"],
            &["--to", "other", "--to-password-command", "inputs/child"],
        ],
    ),
    ("version", &[&[]]),
    ("completions", &[&["bash"]]),
    ("man", &[&[]]),
    ("help", &[&[], &["environment"]]),
];

/// What snap itself says that it can do.
pub fn all(world: &World) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for command in below(world, &[]) {
        let below = below(world, &[&command]);
        let has_none = below.is_empty();
        all.extend(below.iter().map(|sub| format!("{command} {sub}")));
        all.extend(has_none.then_some(command));
    }
    all
}

fn below(world: &World, command: &[&str]) -> Vec<String> {
    let help = world.snap(command.iter().chain(&["--help"])).success();
    let lines = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let names = lines.take_while(|line| !line.is_empty());
    let names = names.filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}
