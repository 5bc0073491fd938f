//! The dashboard, the alert rules and the catalogue of metrics say the same, both ways.
//!
//! That each expression also has data is proven against a real Prometheus by `dashboards/check.sh`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "tests"
)]

use std::collections::{BTreeMap, BTreeSet};

use pipeline::metrics::catalogue::{self, Kind};
use serde_json::Value;
use tests::sources;

fn dashboards() -> Vec<(String, Value)> {
    let found = sources::below("dashboards", ".json");
    assert!(!found.is_empty(), "no dashboard");
    found
        .into_iter()
        .map(|file| {
            (
                file.path,
                serde_json::from_str(&file.text).expect("a dashboard is JSON"),
            )
        })
        .collect()
}

/// Titles and expressions of all panels, those in collapsed rows too.
fn expressions(dashboard: &Value) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for panel in panels(dashboard) {
        let title = panel["title"].as_str().unwrap().to_owned();
        for target in panel["targets"].as_array().into_iter().flatten() {
            all.push((title.clone(), target["expr"].as_str().unwrap().to_owned()));
        }
    }
    all
}

fn panels(parent: &Value) -> Vec<&Value> {
    let own = parent["panels"].as_array().into_iter().flatten();
    own.flat_map(|panel| [vec![panel], panels(panel)].concat())
        .collect()
}

/// The names in a text that look like metrics of ours.
fn names(text: &str) -> BTreeSet<String> {
    let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
    let words = text.split(|c| !word(c));
    words
        .filter(|word| word.starts_with("tollgate_"))
        .map(str::to_owned)
        .collect()
}

/// What a scrape brings by name: a histogram comes as three series, the others as one.
fn scraped() -> BTreeMap<String, &'static str> {
    let mut all = BTreeMap::new();
    for entry in catalogue::ALL {
        let endings: &[&str] = match entry.kind {
            Kind::Histogram => &["_bucket", "_sum", "_count"],
            Kind::Counter | Kind::Gauge => &[""],
        };
        for ending in endings {
            all.insert(format!("{}{ending}", entry.name), entry.name);
        }
    }
    all
}

#[test]
fn every_metric_a_panel_names_is_in_the_catalogue() {
    let scraped = scraped();
    for (path, dashboard) in dashboards() {
        for (title, expression) in expressions(&dashboard) {
            let named = names(&expression);
            assert!(
                !named.is_empty(),
                "{path}: {title}: no metric of ours in {expression}"
            );
            let unknown: Vec<_> = named
                .iter()
                .filter(|name| !scraped.contains_key(*name))
                .collect();
            assert!(
                unknown.is_empty(),
                "{path}: {title}: nothing is scraped as {unknown:?}"
            );
        }
    }
}

#[test]
fn every_metric_of_the_catalogue_is_on_a_panel() {
    let scraped = scraped();
    let all = dashboards();
    let shown: BTreeSet<&str> = all
        .iter()
        .flat_map(|(_, dashboard)| expressions(dashboard))
        .flat_map(|(_, expression)| names(&expression))
        .filter_map(|name| scraped.get(&name).copied())
        .collect();
    let missing: Vec<_> = catalogue::ALL
        .iter()
        .map(|entry| entry.name)
        .filter(|name| !shown.contains(name))
        .collect();
    assert!(missing.is_empty(), "on no panel: {missing:?}");
}

#[test]
fn series_labels_a_panel_names_are_those_of_the_metric() {
    for (path, dashboard) in dashboards() {
        for (title, expression) in expressions(&dashboard) {
            let scraped = scraped();
            let metrics = names(&expression);
            let known: BTreeSet<&str> = catalogue::ALL
                .iter()
                .filter(|entry| {
                    metrics
                        .iter()
                        .any(|name| scraped.get(name) == Some(&entry.name))
                })
                .flat_map(|entry| entry.labels.iter().copied())
                .chain(["le", "job", "instance"])
                .collect();
            for label in grouped_by(&expression) {
                assert!(
                    known.contains(label),
                    "{path}: {title}: no series label {label} in {expression}"
                );
            }
        }
    }
}

/// The labels of all `by (…)` in an expression.
fn grouped_by(expression: &str) -> Vec<&str> {
    let lists = expression
        .split(" by (")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    lists
        .flat_map(|list| list.split(',').map(str::trim))
        .collect()
}

#[test]
fn names_and_labels_are_found_in_an_expression() {
    let expression =
        r#"sum by (le, stage) (rate(tollgate_stage_seconds_bucket{job=~"$job"}[5m])) / tollgate_x"#;
    assert_eq!(
        names(expression).into_iter().collect::<Vec<_>>(),
        ["tollgate_stage_seconds_bucket", "tollgate_x"]
    );
    assert_eq!(grouped_by(expression), ["le", "stage"]);
}

#[test]
fn panels_follow_the_house_rules() {
    for (path, dashboard) in dashboards() {
        assert!(
            dashboard["uid"]
                .as_str()
                .is_some_and(|uid| uid.starts_with("tollgate-")),
            "{path}: a stable uid"
        );
        let variables: Vec<_> = dashboard["templating"]["list"]
            .as_array()
            .unwrap()
            .iter()
            .map(|v| v["name"].as_str().unwrap())
            .collect();
        assert_eq!(variables, ["datasource", "job", "instance"], "{path}");
        let mut ids = BTreeSet::new();
        for panel in panels(&dashboard) {
            let title = panel["title"].as_str().unwrap_or_default();
            assert!(
                ids.insert(panel["id"].as_i64().unwrap()),
                "{path}: {title}: its id comes twice"
            );
            if panel["type"] == "row" {
                continue;
            }
            let text = |pointer: &str| {
                panel
                    .pointer(pointer)
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned()
            };
            assert!(
                text("/description").ends_with('.'),
                "{path}: {title}: a description is a sentence"
            );
            assert!(
                !text("/fieldConfig/defaults/unit").is_empty(),
                "{path}: {title}: a unit"
            );
            assert_eq!(text("/datasource/uid"), "${datasource}", "{path}: {title}");
            for target in panel["targets"].as_array().unwrap() {
                let expression = target["expr"].as_str().unwrap();
                assert_eq!(
                    target["datasource"]["uid"], "${datasource}",
                    "{path}: {title}"
                );
                assert!(
                    expression.contains(r#"job=~"$job", instance=~"$instance""#),
                    "{path}: {title}: {expression}"
                );
                let ranges = expression.matches('[').count();
                let given = expression.matches("[$__rate_interval]").count();
                assert_eq!(
                    ranges, given,
                    "{path}: {title}: the range is Grafana's to choose: {expression}"
                );
            }
        }
    }
}

#[test]
fn rules_name_metrics_of_the_catalogue_and_recordings_that_are_made() {
    let scraped = scraped();
    let recordings = sources::text("dashboards/recording-rules.yml");
    let alerts = sources::text("dashboards/alert-rules.yml");
    let made: BTreeSet<&str> = recordings
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- record: "))
        .collect();
    assert!(made.len() >= 5);
    for text in [without_comments(&recordings), without_comments(&alerts)] {
        let unknown: Vec<_> = names(&text)
            .into_iter()
            .filter(|name| !scraped.contains_key(name))
            .collect();
        assert!(unknown.is_empty(), "nothing is scraped as {unknown:?}");
    }
    let word = |c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == ':');
    for used in alerts
        .split(word)
        .filter(|word| word.contains(":tollgate_"))
    {
        assert!(made.contains(used), "nothing records {used}");
    }
}

#[test]
fn every_alert_has_a_paragraph_and_two_tests() {
    let runbook = sources::text("dashboards/runbook.md");
    let rules = sources::text("dashboards/alert-rules.yml");
    let tests = sources::text("dashboards/rules-test.yml");
    let alerts: Vec<&str> = rules
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() >= 10);
    for alert in &alerts {
        assert!(
            runbook.contains(&format!("\n## {alert}\n")),
            "no paragraph for {alert}"
        );
        assert!(
            rules.contains(&format!(
                "runbook_url: runbook.md#{}\n",
                alert.to_lowercase()
            )),
            "no link to {alert}"
        );
        let silent = tests.contains(&format!(
            "alertname: {alert}, eval_time: 45m, exp_alerts: [] }}"
        ));
        let fires = tests.contains(&format!("- alertname: {alert}\n"));
        assert!(silent && fires, "{alert} has to be seen firing and silent");
    }
    let paragraphs: Vec<&str> = runbook
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .collect();
    assert_eq!(paragraphs, alerts, "in the order of the rules");
}

fn without_comments(yaml: &str) -> String {
    yaml.lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .fold(String::new(), |all, line| all + line + "\n")
}
