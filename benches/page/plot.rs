//! A plot per measure: each run a dot, records from left to right, the goal a line.
//!
//! The invariant: the axis begins at 0, so that a figure twice as good looks it; the same records give the same bytes.

use std::fmt::Write;

use super::record::Record;
use super::{MEASURES, Measure, short};

const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 300.0;
/// Left, right, top, bottom of the field.
const FIELD: (f64, f64, f64, f64) = (90.0, 700.0, 40.0, 250.0);

/// The plot of each measure that has records, by the name of its file.
#[must_use]
pub fn all(records: &[Record]) -> Vec<(String, String)> {
    let mut plots = Vec::new();
    for measure in MEASURES {
        let of: Vec<&Record> = records.iter().filter(|r| r.id == measure.id).collect();
        if !of.is_empty() {
            plots.push((format!("{}.svg", measure.id), svg(measure, &of)));
        }
    }
    plots
}

fn svg(measure: &Measure, records: &[&Record]) -> String {
    let (left, right, top, bottom) = FIELD;
    let figures = records.iter().flat_map(|record| &record.figures).copied();
    let top_figure = figures.chain(measure.goal).fold(0.0, f64::max) * 1.1;
    let height = |figure: f64| bottom - (bottom - top) * figure / top_figure.max(f64::MIN_POSITIVE);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    text(
        &mut svg,
        left,
        20.0,
        "start",
        &format!("{} ({})", measure.what, measure.unit),
    );
    for part in 0..=4 {
        let figure = top_figure * f64::from(part) / 4.0;
        let y = height(figure);
        line(&mut svg, (left, right, y), "#ddd");
        text(&mut svg, left - 6.0, y + 4.0, "end", &short(figure));
    }
    if let Some(goal) = measure.goal {
        line(&mut svg, (left, right, height(goal)), "#c00");
        text(
            &mut svg,
            right,
            height(goal) - 4.0,
            "end",
            &format!("goal {}", short(goal)),
        );
    }
    let step = (right - left) / records.len() as f64;
    for (at, record) in records.iter().enumerate() {
        let x = left + step * (at as f64 + 0.5);
        for figure in &record.figures {
            let y = height(*figure);
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" fill=\"#06c\" fill-opacity=\"0.6\"/>"
            );
        }
        text(&mut svg, x, bottom + 18.0, "middle", &record.commit);
        text(
            &mut svg,
            x,
            bottom + 34.0,
            "middle",
            record.date.get(..10).unwrap_or_default(),
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// From left to right at a height.
fn line(svg: &mut String, (from, to, y): (f64, f64, f64), colour: &str) {
    let _ = writeln!(
        svg,
        "<line x1=\"{from}\" x2=\"{to}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"{colour}\"/>"
    );
}

fn text(svg: &mut String, x: f64, y: f64, anchor: &str, text: &str) {
    let escaped = text.replace('&', "&amp;").replace('<', "&lt;");
    let _ = writeln!(
        svg,
        "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\">{escaped}</text>"
    );
}
