//! Golden outputs, and their limits.

use super::*;
use crate::engine::actions::Action;
use crate::plan::report::{Access, Failure, Field, Source, UpstreamObject};
use crate::plan::tests::planned;

fn sample() -> Planned {
    let side = |part: &str, witness: &str| {
        Some(Side { parts: vec![part.to_owned()], more: 0, witness: Some(witness.to_owned()), undecided: None })
    };
    Planned {
        name: "뷰어|<b>".to_owned(),
        upstream: Some(UpstreamObject {
            connection: "Connection team-a/ncloud".to_owned(),
            system: "x/y",
            key: "서버".to_owned(),
            id: Some("id-1".to_owned()),
        }),
        access: Access {
            change: "both",
            grants: side("Server Change* on *", "Server Change/a on nrn:x"),
            revokes: side("VPC View* on *", "VPC View/b on nrn:y"),
        },
        fields: vec![Field {
            path: "spec.ncloud.description".to_owned(),
            line: Some(7),
            desired: "\"새 | 것\"".to_owned(),
            observed: "\"@old\"".to_owned(),
        }],
        used_by: Some(UsedBy { count: 12, names: Vec::new() }),
        ..planned(Action::Update, "both")
    }
}

fn report() -> Report {
    let blocked = Planned {
        reason: Some("Conflict"),
        message: Some("The upstream object id-2 exists.".to_owned()),
        ..planned(Action::Blocked, "equal")
    };
    let failure = Failure {
        object: Some("Policy team-a/c".to_owned()),
        file: Some("c d.yaml".to_owned()),
        line: Some(3),
        message: "the upstream is down".to_owned(),
    };
    Report::of(Source::Upstream, vec![sample(), blocked, planned(Action::Nothing, "equal")], vec![failure], 0)
}

#[test]
fn text_is_golden() {
    let expected = "~ update Policy team-a/뷰어|<b>, x/y 서버 (id-1)  [a.yaml:1]
    spec.ncloud.description: \"@old\" -> \"새 | 것\"
    + GRANTS Server Change* on *
      for example Server Change/a on nrn:x
    - REVOKES VPC View* on *
      for example VPC View/b on nrn:y
    held by 12
! blocked Policy team-a/viewer  [a.yaml:1]
    Conflict: The upstream object id-2 exists.
! c d.yaml:3: Policy team-a/c: the upstream is down

Plan: 1 to update, 1 blocked, 1 unchanged, 1 not known.
The plan is not complete: something could not be read or decided.
";
    assert_eq!(text(&report(), false), expected);
    assert!(text(&report(), true).contains("= nothing Policy team-a/viewer  [a.yaml:1]\n"));
    let quiet = Report::of(Source::Upstream, vec![planned(Action::Nothing, "equal")], Vec::new(), 2);
    let expected = "Plan: 1 unchanged (2 documents of other APIs ignored).\nThe upstream is as the manifests say.\n";
    assert_eq!(text(&quiet, false), expected);
}

#[test]
fn markdown_is_golden() {
    let expected = "<!-- cloud-policy plan -->
### cloud-policy plan: 1 to update, 1 blocked, 1 unchanged, 1 not known

| | object | file | change | access |
| --- | --- | --- | --- | --- |
| update | Policy `team-a/뷰어&#124;&lt;b&gt;` | a.yaml:1 | spec.ncloud.description: \"&#64;old\" → \"새 &#124; 것\" | + GRANTS Server Change\\* on \\*<br>  for example Server Change/a on nrn:x<br>- REVOKES VPC View\\* on \\*<br>  for example VPC View/b on nrn:y<br>held by 12 |
| **blocked** | Policy `team-a/viewer` | a.yaml:1 | Conflict: The upstream object id-2 exists. |  |

**The plan is not complete.** Something could not be read or decided:

- c d.yaml:3: Policy team-a/c: the upstream is down
";
    assert_eq!(markdown(&report()), expected);
}

#[test]
fn markdown_stays_below_the_limit_of_github() {
    let many: Vec<Planned> = (0..2_000).map(|at| Planned { name: format!("p{at}"), ..sample() }).collect();
    let text = markdown(&Report::of(Source::Upstream, many, Vec::new(), 0));
    assert!(text.len() < 60_200 && text.chars().count() < 65_536, "{}", text.len());
    let shown = text.matches("| update |").count();
    assert!(text.ends_with(&format!("\nand {} more objects: see the JSON output.\n", 2_000 - shown)), "{shown}");
    let long = Planned { message: Some("x|".repeat(100_000)), ..sample() };
    let text = markdown(&Report::of(Source::Upstream, vec![long], Vec::new(), 0));
    assert!(text.len() < 20_000 && text.contains('…'), "{}", text.len());
}

#[test]
fn sarif_points_at_the_line_of_the_field() {
    let found = sarif(&report());
    let results = found["runs"][0]["results"].as_array().unwrap();
    let place = |at: usize| {
        let place = &results[at]["locations"][0]["physicalLocation"];
        (place["artifactLocation"]["uri"].as_str().unwrap(), place["region"]["startLine"].as_u64().unwrap())
    };
    let rules: Vec<_> =
        results.iter().map(|it| (it["ruleId"].as_str().unwrap(), it["level"].as_str().unwrap())).collect();
    assert_eq!(rules, [("CP002", "warning"), ("CP003", "error"), ("CP004", "error")]);
    assert_eq!((place(0), place(1), place(2)), (("a.yaml", 7), ("a.yaml", 1), ("c%20d.yaml", 3)));
}
