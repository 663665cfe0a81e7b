//! What the keys do.

pub const SNAPSHOT_KEYS: &str = "Enter open  ? help  q quit";
pub const FOLDER_KEYS: &str =
    "Enter open  ← back  / find  Space mark  r restore  v versions  ? help  q quit";
pub const PAGER_KEYS: &str = "x text/hex  arrows scroll  g G ends  r restore  ? help  q back";
pub const VERSION_KEYS: &str = "Enter look  r restore  ? help  q back";
pub const PROMPT_KEYS: &str = "Enter go  Esc leave it  Ctrl-U clear";

pub const HELP: &[&str] = &[
    "arrows, h j k l      move, open, go back",
    "Enter, Backspace     open, go back",
    "PgUp PgDn Home End   move far; also Ctrl-B, Ctrl-F, g, G",
    "/                    show only names with a word in them",
    "Esc                  all names again; go back",
    "Space                mark, or take the mark off",
    "u                    take off all marks of this snapshot",
    "r                    restore what is marked, or this one, to a folder",
    "v                    its versions in all snapshots",
    "x                    in a file: text or hexadecimal",
    "q, Ctrl-C            quit (in a file: back)",
    "",
    "any key goes on",
];
