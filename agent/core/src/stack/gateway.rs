//! The gateway: the one service that is reached from outside. Its configuration is made of what the others declare, in the words of
//! Caddy (caddyserver.com/docs/caddyfile, 2.11). Its ports come from systemd (sd_listen_fds(3)), its certificate from the device's own
//! authority. Writing the files is left to the agent.

use std::fmt::Write as _;
use std::time::Duration;

use super::compose::{Rollout, Service, Stack};
use super::side::{self, Side};
use super::values::Name;
use crate::domain::DomainName;

/// Folder on the device of what the agent gives to the gateway; in the container, [`INSIDE`]. It cannot write there.
pub const FOLDER: &str = "/run/tayberry/gateway";
/// The same in the container.
pub const INSIDE: &str = "/run/tayberry";
/// File of [`FOLDER`]: the configuration.
pub const CONFIGURATION: &str = "Caddyfile";
/// File of [`FOLDER`]: the certificate and that of the authority.
pub const CHAIN: &str = "chain.pem";
/// File of [`FOLDER`]: the certificate's key.
pub const KEY: &str = "key.pem";
/// File of [`FOLDER`]: the certificate of the owner's domain and those above it.
pub const DOMAIN_CHAIN: &str = "domain-chain.pem";
/// File of [`FOLDER`]: that certificate's key.
pub const DOMAIN_KEY: &str = "domain-key.pem";
/// Unit of the ports 80 and 443, TCP and UDP, in this order: file descriptors 3, 4 and 5.
pub const SOCKET: &str = "tayberry-front-web.socket";
/// Port of a service that names none.
pub const PORT: u16 = 8080;
/// How long the gateway may be between two lives before the front answers in its place.
pub const PAUSE: Duration = Duration::from_secs(30);
/// What `SubState` ends with between the end of a service and its next start (systemd 254 and later).
pub(super) const BEFORE_RESTART: &str = "-before-auto-restart";
/// Longest body of a request, in mebibytes.
const BODY: u32 = 64;
/// How long a request waits for a service that takes no connection: it is started again, or the server of names is.
const WAITS: &str = "5s";
/// The front's session: no service gets it.
const COOKIE: &str = "__Host-tayberry";

/// What holds for every gateway.
const HEAD: &str = "\
# Written by tayberryd from the stack; what is changed here is lost.
{
	admin off
	auto_https off
	persist_config off
	# Its place is taken by another: clients are told to connect anew before it goes.
	shutdown_delay 5s
	grace_period 10s
	servers {
		timeouts {
			read_header 10s
			idle 2m
		}
		max_header_size 32KiB
	}
}

:80 {
	bind fd/3
	header -Server
	# An authority that looks whether a domain leads here.
	handle /.well-known/acme-challenge/* {
		reverse_proxy unix//run/tayberry/front.sock
	}
	handle {
		redir https://{host}{uri} 307
	}
}

";

/// The configuration; none for a stack without a gateway. With the owner's domain, if there is a certificate for it.
#[must_use]
pub fn configuration(stack: &Stack, domain: Option<&DomainName>) -> Option<String> {
    stack.gateway()?;
    let mut text = String::from(HEAD);
    // Writing to a String cannot fail.
    write!(
        text,
        "(all) {{\n\tbind fd/4 {{\n\t\tprotocols h1 h2\n\t}}\n\tbind fdgram/5 {{\n\t\tprotocols h3\n\t}}\n\
         \tencode zstd gzip\n\trequest_body {{\n\t\tmax_size {BODY}MiB\n\t}}\n\
         \theader {{\n\t\t-Server\n\t\t?X-Content-Type-Options nosniff\n\t\t?X-Frame-Options SAMEORIGIN\n\
         \t\t?Referrer-Policy strict-origin-when-cross-origin\n\t}}\n\
         \t@goes vars {{http.shutting_down}} true\n\theader @goes Connection close\n\
         \t# The device's own pages and what anybody may ask it.\n\
         \thandle /system/* {{\n\t\treverse_proxy unix/{INSIDE}/front.sock\n\t}}\n"
    )
    .unwrap_or_default();
    for (route, name, service) in routes(stack) {
        let matcher = if route == "/" { String::new() } else { format!("{route} {route}/*") };
        handle(&mut text, &matcher, name, service);
    }
    text.push_str("}\n");
    site(&mut text, "", CHAIN, KEY);
    if let Some(domain) = domain {
        site(&mut text, domain.as_str(), DOMAIN_CHAIN, DOMAIN_KEY);
    }
    Some(text)
}

/// The same under another name, with its certificate.
fn site(text: &mut String, name: &str, chain: &str, key: &str) {
    // Writing to a String cannot fail.
    write!(text, "\n{name}:443 {{\n\ttls {INSIDE}/{chain} {INSIDE}/{key}\n\timport all\n}}\n")
        .unwrap_or_default();
}

/// Routes, the longest first: Caddy takes the first that fits.
fn routes(stack: &Stack) -> Vec<(&str, &Name, &Service)> {
    let route = |(name, service)| {
        let service: &Service = service;
        Some((service.tayberry.route.as_ref()?.value.as_str(), name, service))
    };
    let services = stack.services.iter().map(|(name, service)| (name, &service.value));
    let mut routes: Vec<_> = services.filter_map(route).collect();
    routes.sort_by_key(|(route, ..)| (std::cmp::Reverse(route.len()), (*route).to_owned()));
    routes
}

/// Without `stream_close_delay`: it has WebSockets end without a close code when the gateway ends, which does not wait for it.
fn handle(text: &mut String, matcher: &str, name: &Name, service: &Service) {
    let port = service.tayberry.port.unwrap_or(PORT);
    let proxy = |host: &str, tabs: &str| {
        format!(
            "{tabs}reverse_proxy {host}:{port} {{\n{tabs}\tlb_try_duration {WAITS}\n{tabs}\theader_up Cookie \"{COOKIE}=[^;]*(; )?\" \"\"\n{tabs}}}\n"
        )
    };
    let inside = if service.tayberry.rollout == Rollout::BlueGreen {
        // Looked at with every request: the other side is taken without a word to the gateway, whose connections stay.
        let [a, b] = Side::ALL.map(|side| side.host(name));
        format!(
            "\t\t@{b} file {{\n\t\t\troot {INSIDE}/{}\n\t\t\ttry_files {name}\n\t\t}}\n\
             \t\thandle @{b} {{\n{}\t\t}}\n\t\thandle {{\n{}\t\t}}\n",
            side::FOLDER,
            proxy(&b, "\t\t\t"),
            proxy(&a, "\t\t\t"),
        )
    } else {
        proxy(&name.to_string(), "\t\t")
    };
    let named = if matcher.is_empty() { String::new() } else { format!(" @{name}") };
    if !matcher.is_empty() {
        text.push_str(&format!("\t@{name} path {matcher}\n"));
    }
    text.push_str(&format!("\thandle{named} {{\n{inside}\t}}\n"));
}

/// Whether the gateway has the ports, and not the front: `active` and `sub` are its unit's `ActiveState` and `SubState`, `since` how long
/// it is in another state than `active`, `had` whether it had them until now. A gateway that is started again keeps them for [`PAUSE`]:
/// who comes then waits.
#[must_use]
pub fn has_the_ports(active: &str, sub: &str, since: Duration, had: bool) -> bool {
    let between_lives = had && since < PAUSE;
    match active {
        "active" | "reloading" => true,
        "activating" | "deactivating" => between_lives,
        // It ended, and systemd has not yet said that it starts it again.
        _ => between_lives && sub.ends_with(BEFORE_RESTART),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is rendered of `good.yaml`. `TAYBERRY_GOLDEN=1` writes it anew.
    #[test]
    fn golden() {
        let stack = Stack::parse(include_str!("../../fixtures/stack/good.yaml")).unwrap();
        let domain = "shop.example.org".to_owned().try_into().unwrap();
        let text = configuration(&stack, Some(&domain)).unwrap();
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stack/good.caddyfile");
        if std::env::var_os("TAYBERRY_GOLDEN").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(path).unwrap_or_default());
        let alone = configuration(&stack, None).unwrap();
        assert!(text.starts_with(&alone) && !alone.contains("shop.example.org"), "{alone}");
    }

    #[test]
    fn who_has_the_ports() {
        let long = PAUSE + Duration::from_secs(1);
        for (active, sub, since, had, has) in [
            ("active", "running", Duration::ZERO, false, true),
            ("activating", "start", Duration::ZERO, false, false),
            ("activating", "auto-restart", Duration::ZERO, true, true),
            ("deactivating", "stop", Duration::ZERO, true, true),
            ("activating", "start", long, true, false),
            ("failed", "failed-before-auto-restart", Duration::ZERO, true, true),
            ("failed", "failed-before-auto-restart", Duration::ZERO, false, false),
            ("failed", "failed", Duration::ZERO, true, false),
            ("inactive", "dead", Duration::ZERO, true, false),
        ] {
            assert_eq!(has_the_ports(active, sub, since, had), has, "{active} {sub} {since:?} {had}");
        }
    }
}
