//! What the gateway gets from the device: its configuration, its certificate, and the ports while it serves.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::chown;
use std::path::Path;

use futures_util::StreamExt;
use tayberry_core::stack::Stack;
use tayberry_core::stack::compose::GATEWAY;
use tayberry_core::stack::gateway::{self, CHAIN, CONFIGURATION, FOLDER, KEY, PAUSE};
use tayberry_core::stack::quadlet;
use tokio::time::Instant;

use super::{Handle, StackError};
use crate::device::systemd::{self, Job};
use crate::device::whole_file;

/// How long the gateway may take to read its files anew.
const RELOAD: std::time::Duration = std::time::Duration::from_secs(60);

/// A certificate for the gateway, PEM.
pub struct Certified {
    /// Its own, and the authority's.
    pub chain: String,
    /// Its key.
    pub key: String,
}

fn unit() -> String {
    format!("stack-{GATEWAY}.service")
}

impl Handle {
    /// Keeps the certificate where the gateway finds it; one that runs reads it anew.
    ///
    /// # Errors
    /// When it cannot be written, or systemd does not answer.
    pub async fn certify_gateway(&self, certified: &Certified) -> Result<(), String> {
        let folder = Path::new(FOLDER);
        let written = fs::create_dir_all(folder)
            .and_then(|()| whole_file::show(&folder.join(CHAIN), certified.chain.as_bytes(), 0o444))
            .and_then(|()| whole_file::show(&folder.join(KEY), certified.key.as_bytes(), 0o400));
        written.map_err(|error| format!("{FOLDER}: {error}"))?;
        self.0.certified.send_replace(true);
        let Some(user) = *self.0.gateway_user.borrow() else { return Ok(()) };
        give(user).map_err(|error| format!("{FOLDER}/{KEY}: {error}"))?;
        self.reload_gateway().await.map_err(|error| error.to_string())
    }

    /// Puts everything there that `stack`'s gateway needs. True when a gateway that runs has to read it anew.
    pub(super) async fn prepare_gateway(
        &self,
        stack: &Stack,
        first: Option<u32>,
    ) -> Result<bool, StackError> {
        let Some((_, service)) = stack.gateway() else {
            self.0.gateway_user.send_replace(None);
            return Ok(false);
        };
        let user = first.unwrap_or_default() + service.user.as_ref().map_or(0, |user| user.value);
        self.0.gateway_user.send_replace(Some(user));
        // The first certificate is on its way; without the loop that makes them there is no agent.
        drop(self.0.certified.subscribe().wait_for(|there| *there).await);
        let path = Path::new(FOLDER).join(CONFIGURATION);
        let text = gateway::configuration(stack).unwrap_or_default();
        let is_new = fs::read(&path).ok().as_deref() != Some(text.as_bytes());
        let done = give(user)
            .and_then(|()| if is_new { whole_file::show(&path, text.as_bytes(), 0o444) } else { Ok(()) });
        done.map_err(|error| StackError::Io(FOLDER.into(), error))?;
        Ok(is_new)
    }

    /// A gateway that runs reads its files anew. One that does not will.
    pub(super) async fn reload_gateway(&self) -> zbus::Result<()> {
        if systemd::active_state(&self.0.bus, &unit()).await? == "active" {
            let bad = systemd::run(&self.0.bus, Job::Reload, &[unit()], RELOAD).await?;
            if !bad.is_empty() {
                tracing::warn!("the gateway did not read its files anew");
            }
        }
        Ok(())
    }

    /// Whether the gateway serves the ports 80 and 443.
    #[must_use]
    pub fn gateway_serves(&self) -> bool {
        *self.0.gateway.borrow()
    }

    /// Tells of every change of that.
    pub(super) fn watch_gateway(&self) -> tokio::sync::watch::Receiver<bool> {
        self.0.gateway.subscribe()
    }

    /// Follows the gateway's unit, for ever.
    pub async fn follow_gateway(&self) -> Infallible {
        loop {
            if let Err(error) = self.follow().await {
                tracing::warn!("the gateway cannot be followed: {error}");
            }
            self.0.gateway.send_replace(false);
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn follow(&self) -> zbus::Result<()> {
        let mut changes = systemd::changes(&self.0.bus, &unit()).await?;
        let mut active_last = Instant::now();
        loop {
            let (active, sub) = systemd::life(&self.0.bus, &unit()).await?;
            if active == "active" {
                active_last = Instant::now();
            }
            let had = self.gateway_serves();
            let has = gateway::has_the_ports(&active, &sub, active_last.elapsed(), had);
            self.0.gateway.send_if_modified(|now| std::mem::replace(now, has) != has);
            let pause = async {
                // It is between two lives: the front must not wait for ever.
                if has && active != "active" {
                    tokio::time::sleep_until(active_last + PAUSE).await;
                } else {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                change = changes.next() => if change.is_none() { return Ok(()) },
                () = pause => {}
            }
        }
    }
}

/// The key is the gateway's.
fn give(user: u32) -> io::Result<()> {
    chown(Path::new(FOLDER).join(KEY), Some(user), Some(user))
}

/// The first of the device's users that are the gateway's.
pub(super) fn first(
    users: &std::collections::BTreeMap<tayberry_core::stack::values::Name, u32>,
) -> Option<u32> {
    users.iter().find(|(name, _)| quadlet::unit(name) == unit()).map(|(_, first)| *first)
}
