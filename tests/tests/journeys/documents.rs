//! What README and the quick start have people type, typed as it stands there. What it writes goes into a layer over the checkout, and is
//! gone afterwards.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use system_tests::web::until;
use system_tests::{Fixture, JourneyError};
use tayberry_format::layout::MIB;

/// The documents.
const DOCUMENTS: [&str; 2] = ["README.md", "docs/quick-start.md"];
/// How long a device may take to answer, once it shows its claim code.
const ANSWER: Duration = Duration::from_secs(120);
/// Size of the drive that is flashed, in mebibytes.
const DRIVE: u64 = 16 << 10;

/// How a command is followed.
enum How {
    /// It is this test's own run, or a part of it.
    Here,
    /// It starts a device, which is asked and stopped.
    Device,
    /// It ends by itself.
    Ends,
    /// It writes to a drive: here to a file, whose name is what a person would type.
    Flashes,
}

/// Every command that people are told to type; a new one needs a row.
const COMMANDS: [(&str, How); 8] = [
    ("scripts/run", How::Device),
    ("scripts/test", How::Here),
    ("scripts/test crash-replay", How::Here),
    ("scripts/bench boot", How::Ends),
    ("scripts/web", How::Ends),
    ("tayberry build --database stand-in", How::Ends),
    ("tayberry flash", How::Ends),
    ("tayberry flash /dev/sdX", How::Flashes),
];

/// The lines of a document that are to be typed; without `sudo`, which a file that stands for a drive does not need.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    let typed = text.lines().filter_map(|line| line.strip_prefix("    "));
    let typed = typed.map(|line| line.strip_prefix("sudo ").unwrap_or(line));
    let command = |line: &str| line.starts_with("scripts/") || line.starts_with("tayberry ");
    typed.filter(move |line| command(line)).map(|line| line.split(" #").next().unwrap_or(line).trim())
}

/// A command in a layer of its own over the checkout, with our programs where installed ones would be.
fn typed(fixture: &Fixture, layer: &Path, line: &str) -> Result<Command, JourneyError> {
    let project = &fixture.paths.project;
    let [upper, work] = ["upper", "work"].map(|name| layer.join(name));
    std::fs::create_dir_all(&upper)?;
    std::fs::create_dir_all(&work)?;
    let script = "mount -t overlay -o lowerdir=\"$0\",upperdir=\"$1\",workdir=\"$2\",userxattr overlay \"$0\" \
                  && cd \"$0\" && exec $3";
    let mut command = Command::new("unshare");
    // apt gives its rights away to a user of its own, which there is not where only one is mapped.
    if !nix::unistd::geteuid().is_root() {
        command.args(["--user", "--map-root-user"]);
    }
    command.args(["--mount", "sh", "-c", script]);
    command.arg(project).args([&upper, &work]).arg(line);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", project.join("target/debug").display()));
    Ok(command)
}

/// Its console until the claim code, then its page, as `scripts/run` says.
fn device_answers(child: &mut Child) -> Result<(), JourneyError> {
    let failed = |what: &str| JourneyError::Failed(what.to_owned());
    let mut console = BufReader::new(child.stdout.take().ok_or_else(|| failed("no console"))?);
    let mut line = Vec::new();
    loop {
        line.clear();
        if console.read_until(b'\n', &mut line)? == 0 {
            return Err(failed("it ended before it showed a claim code"));
        }
        if String::from_utf8_lossy(&line).contains("Claim code ") {
            break;
        }
    }
    // Whoever does not read on stops the device.
    std::thread::spawn(move || std::io::copy(&mut console, &mut std::io::sink()));
    until("the page of https://localhost:8443", ANSWER, || {
        let page =
            Command::new("curl").args(["-sk", "--max-time", "20", "https://localhost:8443/"]).output()?;
        Ok(String::from_utf8_lossy(&page.stdout).contains("Tayberry").then_some(()))
    })
}

#[test]
#[ignore = "builds an image and starts it several times: scripts/test full"]
fn what_readme_and_quick_start_say_works() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let texts = DOCUMENTS.map(|name| std::fs::read_to_string(fixture.paths.project.join(name)));
    let mut told: Vec<String> = Vec::new();
    for text in texts {
        told.extend(lines(&text?).map(str::to_owned));
    }
    for line in &told {
        assert!(COMMANDS.iter().any(|(command, _)| command == line), "{line} is followed by nothing here");
    }
    let folder = fixture.folder()?;
    for (line, how) in &COMMANDS {
        assert!(told.iter().any(|told| told == line), "{line} stands in no document");
        match how {
            How::Here => {}
            How::Ends => {
                let output = typed(&fixture, folder.path(), line)?.stdout(Stdio::inherit()).output()?;
                assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
            }
            How::Device => {
                let mut child = typed(&fixture, folder.path(), line)?.stdout(Stdio::piped()).spawn()?;
                let answered = device_answers(&mut child);
                // Ctrl-C.
                Command::new("kill").args(["-INT", &child.id().to_string()]).status()?;
                let ended = child.wait()?;
                answered?;
                assert!(ended.success() || ended.code() == Some(130), "{line}: {ended}");
            }
            How::Flashes => {
                let drive = folder.path().join("drive");
                std::fs::File::create(&drive)?.set_len(DRIVE * MIB)?;
                let line = line.replace("/dev/sdX", &drive.display().to_string());
                let line = format!("{line} --confirm drive --allow-file");
                let output = typed(&fixture, folder.path(), &line)?.output()?;
                assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
            }
        }
    }
    Ok(())
}
