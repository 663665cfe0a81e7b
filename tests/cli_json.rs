//! Every line of `--json` is as `docs/output.schema.json` says.

use crate::support::{Output, World};
use serde_json::Value;
use std::collections::BTreeSet;

/// As much of JSON Schema as that file uses. An unknown keyword is an error: it would check
/// nothing.
struct Schema(Value);

impl Schema {
    fn read() -> Self {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/output.schema.json");
        Self(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    /// The name of the one definition that fits.
    fn name_of(&self, line: &Value) -> Result<String, String> {
        let definitions = self.0["oneOf"].as_array().unwrap();
        let name = |reference: &Value| reference["$ref"].as_str().unwrap()[8..].to_owned();
        let results = definitions.iter().map(|one| (name(one), self.check(one, line)));
        let (fitting, faults): (Vec<_>, Vec<_>) = results.partition(|(_, result)| result.is_ok());
        match &fitting[..] {
            [(name, _)] => Ok(name.clone()),
            [] => Err(format!("{line} fits nothing: {faults:#?}")),
            _ => Err(format!("{line} fits more than one: {fitting:?}")),
        }
    }

    fn check(&self, schema: &Value, value: &Value) -> Result<(), String> {
        for (keyword, argument) in schema.as_object().unwrap() {
            let fits = match keyword.as_str() {
                "description" | "format" => true,
                "$ref" => {
                    let name = argument.as_str().unwrap().strip_prefix("#/$defs/").unwrap();
                    self.check(&self.0["$defs"][name], value)?;
                    true
                }
                "const" => value == argument,
                "enum" => argument.as_array().unwrap().contains(value),
                "type" => has_type(value, argument.as_str().unwrap()),
                "minimum" => value.as_f64() >= argument.as_f64(),
                "pattern" => {
                    assert_eq!(argument, "^[0-9a-f]+$");
                    let hexadecimal = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
                    value.as_str().is_some_and(|text| !text.is_empty() && hexadecimal(text))
                }
                "items" => {
                    let items = value.as_array().into_iter().flatten();
                    items.into_iter().try_for_each(|item| self.check(argument, item))?;
                    true
                }
                "required" => {
                    let names = argument.as_array().unwrap();
                    names.iter().all(|name| value.get(name.as_str().unwrap()).is_some())
                }
                "properties" => self.check_properties(argument, value)?,
                "additionalProperties" => true,
                other => panic!("the keyword {other} is not known here"),
            };
            if !fits {
                return Err(format!("{keyword} {argument}: {value}"));
            }
        }
        Ok(())
    }

    /// No others are allowed.
    fn check_properties(&self, properties: &Value, value: &Value) -> Result<bool, String> {
        for (name, member) in value.as_object().into_iter().flatten() {
            let schema = properties.get(name).ok_or_else(|| format!("{name} is unknown"))?;
            self.check(schema, member).map_err(|fault| format!("{name}: {fault}"))?;
        }
        Ok(true)
    }
}

fn has_type(value: &Value, name: &str) -> bool {
    match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "number" => value.is_number(),
        "integer" => value.is_u64() || value.is_i64(),
        other => panic!("the type {other} is not known here"),
    }
}

/// Checks lines, and remembers what came.
struct Lines {
    schema: Schema,
    seen: BTreeSet<String>,
}

impl Lines {
    /// All definitions that fitted a line of this output.
    fn check(&mut self, output: &Output) {
        for line in output.stdout.lines() {
            let value: Value = serde_json::from_str(line).expect(line);
            self.seen.insert(self.schema.name_of(&value).unwrap());
        }
    }
}

/// Exit codes and arguments; `write` changes a file in between.
const SESSION: &str = "\
0 version
0 completions bash
0 man
0 help times
0 help repair index
0 init
0 backup --time 2025-11-25 --command -- echo x
1 backup --command -- false
0 backup --time 2025-11-26 bot
0 backup --time 2025-11-27T02:00 bot
0 backup --time 2025-11-27T03:00 bot
0 backup -vv -n bot
0 backup --time 2025-11-28 bot
3 backup --dry-run bot nowhere
0 snapshots
0 ls -R latest
write dump.json {\"backup_metadata\":{\"timestamp\":\"2025-01-01T00:00:00Z\",\"database\":\"bot\"},\"collections\":{\"users\":[{\"_id\":1}]}}
0 import dump.json
0 ls -l --at 2025-01-01 bot/users
write dump.json {\"backup_metadata\":{\"timestamp\":\"2025-01-02T00:00:00Z\",\"database\":\"bot\"},\"collections\":{\"users\":[{\"_id\":2}]}}
0 import dump.json
0 diff --at 2025-01-01 --at 2025-01-02 mongodb/imported/bot/users
0 find --id 1
0 restore latest --target out -v
0 restore --at 2025-11-28 --target out -n
5 restore latest --target out /nowhere
0 find -l config.py link
5 find nowhere
0 find --history bot/config.py
0 diff --at 2025-11-26 --at 2025-11-28
0 dump latest:bot --target bot.tar
write bot/config.py PORT = 9000
0 diff latest
0 diff latest:bot/config.py
0 cat config
0 cat snapshot latest
0 cat tree latest
0 cat tree latest:bot
0 restore latest --dry-run
0 restore latest --conflict overwrite --yes
0 rollback --list
0 rollback --dry-run
0 rollback --yes
0 prune --dry-run
0 stats
0 stats latest
0 stats --by snapshot
0 stats --by folder
0 stats --by type
0 stats --growth
0 forget --keep-daily 2
0 prune
0 check --read-data
0 repair index
0 repair snapshots
0 tag latest --add kept
0 key add --new-key-file copy.key
0 key passwd --new-key-file next.key
0 key list --key-file next.key
0 copy --to copy --to-key-file copy.key --init --key-file next.key -n
0 copy --to copy --to-key-file copy.key --init --key-file next.key
2 backup --nonsense
0 config init --config snap.toml bot
0 config init --stdout
0 config check snap.toml
0 config show --config snap.toml
0 config schema
0 config repo --compression 5 --key-file next.key
0 backup --config two.toml -P a,b --key-file next.key
write damage
4 check --read-data --key-file next.key
";

/// These need a second of work, a file that grows, FUSE (`tests/mounting.rs`) or a database
/// (`tests/mongo_backup.rs`, `tests/mongo_protect.rs`).
const ELSEWHERE: [&str; 17] = [
    "status",
    "note",
    "mounted",
    "comparison",
    "document_plan",
    "restore_databases_into_folder_summary",
    "restore_databases_summary",
    "rollback_databases_summary",
    "segment",
    "gap",
    "event",
    "rolled_forward",
    "log_proof",
    "protect_summary",
    "protect_status",
    "log_window",
    "log_entry",
];

/// The definitions that the lines of an output fit; each must fit one.
pub fn names_of_lines(output: &Output) -> BTreeSet<String> {
    let mut lines = Lines { schema: Schema::read(), seen: BTreeSet::new() };
    lines.check(output);
    lines.seen
}

#[test]
fn every_line_is_as_the_schema_says() {
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.set("SNAP_KEY_FILE", "key");
    world.write("bot/config.py", "PORT = 8000");
    world.write("two.toml", "[profile.a]\nsources = \"bot\"\n[profile.b]\ninherit = \"a\"\n");
    std::os::unix::fs::symlink("config.py", world.path("bot/link")).unwrap();
    let mut lines = Lines { schema: Schema::read(), seen: BTreeSet::new() };
    for line in SESSION.lines() {
        let (first, words) = line.split_once(' ').unwrap();
        match (first, words.split_once(' ')) {
            // A pack is cut short: damage, with the files that it touches.
            ("write", None) => cut_short(&world.path("repository/packs")),
            ("write", Some((file, text))) => world.write(file, text),
            (code, _) => {
                let output = world.snap(["--json"].into_iter().chain(words.split(' ')));
                lines.check(&output);
                assert_eq!(output.code.to_string(), code, "{words}: {}", output.stdout);
            }
        }
    }
    let all = lines.schema.0["oneOf"].as_array().unwrap().iter();
    let all = all.map(|one| one["$ref"].as_str().unwrap()[8..].to_owned());
    let others = |name: &String| !ELSEWHERE.contains(&name.as_str());
    let expected: BTreeSet<String> = all.filter(others).collect();
    let seen: BTreeSet<String> = lines.seen.into_iter().filter(others).collect();
    assert_eq!(seen, expected);
}

fn cut_short(packs: &std::path::Path) {
    for folder in std::fs::read_dir(packs).unwrap() {
        for pack in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = pack.unwrap().path();
            let content = std::fs::read(&path).unwrap();
            std::fs::remove_file(&path).unwrap();
            std::fs::write(&path, &content[..content.len() / 2]).unwrap();
        }
    }
}

#[test]
fn status_lines_come_while_the_work_goes_on() {
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.set("SNAP_KEY_FILE", "key");
    world.set("TERM", "xterm");
    world.snap(["init"]).success();
    world.write("bot/data", [1_u8; 1 << 20].repeat(200));
    // At a terminal there are ten a second.
    let shown = world.terminal(&[], &["backup", "--json", "--jobs", "1", "bot"]).success();
    let schema = Schema::read();
    let lines = shown.lines().map(|line| serde_json::from_str::<Value>(line).expect(line));
    let names: BTreeSet<String> = lines.map(|line| schema.name_of(&line).unwrap()).collect();
    assert_eq!(names, ["backup_summary", "status"].map(str::to_owned).into());
}
