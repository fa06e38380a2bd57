//! Personal access tokens: what is kept of them, and which one a secret belongs to.

use sha2::{Digest, Sha256};
use tayberry_format::owner::Token;

use crate::request::problem::{Kind, Problem};
use crate::request::tokens::{NewToken, Token as Shown, TokenWish};

/// Random bytes of a token: its secret, and its name.
pub const RANDOM: usize = 32 + 8;
/// What a secret begins with, so that people and scanners recognise one.
const PREFIX: &str = "tayberry_";
/// Tokens that an owner may have.
const MOST: usize = 100;
/// Longest name, in characters.
const LONGEST_NAME: usize = 64;
const DAY: i64 = 86_400;

fn hash(secret: &str) -> String {
    hex::encode(Sha256::digest(secret))
}

/// What is shown of a token.
#[must_use]
pub fn shown(token: &Token) -> Shown {
    Shown {
        id: token.id.clone(),
        name: token.name.clone(),
        scopes: token.scopes.clone(),
        created: token.created,
        expires: token.expires,
    }
}

/// Makes a token: what to keep, and what to show once. `now` is in seconds since 1970.
///
/// # Errors
/// When the wish is not allowed.
pub fn make(
    wish: TokenWish,
    held: usize,
    random: [u8; RANDOM],
    now: i64,
) -> Result<(Token, NewToken), Problem> {
    let refuse = |why: &str| Err(Problem::new(Kind::NotAllowed, why));
    let name = wish.name.trim();
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        return refuse("A token's name has 1 to 64 characters.");
    }
    if wish.scopes.is_empty() {
        return refuse("A token needs at least one scope.");
    }
    if wish.days.is_some_and(|days| !(1..=3650).contains(&days)) {
        return refuse("A token lasts 1 to 3650 days.");
    }
    if held >= MOST {
        return refuse("There are 100 tokens already: end one first.");
    }
    let mut scopes = wish.scopes;
    scopes.sort();
    scopes.dedup();
    let (secret, id) = random.split_at(32);
    let secret = format!("{PREFIX}{}", hex::encode(secret));
    let token = Token {
        id: hex::encode(id),
        name: name.to_owned(),
        scopes,
        hash: hash(&secret),
        created: now,
        expires: wish.days.map(|days| now + i64::from(days) * DAY),
    };
    let new = NewToken { token: shown(&token), secret };
    Ok((token, new))
}

/// The token that a secret belongs to, unless it has ended.
#[must_use]
pub fn find<'a>(tokens: &'a [Token], secret: &str, now: i64) -> Option<&'a Token> {
    let hash = hash(secret);
    // Hashes of random secrets: how long the comparison takes tells nothing that helps.
    tokens.iter().find(|token| token.hash == hash && token.expires.is_none_or(|end| now < end))
}

#[cfg(test)]
mod tests {
    use tayberry_format::owner::Scope;

    use super::*;

    fn wish(days: Option<u32>) -> TokenWish {
        TokenWish { name: " backup ".into(), scopes: vec![Scope::Status, Scope::Status], days }
    }

    #[test]
    fn a_token_is_found_by_its_secret_until_it_ends() {
        let (token, new) = make(wish(Some(1)), 0, [7; RANDOM], 1000).unwrap();
        assert_eq!((token.name.as_str(), token.scopes.len()), ("backup", 1));
        assert!(new.secret.starts_with("tayberry_07"));
        let tokens = [token];
        assert_eq!(find(&tokens, &new.secret, 1000 + DAY - 1), Some(&tokens[0]));
        assert_eq!(find(&tokens, &new.secret, 1000 + DAY), None);
        assert_eq!(find(&tokens, "tayberry_", 1000), None);
    }

    #[test]
    fn wishes_are_bounded() {
        let refused = |wish: TokenWish, held| make(wish, held, [0; RANDOM], 0).unwrap_err().kind;
        assert_eq!(refused(wish(Some(0)), 0), Kind::NotAllowed);
        assert_eq!(refused(wish(None), MOST), Kind::NotAllowed);
        assert_eq!(refused(TokenWish { name: "\n".into(), ..wish(None) }, 0), Kind::NotAllowed);
        assert_eq!(refused(TokenWish { scopes: Vec::new(), ..wish(None) }, 0), Kind::NotAllowed);
    }
}
