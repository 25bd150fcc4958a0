//! One engine with one model, driven over standard input, for comparisons with other engines:
//! whoever drives several sides can let them take turns.
//!
//! ```text
//! cargo run --release -p weighbridge-inference --example engine_side -- \
//!     MODEL --engine rten|onnxruntime [--library FILE] [--threads N] [--input FILE:TYPE:2,3]…
//! ```
//!
//! Inputs are raw little-endian values, in the model's order. Each line of standard input is a
//! request and is answered by one line: `run N` by the duration of each of N runs in
//! nanoseconds, `save DIRECTORY` by `TYPE:SHAPE` of each output, which is written there as
//! `0.raw`, `1.raw`, …; `memory` by the resident bytes now and at most; `name` by the engine.

#![allow(clippy::print_stdout)]

use std::io::BufRead;
use std::path::{Path, PathBuf};
use std::time::Instant;

use weighbridge_inference::engine::{
    Engine, EngineSource, LibraryFiles, Tensor, Values, ValuesView,
};

/// The product's allocator: another one would be measured along with the engine.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let (mut engine, inputs) = set_up(std::env::args().skip(1))?;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("run", count) => println!("{}", run(&mut *engine, &inputs, count.parse()?)?),
            ("save", directory) => {
                println!("{}", save(&mut *engine, &inputs, Path::new(directory))?);
            }
            ("memory", _) => println!("{}", memory()?),
            ("name", _) => {
                let identity = engine.identity();
                println!("{} {} {}", identity.name, identity.version, identity.instruction_set);
            }
            _ => return Err(format!("`{line}` is no request").into()),
        }
    }
    Ok(())
}

fn set_up(
    mut arguments: impl Iterator<Item = String>,
) -> Result<(Box<dyn Engine>, Vec<Tensor>), Failure> {
    let model = std::fs::read(arguments.next().ok_or("the first argument is a model")?)?;
    let (mut name, mut library, mut threads) = ("rten".to_owned(), PathBuf::new(), 1);
    let mut inputs = Vec::new();
    while let Some(argument) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("`{argument}` needs a value"))?;
        match argument.as_str() {
            "--engine" => name = value,
            "--library" => library = value.into(),
            "--threads" => threads = value.parse()?,
            "--input" => inputs.push(read(&value)?),
            _ => return Err(format!("unknown option `{argument}`").into()),
        }
    }
    let source = match name.as_str() {
        "rten" => EngineSource::Rten,
        "onnxruntime" => {
            EngineSource::OnnxRuntime(LibraryFiles { library, dependencies: Vec::new() })
        }
        _ => return Err(format!("no engine `{name}`").into()),
    };
    Ok((source.load(model, threads)?, inputs))
}

fn run(engine: &mut dyn Engine, inputs: &[Tensor], count: usize) -> Result<String, Failure> {
    let views: Vec<_> = inputs.iter().map(Tensor::view).collect();
    let mut durations = Vec::with_capacity(count);
    for _ in 0..count {
        let began = Instant::now();
        let outputs = engine.run(&views)?;
        durations.push(began.elapsed().as_nanos().to_string());
        drop(outputs);
    }
    Ok(durations.join(" "))
}

fn save(engine: &mut dyn Engine, inputs: &[Tensor], directory: &Path) -> Result<String, Failure> {
    let views: Vec<_> = inputs.iter().map(Tensor::view).collect();
    let mut listed = Vec::new();
    for (index, output) in engine.run(&views)?.iter().enumerate() {
        let bytes: Vec<u8> = match output.values.view() {
            ValuesView::F32(values) => {
                values.iter().flat_map(|value| value.to_le_bytes()).collect()
            }
            ValuesView::F64(values) => {
                values.iter().flat_map(|value| value.to_le_bytes()).collect()
            }
            ValuesView::I32(values) => {
                values.iter().flat_map(|value| value.to_le_bytes()).collect()
            }
            ValuesView::I64(values) => {
                values.iter().flat_map(|value| value.to_le_bytes()).collect()
            }
            ValuesView::I8(values) => values.iter().flat_map(|value| value.to_le_bytes()).collect(),
            ValuesView::U8(values) => values.to_vec(),
            ValuesView::Bool(values) => values.iter().map(|value| u8::from(*value)).collect(),
        };
        std::fs::write(directory.join(format!("{index}.raw")), bytes)?;
        let axes: Vec<String> = output.shape.iter().map(ToString::to_string).collect();
        listed.push(format!("{}:{}", output.values.view().element(), axes.join(",")));
    }
    Ok(listed.join(" "))
}

/// `FILE:TYPE:2,3`; no axes for a single value.
fn read(written: &str) -> Result<Tensor, Failure> {
    let mut parts = written.rsplitn(3, ':');
    let (shape, element, file) = (parts.next(), parts.next(), parts.next());
    let (Some(shape), Some(element), Some(file)) = (shape, element, file) else {
        return Err(format!("`{written}` is not FILE:TYPE:SHAPE").into());
    };
    let axes = shape.split(',').filter(|axis| !axis.is_empty());
    let shape = axes.map(str::parse).collect::<Result<Vec<usize>, _>>()?;
    let bytes = std::fs::read(file)?;
    let values = match element {
        "f32" => Values::F32(each(&bytes, f32::from_le_bytes)?),
        "f64" => Values::F64(each(&bytes, f64::from_le_bytes)?),
        "i32" => Values::I32(each(&bytes, i32::from_le_bytes)?),
        "i64" => Values::I64(each(&bytes, i64::from_le_bytes)?),
        "i8" => Values::I8(each(&bytes, i8::from_le_bytes)?),
        "u8" => Values::U8(bytes),
        "bool" => Values::Bool(bytes.iter().map(|byte| *byte != 0).collect()),
        _ => return Err(format!("no element type `{element}`").into()),
    };
    Ok(Tensor { shape, values })
}

fn each<T, const N: usize>(bytes: &[u8], read: fn([u8; N]) -> T) -> Result<Vec<T>, Failure> {
    bytes.chunks_exact(N).map(|bytes| Ok(read(bytes.try_into()?))).collect()
}

/// Resident bytes now and at most (`VmRSS`, `VmHWM` in proc(5)).
fn memory() -> Result<String, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let kibibytes = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let now = kibibytes("VmRSS:").ok_or("no VmRSS in /proc/self/status")?;
    let most = kibibytes("VmHWM:").ok_or("no VmHWM in /proc/self/status")?;
    Ok(format!("{} {}", now * 1024, most * 1024))
}
