//! The speech model on recordings by voices that training never heard, as OGG Vorbis files.

use serde::Deserialize;
use weighbridge_experiment::ApplicationName;
use weighbridge_inference::application::SpeechToText;
use weighbridge_inference::{Input, Outcome, Session, catalogue};

use crate::{engine, models};

/// Word error rates on the shipped set, noise and all, that the model has to keep: greedy, and
/// by a beam of 16.
const MOST: [f64; 2] = [0.12, 0.10];

#[derive(Deserialize)]
struct Manifest {
    utterances: Vec<Utterance>,
    word_error_rate: Figures,
}

#[derive(Deserialize)]
struct Utterance {
    file: String,
    text: String,
}

#[derive(Deserialize)]
struct Figures {
    words: usize,
    greedy: f64,
    beam_16: f64,
}

fn session(beam_width: Option<usize>) -> Session {
    let application = Box::new(SpeechToText::new(None, beam_width));
    let engine = Box::new(engine(ApplicationName::SpeechToText));
    Session::new(application, engine).expect("the shipped model fits")
}

fn heard(session: &mut Session, name: &str, bytes: &[u8]) -> (String, f64) {
    match session.run_once(&Input::new(name, bytes.to_vec())).expect("a result").0 {
        Outcome::Text(text) => (text.text, text.audio_seconds),
        other => panic!("{name}: {other:?}"),
    }
}

/// Least number of words to replace, insert and delete.
fn word_errors(said: &str, heard: &str) -> usize {
    let heard: Vec<&str> = heard.split(' ').filter(|word| !word.is_empty()).collect();
    let mut row: Vec<usize> = (0..=heard.len()).collect();
    for (place, word) in said.split(' ').enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], place + 1);
        for (column, other) in heard.iter().enumerate() {
            let replaced = diagonal + usize::from(word != *other);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[heard.len()]
}

#[test]
fn word_errors_are_counted() {
    assert_eq!(word_errors("one two three", "one two three"), 0);
    assert_eq!(word_errors("one two three", ""), 3);
    assert_eq!(word_errors("one two three", "two three three"), 2);
    assert_eq!(word_errors("stop", "go stop go"), 2);
}

#[test]
fn held_out_voices_are_understood() {
    let folder = models().join("evaluation/speech-to-text");
    let manifest =
        std::fs::read_to_string(folder.join("manifest.json")).expect("the manifest is there");
    let manifest: Manifest = serde_json::from_str(&manifest).expect("the manifest can be read");
    let recorded = manifest.word_error_rate;
    let decoders = [(None, recorded.greedy), (Some(16), recorded.beam_16)];
    for ((width, recorded_rate), most) in decoders.into_iter().zip(MOST) {
        let mut session = session(width);
        let (mut errors, mut words) = (0, 0);
        for utterance in &manifest.utterances {
            let bytes = std::fs::read(folder.join(&utterance.file)).expect("a recording");
            let (text, _) = heard(&mut session, &utterance.file, &bytes);
            errors += word_errors(&utterance.text, &text);
            words += utterance.text.split(' ').count();
        }
        assert_eq!(words, recorded.words);
        let rate = errors as f64 / words as f64;
        assert!(rate <= most, "word error rate {rate} of {words} words, beam {width:?}");
        // Another decoder of Vorbis may round a sample otherwise: a word or two may differ.
        let difference = (rate - recorded_rate).abs();
        assert!(difference <= 0.015, "{rate} now, {recorded_rate} recorded, beam {width:?}");
    }
}

#[test]
fn samples_of_every_kind_of_file_say_what_their_names_say() {
    let mut session = session(None);
    for (name, bytes) in catalogue::shipped(ApplicationName::SpeechToText).samples {
        let stem = name.split('.').next().expect("a name");
        let said: Vec<&str> =
            stem.split('-').filter(|word| !matches!(*word, "8khz" | "stereo" | "noisy")).collect();
        let (text, seconds) = heard(&mut session, name, bytes);
        assert_eq!(text, said.join(" "), "{name}");
        assert!((0.5..5.0).contains(&seconds), "{name}: {seconds} s");
    }
}

/// Local models give the same frames in whichever window they are: a long recording says its
/// words as often as they were said.
#[test]
fn a_recording_of_many_windows_says_every_word_once() {
    let shipped = catalogue::shipped(ApplicationName::SpeechToText);
    let (_, file) = shipped.samples.iter().find(|(name, _)| *name == "close-8khz.wav").expect("it");
    // 44 bytes of header; 8 kHz, 16 bits, mono.
    let audio = &file[44..];
    let times = 100;
    let mut long = file[..44].to_vec();
    long[4..8].copy_from_slice(&(36 + (audio.len() * times) as u32).to_le_bytes());
    long[40..44].copy_from_slice(&((audio.len() * times) as u32).to_le_bytes());
    long.extend(audio.repeat(times));
    let (text, seconds) = heard(&mut session(None), "long.wav", &long);
    assert_eq!(text, vec!["close"; times].join(" "));
    assert!(seconds > 60.0, "{seconds} s: five windows at least");
}
