//! Files that are not what they should be, given to the program: one sentence, and nothing is changed.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use crate::common::made_up::{CONFIG, MadeUp};
use crate::common::project::{Project, said};
use tayberry::apt::{Apt, AptError, Archives, KEYRING};
use tayberry::files::{sha256, walk};
use tayberry::mirror::Mirror;
use tayberry_format::layout;

/// Every file below `folder` with its hash.
fn state(folder: &Path) -> BTreeMap<PathBuf, String> {
    let files = walk(folder).unwrap().into_iter().filter(|path| path.is_file());
    files.map(|path| (path.clone(), sha256(&path).unwrap())).collect()
}

/// The partition table of somebody else's disk.
fn foreign() -> Vec<u8> {
    let mut disk = std::io::Cursor::new(vec![0; 8 << 20]);
    let mut gpt = gptman::GPT::new_from(&mut disk, 512, [7; 16]).unwrap();
    gpt[1] = gptman::GPTPartitionEntry {
        partition_type_guid: [1; 16],
        unique_partition_guid: [2; 16],
        starting_lba: 2048,
        ending_lba: 4095,
        attribute_bits: 0,
        partition_name: "theirs".into(),
    };
    gpt.write_into(&mut disk).unwrap();
    gptman::GPT::write_protective_mbr_into(&mut disk, 512).unwrap();
    disk.into_inner()
}

#[test]
fn what_is_no_image_is_refused_by_every_command() {
    let project = Project::new(&[]);
    let noise: Vec<u8> = (0..3_u32 << 20).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect();
    let packed = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    std::fs::create_dir(project.path("images")).unwrap();
    std::fs::create_dir(project.path("images/folder.img")).unwrap();
    for (name, bytes) in [
        ("random.img", noise.clone()),
        ("random.img.zst", noise.clone()),
        ("packed-random.img.zst", packed(&noise)),
        ("empty.img", vec![]),
        ("empty.img.zst", vec![]),
        ("text.img", b"hello\n".to_vec()),
        ("foreign.img", foreign()),
        ("foreign.img.zst", packed(&foreign())),
        ("cut-foreign.img.zst", packed(&noise)[..1000].to_vec()),
    ] {
        std::fs::write(project.path("images").join(name), bytes).unwrap();
    }
    // A sparse drive with something at its beginning.
    let drive = File::create(project.path("drive")).unwrap();
    drive.set_len(layout::SMALLEST_DISK).unwrap();
    drive.write_all_at(b"old disk", 0).unwrap();
    let untouched = std::fs::metadata(project.path("drive")).unwrap().modified().unwrap();
    let before = state(&project.path("images"));
    for entry in std::fs::read_dir(project.path("images")).unwrap() {
        let image = entry.unwrap().path();
        let image = image.to_str().unwrap();
        for arguments in [
            &["inspect", image][..],
            &["emulate", image],
            &["flash", image, "drive", "--allow-file", "--confirm", "drive"],
        ] {
            let output = project.run(arguments);
            let said = said(&output);
            assert_eq!(String::from_utf8_lossy(&output.stderr).trim_end().lines().count(), 1, "{said}");
            assert!(said.contains(image) && output.stdout.is_empty(), "{arguments:?}: {said}");
            let reason = said.contains("is not a Tayberry image") || said.contains("it is a folder");
            assert!(reason || image.contains("cut"), "{arguments:?}: {said}");
        }
    }
    assert_eq!(state(&project.path("images")), before);
    assert_eq!(std::fs::metadata(project.path("drive")).unwrap().modified().unwrap(), untouched);
    let left: Vec<_> = walk(&project.path("cache")).unwrap_or_default();
    assert_eq!(left, Vec::<PathBuf>::new(), "no copy stays behind");
}

/// Whoever flashes learns it while writing; `tests/flash.rs` shows that such a drive boots nothing.
#[test]
fn a_truncated_image_is_refused() {
    let project = Project::new(&[]);
    std::fs::create_dir(project.path("made-up")).unwrap();
    let made_up = MadeUp::new(&project.path("made-up"));
    let disk = made_up.write_disk(&project.path("shed.img"));
    let mut start = vec![0; 64 << 20];
    disk.read_exact_at(&mut start, 0).unwrap();
    let packed = zstd::encode_all(&start[..], 1).unwrap();
    std::fs::write(project.path("cut.img.zst"), &packed[..packed.len() - 9]).unwrap();
    for command in ["inspect", "emulate"] {
        let said = said(&project.run(&[command, "cut.img.zst"]));
        assert!(said.contains("cut.img.zst cannot be unpacked"), "{said}");
        assert!(said.contains("Download or build it again"), "{said}");
    }
    let left: Vec<_> = walk(&project.path("cache")).unwrap();
    assert_eq!(left, Vec::<PathBuf>::new(), "no copy stays behind");
}

#[test]
fn a_mistake_in_the_configuration_is_named_with_its_place() {
    let project = Project::new(&[]);
    for (from, to, place, allowed) in [
        (
            "hostname =",
            "hostnam =",
            "line 5, column 1",
            "expected one of `name`, `version`, `hostname`, `kernel`",
        ),
        ("version = \"1.2.3\"", "version = 1", "line 4, column 11", "expected a string"),
        ("[system]", "[system", "line 12, column 8", "]"),
    ] {
        std::fs::write(project.path("image/appliance.toml"), CONFIG.replace(from, to)).unwrap();
        for command in ["lock", "build"] {
            let output = project.run(&[command]);
            let first = said(&output);
            let text = String::from_utf8_lossy(&output.stderr);
            assert!(first.contains("image/appliance.toml") && first.contains(place), "{to}: {text}");
            assert!(text.contains(allowed), "{to}: {text}");
        }
    }
}

/// apt's own solver, with lists that are empty: every package is unknown to it.
#[test]
fn a_package_that_does_not_exist_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let project = Project::new(&[]);
    let config = tayberry::config::Config::load(&project.path("image/appliance.toml")).unwrap();
    let mirror = Mirror {
        main: "http://127.0.0.1:1/debian".into(),
        security: "http://127.0.0.1:1/s".into(),
        kernel: None,
    };
    let archives =
        Archives { suites: &config.suite, mirror: &mirror, keyring: KEYRING.as_ref(), kernel: None };
    let apt = Apt::prepare(folder.path(), archives, ["arm64", "amd64"], &[]).unwrap();
    let error = apt.solve(&["bred".into(), "marmalade".into()]).unwrap_err();
    assert!(matches!(&error, AptError::NoPackage(names) if names == &["bred", "marmalade"]), "{error}");
    assert_eq!(error.to_string().lines().count(), 1);
    assert!(error.to_string().contains("bred, marmalade"), "{error}");
}
