//! The stack, driven from outside through the public API: what an owner declares runs, confined, and survives.

use std::time::Duration;

use serde_json::{Value, json};
use system_tests::update::Owned;
use system_tests::{Fixture, JourneyError};

/// How long services may take to start on a busy machine without hardware virtualisation.
const SERVICES: Duration = Duration::from_secs(300);

/// Two services from the images of the system; the limit of one is to be changed.
fn compose(fixture: &Fixture, memory: &str) -> Result<Value, JourneyError> {
    let manifest = std::fs::read_to_string(fixture.image.with_file_name("manifest.json"))?;
    let store = if manifest.contains("mongo-stand-in") { "mongo-stand-in" } else { "mongo" };
    let text = format!(
        "services:\n  cache:\n    image: localhost/tayberry/redis:system\n    user: 999\n    networks: [back]\n    \
         volumes: [\"kept:/data\"]\n    tmpfs: [/tmp]\n    secrets: [key]\n    mem_limit: {memory}\n    healthcheck:\n      test: [CMD, redis-cli, ping]\n      \
         interval: 10s\n  store:\n    image: localhost/tayberry/{store}:system\n    user: 999\n    networks: [back]\n    \
         volumes: [\"kept:/data\"]\n    mem_limit: 256m\nvolumes:\n  kept:\nnetworks:\n  back:\nsecrets:\n  key: {{ external: true }}\n"
    );
    Ok(json!({ "compose": text }))
}

fn kinds(plan: &Value) -> Vec<String> {
    let changes = plan["changes"].as_array().into_iter().flatten();
    changes.map(|one| format!("{} {}", one["service"], one["change"]).replace('"', "")).collect()
}

fn healths(state: &Value) -> Vec<String> {
    let services = state["services"].as_array().into_iter().flatten();
    services.map(|one| format!("{} {}", one["name"], one["health"]).replace('"', "")).collect()
}

/// It is planned, applied, changed, and taken back; a container can do no more than it was given.
#[tokio::test]
#[ignore = "own_stack.rs is of the same kind: scripts/test full"]
async fn a_stack_is_declared_and_runs_confined() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::start(&fixture)?;
    let planned = owned.script.expect(200, "POST", "/stack/plan", Some(&compose(&fixture, "64m")?))?;
    assert_eq!(kinds(&planned), ["cache start", "store start"], "{planned}");
    assert!(planned["warnings"].to_string().contains("store has no healthcheck"), "{planned}");
    owned.script.expect(200, "PUT", "/stack", Some(&compose(&fixture, "64m")?))?;
    let now = owned.until_stack_settled()?;
    let bus = owned.device.bus().await?;
    if now["problem"] != Value::Null {
        bus.shell("journalctl -n 80 -u 'stack-*' >/dev/console", SERVICES).await?;
    }
    assert_eq!(now["problem"], Value::Null, "{now}\n{}", owned.device.console_end());
    assert_eq!(healths(&now), ["cache healthy", "store healthy"], "{now}");
    let again = owned.script.expect(200, "POST", "/stack/plan", Some(&compose(&fixture, "64m")?))?;
    assert_eq!(kinds(&again), [""; 0], "{again}");

    // There is no grep on the device.
    let holds =
        |file: &str, words: &str| format!("case \"$(cat {file})\" in *{words}*) ;; *) exit 1 ;; esac");
    let is = |command: &str, words: &str| format!("test \"$({command})\" = \"{words}\"");
    let status = "/proc/$pid/status";
    for (what, command) in [
        ("redis answers", is("podman exec stack-cache redis-cli set a kept", "OK")),
        ("it is found by its name", is("podman exec stack-cache redis-cli -h cache ping", "PONG")),
        (
            "its user is nobody's",
            "read in out count </proc/$pid/uid_map; test $out -ge 268435456 -a $count = 65536".to_owned(),
        ),
        ("no capability", holds(status, "CapBnd:?0000000000000000")),
        ("no new privileges", holds(status, "NoNewPrivs:?1")),
        ("the kernel's calls are filtered", holds(status, "Seccomp:?2")),
        (
            "its memory is limited",
            is("cat /sys/fs/cgroup/services.slice/stack-cache.service/memory.max", "67108864"),
        ),
        ("it cannot write to its root", holds("/proc/$pid/mountinfo", "\" / / ro,\"")),
        ("it has its secret", is("wc -c </proc/$pid/root/run/secrets/key", "64")),
        ("it has no way out", is("nsenter -t $pid -n ip route show default", "")),
    ] {
        let command = format!("pid=$(podman inspect -f '{{{{.State.Pid}}}}' stack-cache); {command}");
        assert_eq!(bus.shell(&command, SERVICES).await?, 0, "{what}: {command}");
    }

    // Only what changed is replaced, and what was kept is there.
    let planned = owned.script.expect(200, "POST", "/stack/plan", Some(&compose(&fixture, "80m")?))?;
    assert_eq!(kinds(&planned), ["cache replace"], "{planned}");
    owned.script.expect(200, "PUT", "/stack", Some(&compose(&fixture, "80m")?))?;
    let now = owned.until_stack_settled()?;
    assert_eq!(healths(&now), ["cache healthy", "store healthy"], "{now}");
    assert_eq!(now["services"][0]["memory_limit_bytes"], 80 << 20, "{now}");
    assert_eq!(bus.shell(&is("podman exec stack-cache redis-cli get a", "kept"), SERVICES).await?, 0);

    owned.script.expect(200, "POST", "/stack/rollback", None)?;
    let now = owned.until_stack_settled()?;
    assert_eq!(now["services"][0]["memory_limit_bytes"], 64 << 20, "{now}");
    owned.script.expect(200, "DELETE", "/stack", None)?;
    let now = owned.until_stack_settled()?;
    assert_eq!((healths(&now).len(), &now["compose"]), (0, &Value::Null), "{now}");
    assert_eq!(bus.shell("test -z \"$(podman ps -q)\" && test -d /var/stack/cache/kept", SERVICES).await?, 0);
    Ok(())
}

/// A service that is what a file on its volume says.
const OWN: &str = "services:\n  cache:\n    image: localhost/tayberry/redis:system\n    user: 999\n    \
                   command: [redis-server, /data/own.conf]\n    volumes: [\"kept:/data\"]\n    mem_limit: 64m\n    \
                   x-tayberry: { ready: notify }\nvolumes:\n  kept:\n";

/// What ran before the update does not run after it: the system before comes back, and says why.
#[tokio::test]
#[ignore = "waits for the end of a trial"]
async fn an_update_after_which_a_service_does_not_start_is_taken_back() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut owned = Owned::start(&fixture)?;
    let bus = owned.device.bus().await?;
    let folder = "/var/stack/cache/kept";
    let lines = "supervised systemd\\nprotected-mode no\\nbind *";
    let write = format!("mkdir -p {folder} && printf '{lines}\\n' >{folder}/own.conf");
    assert_eq!(bus.shell(&write, SERVICES).await?, 0);
    owned.script.expect(200, "PUT", "/stack", Some(&json!({ "compose": OWN })))?;
    let now = owned.until_stack_settled()?;
    assert_eq!(healths(&now), ["cache healthy"], "{now}");
    let answer = owned.upload(&fixture.bundle("next")?)?;
    assert_eq!(answer.status, 200, "{}", answer.text);
    // What a new version of a service does not understand any more is like what is gone.
    assert_eq!(bus.shell(&format!("rm {folder}/own.conf && sync"), SERVICES).await?, 0);
    let ended = owned.restart()?;
    assert_eq!((&ended["slot"], &ended["last"]["stayed"]), (&json!("A"), &json!(false)), "{ended}");
    let sentence = ended["last"]["sentence"].as_str().unwrap_or_default();
    assert!(sentence.contains("stack") && sentence.contains("cache: It ended with code 1"), "{sentence}");
    Ok(())
}
