use std::io::Write as _;

use image::{DynamicImage, GrayImage, ImageBuffer, ImageFormat, Luma, LumaA, Rgb, Rgba, RgbaImage};
use proptest::prelude::*;

use super::*;

fn gradient(width: u32, height: u32) -> Photo {
    let pixels = (0..height)
        .flat_map(|y| (0..width).map(move |x| [(x * 3) as u8, (y * 5) as u8, (x + y) as u8]));
    Photo::from_rgb(width, height, pixels.flatten().collect()).expect("the right length")
}

fn encoded(image: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut file = Cursor::new(Vec::new());
    image.write_to(&mut file, format).expect("it is encoded");
    file.into_inner()
}

fn complaint(bytes: &[u8], name: &str) -> String {
    Photo::decode(bytes, name).expect_err("it is refused").to_string()
}

#[test]
fn png_and_lossless_webp_keep_every_pixel_and_jpeg_is_close() {
    let photo = gradient(37, 21);
    assert_eq!(Photo::decode(&photo.encode_png().expect("png"), "a.png").expect("decodes"), photo);
    let image = image::RgbImage::from_raw(37, 21, photo.rgb().to_vec()).expect("fits");
    let webp = encoded(&DynamicImage::from(image), ImageFormat::WebP);
    assert_eq!(Photo::decode(&webp, "a.webp").expect("decodes"), photo);
    let jpeg = Photo::decode(&photo.encode_jpeg(95).expect("jpeg"), "a.jpg").expect("decodes");
    assert_eq!((jpeg.width(), jpeg.height()), (37, 21));
    let worst = jpeg.rgb().iter().zip(photo.rgb()).map(|(a, b)| a.abs_diff(*b)).max();
    assert!(worst <= Some(40), "{worst:?}");
}

#[test]
fn the_content_decides_not_the_name() {
    let png = gradient(4, 4).encode_png().expect("png");
    assert!(Photo::decode(&png, "photo.jpg").is_ok());
}

#[test]
fn grey_transparent_and_16_bit_pictures_become_opaque_rgb() {
    let cases: [(DynamicImage, [u8; 3]); 4] = [
        (GrayImage::from_pixel(2, 2, Luma([200])).into(), [200; 3]),
        (ImageBuffer::from_pixel(2, 2, LumaA([120_u8, 0])).into(), [120; 3]),
        (RgbaImage::from_pixel(2, 2, Rgba([10, 20, 30, 128])).into(), [10, 20, 30]),
        (ImageBuffer::from_pixel(2, 2, Rgb([0x1234_u16, 0xffff, 0])).into(), [0x12, 0xff, 0]),
    ];
    for (image, expected) in cases {
        let photo = Photo::decode(&encoded(&image, ImageFormat::Png), "a.png").expect("decodes");
        assert_eq!(photo.rgb(), expected.repeat(4), "{:?}", image.color());
    }
}

#[test]
fn a_photo_is_turned_upright() {
    // EXIF orientation 6: the camera was turned, columns of the file are rows of the photo.
    let jpeg = gradient(32, 16).encode_jpeg(90).expect("jpeg");
    let tiff =
        [b"Exif\0\0MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".as_slice()]
            .concat();
    let length = u16::try_from(tiff.len() + 2).expect("short").to_be_bytes();
    let turned = [&jpeg[..2], &[0xff, 0xe1], &length, &tiff, &jpeg[2..]].concat();
    let photo = Photo::decode(&turned, "turned.jpg").expect("decodes");
    assert_eq!((photo.width(), photo.height()), (16, 32));
}

#[test]
fn what_is_no_photo_is_refused_with_its_name() {
    assert_eq!(
        complaint(b"", "a.jpg"),
        "`a.jpg` is empty (0 bytes); give a JPEG, PNG or WebP photo"
    );
    assert_eq!(
        complaint("a letter, not a picture: größer".as_bytes(), "letter.jpg"),
        "`letter.jpg` is not a photo: it looks like text; give a JPEG, PNG or WebP photo"
    );
    assert!(complaint(&[0, 1, 2, 0xfe], "noise").contains("no known picture format"));
    assert!(complaint(b"GIF89a......", "a.gif").contains("kind Gif, which is not supported"));
}

#[test]
fn a_jpeg_or_png_without_its_end_is_called_truncated() {
    let jpeg = gradient(64, 64).encode_jpeg(90).expect("jpeg");
    for length in [20, jpeg.len() / 2, jpeg.len() - 2] {
        assert!(
            complaint(&jpeg[..length], "half.jpg").starts_with("`half.jpg` is truncated"),
            "{length}"
        );
    }
    let png = gradient(64, 64).encode_png().expect("png");
    assert!(complaint(&png[..png.len() / 2], "half.png").starts_with("`half.png` is truncated"));
}

#[test]
fn a_damaged_png_is_refused() {
    let mut png = gradient(64, 64).encode_png().expect("png");
    let middle = png.len() / 2;
    png[middle] ^= 0x55;
    assert!(complaint(&png, "a.png").starts_with("`a.png` is damaged: this PNG file"));
}

/// A PNG whose header claims `width` × `height` grey pixels and whose data expands to
/// `rows` rows of zeros.
fn bomb(width: u32, height: u32, rows: usize) -> Vec<u8> {
    fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
        let checked = [kind.as_slice(), data].concat();
        let length = u32::try_from(data.len()).expect("short").to_be_bytes();
        [&length[..], &checked, &crc32(&checked).to_be_bytes()].concat()
    }
    fn crc32(bytes: &[u8]) -> u32 {
        !bytes.iter().fold(!0, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                crc >> 1 ^ (0xedb8_8320 & (crc & 1).wrapping_neg())
            })
        })
    }
    let mut packed = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    let row = vec![0; width as usize + 1];
    for _ in 0..rows {
        packed.write_all(&row).expect("written to memory");
    }
    let header = [&width.to_be_bytes()[..], &height.to_be_bytes(), &[8, 0, 0, 0, 0]].concat();
    let data = packed.finish().expect("written to memory");
    [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &header),
        chunk(b"IDAT", &data),
        chunk(b"IEND", &[]),
    ]
    .concat()
}

#[test]
fn a_decompression_bomb_is_refused_before_its_pixels_are_read() {
    let bytes = bomb(50_000, 50_000, 600);
    assert!(bytes.len() < 100_000, "a small file");
    assert_eq!(
        complaint(&bytes, "bomb.png"),
        "`bomb.png` is too large: 50000 x 50000 pixels are 2500.0 megapixels, at most 40 are taken; scale it down"
    );
    assert!(complaint(&bomb(8_000, 5_001, 0), "a.png").contains("40.0 megapixels"));
}

#[test]
fn forty_megapixels_are_taken() {
    let photo = Photo::decode(&bomb(8_000, 5_000, 5_000), "large.png").expect("just allowed");
    assert_eq!(photo.rgb().len(), 120_000_000);
}

#[test]
fn more_data_than_the_header_claims_is_not_kept() {
    let photo = Photo::decode(&bomb(10, 10, 100_000), "a.png");
    assert!(photo.is_err() || photo.is_ok_and(|photo| photo.rgb().len() == 300));
}

#[test]
fn every_truncation_of_every_format_is_survived() {
    let photo = gradient(24, 17);
    let image =
        DynamicImage::from(image::RgbImage::from_raw(24, 17, photo.rgb().to_vec()).expect("fits"));
    let files = [
        photo.encode_jpeg(80).expect("jpeg"),
        photo.encode_png().expect("png"),
        encoded(&image, ImageFormat::WebP),
    ];
    for file in &files {
        for length in 0..file.len() {
            let cut = Photo::decode(&file[..length], "cut");
            // A PNG without its last, empty chunk still has all of its pixels.
            assert!(
                cut.is_err() || cut.is_ok_and(|cut| cut == photo),
                "{length} of {}",
                file.len()
            );
        }
    }
}

#[test]
fn a_photo_has_as_many_bytes_as_its_size_says() {
    assert_eq!(Photo::from_rgb(2, 2, vec![0; 11]), None);
    assert_eq!(Photo::from_rgb(0, 2, Vec::new()), None);
    assert!(Photo::from_rgb(2, 2, vec![0; 12]).is_some());
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let _ = Photo::decode(&bytes, "any");
    }

    #[test]
    fn any_bytes_after_a_real_signature_are_survived(
        format in 0_usize..3,
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        let signatures: [&[u8]; 3] = [b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF\x40\0\0\0WEBPVP8 "];
        let _ = Photo::decode(&[signatures[format], &bytes].concat(), "any");
    }

    #[test]
    fn damage_anywhere_is_survived(
        format in 0_usize..2,
        place in 0.0_f64..1.0,
        damage in proptest::collection::vec(any::<u8>(), 1..6),
    ) {
        let photo = gradient(24, 17);
        let mut file =
            if format == 0 { photo.encode_jpeg(80).expect("jpeg") } else { photo.encode_png().expect("png") };
        let at = (place * file.len() as f64) as usize;
        for (byte, damaged) in file[at..].iter_mut().zip(&damage) {
            *byte = *damaged;
        }
        let _ = Photo::decode(&file, "damaged");
    }
}
