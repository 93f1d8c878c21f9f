//! libjpeg as C programs use it: with its standard error handler, which prints a line and calls
//! `exit`. In a program that has other things to do this is a function to be afraid of.
//!
//! Invariant: the library is given memory that outlives its use, and no more than one row of it.

use std::ffi::c_ulong;
use std::mem::zeroed;

use mozjpeg_sys::{
    J_COLOR_SPACE, JDIMENSION, jpeg_create_decompress, jpeg_decompress_struct,
    jpeg_destroy_decompress, jpeg_error_mgr, jpeg_finish_decompress, jpeg_mem_src,
    jpeg_read_header, jpeg_read_scanlines, jpeg_start_decompress, jpeg_std_error,
};

pub(crate) struct Picture {
    pub(crate) width: usize,
    pub(crate) height: usize,
    /// Red, green and blue, row after row.
    pub(crate) pixels: Vec<u8>,
    /// Whether the library made up for what is not there.
    pub(crate) damaged: bool,
}

/// Ends the process when the file is no picture.
pub(crate) fn decode(file: &[u8]) -> Picture {
    // SAFETY: both are plain C structures, for which all bits zero is a value.
    let (mut error, mut decoder): (jpeg_error_mgr, jpeg_decompress_struct) =
        unsafe { (zeroed(), zeroed()) };
    // SAFETY: `error` and `file` live longer than `decoder` is used.
    unsafe {
        decoder.common.err = jpeg_std_error(&mut error);
        jpeg_create_decompress(&mut decoder);
        jpeg_mem_src(&mut decoder, file.as_ptr(), file.len() as c_ulong);
        jpeg_read_header(&mut decoder, 1);
        decoder.out_color_space = J_COLOR_SPACE::JCS_RGB;
        jpeg_start_decompress(&mut decoder);
    }
    let size = |side: JDIMENSION| usize::try_from(side).expect("at most 65 535");
    let (width, height) = (size(decoder.output_width), size(decoder.output_height));
    let mut pixels = vec![0; width * height * 3];
    for row in pixels.chunks_exact_mut(width * 3) {
        let mut row = row.as_mut_ptr();
        // SAFETY: the row has room for one line of `output_width` pixels of three bytes.
        unsafe { jpeg_read_scanlines(&mut decoder, &mut row, 1) };
    }
    // SAFETY: it was created above, and every line was read.
    unsafe {
        jpeg_finish_decompress(&mut decoder);
        jpeg_destroy_decompress(&mut decoder);
    }
    Picture { width, height, pixels, damaged: error.num_warnings > 0 }
}
