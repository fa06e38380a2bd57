//! What the gateway gets from the device: its configuration, its certificate, and the ports while it serves.

use std::convert::Infallible;
use std::fs;
use std::io;
use std::os::unix::fs::chown;
use std::path::Path;
use std::sync::{MutexGuard, PoisonError};

use futures_util::StreamExt;
use tayberry_core::domain::DomainName;
use tayberry_core::stack::Stack;
use tayberry_core::stack::compose::GATEWAY;
use tayberry_core::stack::gateway::{
    self, CHAIN, CONFIGURATION, DOMAIN_CHAIN, DOMAIN_KEY, FOLDER, KEY, PAUSE,
};
use tayberry_core::stack::side::Side;
use tokio::time::Instant;

use super::{Handle, StackError, roll, store};
use crate::device::acme::Certificate;
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

/// Its units, of which one runs, or both while one takes the place of the other.
fn units() -> [String; 2] {
    Side::ALL.map(|side| format!("{}.service", side.stem_of(GATEWAY)))
}

impl Handle {
    /// Keeps the certificate where the gateway finds it; one that runs reads it anew.
    ///
    /// # Errors
    /// When it cannot be written, or systemd does not answer.
    pub async fn certify_gateway(&self, certified: &Certified) -> Result<(), String> {
        self.show([CHAIN, KEY], certified).map_err(|error| format!("{FOLDER}: {error}"))?;
        self.0.certified.send_replace(true);
        self.reload_gateway().await.map_err(|error| error.to_string())
    }

    /// Whether a certificate lies there since an agent before this one.
    pub fn is_certified(&self) -> bool {
        let there = [CHAIN, KEY].iter().all(|file| Path::new(FOLDER).join(file).exists());
        self.0.certified.send_if_modified(|certified| !std::mem::replace(certified, there) && there);
        there
    }

    /// The same for the owner's domain, if there is one.
    ///
    /// # Errors
    /// As above.
    pub async fn give_domain(&self, domain: Option<&Certificate>) -> Result<(), String> {
        let words = |error: &dyn std::fmt::Display| error.to_string();
        let mut news = false;
        if let Some(held) = domain {
            let certified = Certified { chain: held.chain_pem(), key: held.key_pem() };
            let shown = self.show([DOMAIN_CHAIN, DOMAIN_KEY], &certified);
            news = shown.map_err(|error| format!("{FOLDER}: {error}"))?;
        }
        *self.domain() = domain.map(|held| held.about.name.clone());
        let stack = store::stack(&self.record().declared).map_err(|error| words(&error))?;
        if self.0.gateway_user.borrow().is_some()
            && let Some(stack) = stack
        {
            news |= self.configure_gateway(&stack).map_err(|error| words(&error))?;
            // It closes connections that nobody uses at the moment, and who listens connects anew: not for nothing.
            if news {
                self.reload_gateway().await.map_err(|error| words(&error))?;
            }
        }
        if domain.is_none() {
            let removed =
                [DOMAIN_CHAIN, DOMAIN_KEY].map(|file| fs::remove_file(Path::new(FOLDER).join(file)));
            let bad = removed.into_iter().filter_map(Result::err);
            let bad = bad.filter(|error| error.kind() != io::ErrorKind::NotFound).last();
            return bad.map_or(Ok(()), |error| Err(format!("{FOLDER}: {error}")));
        }
        Ok(())
    }

    /// Writes a certificate and its key into the gateway's folder. True when they are others than before.
    fn show(&self, [chain, key]: [&str; 2], certified: &Certified) -> io::Result<bool> {
        let folder = Path::new(FOLDER);
        fs::create_dir_all(folder)?;
        let holds =
            |file: &str, text: &str| fs::read(folder.join(file)).is_ok_and(|held| held == text.as_bytes());
        let is_new = !holds(chain, &certified.chain) || !holds(key, &certified.key);
        whole_file::show(&folder.join(chain), certified.chain.as_bytes(), 0o444)?;
        whole_file::show(&folder.join(key), certified.key.as_bytes(), 0o400)?;
        (*self.0.gateway_user.borrow()).map_or(Ok(()), give)?;
        Ok(is_new)
    }

    /// Writes its configuration. True when it is another one.
    fn configure_gateway(&self, stack: &Stack) -> Result<bool, StackError> {
        let path = Path::new(FOLDER).join(CONFIGURATION);
        let text = gateway::configuration(stack, self.domain().as_ref()).unwrap_or_default();
        let is_new = fs::read(&path).ok().as_deref() != Some(text.as_bytes());
        if is_new {
            let shown = whole_file::show(&path, text.as_bytes(), 0o444);
            shown.map_err(|error| StackError::Io(FOLDER.into(), error))?;
        }
        Ok(is_new)
    }

    fn domain(&self) -> MutexGuard<'_, Option<DomainName>> {
        self.0.domain.lock().unwrap_or_else(PoisonError::into_inner)
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
        give(user).map_err(|error| StackError::Io(FOLDER.into(), error))?;
        self.configure_gateway(stack)
    }

    /// A gateway that runs reads its files anew. One that does not will.
    pub(super) async fn reload_gateway(&self) -> zbus::Result<()> {
        for unit in units() {
            if systemd::active_state(&self.0.bus, &unit).await? == "active" {
                let bad = systemd::run(&self.0.bus, Job::Reload, &[unit], RELOAD).await?;
                if !bad.is_empty() {
                    tracing::warn!("the gateway did not read its files anew");
                }
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
                // What was seen last holds: systemd is away for a moment in a live update, and the gateway is not.
                tracing::warn!("the gateway cannot be followed: {error}");
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// `ActiveState` and `SubState` of the side that runs, or was asked last.
    async fn life(&self) -> zbus::Result<(String, String)> {
        let [a, b] = units();
        let on_b = roll::on_b().is_ok_and(|services| services.contains(GATEWAY));
        let (asked, other) = if on_b { (b, a) } else { (a, b) };
        let (life, other) =
            (systemd::life(&self.0.bus, &asked).await?, systemd::life(&self.0.bus, &other).await?);
        Ok(if life.0 != "active" && other.0 == "active" { other } else { life })
    }

    /// Looks once who has the ports, before anybody asks.
    ///
    /// # Errors
    /// When systemd does not answer.
    pub async fn find_gateway(&self) -> zbus::Result<()> {
        let (active, _) = self.life().await?;
        self.0.gateway.send_replace(active == "active");
        Ok(())
    }

    async fn follow(&self) -> zbus::Result<()> {
        let [a, b] = units();
        let [a, b] = [systemd::changes(&self.0.bus, &a).await?, systemd::changes(&self.0.bus, &b).await?];
        let mut changes = futures_util::stream::select(a, b);
        let mut active_last = Instant::now();
        loop {
            let (active, sub) = self.life().await?;
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

/// The keys are the gateway's.
fn give(user: u32) -> io::Result<()> {
    for key in [KEY, DOMAIN_KEY] {
        match chown(Path::new(FOLDER).join(key), Some(user), Some(user)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// The first of the device's users that are the gateway's.
pub(super) fn first(
    users: &std::collections::BTreeMap<tayberry_core::stack::values::Name, u32>,
) -> Option<u32> {
    users.iter().find(|(name, _)| name.to_string() == GATEWAY).map(|(_, first)| *first)
}
