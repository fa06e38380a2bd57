//! Downloads through the program, from a mirror on loopback: altered, broken off, gone, and a full disk.

use std::path::Path;

use crate::common::mirror::{Answer, Mirror};
use crate::common::project::{Project, limited, package, said};
use tayberry::lock::Package;

fn noise(length: usize) -> Vec<u8> {
    (0..u32::try_from(length).unwrap()).map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect()
}

/// A project with one package, and a mirror that answers in its own way.
fn project(body: &[u8], answer: Answer) -> (Project, Package, Mirror) {
    let bread = package("bread", "1", body);
    let mut project = Project::new(std::slice::from_ref(&bread));
    let mirror = Mirror::start([(format!("debian/{}", bread.path), answer)].into());
    project.mirror.clone_from(&mirror.url);
    (project, bread, mirror)
}

/// First bytes that were asked for, request by request.
fn asked(mirror: &Mirror) -> Vec<usize> {
    mirror.requests.lock().unwrap().iter().map(|(_, from)| from.unwrap_or(0)).collect()
}

#[test]
fn an_altered_package_is_refused_and_named() {
    let body = noise(5000);
    let mut other = body.clone();
    other[4999] ^= 1;
    let longer = [&body[..], b"!"].concat();
    for wrong in [other, longer] {
        let (project, bread, _mirror) = project(&body, Answer::whole(&wrong));
        let said = said(&project.run(&["build", "--locked"]));
        assert!(said.contains("bread_1_arm64.deb is not what the lock says"), "{said}");
        assert!(said.contains(&bread.sha256), "{said}");
        assert_eq!(project.packages(), Vec::<String>::new(), "nothing is kept");
    }
}

#[test]
fn a_broken_connection_is_continued() {
    let body = noise(200_000);
    let cuts = vec![70_000, 60_000];
    let (project, bread, mirror) =
        project(&body, Answer { body: body.clone(), cuts: cuts.clone(), no_ranges: false, kind: None });
    project.run(&["build", "--locked"]);
    assert_eq!(std::fs::read(project.package(&bread)).unwrap(), body);
    assert_eq!(asked(&mirror), [0, 70_000, 130_000]);

    let (project, bread, mirror) =
        self::project(&body, Answer { body: body.clone(), cuts, no_ranges: true, kind: None });
    project.run(&["build", "--locked"]);
    assert_eq!(std::fs::read(project.package(&bread)).unwrap(), body, "begun anew each time");
    assert_eq!(asked(&mirror), [0, 70_000, 60_000]);
}

#[test]
fn what_stays_broken_is_named_and_continued_by_the_next_run() {
    let body = noise(200_000);
    let (mut project, bread, _mirror) =
        project(&body, Answer { body: body.clone(), cuts: vec![1000; 4], no_ranges: false, kind: None });
    let said = said(&project.run(&["build", "--locked"]));
    assert!(said.contains("bread_1_arm64.deb broke off after 4000 of 200000 bytes"), "{said}");
    assert!(!project.package(&bread).exists());
    let healthy = Mirror::start([(format!("debian/{}", bread.path), Answer::whole(&body))].into());
    project.mirror.clone_from(&healthy.url);
    project.run(&["build", "--locked"]);
    assert_eq!(std::fs::read(project.package(&bread)).unwrap(), body);
    assert_eq!(asked(&healthy), [4000]);
}

#[test]
fn what_is_gone_or_not_there_is_named() {
    let [bread, jam] = ["bread", "jam"].map(|name| package(name, "1", b"old"));
    let mut project = Project::new(&[bread.clone(), jam]);
    let offline = said(&project.run(&["build", "--offline"]));
    assert!(offline.contains("2 of 2 packages") && offline.contains("bread 1"), "{offline}");
    let mirror = Mirror::start([(format!("debian/{}", bread.path), Answer::whole(b"old"))].into());
    project.mirror.clone_from(&mirror.url);
    let before = std::fs::read(project.path("image/tayberry.lock")).unwrap();
    let gone = said(&project.run(&["build", "--locked"]));
    assert!(gone.contains("the mirror no longer has jam 1:") && !gone.contains("bread"), "{gone}");
    assert_eq!(std::fs::read(project.path("image/tayberry.lock")).unwrap(), before);
    assert!(project.package(&bread).exists(), "what is there is kept");
}

/// Files cannot grow beyond 256 KiB: the write fails, or the process dies in it.
#[test]
fn a_full_disk_leaves_no_package_under_its_name() {
    let body = noise(1 << 20);
    for killed in [false, true] {
        let (project, bread, mirror) = project(&body, Answer::whole(&body));
        let program = Path::new(env!("CARGO_BIN_EXE_tayberry"));
        let command = || project.prepare(limited(program, 512, killed));
        let output = command().args(["build", "--locked"]).output().unwrap();
        if killed {
            assert_eq!(output.status.code(), None, "{output:?}");
        } else {
            assert!(said(&output).contains("File too large"), "{output:?}");
        }
        assert!(!project.package(&bread).exists());
        // With room again, the rest is fetched.
        project.run(&["build", "--locked"]);
        assert_eq!(std::fs::read(project.package(&bread)).unwrap(), body);
        assert_eq!(asked(&mirror).last(), Some(&(256 << 10)));
    }
}
