//! Who may ask what: one table for the page, scripts and the command line.

use tayberry_format::owner::Scope;

use crate::request::Request;
use crate::request::owner::Role;
use crate::request::problem::Kind;

/// Who asks, as far as it was proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asker {
    /// Anybody on the network.
    Nobody,
    /// A session that proved the claim code or the password.
    Session(Role),
    /// A token of the owner's.
    Token(Vec<Scope>),
    /// Root on the device itself.
    Root,
}

/// What a request needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// Nothing.
    Nothing,
    /// Nothing, and only before there is an owner.
    NoOwner,
    /// Nothing, and only once there is an owner.
    AnOwner,
    /// The setup's session.
    Setup,
    /// Either session.
    Session,
    /// The owner's session.
    Owner,
    /// Root on the device itself.
    Root,
    /// The setup's session, the owner's, root, or a token with this scope.
    SetupOr(Scope),
    /// The owner's session, root, or a token with this scope.
    OwnerOr(Scope),
}

const fn needs(request: &Request) -> Needs {
    match request {
        Request::Overview | Request::Authority | Request::ConfirmNetwork(_) | Request::DomainProof(_) => {
            Needs::Nothing
        }
        Request::Claim(_) => Needs::NoOwner,
        Request::SignIn(_) | Request::Recover(_) => Needs::AnOwner,
        Request::MakeRecoveryCodes | Request::FinishSetup(_) => Needs::Setup,
        Request::JudgePassword(_) | Request::WhoAmI | Request::SignOut => Needs::Session,
        Request::ChangePassword(_)
        | Request::MakeAppToken
        | Request::Tokens
        | Request::CreateToken(_)
        | Request::RevokeToken(_) => Needs::Owner,
        Request::Status | Request::Metrics => Needs::OwnerOr(Scope::Status),
        Request::SelfTest(_) => Needs::Root,
        Request::Settings | Request::ChangeSettings(_) | Request::Domain(_) => {
            Needs::OwnerOr(Scope::Settings)
        }
        Request::Updates
        | Request::ReceiveUpdate(_)
        | Request::CancelUpdate
        | Request::RestartIntoUpdate(_)
        | Request::CheckForUpdate
        | Request::InstallUpdate(_)
        | Request::RollBack(_) => Needs::OwnerOr(Scope::Updates),
        Request::Stack
        | Request::StackLog(_)
        | Request::PlanStack(_)
        | Request::ApplyStack(_)
        | Request::ApplySystemStack
        | Request::RollBackStack
        | Request::RemoveStack
        | Request::RestartService(_)
        | Request::RenewSecrets(_)
        | Request::StackData
        | Request::StackImages
        | Request::LoadImages(_)
        | Request::Registries
        | Request::TrustRegistry(_)
        | Request::RemoveStored(_) => Needs::OwnerOr(Scope::Stack),
        Request::Rescue | Request::Export | Request::StartAgain | Request::FactoryReset(_) => Needs::Owner,
        Request::Network | Request::JoinWifi(_) | Request::LeaveWifi => Needs::SetupOr(Scope::Network),
    }
}

/// Whether `asker` may ask `request` of a device that has an owner, or none.
///
/// # Errors
/// With the kind of problem.
pub fn check(asker: &Asker, request: &Request, owned: bool) -> Result<(), Kind> {
    let needs = needs(request);
    let granted = match (needs, asker) {
        (Needs::NoOwner, _) if owned => return Err(Kind::AlreadyOwned),
        (Needs::AnOwner, _) if !owned => return Err(Kind::NotOwnedYet),
        (Needs::Nothing | Needs::NoOwner | Needs::AnOwner, _)
        | (Needs::Setup | Needs::Session | Needs::SetupOr(_), Asker::Session(Role::Setup))
        | (
            Needs::Session | Needs::Owner | Needs::SetupOr(_) | Needs::OwnerOr(_),
            Asker::Session(Role::Owner),
        )
        | (Needs::Root | Needs::SetupOr(_) | Needs::OwnerOr(_), Asker::Root) => true,
        (Needs::SetupOr(scope) | Needs::OwnerOr(scope), Asker::Token(scopes)) => scopes.contains(&scope),
        _ => false,
    };
    match (granted, asker) {
        (true, _) => Ok(()),
        (false, Asker::Nobody) => Err(Kind::SignInFirst),
        (false, _) => Err(Kind::Forbidden),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::owner::{Credentials, PasswordChange};
    use crate::request::setup::Claim;

    #[test]
    fn the_table() {
        let claim = Request::Claim(Claim { code: String::new(), now: None });
        let sign_in = Request::SignIn(Credentials { name: String::new(), password: String::new() });
        let change = Request::ChangePassword(PasswordChange { current: String::new(), new: String::new() });
        let setup = Asker::Session(Role::Setup);
        let owner = Asker::Session(Role::Owner);
        let reader = Asker::Token(vec![Scope::Status]);
        let rows = [
            (&Asker::Nobody, &Request::Overview, false, Ok(())),
            (&Asker::Nobody, &claim, false, Ok(())),
            (&Asker::Nobody, &claim, true, Err(Kind::AlreadyOwned)),
            (&owner, &claim, true, Err(Kind::AlreadyOwned)),
            (&Asker::Nobody, &sign_in, false, Err(Kind::NotOwnedYet)),
            (&Asker::Nobody, &sign_in, true, Ok(())),
            (&Asker::Nobody, &Request::Status, true, Err(Kind::SignInFirst)),
            (&setup, &Request::Status, false, Err(Kind::Forbidden)),
            (&setup, &Request::MakeRecoveryCodes, false, Ok(())),
            (&owner, &Request::MakeRecoveryCodes, true, Err(Kind::Forbidden)),
            (&setup, &Request::Network, false, Ok(())),
            (&setup, &change, false, Err(Kind::Forbidden)),
            (&owner, &change, true, Ok(())),
            (&owner, &Request::Status, true, Ok(())),
            (&reader, &Request::Status, true, Ok(())),
            (&reader, &Request::Settings, true, Err(Kind::Forbidden)),
            (&reader, &Request::Tokens, true, Err(Kind::Forbidden)),
            (&reader, &Request::WhoAmI, true, Err(Kind::Forbidden)),
            (&Asker::Root, &Request::Status, true, Ok(())),
            (&Asker::Root, &Request::Tokens, true, Err(Kind::Forbidden)),
            (&Asker::Root, &Request::SelfTest(None), true, Ok(())),
            (&owner, &Request::SelfTest(Some(Vec::new())), true, Err(Kind::Forbidden)),
            (&reader, &Request::Metrics, true, Ok(())),
        ];
        for (asker, request, owned, wanted) in rows {
            assert_eq!(check(asker, request, owned), wanted, "{asker:?} {request:?} {owned}");
        }
    }
}
