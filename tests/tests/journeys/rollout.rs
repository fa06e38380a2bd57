//! Services are replaced while people ask for them: nobody notices, whether the new version works or not.

use serde_json::{Value, json};
use system_tests::console::{Serving, Writer};
use system_tests::load::{Seen, Sum, sustained};
use system_tests::{Fixture, JourneyError};
use tayberry_firmware::Medium;

/// One of so many requests that the board serves: containers that start want the processor, too.
const SHARE: u32 = 4;
/// People who listen.
const LISTENERS: usize = 20;

/// The system's stack as an owner's, with `api` and `web` changed.
fn changed(system: &str, api: &str, web: &str) -> Value {
    let text = system
        .replace("    mem_limit: 160m\n    # It says", &format!("    mem_limit: 160m\n{api}    # It says"))
        .replace("    mem_limit: 128m\n", &format!("    mem_limit: 128m\n{web}"));
    json!({ "compose": text })
}

fn kinds(plan: &Value) -> Vec<String> {
    let changes = plan["changes"].as_array().into_iter().flatten();
    changes.map(|one| format!("{} {}", one["service"], one["change"]).replace('"', "")).collect()
}

/// Declares `file` while people ask, and waits until that has ended. Returns what they saw, and the stack.
fn under_load(
    seen: &mut Seen,
    serving: &mut Serving,
    rate: u32,
    file: &Value,
) -> Result<(Sum, Value), JourneyError> {
    let load = serving.visitors(rate, LISTENERS)?;
    load.until_more(LISTENERS)?;
    serving.owned.script.expect(200, "PUT", "/stack", Some(file))?;
    let now = serving.owned.until_stack_settled()?;
    load.until_more(LISTENERS)?;
    let sum = load.end()?;
    seen.note(&format!("{rate} a second, while it was declared"), &sum)?;
    Ok((sum, now))
}

#[tokio::test]
#[ignore = "a quarter of an hour"]
async fn services_are_replaced_while_people_ask() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let mut serving = Serving::start(&fixture, Medium::Nvme)?;
    serving.owner.sign_in_as_owner()?;
    let mut seen = Seen::by(&fixture, "rollout")?;
    let rate = sustained(&serving, LISTENERS, SHARE, &mut seen)?;
    let system = serving.owned.script.expect(200, "GET", "/stack", None)?;
    let system = system["compose"].as_str().unwrap_or_default().to_owned();
    let before = serving.owner.count()?;
    let writer = Writer::begin(serving.owner.clone());

    let next = changed(&system, "    cpus: 2\n", "    cpus: 2\n");
    let plan = serving.owned.script.expect(200, "POST", "/stack/plan", Some(&next))?;
    assert_eq!(kinds(&plan), ["api roll", "web roll"], "{plan}");
    let (sum, now) = under_load(&mut seen, &mut serving, rate, &next)?;
    assert_eq!(now["problem"], Value::Null, "{now}");
    assert!(sum.failed.is_empty(), "{sum}\n{}", serving.owned.device.console_end());
    assert_eq!(sum.closed, [(1012, LISTENERS)].into(), "each was told that its service restarts");
    let plan = serving.owned.script.expect(200, "POST", "/stack/plan", Some(&next))?;
    assert_eq!(kinds(&plan), [""; 0], "{plan}");

    // It starts, and its check is never passed.
    let ill = changed(&system, "    cpus: 1\n", "    cpus: 1\n").to_string();
    let ill: Value = serde_json::from_str(&ill.replace("[CMD, tayberry-api, health]", "[CMD, /nope]"))
        .map_err(|error| JourneyError::Failed(error.to_string()))?;
    let (sum, now) = under_load(&mut seen, &mut serving, rate, &ill)?;
    assert!(sum.failed.is_empty(), "{sum}\n{}", serving.owned.device.console_end());
    assert!(sum.closed.is_empty(), "nobody who listens to the old one was sent away: {:?}", sum.closed);
    let problem = now["problem"].as_str().unwrap_or_default();
    assert!(
        problem.starts_with("api: ") && problem.ends_with("What was declared before holds again."),
        "{now}"
    );
    assert_eq!(now["compose"], next["compose"], "the version before serves");
    let plan = serving.owned.script.expect(200, "POST", "/stack/plan", Some(&next))?;
    assert_eq!(kinds(&plan), [""; 0], "{plan}");

    // Databases are stopped and started; who writes meanwhile waits.
    let databases = json!({ "compose": next["compose"].as_str().unwrap_or_default()
        .replace("    mem_limit: 640m\n", "    mem_limit: 640m\n    cpus: 2\n")
        .replace("    volumes: [\"kept:/data\"]\n    mem_limit: 160m\n", "    volumes: [\"kept:/data\"]\n    mem_limit: 160m\n    cpus: 2\n") });
    let plan = serving.owned.script.expect(200, "POST", "/stack/plan", Some(&databases))?;
    assert_eq!(kinds(&plan), ["mongo replace", "redis replace"], "{plan}");
    serving.owned.script.expect(200, "PUT", "/stack", Some(&databases))?;
    let now = serving.owned.until_stack_settled()?;
    assert_eq!(now["problem"], Value::Null, "{now}");
    writer.until_more(5)?;
    assert_eq!(writer.refused(), 0, "{}", serving.owned.device.console_end());

    let acknowledged = writer.end()?;
    assert!(serving.owner.count()? - before >= acknowledged, "{acknowledged} were acknowledged");
    Ok(())
}
