//! What a person reads, and the files that stay.

use std::{fmt::Write as _, fs, path::Path};

use anyhow::Result;

use crate::{
    figures::{Figure, Figures},
    plot,
};

/// Writes a JSON, a Markdown and an SVG file of this name into a folder, and returns the table.
pub(crate) fn write(figures: &Figures, folder: &Path, name: &str) -> Result<String> {
    fs::create_dir_all(folder)?;
    let table = table(figures)?;
    fs::write(folder.join(format!("{name}.json")), serde_json::to_string_pretty(figures)? + "\n")?;
    fs::write(folder.join(format!("{name}.md")), &table)?;
    fs::write(folder.join(format!("{name}.svg")), plot::ratios(figures))?;
    Ok(table)
}

fn table(figures: &Figures) -> Result<String> {
    let machine = &figures.machine;
    let mut text = format!(
        "{} · commit {} · {} cores ({}), {} GiB · {} · Node {}\n\n",
        machine.measured_at,
        machine.commit,
        machine.cores,
        machine.processor,
        machine.memory_gib,
        machine.system,
        machine.node,
    );
    writeln!(text, "| What | Moodify | Target | Peer | Peer ÷ Moodify |")?;
    writeln!(text, "|---|--:|--:|--:|--:|")?;
    for figure in figures.figures.iter().filter(|figure| figure.moodify.is_some() || figure.peer.is_some()) {
        writeln!(text, "{}", row(figure))?;
    }
    if !figures.catalogue.is_empty() {
        writeln!(text, "\n| Question (CPU a request) | 1,000 tracks | 100,000 tracks | Ratio |")?;
        writeln!(text, "|---|--:|--:|--:|")?;
        for scaling in &figures.catalogue {
            let (small, large) = (scaling.small_cpu_ms, scaling.large_cpu_ms);
            let question = scaling.question;
            writeln!(text, "| {question} | {small:.3} ms | {large:.3} ms | {:.2} |", large / small)?;
        }
    }
    Ok(text)
}

fn row(figure: &Figure) -> String {
    let shown = |value: Option<f64>| {
        value.map_or_else(String::new, |value| format!("{} {}", short(value), figure.unit))
    };
    let target = figure.target.map_or_else(String::new, |target| {
        let mark = match figure.is_met() {
            Some(true) => " ✓",
            Some(false) => " ✗",
            None => "",
        };
        format!("≤ {}{mark}", short(target))
    });
    let ratio = figure.ratio().map_or_else(String::new, |ratio| format!("{ratio:.1}×"));
    format!("| {} | {} | {target} | {} | {ratio} |", figure.what, shown(figure.moodify), shown(figure.peer))
}

/// Three digits are all that a measurement is good for.
fn short(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}
