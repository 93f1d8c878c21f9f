//! One chart as inline SVG: a percentile curve for each model, both axes logarithmic.
//!
//! The horizontal axis is that of HdrHistogram's plots: each step to the right leaves a
//! tenth as many samples. No colour stands in the drawing, only names of the page's style
//! (`var(--series-1)`), so that one drawing is read in light and in dark; the dashes and
//! the names at the ends tell the curves apart without colour.

use crate::tour::curve::Curve;
use crate::tour::units::round_time;
use kuva::backend::svg::SvgBackend;
use kuva::plot::LinePlot;
use kuva::plot::line::LineStyle;
use kuva::render::color::Color;
use kuva::render::layout::{ComputedLayout, Layout, TickFormat};
use kuva::render::plots::Plot;
use kuva::render::render::{Primitive, Scene, TextAnchor, render_multiple};
use kuva::render::theme::Theme;
use std::sync::Arc;

pub(super) const WIDTH: f64 = 760.0;
pub(super) const HEIGHT: f64 = 400.0;
/// Left of the curves stand the times, right of them the models' names.
const MARGINS_X: (f64, f64) = (86.0, 104.0);
const MARGINS_Y: (f64, f64) = (14.0, 52.0);
const LINE_WIDTH: f64 = 2.25;
/// From the end of a curve to its name, and from one name to the next.
const LEAD: f64 = 18.0;
const NAME_HEIGHT: f64 = 17.0;
const NAME_SIZE: u32 = 14;

/// Shorter times are drawn as this one: they matter to nobody, and would be half the chart.
pub(super) const FLOOR_NS: u64 = 10_000;
/// How far the axis goes on behind the last sample, so that the highest step is seen.
const ROOM: f64 = 1.3;

/// How a curve looks: one for each place on the page, told apart by its dashes too.
const DASHES: &[&str] =
    &["none", "9 4", "2.5 3", "10 3 2 3", "16 5", "4 8", "14 3 2 3 2 3", "1.5 5"];

/// The name of the style and the dashes of the curve in a place.
pub(super) fn look(place: usize) -> (String, &'static str) {
    let look = place % DASHES.len();
    (format!("var(--series-{})", look + 1), DASHES[look])
}

/// One curve: where its model stands on the page, that model's name, and the points.
pub(super) struct Series<'a> {
    pub(super) place: usize,
    pub(super) name: &'a str,
    pub(super) curve: &'a Curve,
}

/// The drawing, or nothing when no model has a sample.
pub(super) fn draw(series: &[Series<'_>], what: &str, x_label: &str) -> Option<String> {
    let drawn: Vec<&Series<'_>> = series.iter().filter(|one| one.curve.samples > 0).collect();
    let right = drawn.iter().map(|one| one.curve.samples as f64).reduce(f64::max)?.max(10.0) * ROOM;
    let (bottom, top) = decades(&drawn);
    let plots: Vec<Plot> = drawn.iter().map(|one| line(one, right)).collect();
    let layout = Layout::auto_from_plots(&plots)
        .with_width(WIDTH)
        .with_height(HEIGHT)
        .with_force_margins(MARGINS_X.0, MARGINS_X.1)
        .with_force_margins_y(MARGINS_Y.0, MARGINS_Y.1)
        .with_log_scale()
        .with_x_axis_min(1.0)
        .with_x_axis_max(right)
        .with_y_axis_min(bottom)
        .with_y_axis_max(top)
        .with_x_label(x_label)
        .with_y_label(what)
        .with_tick_size(13)
        .with_label_size(14)
        .with_x_tick_format(TickFormat::Custom(Arc::new(percent)))
        .with_y_tick_format(TickFormat::Custom(Arc::new(|ns| round_time(ns.round() as u64))))
        .with_theme(theme());
    let computed = ComputedLayout::from_layout(&layout);
    let mut scene = render_multiple(plots, layout);
    name_curves(&mut scene, &computed, &drawn);
    Some(SvgBackend::new().render_scene(&scene))
}

/// Every colour of the drawing is a name that the page's style explains.
fn theme() -> Theme {
    Theme {
        background: "none".into(),
        axis_color: "var(--axis)".into(),
        grid_color: "var(--grid)".into(),
        tick_color: "var(--axis)".into(),
        text_color: "var(--text)".into(),
        font_family: Some("inherit".into()),
        ..Theme::light()
    }
}

/// The powers of ten around all curves.
fn decades(series: &[&Series<'_>]) -> (f64, f64) {
    let times = || series.iter().flat_map(|one| one.curve.points.iter().map(|point| point.1));
    let power = |ns: u64| (ns.max(FLOOR_NS) as f64).log10();
    let bottom = times().min().map_or(0.0, power).floor();
    let top = times().max().map_or(0.0, power).ceil();
    (10f64.powf(bottom), 10f64.powf(top.max(bottom + 1.0)))
}

/// Beyond its last sample a curve goes on at its maximum: so do the percentiles.
fn line(series: &Series<'_>, right: f64) -> Plot {
    let (stroke, dashes) = look(series.place);
    let samples = series.curve.samples as f64;
    let drawn =
        |&(share, ns): &(f64, u64)| ((1.0 / (1.0 - share)).min(samples), ns.max(FLOOR_NS) as f64);
    let mut points: Vec<(f64, f64)> = series.curve.points.iter().map(drawn).collect();
    points.extend(points.last().map(|&(_, max)| (right, max)));
    Plot::Line(
        LinePlot::new()
            .with_data(points)
            .with_color(stroke)
            .with_stroke_width(LINE_WIDTH)
            .with_line_style(LineStyle::Custom(dashes.to_owned())),
    )
}

/// Puts each name where its curve ends, or as near as the other names let it.
fn name_curves(scene: &mut Scene, computed: &ComputedLayout, series: &[&Series<'_>]) {
    let end = |one: &Series<'_>| {
        let max_ns = one.curve.points.last().map_or(FLOOR_NS, |point| point.1);
        computed.map_y(max_ns.max(FLOOR_NS) as f64)
    };
    let mut ends: Vec<(f64, &Series<'_>)> = series.iter().map(|one| (end(one), *one)).collect();
    ends.sort_by(|one, other| one.0.total_cmp(&other.0));
    let wished: Vec<f64> = ends.iter().map(|end| end.0).collect();
    let x = WIDTH - MARGINS_X.1;
    for ((from, one), y) in ends.iter().zip(apart(&wished, HEIGHT - MARGINS_Y.1)) {
        let (stroke, dashes) = look(one.place);
        scene.add(Primitive::Line {
            x1: x,
            y1: *from,
            x2: x + LEAD,
            y2: y,
            stroke: Color::from(stroke.as_str()),
            stroke_width: LINE_WIDTH,
            stroke_dasharray: Some(dashes.to_owned()),
        });
        scene.add(Primitive::Text {
            x: x + LEAD + 5.0,
            y: y + f64::from(NAME_SIZE) / 3.0,
            content: one.name.to_owned(),
            size: NAME_SIZE,
            anchor: TextAnchor::Start,
            rotate: None,
            bold: true,
            color: None,
        });
    }
}

/// Moves heights, given from top to bottom, so far that none covers its neighbour and
/// none lies below `bottom`.
pub(super) fn apart(wished: &[f64], bottom: f64) -> Vec<f64> {
    let mut heights = wished.to_vec();
    let mut least = MARGINS_Y.0;
    for height in &mut heights {
        *height = height.max(least);
        least = *height + NAME_HEIGHT;
    }
    let mut most = bottom;
    for height in heights.iter_mut().rev() {
        *height = height.min(most);
        most = *height - NAME_HEIGHT;
    }
    heights
}

/// The share of samples that lies left of `one_in`: 1000 is 99.9%.
pub(super) fn percent(one_in: f64) -> String {
    let nines = (one_in.log10() - 1e-9).ceil().max(0.0) as usize;
    let decimals = nines.saturating_sub(2);
    format!("{:.decimals$}%", 100.0 - 100.0 / one_in)
}
