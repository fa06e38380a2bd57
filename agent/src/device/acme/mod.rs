//! Asks an authority for the certificate of a domain (ACME, RFC 8555), and proves to it that the domain is ours. When, and how often,
//! is decided in `tayberry_core::domain`.

mod answers;
mod certificate;
mod http;
mod zone;

use std::time::Duration;

use instant_acme::{
    AccountCredentials, AuthorizationHandle, AuthorizationStatus, ChallengeType, Identifier, NewAccount,
    NewOrder, Order, OrderStatus, RetryPolicy,
};
use rcgen::{CertificateParams, DistinguishedName, KeyPair, PKCS_ECDSA_P256_SHA256};
use tayberry_core::domain::{Account, DomainName, directory};
use tayberry_core::request::domain::{DomainWish, Proof};

pub use answers::Answers;
pub use certificate::{Certificate, CertificateError};
use http::Http;
use zone::{Zone, ZoneError};

/// How long the authority may take to look at a proof, and to sign.
const PATIENCE: Duration = Duration::from_secs(180);
/// How long all of it may take, beside the wait for name servers.
const WHOLE: Duration = Duration::from_secs(600);
/// What the authority says of an account that it does not know any more (RFC 8555, section 6.7).
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// A certificate that was not given.
#[derive(Debug, thiserror::Error)]
pub enum AcmeError {
    /// The authority knows the account no more: the next try makes another.
    #[error("the authority does not know this device's account any more")]
    NoAccount,
    /// What the authority says, or that it does not answer.
    #[error("the authority: {0}")]
    Authority(String),
    /// The proof was not believed.
    #[error("the authority does not believe that {name} leads to this device: {why}")]
    NotProved {
        /// The domain.
        name: DomainName,
        /// The authority's words.
        why: String,
    },
    /// It offers no proof of the wished kind.
    #[error("the authority does not offer this proof: choose the other one")]
    OtherProof,
    /// The zone.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// What was given.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Making a key.
    #[error("a key cannot be made: {0}")]
    Key(#[from] rcgen::Error),
    /// All of it took too long.
    #[error("the authority did not come to an end in time")]
    Late,
}

impl From<instant_acme::Error> for AcmeError {
    fn from(error: instant_acme::Error) -> Self {
        match error {
            instant_acme::Error::Api(problem) if problem.r#type.as_deref() == Some(NO_ACCOUNT) => {
                Self::NoAccount
            }
            instant_acme::Error::Api(problem) => Self::Authority(words(&problem)),
            other => Self::Authority(other.to_string()),
        }
    }
}

/// What an authority says of a problem.
fn words(problem: &instant_acme::Problem) -> String {
    problem.detail.clone().or_else(|| problem.r#type.clone()).unwrap_or_else(|| "no reason".to_owned())
}

/// A certificate for what is wished, and the account that it was asked for with.
///
/// # Errors
/// When the authority gives none.
pub async fn order(
    wish: &DomainWish,
    account: Option<&Account>,
    answers: &Answers,
) -> Result<(Account, Certificate), AcmeError> {
    let wait = match &wish.proof {
        Proof::Http => 0,
        Proof::Dns(server) => server.wait_s,
    };
    let deadline = WHOLE + Duration::from_secs(wait.into());
    tokio::time::timeout(deadline, ask(wish, account, answers)).await.map_err(|_| AcmeError::Late)?
}

async fn ask(
    wish: &DomainWish,
    account: Option<&Account>,
    answers: &Answers,
) -> Result<(Account, Certificate), AcmeError> {
    let (asker, account) = sign_up(wish, account).await?;
    let name = [Identifier::Dns(wish.name.to_string())];
    let mut order = asker.new_order(&NewOrder::new(&name)).await?;
    prove(&mut order, wish, answers).await?;
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let mut params = CertificateParams::new(vec![wish.name.to_string()])?;
    // Authorities read the names alone (RFC 8555, section 7.4).
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&key)?;
    order.finalize_csr(request.der()).await?;
    let chain = order.poll_certificate(&RetryPolicy::new().timeout(PATIENCE)).await?;
    let certificate = Certificate::read(&wish.name, &key.serialize_pem(), &chain)?;
    Ok((account, certificate))
}

/// The account: the one that there is, or a new one.
async fn sign_up(
    wish: &DomainWish,
    account: Option<&Account>,
) -> Result<(instant_acme::Account, Account), AcmeError> {
    let http = Http::new(wish.trust.as_deref())?;
    let builder = instant_acme::Account::builder_with_http(Box::new(http));
    let odd = |error: serde_json::Error| AcmeError::Authority(error.to_string());
    if let Some(account) = account {
        let credentials: AccountCredentials =
            serde_json::from_value(account.credentials.clone()).map_err(odd)?;
        return Ok((builder.from_credentials(credentials).await?, account.clone()));
    }
    let contact = wish.email.as_ref().map(|email| format!("mailto:{email}"));
    let contact: Vec<&str> = contact.as_deref().into_iter().collect();
    let new = NewAccount {
        contact: &contact,
        terms_of_service_agreed: wish.terms_agreed,
        only_return_existing: false,
    };
    let directory = directory(wish).to_owned();
    let (asker, credentials) = builder.create(&new, directory.clone(), None).await?;
    let credentials = serde_json::to_value(credentials).map_err(odd)?;
    Ok((asker, Account { directory, credentials }))
}

/// Shows the proof until the authority has looked at it.
async fn prove(order: &mut Order, wish: &DomainWish, answers: &Answers) -> Result<(), AcmeError> {
    let mut zone = None;
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization?;
        if authorization.status != AuthorizationStatus::Pending {
            continue;
        }
        show(&mut authorization, wish, answers, &mut zone).await?;
    }
    let status = order.poll_ready(&RetryPolicy::new().timeout(PATIENCE)).await;
    answers.clear();
    if let Some(zone) = zone {
        // What stays there is of no use to anybody, and the next proof replaces it.
        zone.clear().await.unwrap_or_else(|error| tracing::warn!("{error}"));
    }
    match status? {
        OrderStatus::Ready => Ok(()),
        _ => Err(AcmeError::NotProved { name: wish.name.clone(), why: reason(order).await }),
    }
}

async fn show<'a>(
    authorization: &'a mut AuthorizationHandle<'a>,
    wish: &DomainWish,
    answers: &Answers,
    zone: &mut Option<Zone>,
) -> Result<(), AcmeError> {
    let kind = match &wish.proof {
        Proof::Http => ChallengeType::Http01,
        Proof::Dns(_) => ChallengeType::Dns01,
    };
    let mut challenge = authorization.challenge(kind).ok_or(AcmeError::OtherProof)?;
    match &wish.proof {
        Proof::Http => {
            answers.show(challenge.token.clone(), challenge.key_authorization().as_str().to_owned());
        }
        Proof::Dns(server) => {
            let opened = zone.insert(Zone::open(server, &wish.name)?);
            opened.write(&challenge.key_authorization().dns_value()).await?;
            tokio::time::sleep(Duration::from_secs(server.wait_s.into())).await;
        }
    }
    Ok(challenge.set_ready().await?)
}

/// Why a proof was not believed.
async fn reason(order: &mut Order) -> String {
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        if let Ok(now) = authorization.refresh().await
            && let Some(problem) = now.challenges.iter().find_map(|challenge| challenge.error.as_ref())
        {
            return words(problem);
        }
    }
    "it does not say why".to_owned()
}
