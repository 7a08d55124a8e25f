//! Signature v2 of NAVER Cloud's API gateway: its input, and the check.
//!
//! The signature covers the method, the request target byte for byte as received (query included,
//! unsorted), the timestamp header and the access key. It does not cover body, host and other headers.
//! The secret is used as text.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// The largest difference between a timestamp and the gateway's clock, in either direction.
pub(crate) const TOLERANCE_MILLIS: i64 = 300_000;

/// The parts of a request that its signature covers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signed<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) timestamp: &'a str,
    pub(crate) access_key: &'a str,
}

impl Signed<'_> {
    fn mac(&self, secret_key: &str) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(secret_key.as_bytes()).ok()?;
        let Self { method, target, timestamp, access_key } = self;
        mac.update(format!("{method} {target}\n{timestamp}\n{access_key}").as_bytes());
        Some(mac)
    }

    /// Returns the signature in base64 with padding.
    pub(crate) fn sign(&self, secret_key: &str) -> Option<String> {
        Some(STANDARD.encode(self.mac(secret_key)?.finalize().into_bytes()))
    }

    /// Returns true if `signature` is correct. The comparison takes constant time.
    pub(crate) fn is_signed_by(&self, secret_key: &str, signature: &str) -> bool {
        let (Some(mac), Ok(given)) = (self.mac(secret_key), STANDARD.decode(signature)) else {
            return false;
        };
        mac.verify_slice(&given).is_ok()
    }
}
