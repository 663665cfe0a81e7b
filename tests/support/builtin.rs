//! The commands of a transcript beside `snap`.

use super::{Output, World};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

type Outcome = Result<String, String>;

/// Performs a command that was split into words.
pub fn perform(world: &mut World, words: &[String]) -> Output {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let outcome = match words[..] {
        ["snap", ref arguments @ ..] => return world.snap(arguments),
        ["cat", file, "|", "snap", ref arguments @ ..] => {
            return world.snap_reading(file, arguments);
        }
        ["manifest", ref arguments @ ..] => return world.manifest(arguments),
        ["env", ref settings @ ..] => settings.iter().try_for_each(|one| env(world, one)).map(none),
        ["write", file, ref lines @ ..] if !lines.is_empty() => {
            write(world, file, (lines.join("\n") + "\n").as_bytes())
        }
        ["random", file, bytes] => random(world, file, bytes),
        ["mkdir", directory] => readable(fs::create_dir_all(world.path(directory))),
        ["mv", from, to] => readable(fs::rename(world.path(from), world.path(to))),
        ["chmod", mode, path] => chmod(&world.path(path), mode),
        ["touch", path, time] => touch(&world.path(path), time),
        ["cat", file] => cat(&world.path(file)),
        ["ls", directory] => list(&world.path(directory)),
        ["rm", glob] => each(world, glob, remove),
        ["corrupt", "largest", glob] => corrupt_largest(world, glob),
        ["corrupt", glob] => each(world, glob, corrupt),
        _ => Err("not a command of transcripts; docs/testing.md lists them".into()),
    };
    match outcome {
        Ok(stdout) => Output { stdout, ..Output::default() },
        Err(why) => {
            Output { stderr: format!("{}: {why}\n", words[0]), code: 1, ..Output::default() }
        }
    }
}

fn none(_: ()) -> String {
    String::new()
}

fn readable(result: std::io::Result<()>) -> Outcome {
    result.map(none).map_err(|error| error.to_string())
}

/// `NAME=VALUE` sets, `NAME` alone unsets.
fn env(world: &mut World, setting: &str) -> Result<(), String> {
    match setting.split_once('=') {
        Some((name, value)) => world.set(name, value),
        None => world.unset(setting),
    }
    Ok(())
}

fn write(world: &World, file: &str, content: &[u8]) -> Outcome {
    world.write(file, content);
    Ok(String::new())
}

/// Bytes that do not compress; the same for the same name.
fn random(world: &World, file: &str, bytes: &str) -> Outcome {
    let bytes: usize = bytes.parse().map_err(|_| format!("{bytes} is not a number of bytes"))?;
    let seed = file.bytes().fold(1_u64, |seed, byte| seed.wrapping_mul(257) + u64::from(byte));
    let mut state = seed.max(1);
    let content = std::iter::repeat_with(|| {
        // xorshift64* (Vigna, 2016)
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        (state.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 56) as u8
    });
    write(world, file, &content.take(bytes).collect::<Vec<u8>>())
}

/// What is not UTF-8 comes as replacement characters.
fn cat(path: &Path) -> Outcome {
    let content = fs::read(path).map_err(|error| error.to_string())?;
    Ok(String::from_utf8_lossy(&content).into_owned())
}

fn chmod(path: &Path, mode: &str) -> Outcome {
    let mode = u32::from_str_radix(mode, 8).map_err(|_| format!("{mode} is not an octal mode"))?;
    readable(fs::set_permissions(path, fs::Permissions::from_mode(mode)))
}

/// Sets when a file or directory was modified.
fn touch(path: &Path, time: &str) -> Outcome {
    let time: jiff::Timestamp = time.parse().map_err(|error: jiff::Error| error.to_string())?;
    let file = fs::File::open(path).map_err(|error| error.to_string())?;
    readable(file.set_modified(time.into()))
}

fn list(directory: &Path) -> Outcome {
    let mut lines = Vec::new();
    for entry in fs::read_dir(directory).map_err(|error| error.to_string())? {
        let entry = entry.map_err(|error| error.to_string())?;
        let slash = if entry.path().is_dir() { "/" } else { "" };
        lines.push(format!("{}{slash}\n", entry.file_name().display()));
    }
    lines.sort();
    Ok(lines.concat())
}

fn remove(path: &Path) -> std::io::Result<()> {
    if path.is_dir() && !path.is_symlink() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

/// Flips a byte in the middle.
fn corrupt(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let mut content = fs::read(path)?;
    let middle = content.len() / 2;
    let byte = content.get_mut(middle).ok_or_else(|| std::io::Error::other("it is empty"))?;
    *byte = !*byte;
    // Objects of a repository may be read-only: whoever owns the directory replaces them.
    fs::remove_file(path)?;
    fs::write(path, content)
}

fn corrupt_largest(world: &World, glob: &str) -> Outcome {
    let size = |path: &PathBuf| path.metadata().map_or(0, |metadata| metadata.len());
    let largest = matches(world, glob)?.into_iter().max_by_key(size);
    let path = largest.ok_or_else(|| format!("nothing matches {glob}"))?;
    readable(corrupt(&path))
}

/// Does something to all that a pattern matches; it must match something, for a test that
/// breaks nothing proves nothing.
fn each(world: &World, glob: &str, act: fn(&Path) -> std::io::Result<()>) -> Outcome {
    let found = matches(world, glob)?;
    if found.is_empty() {
        return Err(format!("nothing matches {glob}"));
    }
    for path in found {
        act(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(String::new())
}

fn matches(world: &World, glob: &str) -> Result<Vec<PathBuf>, String> {
    let mut builder = globset::GlobBuilder::new(glob.trim_end_matches('/'));
    let glob = builder.literal_separator(true).build().map_err(|error| error.to_string())?;
    let matcher = glob.compile_matcher();
    let here = world.here();
    let mut found = Vec::new();
    let mut pending = vec![here.clone()];
    while let Some(directory) = pending.pop() {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.strip_prefix(&here).is_ok_and(|relative| matcher.is_match(relative)) {
                found.push(path);
            } else if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                pending.push(path);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn perform_line(world: &mut World, line: &str) -> Output {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        perform(world, &words)
    }

    #[test]
    fn corruption_changes_one_byte_of_each_match() {
        let mut world = World::new();
        world.write("packs/ab/one", "abcde");
        world.write("packs/cd/two", "x");
        world.write("other", "abcde");
        perform_line(&mut world, "corrupt packs/*/*").success();
        assert_eq!(fs::read(world.path("packs/ab/one")).unwrap(), b"ab\x9cde");
        assert_eq!(fs::read(world.path("packs/cd/two")).unwrap(), b"\x87");
        assert_eq!(fs::read(world.path("other")).unwrap(), b"abcde");
        assert_eq!(perform_line(&mut world, "corrupt pack/*").code, 1);
    }

    #[test]
    fn random_content_is_the_same_each_time() {
        let mut world = World::new();
        perform_line(&mut world, "random a 1000").success();
        let first = fs::read(world.path("a")).unwrap();
        perform_line(&mut world, "random a 1000").success();
        assert!(fs::read(world.path("a")).unwrap() == first);
        perform_line(&mut world, "random b 1000").success();
        assert!(fs::read(world.path("b")).unwrap() != first);
    }

    #[test]
    fn unknown_commands_fail() {
        assert_eq!(perform_line(&mut World::new(), "frobnicate").code, 1);
    }
}
