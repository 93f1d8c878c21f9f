//! A folder of pictures as strangers send them. Invariant: each file does to a decoder what its
//! name says.

use std::fs;
use std::path::Path;

use jpeg_encoder::{ColorType, Encoder, EncodingError};

const WIDTH: u16 = 320;
const HEIGHT: u16 = 240;

/// Writes eight good ones and five others.
pub(crate) fn write(folder: &Path) -> Result<(), Box<dyn std::error::Error>> {
    for number in 0..8 {
        fs::write(folder.join(format!("good-{number}.jpg")), picture(number)?)?;
    }
    let good = picture(0)?;
    fs::write(folder.join("cut-off.jpg"), &good[..good.len() / 2])?;
    fs::write(folder.join("no-picture.jpg"), "Dear Sir or Madam, attached please find")?;
    fs::write(folder.join("bad-table.jpg"), with_bad_table(good.clone()))?;
    fs::write(folder.join("memory-bomb.jpg"), memory_bomb(good))?;
    fs::write(folder.join("time-bomb.jpg"), time_bomb())?;
    Ok(())
}

/// A real one: a gradient in a colour of its own.
fn picture(number: u8) -> Result<Vec<u8>, EncodingError> {
    let mut pixels = Vec::new();
    for y in 0..HEIGHT {
        for x in 0..WIDTH {
            let shade = |part: u16, all: u16| (u32::from(part) * 255 / u32::from(all)) as u8;
            pixels.extend([shade(x, WIDTH), shade(y, HEIGHT), number * 32]);
        }
    }
    let mut file = Vec::new();
    Encoder::new(&mut file, 90).encode(&pixels, WIDTH, HEIGHT, ColorType::Rgb)?;
    Ok(file)
}

/// Where a segment of this kind begins.
fn segment(file: &[u8], marker: u8) -> usize {
    let at = file.windows(2).position(|two| two == [0xff, marker]);
    at.expect("every picture has such a segment")
}

/// Its first Huffman table claims more codes than there can be.
fn with_bad_table(mut file: Vec<u8>) -> Vec<u8> {
    let counts = segment(&file, 0xc4) + 5;
    file[counts..counts + 16].fill(0xff);
    file
}

/// A few kilobytes that claim to be 65 000 by 65 000 pixels.
fn memory_bomb(mut file: Vec<u8>) -> Vec<u8> {
    let size = segment(&file, 0xc0) + 5;
    file[size..size + 4].copy_from_slice(&[0xfd, 0xe8, 0xfd, 0xe8]);
    file
}

/// Less than a megabyte, and a minute of work: a progressive picture that goes over all of its
/// 250 000 blocks forty thousand times, and changes nothing in any of them.
fn time_bomb() -> Vec<u8> {
    let mut file = vec![0xff, 0xd8];
    file.extend([0xff, 0xdb, 0, 67, 0]);
    file.extend([1; 64]);
    // Progressive, 8 bits, 4000 by 4000, grey.
    file.extend([0xff, 0xc2, 0, 11, 8, 0x0f, 0xa0, 0x0f, 0xa0, 1, 1, 0x11, 0]);
    // One code of one bit, 0: "nothing in the next 2^14 blocks, and in as many as the 14 bits say".
    file.extend([0xff, 0xc4, 0, 20, 0x10, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xe0]);
    let skips = Vec::from_iter(std::iter::repeat_n([&[0; 1][..], &[1; 14]].concat(), 8)).concat();
    let mut scan = vec![0xff, 0xda, 0, 8, 1, 1, 0, 1, 1, 0];
    for bits in skips.chunks(8) {
        let byte = bits.iter().fold(0, |byte, bit| byte << 1 | bit);
        scan.push(byte);
        if byte == 0xff {
            scan.push(0); // or it would be a marker
        }
    }
    file.extend(scan.repeat(40_000));
    file.extend([0xff, 0xd9]);
    file
}
