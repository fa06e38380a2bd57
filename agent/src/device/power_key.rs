//! The power button as an input device of the kernel (gpio-keys), and logind, which must leave it to us.

use evdev::{BusType, Device, EventSummary, EventType, KeyCode};
use tokio::sync::mpsc;
use zbus::OwnedFd;

/// A key that cannot be followed.
#[derive(Debug, thiserror::Error)]
pub enum PowerKeyError {
    /// No device has one.
    #[error("no input device has a power key")]
    None,
    /// Every device that had one is gone.
    #[error("the input devices with a power key are gone")]
    Gone,
    /// logind.
    #[error("systemd-logind does not leave the power key to the agent: {0}")]
    Logind(#[from] zbus::Error),
}

/// logind (org.freedesktop.login1(5)).
#[zbus::proxy(
    interface = "org.freedesktop.login1.Manager",
    default_service = "org.freedesktop.login1",
    default_path = "/org/freedesktop/login1"
)]
trait Login {
    /// Holds something back for as long as the descriptor is open.
    fn inhibit(&self, what: &str, who: &str, why: &str, mode: &str) -> zbus::Result<OwnedFd>;
}

/// Presses of the board's power button. Without it, logind switches off at the first press.
pub struct PowerKeys {
    presses: mpsc::Receiver<()>,
    _inhibitor: OwnedFd,
}

impl PowerKeys {
    /// Takes the keys that there are now.
    ///
    /// # Errors
    /// When there are none, or logind refuses.
    pub async fn take() -> Result<Self, PowerKeyError> {
        let devices: Vec<_> = evdev::enumerate().filter(|(_, device)| is_boards_own(device)).collect();
        if devices.is_empty() {
            return Err(PowerKeyError::None);
        }
        let bus = zbus::Connection::system().await?;
        let why = "One press switches off, five show a code";
        let inhibitor =
            LoginProxy::new(&bus).await?.inhibit("handle-power-key", "tayberryd", why, "block").await?;
        let (sender, presses) = mpsc::channel(16);
        for (path, device) in devices {
            match device.into_event_stream() {
                Ok(stream) => drop(tokio::spawn(follow(stream, sender.clone()))),
                Err(error) => tracing::warn!("{}: {error}", path.display()),
            }
        }
        Ok(Self { presses, _inhibitor: inhibitor })
    }

    /// Waits for the next press.
    ///
    /// # Errors
    /// When no device is left.
    pub async fn pressed(&mut self) -> Result<(), PowerKeyError> {
        self.presses.recv().await.ok_or(PowerKeyError::Gone)
    }
}

/// The board's own button, as gpio-keys shows it; keyboards have such a key, too, and come and go.
fn is_boards_own(device: &Device) -> bool {
    device.input_id().bus_type() == BusType::BUS_HOST
        && device.supported_keys().is_some_and(|keys| keys.contains(KeyCode::KEY_POWER))
}

async fn follow(mut stream: evdev::EventStream, presses: mpsc::Sender<()>) {
    loop {
        match stream.next_event().await {
            // 1: down; 2 repeats while it is held (Linux, input/event-codes.rst).
            Ok(event) if event.event_type() == EventType::KEY => {
                if matches!(event.destructure(), EventSummary::Key(_, KeyCode::KEY_POWER, 1))
                    && presses.send(()).await.is_err()
                {
                    return;
                }
            }
            Ok(_) => {}
            Err(error) => {
                tracing::warn!("the power key: {error}");
                return;
            }
        }
    }
}
