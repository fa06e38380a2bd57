//! `tayberry flash` onto regular files: what is written, in which order, and what is refused.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::common::{Drive, image, partition};
use tayberry::bmap::Map;
use tayberry::commands::{CommandError, flash};
use tayberry::flash::FlashError;
use tayberry::flash::decide::Refusal;
use tayberry::flash::plan::{HEAD, plan};
use tayberry::flash::source::{Source, SourceError};
use tayberry::flash::write::{Job, Target, WriteError};
use tayberry::ui::{Mode, Ui};
use tayberry_format::layout::{self, MIB};
use tayberry_format::preseed::{self, Preseed};
use tayberry_format::table;

/// Runs the command without a terminal; a file's name is its model.
fn run(image: &Path, drive: &Path, change: impl FnOnce(&mut flash::Arguments)) -> Result<(), FlashError> {
    let mut arguments = flash::Arguments {
        image: Some(image.to_owned()),
        device: Some(drive.to_owned()),
        confirm: Some("drive".to_owned()),
        allow_file: true,
        ..flash::Arguments::default()
    };
    change(&mut arguments);
    match flash::run(&arguments, Path::new("."), Ui::new(Mode::Json)) {
        Ok(()) => Ok(()),
        Err(CommandError::Flash(error)) => Err(error),
        Err(error) => panic!("{error}"),
    }
}

/// Some of the image's files in a folder of their own, and the path of the first one.
fn copy(names: &[&str]) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    for name in names {
        std::fs::hard_link(image().with_file_name(name), folder.path().join(name)).unwrap();
    }
    let path = folder.path().join(names[0]);
    (folder, path)
}

#[test]
fn an_image_replaces_an_old_system() {
    let drive = Drive::used();
    let password = drive.path().with_file_name("password");
    std::fs::write(&password, "correct horse\n").unwrap();
    run(image(), &drive.path(), |arguments| {
        arguments.settings.hostname = Some("shed".into());
        arguments.settings.wifi_ssid = Some("Café".into());
        arguments.settings.wifi_password_file = Some(password);
    })
    .unwrap();

    table::check_image(&drive.read(0, HEAD)).unwrap();
    let key_blocks = drive.read(layout::DATA_START, 64 << 10);
    assert!(key_blocks.iter().all(|byte| *byte == 0), "the old key is gone");
    assert!(
        drive.read(drive.bytes() - MIB, MIB).iter().all(|byte| *byte == 0),
        "the old backup table is gone"
    );
    for part in layout::IMAGE.iter().take(3) {
        let files = partition(&drive.path(), *part);
        assert!(!files.contains_key("OLD.TXT"), "{}: {:?}", part.name, files.keys());
        let mut tables = vec![0; 1 << 20];
        let raw = File::open(image().with_file_name("test.img")).unwrap();
        raw.read_exact_at(&mut tables, part.start).unwrap();
        assert!(drive.read(part.start, MIB) == tables, "{}: old entries in its tables", part.name);
    }
    let files = partition(&drive.path(), layout::CONFIG);
    let preseed = Preseed::parse(&files[preseed::FILE]).unwrap();
    assert_eq!(files[preseed::FILE].len(), preseed::BYTES);
    assert_eq!(preseed.hostname.unwrap().as_ref(), "shed");
    assert_eq!(preseed.wifi.unwrap().password.unwrap().as_ref(), "correct horse");
    assert_eq!(files["STATE.BIN"], [0; 4096]);
    // Nothing is written where neither the block map nor the plan has anything.
    assert_eq!(drive.read(layout::IMAGE[4].start + MIB, 4), b"old!");
}

#[test]
fn settings_are_optional_and_a_plain_image_will_do() {
    let (_folder, path) = copy(&["test.img", "test.bmap"]);
    let drive = Drive::used();
    run(&path, &drive.path(), |_| {}).unwrap();
    let files = partition(&drive.path(), layout::CONFIG);
    assert!(Preseed::parse(&files[preseed::FILE]).unwrap().is_empty());
}

/// Flashes and expects to stop after the drive was erased.
fn stops(image: &Path) -> WriteError {
    let drive = Drive::used();
    match run(image, &drive.path(), |_| {}) {
        Err(FlashError::Write { error, .. }) => {
            assert!(drive.read(0, HEAD).iter().all(|byte| *byte == 0), "the drive boots nothing");
            error
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_truncated_image_leaves_nothing_bootable() {
    let (folder, _) = copy(&["test.bmap"]);
    let whole = std::fs::read(image()).unwrap();
    let path = folder.path().join("test.img.zst");
    for cut in [2, whole.len() / 4] {
        std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
        let error = stops(&path);
        assert!(matches!(error, WriteError::Image { .. }), "{cut}: {error}");
    }
}

#[test]
fn an_image_that_its_block_map_does_not_describe_is_noticed() {
    let (folder, path) = copy(&["test.img.zst"]);
    let good = Map::parse(&std::fs::read(image().with_file_name("test.bmap")).unwrap()).unwrap();
    let system = good.runs.iter().position(|run| run.offset == layout::IMAGE[3].start).unwrap();
    let mut altered = good.clone();
    altered.runs[system].sha256[0] ^= 1;
    let mut too_short = good;
    too_short.runs.remove(system);
    for map in [altered, too_short] {
        std::fs::write(folder.path().join("test.bmap"), map.render()).unwrap();
        let error = stops(&path);
        assert!(
            matches!(error, WriteError::Altered { offset, .. } if offset >= layout::IMAGE[3].start),
            "{error}"
        );
    }
}

/// The reason for a refusal, which must have left the drive alone.
fn untouched(drive: &Drive, result: Result<(), FlashError>) -> FlashError {
    assert_eq!(drive.read(0, 8), b"old disk");
    result.unwrap_err()
}

#[test]
fn without_the_right_word_nothing_is_written() {
    let drive = Drive::used();
    let with = |word: Option<&str>| {
        let result = run(image(), &drive.path(), |arguments| arguments.confirm = word.map(Into::into));
        untouched(&drive, result)
    };
    assert!(matches!(with(Some("Ultra")), FlashError::NotConfirmed(model) if model == "drive"));
    assert!(matches!(with(None), FlashError::NobodyToAsk(_)));
    let result = run(image(), &drive.path(), |arguments| arguments.allow_file = false);
    assert!(matches!(untouched(&drive, result), FlashError::Refused { refusal: Refusal::Unknown, .. }));
    let result = run(image(), &drive.path(), |arguments| arguments.settings.timezone = Some("?".into()));
    assert!(matches!(untouched(&drive, result), FlashError::Settings(_)));
}

#[test]
fn a_drive_that_is_too_small_is_refused() {
    let drive = Drive::of(layout::IMAGE_BYTES - 1);
    let error = untouched(&drive, run(image(), &drive.path(), |_| {}));
    assert!(error.to_string().contains("it has 4.57 GiB, at least 6.57 GiB are needed"), "{error}");
    assert!(matches!(error, FlashError::Refused { refusal: Refusal::TooSmall { .. }, .. }));
    assert!(matches!(run(image(), Path::new("/nonexistent"), |_| {}), Err(FlashError::Open { .. })));
}

#[test]
fn an_image_that_is_not_ours_is_refused() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let drive = Drive::used();
    let refused = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        let error = untouched(&drive, run(&path, &drive.path(), |_| {}));
        assert!(error.to_string().contains("nothing was written"), "{error}");
        error
    };
    let mut head = vec![0; 6 << 20];
    File::open(image().with_file_name("test.img")).unwrap().read_exact_at(&mut head, 0).unwrap();
    let mut no_files = head.clone();
    no_files[usize::try_from(layout::CONFIG.start).unwrap()..].fill(0);
    let mut other_table = head.clone();
    other_table[1024..1152].fill(0);
    for (name, bytes) in [
        ("empty.img", vec![]),
        ("text.img", b"hello".to_vec()),
        ("zeros.img.zst", zstd::encode_all(&[0; 8 << 20][..], 1).unwrap()),
        ("short.img", head),
        ("table.img.zst", zstd::encode_all(&other_table[..], 1).unwrap()),
        ("files.img.zst", zstd::encode_all(&no_files[..], 1).unwrap()),
    ] {
        assert!(matches!(refused(name, &bytes), FlashError::Source(SourceError::NotOurs { .. })), "{name}");
    }
    let broken = [0x28, 0xb5, 0x2f, 0xfd, 1, 2, 3];
    assert!(matches!(refused("broken.img.zst", &broken), FlashError::Source(SourceError::Read { .. })));
    std::fs::hard_link(image(), folder.path().join("own.img.zst")).unwrap();
    std::fs::write(folder.path().join("own.bmap"), "<bmap/>").unwrap();
    let error = untouched(&drive, run(&folder.path().join("own.img.zst"), &drive.path(), |_| {}));
    assert!(matches!(error, FlashError::Source(SourceError::Map { .. })), "{error}");
}

/// A drive that keeps a list of its writes (where, and whether they are more than zeros) and may go wrong.
struct Watched {
    file: File,
    writes: Mutex<Vec<(u64, bool)>>,
    /// This byte reads back changed.
    rotten: Option<u64>,
    /// Writes of the image behind this byte fail.
    ends: u64,
    /// Flushes fail from this one on.
    flushes: AtomicU32,
}

impl Target for Watched {
    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<()> {
        if offset + bytes.len() as u64 > self.ends && offset < layout::IMAGE_BYTES {
            return Err(io::Error::other("no more"));
        }
        self.writes.lock().unwrap().push((offset, bytes.iter().any(|byte| *byte != 0)));
        self.file.write_all_at(bytes, offset)
    }

    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<()> {
        self.file.read_exact_at(buffer, offset)?;
        if let Some(index) = self.rotten.and_then(|rotten| rotten.checked_sub(offset))
            && let Some(byte) = usize::try_from(index).ok().and_then(|index| buffer.get_mut(index))
        {
            *byte ^= 1;
        }
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        match self.flushes.fetch_sub(1, Ordering::Relaxed) {
            0 => Err(io::Error::other("lost")),
            _ => Ok(()),
        }
    }

    fn forget(&self) -> io::Result<()> {
        Ok(())
    }
}

fn watched(rotten: Option<u64>, ends: u64, flushes: u32) -> (Result<(), WriteError>, Vec<(u64, bool)>) {
    let drive = Drive::used();
    let mut source = Source::open(image()).unwrap();
    let target =
        Watched { file: drive.open(), writes: Mutex::default(), rotten, ends, flushes: flushes.into() };
    let extents = plan(source.map.as_ref());
    let preseed = Some((source.preseed_offset().unwrap(), Preseed::default().render().unwrap()));
    let job = Job { target: &target, target_bytes: drive.bytes(), extents: &extents, preseed };
    let result = job.run(&mut source, Ui::new(Mode::Json)).map(|_| ());
    (result, target.writes.into_inner().unwrap())
}

#[test]
fn the_partition_table_comes_last() {
    let (result, writes) = watched(None, u64::MAX, 99);
    result.unwrap();
    assert_eq!(writes.first(), Some(&(0, false)), "erased first");
    assert_eq!(writes.last(), Some(&(0, true)), "written last");
    let early = writes.iter().rev().skip(1).find(|(offset, is_data)| *offset < HEAD && *is_data);
    assert_eq!(early, None, "a cut before the last write leaves no table");
}

#[test]
fn a_drive_that_goes_wrong_is_left_without_a_table() {
    let system = layout::IMAGE[3].start;
    let preseed = Source::open(image()).unwrap().preseed_offset().unwrap();
    let all = u64::MAX;
    let rows =
        [(Some(system + 5), all, 99), (Some(preseed), all, 99), (None, system + 1, 99), (None, all, 1)];
    for (rotten, ends, flushes) in rows {
        let (result, writes) = watched(rotten, ends, flushes);
        match result {
            Err(WriteError::Differs { offset, bytes }) => {
                assert!((offset..offset + bytes).contains(&rotten.unwrap()));
            }
            Err(WriteError::Drive { what: "write", .. }) if ends == system + 1 => {}
            Err(WriteError::Drive { what: "flush", .. }) if flushes == 1 => {}
            other => panic!("{other:?}"),
        }
        assert!(!writes.iter().any(|(offset, is_data)| *offset < HEAD && *is_data));
    }
    // The table itself: the person is told that it does not read back.
    assert!(matches!(watched(Some(512), u64::MAX, 99).0, Err(WriteError::Differs { offset: 0, .. })));
}

#[test]
fn what_is_too_long_is_no_image() {
    let drive = Drive::used();
    let file = drive.open();
    let mut source = Source::open(image()).unwrap();
    let extents = plan(source.map.as_ref());
    let job = Job { target: &file, target_bytes: drive.bytes(), extents: &extents, preseed: None };
    let mut longer = source.by_ref().chain(Cursor::new([0]));
    let error = job.run(&mut longer, Ui::new(Mode::Json)).unwrap_err();
    assert!(matches!(error, WriteError::TooLong), "{error}");
}
