//! How cost grows with size: instructions against the number of items, as numbers and as a picture.

use crate::contestants::Job;
use crate::{process, server};
use std::fmt::Write as _;
use std::time::Duration;

const SIZES: [usize; 4] = [1_000, 10_000, 100_000, 1_000_000];

// The picture, in its own units.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 420.0;
const MARGIN: f64 = 60.0;
/// The powers of ten that the axes span.
const ITEMS: (f64, f64) = (3.0, 6.0);
const INSTRUCTIONS: (f64, f64) = (5.0, 10.0);

struct Line {
    name: &'static str,
    color: &'static str,
    points: Vec<(usize, f64)>,
}

/// Measures, and writes `growth.csv` and `growth.svg`.
pub fn write() {
    let lines = [
        ("read, ours", "#0b6e4f", "ours", false),
        ("read, by hand", "#7fc8a9", "by hand", false),
        ("assign, ours", "#1f4e9e", "ours", true),
        ("assign, by hand", "#8fb3e8", "by hand", true),
    ]
    .map(|(name, color, who, assign)| Line {
        name,
        color,
        points: SIZES
            .into_iter()
            .filter_map(|size| Some((size, measure(who, size, assign)?)))
            .collect(),
    });
    if lines.iter().any(|line| line.points.is_empty()) {
        eprintln!("counting instructions needs valgrind");
        std::process::exit(1);
    }
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/benches");
    for (name, text) in [
        ("growth.csv", table(&lines)),
        ("growth.svg", picture(&lines)),
    ] {
        std::fs::write(format!("{folder}/{name}"), text).expect("the folder can be written");
    }
    print!("{}", table(&lines));
}

fn measure(who: &str, size: usize, assign: bool) -> Option<f64> {
    let job = if assign { Job::Assign(size) } else { Job::Read };
    let url = server::start(if assign { 0 } else { size }, Duration::ZERO);
    process::instructions(who, &url, job)
}

fn table(lines: &[Line]) -> String {
    let mut text = String::from("what,items,instructions,instructions per item\n");
    for line in lines {
        for (items, instructions) in &line.points {
            let each = instructions / *items as f64;
            let _ = writeln!(
                text,
                "\"{}\",{items},{instructions:.0},{each:.0}",
                line.name
            );
        }
    }
    text
}

fn picture(lines: &[Line]) -> String {
    let place = |value: f64, (from, to): (f64, f64), length: f64| {
        (value.log10() - from) / (to - from) * length
    };
    let x = |items: f64| MARGIN + place(items, ITEMS, WIDTH - 2.0 * MARGIN);
    let y = |instructions: f64| {
        HEIGHT - MARGIN - place(instructions, INSTRUCTIONS, HEIGHT - 2.0 * MARGIN)
    };
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>Instructions against items, both logarithmic</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n"
    );
    let (left, right, top, bottom) = (MARGIN, WIDTH - MARGIN, MARGIN, HEIGHT - MARGIN);
    for power in ITEMS.0 as i32..=ITEMS.1 as i32 {
        let at = x(10_f64.powi(power));
        let _ = writeln!(svg, "<path d=\"M{at:.1} {top}V{bottom}\" stroke=\"#ddd\"/>");
        let below = bottom + 18.0;
        let _ = writeln!(
            svg,
            "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">10^{power}</text>"
        );
    }
    for power in INSTRUCTIONS.0 as i32..=INSTRUCTIONS.1 as i32 {
        let at = y(10_f64.powi(power));
        let _ = writeln!(svg, "<path d=\"M{left} {at:.1}H{right}\" stroke=\"#ddd\"/>");
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{at:.1}\" text-anchor=\"end\">10^{power}</text>",
            left - 6.0
        );
    }
    for (number, line) in (1..).zip(lines) {
        let path: Vec<_> = line
            .points
            .iter()
            .map(|(n, i)| format!("{:.1} {:.1}", x(*n as f64), y(*i)))
            .collect();
        let _ = writeln!(
            svg,
            "<path d=\"M{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\"/>",
            path.join("L"),
            line.color
        );
        let at = top + 16.0 * f64::from(number);
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{at}\" fill=\"{}\">{}</text>",
            left + 12.0,
            line.color,
            line.name
        );
    }
    let middle = WIDTH / 2.0;
    let _ = writeln!(
        svg,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">items</text>",
        bottom + 40.0
    );
    let _ = writeln!(
        svg,
        "<text x=\"{middle}\" y=\"{}\" text-anchor=\"middle\">instructions of one turn, beside the baseline</text>",
        top - 20.0
    );
    svg + "</svg>\n"
}
