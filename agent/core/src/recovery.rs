//! Recovery codes: printed once, each signs the owner in once when the password is lost.

use sha2::{Digest, Sha256};

use crate::request::setup::RecoveryCodes;

/// Codes that are made.
pub const CODES: usize = 8;
/// Characters of a code. 32 letters and digits: 80 bits, which no fast hash gives away.
const LENGTH: usize = 16;
/// Crockford's Base32: without I, L, O, U.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";
/// Random bytes that [`make`] takes: one a character, and four for what is asked back.
pub const RANDOM: usize = CODES * LENGTH + 4;

/// Makes codes of random bytes.
#[must_use]
pub fn make(random: &[u8; RANDOM]) -> RecoveryCodes {
    let (letters, choice) = random.split_at(CODES * LENGTH);
    let codes = letters.chunks(LENGTH).map(|bytes| {
        let plain: Vec<char> =
            bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
        plain.chunks(4).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
    });
    // Three different places, in their order: one of the first five characters, and so on.
    let pick = |index: usize, from: usize, count: u8| from + usize::from(choice[index] % count);
    RecoveryCodes {
        codes: codes.collect(),
        ask_code: usize::from(choice[0]) % CODES,
        ask_characters: [pick(1, 0, 5), pick(2, 5, 5), pick(3, 10, 6)],
    }
}

/// What was typed, as it counts: without blanks and hyphens, in capitals, look-alikes as Crockford reads them.
fn normal(typed: &str) -> String {
    let kept = typed.chars().take(100).filter(|c| !c.is_whitespace() && *c != '-');
    kept.map(|c| match c.to_ascii_uppercase() {
        'I' | 'L' => '1',
        'O' => '0',
        other => other,
    })
    .collect()
}

/// Whether the three characters that were asked back are right.
#[must_use]
pub fn kept(codes: &RecoveryCodes, typed: &str) -> bool {
    let Some(code) = codes.codes.get(codes.ask_code) else { return false };
    let code: Vec<char> = normal(code).chars().collect();
    let wanted: Option<String> = codes.ask_characters.iter().map(|index| code.get(*index)).collect();
    wanted == Some(normal(typed))
}

/// What is kept of a code: SHA-256, hexadecimal.
#[must_use]
pub fn hash(code: &str) -> String {
    hex::encode(Sha256::digest(normal(code)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn people_may_type_look_alikes() {
        assert_eq!(hash("ab1o-0000-0000-zzzz"), hash("ABL0 0000 0000 ZZZZ"));
        assert_ne!(hash("AB10-0000-0000-ZZZZ"), hash("AB10-0000-0000-ZZZY"));
    }

    proptest! {
        #[test]
        fn codes_differ_and_the_question_has_one_answer(random in proptest::collection::vec(any::<u8>(), RANDOM)) {
            let codes = make(&random.try_into().unwrap());
            prop_assert_eq!(codes.codes.len(), CODES);
            let code: Vec<char> = codes.codes[codes.ask_code].chars().filter(|c| *c != '-').collect();
            prop_assert_eq!(code.len(), LENGTH);
            let answer: String = codes.ask_characters.iter().map(|index| code[*index]).collect();
            prop_assert!(kept(&codes, &answer.to_lowercase()));
            prop_assert!(!kept(&codes, &answer[..2]));
            prop_assert!(codes.ask_characters.is_sorted());
        }
    }
}
