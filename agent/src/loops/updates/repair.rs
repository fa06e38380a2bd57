//! At every start: `autoboot.txt` is looked at and repaired, and its copy kept. Decided in `tayberry_core::update::repair`.

use tayberry_core::status::Facts;
use tayberry_core::update::repair::{self, Found, Journal, Seen};
use tayberry_format::boot_report::{BootReport, Data};

use crate::device::{autoboot, slots};

/// What was done.
#[derive(Debug, Default)]
pub struct Done {
    /// A sentence for the owner.
    pub notice: Option<String>,
    /// The device must restart into the slot that was committed.
    pub restart: bool,
}

/// Looks, decides and acts. What fails is said, and tried again at the next start.
#[must_use]
pub fn at_start(report: &BootReport, facts: &Facts) -> Done {
    match try_repair(report, facts) {
        Ok(done) => done,
        Err(error) => {
            tracing::error!("autoboot.txt: {error}");
            let notice = format!("The file that says which system starts could not be repaired: {error}.");
            Done { notice: Some(notice), restart: false }
        }
    }
}

fn try_repair(report: &BootReport, facts: &Facts) -> std::io::Result<Done> {
    let disk = &report.disk;
    let found = autoboot::look(disk)?.beside(facts.default);
    if found == Found::Damaged && matches!(report.data, Data::Unavailable { .. }) {
        let why = "it is damaged, and the copy lies on the data partition, which is not available";
        return Err(std::io::Error::other(why));
    }
    let boots = |slot| match slots::verify(disk, slot, &mut |_| ()) {
        Ok(_) => true,
        Err(error) => {
            tracing::error!("slot {slot}: {error}");
            false
        }
    };
    let journal = autoboot::journal().map(|slot| Journal {
        slot,
        boots: found == Found::Damaged && (slot == facts.running || boots(slot)),
    });
    let repair = repair::decide(Seen { found, running: facts.running, trial: facts.is_trial(), journal });
    let mut done = Done { notice: None, restart: repair.restart };
    if let Some(slot) = repair.write {
        tracing::warn!("autoboot.txt: {found:?}; it is written anew for slot {slot}");
        autoboot::write(disk, slot)?;
        done.notice =
            Some("The file that says which system starts was damaged. It has been repaired.".to_owned());
    }
    if let Some(slot) = repair.journal {
        autoboot::keep(slot)?;
    }
    Ok(done)
}
