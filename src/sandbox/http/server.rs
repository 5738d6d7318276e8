//! Accepts connections and can hang up in the middle of one, which axum's own server cannot; it
//! also adds no `Date` of its own.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::line::HangUp;

/// Further connections wait.
const MAX_CONNECTIONS: usize = 512;
/// What is still being answered at a shutdown gets this long.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);
/// Wait after a failed accept (no file descriptors left, mostly).
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Serves until `stop` changes or its sender is gone.
pub(in super::super) async fn serve(
    listener: TcpListener,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &slots) => accepted,
            _ = stop.changed() => break,
        };
        let Some((stream, slot)) = accepted else { break };
        let (router, stop) = (router.clone(), stop.clone());
        connections.spawn(async move {
            connection(stream, router, stop).await;
            drop(slot);
        });
        while connections.try_join_next().is_some() {}
    }
    drop(listener);
    let all_done = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(SHUTDOWN_GRACE, all_done).await.is_err() {
        connections.shutdown().await;
    }
}

async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, _)) => return Some((stream, slot)),
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

async fn connection(stream: TcpStream, router: Router, mut stop: watch::Receiver<bool>) {
    let routes = TowerToHyperService::new(router);
    let service = service_fn(move |request: Request<Incoming>| respond(routes.call(request)));
    let mut connection = http1::Builder::new()
        .auto_date_header(false)
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    let mut stopping = false;
    let result = loop {
        tokio::select! {
            result = poll_fn(|cx| connection.poll_without_shutdown(cx)) => break result,
            _ = stop.changed(), if !stopping => {
                stopping = true;
                Pin::new(&mut connection).graceful_shutdown();
            }
        }
    };
    let Err(error) = result else { return };
    if let Some(HangUp::Reset) = error.source().and_then(|cause| cause.downcast_ref()) {
        let stream = connection.into_parts().io.into_inner();
        // Without linger, closing sends a reset; where that fails, a plain close must do.
        drop(stream.set_zero_linger());
    }
}

type Answer = Pin<Box<dyn Future<Output = Result<Response, HangUp>> + Send>>;

/// An error here makes hyper close without sending a byte.
fn respond(answer: impl Future<Output = Result<Response, Infallible>> + Send + 'static) -> Answer {
    Box::pin(async move {
        let Ok(response) = answer.await;
        match response.extensions().get::<HangUp>() {
            Some(how) => Err(*how),
            None => Ok(response),
        }
    })
}
