use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use moodify_core::model::CoverSize;
use moodify_core::port::{ProbedCover, Rejection};

use crate::fixture::{Fixture, probes, rejection, sample};

async fn accepted(fixture: &Fixture, name: &str, file: &[u8]) -> Vec<RgbImage> {
    let ProbedCover { images } = match fixture.cover(file).await {
        Ok(probed) => probed,
        Err(error) => panic!("{}: {name}: {error:?}", fixture.name),
    };
    assert_eq!(images.iter().map(|image| image.size).collect::<Vec<_>>(), CoverSize::ALL);
    let decode =
        |jpeg: &[u8]| image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg).unwrap().to_rgb8();
    for image in &images {
        let decoded = decode(&image.jpeg);
        assert_eq!(decoded.dimensions(), (image.size.pixels(), image.size.pixels()), "{name}");
        assert!(
            !contains(&image.jpeg, b"Exif") && !contains(&image.jpeg, b"canary"),
            "{name}: EXIF survived"
        );
    }
    images.iter().map(|image| decode(&image.jpeg)).collect()
}

#[tokio::test]
async fn pictures_become_squares_without_their_past() {
    assert!(contains(&sample("cover.jpg"), b"moodify-exif-canary"), "the sample proves nothing");
    for fixture in probes() {
        for name in ["cover.jpg", "cover.png"] {
            accepted(&fixture, name, &sample(name)).await;
        }
        let trailing = [sample("cover.jpg"), b"<script>canary</script>".to_vec()].concat();
        accepted(&fixture, "trailing HTML", &trailing).await;
    }
}

#[tokio::test]
async fn the_middle_is_kept_and_nothing_is_distorted() {
    // Red, green and blue thirds: the square in the middle is all green.
    let wide =
        RgbImage::from_fn(3000, 1000, |x, _| Rgb([[255, 0, 0], [0, 255, 0], [0, 0, 255]][x as usize / 1000]));
    let file = encoded(&wide.into(), ImageFormat::Jpeg);
    for fixture in probes() {
        for image in accepted(&fixture, "wide", &file).await {
            let middle = image.width() / 2;
            for (x, y) in [(2, middle), (middle, 2), (image.width() - 3, middle)] {
                let Rgb([red, green, blue]) = *image.get_pixel(x, y);
                assert!(red < 30 && green > 220 && blue < 30, "{x},{y}: {red} {green} {blue}");
            }
        }
    }
}

#[tokio::test]
async fn see_through_parts_are_white_and_tiny_pictures_grow() {
    let clear = encoded(&RgbaImage::from_pixel(9, 5, Rgba([0, 0, 0, 0])).into(), ImageFormat::Png);
    let grey16 = encoded(&DynamicImage::new_luma16(1, 1), ImageFormat::Png);
    for fixture in probes() {
        let images = accepted(&fixture, "see-through", &clear).await;
        assert!(images.iter().all(|image| image.pixels().all(|pixel| pixel.0.iter().all(|&c| c > 250))));
        accepted(&fixture, "one grey pixel", &grey16).await;
    }
}

#[tokio::test]
async fn the_largest_picture_fits_the_limits() {
    let file = encoded(&DynamicImage::new_rgba8(8000, 5000), ImageFormat::Png);
    for fixture in probes() {
        accepted(&fixture, "40 megapixels", &file).await;
    }
}

#[tokio::test]
async fn a_turned_photograph_stands_upright() {
    // Left half black, right half white; EXIF orientation 6: turn a quarter clockwise.
    let photo = RgbImage::from_fn(400, 400, |x, _| if x < 200 { Rgb([0; 3]) } else { Rgb([255; 3]) });
    let jpeg = encoded(&photo.into(), ImageFormat::Jpeg);
    let exif = b"\xFF\xE1\0\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let turned = [&jpeg[..2], exif, &jpeg[2..]].concat();
    for fixture in probes() {
        for image in accepted(&fixture, "turned", &turned).await {
            let (middle, end) = (image.width() / 2, image.width() - 5);
            assert!(image.get_pixel(middle, 4).0[0] < 30, "the top is black");
            assert!(image.get_pixel(middle, end).0[0] > 220, "the bottom is white");
        }
    }
}

#[tokio::test]
async fn hostile_and_broken_pictures_are_refused() {
    use Rejection::{Damaged, Empty, LimitExceeded, UnsupportedType};

    let (jpg, png) = (sample("cover.jpg"), sample("cover.png"));
    let svg = br#"<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>"#;
    let mut crc = png.clone();
    crc[40] ^= 1;
    let jpeg_of = |width: u16, height: u16| {
        let mut file = encoded(&DynamicImage::new_rgb8(8, 8), ImageFormat::Jpeg);
        let at = file.windows(2).position(|marker| marker == [0xFF, 0xC0]).unwrap() + 5;
        file[at..at + 2].copy_from_slice(&height.to_be_bytes());
        file[at + 2..at + 4].copy_from_slice(&width.to_be_bytes());
        file
    };
    let cases: Vec<(&str, Vec<u8>, Rejection)> = vec![
        ("empty", vec![], Empty),
        ("SVG", svg.to_vec(), UnsupportedType),
        ("HTML", b"<html></html>".to_vec(), UnsupportedType),
        ("GIF", b"GIF89a\x01\0\x01\0\0\0\0;".to_vec(), UnsupportedType),
        ("WebP", b"RIFF\x1A\0\0\0WEBPVP8L".to_vec(), UnsupportedType),
        ("BMP", b"BM\x1E\0\0\0\0\0\0\0".to_vec(), UnsupportedType),
        ("MP3", sample("cbr-mono-untagged.mp3"), UnsupportedType),
        ("PNG's first bytes only", png[..8].to_vec(), Damaged),
        ("JPEG's first bytes only", jpg[..4].to_vec(), Damaged),
        ("half a PNG", png[..png.len() / 2].to_vec(), Damaged),
        ("half a JPEG", jpg[..jpg.len() / 2].to_vec(), Damaged),
        ("JPEG without its end", jpg[..jpg.len() - 2].to_vec(), Damaged),
        ("PNG of no size", png_announcing(0, 0), Damaged),
        ("PNG with a false checksum", crc, Damaged),
        ("PNG of 30000 x 30000", png_announcing(30_000, 30_000), LimitExceeded),
        ("PNG of 2147483647 x 1", png_announcing(0x7FFF_FFFF, 1), LimitExceeded),
        ("PNG of 10000 x 4001", png_announcing(10_000, 4001), LimitExceeded),
        ("JPEG of 65535 x 65535", jpeg_of(65_535, 65_535), LimitExceeded),
    ];
    for fixture in probes() {
        for (name, file, expected) in &cases {
            assert_eq!(rejection(fixture.cover(file).await), *expected, "{}: {name}", fixture.name);
        }
    }
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    image.write_to(&mut file, format).unwrap();
    file.into_inner()
}

/// A PNG that has one pixel but announces more.
fn png_announcing(width: u32, height: u32) -> Vec<u8> {
    let mut file = encoded(&DynamicImage::new_rgb8(1, 1), ImageFormat::Png);
    file[16..20].copy_from_slice(&width.to_be_bytes());
    file[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&file[12..29]);
    file[29..33].copy_from_slice(&crc.to_be_bytes());
    file
}

/// PNG specification, annex D.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, &byte| {
        (0..8).fold(
            crc ^ u32::from(byte),
            |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 },
        )
    })
}

fn contains(file: &[u8], text: &[u8]) -> bool {
    file.windows(text.len()).any(|window| window == text)
}
