//! The API gateway in front of the API: it checks the signature, the rate and the headers.

use std::sync::Mutex;

use jiff::Timestamp;

use super::errors::GatewayError;
use super::options::Options;
use super::signature::{Signed, TOLERANCE_MILLIS};
use crate::exchange::{Call, Reply};
use crate::sync::lock;

/// Counts requests per window. The three documented 429 codes alternate.
#[derive(Debug, Default)]
pub(crate) struct Meter(Mutex<Window>);

#[derive(Debug, Default)]
struct Window {
    start: Option<Timestamp>,
    used: u32,
    rejected: usize,
}

/// Returns the gateway's error if it rejects the request.
pub(crate) fn rejection(call: &Call, options: &Options, meter: &Meter) -> Option<Reply> {
    let switches = &options.switches;
    if let Some(details) = unauthenticated(call, options) {
        let details = switches.authentication_details.then_some(details);
        return Some(GatewayError::AuthenticationFailed.reply(switches.numeric_gateway_codes, details));
    }
    if switches.demand_content_type && call.header("content-type").is_none() {
        return Some(GatewayError::BadRequest.reply(switches.numeric_gateway_codes, None));
    }
    let limited = meter.reject(options)?;
    let reply = limited.reply(switches.numeric_gateway_codes, None);
    Some(match switches.retry_after {
        Some(seconds) => reply.with_header("retry-after", seconds.to_string()),
        None => reply,
    })
}

/// Returns the reason if the request is not authentic.
fn unauthenticated(call: &Call, options: &Options) -> Option<&'static str> {
    let Some(timestamp) = call.header("x-ncp-apigw-timestamp") else {
        return Some("x-ncp-apigw-timestamp is missing.");
    };
    let Some(access_key) = call.header("x-ncp-iam-access-key") else {
        return Some("x-ncp-iam-access-key is missing.");
    };
    let Some(signature) = call.header("x-ncp-apigw-signature-v2") else {
        return Some("x-ncp-apigw-signature-v2 is missing.");
    };
    let Some(secret_key) = secret_of(access_key, options) else {
        return Some("Invalid access key.");
    };
    let now = options.clock.now().as_millisecond();
    let skew = timestamp.parse::<i64>().ok().and_then(|sent| now.checked_sub(sent));
    if skew.is_none_or(|skew| skew.abs() > TOLERANCE_MILLIS) {
        return Some("Expired timestamp.");
    }
    let signed = Signed { method: call.method.as_str(), target: &call.target, timestamp, access_key };
    (!signed.is_signed_by(secret_key, signature)).then_some("Invalid signature.")
}

fn secret_of<'a>(access_key: &str, options: &'a Options) -> Option<&'a str> {
    let further = options.further_keys.iter().find(|(key, _)| key == access_key);
    if access_key == options.access_key {
        Some(&options.secret_key)
    } else {
        further.map(|(_, secret)| secret.as_str())
    }
}

impl Meter {
    fn reject(&self, options: &Options) -> Option<GatewayError> {
        const CODES: [GatewayError; 3] =
            [GatewayError::QuotaExceeded, GatewayError::ThrottleLimited, GatewayError::RateLimited];
        let limit = options.switches.rate_limit?;
        let now = options.clock.now();
        let mut window = lock(&self.0);
        let fresh = window.start.is_none_or(|start| {
            let age = now.duration_since(start);
            age.is_negative() || age.unsigned_abs() >= limit.window
        });
        if fresh {
            (window.start, window.used) = (Some(now), 0);
        }
        if window.used < limit.requests {
            window.used += 1;
            return None;
        }
        window.rejected += 1;
        Some(CODES[(window.rejected - 1) % CODES.len()])
    }
}
