//! What services and networks use: the kernel's control groups (Linux, admin-guide/cgroup-v2.rst), and sysinfo.

use std::fs;
use std::path::{Path, PathBuf};

use sysinfo::Networks;
use tayberry_core::request::metrics::{NetworkUse, ServiceUse};
use tayberry_core::stack::side::{Side, service_of};

/// Root of the control groups.
const GROUPS: &str = "/sys/fs/cgroup";
/// The slices with services, and whether they are the stack's.
const SLICES: [(&str, bool); 2] = [("system.slice", false), ("services.slice", true)];

/// What every service uses.
#[must_use]
pub fn services() -> Vec<ServiceUse> {
    services_below(Path::new(GROUPS))
}

fn services_below(root: &Path) -> Vec<ServiceUse> {
    let mut all = Vec::new();
    for (slice, stack) in SLICES {
        let units = fs::read_dir(root.join(slice)).into_iter().flatten().flatten();
        all.extend(units.filter_map(|entry| service(&entry.path(), stack)));
    }
    all.sort_by(|one, other| one.service.cmp(&other.service));
    // Both sides of a service that is being replaced are one service.
    all.dedup_by(|next, one| {
        let same = next.service == one.service;
        if same {
            one.memory_bytes += next.memory_bytes;
            one.cpu_s += next.cpu_s;
            one.read_bytes += next.read_bytes;
            one.written_bytes += next.written_bytes;
        }
        same
    });
    all
}

fn service(group: &Path, stack: bool) -> Option<ServiceUse> {
    let unit = group.file_name()?.to_str()?;
    let name = match service_of(unit).filter(|_| stack) {
        Some(service) => Side::A.stem_of(service),
        None => unit.strip_suffix(".service")?.to_owned(),
    };
    let (read_bytes, written_bytes) =
        fs::read_to_string(group.join("io.stat")).map_or((0, 0), |text| io(&text));
    Some(ServiceUse {
        service: name,
        stack,
        memory_bytes: fs::read_to_string(group.join("memory.current")).ok()?.trim().parse().ok()?,
        cpu_s: cpu(group)?,
        read_bytes,
        written_bytes,
    })
}

/// Seconds that the processor worked for a group.
fn cpu(group: &Path) -> Option<f64> {
    let text = fs::read_to_string(group.join("cpu.stat")).ok()?;
    let microseconds = text.lines().find_map(|line| line.strip_prefix("usage_usec "))?;
    Some(microseconds.parse::<f64>().ok()? / 1e6)
}

/// Seconds that the processor worked for everything.
#[must_use]
pub fn busy() -> Option<f64> {
    cpu(&PathBuf::from(GROUPS))
}

/// Bytes read and written. What goes through a layer (encryption) to a drive is counted at both: the most of any is what there was.
fn io(text: &str) -> (u64, u64) {
    let count = |line: &str, key: &str| -> u64 {
        let value = line.split_ascii_whitespace().find_map(|field| field.strip_prefix(key));
        value.and_then(|value| value.parse().ok()).unwrap_or(0)
    };
    let most = |key: &str| text.lines().map(|line| count(line, key)).max().unwrap_or(0);
    (most("rbytes="), most("wbytes="))
}

/// What went through each network interface.
#[must_use]
pub fn networks() -> Vec<NetworkUse> {
    let networks = Networks::new_with_refreshed_list();
    let mut all: Vec<NetworkUse> = networks
        .iter()
        .map(|(name, network)| NetworkUse {
            interface: name.clone(),
            received_bytes: network.total_received(),
            sent_bytes: network.total_transmitted(),
        })
        .collect();
    all.sort_by(|one, other| one.interface.cmp(&other.interface));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_read() {
        let folder = tempfile::tempdir().unwrap();
        for (unit, files) in [
            (
                "system.slice/tayberryd.service",
                vec![("memory.current", "4096\n"), ("cpu.stat", "usage_usec 1500000\n")],
            ),
            (
                "services.slice/web.service",
                vec![
                    ("memory.current", "1\n"),
                    ("cpu.stat", "usage_usec 5\nuser_usec 4\n"),
                    ("io.stat", "259:0 rbytes=10 wbytes=30 rios=1\n253:1 rbytes=9 wbytes=40 wios=2\n"),
                ],
            ),
            (
                "services.slice/stack-api.service",
                vec![("memory.current", "10\n"), ("cpu.stat", "usage_usec 2000000\n")],
            ),
            (
                "services.slice/stack-api_b.service",
                vec![("memory.current", "7\n"), ("cpu.stat", "usage_usec 500000\n")],
            ),
            ("services.slice/half.service", vec![("cpu.stat", "usage_usec 5\n")]),
            ("system.slice/dbus.socket", vec![]),
        ] {
            let group = folder.path().join(unit);
            fs::create_dir_all(&group).unwrap();
            files.into_iter().for_each(|(name, text)| fs::write(group.join(name), text).unwrap());
        }
        let seen = services_below(folder.path());
        let names: Vec<_> = seen.iter().map(|one| (one.service.as_str(), one.stack)).collect();
        assert_eq!(names, [("stack-api", true), ("tayberryd", false), ("web", true)]);
        assert_eq!(seen[0].memory_bytes, 17, "both sides of what is being replaced");
        assert!((seen[0].cpu_s - 2.5).abs() < 1e-9 && (seen[1].cpu_s - 1.5).abs() < 1e-9);
        assert_eq!((seen[2].read_bytes, seen[2].written_bytes), (10, 40));
    }
}
