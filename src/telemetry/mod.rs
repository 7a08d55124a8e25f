//! Logs: text for people, JSON for machines, to standard error; and, where they are compiled in and
//! asked for, traces. Set up once, by the command line.

#[cfg(feature = "otel")]
pub mod traces;

use anyhow::Context as _;
use clap::ValueEnum;
use std::io::{self, IsTerminal as _};
use tracing::Dispatch;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// What is logged unless told otherwise.
pub const DEFAULT_FILTER: &str = "info,kube_client=error";

/// What no filter lets through: kube's client logs whole response bodies, at `warn` when it cannot
/// decode them, and a body may hold a Secret.
const NEVER_BODIES: &str = "kube_client::client=error";

/// How a log line looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line: `timestamp`, `level`, `target`, `message`, the event's own fields
    /// beside them, and `span` for what it happened in. A span's own name is its `name`: no field
    /// of a span may be called so.
    Json,
}

/// What listens beside the log.
pub type Extra = Box<dyn Layer<Registry> + Send + Sync>;

/// Logs to standard error from now on, whatever `filter` lets through. To be called once.
pub fn init(format: Format, filter: &str, extra: Option<Extra>) -> anyhow::Result<()> {
    let colours = io::stderr().is_terminal();
    let lines = lines(format, filter, colours, io::stderr)?;
    Registry::default().with(extra).with(lines).try_init().context("logging is set up already")
}

/// Where log lines go that `filter` lets through, written to `writer`.
pub fn dispatch<W>(format: Format, filter: &str, colours: bool, writer: W) -> anyhow::Result<Dispatch>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    Ok(Dispatch::new(Registry::default().with(None::<Extra>).with(lines(format, filter, colours, writer)?)))
}

/// Whatever the filter says, bodies of the API server's answers are not among the lines.
fn lines<S, W>(format: Format, filter: &str, colours: bool, writer: W) -> anyhow::Result<impl Layer<S>>
where
    S: tracing::Subscriber + for<'s> tracing_subscriber::registry::LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let wanted = EnvFilter::builder().parse(filter).with_context(|| format!("log filter `{filter}`"))?;
    let allowed = wanted.add_directive(NEVER_BODIES.parse()?);
    let lines = fmt::layer().with_writer(writer);
    let lines = match format {
        Format::Text => lines.with_ansi(colours).boxed(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
    };
    Ok(lines.with_filter(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Mutex};
    use tracing::dispatcher::with_default;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What `events` leave in the log.
    fn log(format: Format, filter: &str, events: impl FnOnce()) -> String {
        let page = Page::default();
        let writer = page.clone();
        with_default(&dispatch(format, filter, false, move || writer.clone()).unwrap(), events);
        let bytes = page.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_json_line_has_the_fields_beside_the_message_and_the_span_apart() {
        let text = log(Format::Json, DEFAULT_FILTER, || {
            let _span = tracing::info_span!("reconcile", kind = "Policy", object = "a").entered();
            tracing::warn!(reason = "Conflict", count = 2, "not \"ours\"\nat all");
        });
        assert_eq!(text.matches('\n').count(), 1, "one line: {text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["level"], "WARN");
        assert_eq!(line["message"], "not \"ours\"\nat all");
        assert_eq!(line["reason"], "Conflict");
        assert_eq!(line["count"], 2);
        assert_eq!(line["target"], module_path!());
        assert_eq!(line["span"], serde_json::json!({"name": "reconcile", "kind": "Policy", "object": "a"}));
        assert!(line["timestamp"].as_str().is_some_and(|t| t.parse::<jiff::Timestamp>().is_ok()), "{line}");
        assert!(line.get("spans").is_none() && line.get("fields").is_none(), "{line}");
    }

    #[test]
    fn a_text_line_is_plain_where_no_terminal_reads_it() {
        let text = log(Format::Text, DEFAULT_FILTER, || tracing::info!(policy = "a", "created"));
        assert!(text.ends_with("created policy=\"a\"\n"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn the_default_filter_keeps_response_bodies_out() {
        let text = log(Format::Text, DEFAULT_FILTER, || {
            tracing::warn!(target: "kube_client::client", "body with a secret");
            tracing::error!(target: "kube_client::client", "refused");
            tracing::debug!("detail");
        });
        assert!(text.contains("refused") && !text.contains("body") && !text.contains("detail"), "{text}");
    }

    #[test]
    fn no_filter_lets_response_bodies_through() {
        for filter in ["trace", "kube_client=trace", "kube_client::client=trace", "trace,kube_client::client=debug"] {
            let text = log(Format::Text, filter, || {
                tracing::warn!(target: "kube_client::client", "body with a secret");
                tracing::error!(target: "kube_client::client", "refused");
            });
            assert!(text.contains("refused") && !text.contains("body"), "{filter}: {text}");
        }
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        let error = dispatch(Format::Text, "info,kube=loudly", false, io::sink).unwrap_err();
        assert!(format!("{error:#}").starts_with("log filter `info,kube=loudly`: "), "{error:#}");
    }
}
