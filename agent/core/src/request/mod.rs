//! All that the page, scripts and the command line can ask the agent for, and what it answers. These types are the API:
//! the front turns HTTP into a [`Request`], the OpenAPI document is generated from them, and `tayberryd` answers the same
//! values over D-Bus. Who may ask what is decided in [`crate::access`].

pub mod domain;
pub mod metrics;
pub mod network;
pub mod owner;
pub mod problem;
pub mod rescue;
pub mod settings;
pub mod setup;
pub mod stack;
pub mod status;
pub mod tokens;
pub mod update;

use serde::{Deserialize, Serialize};

/// The largest request that the agent reads, in bytes.
pub const MAX_BYTES: usize = 64 << 10;

/// One question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "ask", content = "with", rename_all = "kebab-case")]
pub enum Request {
    /// What anybody on the network may know.
    Overview,
    /// The device's certificate authority.
    Authority,
    /// Takes the device with the claim code. Answered with a [`owner::Session`].
    Claim(setup::Claim),
    /// How good a password is.
    JudgePassword(setup::PasswordToJudge),
    /// Makes recovery codes for the setup that runs. Answered with [`setup::RecoveryCodes`].
    MakeRecoveryCodes,
    /// Ends the setup: from here on the device has an owner. Answered with [`setup::FinishedSetup`].
    FinishSetup(Box<setup::Answers>),
    /// Answered with a [`owner::Session`].
    SignIn(owner::Credentials),
    /// Sets a new password with a recovery code. Answered with a [`owner::Session`].
    Recover(owner::Recovery),
    /// Ends the session that asks.
    SignOut,
    /// Who is asking, and until when.
    WhoAmI,
    /// Changes the owner's password; every other session ends.
    ChangePassword(owner::PasswordChange),
    /// What the status page shows.
    Status,
    /// Every reading at this moment.
    Metrics,
    /// What the test of the watchdogs found. With stages: lets each of them hang, one after the other; all if the list is empty.
    /// Answered before the first does.
    SelfTest(Option<Vec<crate::self_test::Stage>>),
    /// The owner's settings.
    Settings,
    /// Changes some of them.
    ChangeSettings(settings::SettingsChange),
    /// The owner's domain and its certificate. Answered with a [`domain::DomainState`].
    Domain(domain::DomainAct),
    /// What is to be shown at port 80 to who proves that a domain leads here.
    DomainProof(domain::WhichProof),
    /// Interfaces, and the wireless networks in reach.
    Network,
    /// Joins a wireless network, on trial: it reverts unless it is confirmed.
    JoinWifi(network::WifiChoice),
    /// Forgets the wireless network, on trial.
    LeaveWifi,
    /// The trial is good: whoever asks did so over the new network.
    ConfirmNetwork(network::Confirmation),
    /// Personal access tokens, without their secrets.
    Tokens,
    /// Makes one. Answered with [`tokens::NewToken`].
    CreateToken(tokens::TokenWish),
    /// Ends one.
    RevokeToken(tokens::TokenId),
    /// Where updates are.
    Updates,
    /// A piece of a bundle, which comes beside the request as a file descriptor.
    ReceiveUpdate(update::Piece),
    /// Stops the update that is under way.
    CancelUpdate,
    /// Has the update run that was written.
    RestartIntoUpdate(update::RestartWish),
    /// Asks the repository what it offers.
    CheckForUpdate,
    /// Fetches and writes what it offers.
    InstallUpdate(update::InstallWish),
    /// Goes back to the system that ran before, if it is whole.
    RollBack(update::RestartWish),
    /// The stack now.
    Stack,
    /// What a service of the stack said last.
    StackLog(stack::WhichService),
    /// What a compose file would change.
    PlanStack(stack::ComposeFile),
    /// Declares a compose file. Answered before its services run.
    ApplyStack(stack::ComposeFile),
    /// A token that tells applications of the stack that the owner asks.
    MakeAppToken,
    /// Declares the stack that comes with the system. Answered before its services run.
    ApplySystemStack,
    /// Declares what was declared before.
    RollBackStack,
    /// Declares no stack. What services keep stays.
    RemoveStack,
    /// Starts one service anew.
    RestartService(stack::WhichService),
    /// Makes secrets anew, and starts the services anew that have them. Answered before those run.
    RenewSecrets(stack::WhichSecrets),
    /// What services keep, and how large it is.
    StackData,
    /// The images that were fetched or handed in.
    StackImages,
    /// Takes an archive of images, which comes through a file descriptor beside the request.
    LoadImages(stack::Archive),
    /// The registries whose certificates are believed beside those that everybody believes.
    Registries,
    /// Believes the certificate of a registry, or does not any more.
    TrustRegistry(stack::RegistryTrust),
    /// Removes what a service kept, or an image, that neither the stack nor the one before it has.
    RemoveStored(stack::WhichStored),
    /// What rescue found.
    Rescue,
    /// Everything on the data partition as an archive, which goes to a file descriptor beside the request.
    Export,
    /// Leaves rescue: starts the default slot again.
    StartAgain,
    /// Destroys the key of the data partition, and with it every byte there.
    FactoryReset(rescue::Erase),
}

/// What comes through a file descriptor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// A piece of a bundle.
    Update(update::Piece),
    /// An archive of container images.
    Images(stack::Archive),
}

impl Delivery {
    /// The request that it comes with.
    #[must_use]
    pub const fn request(&self) -> Request {
        match self {
            Self::Update(piece) => Request::ReceiveUpdate(*piece),
            Self::Images(archive) => Request::LoadImages(*archive),
        }
    }
}

/// What the agent says to a question whose answer is `T`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome<T> {
    /// The answer.
    Answer(T),
    /// Why there is none.
    Problem(problem::Problem),
}

#[cfg(test)]
mod tests;
