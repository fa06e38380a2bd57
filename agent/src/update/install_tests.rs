//! Installs on files that stand for partitions: whole, broken off anywhere, resumed, damaged.

use std::os::unix::fs::FileExt;

use tayberry_core::update::plan::Held;
use tayberry_format::bundle::chunks;
use tayberry_format::bundle::index::{Entry, Region, Repeats};
use tayberry_format::layout::{self, HASH_OFFSET};
use tayberry_format::slot::Slot as Letter;

use super::*;
use crate::update::pack::Stream;
use crate::update::{direct, scan};

/// A version: its index, its pack, and what identifies it.
struct Version {
    index: Index,
    pack: Vec<u8>,
    root_hash: RootHash,
    data_blocks: u64,
    boot: Vec<u8>,
}

/// Bytes that hardly repeat.
fn noise(seed: u32, length: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state.to_le_bytes()[0]
    };
    (0..length).map(next).collect()
}

fn version(system: &[u8], boot: &[u8]) -> Version {
    let tree = verity::build(system).unwrap();
    let mut version = Version {
        index: Index { regions: Vec::new() },
        pack: Vec::new(),
        root_hash: tree.root,
        data_blocks: tree.data_blocks,
        boot: boot.to_vec(),
    };
    let regions = [
        (Part::System, 0, system),
        (Part::System, HASH_OFFSET, &tree.area[..]),
        (Part::Boot, 4096, &boot[4096..]),
        (Part::Boot, 0, &boot[..4096]),
    ];
    let mut repeats = Repeats::default();
    for (number, (part, offset, bytes)) in regions.into_iter().enumerate() {
        let mut entries = Vec::new();
        let mut at = offset;
        for chunk in chunks::cut(bytes).map(Result::unwrap) {
            let id = ChunkId::of(&chunk.bytes);
            let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap();
            let left_out = repeats.may_leave_out(id, number, at);
            at += chunk.bytes.len() as u64;
            if left_out {
                entries.push(Entry { id, bytes: length(&chunk.bytes), stored: 0 });
                continue;
            }
            let packed = zstd::bulk::compress(&chunk.bytes, 3).unwrap();
            let stored = if packed.len() < chunk.bytes.len() { &packed } else { &chunk.bytes };
            version.pack.extend(stored);
            entries.push(Entry { id, bytes: length(&chunk.bytes), stored: length(stored) });
        }
        version.index.regions.push(Region { part, offset, chunks: entries });
    }
    version
}

fn old() -> Version {
    version(&noise(1, 100 << 12), &noise(2, 30 << 12))
}

/// Some of it as in [`old`], at the same place and elsewhere.
fn new() -> Version {
    let system = [noise(1, 40 << 12), noise(9, 20 << 12), noise(1, 100 << 12).split_off(30 << 12)].concat();
    version(&system, &[noise(2, 20 << 12), noise(7, 15 << 12)].concat())
}

/// The kernel of rescue is the kernel once more.
fn twice() -> Version {
    let kernel = noise(7, 64 << 12);
    version(&noise(5, 10 << 12), &[noise(2, 20 << 12), kernel.clone(), noise(11, 520 << 12), kernel].concat())
}

/// A slot of a drive.
struct Drive {
    _folder: tempfile::TempDir,
    slot: Slot,
}

fn drive() -> Drive {
    let folder = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    let open = |name: &str, bytes: u64| {
        let path = folder.path().join(name);
        File::create(&path).unwrap().set_len(bytes).unwrap();
        direct::open(&path).unwrap()
    };
    let slot = Slot {
        boot: open("boot", layout::boot(Letter::B).bytes),
        system: open("system", layout::system(Letter::B).bytes),
    };
    Drive { _folder: folder, slot }
}

struct Never;

impl Watcher for Never {
    fn reached(&mut self, _bytes: u64) -> bool {
        true
    }
}

fn plan(version: &Version, drive: &Drive) -> Plan {
    let nothing = self::drive();
    let held = scan::held(&version.index, &nothing.slot, &drive.slot, &mut |_| ()).unwrap();
    Plan::new(&version.index, &Held { running: std::collections::HashMap::new(), ..held })
}

fn install(version: &Version, drive: &Drive, pack: &[u8]) -> Result<u64, InstallError> {
    let plan = plan(version, drive);
    let nothing = self::drive();
    let slots = Slots { running: &nothing.slot, target: &drive.slot };
    // As on a Pi, however few cores there are here: the most lies between two steps then.
    let written = write_on(unpack::THREADS, &plan, &slots, &mut Stream::new(pack), &mut Never)?;
    back(version, drive)?;
    Ok(written)
}

fn back(version: &Version, drive: &Drive) -> Result<(), InstallError> {
    read_back(&version.index, &drive.slot, version.root_hash, version.data_blocks, &mut |_| ())
}

#[test]
fn what_lies_twice_is_sent_once() {
    let version = twice();
    let repeated: u64 =
        version.index.chunks().filter(|chunk| chunk.stored == 0).map(|chunk| u64::from(chunk.bytes)).sum();
    assert!(repeated > 50 << 12, "{repeated}");
    for cut in (0..=8).map(|part| version.pack.len() * part / 8) {
        let drive = drive();
        assert_eq!(
            install(&version, &drive, &version.pack[..cut]).is_ok(),
            cut == version.pack.len(),
            "{cut}"
        );
        install(&version, &drive, &version.pack).unwrap();
    }
}

/// Wherever the second one lies, from the shortest distance on, and wherever buffers end: it is read back only when the drive has
/// the first.
#[test]
fn what_lies_twice_is_found_at_any_distance() {
    for step in 0..32 {
        let kernel = noise(7, 64 << 12);
        let between = noise(11, (448 + 4 * (step % 8)) << 12);
        let boot = [noise(2, (20 + 32 * (step / 4)) << 12), kernel.clone(), between, kernel].concat();
        let version = version(&noise(5, 10 << 12), &boot);
        let repeated = version.index.chunks().filter(|chunk| chunk.stored == 0).count();
        assert!(repeated > 3, "{repeated}");
        let drive = drive();
        install(&version, &drive, &version.pack).unwrap();
    }
}

/// A few bytes that become very many are taken in small portions.
#[test]
fn a_batch_is_full_by_what_it_becomes() {
    let mut batch = Batch::default();
    let entry = Entry { id: ChunkId::of(b""), bytes: 65_536, stored: 18 };
    let mut taken = 0;
    while !batch.is_full() {
        batch.packed(entry, 0);
        taken += 1;
    }
    assert_eq!(taken, 4);
    batch.drop_last();
    assert!(!batch.is_full());
}

fn boot_head(drive: &Drive) -> Vec<u8> {
    let mut buffer = Aligned::new();
    read_at(&drive.slot.boot, &mut buffer, 0, 4096).unwrap().to_vec()
}

#[test]
fn whole_then_nothing_then_another_version() {
    let (drive, old, new) = (drive(), old(), new());
    assert_eq!(install(&old, &drive, &old.pack).unwrap(), old.index.bytes());
    assert_eq!(install(&old, &drive, b"").unwrap(), 0, "what is there is not even read");
    let written = install(&new, &drive, &new.pack).unwrap();
    assert!(written < new.index.bytes() * 3 / 4, "{written} of {}", new.index.bytes());
    assert_eq!(boot_head(&drive), new.boot[..4096]);
    assert!(matches!(back(&old, &drive), Err(InstallError::Verity(_))));
}

#[test]
fn broken_off_anywhere_it_is_not_bootable_and_goes_on_later() {
    let (drive, old) = (drive(), old());
    let new = version(&noise(11, 130 << 12), &noise(12, 35 << 12));
    install(&old, &drive, &old.pack).unwrap();
    let mut before = u64::MAX;
    for tenth in 0..10 {
        let short = &new.pack[..new.pack.len() * tenth / 10];
        assert!(matches!(install(&new, &drive, short), Err(InstallError::Pack(_))));
        assert_eq!(boot_head(&drive), [0; 4096]);
        let left = plan(&new, &drive).needed();
        // Of what came, the chunk that was cut and the one in its block are fetched again, and the first block of all.
        assert!(left <= (new.pack.len() - short.len() + 3 * (64 << 10)) as u64, "{left}");
        assert!(left <= before, "{left} after {before}");
        before = left;
    }
    install(&new, &drive, &new.pack).unwrap();
}

#[test]
fn a_damaged_chunk_is_never_written_as_good() {
    let (old, new) = (old(), new());
    for at in [0, new.pack.len() / 3, new.pack.len() - 1] {
        let drive = drive();
        install(&old, &drive, &old.pack).unwrap();
        let mut pack = new.pack.clone();
        pack[at] ^= 1;
        // What is held already comes from the drive: only what is needed can be damaged.
        match install(&new, &drive, &pack) {
            Err(InstallError::Chunk(place)) => assert!(place <= at as u64),
            Ok(_) => back(&new, &drive).unwrap(),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn it_can_be_cancelled() {
    struct After(u64);
    impl Watcher for After {
        fn reached(&mut self, bytes: u64) -> bool {
            bytes < self.0
        }
    }
    let (drive, new) = (drive(), new());
    let plan = plan(&new, &drive);
    let half = After(new.pack.len() as u64 / 2);
    let slots = Slots { running: &drive.slot, target: &drive.slot };
    let result = write(&plan, &slots, &mut Stream::new(&new.pack[..]), &mut { half });
    assert!(matches!(result, Err(InstallError::Cancelled)));
    assert_eq!(boot_head(&drive), [0; 4096]);
}

#[test]
fn what_reads_back_wrong_is_named() {
    let (drive, new) = (drive(), new());
    install(&new, &drive, &new.pack).unwrap();
    let check = || back(&new, &drive);
    let flip = |file: &File, block: u64| {
        let mut buffer = Aligned::new();
        let held = read_at(file, &mut buffer, block * 4096, 4096).unwrap().to_vec();
        let place = buffer.get_mut(0, 4096);
        place.copy_from_slice(&held);
        place[7] ^= 1;
        file.write_all_at(place, block * 4096).unwrap();
    };
    for (file, block, part) in [
        (&drive.slot.system, 3, "block 3"),
        (&drive.slot.boot, 0, "boot partition"),
        (&drive.slot.boot, 20, "boot partition"),
    ] {
        flip(file, block);
        let error = check().unwrap_err().to_string();
        assert!(error.contains(part), "{error}");
        flip(file, block);
        check().unwrap();
    }
}

/// Both slots give what they hold, and only the rest is fetched; what they were thought to hold is fetched after all.
#[test]
fn only_what_no_slot_holds_is_fetched() {
    struct Counting<'a>(&'a [u8], usize);
    impl Pack for Counting<'_> {
        fn read(&mut self, at: u64, out: &mut [u8]) -> io::Result<()> {
            let at = usize::try_from(at).unwrap();
            self.1 += out.len();
            out.copy_from_slice(&self.0[at..at + out.len()]);
            Ok(())
        }
    }
    let (running, target) = (drive(), drive());
    let (old, new) = (old(), new());
    install(&old, &running, &old.pack).unwrap();
    let held = scan::held(&new.index, &running.slot, &target.slot, &mut |_| ()).unwrap();
    let plan = Plan::new(&new.index, &held);
    assert!(plan.needed() < new.pack.len() as u64 * 2 / 3, "{} of {}", plan.needed(), new.pack.len());
    let slots = Slots { running: &running.slot, target: &target.slot };
    let mut pack = Counting(&new.pack, 0);
    write(&plan, &slots, &mut pack, &mut Never).unwrap();
    assert_eq!(pack.1 as u64, plan.needed());
    back(&new, &target).unwrap();
    // The running slot is another one by now.
    let (emptied, target) = (drive(), drive());
    let slots = Slots { running: &emptied.slot, target: &target.slot };
    let mut pack = Counting(&new.pack, 0);
    write(&plan, &slots, &mut pack, &mut Never).unwrap();
    assert!(pack.1 as u64 > plan.needed());
    back(&new, &target).unwrap();
}
