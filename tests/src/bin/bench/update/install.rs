//! The agent's own installer on files that stand for partitions, beside `dd` with the same bytes and the same flushes. It runs
//! in a process of its own, so that its memory can be told.

use std::ffi::OsStr;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use system_tests::JourneyError;
use tayberry_agent::update::install::{self, Slots, Watcher};
use tayberry_agent::update::pack::Stream;
use tayberry_agent::update::scan;
use tayberry_core::update::plan::{Held, Plan};

use super::delta::{Bundle, bundle, contents, empty, slot};
use super::limit::Limit;
use super::versions::done;
use crate::failed;

/// How fast a Pi 5 writes to an NVMe drive, bytes a second: PCIe 2.0 with one lane (Raspberry Pi documentation, "PCIe").
const NVME: u64 = 450_000_000;

/// What was measured.
pub(super) struct Installed {
    /// With the disk as it is.
    pub(super) here: Speed,
    /// With a disk as slow as a Pi's; nothing where the kernel slows none down for us.
    pub(super) nvme: Option<Speed>,
    pub(super) read_back: f64,
    /// MiB.
    pub(super) peak: f64,
    /// MiB.
    pub(super) written: f64,
}

/// Seconds.
pub(super) struct Speed {
    pub(super) install: f64,
    pub(super) dd: f64,
}

impl Speed {
    /// Speed of the install, of that of `dd`.
    pub(super) fn share(&self) -> f64 {
        self.dd / self.install
    }
}

pub(super) fn measure(version: &Path, folder: &Path) -> Result<Installed, JourneyError> {
    let work = tempfile::tempdir_in(folder)?;
    let index = bundle(version)?.index;
    let raw = work.path().join("contents");
    contents(&index, &slot(version, work.path())?, &raw)?;
    let (here, value) = compare(version, &raw, work.path(), None)?;
    let limit = Limit::new(folder, NVME);
    let nvme = limit.as_ref().map(|limit| compare(version, &raw, work.path(), Some(limit))).transpose()?;
    let number = |name: &str| value[name].as_f64().unwrap_or(f64::NAN);
    Ok(Installed {
        here,
        nvme: nvme.map(|(speed, _)| speed),
        read_back: number("read_back"),
        peak: number("peak_kib") / 1024.0,
        written: number("written") / 1_048_576.0,
    })
}

/// Each three times, in turns; the best counts: this machine is shared.
fn compare(
    version: &Path,
    raw: &Path,
    work: &Path,
    limit: Option<&Limit>,
) -> Result<(Speed, Value), JourneyError> {
    let command =
        |program: &OsStr| limit.map_or_else(|| Command::new(program), |limit| limit.command(program));
    let us = std::env::current_exe()?;
    let (mut dd, mut best) = (f64::INFINITY, None::<(f64, Value)>);
    for _ in 0..3 {
        let target = work.join("dd");
        File::create(&target)?.set_len(2 << 30)?;
        let began = Instant::now();
        let mut copy = command(OsStr::new("dd"));
        copy.arg(format!("if={}", raw.display())).arg(format!("of={}", target.display()));
        done(copy.args(["bs=1M", "oflag=direct", "conv=fsync,notrunc", "status=none"]), "dd")?;
        dd = dd.min(began.elapsed().as_secs_f64());
        let output = command(us.as_os_str()).arg("install").arg(version).arg(work).output()?;
        let value: Value = serde_json::from_slice(&output.stdout)
            .map_err(|_| failed(String::from_utf8_lossy(&output.stderr)))?;
        let seconds = value["seconds"].as_f64().unwrap_or(f64::INFINITY);
        if best.as_ref().is_none_or(|(before, _)| seconds < *before) {
            best = Some((seconds, value));
        }
    }
    let (install, value) = best.ok_or_else(|| failed("nothing was measured"))?;
    Ok((Speed { install, dd }, value))
}

struct Silent;

impl Watcher for Silent {
    fn reached(&mut self, _: u64) -> bool {
        true
    }
}

/// The process that installs; prints what it measured.
///
/// # Errors
/// When the install fails.
pub(crate) fn child(version: &Path, work: &Path) -> Result<(), JourneyError> {
    let Bundle { manifest, index, entries, .. } = bundle(version)?;
    let target = empty(work)?;
    let held = Held { target: scan::target(&index, &target, &mut |_| ())?, ..Held::default() };
    let plan = Plan::new(&index, &held);
    let slots = Slots { running: &target, target: &target };
    let mut stream = Stream::new(entries);
    let began = Instant::now();
    let written = install::write(&plan, &slots, &mut stream, &mut Silent).map_err(failed)?;
    let seconds = began.elapsed().as_secs_f64();
    let began = Instant::now();
    install::read_back(&index, &target, manifest.root_hash, manifest.data_blocks, &mut |_| ())
        .map_err(failed)?;
    let read_back = began.elapsed().as_secs_f64();
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak: u64 =
        peak.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default();
    println!(
        "{}",
        json!({ "seconds": seconds, "read_back": read_back, "peak_kib": peak, "written": written })
    );
    Ok(())
}
