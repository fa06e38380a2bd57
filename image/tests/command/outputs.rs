//! Writing the results of a build where there is no room, or something in the way: nothing half-written gets a name, and
//! an older image stays whole.

use std::path::Path;
use std::process::{Command, Output};

use crate::common::made_up::MadeUp;
use crate::common::project::limited;
use tayberry::ui::{Mode, Ui};

const OUT: &str = "TAYBERRY_TEST_OUT";

/// Not a test of its own: what [`write`] runs in a process with limits.
#[test]
#[ignore = "run by the other tests, in a process with limits"]
fn child() {
    let out = std::env::var_os(OUT).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let made_up = MadeUp::new(folder.path());
    let ui = Ui::new(Mode::Text);
    if let Err(error) =
        tayberry::outputs::write(Path::new(&out), &made_up.facts(), &made_up.system, b"guest", ui)
    {
        eprintln!("tayberry: {error}");
        std::process::exit(1);
    }
}

fn write(out: &Path, mut command: Command) -> Output {
    command.args(["--ignored", "--exact", "outputs::child", "--nocapture"]).env(OUT, out).output().unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn nothing_half_written_gets_a_name() {
    let this = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    std::fs::create_dir(&out).unwrap();
    std::fs::write(out.join("shed-1.2.3.img.zst"), "older").unwrap();

    let full = write(&out, limited(&this, 4096, false));
    assert_eq!(full.status.code(), Some(1), "{full:?}");
    assert!(String::from_utf8_lossy(&full.stderr).contains("File too large"), "{full:?}");
    assert_eq!(names(&out), ["shed-1.2.3.img.zst"], "no unfinished file stays");

    let killed = write(&out, limited(&this, 4096, true));
    assert_eq!(killed.status.code(), None, "{killed:?}");
    let left = names(&out);
    let named: Vec<_> = left.iter().filter(|name| !name.starts_with(".unfinished-")).collect();
    assert_eq!(named, ["shed-1.2.3.img.zst"]);
    assert_eq!(std::fs::read(out.join("shed-1.2.3.img.zst")).unwrap(), b"older");
}

/// The manifest cannot be put in place: the image, which comes last, is not there. (What a whole build leaves is compared
/// in the journey `two_builds_are_identical`.)
#[test]
fn where_the_image_is_the_rest_is_too() {
    let this = std::env::current_exe().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    std::fs::create_dir_all(out.join("manifest.json/in-the-way")).unwrap();
    let failed = write(&out, Command::new(&this));
    assert_eq!(failed.status.code(), Some(1), "{failed:?}");
    assert!(String::from_utf8_lossy(&failed.stderr).contains("manifest.json"), "{failed:?}");
    assert!(!out.join("shed-1.2.3.img.zst").exists());
    assert!(!names(&out).iter().any(|name| name.starts_with(".unfinished-")), "{:?}", names(&out));
}
