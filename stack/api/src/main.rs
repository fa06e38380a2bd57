//! `tayberry-api`: what the console asks. Users, audit log, preferences and dashboards are in the document database, sessions and live
//! events in Redis. It has no right over the device: whoever signs in as its owner brings a token that the device signed. Wiring only.

mod asking;
mod body;
mod door;
mod ending;
mod health;
mod live;
mod password;
mod problem;
mod routes;
mod sessions;
mod settings;
mod store;
mod token;

use std::process::ExitCode;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::door::Door;
use crate::ending::Ending;
use crate::live::Live;
use crate::sessions::Sessions;
use crate::settings::Settings;
use crate::store::Store;

/// What every handler shares.
#[derive(Clone)]
pub(crate) struct App {
    store: Store,
    sessions: Sessions,
    live: Live,
    settings: Arc<Settings>,
    last_look: routes::LastLook,
    ending: Ending,
    door: Door,
}

/// A service that cannot start.
#[derive(Debug, thiserror::Error)]
enum ApiError {
    #[error(transparent)]
    Settings(#[from] settings::SettingsError),
    #[error("the address of the document database: {0}")]
    Store(#[from] mongodb::error::Error),
    #[error("the address of Redis: {0}")]
    Redis(#[from] redis::RedisError),
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// Asked by the container's health check: whether the service on this machine answers.
async fn is_alive(settings: &Settings) -> ExitCode {
    match health::ask(settings.port).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(settings: Settings) -> Result<(), ApiError> {
    let listener = TcpListener::bind(("::", settings.port)).await?;
    let client = sessions::client(&settings.redis)?;
    let ending = Ending::default();
    let app = App {
        store: Store::open(&settings.mongo).await?,
        sessions: Sessions::new(client.clone()),
        live: Live::default(),
        settings: Arc::new(settings),
        last_look: routes::LastLook::default(),
        ending: ending.clone(),
        door: Door::default(),
    };
    tokio::spawn(app.store.clone().prepare());
    tokio::spawn(app.live.clone().follow(client));
    tokio::spawn(door::follow(app.clone()));
    let mut end = signal(SignalKind::terminate())?;
    let begins = ending.clone();
    let stop = async move {
        end.recv().await;
        tracing::info!("no more requests are taken");
        begins.begin();
    };
    tracing::info!(port = app.settings.port, "serves");
    sd_notify::notify(&[sd_notify::NotifyState::Ready])?;
    axum::serve(listener, routes::router(app)).with_graceful_shutdown(stop).await?;
    ending.is_over().await;
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    tracing_subscriber::fmt().json().flatten_event(true).with_writer(std::io::stderr).init();
    let settings = match Settings::from_environment() {
        Ok(settings) => settings,
        Err(error) => {
            tracing::error!("{error}");
            return ExitCode::FAILURE;
        }
    };
    if std::env::args().nth(1).as_deref() == Some("health") {
        return is_alive(&settings).await;
    }
    match serve(settings).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
