//! Which files the chosen partition boots with: a row for each rule and each surprising fact.

mod common;

use common::{Card, Row, TREE, run, tree};
use tayberry_firmware::{Board, BootWatchdog, Medium, Model, ResetState, Stepping};

const COUNTED_TWICE: fn(&mut ResetState) = |reset| reset.boot_count = 2;

#[rustfmt::skip]
const FILES: &[Row] = &[
    ("our configuration", |_| {}, |_| {}, |_| {}, "boots2 kernel=kernel_2712.img initramfs=initramfs_2712 tree=bcm2712-rpi-5-b.dtb cmdline=root=a overlays= missing= complete=1"),
    ("no kernel=: kernel_2712.img first", |c| { c.put(2, "config.txt", ""); c.put(2, "kernel8.img", "x"); }, |_| {}, |_| {}, "kernel=kernel_2712.img"),
    ("no kernel=: kernel8.img second", |c| { c.put(2, "config.txt", ""); c.remove(2, "kernel_2712.img"); c.put(2, "kernel8.img", "x"); }, |_| {}, |_| {}, "kernel=kernel8.img"),
    ("kernel= with a missing file falls back, with a warning", |c| c.config("kernel=other.img"), |_| {}, |_| {}, "kernel=kernel_2712.img complete=0"),
    ("no kernel at all is fatal, other slots are not tried", |c| c.remove(2, "kernel_2712.img"), |_| {}, |_| {}, "file resets-to-0"),
    ("old releases halt on a fatal error", |c| c.remove(2, "kernel_2712.img"), |b| b.eeprom.build = 1_765_000_000, |_| {}, "file stuck"),
    ("REBOOT_ON_FATAL_ERROR=0 halts", |c| c.remove(2, "kernel_2712.img"), |b| b.eeprom.reboot_on_fatal_error = Some(false), |_| {}, "file stuck"),
    ("the boot watchdog covers that", |c| c.remove(2, "kernel_2712.img"),
        |b| { b.eeprom.reboot_on_fatal_error = Some(false); b.eeprom.boot_watchdog = Some(BootWatchdog { timeout: 60, partition: 1 }); }, |_| {}, "file resets-to-1"),
    ("an empty kernel is fatal", |c| c.put(2, "kernel_2712.img", ""), |_| {}, |_| {}, "file"),
    ("no kernel in the trial: reset, then A", |c| c.remove(3, "kernel_2712.img"), |_| {}, |r| r.try_once = true, "file resets-to-0"),
    ("a missing initramfs is not fatal to the firmware", |c| c.remove(2, "initramfs_2712"), |_| {}, |_| {}, "boots2 initramfs= missing=initramfs_2712 complete=0"),
    ("several initramfs", |c| { c.config("initramfs initramfs_2712,more followkernel"); c.put(2, "more", "x"); }, |_| {}, |_| {}, "initramfs=initramfs_2712,more"),
    ("one missing disables all", |c| c.config("initramfs initramfs_2712,more followkernel"), |_| {}, |_| {}, "initramfs= missing=more"),
    ("initramfs takes no =", |c| c.put(2, "config.txt", "initramfs=initramfs_2712\n"), |_| {}, |_| {}, "initramfs= complete=0"),
    ("auto_initramfs", |c| c.put(2, "config.txt", "auto_initramfs=1\n"), |_| {}, |_| {}, "initramfs=initramfs_2712 complete=1"),
    ("a list of more than 64 characters is cut", |c| c.config("initramfs initramfs_2712,aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,bbbbbbbbbbbbbbbbbbbbbbbbbb followkernel"),
        |_| {}, |_| {}, "initramfs= complete=0 missing=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa,bbbbbbbbbbbbbbbbb"),
    ("a line of more than 98 characters is cut", |c| c.config("cmdline=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
        |_| {}, |_| {}, "cmdline= complete=0 missing=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"),
    ("no cmdline.txt", |c| c.remove(2, "cmdline.txt"), |_| {}, |_| {}, "cmdline= missing=cmdline.txt complete=0"),
    ("only the first line of cmdline.txt", |c| c.put(2, "cmdline.txt", "a b\nc\n"), |_| {}, |_| {}, "cmdline=a_b"),
    ("cmdline= names another file", |c| { c.config("cmdline=other.txt"); c.put(2, "other.txt", "other"); }, |_| {}, |_| {}, "cmdline=other"),
    ("the kernel watchdog reaches the command line", |c| c.config("kernel_watchdog_timeout=180"), |_| {}, |_| {}, "cmdline=root=a_watchdog.open_timeout=180 watchdog=180"),
    ("os_check=0 takes a partition without the device tree, but no kernel starts then", |c| { c.config("os_check=0"); c.remove(2, TREE); }, |_| {}, |_| {}, "file"),
    ("device_tree=", |c| { c.config("device_tree=my.dtb"); c.put(2, "my.dtb", tree(&["brcm,bcm2712"])); }, |_| {}, |_| {}, "tree=my.dtb"),
    ("compatible must match as a whole", |c| c.put(2, TREE, tree(&["brcm,bcm2712x", "x,brcm,bcm2712"])), |_| {}, |_| {}, "boots3"),
    ("a device tree shorter than it says is cut off", |c| { let mut t = tree(&["brcm,bcm2712"]); t[7] += 1; c.put(2, TREE, t); }, |_| {}, |_| {}, "boots3 cut"),
    ("compute modules look for their own tree", |c| c.put(3, "bcm2712-rpi-cm5-cm5io.dtb", tree(&["brcm,bcm2712"])), |b| b.model = Model::Cm5, |_| {}, "boots3 tree=bcm2712-rpi-cm5-cm5io.dtb"),
    ("an overlay with parameters", |c| c.config("dtoverlay=fan,temp=1\ndtoverlay="), |_| {}, |_| {}, "overlays=overlays/fan.dtbo complete=1"),
    ("a missing overlay is passed over", |c| c.config("dtoverlay=gone"), |_| {}, |_| {}, "boots2 overlays= missing=overlays/gone.dtbo complete=0"),
    ("D0 silicon loads its overlay first", |c| c.config("dtoverlay=fan"), |b| b.stepping = Stepping::D0, |_| {}, "overlays=overlays/bcm2712d0.dtbo,overlays/fan.dtbo complete=1"),
    ("D0 silicon without its overlay dies in the kernel", |c| c.remove(2, "overlays/bcm2712d0.dtbo"), |b| b.stepping = Stepping::D0, |_| {}, "d0 stuck"),
    ("overlay_prefix", |c| { c.config("overlay_prefix=mine/\ndtoverlay=x"); c.put(2, "mine/x.dtbo", "x"); }, |_| {}, |_| {}, "overlays=mine/x.dtbo"),
    ("include is not followed", |c| { c.config("include more.txt"); c.put(2, "more.txt", "kernel=kernel8.img"); c.put(2, "kernel8.img", "x"); }, |_| {}, |_| {}, "kernel=kernel_2712.img complete=0"),
    ("boot_ramdisk is not modelled", |c| c.config("boot_ramdisk=1"), |_| {}, |_| {}, "not-modelled"),
    ("an EEPROM update in a slot is dangerous", |c| c.put(2, "pieeprom.upd", "x"), |_| {}, |_| {}, "boots2 complete=0"),
    ("unless switched off", |c| { c.config("bootloader_update=0"); c.put(2, "pieeprom.upd", "x"); }, |_| {}, |_| {}, "boots2 complete=1"),
    ("arm_64bit=0 is ignored", |c| c.config("arm_64bit=0"), |_| {}, |_| {}, "boots2 complete=0"),
    ("case does not matter", |c| c.config("kernel=KERNEL_2712.IMG"), |_| {}, |_| {}, "kernel=KERNEL_2712.IMG complete=1"),
    ("spaces around = are part of the key", |c| c.config("kernel = other.img"), |_| {}, |_| {}, "kernel=kernel_2712.img complete=1"),
];

#[rustfmt::skip]
const PREFIX: &[Row] = &[
    ("os_prefix with kernel and tree counts for all files", |c| { for (name, bytes) in c.parts[1].files.clone() { if !name.contains('/') && name != "config.txt" { c.put(2, &format!("new-{name}"), bytes); } }
        c.config("os_prefix=new-\ndtoverlay=fan"); }, |_| {}, |_| {}, "kernel=new-kernel_2712.img tree=new-bcm2712-rpi-5-b.dtb initramfs=new-initramfs_2712 cmdline=root=a prefix=new- overlays=overlays/fan.dtbo"),
    ("without its kernel it is dropped", |c| { c.config("os_prefix=n-"); c.put(2, "n-bcm2712-rpi-5-b.dtb", tree(&["brcm,bcm2712"])); }, |_| {}, |_| {}, "boots2 prefix= kernel=kernel_2712.img complete=0"),
    ("without its tree os_check fails before that", |c| { c.config("os_prefix=n-"); c.put(2, "n-kernel_2712.img", "x"); }, |_| {}, |_| {}, "nothing-bootable"),
    ("without its tree and os_check it is dropped", |c| { c.config("os_prefix=n-\nos_check=0"); c.put(2, "n-kernel_2712.img", "x"); }, |_| {}, |_| {}, "boots2 prefix= complete=0"),
    ("an absolute name bypasses it", |c| { c.config("os_prefix=n-\nkernel=/kernel_2712.img\ninitramfs /initramfs_2712 followkernel\ncmdline=/cmdline.txt");
        c.put(2, "n-bcm2712-rpi-5-b.dtb", tree(&["brcm,bcm2712"])); }, |_| {}, |_| {}, "prefix=n- kernel=/kernel_2712.img initramfs=/initramfs_2712 cmdline=root=a complete=1"),
    ("README makes overlays follow", |c| { c.config("os_prefix=n-\nkernel=/kernel_2712.img\ninitramfs /initramfs_2712 followkernel\ncmdline=/cmdline.txt\ndtoverlay=fan");
        c.put(2, "n-bcm2712-rpi-5-b.dtb", tree(&["brcm,bcm2712"])); c.put(2, "n-overlays/README", "x"); }, |_| {}, |_| {}, "overlays= missing=n-overlays/fan.dtbo"),
    ("upstream_kernel=1 is os_prefix=upstream/", |c| c.config("upstream_kernel=1\nos_check=0"), |_| {}, |_| {}, "boots2 prefix= complete=0"),
];

const TWO: &str = "kernel=two.img";

#[rustfmt::skip]
const FILTERS: &[Row] = &[
    ("[all]", |c| two(c, "[pi4]\n[all]"), |_| {}, |_| {}, "kernel=two.img"),
    ("[none]", |c| two(c, "[none]"), |_| {}, |_| {}, "kernel=kernel_2712.img complete=1"),
    ("[none] holds until [all]", |c| two(c, "[none]\n[pi5]"), |_| {}, |_| {}, "kernel=kernel_2712.img"),
    ("[pi5]", |c| two(c, "[pi5]"), |_| {}, |_| {}, "kernel=two.img"),
    ("[pi4]", |c| two(c, "[pi4]"), |_| {}, |_| {}, "kernel=kernel_2712.img complete=1"),
    ("[cm5] is no Pi 5", |c| two(c, "[cm5]"), |_| {}, |_| {}, "kernel=kernel_2712.img complete=1"),
    ("models replace each other", |c| two(c, "[pi4]\n[pi5]"), |_| {}, |_| {}, "kernel=two.img"),
    ("[board-type=0x17]", |c| two(c, "[board-type=0x17]"), |_| {}, |_| {}, "kernel=two.img"),
    ("[board-type=0x18]", |c| two(c, "[board-type=0x18]"), |_| {}, |_| {}, "kernel=kernel_2712.img"),
    ("[tryboot] without the flag", |c| two(c, "[tryboot]"), |_| {}, |_| {}, "kernel=kernel_2712.img"),
    ("[tryboot] with it", |c| two(c, "[tryboot]"), |_| {}, |r| r.try_once = true, "boots3 kernel=two.img"),
    ("serial number", |c| two(c, "[0x1234]"), |b| b.serial = 0x1234, |_| {}, "kernel=two.img"),
    ("another serial number", |c| two(c, "[0x1234]"), |b| b.serial = 0x1235, |_| {}, "kernel=kernel_2712.img"),
    ("gpio high", |c| two(c, "[gpio4=1]"), |b| { b.gpio.insert(4, true); }, |_| {}, "kernel=two.img"),
    ("gpio low", |c| two(c, "[gpio4=0]"), |b| { b.gpio.insert(4, true); }, |_| {}, "kernel=kernel_2712.img"),
    ("gpio unknown, high", |c| two(c, "[gpio4=1]"), |_| {}, |_| {}, "kernel=kernel_2712.img"),
    ("gpio unknown, low", |c| two(c, "[gpio4=0]"), |_| {}, |_| {}, "kernel=kernel_2712.img"),
    ("kinds must all hold", |c| two(c, "[gpio4=1]\n[pi5]"), |b| { b.gpio.insert(4, false); }, |_| {}, "kernel=kernel_2712.img"),
    ("kinds must all hold, and do", |c| two(c, "[gpio4=1]\n[pi5]\n[boot_partition=2]"), |b| { b.gpio.insert(4, true); }, |_| {}, "kernel=two.img"),
    ("[boot_partition=2]", |c| two(c, "[boot_partition=2]"), |_| {}, |_| {}, "kernel=two.img"),
    ("[boot_partition=2] in slot B", |c| two(c, "[boot_partition=2]"), |_| {}, |r| r.try_once = true, "boots3 kernel=kernel_2712.img"),
    ("[boot_partition=2] before its release", |c| two(c, "[boot_partition=2]"), |b| b.eeprom.build = 1_740_000_000, |_| {}, "kernel=kernel_2712.img complete=0"),
    ("[partition=N] is what reboot asked for, not what boots", |c| two(c, "[partition=2]"), |_| {}, |_| {}, "boots2 kernel=kernel_2712.img"),
    ("[partition=N] asked for", |c| two(c, "[partition=2]"), |_| {}, |r| r.partition = 2, "boots2 kernel=two.img"),
    ("[boot_count>2] counts this boot", |c| two(c, "[boot_count>2]"), |_| {}, COUNTED_TWICE, "kernel=two.img"),
    ("[boot_count>2] in the second boot", |c| two(c, "[boot_count>2]"), |_| {}, |r| r.boot_count = 1, "kernel=kernel_2712.img"),
    ("boot_count wraps", |c| two(c, "[boot_count=0]"), |_| {}, |r| r.boot_count = 255, "kernel=two.img"),
    ("[boot_count<4]", |c| two(c, "[boot_count<4]"), |_| {}, COUNTED_TWICE, "kernel=two.img"),
    ("[boot_arg1&0xf0]", |c| two(c, "[boot_arg1&0xf0]"), |_| {}, |r| r.boot_arg1 = 0x10, "kernel=two.img"),
    ("[boot_arg1&0xf0=0x20]", |c| two(c, "[boot_arg1&0xf0=0x20]"), |_| {}, |r| r.boot_arg1 = 0x21, "kernel=two.img"),
    ("[bootvar0=3]", |c| two(c, "[bootvar0=3]"), |b| b.eeprom.bootvar0 = 3, |_| {}, "kernel=two.img"),
    ("expressions replace each other", |c| two(c, "[boot_arg1=9]\n[boot_count=1]"), |_| {}, |_| {}, "kernel=two.img"),
    ("expressions before 2025-02 are unknown", |c| two(c, "[boot_count>0]"), |b| b.eeprom.build = 1_730_000_000, |_| {}, "kernel=kernel_2712.img complete=0"),
    ("spaces make an expression unknown", |c| two(c, "[boot_count > 0]"), |_| {}, |_| {}, "kernel=kernel_2712.img complete=0"),
    ("what nobody knows is never true", |c| two(c, "[teapot]"), |_| {}, |_| {}, "kernel=kernel_2712.img complete=0"),
];

/// Lets a filter decide about a second kernel.
fn two(card: &mut Card, filter: &str) {
    card.config(&format!("{filter}\n{TWO}"));
    for number in [2, 3] {
        card.put(number, "two.img", "x");
    }
}

#[test]
fn the_right_files_boot() {
    run(FILES);
}

#[test]
fn prefixes() {
    run(PREFIX);
}

#[test]
fn filters_combine() {
    run(FILTERS);
}

/// Files of 32 MiB and more, from NVMe, on an old release.
#[test]
fn large_files_from_nvme() {
    let large: fn(&mut Card) = |card| {
        for part in &mut card.parts[1..3] {
            part.kib = 40 * 1024;
            part.cluster = 4096;
        }
        card.put(2, "kernel_2712.img", vec![1; 32 << 20]);
    };
    let smaller: fn(&mut Card) = |card| {
        card.parts[1].kib = 40 * 1024;
        card.parts[1].cluster = 4096;
        card.put(2, "kernel_2712.img", vec![1; (32 << 20) - 1]);
    };
    let old: fn(&mut Board) = |board| {
        board.medium = Medium::Nvme;
        board.eeprom.build = 1_749_000_000;
    };
    run(&[
        ("NVMe, old", large, old, |_| {}, "file"),
        ("NVMe, old, smaller", smaller, old, |_| {}, "boots2"),
        ("NVMe, new", large, |b| b.medium = Medium::Nvme, |_| {}, "boots2"),
        ("SD, old", large, |b| b.eeprom.build = 1_749_000_000, |_| {}, "boots2"),
    ]);
}
