//! Reads temperatures, decides with `tayberry_core::thermal`, and drives the fan; once a second.
//!
//! An agent that dies leaves the fan to its unit's `ExecStopPost`, which drives it fully, and to the kernel's trip points.

use std::convert::Infallible;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tayberry_core::firmware::Celsius;
use tayberry_core::liveness::Pulse;
use tayberry_core::request::metrics::{Cooling, Temperature};
use tayberry_core::thermal::{self, Decision, Reading, Sensor, State, Tacho, Wish, Worry};
use tokio::task::JoinHandle;

use crate::device::fans::Fans;
use crate::device::hwmon::Hwmon;
use crate::device::mailbox::Mailbox;
use crate::device::{clock, kernel_log, last_words, systemd, whole_file};

/// What the owner wants of the fans: on the data partition.
const RECORD: &str = "/var/lib/tayberry/fan.json";
/// Longest record that is read, in bytes.
const MOST_BYTES: u64 = 4096;
/// How long a sensor may take. Two of them and a second are less than [`thermal::STALE`]: a round that waited has no old readings of others.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was decided last, and what is wished; clones share it.
#[derive(Clone)]
pub struct Handle(Arc<Mutex<Inner>>);

#[derive(Default)]
struct Inner {
    cooling: Option<Cooling>,
    wish: Wish,
}

/// Opens what is wished. The second value is what the owner must know about it.
#[must_use]
pub fn open() -> (Handle, Option<String>) {
    let (wish, notice) = match whole_file::json::<Wish>(Path::new(RECORD), MOST_BYTES) {
        Ok(wish) => (wish.unwrap_or_default(), None),
        Err(error) => {
            let sentence =
                format!("What was said of the fan cannot be read ({RECORD}: {error}). Say it again.");
            (Wish::default(), Some(sentence))
        }
    };
    (Handle(Arc::new(Mutex::new(Inner { cooling: None, wish }))), notice)
}

impl Handle {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was decided; nothing before the first decision.
    #[must_use]
    pub fn look(&self) -> Option<Cooling> {
        self.inner().cooling.clone()
    }

    /// What is wished.
    #[must_use]
    pub fn wish(&self) -> Wish {
        self.inner().wish.clone()
    }

    /// Keeps another wish; it counts from the next round on.
    ///
    /// # Errors
    /// When it cannot be kept; then the one before counts.
    pub async fn wishes(&self, wish: Wish) -> std::io::Result<()> {
        let bytes = serde_json::to_vec(&wish)?;
        tokio::task::spawn_blocking(move || whole_file::replace(Path::new(RECORD), &bytes)).await??;
        self.inner().wish = wish;
        Ok(())
    }
}

/// For ever.
pub async fn run(handle: &Handle, pulse: &Pulse) -> Infallible {
    let (mut state, mut readings, mut told) = (State::default(), Vec::<Reading>::new(), Said::default());
    let (mut fans, mut tacho) = (Fans::default(), Tacho::default());
    let (mut before, mut worry) = (clock::uptime(), None);
    let (mut processor, mut drives) = (Question::default(), Question::default());
    loop {
        let now = clock::uptime();
        let mut seen = drives.ask(|| Hwmon::default().drives()).await.unwrap_or_default();
        let said = processor.ask(processor_says).await.flatten();
        seen.extend(said.map(|temperature| (Sensor::Processor, temperature)));
        thermal::remember(&mut readings, &seen, now);
        let Wish { policy, line } = handle.wish();
        let elapsed = now.saturating_sub(before);
        let decision = thermal::decide(&policy, &mut state, &readings, elapsed, now);
        before = now;
        let duty = decision.duty;
        let mut taken = std::mem::take(&mut fans);
        let driven = blocking(move || (taken.drive(duty, line), taken)).await;
        let (driven, back) = driven.unwrap_or_default();
        fans = back;
        let mut cooling = shown(&readings, &decision, driven.turns_per_minute);
        if tacho.is_stuck(duty, driven.turns_per_minute, now) {
            cooling.doubts.push("The fan should turn and does not: look at it, and at its cable.".to_owned());
        }
        handle.inner().cooling = Some(cooling);
        told.tell(&decision, driven.failure);
        // The first time in any case: a limit outlives the agent that set it.
        if Some(decision.worry) != worry && relieve(decision.worry).await {
            worry = Some(decision.worry);
        }
        pulse.beat(clock::uptime());
        tokio::time::sleep(thermal::PERIOD).await;
    }
}

/// A drive or the firmware may take seconds; nothing else of the agent waits for it.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()
}

/// Something that may not answer: it is asked again once it did, and nobody waits for it longer than [`PATIENCE`].
struct Question<T>(Option<JoinHandle<T>>);

impl<T> Default for Question<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T: Send + 'static> Question<T> {
    /// The answer, if there is one in time.
    async fn ask(&mut self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let open = self.0.get_or_insert_with(|| tokio::task::spawn_blocking(work));
        let answer = tokio::time::timeout(PATIENCE, open).await.ok()?;
        self.0 = None;
        answer.ok()
    }
}

/// The processor's temperature: the kernel's, else the firmware's.
fn processor_says() -> Option<Celsius> {
    let asked = || Mailbox::open().and_then(|mut mailbox| mailbox.temperature());
    Hwmon::default().processor().or_else(|| asked().ok())
}

/// For people and for metrics.
fn shown(readings: &[Reading], decision: &Decision, turns_per_minute: Option<u32>) -> Cooling {
    let mut readings = readings.to_vec();
    readings.sort_by_key(|reading| reading.sensor);
    let temperatures = readings.iter().map(|reading| Temperature {
        sensor: match reading.sensor {
            Sensor::Processor => "processor".to_owned(),
            Sensor::Drive(number) => format!("nvme{number}"),
        },
        celsius: reading.temperature.degrees(),
    });
    Cooling {
        temperatures: temperatures.collect(),
        duty_percent: decision.duty.percent(),
        turns_per_minute,
        doubts: decision.doubts.iter().map(|doubt| format!("The fan turns fully: {doubt}.")).collect(),
    }
}

/// Lets the stack's services rest, or work again, or all of the device; false if systemd refuses, and it is tried again.
async fn relieve(worry: Worry) -> bool {
    let asked = async {
        let bus = zbus::Connection::system().await?;
        match worry {
            Worry::Normal => systemd::limit_services(&bus, None).await,
            Worry::Shedding => systemd::limit_services(&bus, Some(thermal::RESTING)).await,
            Worry::PoweringDown => {
                if let Err(error) = last_words::leave(thermal::TOO_HOT) {
                    tracing::warn!("the reason cannot be kept: {error}");
                }
                systemd::power_off(&bus).await
            }
        }
    };
    let done = asked.await;
    if let Err(error) = &done {
        tracing::error!("systemd does not help against the heat: {error}");
    }
    done.is_ok()
}

/// What was said last: each thing once.
#[derive(Default)]
struct Said {
    decision: Option<(Vec<thermal::Doubt>, Worry)>,
    failure: Option<String>,
}

impl Said {
    fn tell(&mut self, decision: &Decision, failure: Option<String>) {
        if let Some(failure) = failure.as_ref().filter(|_| failure != self.failure) {
            tracing::warn!("the fan cannot be driven: {failure}");
        }
        self.failure = failure;
        let now = (decision.doubts.clone(), decision.worry);
        let (doubts, worry) = self.decision.take().unwrap_or_default();
        if doubts != now.0 {
            for doubt in &now.0 {
                tracing::warn!("{doubt}: the fan turns fully");
            }
        }
        if worry != now.1 {
            kernel_log::say(match now.1 {
                Worry::Normal => "The device is cool again.",
                Worry::Shedding => {
                    "The device is too hot: its services are slowed down. Look at its fan, and at what covers it."
                }
                Worry::PoweringDown => {
                    "The device is far too hot and powers off. Let it cool before it is switched on again."
                }
            });
        }
        self.decision = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    /// A drive that hangs is waited for once, and believed when it answers.
    #[tokio::test]
    async fn a_question_stays_open_until_it_is_answered() {
        let (answers, wait) = mpsc::channel::<u8>();
        let mut question = Question::default();
        assert_eq!(question.ask(move || wait.recv().ok()).await, None);
        assert_eq!(question.ask(|| Some(9)).await, None, "it is not asked twice");
        answers.send(7).unwrap();
        assert_eq!(question.0.take().unwrap().await.unwrap(), Some(7));
        assert_eq!(question.ask(|| Some(9)).await, Some(Some(9)));
    }
}
