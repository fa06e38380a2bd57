//! `scripts/bench build`: how long `tayberry build` takes with everything in the cache, stage by stage, beside
//! `mmdebstrap` with the same packages; sizes; and whether two builds give the same bits.

use std::path::Path;
use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use system_tests::{JourneyError, database};
use tayberry::files::sha256;
use tayberry::paths::Paths;

use crate::{baseline, hundredths, result};

const MIB: f64 = 1_048_576.0;

/// One build.
struct Build {
    /// The whole command, in seconds.
    seconds: f64,
    /// Name and seconds of each stage.
    stages: Vec<(String, f64)>,
    /// What the command says of its results.
    written: Value,
}

/// Runs the benchmark. The first build compiles what is not compiled yet; the second is measured.
///
/// # Errors
/// When a build or the baseline fails.
pub(crate) fn run() -> Result<(), JourneyError> {
    let paths = Paths::find(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let folder = tempfile::Builder::new().prefix("bench-").tempdir_in(&paths.cache)?;
    let [first, second] = ["first", "second"].map(|name| folder.path().join(name));
    build(&paths, &first)?;
    let warm = build(&paths, &second)?;
    let identical = is_same(&first, &second)?;
    let baseline = baseline::run(&paths, folder.path())?;

    let mib = |name: &str| warm.written[name].as_f64().unwrap_or(f64::NAN) / MIB;
    let (system, initramfs, image) = (mib("system_bytes"), mib("initramfs_bytes"), mib("image_bytes"));
    let rescue = mib("rescue_bytes");
    println!("{:34} {:>10} {:>10}", "", "measured", "bar");
    for (name, seconds) in &warm.stages {
        println!("  {name:32} {seconds:8.1} s");
    }
    println!("{:34} {:8.1} s {:>10}", "tayberry build", warm.seconds, "<= 30 s");
    println!("{:34} {:8.1} s", "mmdebstrap, mkfs.erofs", baseline);
    println!("{:34} {system:6.1} MiB {:>10}", "system partition", "<= 128 MiB");
    println!("{:34} {initramfs:6.1} MiB {:>10}", "initramfs", "<= 4 MiB");
    println!("{:34} {rescue:6.1} MiB {:>10}", "initramfs of rescue", "<= 24 MiB");
    println!("{:34} {image:6.1} MiB", "compressed image");
    println!("{:34} {identical:>10}", "two builds are identical");
    let tenths = |value: f64| (value * 10.0).round() / 10.0;
    result(&json!({
        "warm_build_s": tenths(warm.seconds),
        "baseline_s": tenths(baseline),
        "system_mib": hundredths(system),
        "initramfs_mib": hundredths(initramfs),
        "rescue_mib": hundredths(rescue),
        "image_mib": hundredths(image),
        "identical": identical,
    }));
    Ok(())
}

fn build(paths: &Paths, out: &Path) -> Result<Build, JourneyError> {
    let began = Instant::now();
    let output = Command::new(paths.project.join("target/debug/tayberry"))
        .current_dir(&paths.project)
        .args(["--json", "build", "--database", &database(), "--offline", "--out"])
        .arg(out)
        .stderr(std::process::Stdio::inherit())
        .output()?;
    let seconds = began.elapsed().as_secs_f64();
    if !output.status.success() {
        return Err(JourneyError::Failed(
            "the build failed; run scripts/run once, which fills the cache".into(),
        ));
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let stages = lines
        .iter()
        .filter_map(|line| Some((line["stage"].as_str()?.to_owned(), line["seconds"].as_f64()?)))
        .collect();
    let written = lines.into_iter().find(|line| line.get("image_bytes").is_some());
    let written =
        written.ok_or_else(|| JourneyError::Failed("the build did not say what it wrote".into()))?;
    Ok(Build { seconds, stages, written })
}

/// Whether both folders hold the same files; the paths that a build prints are in none of them.
fn is_same(first: &Path, second: &Path) -> Result<bool, JourneyError> {
    let mut same = 0;
    for entry in std::fs::read_dir(first)? {
        let path = entry?.path();
        let other = second.join(path.file_name().unwrap_or_default());
        if sha256(&path)? != sha256(&other)? {
            return Ok(false);
        }
        same += 1;
    }
    Ok(same == std::fs::read_dir(second)?.count() && same > 0)
}
