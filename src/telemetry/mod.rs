//! Logs to standard error, as text or JSON, and optional traces. The command line sets them up once.

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

/// The default log filter.
pub const DEFAULT_FILTER: &str = "info,kube_client=error";

/// A directive that is added to every filter. The client of kube logs whole response bodies, at `warn`
/// when it cannot decode them, and a body may contain a Secret.
const NO_BODIES: &str = "kube_client::client=error";

/// The format of log lines.
// The JSON object `span` contains the name of the span as `name`, so no field of a span may have this name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Text for people.
    Text,
    /// One JSON object per line, with `timestamp`, `level`, `target`, `message`, the fields of the event,
    /// and `span` for the operation to which the event belongs.
    Json,
}

/// A further layer that receives the same events and spans, such as traces.
pub type ExtraLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Starts to log to standard error the events that `filter` selects. Must be called once.
pub fn init(format: Format, filter: &str, extra: Option<ExtraLayer>) -> anyhow::Result<()> {
    let colours = io::stderr().is_terminal();
    let lines = lines(format, filter, colours, io::stderr)?;
    Registry::default().with(extra).with(lines).try_init().context("logging is already set up")
}

/// Returns a dispatcher that writes the events that `filter` selects to `writer`.
pub fn dispatch<W>(format: Format, filter: &str, colours: bool, writer: W) -> anyhow::Result<Dispatch>
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    Ok(Dispatch::new(Registry::default().with(None::<ExtraLayer>).with(lines(format, filter, colours, writer)?)))
}

/// Returns the layer that writes log lines. No filter selects response bodies of the API server.
fn lines<S, W>(format: Format, filter: &str, colours: bool, writer: W) -> anyhow::Result<impl Layer<S>>
where
    S: tracing::Subscriber + for<'s> tracing_subscriber::registry::LookupSpan<'s>,
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let wanted = EnvFilter::builder().parse(filter).with_context(|| format!("log filter `{filter}`"))?;
    let allowed = wanted.add_directive(NO_BODIES.parse()?);
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
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns the log that `events` produce.
    fn log(format: Format, filter: &str, events: impl FnOnce()) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        with_default(&dispatch(format, filter, false, move || writer.clone()).unwrap(), events);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn json_line_has_flat_fields_and_one_span() {
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
    fn text_line_has_no_colours_without_terminal() {
        let text = log(Format::Text, DEFAULT_FILTER, || tracing::info!(policy = "a", "created"));
        assert!(text.ends_with("created policy=\"a\"\n"), "{text}");
        assert!(!text.contains('\u{1b}'), "{text}");
    }

    #[test]
    fn default_filter_excludes_response_bodies() {
        let text = log(Format::Text, DEFAULT_FILTER, || {
            tracing::warn!(target: "kube_client::client", "body with a secret");
            tracing::error!(target: "kube_client::client", "refused");
            tracing::debug!("detail");
        });
        assert!(text.contains("refused") && !text.contains("body") && !text.contains("detail"), "{text}");
    }

    #[test]
    fn custom_filter_excludes_response_bodies() {
        for filter in ["trace", "kube_client=trace", "kube_client::client=trace", "trace,kube_client::client=debug"] {
            let text = log(Format::Text, filter, || {
                tracing::warn!(target: "kube_client::client", "body with a secret");
                tracing::error!(target: "kube_client::client", "refused");
            });
            assert!(text.contains("refused") && !text.contains("body"), "{filter}: {text}");
        }
    }

    #[test]
    fn invalid_filter_error_names_the_filter() {
        let error = dispatch(Format::Text, "info,kube=loudly", false, io::sink).unwrap_err();
        assert!(format!("{error:#}").starts_with("log filter `info,kube=loudly`: "), "{error:#}");
    }
}
