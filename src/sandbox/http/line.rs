//! Puts an answer on the wire, or what a fault made of it. Bodies of faults quote the caller's
//! own secret, as careless proxies do: a client that shows bodies is caught out.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::body::{Bytes, Frame};
use serde_json::json;

use super::super::reply::{End, Line};

/// Stands in a response's extensions: send nothing of it, hang up.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(super) enum HangUp {
    #[error("closed on purpose")]
    Close,
    #[error("reset on purpose")]
    Reset,
}

/// Waits, then sends `plain`, or what the line makes of it. `secret` is the caller's.
pub(super) async fn send(line: &Line, plain: Response, secret: &str) -> Response {
    if line.delay_ms > 0 {
        tokio::time::sleep(Duration::from_millis(line.delay_ms)).await;
    }
    match line.end {
        End::Whole => plain,
        End::Dropped => hang_up(HangUp::Close),
        End::Reset => hang_up(HangUp::Reset),
        End::Status { status, retry_after_seconds } => {
            let body = json!({ "message": format!("injected {status} for {secret}") });
            let mut response = (code(status), axum::Json(body)).into_response();
            if let Some(seconds) = retry_after_seconds {
                response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
        End::Html { status } => {
            let page = format!("<html><body><h1>{status}</h1><p>{secret}</p></body></html>");
            (code(status), axum::response::Html(page)).into_response()
        }
        End::Flood { bytes } => {
            let kind = [(header::CONTENT_TYPE, "application/json")];
            (kind, Body::new(Flood { left: bytes })).into_response()
        }
        End::NullData => axum::Json(json!({ "data": null })).into_response(),
        End::GarbageDate => {
            let mut response = plain;
            let date = HeaderValue::from_static("Caturday, 99 Smarch 2026 25:61:61 MOON");
            response.headers_mut().insert(header::DATE, date);
            response
        }
    }
}

/// A `Date` header, from milliseconds since the Unix epoch.
pub(super) fn date(ms: i64) -> Option<HeaderValue> {
    let seconds = u64::try_from(ms / 1000).unwrap_or(0);
    let date = std::time::UNIX_EPOCH + Duration::from_secs(seconds);
    HeaderValue::from_str(&httpdate::fmt_http_date(date)).ok()
}

fn hang_up(how: HangUp) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    response.extensions_mut().insert(how);
    response
}

fn code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// A body of blanks, made as it is read.
struct Flood {
    left: u64,
}

const CHUNK: &[u8; 16 * 1024] = &[b' '; 16 * 1024];

impl hyper::body::Body for Flood {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let length = usize::try_from(self.left).unwrap_or(CHUNK.len()).min(CHUNK.len());
        self.left -= length as u64;
        let chunk = Bytes::from_static(CHUNK).slice(..length);
        Poll::Ready(Some(Ok(Frame::data(chunk))))
    }
}
