//! Sessions and limits, in Redis. A session is known by the hash of its secret: who reads Redis cannot take one over.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{AsyncCommands, IntoConnectionInfo};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use crate::problem::Problem;
use crate::settings::{Address, USER};
use crate::store::Role;

/// How long a session lasts, in seconds.
pub(crate) const LASTS_S: u64 = 12 * 3600;
/// How long Redis may take.
const PATIENCE: Duration = Duration::from_secs(3);
/// Seconds for which a probe is kept.
const PROBE_S: u64 = 60;
/// So many wrong passwords within [`WINDOW_S`].
const TRIES: u64 = 10;
/// Seconds over which tries are counted.
const WINDOW_S: i64 = 60;

/// Who is signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    /// Name.
    pub(crate) name: String,
    /// What that person may do.
    pub(crate) role: Role,
    /// What a page of ours sends along with a change: no other site can read it.
    pub(crate) csrf: String,
}

/// Redis; clones share the connection.
#[derive(Clone)]
pub(crate) struct Sessions {
    client: redis::Client,
    connection: Arc<OnceCell<ConnectionManager>>,
}

fn key(secret: &str) -> String {
    format!("session:{}", hex::encode(Sha256::digest(secret)))
}

/// The set of the keys of a user's sessions. Names of users differ in more than their case.
fn all_of(name: &str) -> String {
    format!("sessions-of:{}", name.to_lowercase())
}

/// A secret of 32 random bytes, hexadecimal.
///
/// # Errors
/// When there is no randomness.
pub(crate) fn secret() -> Result<String, Problem> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(|error| Problem::failed(&error))?;
    Ok(hex::encode(bytes))
}

/// The way to Redis. Does not connect yet.
///
/// # Errors
/// When the address is none.
pub(crate) fn client(address: &Address) -> Result<redis::Client, redis::RedisError> {
    let info = address.url.as_str().into_connection_info()?;
    let settings = info.redis_settings().clone().set_username(USER).set_password(&address.password);
    redis::Client::open(info.set_redis_settings(settings))
}

impl Sessions {
    pub(crate) fn new(client: redis::Client) -> Self {
        Self { client, connection: Arc::default() }
    }

    /// The connection; it is made anew by itself once it was there.
    pub(crate) async fn redis(&self) -> Result<ConnectionManager, redis::RedisError> {
        let config = ConnectionManagerConfig::new()
            .set_connection_timeout(Some(PATIENCE))
            .set_response_timeout(Some(PATIENCE))
            .set_number_of_retries(1);
        let connect = || self.client.get_connection_manager_with_config(config);
        self.connection.get_or_try_init(connect).await.cloned()
    }

    /// Whether it keeps `mark` and gives it back.
    ///
    /// # Errors
    /// When it does not answer.
    pub(crate) async fn probe(&self, mark: &str) -> Result<bool, redis::RedisError> {
        let mut redis = self.redis().await?;
        redis.set_ex::<_, _, ()>("probe", mark, PROBE_S).await?;
        let kept: Option<String> = redis.get("probe").await?;
        Ok(kept.as_deref() == Some(mark))
    }

    /// Begins a session; returns its secret.
    pub(crate) async fn begin(&self, session: &Session) -> Result<String, Problem> {
        let secret = secret()?;
        let text = serde_json::to_string(session).map_err(|error| Problem::failed(&error))?;
        let (mut redis, key) = (self.redis().await?, key(&secret));
        // The owner is none of the users, and may have the name of one.
        if session.role != Role::Owner {
            let all = all_of(&session.name);
            redis.sadd::<_, _, ()>(&all, &key).await?;
            redis.expire::<_, ()>(&all, i64::try_from(LASTS_S).unwrap_or(i64::MAX)).await?;
        }
        redis.set_ex::<_, _, ()>(key, text, LASTS_S).await?;
        Ok(secret)
    }

    /// Ends all sessions of a user.
    pub(crate) async fn end_all(&self, name: &str) -> Result<(), Problem> {
        let (mut redis, all) = (self.redis().await?, all_of(name));
        let mut keys: Vec<String> = redis.smembers(&all).await?;
        keys.push(all);
        Ok(redis.del(keys).await?)
    }

    pub(crate) async fn look(&self, secret: &str) -> Result<Option<Session>, Problem> {
        let text: Option<String> = self.redis().await?.get(key(secret)).await?;
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    pub(crate) async fn end(&self, secret: &str) -> Result<(), Problem> {
        Ok(self.redis().await?.del(key(secret)).await?)
    }

    /// Counts a try of `who`.
    ///
    /// # Errors
    /// When there were too many.
    pub(crate) async fn try_once(&self, who: &str) -> Result<(), Problem> {
        let mut redis = self.redis().await?;
        let key = format!("tries:{who}");
        let count: u64 = redis.incr(&key, 1).await?;
        if count == 1 {
            redis.expire::<_, ()>(&key, WINDOW_S).await?;
        }
        if count > TRIES { Err(Problem::too_often()) } else { Ok(()) }
    }
}
