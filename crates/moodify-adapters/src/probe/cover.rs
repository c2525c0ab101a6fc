//! Makes covers anew from the pixels of a picture.

use std::io::{BufRead, BufReader, Read, Seek, SeekFrom};

use bytes::Bytes;
use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::png::PngDecoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, GenericImageView, ImageDecoder, ImageError, Limits, Rgb, RgbImage, Rgba};
use moodify_core::model::CoverSize;
use moodify_core::port::{CoverImage, Rejection};

use super::fault::Fault;
use super::limits::ProbeLimits;

/// Good to the eye at a fraction of the size of 95.
const JPEG_QUALITY: u8 = 85;

/// Looks at a picture of `len` bytes and makes one JPEG for every [`CoverSize`].
pub(super) fn inspect(
    file: impl Read + Seek,
    len: u64,
    limits: &ProbeLimits,
) -> Result<Vec<CoverImage>, Fault> {
    if len == 0 {
        return Err(Rejection::Empty.into());
    }
    let (image, orientation) = decode(BufReader::new(file), limits)?;
    let mut small = DynamicImage::ImageRgb8(square(image));
    small.apply_orientation(orientation);
    CoverSize::ALL
        .into_iter()
        .map(|size| {
            let pixels = size.pixels();
            let image = small.resize_exact(pixels, pixels, FilterType::Lanczos3);
            let mut jpeg = Vec::new();
            JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY)
                .encode_image(&image)
                .map_err(std::io::Error::other)?;
            Ok(CoverImage { size, jpeg: Bytes::from(jpeg) })
        })
        .collect()
}

fn decode(mut file: impl BufRead + Seek, limits: &ProbeLimits) -> Result<(DynamicImage, Orientation), Fault> {
    let mut magic = Vec::with_capacity(8);
    file.by_ref().take(8).read_to_end(&mut magic)?;
    file.rewind()?;
    if magic == *b"\x89PNG\r\n\x1A\n" {
        let mut png_limits = Limits::no_limits();
        png_limits.max_alloc = Some(limits.decode_memory());
        pixels(PngDecoder::with_limits(file, png_limits).map_err(refuse)?, limits)
    } else if magic.starts_with(b"\xFF\xD8\xFF") {
        if !jpeg_is_whole(&mut file)? {
            return Err(Rejection::Damaged.into());
        }
        file.rewind()?;
        pixels(JpegDecoder::new(file).map_err(refuse)?, limits)
    } else {
        Err(Rejection::UnsupportedType.into())
    }
}

/// Checks what the header announces before any pixel is decoded.
fn pixels(
    mut decoder: impl ImageDecoder,
    limits: &ProbeLimits,
) -> Result<(DynamicImage, Orientation), Fault> {
    let (width, height) = decoder.dimensions();
    if width == 0 || height == 0 {
        return Err(Rejection::Damaged.into());
    }
    if width.max(height) > limits.max_side
        || u64::from(width) * u64::from(height) > limits.max_pixels
        || decoder.total_bytes() > limits.decode_memory()
    {
        return Err(Rejection::LimitExceeded.into());
    }
    let mut image_limits = Limits::no_limits();
    image_limits.max_alloc = Some(limits.decode_memory());
    decoder.set_limits(image_limits).map_err(refuse)?;
    // A broken EXIF block turns no picture away.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let image = DynamicImage::from_decoder(decoder).map_err(refuse)?;
    Ok((image, orientation))
}

fn refuse(error: ImageError) -> Fault {
    match error {
        ImageError::Limits(_) => Rejection::LimitExceeded.into(),
        ImageError::Unsupported(_) => Rejection::UnsupportedType.into(),
        ImageError::IoError(error) => error.into(),
        _ => Rejection::Damaged.into(),
    }
}

/// Whether a JPEG's scans are followed by its end mark (ITU T.81, B.1.1.3): the decoder would fill
/// what is missing with grey.
fn jpeg_is_whole(file: &mut (impl BufRead + Seek)) -> Result<bool, Fault> {
    let mut marker = [0; 2];
    file.read_exact(&mut marker)?;
    loop {
        if file.skip_until(0xFF)? == 0 {
            return Ok(false);
        }
        let mut code = [0xFF];
        while code == [0xFF] {
            if file.read(&mut code)? == 0 {
                return Ok(false);
            }
        }
        match code[0] {
            0xD9 => return Ok(true),
            // Stuffing and marks without a length.
            0x00 | 0x01 | 0xD0..=0xD8 => {}
            _ => {
                let mut length = [0; 2];
                file.read_exact(&mut length)?;
                let skipped = i64::from(u16::from_be_bytes(length)) - 2;
                file.seek(SeekFrom::Current(skipped.max(0)))?;
            }
        }
    }
}

/// The middle of a picture, on white where it lets the background through. A large picture is first
/// averaged down to twice the largest cover: the fine filter that follows needs much memory.
fn square(image: DynamicImage) -> RgbImage {
    let enough = 2 * CoverSize::ALL.map(CoverSize::pixels).into_iter().max().unwrap_or_default();
    let (width, height) = image.dimensions();
    let side = width.min(height);
    let image = if side > enough {
        let scaled = |length: u32| u64::from(length) * u64::from(enough) / u64::from(side);
        let scaled = |length: u32| u32::try_from(scaled(length)).unwrap_or(u32::MAX);
        image.thumbnail_exact(scaled(width), scaled(height))
    } else {
        image
    };
    let (width, height) = image.dimensions();
    let side = width.min(height);
    let (left, top) = ((width - side) / 2, (height - side) / 2);
    RgbImage::from_fn(side, side, |x, y| on_white(image.get_pixel(left + x, top + y)))
}

fn on_white(Rgba([red, green, blue, alpha]): Rgba<u8>) -> Rgb<u8> {
    let alpha = u32::from(alpha);
    let mixed = |value: u8| (u32::from(value) * alpha + 255 * (255 - alpha) + 127) / 255;
    Rgb([red, green, blue].map(|value| u8::try_from(mixed(value)).unwrap_or(u8::MAX)))
}
