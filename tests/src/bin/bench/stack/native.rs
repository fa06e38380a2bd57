//! The services of the stack without device and containers: on this machine's own processor, with the programs that `scripts/bench` puts
//! into one folder. They run in namespaces of their own, where they find names, secrets and ports as in their containers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use system_tests::JourneyError;
use system_tests::web::until;
use tayberry_agent::device::app_key::AppKey;
use tayberry_agent::device::clock;
use tayberry_core::stack::{Stack, gateway, quadlet};

use super::{MIB, measure, report};
use crate::{failed, hundredths};

/// How long all of them may take to answer.
const PATIENCE: Duration = Duration::from_secs(120);
/// Port of the API: the pages have 8080.
const API: u16 = 9080;

/// Starts the benchmark again where it has the network, the mounts and the users to itself.
///
/// # Errors
/// When that is not allowed, or the benchmark fails.
pub(crate) fn run(project: &Path) -> Result<(), JourneyError> {
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount", "--net", "--"]).arg(std::env::current_exe()?);
    let status = command.args(["stack", "native", "inside"]).current_dir(project).status()?;
    if status.success() { Ok(()) } else { Err(failed(format!("the services here: {status}"))) }
}

/// A service that ends with this value.
struct Running {
    name: &'static str,
    child: Child,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        self.child.kill().and_then(|()| self.child.wait()).map(drop).unwrap_or_default();
    }
}

/// Where everything is.
struct Places {
    programs: PathBuf,
    work: tempfile::TempDir,
}

impl Places {
    fn file(&self, name: &str) -> PathBuf {
        self.work.path().join(name)
    }

    fn start(&self, name: &'static str, program: &str, arguments: &[&str]) -> Result<Running, JourneyError> {
        let folder = self.file(name);
        fs::create_dir_all(&folder)?;
        let log = fs::File::create(folder.join("log"))?;
        let child = Command::new(self.programs.join(program))
            .args(arguments)
            .current_dir(folder)
            .env("PATH", format!("{}:{}", self.programs.display(), std::env::var("PATH").unwrap_or_default()))
            .envs([("LD_LIBRARY_PATH", self.programs.as_os_str()), ("HOME", self.work.path().as_os_str())])
            .envs([("DATABASE_USERS", "api@console"), ("PORT", "9080")])
            .env("DEVICE_KEYS", Path::new(quadlet::KEYS).join("keys.json"))
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn();
        let child = child.map_err(|error| failed(format!("{program}: {error}")))?;
        Ok(Running { name, child })
    }
}

/// The benchmark in its namespaces.
///
/// # Errors
/// When a service does not start, or does not answer.
pub(crate) fn inside() -> Result<(), JourneyError> {
    let project = std::env::current_dir()?;
    let places = Places { programs: project.join("target/bench/native"), work: tempfile::tempdir()? };
    prepare(&places)?;
    let began = Instant::now();
    let services = start(&places, &project)?;
    let base = "https://localhost";
    let mut ready = String::new();
    let healthy = until("all services", PATIENCE, || {
        ready = curl(&[&format!("{base}/api/ready")])?;
        let both = ready.contains("\"database\":true") && ready.contains("\"redis\":true");
        Ok(both.then(|| began.elapsed().as_secs_f64()))
    });
    let healthy = healthy.map_err(|error| failed(format!("{error}: {ready}\n{}", logs(&places))))?;
    let headers = sign_in(&places, base)?;
    let rss = resident(&services)?;
    let loads = measure(base, &format!("http://localhost:{API}"), "http://localhost:8080", &headers)?;
    report(("first process to all services healthy", "start_to_healthy_s", healthy), &rss, &loads);
    Ok(())
}

/// Names, secrets and certificates, as in containers.
fn prepare(places: &Places) -> Result<(), JourneyError> {
    let shell = |script: &str| {
        let status = Command::new("sh").args(["-ec", script]).status()?;
        if status.success() { Ok(()) } else { Err(failed(format!("{script}: {status}"))) }
    };
    let hosts = places.file("hosts");
    fs::write(&hosts, "127.0.0.1 localhost api_a mongo redis web_a\n")?;
    shell("ip link set lo up; mount -t tmpfs tmpfs /run; mkdir -p /run/secrets /run/tayberry")?;
    shell(&format!("mount --bind {} /etc/hosts", hosts.display()))?;
    let secrets = Path::new("/run/secrets");
    for name in ["mongo-api", "redis-api"] {
        fs::write(secrets.join(name), "a password of this run")?;
    }
    let users = "user default off\nuser api on >a-password-of-this-run ~* &* +@all -@admin -@dangerous\n";
    fs::write(secrets.join("redis-users"), users)?;
    fs::write(secrets.join("redis-api"), "a-password-of-this-run")?;
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(failed)?;
    fs::write(Path::new(gateway::INSIDE).join(gateway::CHAIN), made.cert.pem())?;
    fs::write(Path::new(gateway::INSIDE).join(gateway::KEY), made.signing_key.serialize_pem())?;
    Ok(())
}

fn start(places: &Places, project: &Path) -> Result<Vec<Running>, JourneyError> {
    let compose = fs::read_to_string(project.join("stack/compose.yaml"))?;
    let stack = Stack::parse(&compose).map_err(failed)?;
    let routes = gateway::configuration(&stack, None).unwrap_or_default();
    let gateway_file = places.file("gateway.caddyfile");
    fs::write(&gateway_file, plain(&routes))?;
    let pages = fs::read_to_string(project.join("stack/web/rootfs/etc/caddy/Caddyfile"))?;
    let dist = project.join("stack/web/dist-console");
    let web_file = places.file("web.caddyfile");
    fs::write(&web_file, plain(&pages.replace("/usr/share/www", &dist.display().to_string())))?;
    let caddy = |file: &Path| {
        [
            "run".to_owned(),
            "--config".to_owned(),
            file.display().to_string(),
            "--adapter".into(),
            "caddyfile".into(),
        ]
    };
    let run = |name, file: &Path| {
        let arguments = caddy(file);
        places.start(name, "caddy", &arguments.each_ref().map(String::as_str))
    };
    // It goes to its folder at once, before it reads which other one is meant.
    let settings = fs::read_to_string(project.join("stack/redis/rootfs/etc/redis/redis.conf"))?;
    let settings: Vec<&str> = settings.lines().filter(|line| !line.starts_with("dir ")).collect();
    let redis = places.file("redis.conf");
    fs::write(&redis, settings.join("\n"))?;
    let redis = redis.display().to_string();
    let data = places.file("mongo").display().to_string();
    let kept = places.file("redis").display().to_string();
    Ok(vec![
        places.start(
            "mongo",
            "tayberry-database",
            &[
                "secantusd-rs",
                "--storage-path",
                &data,
                "--sync-on-commit",
                "--cache-size",
                "64M",
                "--log-file-max",
                "4MB",
            ],
        )?,
        places.start(
            "redis",
            "redis-server",
            &[&redis, "--dir", &kept, "--supervised", "no", "--aclfile", "/run/secrets/redis-users"],
        )?,
        places.start("api", "tayberry-api", &[])?,
        run("web", &web_file)?,
        run("gateway", &gateway_file)?,
    ])
}

/// A configuration for a Caddy that opens its ports itself: sockets as file descriptors, a delay when it ends connections, keeping its
/// configuration or not, and an empty replacement in a header are newer than what distributions have.
fn plain(text: &str) -> String {
    let mut lines = Vec::new();
    let mut inside = 0;
    for line in text.lines() {
        let word = line.trim_start();
        if inside > 0 || word.starts_with("bind ") {
            inside += usize::from(word.ends_with('{'));
            inside -= usize::from(inside > 0 && word == "}");
        } else if !["stream_close_delay", "persist_config", "header_up Cookie"]
            .iter()
            .any(|newer| word.starts_with(newer))
        {
            lines.push(line.replace("api_a:8080", &format!("api_a:{API}")));
        }
    }
    lines.join("\n") + "\n"
}

/// What the headers of a signed-in person are.
fn sign_in(places: &Places, base: &str) -> Result<[String; 2], JourneyError> {
    let token = AppKey::make()?.token("bench", clock::now());
    let proof = json!({ "token": token }).to_string();
    let jar = places.file("jar").display().to_string();
    let url = format!("{base}/api/session");
    let said = curl(&[
        "--cookie-jar",
        &jar,
        "--header",
        "Content-Type: application/json",
        "--data-binary",
        &proof,
        &url,
    ])?;
    let who: Value = serde_json::from_str(&said).map_err(|error| failed(format!("{said}: {error}")))?;
    let kept = fs::read_to_string(&jar)?;
    let secret = kept.lines().find(|line| line.contains("__Host-console"));
    let secret = secret.and_then(|line| line.split_whitespace().next_back()).ok_or_else(|| failed(&said))?;
    let csrf = who["csrf"].as_str().ok_or_else(|| failed(&said))?;
    let cookie = format!("Cookie: __Host-console={secret}");
    let seen = curl(&["--include", "--header", &cookie, &format!("{base}/api/preferences")])?;
    if !seen.contains(" 200") {
        return Err(failed(format!("{seen}\n{}", logs(places))));
    }
    Ok([cookie, format!("X-Console-Csrf: {csrf}")])
}

fn curl(arguments: &[&str]) -> Result<String, JourneyError> {
    let output =
        Command::new("curl").args(["--silent", "--insecure", "--max-time", "20"]).args(arguments).output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Resident memory of each service and what it started, in MiB.
fn resident(services: &[Running]) -> Result<Value, JourneyError> {
    let mut all = serde_json::Map::new();
    for service in services {
        let id = service.child.id();
        let tree = Command::new("ps")
            .args(["-o", "rss=", "--pid", &id.to_string(), "--ppid", &id.to_string()])
            .output()?;
        let text = String::from_utf8_lossy(&tree.stdout).into_owned();
        let kib: f64 = text.split_whitespace().filter_map(|word| word.parse::<f64>().ok()).sum();
        all.insert(service.name.to_owned(), json!(hundredths(kib * 1024.0 / MIB)));
    }
    Ok(Value::Object(all))
}

fn logs(places: &Places) -> String {
    let all = ["mongo", "redis", "api", "web", "gateway"].map(|name| {
        let log = fs::read_to_string(places.file(name).join("log")).unwrap_or_default();
        let end: Vec<&str> = log.lines().rev().take(5).collect();
        format!("{name}: {}", end.join("\n  "))
    });
    all.join("\n")
}
