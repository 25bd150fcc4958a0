use super::*;
use crate::Session;
use crate::audio::RATE_HZ;
use crate::engine::FakeEngine;

/// Samples of a frame of the fake model.
const HOP: usize = 320;

fn port(name: &str, shape: Vec<Extent>) -> Port {
    Port { name: name.into(), element: Some("f32"), shape: Some(shape) }
}

fn free(name: &str) -> Extent {
    Extent::Free(name.into())
}

/// Samples of each pass of the fake model.
type Passes = std::sync::Arc<std::sync::Mutex<Vec<usize>>>;

/// A model that reads words off the loudness: a frame whose mean amplitude is `n` hundredths
/// is label `n`. It gives logits, so its certainty is 20.
fn fake_spelling_model(samples: Extent) -> (Box<FakeEngine>, Passes) {
    let passes = Passes::default();
    let audio = port("audio", vec![free("n"), samples]);
    let scores = port("scores", vec![Extent::Fixed(1), free("frames"), Extent::Fixed(29)]);
    let seen = passes.clone();
    let engine = FakeEngine::new(audio, scores, move |inputs| {
        let audio = inputs[0].as_f32().expect("floats");
        seen.lock().expect("no panic before").push(audio.len());
        let mut values = Vec::new();
        for frame in audio.chunks_exact(HOP) {
            let mean = frame.iter().map(|sample| sample.abs()).sum::<f32>() / HOP as f32;
            let mut row = vec![0.0; 29];
            row[((mean * 100.0).round() as usize).min(28)] = 20.0;
            values.extend(row);
        }
        Tensor::f32(vec![1, values.len() / 29, 29], values)
    });
    (engine, passes)
}

/// A recording, 16-bit WAV, in which every letter of `text` is so many frames of its loudness,
/// with a silent frame after it.
fn spelt(text: &str, frames: usize) -> Vec<u8> {
    let alphabet = "_ 'abcdefghijklmnopqrstuvwxyz";
    let mut samples: Vec<i16> = Vec::new();
    for letter in text.chars() {
        let label = alphabet.find(letter).expect("a letter of the alphabet");
        let value = (label as f32 * 327.67).round() as i16;
        samples.extend(std::iter::repeat_n(value, HOP * frames));
        samples.extend([0; HOP]);
    }
    wav(&samples)
}

fn wav(samples: &[i16]) -> Vec<u8> {
    let size = samples.len() as u32 * 2;
    let mut file = b"RIFF".to_vec();
    file.extend((36 + size).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(RATE_HZ.to_le_bytes());
    file.extend((RATE_HZ * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend(size.to_le_bytes());
    file.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
    file
}

fn transcribe(engine: Box<FakeEngine>, width: Option<usize>, file: Vec<u8>) -> TextOutcome {
    let application = Box::new(SpeechToText::new(None, width));
    let mut session = Session::new(application, engine).expect("the model fits");
    match session.run_once(&Input::new("speech.wav", file)).expect("a result").0 {
        Outcome::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn words_across_windows_are_written_once() {
    let words = "one two three four five six seven eight nine zero yes no up down left right ";
    let text = words.repeat(14);
    // Thirteen frames a letter: no window begins or ends at the same place of a word.
    let file = spelt(&text, 12);
    for samples in [free("samples"), Extent::Fixed(48_000), Extent::Fixed(40_001)] {
        for width in [None, Some(4)] {
            let (engine, passes) = fake_spelling_model(samples.clone());
            let outcome = transcribe(engine, width, file.clone());
            assert_eq!(outcome.text, text.trim(), "{samples}, {width:?}");
            let seconds = text.len() as f64 * 13.0 * 0.02;
            assert!((outcome.audio_seconds - seconds).abs() < 1e-9);
            let passes = passes.lock().expect("no panic before");
            assert!(passes.len() > 10, "{} windows", passes.len());
            if let Extent::Fixed(length) = samples {
                assert!(passes.iter().all(|pass| *pass == length), "{passes:?}");
            }
        }
    }
}

#[test]
fn a_single_sample_is_filled_up_to_a_second() {
    let (engine, passes) = fake_spelling_model(free("samples"));
    let outcome = transcribe(engine, None, wav(&[500]));
    assert_eq!((outcome.text.as_str(), outcome.audio_seconds), ("", 1.0 / 16_000.0));
    assert_eq!(*passes.lock().expect("no panic before"), [16_000]);
}

#[test]
fn audio_of_exactly_one_window_takes_one_pass() {
    for (samples, expected) in [(240_000, 1), (240_001, 2), (432_000, 2), (432_001, 3)] {
        let (engine, passes) = fake_spelling_model(free("samples"));
        transcribe(engine, None, wav(&vec![0; samples]));
        assert_eq!(passes.lock().expect("no panic before").len(), expected, "{samples} samples");
    }
}

#[test]
fn probabilities_logarithms_and_logits_come_to_the_same() {
    let probabilities = [0.7_f32, 0.2, 0.1, 0.25, 0.5, 0.25];
    let logarithms = probabilities.map(f32::ln);
    let logits = logarithms.map(|value| value + 3.0);
    for given in [probabilities, logarithms, logits] {
        let mut rows = given.to_vec();
        to_log_probabilities(&mut rows, 3);
        let differences = rows.iter().zip(logarithms).map(|(found, value)| (found - value).abs());
        assert!(differences.fold(0.0, f32::max) < 1e-5, "{given:?}: {rows:?}");
    }
    let mut never = [1.0, 0.0, 0.0];
    to_log_probabilities(&mut never, 3);
    assert!(never.iter().all(|value| value.is_finite()));
}

#[test]
fn models_of_other_forms_are_told_apart() {
    let fit = |labels: Option<&str>, input: Vec<Extent>, output: Vec<Extent>| {
        let labels = labels.map(|text| Labels::parse(text.as_bytes(), "l.txt").expect("a list"));
        let mut application = SpeechToText::new(labels.as_ref(), None);
        application.fit(&[port("input", input)], &[port("output", output)])
    };
    let frames = || vec![free("n"), free("t"), Extent::Fixed(29)];
    let one = || Extent::Fixed(1);
    assert!(fit(None, vec![one(), free("t")], frames()).is_ok());
    assert!(fit(None, vec![free("t")], frames()).is_ok());
    assert!(fit(None, vec![one(), one(), Extent::Fixed(80_000)], frames()).is_ok());
    assert!(fit(None, vec![one(), free("t")], vec![free("t"), Extent::Fixed(29)]).is_ok());
    let pixels = fit(None, vec![one(), Extent::Fixed(3), free("h"), free("w")], frames());
    assert!(pixels.expect_err("no audio").expected.contains("raw audio"));
    let wide = vec![one(), free("t"), Extent::Fixed(999)];
    let misfit = fit(Some("_\na\nb"), vec![one(), free("t")], wide).expect_err("too few labels");
    assert!(misfit.expected.contains("an alphabet of 3"), "{misfit:?}");
    assert!(misfit.found.contains("999"), "{misfit:?}");
    let misfit = fit(Some("a\nb"), vec![free("t")], frames()).expect_err("no blank");
    assert!(misfit.found.contains("without a blank"), "{misfit:?}");
}

#[test]
fn a_recording_that_breaks_off_fails_and_the_next_one_does_not_suffer() {
    let (engine, _) = fake_spelling_model(free("samples"));
    let mut session = Session::new(Box::new(SpeechToText::default()), engine).expect("fits");
    let whole = spelt(&"go ".repeat(100), 12);
    let broken = Input::new("broken.wav", whole[..whole.len() / 2].to_vec());
    let error = session.run_once(&broken).expect_err("cut off").to_string();
    assert!(error.starts_with("`broken.wav` is cut off after 39.00 s"), "{error}");
    let (outcome, _) = session.run_once(&Input::new("go.wav", spelt("go", 12))).expect("a result");
    assert!(matches!(outcome, Outcome::Text(text) if text.text == "go"));
}
