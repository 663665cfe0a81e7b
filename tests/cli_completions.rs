//! Completion in a real bash, with the script that snap prints.

use crate::support::{World, run};
use std::path::Path;

/// What bash offers for a line whose last word is being typed.
fn offered(world: &World, line: &[&str]) -> Vec<String> {
    let words: Vec<String> = line.iter().map(|word| format!("'{word}'")).collect();
    let script = format!(
        "source <(snap completions bash)
         COMP_WORDS=({}); COMP_CWORD={}; COMP_TYPE=9
         complete -p snap >/dev/null || exit 9
         _clap_complete_snap snap {} {}
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        words.len() - 1,
        words[words.len() - 1],
        words[words.len().saturating_sub(2)],
    );
    let folder = Path::new(env!("CARGO_BIN_EXE_snap")).parent().unwrap();
    let system = std::env::var("PATH").unwrap();
    let mut bash = world.command("bash");
    bash.env("PATH", format!("{}:{system}", folder.display())).args(["-c", &script]);
    let output = run(&mut bash).success();
    output.lines().filter(|line| !line.is_empty()).map(|line| line.trim_end().to_owned()).collect()
}

#[test]
fn commands_and_options_are_completed() {
    let world = World::new();
    assert_eq!(offered(&world, &["snap", "sna"]), ["snapshots"]);
    assert_eq!(offered(&world, &["snap", "restore", "--dry"]), ["--dry-run"]);
    assert_eq!(offered(&world, &["snap", "restore", "--conflict", "o"]), ["overwrite"]);
    assert_eq!(offered(&world, &["snap", "help", "ti"]), ["times"]);
    assert_eq!(offered(&world, &["snap", "completions", ""])[..3], ["bash", "zsh", "fish"]);
}

#[test]
fn snapshots_are_completed_live() {
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.set("SNAP_KEY_FILE", "key");
    world.snap(["init"]).success();
    world.write("bot/config.py", "PORT = 8000");
    let backup = ["backup", "--host", "bot", "--tag", "nightly", "--json", "bot"];
    let summary = world.snap(backup).success();
    let summary: serde_json::Value = serde_json::from_str(summary.lines().last().unwrap()).unwrap();
    let id = &summary["snapshot_id"].as_str().unwrap()[..8];
    assert_eq!(offered(&world, &["snap", "restore", ""])[..2], ["latest", id]);
    assert_eq!(offered(&world, &["snap", "restore", &id[..3]]), [id]);
    assert_eq!(offered(&world, &["snap", "snapshots", "--host", ""]), ["bot"]);
    assert_eq!(offered(&world, &["snap", "forget", "--keep-tag", "n"]), ["nightly"]);
    // After the snapshot come paths.
    assert_eq!(offered(&world, &["snap", "ls", id, "bo"]), ["bot/"]);
    // The repository that the line names, not that of the environment.
    world.unset("SNAP_REPOSITORY");
    assert_eq!(offered(&world, &["snap", "ls", &id[..3]]), [""; 0]);
    assert_eq!(offered(&world, &["snap", "-r", "repository", "ls", &id[..3]]), [id]);
}

#[test]
fn nobody_is_asked_while_somebody_types() {
    let mut world = World::new();
    world.set("SNAP_REPOSITORY", "repository");
    world.snap(["init"]).success();
    world.unset("SNAP_PASSWORD");
    assert_eq!(offered(&world, &["snap", "restore", "l"]), ["latest"]);
    // A command that never ends is not even started.
    world.set("SNAP_PASSWORD_COMMAND", "touch asked; sleep 1000");
    assert_eq!(offered(&world, &["snap", "restore", "l"]), ["latest"]);
    assert!(!world.path("asked").exists());
}
