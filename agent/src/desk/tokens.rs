//! Personal access tokens.

use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::status::EventKind;
use tayberry_core::request::tokens::{NewToken, TokenId, TokenWish, Tokens};
use tayberry_core::tokens;

use super::{Desk, Sender, failed};
use crate::device::{clock, random};

impl Desk {
    pub(super) fn tokens(&self) -> Tokens {
        Tokens { tokens: self.state().token.iter().map(tokens::shown).collect() }
    }

    pub(super) async fn create_token(&self, sender: &Sender, wish: TokenWish) -> Result<NewToken, Problem> {
        let random = random::bytes().map_err(failed)?;
        let new = self
            .keeper
            .change(|state| {
                let (token, new) = tokens::make(wish, state.token.len(), random, clock::now())?;
                state.token.push(token);
                Ok::<_, Problem>(new)
            })
            .await?;
        self.happened(EventKind::TokenCreated, sender);
        Ok(new)
    }

    pub(super) async fn revoke_token(&self, sender: &Sender, which: &TokenId) -> Result<(), Problem> {
        self.keeper
            .change(|state| {
                let before = state.token.len();
                state.token.retain(|token| token.id != which.id);
                if state.token.len() == before { Err(Problem::from(Kind::NotFound)) } else { Ok(()) }
            })
            .await?;
        self.happened(EventKind::TokenRevoked, sender);
        Ok(())
    }
}
