//! Colours as a reader sees them: those of a picture, and how well two stand apart.

use std::fs::File;
use std::io::BufReader;
use std::ops::Range;
use std::path::Path;

use anyhow::{Result, bail};

/// Red, green and blue.
pub(super) type Rgb = [u8; 3];

/// A screenshot.
pub(super) struct Picture {
    width: usize,
    height: usize,
    channels: usize,
    bytes: Vec<u8>,
}

impl Picture {
    pub(super) fn read(file: &Path) -> Result<Self> {
        let mut reader = png::Decoder::new(BufReader::new(File::open(file)?)).read_info()?;
        let Some(size) = reader.output_buffer_size() else {
            bail!("{} is too large", file.display());
        };
        let mut bytes = vec![0; size];
        let info = reader.next_frame(&mut bytes)?;
        if info.bit_depth != png::BitDepth::Eight || info.color_type.samples() < 3 {
            bail!("{} is no picture with eight bits for each colour", file.display());
        }
        Ok(Self {
            width: info.width as usize,
            height: info.height as usize,
            channels: info.color_type.samples(),
            bytes,
        })
    }

    #[cfg(test)]
    pub(super) fn plain(width: usize, height: usize, paper: Rgb) -> Self {
        Self { width, height, channels: 3, bytes: paper.repeat(width * height) }
    }

    #[cfg(test)]
    pub(super) fn put(&mut self, x: usize, y: usize, ink: Rgb) {
        let at = (y * self.width + x) * self.channels;
        self.bytes[at..at + 3].copy_from_slice(&ink);
    }

    /// How many pixels have that colour, or nearly.
    pub(super) fn count(&self, ink: Rgb) -> usize {
        self.places().filter(|&(x, y)| self.is(x, y, ink)).count()
    }

    /// The middle of all that has that colour, or nearly.
    pub(super) fn middle_of(&self, ink: Rgb) -> Option<(usize, usize)> {
        let inked = || self.places().filter(|&(x, y)| self.is(x, y, ink));
        let middle = |least: Option<usize>, most: Option<usize>| Some((least? + most?) / 2);
        let (xs, ys) = (|| inked().map(|place| place.0), || inked().map(|place| place.1));
        Some((middle(xs().min(), xs().max())?, middle(ys().min(), ys().max())?))
    }

    /// Whether it shows anything else than `other` does.
    pub(super) fn differs(&self, other: &Self) -> bool {
        self.bytes != other.bytes
    }

    /// As wide, and no higher than these rows of it.
    pub(super) fn rows(&self, rows: Range<usize>) -> Self {
        let of = |row: usize| row.min(self.height) * self.width * self.channels;
        let bytes = self.bytes[of(rows.start)..of(rows.end)].to_vec();
        let height = rows.end.min(self.height) - rows.start.min(self.height);
        Self { width: self.width, height, channels: self.channels, bytes }
    }

    /// Whether it has more than one colour.
    pub(super) fn is_written(&self) -> bool {
        self.bytes.chunks(self.channels).any(|pixel| pixel != &self.bytes[..self.channels])
    }

    fn places(&self) -> impl Iterator<Item = (usize, usize)> {
        (0..self.height).flat_map(|y| (0..self.width).map(move |x| (x, y)))
    }

    fn is(&self, x: usize, y: usize, ink: Rgb) -> bool {
        self.at(x, y).is_some_and(|found| is_near(found, ink))
    }

    pub(super) fn at(&self, x: usize, y: usize) -> Option<Rgb> {
        let at = (y * self.width + x) * self.channels;
        let inside = x < self.width && y < self.height;
        inside.then(|| [self.bytes[at], self.bytes[at + 1], self.bytes[at + 2]])
    }

    /// Whether a pixel at most `reach` away has that colour, or nearly.
    pub(super) fn has_near(&self, [x, y]: [f64; 2], reach: usize, ink: Rgb) -> bool {
        // A point outside of the picture is clamped to its edge, and found or not there.
        let (x, y) = (x.max(0.0) as usize, y.max(0.0) as usize);
        let range = |middle: usize| middle.saturating_sub(reach)..=middle + reach;
        range(y).any(|y| range(x).any(|x| self.is(x, y, ink)))
    }
}

/// Nearer than any two colours of the page are; the edges of a line are blended.
fn is_near(one: Rgb, other: Rgb) -> bool {
    const FAR: u8 = 24;
    one.iter().zip(other).all(|(one, other)| one.abs_diff(other) <= FAR)
}

/// The contrast ratio of WCAG 2: from 1 (the same) to 21 (black on white).
pub(super) fn contrast(one: Rgb, other: Rgb) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The relative luminance of WCAG 2.
pub(super) fn luminance(colour: Rgb) -> f64 {
    let [r, g, b] = colour.map(|channel| {
        let channel = f64::from(channel) / 255.0;
        if channel <= 0.04045 { channel / 12.92 } else { ((channel + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

#[cfg(test)]
mod tests {
    use super::{Picture, Rgb};

    const PAPER: Rgb = [200; 3];
    const INK: Rgb = [180, 50, 40];

    fn dotted() -> Picture {
        let mut picture = Picture::plain(40, 30, PAPER);
        for (x, y) in [(10, 4), (30, 4), (20, 24)] {
            picture.put(x, y, [INK[0] + 3, INK[1], INK[2]]);
        }
        picture
    }

    #[test]
    fn a_colour_is_counted_and_its_middle_found() {
        assert_eq!((dotted().count(INK), dotted().middle_of(INK)), (3, Some((20, 14))));
        assert_eq!((dotted().count([0; 3]), dotted().middle_of([0; 3])), (0, None));
    }

    #[test]
    fn rows_are_a_picture_of_their_own() {
        assert!(dotted().rows(4..5).is_written());
        assert_eq!(dotted().rows(4..5).count(INK), 2);
        assert!(!dotted().rows(5..24).is_written());
        assert_eq!(dotted().rows(24..99).count(PAPER), 6 * 40 - 1);
    }

    #[test]
    fn one_pixel_makes_a_difference() {
        let mut other = dotted();
        assert!(!dotted().differs(&other));
        other.put(0, 0, INK);
        assert!(dotted().differs(&other));
    }
}
