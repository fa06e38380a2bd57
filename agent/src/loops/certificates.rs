//! Gives the gateway its certificates, and tells the front when its own no longer fit: other names or addresses, the time is known now,
//! one ends soon, or there is another for the owner's domain.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tayberry_core::certificate::Leaf;
use zbus::object_server::InterfaceRef;

use crate::desk::{Desk, Loops};
use crate::device::whole_file;
use crate::loops::stack;
use crate::service::Agent;

/// How often the clock is looked at, and the front told again, should it not have asked.
const INTERVAL: Duration = Duration::from_secs(15);

/// What the gateway's certificate says, until the device restarts.
const HELD: &str = "/run/tayberry/gateway-certificate.json";
/// Longest such file, in bytes.
const MOST_BYTES: u64 = 64 << 10;

/// What [`HELD`] says.
#[derive(Serialize, Deserialize)]
struct Held {
    /// Fingerprint of the authority.
    authority: String,
    leaf: Leaf,
}

/// Tells it.
pub async fn run(desk: &Desk, agent: &InterfaceRef<Agent>, loops: &Loops) -> Infallible {
    let mut changes = loops.network.changes();
    let mut domain = loops.domain.watch();
    let (mut gateways, mut given, mut another_domain) = (held(desk, &loops.stack), false, false);
    loop {
        // A gateway of the system before this one has what it needs, and may have to go on with it.
        if !loops.stack.is_at_rest() {
            // First: a gateway starts once it has a certificate, and then with all that there are.
            if !given || another_domain {
                given = give_domain(loops).await;
            }
            certify_gateway(desk, &loops.stack, &mut gateways).await;
        }
        if desk.must_certify() || another_domain {
            tell(agent).await;
        }
        another_domain = false;
        tokio::select! {
            () = changes.next() => {}
            changed = domain.changed() => another_domain = changed.is_ok(),
            () = desk.time_changed() => {}
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

/// What the gateway holds since an agent before this one, if that is of the same authority: it is not made to read another.
fn held(desk: &Desk, stack: &stack::Handle) -> Option<Leaf> {
    let held: Held = whole_file::json(Path::new(HELD), MOST_BYTES).ok()??;
    (held.authority == desk.fingerprint() && stack.is_certified()).then_some(held.leaf)
}

fn keep(desk: &Desk, leaf: Option<&Leaf>) -> Result<(), String> {
    let Some(leaf) = leaf else { return Ok(()) };
    let held = Held { authority: desk.fingerprint(), leaf: leaf.clone() };
    let bytes = serde_json::to_vec(&held).map_err(|error| error.to_string())?;
    whole_file::show(Path::new(HELD), &bytes, 0o600).map_err(|error| format!("{HELD}: {error}"))
}

/// What does not work is tried again.
async fn certify_gateway(desk: &Desk, stack: &stack::Handle, held: &mut Option<Leaf>) {
    let given = match desk.certify_gateway(held) {
        Ok(None) => return,
        Ok(Some(certified)) => stack.certify_gateway(&certified).await,
        Err(error) => Err(error.to_string()),
    };
    if let Err(error) = given.and_then(|()| keep(desk, held.as_ref())) {
        tracing::warn!("the gateway's certificate: {error}");
        *held = None;
    }
}

/// Whether the gateway has what is held for the domain.
async fn give_domain(loops: &Loops) -> bool {
    let held = loops.domain.certificate();
    let given = loops.stack.give_domain(held.as_deref()).await;
    given.map_err(|error| tracing::warn!("the gateway's domain: {error}")).is_ok()
}

async fn tell(agent: &InterfaceRef<Agent>) {
    // Only to read: a request that takes minutes holds the object, and would keep all others out behind a writer.
    let object = agent.get().await;
    object.another_certificate();
    if let Err(error) = object.certificates_changed(agent.signal_emitter()).await {
        tracing::warn!("the front cannot be told of its certificate: {error}");
    }
}
