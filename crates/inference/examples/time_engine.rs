//! The same model and engine as a trial uses, in a bare loop: no agent, no wire, no meters.
//!
//! ```text
//! cargo run --release -p weighbridge-inference --example time_engine -- \
//!     derain [--engine rten|onnxruntime] [--library FILE] [--threads N] [--repeat N] [--size WIDTHxHEIGHT] [--model FILE] [--raw] [PHOTO]
//! ```
//!
//! ONNX Runtime is loaded from `--library`, else from the file that `$ORT_DYLIB_PATH` names.
//! Prints the median of each stage in milliseconds and the resident memory; with `--raw` also one line an inference
//! (decode, prepare, infer, interpret, in nanoseconds), for comparison with a harness.
//! Without a photo it makes one of the given size, 512x512 unless told.

#![allow(clippy::print_stdout)]

use std::path::PathBuf;
use std::time::Instant;

use weighbridge_experiment::{ApplicationName, InferenceTiming};
use weighbridge_inference::application::application;
use weighbridge_inference::engine::{EngineSource, LibraryFiles};
use weighbridge_inference::{Input, Photo, Session, catalogue};

/// The product's allocator: another one would be measured along with the engine.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

struct Asked {
    application: ApplicationName,
    engine: String,
    library: PathBuf,
    threads: u32,
    repeat: usize,
    size: (u32, u32),
    model: Option<String>,
    photo: Option<String>,
    raw: bool,
}

/// Reads one duration out of an inference's timing.
type Stage = fn(&InferenceTiming) -> u64;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let asked = read_arguments(std::env::args().skip(1))?;
    let model = match &asked.model {
        Some(path) => std::fs::read(path)?,
        None => (catalogue::shipped(asked.application).model)().into_owned(),
    };
    let (name, photo) = match &asked.photo {
        Some(path) => (path.clone(), std::fs::read(path)?),
        None => ("made here".to_owned(), made_photo(asked.size)?.encode_png()?),
    };

    let start = Instant::now();
    let source = match asked.engine.as_str() {
        "rten" => EngineSource::Rten,
        "onnxruntime" => EngineSource::OnnxRuntime(LibraryFiles {
            library: asked.library,
            dependencies: Vec::new(),
        }),
        name => return Err(format!("no engine `{name}`").into()),
    };
    let engine = source.load(model, asked.threads)?;
    let mut session = Session::new(application(asked.application, None), engine)?;
    let load = start.elapsed();

    let mut timings = Vec::with_capacity(asked.repeat);
    let input = Input::new(&*name, photo);
    session.run_once(&input)?;
    for _ in 0..asked.repeat {
        timings.push(session.run_once(&input)?.1);
    }

    let engine = session.engine();
    println!(
        "{} on {} {} ({}, {} threads), {} inferences of {name}",
        asked.application,
        engine.name,
        engine.version,
        engine.instruction_set,
        engine.threads,
        asked.repeat
    );
    println!("load      {:9.3} ms", load.as_secs_f64() * 1e3);
    let stages: [(&str, Stage); 5] = [
        ("decode", |timing| timing.decode_nanoseconds),
        ("prepare", |timing| timing.prepare_nanoseconds),
        ("infer", |timing| timing.infer_nanoseconds),
        ("interpret", |timing| timing.interpret_nanoseconds),
        ("total", InferenceTiming::total_nanoseconds),
    ];
    for (stage, nanoseconds) in stages {
        println!("{stage:9} {:9.3} ms (median)", median(timings.iter().map(nanoseconds)) / 1e6);
    }
    for (what, key) in [("resident", "VmRSS:"), ("at most", "VmHWM:")] {
        println!("{what:9} {:9.1} MB", status_bytes(key)? as f64 / 1e6);
    }
    if asked.raw {
        for timing in &timings {
            println!(
                "{} {} {} {}",
                timing.decode_nanoseconds,
                timing.prepare_nanoseconds,
                timing.infer_nanoseconds,
                timing.interpret_nanoseconds
            );
        }
    }
    Ok(())
}

fn read_arguments(mut arguments: impl Iterator<Item = String>) -> Result<Asked, Failure> {
    let name = arguments.next().as_deref().and_then(ApplicationName::from_name);
    let application =
        name.ok_or("the first argument is an application: derain or traffic-light")?;
    let mut asked = Asked {
        application,
        engine: "rten".to_owned(),
        library: std::env::var_os("ORT_DYLIB_PATH").unwrap_or_default().into(),
        threads: 1,
        repeat: 10,
        size: (512, 512),
        model: None,
        photo: None,
        raw: false,
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or_else(|| format!("`{argument}` needs a value"));
        match argument.as_str() {
            "--threads" => asked.threads = value()?.parse()?,
            "--engine" => asked.engine = value()?,
            "--library" => asked.library = value()?.into(),
            "--repeat" => asked.repeat = value()?.parse::<usize>()?.max(1),
            "--model" => asked.model = Some(value()?),
            "--raw" => asked.raw = true,
            "--size" => {
                let value = value()?;
                let (width, height) = value.split_once('x').ok_or("a size is WIDTHxHEIGHT")?;
                asked.size = (width.parse()?, height.parse()?);
            }
            _ if argument.starts_with('-') => {
                return Err(format!("unknown option `{argument}`").into());
            }
            _ => asked.photo = Some(argument),
        }
    }
    Ok(asked)
}

/// A memory figure of this process, from proc(5).
fn status_bytes(key: &str) -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(key));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()).ok_or("no such figure")?;
    Ok(kibibytes.parse::<u64>()? * 1024)
}

/// Soft gradients with some texture: nothing in the engine's time depends on the content.
fn made_photo((width, height): (u32, u32)) -> Result<Photo, Failure> {
    let pixel = |index: u32| {
        let (x, y) = (index % width, index / width);
        let grain = (index.wrapping_mul(2_654_435_761) >> 28) as u8;
        [(x * 200 / width) as u8 + grain, (y * 200 / height) as u8 + grain, 90 + grain]
    };
    let rgb = (0..width * height).flat_map(pixel).collect();
    Photo::from_rgb(width, height, rgb).ok_or_else(|| "a photo has at least one pixel".into())
}

fn median(values: impl Iterator<Item = u64>) -> f64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    let middle = values.len() / 2;
    let upper = values[middle] as f64;
    if values.len() % 2 == 1 { upper } else { f64::midpoint(values[middle - 1] as f64, upper) }
}
