//! A small HTTP/1.1 client. It sends the request target byte for byte and reports a cut connection.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use cloud_policy_simulator::ncloud::{Ncloud, sign};
use cloud_policy_simulator::spaceone::Spaceone;
use serde_json::Value;

/// An answer that has been read completely.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }
}

/// Sends one request on a new connection. Returns `None` when the connection ends without an answer.
pub fn send(url: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> Option<Answer> {
    let mut stream = open(url, method, target, headers, body);
    let mut received = Vec::new();
    let _ended = stream.read_to_end(&mut received);
    parse(&received)
}

/// Sends one request and returns the connection without reading the answer.
pub fn open(url: &str, method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> TcpStream {
    let address = url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = body.len().to_string();
    let own = [("host", address), ("connection", "close"), ("content-length", &length)];
    let lines: String = own.iter().chain(headers).map(|(name, value)| [name, ": ", value, "\r\n"].concat()).collect();
    let head = format!("{method} {target} HTTP/1.1\r\n{lines}\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    // A server that rejects the request early may close before it has read a large body.
    let _early = stream.write_all(body.as_bytes());
    stream
}

fn parse(received: &[u8]) -> Option<Answer> {
    let end = received.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&received[..end]).into_owned();
    let mut lines = head.lines();
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers = lines.filter_map(|line| line.split_once(": ")).map(|(k, v)| (k.to_owned(), v.to_owned()));
    Some(Answer { status, headers: headers.collect(), body: received[end + 4..].to_vec() })
}

/// Sends a request to NAVER Cloud, signed at the time of the server's clock.
pub fn ncloud(server: &Ncloud, method: &str, target: &str, body: &str) -> Answer {
    try_ncloud(server, method, target, body).expect("an answer")
}

/// Does the same as [`ncloud`] for a request that may get no answer.
pub fn try_ncloud(server: &Ncloud, method: &str, target: &str, body: &str) -> Option<Answer> {
    let timestamp = server.clock().now().as_millisecond().to_string();
    let (key, secret) = (server.access_key(), server.secret_key());
    let signature = sign(method, target, &timestamp, &key, &secret);
    let headers = [
        ("x-ncp-apigw-timestamp", timestamp.as_str()),
        ("x-ncp-iam-access-key", &key),
        ("x-ncp-apigw-signature-v2", &signature),
        ("content-type", "application/json"),
    ];
    send(&server.url(), method, target, &headers, body)
}

/// Sends a request to SpaceONE with the domain's token.
pub fn spaceone(server: &Spaceone, method: &str, target: &str, body: &Value) -> Answer {
    spaceone_as(server, Some(&server.token()), method, target, body)
}

/// Sends a request to SpaceONE with this token, or without a token.
pub fn spaceone_as(server: &Spaceone, token: Option<&str>, method: &str, target: &str, body: &Value) -> Answer {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<(&str, &str)> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(&server.url(), method, target, &headers, &body).expect("an answer")
}

/// Waits until `done` returns true. Fails with `what` after a time limit.
pub fn until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(20), "waited for {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
