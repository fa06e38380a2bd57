//! `tayberry-front`: the HTTPS port of the device. Unprivileged, without a file of its own; everything it knows it asks
//! `tayberryd` for, over the system bus. It works without containers, database or internet. Wiring only.

mod agent;
mod api;
mod connection;
mod headers;
mod inside;
mod openmetrics;
mod pages;
mod session;
mod sockets;
mod tls;
mod turn;

use std::process::ExitCode;
use std::sync::Arc;

use arc_swap::{ArcSwap, ArcSwapOption};
use tayberry_core::domain::DomainName;
use tokio::sync::watch;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::agent::AgentProxy;
use crate::turn::Turn;

/// What every handler shares.
#[derive(Clone)]
pub(crate) struct App {
    /// The agent.
    agent: AgentProxy<'static>,
    /// The content security policy, which names the device's addresses.
    policy: Arc<ArcSwap<String>>,
    /// The host name, without a domain.
    name: Arc<ArcSwap<String>>,
    /// The owner's domain, once there is a certificate for it.
    domain: Arc<ArcSwapOption<DomainName>>,
}

/// A front that cannot start.
#[derive(Debug, thiserror::Error)]
enum FrontError {
    #[error("the system bus: {0}")]
    Bus(#[from] zbus::Error),
    #[error(transparent)]
    Sockets(#[from] sockets::SocketsError),
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    #[error("systemd: {0}")]
    Notify(#[from] std::io::Error),
}

async fn run() -> Result<std::convert::Infallible, FrontError> {
    let listeners = sockets::listeners()?;
    let bus = agent::connect().await?;
    let app = App {
        agent: AgentProxy::new(&bus).await?,
        policy: Arc::new(ArcSwap::from_pointee(headers::policy(None))),
        name: Arc::new(ArcSwap::from_pointee("tayberry".to_owned())),
        domain: Arc::default(),
    };
    let shown = Arc::new(tls::Shown::default());
    let acceptor = tokio_rustls::TlsAcceptor::from(tls::config(shown.clone())?);
    let (gateway, turn) = watch::channel(None);
    let turn = Turn::unless(turn);
    let pages = pages::router(app.clone());
    for listener in listeners.own {
        let always = Turn::always();
        tokio::spawn(connection::serve(listener, always, Some(acceptor.clone()), pages.clone()));
    }
    for listener in listeners.secure {
        tokio::spawn(connection::serve(listener, turn.clone(), Some(acceptor.clone()), pages.clone()));
    }
    for listener in listeners.plain {
        tokio::spawn(connection::serve(listener, turn.clone(), None, pages::redirect(app.clone())));
    }
    for listener in listeners.inside {
        tokio::spawn(connection::inside(listener, inside::router(app.clone())));
    }
    let renewed = async || {
        pages::look_around(&app).await;
        if let Err(error) = sd_notify::notify(&[sd_notify::NotifyState::Ready]) {
            tracing::warn!("systemd does not listen: {error}");
        }
    };
    tokio::select! {
        never = tls::keep(&app.agent, &shown, renewed) => match never {},
        never = turn::follow(&app.agent, &gateway) => match never {},
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    // Libraries trace every frame of a connection: that is for those who debug them.
    if let Ok(journal) = tracing_journald::layer() {
        tracing_subscriber::registry().with(LevelFilter::INFO).with(journal).init();
    } else {
        tracing_subscriber::fmt().with_max_level(LevelFilter::INFO).with_writer(std::io::stderr).init();
    }
    let Err(error) = run().await;
    tracing::error!("{error}");
    ExitCode::FAILURE
}
