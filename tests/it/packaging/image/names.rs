//! A name server for one domain, in which every name resolves to this machine. It answers A questions. Other
//! types in the domain have no records, and other domains do not exist.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

const HEADER: usize = 12;
const TYPE_A: [u8; 2] = [0, 1];

pub struct NameServer {
    address: Ipv4Addr,
    asked: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl NameServer {
    pub async fn start(domain: &'static str) -> Self {
        // The port is fixed, so each process uses an address of its own, other than 127.0.0.53 of systemd.
        let [_, _, high, low] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, 53, high, low);
        let socket = UdpSocket::bind((address, 53)).await.expect("only root may listen on port 53");
        let asked = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&asked);
        let task = tokio::spawn(async move {
            let mut buffer = [0; 512];
            while let Ok((length, from)) = socket.recv_from(&mut buffer).await {
                if let Some(answer) = answer(&buffer[..length], domain) {
                    counter.fetch_add(1, Ordering::Relaxed);
                    // A client repeats a question when the answer is lost.
                    let _ = socket.send_to(&answer, from).await;
                }
            }
        });
        Self { address, asked, task }
    }

    pub fn address(&self) -> Ipv4Addr {
        self.address
    }

    /// Returns how many questions were answered.
    pub fn questions(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Builds the answer to a message with one question, by RFC 1035.
fn answer(message: &[u8], domain: &str) -> Option<Vec<u8>> {
    let (name, end) = name(message.get(HEADER..)?)?;
    let question = message.get(HEADER..HEADER + end + 4)?;
    let known = name.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
    let found = known && question[end..end + 2] == TYPE_A;
    let mut answer = message[..2].to_vec();
    // An authoritative answer, with recursion desired and available.
    answer.extend([0x85, if known { 0x80 } else { 0x83 }, 0, 1, 0, u8::from(found), 0, 0, 0, 0]);
    answer.extend(question);
    if found {
        // The name of the question, type A, class IN, a TTL of 0 seconds, 4 bytes.
        answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
        answer.extend(Ipv4Addr::LOCALHOST.octets());
    }
    Some(answer)
}

/// Returns the name at the beginning of a question, and its end.
fn name(question: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), 0);
    loop {
        let length = usize::from(*question.get(at)?);
        at += 1;
        if length == 0 {
            return Some((labels.join("."), at));
        }
        labels.push(String::from_utf8_lossy(question.get(at..at + length)?).to_lowercase());
        at += length;
    }
}
