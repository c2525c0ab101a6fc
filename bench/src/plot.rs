//! The ratios as a picture: one bar a figure, on a logarithmic scale.

use std::fmt::Write as _;

use crate::figures::Figures;

const WIDTH: f64 = 860.0;
const LABELS: f64 = 470.0;
const ROW: f64 = 26.0;
const TOP: f64 = 56.0;

/// How many times what Moodify needs the peer needs, as SVG.
pub(crate) fn ratios(figures: &Figures) -> String {
    let bars: Vec<(String, f64)> = figures
        .figures
        .iter()
        .scan("", |group, figure| {
            // A line that continues another one is read beside it; a picture has no other lines.
            if !figure.what.starts_with('…') {
                *group = figure.what.split(':').next().unwrap_or(figure.what);
            }
            let what = figure.what.trim_start_matches("… ");
            let label =
                if figure.what.starts_with('…') { format!("{group}: {what}") } else { what.to_owned() };
            Some((label, figure.ratio()))
        })
        .filter_map(|(label, ratio)| Some((label, ratio?)))
        .collect();
    let most = bars.iter().map(|(_, ratio)| *ratio).fold(10.0, f64::max);
    let height = TOP + ROW * bars.len() as f64 + 24.0;
    let scale = (WIDTH - LABELS - 70.0) / most.log10();
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"16\" y=\"24\" font-size=\"15\" font-weight=\"600\">How many times what Moodify needs the Node peer needs</text>\n\
         <text x=\"16\" y=\"42\" fill=\"#666\">{} · {} cores · commit {} · logarithmic</text>\n",
        figures.machine.measured_at, figures.machine.cores, figures.machine.commit,
    );
    for (number, (label, ratio)) in bars.iter().enumerate() {
        let y = TOP + ROW * number as f64;
        let length = (ratio.log10() * scale).max(2.0);
        let colour = if *ratio >= 1.0 { "#2f7d5b" } else { "#b4532a" };
        // Writing into a string cannot fail.
        let _ = write!(
            svg,
            "<text x=\"{}\" y=\"{}\" text-anchor=\"end\">{}</text>\n\
             <rect x=\"{LABELS}\" y=\"{}\" width=\"{length:.1}\" height=\"16\" rx=\"2\" fill=\"{colour}\"/>\n\
             <text x=\"{:.1}\" y=\"{}\">{ratio:.1}×</text>\n",
            LABELS - 8.0,
            y + 13.0,
            escape(label),
            y + 1.0,
            LABELS + length + 6.0,
            y + 13.0,
        );
    }
    svg + "</svg>\n"
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;")
}
