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
    std::os::unix::fs::symlink("config.py", world.path("bot/link")).unwrap();
    let mut lines = Lines { schema: Schema::read(), seen: BTreeSet::new() };
    let mut run = |arguments: &[&str]| {
        let output = world.snap(["--json"].iter().chain(arguments));
        lines.check(&output);
        output.code
    };
    assert_eq!(run(&["version"]), 0);
    assert_eq!(run(&["help", "times"]), 0);
    assert_eq!(run(&["help", "repair", "index"]), 0);
    assert_eq!(run(&["init"]), 0);
    for time in ["2025-11-26", "2025-11-27T02:00", "2025-11-27T03:00", "2025-11-28"] {
        assert_eq!(run(&["backup", "--time", time, "bot"]), 0);
    }
    assert_eq!(run(&["backup", "--dry-run", "bot", "nowhere"]), 3);
    assert_eq!(run(&["snapshots"]), 0);
    assert_eq!(run(&["ls", "-R", "latest"]), 0);
    assert_eq!(run(&["restore", "latest", "--target", "out", "-v"]), 0);
    assert_eq!(run(&["restore", "--at", "2025-11-28", "--target", "out", "-n"]), 0);
    assert_eq!(run(&["restore", "latest", "--target", "out", "/nowhere"]), 5);
    assert_eq!(run(&["prune", "--dry-run"]), 0);
    assert_eq!(run(&["forget", "--keep-daily", "2"]), 0);
    assert_eq!(run(&["prune"]), 0);
    assert_eq!(run(&["check", "--read-data"]), 0);
    assert_eq!(run(&["repair", "index"]), 0);
    assert_eq!(run(&["repair", "snapshots"]), 0);
    assert_eq!(run(&["backup", "--nonsense"]), 2);
    // A pack is cut short: damage, with the files that it touches.
    cut_short(&world.path("repository/packs"));
    assert_eq!(run(&["check", "--read-data"]), 4);
    let all: BTreeSet<String> = lines.schema.0["oneOf"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["$ref"].as_str().unwrap()[8..].to_owned())
        .collect();
    // These need a second of work, a file that grows, or a database (tests/mongo_backup.rs).
    let elsewhere = ["status", "note", "restore_databases_summary"];
    let here = |names: BTreeSet<String>| -> BTreeSet<String> {
        names.into_iter().filter(|name| !elsewhere.contains(&name.as_str())).collect()
    };
    assert_eq!(here(lines.seen), here(all));
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
