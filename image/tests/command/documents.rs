//! Documents name only what is there: files they lead to, headings, scripts, and commands with their words as the programs take them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a clone of this tree holds, from its root: not what a build or a test left beside it.
fn cloned() -> BTreeSet<String> {
    let listed = git(&["ls-files", "--cached", "--others", "--exclude-standard"]);
    listed.lines().filter(|name| root().join(name).exists()).map(str::to_owned).collect()
}

/// Whether these files hold this one, or some in a folder of this name.
fn hold(files: &BTreeSet<String>, name: &str) -> bool {
    let folder = format!("{name}/");
    files.contains(name) || files.iter().any(|file| file.starts_with(&folder))
}

fn git(args: &[&str]) -> String {
    let output = Command::new("git").args(args).current_dir(root()).output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Every document of ours.
fn documents() -> Vec<PathBuf> {
    let ours = |name: &&String| name.ends_with(".md") && !name.contains("/made-up/");
    let all: Vec<PathBuf> = cloned().iter().filter(ours).map(|name| root().join(name)).collect();
    assert!(all.len() > 30, "{all:?}");
    all
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().canonicalize().unwrap()
}

/// `](TARGET)` of a text.
fn links(text: &str) -> Vec<&str> {
    text.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target).collect()
}

/// What a heading is called in a link: lower case, words and hyphens (as GitHub makes it).
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = text.lines().filter_map(|line| line.strip_prefix('#'));
    let anchor = |heading: &str| -> String {
        let heading = heading.trim_start_matches('#').trim().to_lowercase();
        let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    headings.map(anchor).collect()
}

/// What people follow ends with how they see that it worked.
#[test]
fn what_is_followed_ends_with_a_check() {
    let followed = |name: &&String| name.starts_with("docs/operating/") && name.ends_with(".md");
    let files = cloned();
    let more = ["quick-start", "troubleshooting", "from-the-cloud", "release", "security"];
    let more = more.map(|name| format!("docs/{name}.md"));
    let all: Vec<&String> = files.iter().filter(followed).chain(&more).collect();
    assert!(all.len() > 10, "{all:?}");
    let is_last = |text: &str| {
        let last = text.trim_end().rsplit("\n\n").next().unwrap_or_default();
        let heading = text.rsplit("\n## ").next().unwrap_or_default();
        last.starts_with("**Check**")
            || last.starts_with("**How to check")
            || heading.starts_with("How to check")
    };
    let bad = all.iter().filter(|name| !is_last(&std::fs::read_to_string(root().join(name)).unwrap()));
    assert_eq!(bad.collect::<Vec<_>>(), Vec::<&&String>::new());
}

#[test]
fn links_lead_somewhere() {
    let files = cloned();
    let is_cloned = |target: &Path| {
        let target = target.canonicalize().ok();
        let name = target.as_deref().and_then(|target| target.strip_prefix(root()).ok());
        name.is_some_and(|name| hold(&files, &name.display().to_string()))
    };
    let mut bad = Vec::new();
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        for link in links(&text).into_iter().filter(|link| !link.contains("://")) {
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { path.clone() } else { path.parent().unwrap().join(file) };
            let found = is_cloned(&target)
                && (anchor.is_empty()
                    || anchors(&std::fs::read_to_string(&target).unwrap_or_default()).contains(anchor));
            if !found {
                bad.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

/// Words that are a path of ours: `docs/…`, `scripts/…` and the like.
fn paths(text: &str) -> Vec<&str> {
    let ends = |c: char| c.is_whitespace() || "`()*,;:|\"'<>[]{}…".contains(c);
    let ours =
        ["docs/", "scripts/", "overlays/", "stack/", "image/", "agent/", "tests/", "buildroot-config/"];
    text.split(ends)
        .map(|word| word.split('#').next().unwrap_or(word))
        .map(|word| word.trim_end_matches(['.', '/']))
        .filter(|word| ours.iter().any(|folder| word.starts_with(folder)))
        .collect()
}

#[test]
fn files_that_are_named_are_there() {
    let files = cloned();
    let mut bad = Vec::new();
    for path in documents() {
        let text = std::fs::read_to_string(&path).unwrap();
        let folder = path.parent().unwrap().strip_prefix(root()).unwrap().to_owned();
        for name in paths(&text) {
            // From the root, or from the document's own folder.
            let places = [name.to_owned(), folder.join(name).display().to_string()];
            // Without an ending it may be a module: a file or a folder of this name.
            let there = |place: &String| hold(&files, place) || hold(&files, &format!("{place}.rs"));
            if !places.iter().any(|place| there(place) || is_made(place)) && !is_decision(name) {
                bad.push(format!("{}: {name}", path.display()));
            }
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
}

/// A decision may be named by its number.
fn is_decision(name: &str) -> bool {
    let names = std::fs::read_dir(root().join("docs/decisions")).unwrap();
    name.strip_prefix("docs/decisions/").is_some_and(|number| {
        number.len() == 4
            && names
                .flatten()
                .any(|entry| entry.file_name().to_string_lossy().starts_with(&format!("{number}-")))
    })
}

/// Whether it is there only after a build or a test: what git is told to leave out, as a file or as a folder.
fn is_made(place: &str) -> bool {
    [place.to_owned(), format!("{place}/")].iter().any(|place| !git(&["check-ignore", place]).is_empty())
}

/// Commands of a program in a text: lines of examples, and what stands between backticks. `text` without [fences](unfenced).
fn commands<'a>(text: &'a str, program: &str) -> BTreeSet<&'a str> {
    let examples = text.lines().filter_map(|line| line.strip_prefix("    ").map(str::trim_start));
    let inline = text
        .lines()
        .filter(|line| !line.starts_with("    "))
        .flat_map(|line| line.split('`').skip(1).step_by(2));
    let is_one = |line: &&str| line.strip_prefix(program).is_some_and(|rest| rest.starts_with(' '));
    let all = examples.chain(inline).map(|line| line.split(" #").next().unwrap_or(line).trim());
    // An example goes on after a pipe or `&&` with what is not the program's; one with dots says "and so on".
    let one =
        |line: &'a str| line.split(" && ").next().and_then(|line| line.split(" | ").next()).unwrap_or(line);
    all.filter(is_one).map(one).filter(|line| !line.contains(['…', '|', '['])).collect()
}

/// Examples between fences as those that are indented, and lines that go on as one.
fn unfenced(text: &str) -> String {
    let mut fenced = false;
    let mut lines = Vec::new();
    for line in text.replace("\\\n", " ").lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else {
            lines.push(if fenced { format!("    {line}") } else { line.to_owned() });
        }
    }
    lines.join("\n")
}

#[test]
fn commands_are_what_the_programs_take() {
    let tayberry = Path::new(env!("CARGO_BIN_EXE_tayberry"));
    let (mut bad, mut looked) = (Vec::new(), 0);
    for program in ["tayberry", "tayberryctl"] {
        let binary = tayberry.with_file_name(program);
        assert!(binary.exists(), "{} is missing: cargo build --workspace", binary.display());
        for path in documents() {
            let text = unfenced(&std::fs::read_to_string(&path).unwrap());
            for command in commands(&text, program) {
                // With this word nothing is done, and whatever is wrong before it is still refused.
                let mut words: Vec<&str> = command.split_whitespace().skip(1).collect();
                words.push("--help");
                let output = Command::new(&binary).args(&words).output().unwrap();
                looked += 1;
                let why = String::from_utf8_lossy(&output.stderr);
                // A word that is only named, without what follows it.
                if !output.status.success() && !why.contains("a value is required") {
                    bad.push(format!("{}: {command}: {}", path.display(), why.lines().next().unwrap_or("")));
                }
            }
        }
    }
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(looked > 30, "{looked}");
}

#[test]
fn what_would_be_found_is_found() {
    let text = "# A page\n## Two words, here\nSee [it](docs/no.md#x) and `tayberry biuld`, docs/no.md.\n    tayberryctl nope  # why\n";
    assert_eq!(links(text), ["docs/no.md#x"]);
    assert!(anchors(text).contains("two-words-here"));
    assert_eq!(paths(text), ["docs/no.md", "docs/no.md"]);
    assert_eq!(commands(text, "tayberry"), ["tayberry biuld"].into());
    assert_eq!(commands(text, "tayberryctl"), ["tayberryctl nope"].into());
}
