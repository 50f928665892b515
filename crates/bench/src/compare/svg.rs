//! The lines of the table that were promised something, as a picture: bars, each as long as its part of the longest beside it.

use super::table::{Line, Table};

pub fn draw(table: &Table) -> String {
    let lines: Vec<_> = table.lines().iter().filter(|line| line.promised.is_some()).collect();
    let groups: String =
        lines.iter().zip(0_u32..).map(|(line, number)| group(line, number)).collect();
    let height = GROUP_HEIGHT.saturating_mul(u32::try_from(lines.len()).unwrap_or(u32::MAX));
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n{groups}</svg>\n"
    )
}

fn group(line: &Line, number: u32) -> String {
    let top = number.saturating_mul(GROUP_HEIGHT);
    let ratio = line.ratio.map(|ratio| format!(" · {ratio:.2} × the floor")).unwrap_or_default();
    let mut text = format!(
        "<text x=\"{MARGIN}\" y=\"{}\" font-weight=\"600\" fill=\"#222222\">{}{ratio}</text>\n",
        top.saturating_add(20),
        line.what
    );
    let bars = [
        ("direct", line.direct, "#b8bec8"),
        ("floor", line.floor, "#8a94a6"),
        ("Keystile", line.keystile, "#2f6fde"),
    ];
    let bars = bars.into_iter().filter_map(|(name, figure, colour)| Some((name, figure?, colour)));
    let bars: Vec<_> = bars.collect();
    let longest = bars.iter().map(|(_, figure, _)| *figure).fold(f64::MIN_POSITIVE, f64::max);
    for ((name, figure, colour), row) in bars.into_iter().zip(0_u32..) {
        let y = top.saturating_add(28).saturating_add(row.saturating_mul(ROW_HEIGHT));
        let baseline = y.saturating_add(13);
        let length = (figure / longest).max(0.0) * BAR_WIDTH;
        let end = BAR_LEFT + length + 6.0;
        text.push_str(&format!(
            "<text x=\"{MARGIN}\" y=\"{baseline}\" fill=\"#555555\">{name}</text>\
             <rect x=\"{BAR_LEFT}\" y=\"{y}\" width=\"{length:.1}\" height=\"16\" rx=\"2\" fill=\"{colour}\"/>\
             <text x=\"{end:.1}\" y=\"{baseline}\" fill=\"#555555\">{figure:.0}</text>\n"
        ));
    }
    text
}

const WIDTH: u32 = 720;
const MARGIN: u32 = 16;
const GROUP_HEIGHT: u32 = 100;
const ROW_HEIGHT: u32 = 21;
const BAR_LEFT: f64 = 90.0;
const BAR_WIDTH: f64 = 540.0;
