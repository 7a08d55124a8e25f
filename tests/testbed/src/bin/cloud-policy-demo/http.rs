//! HTTP on loopback.

use anyhow::Context;
use reqwest::{Client, Method};
use serde_json::Value;
use std::time::Duration;

const LIMIT: Duration = Duration::from_secs(20);

/// Returns the JSON answer to a GET.
pub async fn get(url: &str) -> anyhow::Result<Value> {
    call(Method::GET, url, None, None).await
}

/// Returns the JSON answer to a request. A status other than success is an error with the answer.
pub async fn call(method: Method, url: &str, token: Option<&str>, body: Option<&Value>) -> anyhow::Result<Value> {
    let call = format!("{method} {url}");
    let text = text(method, url, token, body).await?;
    serde_json::from_str(&text).with_context(|| format!("the answer to {call} is not JSON: {text}"))
}

/// Returns the answer to a request as text.
pub async fn text(method: Method, url: &str, token: Option<&str>, body: Option<&Value>) -> anyhow::Result<String> {
    let call = format!("{method} {url}");
    // A proxy of the user must not get loopback requests.
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
    anyhow::ensure!(status.is_success(), "the answer to {call} is {status}: {text}");
    Ok(text)
}
