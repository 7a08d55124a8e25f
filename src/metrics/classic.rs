//! The older text format of Prometheus, made of the `OpenMetrics` text: for readers that do not ask
//! for `OpenMetrics`, `promtool check metrics` among them.
//!
//! The samples are the same. What differs: a counter is declared under the name that its samples
//! have, there are no infos, and there is neither a unit nor an end.

/// The same metrics in the older format.
pub(super) fn classic(open_metrics: &str) -> String {
    let mut told = String::with_capacity(open_metrics.len());
    let mut lines = open_metrics.lines().peekable();
    while let Some(line) = lines.next() {
        let mut words = line.splitn(4, ' ');
        match (words.next(), words.next(), words.next(), words.next()) {
            (Some("#"), Some("EOF" | "UNIT"), ..) => {}
            (Some("#"), Some("HELP"), Some(name), Some(help)) => {
                // The type stands in the next line.
                let kind = lines.peek().and_then(|next| next.rsplit(' ').next()).unwrap_or_default();
                push(&mut told, &["# HELP ", name, suffix(kind), " ", help]);
            }
            (Some("#"), Some("TYPE"), Some(name), Some(kind)) => {
                let known = if kind == "info" { "gauge" } else { kind };
                push(&mut told, &["# TYPE ", name, suffix(kind), " ", known]);
            }
            _ => push(&mut told, &[line]),
        }
    }
    told
}

/// What the samples of a type have behind the name.
fn suffix(kind: &str) -> &'static str {
    match kind {
        "counter" => "_total",
        "info" => "_info",
        _ => "",
    }
}

fn push(told: &mut String, parts: &[&str]) {
    for part in parts {
        told.push_str(part);
    }
    told.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_has_the_name_of_its_samples_and_a_type_that_older_readers_know() {
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
