//! The device's certificate authority, in the forms that operating systems take; and a route with which a page finds out
//! whether this browser trusts it.

use axum::Json;
use axum::http::{HeaderName, StatusCode, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tayberry_core::profile;
use tayberry_core::request::Request;
use tayberry_core::request::problem::{Kind, Problem};
use tayberry_core::request::setup::Authority;

use super::{Asking, Problems, Refusal};

/// A file to download.
type Download = ([(HeaderName, &'static str); 2], Vec<u8>);

fn download(kind: &'static str, disposition: &'static str, bytes: Vec<u8>) -> Download {
    ([(header::CONTENT_TYPE, kind), (header::CONTENT_DISPOSITION, disposition)], bytes)
}

/// The authority's certificate and fingerprint.
#[utoipa::path(get, path = "/authority", tag = "authority", responses((status = 200, body = Authority), Problems))]
pub(super) async fn authority(asking: Asking) -> Result<Json<Authority>, Refusal> {
    Ok(Json(asking.ask(Request::Authority).await?))
}

/// The certificate as PEM, for Linux, Firefox and scripts.
#[utoipa::path(get, path = "/authority.pem", tag = "authority", responses((status = 200, body = String, content_type = "application/x-pem-file"), Problems))]
pub(super) async fn pem(asking: Asking) -> Result<Download, Refusal> {
    let authority: Authority = asking.ask(Request::Authority).await?;
    let disposition = "attachment; filename=\"tayberry.pem\"";
    Ok(download("application/x-pem-file", disposition, authority.pem.into_bytes()))
}

/// The certificate as DER, for Windows, macOS and Android.
#[utoipa::path(get, path = "/authority.crt", tag = "authority", responses((status = 200, body = Vec<u8>, content_type = "application/x-x509-ca-cert"), Problems))]
pub(super) async fn crt(asking: Asking) -> Result<Download, Refusal> {
    let authority: Authority = asking.ask(Request::Authority).await?;
    let disposition = "attachment; filename=\"tayberry.crt\"";
    Ok(download("application/x-x509-ca-cert", disposition, der(&authority)?))
}

/// The certificate as a configuration profile, for iOS and iPadOS.
#[utoipa::path(get, path = "/authority.mobileconfig", tag = "authority", responses((status = 200, body = String, content_type = "application/x-apple-aspen-config"), Problems))]
pub(super) async fn mobileconfig(asking: Asking) -> Result<Download, Refusal> {
    let authority: Authority = asking.ask(Request::Authority).await?;
    let profile = profile::render(&der(&authority)?, &authority.fingerprint);
    // Not as an attachment: Safari offers to install what it opens.
    let disposition = "inline; filename=\"tayberry.mobileconfig\"";
    Ok(download("application/x-apple-aspen-config", disposition, profile.into_bytes()))
}

/// Nothing; a page under another name of the device gets it only if the browser trusts the certificate.
#[utoipa::path(get, path = "/trust-test", tag = "authority", responses((status = 204)))]
pub(super) async fn trust_test() -> (StatusCode, [(HeaderName, &'static str); 1]) {
    (StatusCode::NO_CONTENT, [(header::ACCESS_CONTROL_ALLOW_ORIGIN, "*")])
}

/// The bytes between the lines of a PEM (RFC 7468).
fn der(authority: &Authority) -> Result<Vec<u8>, Problem> {
    let base64: String = authority.pem.lines().filter(|line| !line.starts_with('-')).collect();
    STANDARD.decode(base64).map_err(|error| Problem::new(Kind::Failed, error.to_string()))
}
