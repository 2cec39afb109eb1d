//! The picture: for each case a bar for each peer, as long as its ratio to a bare socket.

use std::collections::BTreeMap;
use std::fmt::Write;

use crate::cases::Case;
use crate::rounds::Timing;

const LABELS: f64 = 176.0;
const SCALE: f64 = 330.0;
const MOST: f64 = 1.6;
const BAR: f64 = 11.0;
const GAP: f64 = 14.0;
const WIDTH: f64 = LABELS + SCALE * MOST + 130.0;
const TOP: f64 = 96.0;

/// Colours that stay apart for most kinds of colour blindness; petition's is the strong one.
const COLOURS: [(&str, &str); 11] = [
    ("petition", "#d9480f"),
    ("petition, rustls", "#f2a071"),
    ("ureq", "#1c7ed6"),
    ("attohttpc", "#66a80f"),
    ("minreq", "#0c8599"),
    ("reqwest", "#9c36b5"),
    ("isahc", "#b08900"),
    ("curl", "#5f7186"),
    ("requests", "#8aa0b5"),
    ("niquests", "#b3c1ce"),
    ("petition, vendored", "#f2a071"),
];

pub fn draw(rows: &[(&Case, BTreeMap<String, Timing>)], machine: &str, versions: &str) -> String {
    let shown: Vec<(&str, &str)> =
        COLOURS.into_iter().filter(|(name, _)| rows.iter().any(|(_, timings)| timings.contains_key(*name))).collect();
    let bars = |timings: &BTreeMap<String, Timing>| {
        let mut bars: Vec<_> =
            shown.iter().filter_map(|(name, colour)| Some((*name, *colour, timings.get(*name)?.ratio))).collect();
        bars.sort_by(|one, other| other.2.total_cmp(&one.2));
        bars
    };
    let height = TOP
        + rows
            .iter()
            .filter(|(_, timings)| !timings.is_empty())
            .map(|(_, timings)| bars(timings).len() as f64 * BAR + GAP)
            .sum::<f64>()
        + 20.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH:.0} {height:.0}\" width=\"{WIDTH:.0}\" \
         height=\"{height:.0}\" role=\"img\" aria-label=\"Throughput as a share of a bare socket\">\n\
         <style>\n\
         text {{ font: 11px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #24292f }}\n\
         .title {{ font-size: 15px; font-weight: 600 }} .small {{ font-size: 9px }} .own {{ font-weight: 700 }}\n\
         .page {{ fill: #ffffff }} .line {{ stroke: #d0d7de; stroke-width: 1 }} .one {{ stroke: #57606a }}\n\
         @media (prefers-color-scheme: dark) {{\n\
         text {{ fill: #e6edf3 }} .page {{ fill: #0d1117 }} .line {{ stroke: #30363d }} .one {{ stroke: #9198a1 }}\n\
         }}\n</style>\n<rect class=\"page\" width=\"100%\" height=\"100%\"/>\n\
         <text class=\"title\" x=\"12\" y=\"22\">Requests in the time of one on a bare socket (longer is faster)</text>\n\
         <text class=\"small\" x=\"12\" y=\"37\">{}</text>\n<text class=\"small\" x=\"12\" y=\"49\">{}</text>\n",
        escaped(machine),
        escaped(versions)
    );
    let mut x = 12.0;
    for (name, colour) in &shown {
        let _ = writeln!(svg, "<rect x=\"{x:.0}\" y=\"60\" width=\"10\" height=\"10\" rx=\"2\" fill=\"{colour}\"/>");
        let _ = writeln!(svg, "<text x=\"{:.0}\" y=\"69\">{name}</text>", x + 14.0);
        x += 24.0 + 6.3 * name.len() as f64;
    }
    for step in 0..=(MOST * 4.0).floor() as u32 {
        let (share, kind) = (f64::from(step) / 4.0, if step == 4 { "line one" } else { "line" });
        let x = LABELS + share * SCALE;
        let _ = writeln!(
            svg,
            "<line class=\"{kind}\" x1=\"{x:.1}\" y1=\"{}\" x2=\"{x:.1}\" y2=\"{}\"/>",
            TOP - 6.0,
            height - 14.0
        );
        let _ = writeln!(
            svg,
            "<text class=\"small\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{share:.2}</text>",
            TOP - 10.0
        );
    }
    let mut y = TOP;
    for (case, timings) in rows.iter().filter(|(_, timings)| !timings.is_empty()) {
        let bars = bars(timings);
        let middle = y + bars.len() as f64 * BAR / 2.0 + 4.0;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{middle:.1}\" text-anchor=\"end\">{}</text>",
            LABELS - 8.0,
            escaped(case.title)
        );
        for (name, colour, ratio) in bars {
            let width = ratio.min(MOST) * SCALE;
            let own = if name.starts_with("petition") { "small own" } else { "small" };
            let more = if ratio > MOST { " →" } else { "" };
            let _ = writeln!(
                svg,
                "<rect x=\"{LABELS}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{colour}\"/>\
                 <text class=\"{own}\" x=\"{:.1}\" y=\"{:.1}\">{ratio:.2}{more} {name}</text>",
                BAR - 1.5,
                LABELS + width + 4.0,
                y + BAR - 2.5
            );
            y += BAR;
        }
        y += GAP;
    }
    svg.push_str("</svg>\n");
    svg
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
