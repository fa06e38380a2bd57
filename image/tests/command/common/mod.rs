//! A small image of our layout, and regular files that play drives. All of them are sparse.
#![allow(unreachable_pub, reason = "shared by the modules of one program")]

pub(crate) mod made_up;
pub(crate) mod mirror;
pub(crate) mod project;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tayberry::bmap::Map;
use tayberry_format::fat::{self, Shape};
use tayberry_format::layout::{self, Kind, MIB, Partition};
use tayberry_format::slot::Slot;
use tayberry_format::{autoboot, preseed, table};

/// The program under test.
pub(crate) fn program() -> std::process::Command {
    std::process::Command::new(env!("CARGO_BIN_EXE_tayberry"))
}

/// `test.img.zst`, with `test.img` and `test.bmap` beside it; made once for a test binary, whose processes share it. A
/// folder gets its final name when it is complete; of two processes that make it at once, the first wins.
pub(crate) fn image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let binary = std::env::current_exe().unwrap();
        let compiled = binary.metadata().unwrap().modified().unwrap();
        let nanoseconds = compiled.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
        let prefix = format!("image-of-{}-", binary.file_name().unwrap().to_string_lossy());
        let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let shared = parent.join(format!("{prefix}{nanoseconds}"));
        if !shared.exists() {
            let unique = tempfile::tempdir_in(parent).unwrap();
            make_image(unique.path());
            // A folder that holds something is not replaced: rename(2), ENOTEMPTY.
            if std::fs::rename(unique.path(), &shared).is_err() {
                assert!(shared.exists(), "{} cannot be made", shared.display());
            }
            for old in std::fs::read_dir(parent).unwrap().flatten().map(|entry| entry.path()) {
                let name = old.file_name().unwrap().to_string_lossy().into_owned();
                if name.starts_with(&prefix) && old != shared {
                    drop(std::fs::remove_dir_all(old));
                }
            }
        }
        shared.join("test.img.zst")
    })
}

fn make_image(folder: &Path) {
    let mut raw = new_file(&folder.join("test.img"));
    write_image(&mut raw);
    let map = Map::of_sparse(&raw, &[]).unwrap();
    std::fs::write(folder.join("test.bmap"), map.render()).unwrap();
    raw.rewind().unwrap();
    let path = folder.join("test.img.zst");
    let mut encoder = zstd::Encoder::new(File::create(&path).unwrap(), 1).unwrap();
    encoder.include_checksum(true).unwrap();
    io::copy(&mut io::BufReader::with_capacity(1 << 20, raw), &mut encoder).unwrap();
    encoder.finish().unwrap();
}

fn new_file(path: &Path) -> File {
    File::options().read(true).write(true).create(true).truncate(true).open(path).unwrap()
}

fn write_image(disk: &mut File) {
    disk.set_len(layout::IMAGE_BYTES).unwrap();
    table::write_image(disk, b"test").unwrap();
    let file = |path: &str, data: &'static [u8]| fat::File { path: path.into(), data };
    let sector = autoboot::sector(Slot::A);
    let config = [
        fat::File { path: autoboot::FILE.into(), data: &sector },
        file(preseed::FILE, &[b'\n'; preseed::BYTES]),
        file("STATE.BIN", &[0; 4096]),
    ];
    let kernel = [file("kernel_2712.img", &[0x5a; 20 << 20])];
    for (slot, files) in
        [(layout::CONFIG, &config[..]), (layout::boot(Slot::A), &kernel), (layout::boot(Slot::B), &[])]
    {
        disk.seek(SeekFrom::Start(slot.start)).unwrap();
        fat::write(disk, shape(slot), files).unwrap();
    }
    let noise: Vec<u8> =
        (0..3_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24).to_le_bytes()[0]).collect();
    disk.write_all_at(&noise, layout::system(Slot::A).start).unwrap();
}

fn shape(part: Partition) -> Shape {
    let sectors_per_cluster = if part.number == 1 { 1 } else { 4 };
    Shape { bytes: part.bytes, start: part.start, sectors_per_cluster, label: *b"TAYBERRY   ", serial: 1 }
}

/// A regular file that plays a drive; its model is `drive`.
pub(crate) struct Drive {
    folder: tempfile::TempDir,
    file: File,
}

impl Drive {
    /// A drive of so many bytes that held something else.
    pub(crate) fn of(bytes: u64) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let file = new_file(&folder.path().join("drive"));
        file.set_len(bytes).unwrap();
        file.write_all_at(b"old disk", 0).unwrap();
        Self { folder, file }
    }

    /// A drive with an older Tayberry, its key, more files, and garbage in every place that matters.
    pub(crate) fn used() -> Self {
        let drive = Self::of(layout::SMALLEST_DISK + 3 * MIB);
        let mut disk = &drive.file;
        let old: Vec<fat::File<'_>> = (0..40)
            .map(|n| fat::File {
                path: if n == 0 { "OLD.TXT".into() } else { format!("old-{n}") },
                data: b"old",
            })
            .collect();
        for part in layout::IMAGE.iter().filter(|part| part.kind == Kind::Fat) {
            disk.seek(SeekFrom::Start(part.start)).unwrap();
            fat::write(&mut disk, shape(*part), &old).unwrap();
        }
        let garbage = [0xa5; 64 << 10];
        for offset in
            [layout::DATA_START, drive.bytes() - garbage.len() as u64, layout::CONFIG.start + 600_000]
        {
            drive.file.write_all_at(&garbage, offset).unwrap();
        }
        drive.file.write_all_at(b"old!", layout::system(Slot::B).start + MIB).unwrap();
        drive.file.write_all_at(b"old disk", 0).unwrap();
        drive
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("drive")
    }

    pub(crate) fn open(&self) -> File {
        self.file.try_clone().unwrap()
    }

    pub(crate) fn bytes(&self) -> u64 {
        self.file.metadata().unwrap().len()
    }

    pub(crate) fn read(&self, offset: u64, bytes: u64) -> Vec<u8> {
        let mut buffer = vec![0; usize::try_from(bytes).unwrap()];
        self.file.read_exact_at(&mut buffer, offset).unwrap();
        buffer
    }
}

/// The files in the root folder of a FAT partition, read by another library, which must find its tables consistent.
pub(crate) fn partition(disk: &Path, part: Partition) -> BTreeMap<String, Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(part.bytes).unwrap()];
    File::open(disk).unwrap().read_exact_at(&mut bytes, part.start).unwrap();
    let files = fatfs::FileSystem::new(io::Cursor::new(bytes), fatfs::FsOptions::new()).unwrap();
    let root = files.root_dir();
    let mut found = BTreeMap::new();
    for entry in root.iter() {
        let entry = entry.unwrap();
        let mut contents = Vec::new();
        entry.to_file().read_to_end(&mut contents).unwrap();
        found.insert(entry.file_name(), contents);
    }
    found
}
