//! Draws a line chart with logarithmic axes as an SVG image.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 420.0;
const MARGIN: f64 = 60.0;

/// `from` and `to` are exponents of 10.
#[derive(Clone, Copy)]
pub struct Axis {
    pub name: &'static str,
    pub from: i32,
    pub to: i32,
}

impl Axis {
    fn place(self, value: f64, length: f64) -> f64 {
        let (from, to) = (f64::from(self.from), f64::from(self.to));
        (value.log10() - from) / (to - from) * length
    }
}

pub struct Line {
    pub name: &'static str,
    pub color: &'static str,
    pub points: Vec<(f64, f64)>,
}

pub fn svg(across: Axis, up: Axis, lines: &[Line]) -> String {
    let x = |value: f64| MARGIN + across.place(value, WIDTH - 2.0 * MARGIN);
    let y = |value: f64| HEIGHT - MARGIN - up.place(value, HEIGHT - 2.0 * MARGIN);
    let (left, right, top, bottom) = (MARGIN, WIDTH - MARGIN, MARGIN, HEIGHT - MARGIN);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<title>{} against {}, both logarithmic</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n",
        up.name, across.name
    );
    let mut grid = |path: String| {
        let _ = writeln!(svg, "<path d=\"{path}\" stroke=\"#ddd\"/>");
    };
    let powers = |axis: Axis| (axis.from..=axis.to).map(|power| (power, 10_f64.powi(power)));
    powers(across).for_each(|(_, value)| grid(format!("M{:.1} {top}V{bottom}", x(value))));
    powers(up).for_each(|(_, value)| grid(format!("M{left} {:.1}H{right}", y(value))));
    let mut text = |x: f64, y: f64, anchor: &str, color: &str, text: &str| {
        let _ = writeln!(
            svg,
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" fill=\"{color}\">{text}</text>"
        );
    };
    for (power, value) in powers(across) {
        text(
            x(value),
            bottom + 18.0,
            "middle",
            "black",
            &format!("10^{power}"),
        );
    }
    for (power, value) in powers(up) {
        text(left - 6.0, y(value), "end", "black", &format!("10^{power}"));
    }
    text(WIDTH / 2.0, bottom + 40.0, "middle", "black", across.name);
    text(WIDTH / 2.0, top - 20.0, "middle", "black", up.name);
    for (number, line) in (1..).zip(lines) {
        let at = top + 16.0 * f64::from(number);
        text(left + 12.0, at, "start", line.color, line.name);
    }
    for line in lines {
        let points = line.points.iter();
        let points = points.map(|(across, up)| format!("{:.1} {:.1}", x(*across), y(*up)));
        let path = points.collect::<Vec<_>>().join("L");
        let color = line.color;
        let _ = writeln!(
            svg,
            "<path d=\"M{path}\" fill=\"none\" stroke=\"{color}\" stroke-width=\"2\"/>"
        );
    }
    svg + "</svg>\n"
}
