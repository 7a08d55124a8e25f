//! Converts `OpenMetrics` text to the older Prometheus text format, for clients that do not request
//! `OpenMetrics`, such as `promtool check metrics`.
//!
//! The samples are the same. The declarations differ: a counter is declared under the name of its
//! samples, an info is a gauge, and there are no `UNIT` and `EOF` lines.

/// Returns the same metrics in the Prometheus text format.
pub(super) fn classic(open_metrics: &str) -> String {
    let mut text = String::with_capacity(open_metrics.len());
    let mut lines = open_metrics.lines().peekable();
    while let Some(line) = lines.next() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("EOF" | "UNIT"), ..) => {}
            (Some("#"), Some("HELP"), Some(name), Some(help)) => {
                // The next line declares the type.
                let kind = lines.peek().and_then(|next| next.rsplit(' ').next()).unwrap_or_default();
                push_line(&mut text, &["# HELP ", name, suffix(kind), " ", help]);
            }
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                let known = if kind == "info" { "gauge" } else { kind };
                push_line(&mut text, &["# TYPE ", name, suffix(kind), " ", known]);
            }
            _ => push_line(&mut text, &[line]),
        }
    }
    text
}

/// Returns the suffix that `OpenMetrics` adds to the names of the samples of this type.
fn suffix(kind: &str) -> &'static str {
    match kind {
        "counter" => "_total",
        "info" => "_info",
        _ => "",
    }
}

fn push_line(text: &mut String, parts: &[&str]) {
    for part in parts {
        text.push_str(part);
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declaration_has_the_name_of_its_samples_and_a_known_type() {
        let open = "\
# HELP a_seconds How long.
# TYPE a_seconds histogram
# UNIT a_seconds seconds
a_seconds_sum{kind=\"# TYPE x\"} 1.0
# HELP b How often.
# TYPE b counter
b_total{code=\"200\"} 2
# HELP c Which.
# TYPE c info
c_info{version=\"1\"} 1
# HELP d How many.
# TYPE d gauge
d 3
# EOF
";
        let expected = "\
# HELP a_seconds How long.
# TYPE a_seconds histogram
a_seconds_sum{kind=\"# TYPE x\"} 1.0
# HELP b_total How often.
# TYPE b_total counter
b_total{code=\"200\"} 2
# HELP c_info Which.
# TYPE c_info gauge
c_info{version=\"1\"} 1
# HELP d How many.
# TYPE d gauge
d 3
";
        assert_eq!(classic(open), expected);
    }
}
