//! What the owner should know of a drive, weeks before it ends.

use super::{Drive, Kind, Wear};

/// So much of a life used is worth a word.
const OLD: u8 = 80;
/// So little time left is worth a word, in years.
const SOON: f64 = 0.5;
/// A card that takes so much a day will not live for long: a year of it is 18 times 1 TB, more than makers of cards promise.
const MUCH_FOR_A_CARD: u64 = 50_000_000_000;

/// Sentences, the gravest first.
#[must_use]
pub fn warnings(drive: &Drive) -> Vec<String> {
    let name = drive.name.as_str();
    let mut all = drive.wear.map(|wear| of_wear(name, wear)).unwrap_or_default();
    if drive.file_system_errors > 0 {
        all.push(format!(
            "The file system on drive {name} found errors: save your data and replace the drive."
        ));
    }
    if drive.kind == Kind::Sd && drive.written_bytes_a_day.is_some_and(|bytes| bytes > MUCH_FOR_A_CARD) {
        all.push(format!(
            "So much is written to the card {name} that it will not last for long: an SSD would."
        ));
    }
    all
}

fn of_wear(name: &str, wear: Wear) -> Vec<String> {
    let mut all = Vec::new();
    let mut say = |holds: bool, sentence: String| all.extend(holds.then_some(sentence));
    say(
        wear.critical.read_only,
        format!("Drive {name} takes no writes any more: save your data and replace it."),
    );
    say(
        wear.critical.reliability,
        format!("Drive {name} says that it cannot be relied on any more: save your data and replace it."),
    );
    say(wear.critical.spare, format!("Drive {name} has almost used up its spare blocks: replace it soon."));
    say(
        wear.critical.temperature,
        format!("Drive {name} is outside of the temperatures that it is made for."),
    );
    say(
        wear.media_errors.is_some_and(|errors| errors > 0),
        format!("Drive {name} has lost data that it could not mend: save your data and replace it."),
    );
    let soon = wear.years_left.is_some_and(|years| years < SOON);
    say(
        wear.used_percent >= OLD || soon,
        format!("{} % of the life of drive {name} is used: plan to replace it.", wear.used_percent),
    );
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Critical;

    fn drive(wear: Wear) -> Drive {
        Drive {
            name: "nvme0n1".into(),
            kind: Kind::Nvme,
            model: String::new(),
            bytes: 1,
            system: true,
            read_bytes: 0,
            written_bytes: 0,
            written_bytes_a_day: None,
            file_system_errors: 0,
            wear: Some(wear),
            link: None,
            warnings: Vec::new(),
        }
    }

    #[test]
    fn a_dying_drive_is_announced_and_a_good_one_is_not() {
        let good = Wear { used_percent: 30, years_left: Some(4.0), media_errors: Some(0), ..Wear::default() };
        assert_eq!(warnings(&drive(good)), Vec::<String>::new());
        let rows = [
            (Wear { used_percent: 80, ..good }, "80 % of the life"),
            (Wear { years_left: Some(0.4), ..good }, "30 % of the life"),
            (Wear { media_errors: Some(1), ..good }, "has lost data"),
            (Wear { critical: Critical { spare: true, ..Critical::default() }, ..good }, "spare blocks"),
            (Wear { critical: Critical { reliability: true, ..Critical::default() }, ..good }, "relied on"),
            (Wear { critical: Critical { read_only: true, ..Critical::default() }, ..good }, "no writes"),
            (
                Wear { critical: Critical { temperature: true, ..Critical::default() }, ..good },
                "temperatures",
            ),
        ];
        for (wear, wanted) in rows {
            let said = warnings(&drive(wear));
            assert_eq!(said.len(), 1, "{wanted}");
            assert!(said[0].contains(wanted), "{said:?}");
        }
        assert_eq!(warnings(&Drive { file_system_errors: 1, ..drive(good) }).len(), 1);
        let card = Drive { kind: Kind::Sd, wear: None, ..drive(good) };
        assert!(warnings(&card).is_empty());
        assert_eq!(warnings(&Drive { written_bytes_a_day: Some(MUCH_FOR_A_CARD + 1), ..card }).len(), 1);
    }
}
