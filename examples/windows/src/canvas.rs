//! Text and a Cancel area in a window that can show pixels and no more.
//!
//! Invariant: each frame is drawn anew, so what a window shows is what it was last told.

use std::convert::Infallible;
use std::num::NonZeroU32;

use embedded_graphics::mono_font::MonoTextStyle;
use embedded_graphics::mono_font::ascii::FONT_10X20;
use embedded_graphics::pixelcolor::Rgb888;
use embedded_graphics::prelude::*;
use embedded_graphics::primitives::{PrimitiveStyle, Rectangle};
use embedded_graphics::text::{Baseline, Text};
use softbuffer::{Context, Surface};
use winit::raw_window_handle::{HasDisplayHandle, HasWindowHandle};

use crate::{CANCEL, DONE, RUNNING, Rgb, SIZE, TEXT};

const AREA: Rectangle = Rectangle::new(Point::new(20, 95), Size::new(120, 35));

/// Whether that place of the window is in the Cancel area.
pub fn is_on_cancel((x, y): (f64, f64)) -> bool {
    AREA.contains(Point::new(x as i32, y as i32))
}

/// What a window shows.
pub struct Canvas<D, W> {
    surface: Surface<D, W>,
}

impl<D: HasDisplayHandle, W: HasWindowHandle> Canvas<D, W> {
    /// # Panics
    /// The display is of no kind that pixels can be sent to.
    pub fn new(display: D, window: W) -> Self {
        let context = Context::new(display).expect("the display takes pixels");
        let surface = Surface::new(&context, window).expect("the window takes pixels");
        Self { surface }
    }

    /// # Panics
    /// The window is gone.
    pub fn draw(&mut self, ticks: u64, line: &str, done: bool) {
        let [width, height] = [SIZE.0, SIZE.1].map(|side| NonZeroU32::new(side).expect("not 0"));
        self.surface.resize(width, height).expect("the window is there");
        let mut buffer = self.surface.buffer_mut().expect("the window is there");
        let mut pixels = Pixels(&mut buffer);
        let Ok(()) = paint(&mut pixels, ticks, line, done);
        buffer.present().expect("the window is there");
    }
}

fn paint(pixels: &mut Pixels<'_>, ticks: u64, line: &str, done: bool) -> Result<(), Infallible> {
    let text = MonoTextStyle::new(&FONT_10X20, colour(TEXT));
    let write = |pixels: &mut Pixels<'_>, words: &str, x, y| {
        Text::with_baseline(words, Point::new(x, y), text, Baseline::Top).draw(pixels).map(|_| ())
    };
    pixels.clear(colour(if done { DONE } else { RUNNING }))?;
    write(pixels, &format!("{ticks} ticks"), 20, 15)?;
    write(pixels, line, 20, 50)?;
    AREA.into_styled(PrimitiveStyle::with_fill(colour(CANCEL))).draw(pixels)?;
    write(pixels, "Cancel", 50, 103)
}

fn colour([r, g, b]: Rgb) -> Rgb888 {
    Rgb888::new(r, g, b)
}

/// Rows of `SIZE.0` pixels, as softbuffer has them.
struct Pixels<'a>(&'a mut [u32]);

impl OriginDimensions for Pixels<'_> {
    fn size(&self) -> Size {
        Size::new(SIZE.0, SIZE.1)
    }
}

impl DrawTarget for Pixels<'_> {
    type Color = Rgb888;
    type Error = Infallible;

    fn draw_iter<I>(&mut self, pixels: I) -> Result<(), Infallible>
    where
        I: IntoIterator<Item = Pixel<Rgb888>>,
    {
        let inside = self.bounding_box();
        for Pixel(at, colour) in pixels {
            if inside.contains(at) {
                let index = at.y as usize * SIZE.0 as usize + at.x as usize;
                self.0[index] = colour.into_storage();
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Pixels, is_on_cancel, paint};
    use crate::{CANCEL, DONE, RUNNING, SIZE};

    fn painted(ticks: u64, line: &str, done: bool) -> Vec<u32> {
        let mut pixels = vec![0; (SIZE.0 * SIZE.1) as usize];
        let Ok(()) = paint(&mut Pixels(&mut pixels), ticks, line, done);
        pixels
    }

    fn is(pixel: u32, [r, g, b]: [u8; 3]) -> bool {
        pixel == u32::from_be_bytes([0, r, g, b])
    }

    #[test]
    fn what_looks_like_cancel_is_cancel() {
        for (at, pixel) in (0..).zip(painted(0, "", false)) {
            let place = (f64::from(at % SIZE.0), f64::from(at / SIZE.0));
            assert!(!is(pixel, CANCEL) || is_on_cancel(place), "{place:?}");
            assert!(!is(pixel, RUNNING) || !is_on_cancel(place), "{place:?}");
        }
    }

    #[test]
    fn every_word_is_seen() {
        let before = painted(1, "2 of 3 files", false);
        assert!(is(before[0], RUNNING));
        assert_ne!(before, painted(2, "2 of 3 files", false));
        assert_ne!(before, painted(1, "3 of 3 files", false));
        assert!(is(painted(1, "", true)[0], DONE));
    }

    #[test]
    fn a_line_that_is_too_long_is_cut() {
        painted(u64::MAX, &"long ".repeat(1000), true);
    }
}
