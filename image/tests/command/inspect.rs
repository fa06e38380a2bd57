//! `tayberry inspect` through the program: what is found in a sound image, and what is said of a damaged one. The list of
//! packages needs the locked tools; the journey `what_was_built_is_inspected` covers it.

use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Output;

use crate::common::made_up::MadeUp;
use crate::common::program;
use serde_json::Value;
use tayberry_format::layout::{self, HASH_OFFSET, MIB};
use tayberry_format::slot::Slot;

/// Runs the program outside of any checkout.
fn inspect(image: &Path, json: bool) -> Output {
    let mut command = program();
    command.arg("inspect").arg(image).current_dir(image.parent().unwrap());
    command.args(json.then_some("--json")).output().unwrap()
}

fn report(output: &Output) -> Value {
    let text = std::str::from_utf8(&output.stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "one object: {text}");
    serde_json::from_str(text).unwrap()
}

/// Outside of the checkout: the program must not fetch tools for a test.
fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn a_sound_image_is_shown() {
    let folder = folder();
    let path = folder.path().join("shed.img");
    let made_up = MadeUp::new(folder.path());
    made_up.write_disk(&path);
    let output = inspect(&path, true);
    assert!(output.status.success(), "{output:?}");
    let report = report(&output);
    assert_eq!(report["bytes"], layout::IMAGE_BYTES);
    assert_eq!(report["partitions"][3]["name"], "system-a");
    assert_eq!(report["partitions"][3]["start"], layout::system(Slot::A).start);
    assert_eq!(report["default_slot"], "a");
    let [a, b] = [&report["slots"][0], &report["slots"][1]];
    assert_eq!((&a["slot"], &a["empty"]), (&Value::from("a"), &Value::from(false)));
    assert_eq!(a["root_hash"], made_up.hash_tree.root.to_string());
    assert_eq!(a["system"]["state"], "verified");
    assert_eq!(a["system"]["bytes"], made_up.hash_tree.data_blocks * 4096);
    let kernel = serde_json::json!({ "path": "kernel_2712.img", "bytes": made_up.boot.kernel.len() });
    assert!(a["boot_files"].as_array().unwrap().contains(&kernel), "{a}");
    assert!(a["contents_problem"].as_str().unwrap().contains("appliance.toml"), "no checkout, no tools: {a}");
    assert_eq!((&b["empty"], &b["system"]["state"]), (&Value::from(true), &Value::from("empty")));
    let verdicts = report["firmware"].as_array().unwrap();
    assert_eq!(verdicts.len(), 4, "two media, two steppings");
    for verdict in verdicts {
        let files: Vec<_> = verdict["files"].as_array().unwrap().iter().map(|file| &file["path"]).collect();
        assert_eq!(verdict["slot"], "a", "{verdict}");
        assert_eq!(&files[..3], ["kernel_2712.img", "initramfs.img", "bcm2712-rpi-5-b.dtb"]);
        assert_eq!(files.iter().any(|path| **path == "overlays/bcm2712d0.dtbo"), verdict["stepping"] == "d0");
        assert!(!verdict["log"].as_array().unwrap().is_empty());
    }
    let text = String::from_utf8(inspect(&path, false).stdout).unwrap();
    let root = made_up.hash_tree.root.to_string();
    for part in ["Slot A, the default slot: verified", &root, "Slot B: empty", "SD on D0, NVMe on D0: slot A"]
    {
        assert!(text.contains(part), "{part}:\n{text}");
    }
}

/// Each kind of damage: where a byte is changed, and what is said.
#[test]
fn damage_is_found_and_named() {
    let folder = folder();
    let made_up = MadeUp::new(folder.path());
    let path = folder.path().join("shed.img");
    let disk = made_up.write_disk(&path);
    let system = layout::system(Slot::A).start;
    let cmdline = {
        let file = tayberry_firmware::locate(&disk, 2, "cmdline.txt").unwrap();
        file.extents[0].offset + file.size - 2
    };
    for (offset, state, words) in [
        (system + 5000, "does not match", "block 1 of the system partition is damaged"),
        (system + HASH_OFFSET + 4096 + 40, "does not match", "block 0 of the hash tree is damaged"),
        (cmdline, "does not match", "not to"),
        (system + HASH_OFFSET, "empty", "empty system partition"),
        // The boot sector's signature.
        (layout::boot(Slot::A).start + 510, "does not match", "slot A"),
    ] {
        let mut byte = [0];
        disk.read_exact_at(&mut byte, offset).unwrap();
        disk.write_all_at(&[byte[0] ^ 1], offset).unwrap();
        let output = inspect(&path, true);
        disk.write_all_at(&byte, offset).unwrap();
        let said = String::from_utf8(output.stderr.clone()).unwrap();
        assert_eq!(output.status.code(), Some(1), "{offset}: {said}");
        assert_eq!(said.lines().count(), 1, "{said}");
        assert!(said.contains("is not sound") && said.contains(words), "{offset}: {said}");
        assert_eq!(report(&output)["slots"][0]["system"]["state"], state, "{offset}: {said}");
    }
    assert!(inspect(&path, true).status.success(), "as before");
}

/// A drive to which the image was written: longer, with a data partition.
#[test]
fn a_drive_is_shown_and_not_changed() {
    let folder = folder();
    let path = folder.path().join("drive");
    let mut disk = MadeUp::new(folder.path()).write_disk(&path);
    disk.set_len(layout::SMALLEST_DISK).unwrap();
    tayberry_format::table::ensure_data(&mut disk, layout::SMALLEST_DISK).unwrap();
    std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o444)).unwrap();
    let before = std::fs::metadata(&path).unwrap().modified().unwrap();
    let report = report(&inspect(&path, true));
    assert_eq!(report["partitions"][5]["name"], "data");
    assert_eq!(report["partitions"][5]["start"], layout::DATA_START);
    assert_eq!(report["bytes"], layout::DATA_START + 2048 * MIB);
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), before);
}
