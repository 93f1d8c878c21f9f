//! What the probe found in the page, and what must hold of it.

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::ci::pixels::{Picture, Rgb, contrast};

/// WCAG 2, levels AA: for text, and for what is drawn.
const TEXT_CONTRAST: f64 = 4.5;
const DRAWN_CONTRAST: f64 = 3.0;

/// How far beside its line a curve's colour may be found: over the gaps of its dashes.
const REACH: usize = 5;
/// Where curves cross, one hides the other.
const SHARE_SEEN: f64 = 0.5;

/// The probe's words; `probe.html` writes them.
#[derive(Debug, Deserialize)]
pub(super) struct Found {
    pub(super) dark: bool,
    pub(super) height: u32,
    /// The widths in which the page is wider than its window.
    pub(super) overflow: Vec<String>,
    pub(super) scripts: usize,
    pub(super) fetched: Vec<String>,
    pub(super) models: Vec<String>,
    /// Of each table.
    pub(super) rows: Vec<usize>,
    pub(super) charts: Vec<Chart>,
    pub(super) texts: Vec<Text>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Chart {
    pub(super) id: String,
    pub(super) title: String,
    pub(super) desc: String,
    pub(super) area: Rect,
    pub(super) curves: Vec<Curve>,
    pub(super) labels: Vec<(String, Rect)>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Curve {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) stroke: Rgb,
    pub(super) dashes: String,
    pub(super) points: Vec<[f64; 2]>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) ink: Rgb,
    pub(super) paper: Rgb,
}

/// Left, top, right, bottom.
pub(super) type Rect = [f64; 4];

impl Found {
    /// Reads it from the dump of the probe's document.
    pub(super) fn parse(dump: &str) -> Result<Self> {
        let json = dump.split_once("<pre id=\"found\">").and_then(|(_, rest)| {
            let (json, _) = rest.split_once("</pre>")?;
            (!json.is_empty()).then_some(json)
        });
        let json = json.context("the probe wrote nothing: its script did not end")?;
        serde_json::from_str(json).context("the probe wrote something else than it should")
    }

    /// All that can be told without a picture.
    pub(super) fn check(&self) -> Result<()> {
        ensure!(self.scripts == 0, "the page has {} scripts", self.scripts);
        ensure!(self.fetched.is_empty(), "the page fetched {}", self.fetched.join(", "));
        ensure!(self.overflow.is_empty(), "the page is too wide: {}", self.overflow.join(", "));
        ensure!(self.models.len() > 1, "the page compares {} models", self.models.len());
        ensure!(self.charts.len() == 2, "the page has {} charts", self.charts.len());
        for chart in &self.charts {
            chart.check(&self.models).with_context(|| format!("in the chart {}", chart.id))?;
        }
        let lines = self.rows.iter().filter(|rows| **rows == self.models.len()).count();
        ensure!(lines >= self.charts.len(), "a chart has no table of its models: {:?}", self.rows);
        for Text { text, ink, paper } in &self.texts {
            let ratio = contrast(*ink, *paper);
            ensure!(ratio >= TEXT_CONTRAST, "`{text}` has a contrast of {ratio:.2} only");
        }
        Ok(())
    }
}

impl Chart {
    fn check(&self, models: &[String]) -> Result<()> {
        ensure!(!self.title.is_empty() && !self.desc.is_empty(), "it has no title or no desc");
        ensure!(
            self.curves.len() == models.len(),
            "it has {} curves for {} models",
            self.curves.len(),
            models.len()
        );
        for (place, curve) in self.curves.iter().enumerate() {
            let Curve { width, height, .. } = curve;
            // How high it is depends on the machine.
            ensure!(*width > 300.0, "curve {place} is {width} by {height} large");
            let alike =
                |other: &Curve| other.dashes == curve.dashes || other.stroke == curve.stroke;
            ensure!(!self.curves[..place].iter().any(alike), "curve {place} looks like another");
        }
        for model in models {
            let named = self.labels.iter().any(|(text, _)| text == model);
            ensure!(named, "no curve is named {model}");
        }
        for (place, (text, rect)) in self.labels.iter().enumerate() {
            ensure!(lies_in(*rect, self.area), "`{text}` sticks out of the drawing");
            let other = self.labels[..place].iter().find(|(_, other)| overlap(*rect, *other));
            ensure!(other.is_none(), "`{text}` covers {other:?}");
        }
        Ok(())
    }

    /// Whether a picture of the page shows every curve where it should be.
    pub(super) fn check_drawn(&self, picture: &Picture) -> Result<()> {
        let [left, top, ..] = self.area.map(|edge| edge.max(0.0) as usize);
        let paper = picture.at(left, top).context("the drawing is outside of the picture")?;
        for (place, curve) in self.curves.iter().enumerate() {
            let ratio = contrast(curve.stroke, paper);
            ensure!(ratio >= DRAWN_CONTRAST, "curve {place} has a contrast of {ratio:.2} only");
            let seen = |point: &&[f64; 2]| picture.has_near(**point, REACH, curve.stroke);
            let share = curve.points.iter().filter(seen).count() as f64 / curve.points.len() as f64;
            ensure!(share >= SHARE_SEEN, "only {:.0} % of curve {place} is seen", share * 100.0);
        }
        Ok(())
    }
}

fn lies_in(inner: Rect, outer: Rect) -> bool {
    inner[0] >= outer[0] && inner[1] >= outer[1] && inner[2] <= outer[2] && inner[3] <= outer[3]
}

/// Boxes of text have some air in them, above and below the letters.
fn overlap(one: Rect, other: Rect) -> bool {
    const AIR: f64 = 4.0;
    let apart = |low: usize, high: usize, air: f64| {
        one[high] - air <= other[low] || other[high] - air <= one[low]
    };
    !apart(0, 2, 0.0) && !apart(1, 3, AIR)
}
