//! An own stack of services that the test made: one from a registry with its own certificate, one from an archive. It is planned,
//! applied, reached through the gateway, changed, taken back; and its containers try what they must not.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use system_tests::bus::Bus;
use system_tests::device::free_port;
use system_tests::registry::{Registry, Service};
use system_tests::update::Owned;
use system_tests::web::until;
use system_tests::{Fixture, JourneyError};

/// How long something may take on a busy machine without hardware virtualisation.
const LONG: Duration = Duration::from_secs(300);

fn compose(tag: &str) -> Value {
    let shop = format!("{}/shed/shop:{tag}", Registry::name());
    let text = format!(
        r#"name: shed
services:
  gateway:
    image: localhost/tayberry/gateway:system
    user: 1000
    ports: ["80:80", "443:443", "443:443/udp"]
    networks: [street, yard]
    environment: {{ HOME: /tmp }}
    tmpfs: [/tmp]
    x-tayberry: {{ ready: notify }}
  shop:
    image: {shop}
    user: 1000
    networks: [street]
    env_file: shop.env
    secrets: [till]
    tmpfs: [/tmp]
    mem_limit: 160m
    healthcheck: {{ test: [CMD, /usr/bin/busybox, wget, -q, -O, /dev/null, "http://127.0.0.1:8080/"], interval: 10s }}
    x-tayberry: {{ route: / }}
  barn:
    image: localhost/shed/barn:1
    user: 1000
    networks: [yard]
    secrets: [key]
    mem_limit: 48m
    healthcheck: {{ test: [CMD, /usr/bin/busybox, wget, -q, -O, /dev/null, "http://127.0.0.1:8080/barn/"], interval: 10s }}
    x-tayberry: {{ route: /barn }}
networks: {{ street: , yard: }}
secrets: {{ till: {{ external: true }}, key: {{ external: true }} }}
"#
    );
    json!({ "compose": text, "env_files": { "shop.env": "# of the shop\nOPENS=8\n" } })
}

fn changes(plan: &Value) -> Vec<String> {
    let changes = plan["changes"].as_array().into_iter().flatten();
    changes.map(|one| format!("{} {}", one["service"], one["change"]).replace('"', "")).collect()
}

/// Each is refused with its line, and nothing changes.
fn refusals(owned: &mut Owned) -> Result<(), JourneyError> {
    for (line, text, words) in [
        (4, "    privileged: true", "privileged"),
        (4, "    build: .", "build"),
        (4, "    volumes: [\"/etc:/etc\"]", "folders of the device"),
        (4, "    ports: [\"80:80\"]", "gateway"),
        (4, "    cap_add: [SYS_ADMIN]", "SYS_ADMIN"),
        (4, "    mem_limit: lots", "a size"),
        (4, "    secrets: [key]", "no secret key"),
        (4, "    networks: [back]", "no network back"),
        (4, "    x-tayberry: { route: /system }", "the device's own"),
        (4, "\tuser: 1", ""),
    ] {
        let compose = format!("services:\n  app:\n    image: \"a/b:1\"\n{text}\n");
        let answer = owned.script.ask("PUT", "/stack", Some(&json!({ "compose": compose })))?;
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert_eq!((answer.status, &answer.body["kind"]), (422, &json!("stack-refused")), "{text}: {detail}");
        assert!(detail.contains(&format!("ine {line}")) && detail.contains(words), "{text}: {detail}");
    }
    assert_eq!(owned.script.expect(200, "GET", "/stack", None)?["compose"], Value::Null);
    Ok(())
}

/// What is said of the shop's image, by its version; nothing where it can be had.
fn warns(owned: &mut Owned, versions: &[(&str, &str)]) -> Result<(), JourneyError> {
    for (version, words) in versions {
        let planned = owned.script.expect(200, "POST", "/stack/plan", Some(&compose(version)))?;
        let about = planned["warnings"].as_array().into_iter().flatten();
        let about = about.filter_map(|one| one["sentence"].as_str()).filter(|one| one.contains("/shed/"));
        let about: Vec<&str> = about.collect();
        let is_right =
            if words.is_empty() { about.is_empty() } else { about.len() == 1 && about[0].contains(words) };
        assert!(is_right, "{version}: {planned}");
    }
    Ok(())
}

/// What a browser sees at `path`, once it sees `wanted`.
fn sees(owned: &Owned, port: u16, path: &str, wanted: &str) -> Result<(), JourneyError> {
    let client = owned.script.at(port);
    until(wanted, LONG, || {
        let answer = client.curl(&["--cacert", "authority.pem"], path)?;
        Ok((answer.status == 200 && answer.text.contains(wanted)).then_some(()))
    })
}

/// What is declared runs, and nothing is left to do.
fn settled(owned: &mut Owned, file: &Value) -> Result<Value, JourneyError> {
    let now = owned.until_stack_settled()?;
    assert_eq!(now["problem"], Value::Null, "{now}\n{}", owned.device.console_end());
    let again = owned.script.expect(200, "POST", "/stack/plan", Some(file))?;
    assert_eq!(changes(&again), [""; 0], "{again}");
    Ok(now)
}

#[tokio::test]
#[ignore = "the default stack runs always: scripts/test full"]
async fn an_own_stack_comes_from_a_registry_and_from_an_archive() -> Result<(), JourneyError> {
    let fixture = Fixture::load()?;
    let registry = Registry::open()?;
    registry.push(&Service::new(&fixture, "", "the first shop")?, "shed/shop", "1")?;
    registry.push(&Service::new(&fixture, "", "the second shop")?, "shed/shop", "2")?;
    let folder = fixture.folder()?;
    let barn = Service::new(&fixture, "barn", "a barn")?;
    let barn = barn.archive("localhost/shed/barn:1", &folder.path().join("barn.tar"))?;
    let port = free_port()?;
    let mut owned = Owned::start_with(&fixture, |spec| {
        spec.forwards.push((port, 443));
        spec.outside = Some(registry.port);
    })?;

    refusals(&mut owned)?;
    let answer = owned.script.send(&barn, "/stack/images", LONG)?;
    assert_eq!(
        (answer.status, &answer.body["images"][0]),
        (200, &json!("localhost/shed/barn:1")),
        "{}",
        answer.text
    );
    registry.push_foreign("shed/shop", "foreign");
    warns(&mut owned, &[("1", "could not be seen")])?;
    let trust = json!({ "registry": Registry::name(), "certificate": registry.certificate });
    let trusted = owned.script.expect(200, "PUT", "/stack/registries", Some(&trust))?;
    assert_eq!(trusted["registries"], json!([Registry::name()]));
    warns(&mut owned, &[("1", ""), ("foreign", "is for amd64"), ("nowhere", "There is no image")])?;
    let planned = owned.script.expect(200, "POST", "/stack/plan", Some(&compose("1")))?;
    assert_eq!(changes(&planned), ["barn start", "gateway start", "shop start"], "{planned}");
    owned.script.expect(200, "PUT", "/stack", Some(&compose("1")))?;
    settled(&mut owned, &compose("1"))?;
    sees(&owned, port, "/", "the first shop")?;
    sees(&owned, port, "/barn/", "a barn")?;
    let loft = Service::new(&fixture, "loft", "a loft")?;
    goes(&mut owned, &loft.archive("localhost/shed/loft:1", &folder.path().join("loft.tar"))?)?;

    let planned = owned.script.expect(200, "POST", "/stack/plan", Some(&compose("2")))?;
    assert_eq!(changes(&planned), ["shop replace"], "{planned}");
    owned.script.expect(200, "PUT", "/stack", Some(&compose("2")))?;
    settled(&mut owned, &compose("2"))?;
    sees(&owned, port, "/", "the second shop")?;
    owned.script.expect(200, "POST", "/stack/rollback", None)?;
    settled(&mut owned, &compose("1"))?;
    sees(&owned, port, "/", "the first shop")?;

    let bus = owned.device.bus().await?;
    by_command(&bus).await?;
    sees(&owned, port, "/", "the first shop")?;
    tries(&bus).await?;
    exhausts(&mut owned, &bus).await?;
    secrets(&mut owned, &bus).await?;

    // Nobody can go back to the stack with the second shop any more, so its image goes.
    owned.script.expect(200, "DELETE", "/stack", None)?;
    owned.until_stack_settled()?;
    let left = owned.script.expect(200, "GET", "/stack/images", None)?;
    let left = left["images"].to_string();
    assert!(left.contains("shop:1") && left.contains("barn:1") && !left.contains("shop:2"), "{left}");
    Ok(())
}

/// What was loaded and no service has is named with its size, and can go; what one has cannot.
fn goes(owned: &mut Owned, archive: &Path) -> Result<(), JourneyError> {
    assert_eq!(owned.script.send(archive, "/stack/images", LONG)?.status, 200);
    let data = owned.script.expect(200, "GET", "/stack/data", None)?;
    let image = |name: &str| {
        let all = data["images"].as_array().into_iter().flatten();
        all.clone().find(|one| one["names"] == json!([name])).cloned().unwrap_or_default()
    };
    let (loft, barn) = (image("localhost/shed/loft:1"), image("localhost/shed/barn:1"));
    assert_eq!((&loft["declared"], &barn["declared"]), (&json!(false), &json!(true)), "{data}");
    assert!(loft["bytes"].as_u64() > Some(500_000), "{data}");
    let which = |image: &Value| json!({ "image": image["id"] });
    let refused = owned.script.expect(422, "POST", "/stack/images/remove", Some(&which(&barn)))?;
    assert!(refused["detail"].to_string().contains("The stack has this image"), "{refused}");
    let left =
        owned.script.expect(200, "POST", "/stack/images/remove", Some(&which(&loft)))?["images"].to_string();
    assert!(left.contains("barn:1") && !left.contains("loft:1"), "{left}");
    owned.script.expect(404, "POST", "/stack/images/remove", Some(&which(&loft))).map(drop)
}

/// The same by the commands of docs/operating/stack.md.
async fn by_command(bus: &Bus) -> Result<(), JourneyError> {
    let file = compose("2");
    let (text, env) = (file["compose"].as_str(), file["env_files"]["shop.env"].as_str());
    let write = format!(
        "cat >/run/compose.yaml <<'END'\n{}END\ncat >/run/shop.env <<'END'\n{}END\n",
        text.unwrap_or_default(),
        env.unwrap_or_default()
    );
    assert_eq!(bus.shell(&write, LONG).await?, 0);
    for (command, says) in [
        ("plan /run/compose.yaml", "~ shop"),
        ("apply /run/compose.yaml", "It runs"),
        ("plan /run/compose.yaml", "Everything is as the file says"),
        ("status", "shop"),
        ("logs gateway", "gateway"),
        ("restart barn", "It runs"),
        ("data", "MiB are free"),
        ("rollback", "It runs"),
        ("plan /run/compose.yaml", "~ shop"),
    ] {
        let checked = format!(
            "said=$(tayberryctl stack {command} 2>&1) && case \"$said\" in *\"{says}\"*) ;; *) echo \"$said\" >/dev/ttyAMA0; exit 9;; esac"
        );
        assert_eq!(bus.shell(&checked, LONG).await?, 0, "tayberryctl stack {command}: {says}");
    }
    Ok(())
}

/// A command in the shop's container.
fn inside(command: &str) -> String {
    format!("podman exec stack-shop /usr/bin/busybox {command}")
}

/// What a container must not, it cannot; and that it is not the command that fails is shown by one that may.
async fn tries(bus: &Bus) -> Result<(), JourneyError> {
    let barn = "$(podman inspect -f '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' stack-barn)";
    for (may, what, command) in [
        (true, "it writes to its folder in memory", inside("touch /tmp/x")),
        (false, "it writes to its root", inside("touch /x")),
        (true, "it reads its secret", inside("cat /run/secrets/till")),
        (false, "it reads another's secret", inside("cat /run/secrets/key")),
        (true, "it reaches itself", inside("wget -q -T 5 -O /dev/null http://shop:8080/")),
        (
            false,
            "it reaches another network by name",
            inside("wget -q -T 5 -O /dev/null http://barn:8080/barn/"),
        ),
        (true, "the other has an address", format!("[ -n \"{barn}\" ]")),
        (
            false,
            "it reaches another network by address",
            inside(&format!("wget -q -T 5 -O /dev/null http://{barn}:8080/barn/")),
        ),
        (true, "it opens a connection", inside("nc -w 5 127.0.0.1 8080 -e /usr/bin/busybox true")),
        (false, "it opens one to the world", inside("nc -w 5 10.0.2.100 80 -e /usr/bin/busybox true")),
        (false, "it mounts", inside("mount -t tmpfs none /tmp")),
        (false, "it changes its root", inside("chroot / /usr/bin/busybox true")),
        (true, "it knows what its file says", inside("sh -c '[ \"$OPENS\" = 8 ]'")),
    ] {
        let done = bus.shell(&command, LONG).await? == 0;
        assert_eq!(done, may, "{what}: {command}");
    }
    Ok(())
}

/// Memory and processes end at their limits; the service comes back, and the device lives.
async fn exhausts(owned: &mut Owned, bus: &Bus) -> Result<(), JourneyError> {
    let cgroup = "/sys/fs/cgroup/services.slice/stack-shop.service";
    let forks = "sh -c 'i=0; while [ $i -lt 600 ]; do /usr/bin/busybox sleep 60 & i=$((i+1)); done'";
    bus.shell(&inside(forks), LONG).await?;
    let counted = format!("read name count <$(echo {cgroup}/libpod-payload-*)/pids.events; [ $count -gt 0 ]");
    assert_eq!(bus.shell(&counted, LONG).await?, 0, "its processes are limited");

    bus.shell(&inside("dd if=/dev/zero of=/tmp/full bs=1M count=400"), LONG).await?;
    until("the restart of the shop", LONG, || {
        let now = owned.script.expect(200, "GET", "/stack", None)?;
        let services = now["services"].as_array().into_iter().flatten();
        let mut shop = services.filter(|one| one["name"] == "shop");
        Ok(shop.any(|one| one["restarts"] != 0 && one["health"] == "healthy").then_some(()))
    })
}

/// They get new values, the services that have them start anew, and others do not.
async fn secrets(owned: &mut Owned, bus: &Bus) -> Result<(), JourneyError> {
    let keep = "podman exec stack-shop /usr/bin/busybox cat /run/secrets/till >/run/till && \
                podman inspect -f '{{.State.Pid}}' stack-barn >/run/barn";
    assert_eq!(bus.shell(keep, LONG).await?, 0);
    let wrong = owned.script.ask("POST", "/stack/secrets/renew", Some(&json!({ "secrets": ["nothing"] })))?;
    assert_eq!(wrong.status, 404, "{}", wrong.text);
    owned.script.expect(200, "POST", "/stack/secrets/renew", Some(&json!({ "secrets": ["till"] })))?;
    settled(owned, &compose("1"))?;
    let differ = "new=$(podman exec stack-shop /usr/bin/busybox cat /run/secrets/till) && read old </run/till; \
                  [ ${#new} = 64 ] && [ \"$new\" != \"$old\" ] && \
                  read barn </run/barn && [ \"$(podman inspect -f '{{.State.Pid}}' stack-barn)\" = $barn ]";
    assert_eq!(bus.shell(differ, LONG).await?, 0, "another value, and the barn was left alone");
    Ok(())
}
