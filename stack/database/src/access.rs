//! Asks the database on this machine as its users would, and tells it their passwords.

use std::time::Duration;

use mongodb::bson::{Document, doc};
use mongodb::error::{Error, ErrorKind};
use mongodb::options::{ClientOptions, Credential, ServerAddress};
use mongodb::{Client, Database};

use crate::users::{User, Users};

/// How long one question may take, and how long it is looked for the server.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long to wait before it is asked again.
const AGAIN: Duration = Duration::from_millis(250);
/// It is said each time it was asked so often in vain.
const SAID: u32 = 10;
/// The server does not know the user (MongoDB's error_codes.yml, UserNotFound).
const NOT_FOUND: i32 = 11;

/// Passwords that were not set.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AccessError {
    /// The driver.
    #[error("the database on this machine: {0}")]
    Driver(#[from] Error),
}

/// What the database says to its users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    /// It answers all of them.
    Serves,
    /// It knows at least one of them not, or by another password.
    Refuses,
}

/// Asks until it answers.
///
/// # Errors
/// When the driver takes no options.
pub(crate) async fn ask(users: &Users) -> Result<Answer, AccessError> {
    let mut asked = Asked::default();
    let mut databases: Vec<Database> =
        users.0.iter().map(|user| connect(Some(user))).collect::<Result<_, _>>()?;
    if users.is_empty() {
        databases.push(connect(None)?);
    }
    for database in databases {
        loop {
            match database.run_command(doc! { "ping": 1 }).await {
                Ok(_) => break,
                Err(error) if matches!(*error.kind, ErrorKind::Authentication { .. }) => {
                    return Ok(Answer::Refuses);
                }
                Err(error) => asked.again(&error).await,
            }
        }
    }
    Ok(Answer::Serves)
}

/// Tells a database whose doors are closed the passwords of its users; makes those that it does not know.
///
/// # Errors
/// When it refuses.
pub(crate) async fn set(users: &Users) -> Result<(), AccessError> {
    for user in &users.0 {
        let database = connect(None)?.client().database(&user.database);
        let mut asked = Asked::default();
        while let Err(error) = database.run_command(doc! { "ping": 1 }).await {
            asked.again(&error).await;
        }
        match database.run_command(says("updateUser", user)).await {
            Err(error) if code(&error) == Some(NOT_FOUND) => {
                database.run_command(says("createUser", user)).await?;
            }
            set => {
                set?;
            }
        }
    }
    Ok(())
}

/// How often a database was asked that does not answer. When that has to end is left to systemd.
#[derive(Default)]
struct Asked(u32);

impl Asked {
    /// Waits; says what is wrong now and then.
    async fn again(&mut self, error: &Error) {
        if self.0 % SAID == SAID - 1 {
            tracing::warn!("the database does not answer yet: {error}");
        }
        self.0 += 1;
        tokio::time::sleep(AGAIN).await;
    }
}

fn says(command: &str, user: &User) -> Document {
    let roles = doc! { "role": "readWrite", "db": &user.database };
    doc! { command: &user.name, "pwd": &user.password, "roles": [roles] }
}

fn code(error: &Error) -> Option<i32> {
    match *error.kind {
        ErrorKind::Command(ref refused) => Some(refused.code),
        _ => None,
    }
}

/// Does not connect yet.
fn connect(user: Option<&User>) -> Result<Database, Error> {
    let credential = user.map(|user| {
        Credential::builder()
            .username(user.name.clone())
            .password(user.password.clone())
            .source(user.database.clone())
            .build()
    });
    let options = ClientOptions::builder()
        .hosts(vec![ServerAddress::Tcp { host: "127.0.0.1".to_owned(), port: None }])
        .direct_connection(true)
        .max_pool_size(1)
        .connect_timeout(PATIENCE)
        .server_selection_timeout(PATIENCE)
        .credential(credential)
        .build();
    let name = user.map_or("admin", |user| user.database.as_str()).to_owned();
    Ok(Client::with_options(options)?.database(&name))
}
