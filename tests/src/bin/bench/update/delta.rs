//! What is fetched from one version to another: by the device's own plan, by casync, and as a patch of zstd.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::BufReader;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use system_tests::JourneyError;
use tayberry::commands::emulate::newest;
use tayberry::emulate::disk;
use tayberry::files;
use tayberry::ui::{Mode, Ui};
use tayberry_agent::update::direct;
use tayberry_agent::update::scan::{self, Slot};
use tayberry_core::update::plan::Plan;
use tayberry_format::bundle::SUFFIX;
use tayberry_format::bundle::entries::Entries;
use tayberry_format::bundle::index::{self, Index, Part};
use tayberry_format::bundle::manifest::Manifest;
use tayberry_format::layout;
use tayberry_format::slot::Slot as Letter;

use super::versions::done;
use crate::failed;

const MIB: f64 = 1_048_576.0;

/// Shares of the full bundle.
pub(super) struct Delta {
    pub(super) ours: f64,
    pub(super) casync: f64,
    pub(super) patch: f64,
    /// The full bundle in MiB.
    pub(super) full: f64,
}

/// A bundle up to its pack, which is what `entries` read next.
pub(super) struct Bundle {
    pub(super) bytes: u64,
    pub(super) manifest: Manifest,
    pub(super) index: Index,
    pub(super) entries: Entries<BufReader<File>>,
}

/// The bundle of a folder.
pub(super) fn bundle(folder: &Path) -> Result<Bundle, JourneyError> {
    let path = files::newest(folder, SUFFIX)?.ok_or_else(|| failed("no bundle"))?;
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let mut entries = Entries::new(BufReader::with_capacity(256 << 10, file));
    let (mut manifest, mut index) = (None, None);
    while let Some(heading) = entries.advance().map_err(failed)?.filter(|one| !one.name.ends_with("/pack")) {
        let contents = entries.whole(&heading, index::MAX_BYTES).map_err(failed)?;
        if heading.name.ends_with("/manifest.json") {
            manifest = Some(Manifest::decode(&contents).map_err(failed)?);
        } else if heading.name.ends_with("/index") {
            index = Some(Index::decode(&contents).map_err(failed)?);
        }
    }
    let manifest = manifest.ok_or_else(|| failed("no manifest"))?;
    Ok(Bundle { bytes, manifest, index: index.ok_or_else(|| failed("no index"))?, entries })
}

/// Slot A of the image in `folder`, as two files that stand for partitions.
pub(super) fn slot(folder: &Path, work: &Path) -> Result<Slot, JourneyError> {
    let raw = work.join("raw");
    disk::from_image(&newest(folder)?, &raw, Ui::new(Mode::Text))?;
    let image = File::open(&raw)?;
    let part = |name: &str, place: layout::Partition| -> Result<File, JourneyError> {
        let path = work.join(name);
        let file = File::create(&path)?;
        file.set_len(place.bytes)?;
        let mut buffer = vec![0; 1 << 20];
        for at in (0..place.bytes).step_by(buffer.len()) {
            image.read_exact_at(&mut buffer, place.start + at)?;
            if buffer.iter().any(|byte| *byte != 0) {
                file.write_all_at(&buffer, at)?;
            }
        }
        Ok(direct::open(&path)?)
    };
    let slot = Slot {
        boot: part("boot", layout::boot(Letter::A))?,
        system: part("system", layout::system(Letter::A))?,
    };
    std::fs::remove_file(&raw)?;
    Ok(slot)
}

/// An empty slot.
pub(super) fn empty(work: &Path) -> Result<Slot, JourneyError> {
    let part = |name: &str, bytes: u64| -> Result<File, JourneyError> {
        let path = work.join(name);
        File::create(&path)?.set_len(bytes)?;
        Ok(direct::open(&path)?)
    };
    Ok(Slot {
        boot: part("empty-boot", layout::boot(Letter::B).bytes)?,
        system: part("empty-system", layout::system(Letter::B).bytes)?,
    })
}

/// What a version consists of, one after the other in a file.
pub(super) fn contents(index: &Index, slot: &Slot, path: &Path) -> Result<(), JourneyError> {
    let mut file = File::create(path)?;
    for region in &index.regions {
        let source: &File = match region.part {
            Part::Boot => &slot.boot,
            Part::System => &slot.system,
        };
        let mut reader = direct::Reader::new(source, region.offset, region.offset + region.bytes());
        std::io::copy(&mut reader, &mut file)?;
    }
    Ok(())
}

pub(super) fn measure(old: &Path, new: &Path, folder: &Path) -> Result<Delta, JourneyError> {
    let work = tempfile::tempdir_in(folder)?;
    let sub = |name: &str| -> Result<PathBuf, JourneyError> {
        let path = work.path().join(name);
        std::fs::create_dir(&path)?;
        Ok(path)
    };
    let (old_work, new_work) = (sub("old")?, sub("new")?);
    let (running, target) = (slot(old, &old_work)?, empty(&old_work)?);
    let (old_index, Bundle { bytes: full, index, .. }) = (bundle(old)?.index, bundle(new)?);
    let held = scan::held(&index, &running, &target, &mut |_| ())?;
    let ranges = Plan::new(&index, &held).ranges();
    let fetched =
        ranges.iter().map(|range| range.end - range.start).sum::<u64>() + index.encode().len() as u64;
    let (before, after) = (work.path().join("before"), work.path().join("after"));
    contents(&old_index, &running, &before)?;
    contents(&index, &slot(new, &new_work)?, &after)?;
    let share = |bytes: u64| float(bytes) / float(full);
    Ok(Delta {
        ours: share(fetched),
        casync: share(casync(work.path(), &before, &after)?),
        patch: share(patch(work.path(), &before, &after)?),
        full: float(full) / MIB,
    })
}

fn float(bytes: u64) -> f64 {
    u32::try_from(bytes / 1024).map_or(f64::NAN, f64::from) * 1024.0
}

/// Bytes of the chunks of the new one that the old one does not have, and of its index.
fn casync(work: &Path, before: &Path, after: &Path) -> Result<u64, JourneyError> {
    let make = |name: &str, file: &Path| -> Result<BTreeSet<(PathBuf, u64)>, JourneyError> {
        let store = work.join(format!("{name}.castr"));
        let index = work.join(format!("{name}.caibx"));
        let mut command = Command::new("casync");
        command.arg("make").arg(format!("--store={}", store.display())).arg(&index).arg(file);
        done(&mut command, "casync")?;
        let mut chunks = BTreeSet::new();
        for folder in std::fs::read_dir(&store)? {
            for chunk in std::fs::read_dir(folder?.path())? {
                let chunk = chunk?;
                chunks.insert((PathBuf::from(chunk.file_name()), chunk.metadata()?.len()));
            }
        }
        Ok(chunks)
    };
    let (old, new) = (make("before", before)?, make("after", after)?);
    let index = std::fs::metadata(work.join("after.caibx"))?.len();
    Ok(new.difference(&old).map(|(_, bytes)| bytes).sum::<u64>() + index)
}

fn patch(work: &Path, before: &Path, after: &Path) -> Result<u64, JourneyError> {
    let patch = work.join("patch");
    let mut command = Command::new("zstd");
    command.args(["-q", "-f", "-19", "-T0", "--long=27"]).arg(format!("--patch-from={}", before.display()));
    done(command.arg(after).arg("-o").arg(&patch), "zstd --patch-from")?;
    Ok(std::fs::metadata(&patch)?.len())
}
