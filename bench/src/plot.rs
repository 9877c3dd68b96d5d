//! Bars of megabytes a second, as SVG.

use crate::figures::Runs;
use crate::many;
use crate::results::Results;
use std::fmt::Write;

/// Who is drawn, with colour. The others say nothing on whole loads.
const PEERS: [(&str, &str); 8] = [
    ("loader", "#1b7837"),
    ("copy", "#5b7fa6"),
    ("two-copies", "#8fa9c4"),
    ("psycopg-copy", "#8fa9c4"),
    ("execute-values", "#8fa9c4"),
    ("jq-copy", "#8fa9c4"),
    ("array-elements", "#8fa9c4"),
    ("insert-select", "#bdbdbd"),
];

const WIDTH: f64 = 860.0;
const LABELS: f64 = 150.0;
const BAR: f64 = 16.0;
const GAP: f64 = 5.0;
const HEAD: f64 = 34.0;

/// All versions, one below the other, on one scale.
pub fn draw(all: &[Results]) -> String {
    let fastest = all.iter().flat_map(bars).map(|bar| bar.speed).fold(1.0, f64::max);
    let scale = (WIDTH - LABELS - 70.0) / fastest;
    let mut body = String::new();
    let mut y = 10.0;
    for results in all {
        y += HEAD - 8.0;
        let title = format!("PostgreSQL {}, MB/s of newline-delimited JSON", results.fact("PostgreSQL"));
        text(&mut body, 10.0, y, "start", "700", &title);
        y += 10.0;
        let mut case = String::new();
        for bar in bars(results) {
            if bar.case != case {
                case.clone_from(&bar.case);
                y += HEAD - 10.0;
                text(&mut body, 10.0, y, "start", "600", &case);
                y += 8.0;
            }
            let width = bar.speed * scale;
            text(&mut body, LABELS - 8.0, y + BAR - 4.0, "end", "400", bar.peer);
            put(
                &mut body,
                format_args!(
                    "<rect x=\"{LABELS}\" y=\"{y:.0}\" width=\"{width:.1}\" height=\"{BAR}\" fill=\"{}\"/>\n",
                    bar.colour
                ),
            );
            let figure = format!("{:.0}", bar.speed);
            text(&mut body, LABELS + width + 6.0, y + BAR - 4.0, "start", "400", &figure);
            y += BAR + GAP;
        }
        y += 20.0;
    }
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {y:.0}\" \
         font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{body}</svg>\n"
    )
}

struct Bar {
    case: String,
    peer: &'static str,
    colour: &'static str,
    speed: f64,
}

/// Case by case, in the order in which they were measured.
fn bars(results: &Results) -> Vec<Bar> {
    let mut cases: Vec<&str> = Vec::new();
    for sample in &results.samples {
        // Tables of their own, beside which bars would say little.
        if !many::is(&sample.case) && !cases.contains(&sample.case.as_str()) {
            cases.push(&sample.case);
        }
    }
    let peers = |case: &str| {
        let case = case.to_owned();
        PEERS.into_iter().filter_map(move |(peer, colour)| {
            let speed = Runs::of(results, &case, peer)?.speed();
            Some(Bar { case: case.clone(), peer, colour, speed })
        })
    };
    cases.into_iter().flat_map(peers).collect()
}

fn text(out: &mut String, x: f64, y: f64, anchor: &str, weight: &str, words: &str) {
    put(
        out,
        format_args!(
            "<text x=\"{x:.0}\" y=\"{y:.0}\" text-anchor=\"{anchor}\" font-weight=\"{weight}\">{words}</text>\n"
        ),
    );
}

fn put(out: &mut String, words: std::fmt::Arguments<'_>) {
    out.write_fmt(words).expect("a string takes all");
}
