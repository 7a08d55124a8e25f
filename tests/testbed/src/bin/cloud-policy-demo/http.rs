//! HTTP on loopback.

use anyhow::Context;
use reqwest::{Client, Method};
use serde_json::Value;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

/// The JSON that answers a GET.
pub async fn get(url: &str) -> anyhow::Result<Value> {
    call(Method::GET, url, None, None).await
}

/// The JSON that answers a request; any status but success is an error with the answer in it.
pub async fn call(method: Method, url: &str, token: Option<&str>, body: Option<&Value>) -> anyhow::Result<Value> {
    let call = format!("{method} {url}");
    let text = text(method, url, token, body).await?;
    serde_json::from_str(&text).with_context(|| format!("{call} was answered with no JSON: {text}"))
}

/// The same for an answer that is not JSON.
pub async fn text(method: Method, url: &str, token: Option<&str>, body: Option<&Value>) -> anyhow::Result<String> {
    let call = format!("{method} {url}");
    // A proxy of the user's has no business on loopback.
    let mut request = Client::builder().timeout(LIMIT).no_proxy().build()?.request(method, url);
    if let Some(token) = token {
        request = request.bearer_auth(token);
    }
    if let Some(body) = body {
        request = request.json(body);
    }
    let answer = request.send().await.with_context(|| format!("no answer to {call}"))?;
    let status = answer.status();
    let text = answer.text().await?;
    anyhow::ensure!(status.is_success(), "{call} was answered with {status}: {text}");
    Ok(text)
}
