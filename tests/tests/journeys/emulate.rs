//! The command line's virtual Pi 5, driven as a person or a script does: by its control socket and by signals.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use system_tests::bus::Bus;
use system_tests::device::BOOT;
use system_tests::{Fixture, JourneyError};

const SHORT: Duration = Duration::from_secs(90);
/// How long the emulator may take to end, shutting the guest down.
const END: Duration = Duration::from_secs(200);
const POLL: Duration = Duration::from_millis(200);

/// A running `tayberry emulate`; killed when it is dropped.
struct Emulator {
    child: Child,
    program: PathBuf,
    project: PathBuf,
    folder: tempfile::TempDir,
}

impl Emulator {
    /// Starts it with a cache folder of its own, so that the board's sockets can be found.
    fn start(fixture: &Fixture, more: &[&str]) -> Result<Self, JourneyError> {
        let folder = fixture.folder()?;
        let cache = folder.path().join("cache");
        std::fs::create_dir(&cache)?;
        for part in ["packages", "tools"] {
            std::os::unix::fs::symlink(fixture.paths.cache.join(part), cache.join(part))?;
        }
        let project = fixture.paths.project.clone();
        let program = project.join("target/debug/tayberry");
        let console = std::fs::File::create(folder.path().join("console"))?;
        let child = Command::new(&program)
            .current_dir(&project)
            .env("TAYBERRY_CACHE", &cache)
            .args(["emulate", "--control"])
            .arg(folder.path().join("control"))
            .args(more)
            .stdin(Stdio::null())
            .stdout(console)
            .spawn()?;
        Ok(Self { child, program, project, folder })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The board's run folder, as soon as it is there.
    async fn run(&mut self) -> Result<PathBuf, JourneyError> {
        let cache = self.file("cache");
        self.until("a run folder", SHORT, |_| {
            let entries = std::fs::read_dir(&cache).ok()?.flatten();
            let mut folders =
                entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("emulate-"));
            folders.next().map(|entry| entry.path())
        })
        .await
    }

    /// What the board's serial console showed so far.
    fn console(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(self.file("console")).unwrap_or_default()).into_owned()
    }

    /// `tayberry --json control SOCKET …`: its answer, or its words when it failed.
    fn control(&self, words: &[&str]) -> Result<Result<Value, String>, JourneyError> {
        let mut command = Command::new(&self.program);
        command.current_dir(&self.project).args(["--json", "control"]).arg(self.file("control")).args(words);
        let output = command.output()?;
        if !output.status.success() {
            return Ok(Err(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let answer = serde_json::from_slice(&output.stdout);
        answer.map(Ok).map_err(|error| JourneyError::Failed(format!("{words:?}: {error}")))
    }

    fn order(&self, words: &[&str]) -> Result<Value, JourneyError> {
        self.control(words)?.map_err(|why| JourneyError::Failed(format!("{words:?}: {why}")))
    }

    /// Waits for what `look` finds.
    async fn until<T>(
        &mut self,
        what: &str,
        patience: Duration,
        look: impl Fn(&Self) -> Option<T>,
    ) -> Result<T, JourneyError> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(found) = look(self) {
                return Ok(found);
            }
            let ended = self.child.try_wait()?;
            if ended.is_some() || Instant::now() > deadline {
                return Err(JourneyError::Failed(format!("no {what}; {ended:?}\n{}", self.console())));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// `INT` is Ctrl-C.
    fn signal(&self, name: &str) -> Result<(), JourneyError> {
        let done = Command::new("kill").args(["-s", name, &self.child.id().to_string()]).status()?;
        if done.success() { Ok(()) } else { Err(JourneyError::Failed("nobody to interrupt".into())) }
    }

    /// Waits for the end; how long it took.
    async fn ended(&mut self) -> Result<Duration, JourneyError> {
        let began = Instant::now();
        while began.elapsed() < END {
            if let Some(status) = self.child.try_wait()? {
                assert!(status.success(), "{status}\n{}", self.console());
                assert!(!self.file("control").exists(), "the socket is removed");
                return Ok(began.elapsed());
            }
            tokio::time::sleep(POLL).await;
        }
        Err(JourneyError::Failed(format!("the emulator did not end\n{}", self.console())))
    }
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // It takes QEMU along; one that has ended does not hear this.
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            drop(self.signal("INT").and_then(|()| self.signal("TERM")));
            drop(self.child.wait());
        }
    }
}

async fn bus(run: &Path) -> Result<Bus, JourneyError> {
    Bus::connect(&run.join("io.tayberry.dbus"), BOOT).await
}

/// Heat, button, fan, a power cut with data kept, and a clean end by Ctrl-C.
#[tokio::test]
#[ignore = "its orders are tested by themselves: scripts/test full"]
async fn the_control_socket_is_the_hand_on_the_board() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut emulator = Emulator::start(&fixture, &[])?;
    let run = emulator.run().await?;
    let on_device = bus(&run).await?;
    let agent = on_device.agent().await?;

    emulator.order(&["temperature", "80.5"])?;
    assert!((agent.soc_temperature().await? - 80.5).abs() < 0.01);
    let refused = emulator.control(&["temperature", "4000"])?.unwrap_err();
    assert!(refused.contains("4000"), "{refused}");

    emulator.order(&["button", "press"])?;
    emulator.order(&["button", "release"])?;
    assert_eq!(emulator.order(&["fan"])?["is"], "fan");
    let torn = emulator.control(&["tear"])?.unwrap_err();
    assert!(torn.contains("--record"), "{torn}");

    let kept = on_device.shell("echo kept > /var/lib/tayberry/journey && sync", SHORT).await?;
    assert_eq!(kept, 0);
    drop(agent);
    drop(on_device);
    emulator.order(&["power", "cut"])?;
    let status = emulator.order(&["status"])?;
    assert_eq!((&status["on"], &status["exits"]), (&false.into(), &serde_json::json!(["cut"])));
    assert!(emulator.control(&["button", "press"])?.unwrap_err().contains("the board is off"));
    emulator.order(&["power", "on"])?;
    let status = emulator.order(&["status"])?;
    assert_eq!(
        (&status["on"], &status["slot"], &status["trial"]),
        (&true.into(), &"a".into(), &false.into())
    );

    let on_device = bus(&run).await?;
    assert_eq!(on_device.shell("test \"$(cat /var/lib/tayberry/journey)\" = kept", SHORT).await?, 0);
    drop(on_device);
    emulator.signal("INT")?;
    emulator.ended().await?;
    Ok(())
}

/// Ctrl-C at a moment at which nobody in the guest hears the power button yet: it is shut down all the same, and not by
/// the plug.
#[tokio::test]
#[ignore = "a clean shutdown runs in others: scripts/test full"]
async fn an_early_interrupt_still_shuts_the_device_down() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut emulator = Emulator::start(&fixture, &[])?;
    let qmp = emulator.run().await?.join("qmp");
    emulator.until("QEMU", SHORT, |_| qmp.exists().then_some(())).await?;
    emulator.signal("INT")?;
    let took = emulator.ended().await?;
    let words = emulator.console();
    assert!(words.contains("reboot: Power down"), "the plug was pulled after {took:?}\n{words}");
    Ok(())
}
