//! Every kind of file against the same tone, and every way in which a file can be wrong.

use std::f32::consts::TAU;

use proptest::prelude::*;

use super::*;

macro_rules! tone_file {
    ($file:literal, $rate:literal, $channels:literal) => {
        ($file, include_bytes!(concat!("../../tests/audio/", $file)).as_slice(), $rate, $channels)
    };
}

/// One second of a 440 Hz tone of half full scale: FLAC and OGG written by sox 14.4.2, MP3 by
/// lameenc 1.9.
const TONES: [(&str, &[u8], u32, usize); 6] = [
    tone_file!("tone-8000.flac", 8_000, 1),
    tone_file!("tone-48000-stereo.flac", 48_000, 2),
    tone_file!("tone-44100.ogg", 44_100, 1),
    tone_file!("tone-16000-stereo.ogg", 16_000, 2),
    tone_file!("tone-22050.mp3", 22_050, 1),
    tone_file!("tone-44100-stereo.mp3", 44_100, 2),
];

/// WAVE format tag of integer samples.
const PCM: u16 = 1;
/// WAVE format tag of float samples.
const FLOAT: u16 = 3;

fn wav(tag: u16, rate: u32, channels: u16, bits: u16, data: &[u8]) -> Vec<u8> {
    let frame = channels * bits / 8;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt ");
    file.extend(16_u32.to_le_bytes());
    file.extend(tag.to_le_bytes());
    file.extend(channels.to_le_bytes());
    file.extend(rate.to_le_bytes());
    file.extend(rate.wrapping_mul(u32::from(frame)).to_le_bytes());
    file.extend(frame.to_le_bytes());
    file.extend(bits.to_le_bytes());
    file.extend(b"data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

fn pcm16(rate: u32, channels: u16, samples: &[f32]) -> Vec<u8> {
    let data: Vec<u8> = samples
        .iter()
        .flat_map(|sample| ((sample * 32_767.0).round() as i16).to_le_bytes())
        .collect();
    wav(PCM, rate, channels, 16, &data)
}

fn tone(rate: u32, seconds: f32) -> Vec<f32> {
    let count = (rate as f32 * seconds) as usize;
    (0..count).map(|n| 0.5 * (TAU * 440.0 * n as f32 / rate as f32).sin()).collect()
}

fn read_all(bytes: &[u8]) -> Result<Vec<f32>, AudioError> {
    let mut stream = AudioStream::open(bytes.into(), "a file")?;
    let mut samples = Vec::new();
    while stream.read(1000, &mut samples)? == 1000 {}
    Ok(samples)
}

fn flaw(bytes: &[u8]) -> AudioFlaw {
    read_all(bytes).expect_err("the file is not in order").flaw
}

/// Frequency by zero crossings and amplitude by root mean square, of the middle half.
fn measure(samples: &[f32]) -> (f32, f32) {
    let middle = &samples[samples.len() / 4..samples.len() * 3 / 4];
    let rises = middle.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    let power = middle.iter().map(|sample| sample * sample).sum::<f32>() / middle.len() as f32;
    (rises as f32 * RATE_HZ as f32 / middle.len() as f32, (2.0 * power).sqrt())
}

fn assert_is_the_tone(name: &str, samples: &[f32]) {
    let length = samples.len() as i64 - i64::from(RATE_HZ);
    assert!(length.abs() <= 1200, "{name}: {length} samples from a second");
    let (frequency, amplitude) = measure(samples);
    assert!((frequency - 440.0).abs() < 3.0, "{name}: {frequency} Hz");
    assert!((amplitude - 0.5).abs() < 0.03, "{name}: amplitude {amplitude}");
}

#[test]
fn a_tone_is_the_same_through_every_codec_rate_and_channel_count() {
    for (name, bytes, rate, channels) in TONES {
        let stream = AudioStream::open(bytes.into(), name).expect("audio");
        assert_eq!(stream.source(), (rate, channels), "{name}");
        assert_is_the_tone(name, &read_all(bytes).expect("audio"));
    }
    for rate in [4_000, 8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 44_101, 96_000, 384_000] {
        let samples = read_all(&pcm16(rate, 1, &tone(rate, 1.0))).expect("audio");
        assert_eq!(samples.len(), 16_000, "{rate} Hz");
        assert_is_the_tone(&format!("WAV of {rate} Hz"), &samples);
    }
}

#[test]
fn every_width_of_sample_is_read() {
    type Pack = fn(f32) -> Vec<u8>;
    let samples = tone(RATE_HZ, 1.0);
    let widths: [(u16, u16, Pack); 5] = [
        (PCM, 8, |sample| vec![(sample * 127.0 + 128.0) as u8]),
        (PCM, 24, |sample| ((sample * 8_388_607.0) as i32).to_le_bytes()[..3].to_vec()),
        (PCM, 32, |sample| ((f64::from(sample) * 2_147_483_647.0) as i32).to_le_bytes().to_vec()),
        (FLOAT, 32, |sample| sample.to_le_bytes().to_vec()),
        (FLOAT, 64, |sample| f64::from(sample).to_le_bytes().to_vec()),
    ];
    for (tag, bits, pack) in widths {
        let data: Vec<u8> = samples.iter().flat_map(|sample| pack(*sample)).collect();
        let read = read_all(&wav(tag, RATE_HZ, 1, bits, &data)).expect("audio");
        assert_is_the_tone(&format!("{bits} bits"), &read);
    }
}

#[test]
fn channels_are_averaged() {
    let stereo: Vec<f32> = tone(RATE_HZ, 0.1).into_iter().flat_map(|left| [left, -left]).collect();
    let silent = read_all(&pcm16(RATE_HZ, 2, &stereo)).expect("audio");
    assert_eq!(silent.len(), 1_600);
    assert!(silent.iter().all(|sample| sample.abs() < 1e-4));
}

#[test]
fn clipped_audio_and_a_single_sample_are_audio() {
    let clipped: Vec<f32> = tone(8_000, 1.0).iter().map(|s| (s * 9.0).clamp(-1.0, 1.0)).collect();
    let (frequency, _) = measure(&read_all(&pcm16(8_000, 1, &clipped)).expect("audio"));
    assert!((frequency - 440.0).abs() < 3.0);
    assert_eq!(read_all(&pcm16(RATE_HZ, 1, &[0.5])).expect("audio").len(), 1);
    assert_eq!(read_all(&pcm16(8_000, 2, &[0.5, 0.5])).expect("audio").len(), 2);
    assert_eq!(read_all(&pcm16(48_000, 1, &[0.5])).expect("audio").len(), 1);
}

#[test]
fn what_is_not_audio_is_refused_by_kind() {
    assert!(matches!(flaw(b""), AudioFlaw::Empty));
    for bytes in
        [b"hello, world".as_slice(), b"\xff\xd8\xff\xe0 a photo", b"RIFF\0\0\0\0WEBP", &[0; 900]]
    {
        assert!(matches!(flaw(bytes), AudioFlaw::NotAudio), "{bytes:?}");
    }
    assert!(matches!(flaw(&pcm16(RATE_HZ, 1, &[])), AudioFlaw::NoSamples));
    assert!(matches!(flaw(&pcm16(3_999, 1, &[0.0; 9])), AudioFlaw::SampleRate { rate_hz: 3_999 }));
    assert!(matches!(flaw(&pcm16(400_000, 1, &[0.0; 9])), AudioFlaw::SampleRate { .. }));
    let bits_of_four = wav(PCM, RATE_HZ, 1, 4, &[0; 64]);
    assert!(matches!(flaw(&bits_of_four), AudioFlaw::Header { .. } | AudioFlaw::Codec { .. }));
    let error = AudioStream::open(b"hello".as_slice().into(), "a.txt").err().expect("no audio");
    assert_eq!(
        error.to_string(),
        "`a.txt` is not WAV, FLAC, OGG or MP3 audio; convert it to one of these"
    );
}

#[test]
fn a_file_that_stops_early_is_truncated_not_shorter() {
    let whole = pcm16(RATE_HZ, 1, &tone(RATE_HZ, 1.0));
    for kept in [13, 30, 44, 45, 10_000, whole.len() - 1] {
        let flaw = flaw(&whole[..kept]);
        assert!(matches!(flaw, AudioFlaw::Truncated { .. }), "{kept} bytes of WAV: {flaw:?}");
    }
    for (name, bytes, ..) in TONES.iter().filter(|tone| tone.0.ends_with("flac")) {
        let flaw = flaw(&bytes[..bytes.len() / 2]);
        assert!(matches!(flaw, AudioFlaw::Truncated { .. }), "half of {name}: {flaw:?}");
    }
}

#[test]
fn a_sample_that_is_no_number_is_named_with_its_place() {
    for bad in [f32::NAN, f32::INFINITY] {
        let mut samples = tone(8_000, 1.0);
        samples[6_000] = bad;
        let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        match flaw(&wav(FLOAT, 8_000, 1, 32, &data)) {
            AudioFlaw::NotFinite { seconds, .. } => assert!((seconds - 0.75).abs() < 1e-9),
            other => panic!("{other:?}"),
        }
    }
}

/// Three hours at 8 kHz and 8 bits: 86 MB in the file, 691 MB if they were decoded whole.
#[test]
fn three_hours_are_read_in_bounded_memory() {
    let seconds = 3 * 3_600;
    let data: Vec<u8> = (0..8_000 * seconds).map(|n: usize| 128 + (n % 97) as u8).collect();
    let bytes: Arc<[u8]> = wav(PCM, 8_000, 1, 8, &data).into();
    drop(data);
    let mut stream = AudioStream::open(bytes, "three hours").expect("audio");
    let (mut window, mut total) = (Vec::new(), 0);
    loop {
        window.clear();
        let count = stream.read(16_000 * 12, &mut window).expect("audio");
        total += count;
        if count < 16_000 * 12 {
            break;
        }
    }
    assert_eq!(total, 16_000 * seconds);
    assert!((stream.seconds_read() - seconds as f64).abs() < 1e-9);
    let most = stream.buffered_samples_max();
    assert!((192_000..220_000).contains(&most), "{most} samples were held at once");
}

proptest! {
    #[test]
    fn how_it_is_read_changes_nothing(
        rate in prop::sample::select(vec![8_000_u32, 11_025, 16_000, 44_100]),
        count in 1_usize..9_000,
        portions in prop::collection::vec(1_usize..5_000, 1..12),
    ) {
        let file = pcm16(rate, 1, &tone(rate, 2.0)[..count]);
        let whole = read_all(&file).expect("audio");
        let expected = (count as u64 * 16_000).div_ceil(u64::from(rate));
        prop_assert_eq!(whole.len() as u64, expected);
        let mut stream = AudioStream::open(file.into(), "a file").expect("audio");
        let mut parts = Vec::new();
        for portion in portions.iter().cycle() {
            if stream.read(*portion, &mut parts).expect("audio") < *portion {
                break;
            }
        }
        prop_assert_eq!(parts, whole);
    }

    #[test]
    fn damaged_files_never_panic(
        which in 0_usize..6,
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        kept in any::<prop::sample::Index>(),
    ) {
        let mut bytes = TONES[which].1.to_vec();
        for (place, value) in places {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        bytes.truncate(kept.index(bytes.len()) + 1);
        // Either is in order; the samples that come are numbers.
        if let Ok(samples) = read_all(&bytes) {
            prop_assert!(samples.iter().all(|sample| sample.is_finite()));
        }
    }
}
