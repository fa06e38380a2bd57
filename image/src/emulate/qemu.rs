//! QEMU's command line and process. What it runs is decided by the firmware model; when it ends, by [`super::power`].

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tayberry_firmware::Medium;

use crate::emulate::board::{Drive, OUTSIDE, Spec};
use crate::emulate::device_tree::pstore_address;
use crate::emulate::{EmulateError, at};
use crate::tools::{Tools, execute};

/// Names the first drive among QEMU's devices if it is an NVMe one.
pub const NVME: &str = "nvme0";
/// Peripherals behind virtio ports, by their names in the guest.
pub const PORTS: [&str; 3] = ["io.tayberry.firmware", "io.tayberry.gpio", "io.tayberry.dbus"];

/// What QEMU runs for each of the guest's connections to [`OUTSIDE`].
const RELAY: &str = "relay";
/// It joins them with a port of this machine's loopback, until that side closes.
const RELAY_SCRIPT: &str = "exec 3<>\"/dev/tcp/127.0.0.1/$1\" 4<&0\ncat <&4 >&3 &\ncat <&3\nkill $!\n";

/// Name of the network cable to QEMU.
pub const CABLE: &str = "net";
/// Hardware address of the network card of the neighbours (overlays/emulator/tayberry-emulator/air).
const AIR_ADDRESS: &str = "52:54:00:00:00:a1";
/// Where their relay listens (tayberry-emulator-relay@.service).
const AIR_RELAY: &str = "10.0.3.15:7000";

/// What the firmware loaded, as files.
pub struct Loaded {
    /// Kernel.
    pub kernel: PathBuf,
    /// Initramfs, all parts.
    pub initramfs: PathBuf,
    /// Device tree.
    pub device_tree: PathBuf,
    /// Command line.
    pub cmdline: String,
    /// What the kernel left in memory before the reset.
    pub pstore: Option<PathBuf>,
    /// The memory of a saved board that goes on instead of beginning.
    pub memory: Option<PathBuf>,
    /// When the firmware's watchdog resets a board whose system does not come up.
    pub watchdog: Option<std::time::Duration>,
}

/// The machine without anything that changes between boots.
fn machine(spec: &Spec) -> Vec<String> {
    let native = std::env::consts::ARCH == "aarch64" && Path::new("/dev/kvm").exists();
    let (accelerator, processor) = if native { ("kvm", "host") } else { ("tcg,thread=multi", "cortex-a76") };
    let memory = format!("{}M", spec.memory);
    [
        "-accel",
        accelerator,
        "-cpu",
        processor,
        "-m",
        &memory,
        "-smp",
        "2",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// The device tree that QEMU makes for this machine.
///
/// # Errors
/// With QEMU's own words.
pub fn dump_device_tree(tools: &Tools, spec: &Spec, output: &Path) -> Result<(), EmulateError> {
    let mut command = tools.command("qemu-system-aarch64");
    command.args(["-M", &format!("virt,gic-version=3,dumpdtb={}", output.display())]);
    execute(command.arg("-L").arg(tools.root().join("usr/share/qemu")).args(machine(spec)))?;
    Ok(())
}

/// A comma in a QEMU option is doubled.
fn quoted(path: &Path) -> String {
    path.display().to_string().replace(',', ",,")
}

fn drive(index: usize, drive: &Drive) -> Vec<String> {
    let id = format!("disk{index}");
    let discard = if drive.forgets { "unmap" } else { "ignore" };
    let file = format!("driver=file,filename={},node-name={id}-file,discard={discard}", quoted(&drive.path));
    let raw = format!("driver=raw,file={id}-file,node-name={id}-raw,discard={discard}");
    let mut arguments = vec!["-blockdev".into(), file, "-blockdev".into(), raw];
    let mut node = format!("{id}-raw");
    if let Some(record) = &drive.record {
        let log = format!("driver=file,filename={},node-name={id}-log", quoted(record));
        let writes = format!("driver=blklogwrites,file={node},log={id}-log,node-name={id}-writes");
        arguments.extend(["-blockdev".into(), log, "-blockdev".into(), writes]);
        node = format!("{id}-writes");
    }
    let devices = match drive.medium {
        Medium::Nvme if index == 0 => vec![format!("nvme,id={NVME},drive={node},serial=tayberry{index}")],
        Medium::Nvme => vec![format!("nvme,drive={node},serial=tayberry{index}")],
        Medium::Sd => vec![format!("sdhci-pci,id=sd{index}"), format!("sd-card,drive={node},bus=sd-bus")],
        Medium::Usb => {
            vec![format!("qemu-xhci,id=usb{index}"), format!("usb-storage,bus=usb{index}.0,drive={node}")]
        }
    };
    arguments.extend(devices.into_iter().flat_map(|device| ["-device".to_owned(), device]));
    arguments
}

/// The whole command line.
#[must_use]
pub fn arguments(spec: &Spec, loaded: &Loaded) -> Vec<String> {
    let mut all = vec!["-M".into(), "virt,gic-version=3".into()];
    all.extend(machine(spec));
    let show = |path: &Path| path.display().to_string();
    for (option, value) in [
        ("-kernel", show(&loaded.kernel)),
        ("-initrd", show(&loaded.initramfs)),
        ("-dtb", show(&loaded.device_tree)),
        ("-append", loaded.cmdline.clone()),
        ("-qmp", format!("unix:{},server=on,wait=off", quoted(&spec.file("qmp")))),
        // A reset or power-off pauses the machine, so that its memory can still be read.
        ("-action", "reboot=shutdown,shutdown=pause,watchdog=reset".into()),
        ("-device", "i6300esb".into()),
        ("-device", "virtio-rng-pci".into()),
        ("-device", "virtio-serial-pci".into()),
        ("-chardev", format!("file,id=console,path={},append=on", quoted(&spec.file("console.log")))),
        ("-serial", "chardev:console".into()),
    ] {
        all.extend([option.to_owned(), value]);
    }
    for (index, one) in spec.drives.iter().enumerate() {
        all.extend(drive(index, one));
    }
    if let Some(clock) = &spec.clock {
        all.extend(["-rtc".to_owned(), format!("base={clock}")]);
    }
    for name in PORTS {
        let id = name.replace('.', "-");
        let socket = quoted(&spec.file(name));
        all.extend(["-chardev".into(), format!("socket,id={id},path={socket},server=on,wait=off")]);
        // Without a name of its own QEMU does not tell that the guest opened it.
        all.extend(["-device".into(), format!("virtserialport,chardev={id},name={name},id=port-{id}")]);
    }
    let forwards: Vec<String> =
        spec.forwards.iter().map(|(host, guest)| format!(",hostfwd=tcp:127.0.0.1:{host}-:{guest}")).collect();
    // Nothing leaves this machine: the guest reaches the emulator's own addresses and no others.
    let outside = spec.outside.map_or_else(String::new, |port| {
        let program = quoted(&spec.file(RELAY));
        format!(",guestfwd=tcp:{OUTSIDE}-cmd:bash {program} {port}")
    });
    all.extend(["-netdev".into(), format!("user,id=net,restrict=on{}{outside}", forwards.concat())]);
    all.extend(["-device".into(), "virtio-net-pci,netdev=net,romfile=".into()]);
    if let Some(port) = spec.air {
        let forward = format!("hostfwd=tcp:127.0.0.1:{port}-{AIR_RELAY}");
        all.extend(["-netdev".into(), format!("user,id=air,net=10.0.3.0/24,restrict=on,{forward}")]);
        all.extend(["-device".into(), format!("virtio-net-pci,netdev=air,mac={AIR_ADDRESS},romfile=")]);
    }
    if let Some(memory) = &loaded.memory {
        all.extend(["-incoming".to_owned(), format!("file:{}", quoted(memory))]);
    }
    if let Some(pstore) = &loaded.pstore {
        let address = pstore_address(spec.memory);
        let device = format!("loader,file={},addr={address:#x},force-raw=on", quoted(pstore));
        all.extend(["-device".into(), device]);
    }
    all
}

/// Starts QEMU; its own words go to `qemu.log` in the run folder.
///
/// # Errors
/// When it cannot be started.
pub fn start(tools: &Tools, spec: &Spec, loaded: &Loaded) -> Result<Child, EmulateError> {
    let relay = spec.file(RELAY);
    std::fs::write(&relay, RELAY_SCRIPT).map_err(at(&relay))?;
    let log = spec.file("qemu.log");
    let words = File::create(&log).map_err(at(&log))?;
    let mut command: Command = tools.command("qemu-system-aarch64");
    command.arg("-L").arg(tools.root().join("usr/share/qemu")).args(arguments(spec, loaded));
    command.env("QEMU_MODULE_DIR", tools.root().join("usr/lib/x86_64-linux-gnu/qemu"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(words);
    // Ctrl-C belongs to the emulator, which then asks the guest to shut down.
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().map_err(at(tools.path("qemu-system-aarch64")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drives_are_recorded_and_named() {
        let record = Some(PathBuf::from("/run/log"));
        let arguments = drive(0, &Drive { record, ..Drive::new(Medium::Nvme, "/a,b.img".into()) }).join(" ");
        assert!(arguments.contains("filename=/a,,b.img"), "{arguments}");
        assert!(
            arguments.contains("blklogwrites") && arguments.contains("nvme,id=nvme0,drive=disk0-writes"),
            "{arguments}"
        );
    }

    fn line(spec: &Spec) -> Vec<String> {
        let empty = PathBuf::new();
        let loaded = Loaded {
            kernel: empty.clone(),
            initramfs: empty.clone(),
            device_tree: empty,
            cmdline: String::new(),
            pstore: None,
            memory: None,
            watchdog: None,
        };
        arguments(spec, &loaded)
    }

    #[test]
    fn qemu_tells_of_each_port() {
        let line = line(&Spec::new("/run".into(), Vec::new()));
        let ports: Vec<_> = line.iter().filter(|one| one.starts_with("virtserialport,")).collect();
        assert_eq!(ports.len(), PORTS.len());
        assert!(ports.iter().all(|port| port.contains(",id=port-")), "{ports:?}");
    }

    #[test]
    fn nothing_is_reachable_but_loopback() {
        let mut spec = Spec::new("/run".into(), Vec::new());
        spec.forwards.push((8443, 443));
        let all = line(&spec).join(" ");
        assert!(all.contains("restrict=on,hostfwd=tcp:127.0.0.1:8443-:443"), "{all}");
    }
}
