//! What is taken, and what is refused with its line.

use super::*;

const GOOD: &str = include_str!("../../fixtures/stack/good.yaml");

fn refused(text: &str) -> (Option<u64>, String) {
    let refusal = Stack::parse(text).unwrap_err();
    (refusal.line, refusal.reason)
}

#[test]
fn a_whole_file_is_understood() {
    let stack = Stack::parse(GOOD).unwrap();
    let names: Vec<String> = stack.services.keys().map(ToString::to_string).collect();
    assert_eq!(names, ["api", "gateway", "mongo", "redis", "web"]);
    let service = |name: &str| &stack.services[&name.parse::<Name>().unwrap()].value;
    let api = service("api");
    assert_eq!(api.depends_on.0[&"mongo".parse().unwrap()], Condition::ServiceHealthy);
    assert_eq!((api.tayberry.rollout, api.read_only), (Rollout::BlueGreen, true));
    assert_eq!(api.environment.0["RUST_LOG"], "info");
    assert_eq!(service("redis").command.as_ref().unwrap().0[0], "redis-server");
    assert_eq!(service("mongo").mem_limit.as_ref().unwrap().value, Bytes(512 << 20));
    assert_eq!(service("mongo").cpus, Some(Cpus(1500)));
    assert_eq!(service("gateway").ports[2].value, Port { host: 443, container: 443, udp: true });
}

#[test]
fn the_stack_of_the_system_is_good() {
    let stack = Stack::parse(include_str!("../../../../stack/compose.yaml")).unwrap();
    assert_eq!(crate::stack::doctor::look(&stack, 3 << 30, &std::collections::BTreeMap::new()), []);
    assert!(crate::stack::gateway::configuration(&stack, None).unwrap().contains("reverse_proxy api_b:8080"));
}

#[test]
fn the_stack_of_the_document_is_understood() {
    let document = include_str!("../../../../docs/operating/stack.md");
    let (_, rest) = document.split_once("```yaml\n").unwrap();
    let (file, _) = rest.split_once("```").unwrap();
    let stack = Stack::parse(file).unwrap();
    let found = crate::stack::doctor::look(&stack, 3 << 30, &std::collections::BTreeMap::new());
    let about: Vec<&str> = found.iter().map(|finding| finding.sentence.as_str()).collect();
    assert_eq!(about, [""; 0], "what owners copy is without fault");
}

/// Each with the line that is wrong, and words of the reason.
#[test]
fn what_is_wrong_is_said_with_its_line() {
    let lines = |lines: &[&str]| lines.join("\n");
    let service = |line: &str| lines(&["services:", "  web:", "    image: a/web:1", line]);
    // With a gateway in the network `default`.
    let routed = |line: &str| {
        let gateway = "  gateway: { image: \"a/b:1\" }";
        lines(&["services:", gateway, "  web:", "    image: a/web:1", line, "networks: { back: }"])
    };
    for (text, line, words) in [
        (service("    privileged: true"), 4, "privileged"),
        (service("    build: ."), 4, "build"),
        (service("    volumes: [\"/etc:/etc\"]"), 4, "folders of the device"),
        (service("    volumes: [\"data:/data\"]"), 4, "no volume data"),
        (service("    ports: [\"80:80\"]"), 4, "only the service `gateway`"),
        (service("    x-tayberry: { route: / }"), 4, "no other service `gateway`"),
        (routed("    x-tayberry: { route: api }"), 5, "the beginning of a path"),
        (routed("    x-tayberry: { route: /system/x }"), 5, "the device's own"),
        (routed("    networks: [back]\n    x-tayberry: { route: / }"), 6, "in no network together"),
        (routed("    ports: [\"80:80\"]"), 5, "only the service `gateway`"),
        (
            routed("    x-tayberry: { route: / }\n  other: { image: \"a/b:1\", x-tayberry: { route: / } }"),
            6,
            "the same route",
        ),
        (lines(&["services:", "  gateway: { image: \"a/b:1\", ports: [\"22:22\"] }"]), 2, "port 22"),
        (service("    cap_add: [SYS_ADMIN]"), 4, "SYS_ADMIN"),
        (service("    mem_limit: lots"), 4, "a size such as"),
        (service("    secrets: [key]"), 4, "no secret key"),
        (service("    networks: [back]"), 4, "no network back"),
        (service("    image: b/web:1"), 4, "duplicate"),
        (service("    user: root"), 4, ""),
        (service("    restart: sometimes"), 4, "sometimes"),
        (service("    environment: [HOME]"), 4, "NAME=VALUE"),
        (service("    x-tayberry: { rolout: x }"), 4, "rolout"),
        (service("    healthcheck: { test: [\"CMD\"] }"), 4, "nothing to run"),
        (
            service("    restart: \"no\"\n    x-tayberry: { rollout: blue-green }"),
            3,
            "it does something once",
        ),
        (
            service("    volumes: [\"a:/a\"]\n    x-tayberry: { rollout: blue-green }\nvolumes: { a: }"),
            3,
            "both would write",
        ),
        (lines(&["services:", "  web:", "    image: web"]), 3, "names no version"),
        (lines(&["services:", "  Web:", "    image: web:1"]), 2, "a name"),
        (lines(&["version: '3'", "services:", "  web:", "    image: web:1"]), 1, "version"),
        (service("    depends_on: { web: { condition: service_started } }"), 3, "wait for each other"),
        (lines(&["services:", "  a-network:", "    image: web:1"]), 3, "a network's unit"),
        (service("    depends_on: [db]"), 3, "which is no service"),
        (lines(&["services: {}", "networks: { a: { internal: false } }"]), 0, "no services"),
    ] {
        let (found, reason) = refused(&text);
        assert!(reason.contains(words), "{text}\n{found:?} {reason}");
        assert_eq!(found.unwrap_or(0), line, "{text}\n{reason}");
    }
}

#[test]
fn bombs_and_noise_are_refused() {
    let mut bomb = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let before = level - 1;
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{before}"); 9].join(", "));
    }
    for text in [bomb.as_str(), "", "[", "- a", "services:", "\0", "services: *nowhere", "--- {}\n--- {}"] {
        assert!(Stack::parse(text).is_err(), "{text:?}");
    }
    assert!(refused(&"#".repeat(MOST_BYTES + 1)).1.contains("longer than"));
}
