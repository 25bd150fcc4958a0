//! Every message survives its frame; no bytes whatever bring the reader down.

use std::io::Cursor;

use proptest::prelude::*;
use weighbridge_agent::wire::{
    Answer, CommandTask, EngineChoice, Failure, FileToRead, FrameError, Hello, OnnxTask, Pass,
    Prepare, Ready, Request, SharedLibrary, Stage, Task, TensorToMake, TransferTask, Trial,
    TrialDone, WarmupDone, Welcome, decode, encode, read_frame, wire_schema, write_frame,
};
use weighbridge_experiment::{
    Absence, AbsenceKind, ApplicationName, Benchmark, BenchmarkOutcome, BenchmarkRow,
    BenchmarkUnit, CpuBenchmark, EngineIdentity, Fact, FileioBenchmark, HostFacts, InferenceTiming,
    Measured, MemoryBenchmark, Quantity, Sample, SamplerCost, Sha256Digest, TensorElement,
    TransferBenchmark, Usage,
};

fn digest() -> impl Strategy<Value = Sha256Digest> {
    any::<[u8; 4]>().prop_map(|bytes| Sha256Digest::of(&bytes))
}

fn file() -> impl Strategy<Value = FileToRead> {
    ("\\PC*", "\\PC*", digest()).prop_map(|(name, path, sha256)| FileToRead {
        name,
        path: path.into(),
        sha256,
    })
}

fn pass() -> impl Strategy<Value = Pass> {
    any::<(u32, u32, u32)>().prop_map(|(block, start_at, inferences)| Pass {
        block,
        start_at,
        inferences,
    })
}

fn finite() -> impl Strategy<Value = f64> {
    prop::num::f64::NORMAL | prop::num::f64::ZERO
}

fn application() -> impl Strategy<Value = ApplicationName> {
    prop::sample::select(ApplicationName::ALL.to_vec())
}

fn tensor() -> impl Strategy<Value = TensorToMake> {
    let element = prop::sample::select(TensorElement::ALL.to_vec());
    (
        prop::option::of(file()),
        prop::option::of(element),
        prop::option::of(prop::collection::vec(any::<u64>(), 0..4)),
        prop::option::of(finite()),
        prop::option::of(finite()),
    )
        .prop_map(|(file, element, shape, low, high)| TensorToMake {
            file,
            element,
            shape,
            low,
            high,
        })
}

fn task() -> impl Strategy<Value = Task> {
    let onnx = (
        prop::collection::btree_map("\\PC*", any::<u64>(), 0..3),
        any::<u64>(),
        prop::collection::btree_map("\\PC*", tensor(), 0..3),
        prop::collection::vec(file(), 0..3),
        finite(),
    )
        .prop_map(|(axes, seed, tensors, expected, tolerance)| {
            Task::Onnx(OnnxTask { axes, seed, tensors, expected, tolerance })
        });
    let files = || prop::collection::vec(file(), 0..3);
    let command = (
        "\\PC*",
        file(),
        prop::collection::vec("\\PC*", 0..3),
        prop::option::of(file()),
        (files(), files()),
        any::<u64>(),
    )
        .prop_map(|(name, program, arguments, linker, (libraries, files), timeout_seconds)| {
            Task::Command(CommandTask {
                name,
                program,
                arguments,
                linker,
                libraries,
                files,
                timeout_seconds,
            })
        })
        .boxed();
    let application = (application(), prop::option::of(file()))
        .prop_map(|(name, labels)| Task::Application { name, labels });
    let benchmark = prop::sample::select(vec![
        Benchmark::Cpu(CpuBenchmark::default()),
        Benchmark::Memory(MemoryBenchmark::default()),
        Benchmark::Fileio(FileioBenchmark::default()),
    ])
    .prop_map(Task::Benchmark);
    let transfer = (command.clone(), prop::option::of(file()), file(), "\\PC*").prop_map(
        |(client, identity, known_hosts, destination)| match client {
            Task::Command(client) => Task::Transfer(Box::new(TransferTask {
                transfer: TransferBenchmark { destination, ..TransferBenchmark::default() },
                client,
                identity,
                known_hosts,
            })),
            other => other,
        },
    );
    prop_oneof![application, onnx, command, benchmark, transfer]
}

fn prepare() -> impl Strategy<Value = Prepare> {
    let shared = (file(), prop::collection::vec(file(), 0..3), any::<bool>()).prop_map(
        |(library, dependencies, cuda)| {
            EngineChoice::Onnxruntime(SharedLibrary { library, dependencies, cuda })
        },
    );
    let engine = prop_oneof![Just(EngineChoice::Auto), Just(EngineChoice::Rten), shared];
    (
        task(),
        prop::option::of(file()),
        prop::collection::vec(file(), 0..4),
        any::<u32>(),
        engine,
        prop::option::of(finite()),
    )
        .prop_map(|(task, model, inputs, threads, engine, slowdown_percent)| Prepare {
            process: slowdown_percent.is_none(),
            task,
            model,
            inputs,
            threads,
            engine,
            slowdown_percent,
        })
}

fn request() -> impl Strategy<Value = Request> {
    prop_oneof![
        (any::<u32>(), prop::option::of("\\PC*"))
            .prop_map(|(protocol, token)| Request::Hello(Hello { protocol, token })),
        Just(Request::Describe),
        prepare().prop_map(|prepare| Request::Prepare(Box::new(prepare))),
        pass().prop_map(Request::Warmup),
        (pass(), finite())
            .prop_map(|(pass, sample_hertz)| Request::Trial(Trial { pass, sample_hertz })),
        pass().prop_map(Request::Digest),
        Just(Request::Shutdown),
    ]
}

fn inferences() -> impl Strategy<Value = Vec<InferenceTiming>> {
    let timing =
        any::<[u64; 4]>().prop_map(|[decode, prepare, infer, interpret]| InferenceTiming {
            decode_nanoseconds: decode,
            prepare_nanoseconds: prepare,
            infer_nanoseconds: infer,
            interpret_nanoseconds: interpret,
        });
    prop::collection::vec(timing, 0..5)
}

fn usage() -> impl Strategy<Value = Usage> {
    any::<[Option<u64>; 4]>().prop_map(
        |[cpu_nanoseconds, memory_peak_bytes, storage_read_bytes, network]| Usage {
            cpu_nanoseconds,
            memory_peak_bytes,
            storage_read_bytes,
            network_receive_bytes: network,
            ..Usage::default()
        },
    )
}

fn row() -> impl Strategy<Value = BenchmarkRow> {
    let measured = (finite(), any::<u64>(), prop::collection::vec(any::<[u64; 2]>(), 0..4));
    let measured = measured.prop_map(|(value, operations, latency_nanoseconds)| {
        let unit = BenchmarkUnit::EventsPerSecond;
        BenchmarkOutcome::Measured(Measured {
            quantities: vec![Quantity { unit, value }],
            operations,
            seconds: value,
            latency_nanoseconds,
        })
    });
    let missing = "\\PC*".prop_map(|reason| {
        BenchmarkOutcome::Missing(Absence { kind: AbsenceKind::DirectRefused, reason })
    });
    let labels = prop::collection::vec("\\PC*", 0..2);
    ("\\PC*", "\\PC*", labels, prop_oneof![measured, missing]).prop_map(
        |(mode, instrument, labels, outcome)| BenchmarkRow { mode, instrument, labels, outcome },
    )
}

fn trial_done() -> impl Strategy<Value = TrialDone> {
    let samples = prop::collection::vec((finite(), usage()), 0..4);
    let rows = prop::collection::vec(row(), 0..3);
    let (times, sampler) = ((inferences(), any::<u64>()), any::<(u64, u32)>());
    (times, samples, usage(), sampler, prop::option::of(digest()), rows).prop_map(
        |(
            (inferences, total_nanoseconds),
            samples,
            agent_usage,
            (cpu_nanoseconds, taken),
            output_sha256,
            benchmark,
        )| TrialDone {
            inferences,
            total_nanoseconds,
            samples: samples
                .into_iter()
                .map(|(at_seconds, usage)| Sample { at_seconds, usage })
                .collect(),
            agent_usage,
            sampler_cost: SamplerCost { cpu_nanoseconds, samples: taken },
            output_sha256,
            benchmark,
        },
    )
}

fn answer() -> impl Strategy<Value = Answer> {
    let stage = prop::sample::select(vec![
        Stage::Wire,
        Stage::Hello,
        Stage::Prepare,
        Stage::Trial,
        Stage::Digest,
    ]);
    let facts = prop::collection::vec(
        ("[a-z_]*", "\\PC*").prop_map(|(name, value)| Fact::known(&name, value, "x")),
        0..4,
    );
    prop_oneof![
        (any::<(u32, u32, bool)>(), "\\PC*").prop_map(
            |((protocol, process, simulated), agent_version)| {
                Answer::Welcome(Welcome {
                    protocol,
                    agent_version,
                    process,
                    simulated,
                    guest: None,
                })
            }
        ),
        any::<(u32, u32)>()
            .prop_map(|(protocol, asked)| Answer::VersionRefused { protocol, asked }),
        facts.prop_map(|facts| Answer::Described { facts: HostFacts(facts) }),
        ("\\PC*", any::<u32>(), finite()).prop_map(|(name, threads, load_seconds)| {
            let engine = EngineIdentity {
                version: name.clone(),
                instruction_set: name.clone(),
                name,
                threads,
            };
            Answer::Ready(Ready { engine, load_seconds })
        }),
        (inferences(), digest()).prop_map(|(inferences, output_sha256)| Answer::WarmupDone(
            WarmupDone { inferences, output_sha256 }
        )),
        trial_done().prop_map(|done| Answer::TrialDone(Box::new(done))),
        digest().prop_map(|output_sha256| Answer::Digested { output_sha256 }),
        Just(Answer::Bye),
        (stage, "\\PC*", prop::option::of(any::<i32>())).prop_map(
            |(stage, reason, command_exit_code)| {
                Answer::Failed(Failure { stage, reason, command_exit_code })
            }
        ),
    ]
}

proptest! {
    #[test]
    fn every_request_survives_its_frame(request in request()) {
        let mut stream = Vec::new();
        write_frame(&mut stream, &request).expect("written");
        prop_assert_eq!(read_frame::<Request>(&mut Cursor::new(stream)).expect("read"), request);
    }

    #[test]
    fn every_answer_survives_its_frame(answer in answer()) {
        let frame = encode(&answer).expect("encoded");
        prop_assert_eq!(decode::<Answer>(&frame[4..]).expect("decoded"), answer);
    }

    #[test]
    fn any_bytes_are_a_message_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = decode::<Request>(&bytes);
        let _ = decode::<Answer>(&bytes);
        let _ = read_frame::<Request>(&mut Cursor::new(bytes));
    }

    #[test]
    fn a_message_with_changed_bytes_is_a_message_or_an_error(
        answer in answer(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6)
    ) {
        let mut frame = encode(&answer).expect("encoded");
        for (index, byte) in changes {
            let at = index.index(frame.len());
            frame[at] = byte;
        }
        let _ = decode::<Answer>(&frame[4..]);
        let _ = read_frame::<Answer>(&mut Cursor::new(frame));
    }

    #[test]
    fn a_frame_cut_short_is_never_a_message(request in request(), cut in any::<prop::sample::Index>()) {
        let frame = encode(&request).expect("encoded");
        let kept = cut.index(frame.len());
        let error = read_frame::<Request>(&mut Cursor::new(&frame[..kept])).expect_err("incomplete");
        prop_assert_eq!(kept == 0, matches!(error, FrameError::Closed));
        prop_assert!(error.is_lost());
    }
}

#[test]
fn announced_lengths_allocate_nothing() {
    // Were any of these believed, this test would be killed for want of memory.
    let mut too_long = Cursor::new(u32::MAX.to_be_bytes());
    assert!(matches!(
        read_frame::<Request>(&mut too_long),
        Err(FrameError::TooLong { length: 0xffff_ffff })
    ));
    for head in [0x9b_u8, 0xbb, 0x5b, 0x7b] {
        // An array, a map, bytes and a text of 2^62 elements.
        let body = [head, 0x40, 0, 0, 0, 0, 0, 0, 0];
        assert!(decode::<Request>(&body).is_err());
        let mut facts = vec![0xa2];
        for word in ["answer", "described", "facts"] {
            facts.push(0x60 + u8::try_from(word.len()).expect("short"));
            facts.extend_from_slice(word.as_bytes());
        }
        facts.extend_from_slice(&body);
        assert!(decode::<Answer>(&facts).is_err());
    }
    // Nesting without end must not exhaust the stack.
    assert!(decode::<Request>(&vec![0x81; 1 << 20]).is_err());
}

#[test]
fn bytes_after_a_message_are_refused() {
    let mut frame = encode(&Request::Describe).expect("encoded");
    frame.push(0);
    assert!(decode::<Request>(&frame[4..]).is_err());
}

#[test]
fn the_schema_names_every_message() {
    let schema = serde_json::to_string(&wire_schema()).expect("JSON");
    for name in [
        "hello",
        "prepare",
        "trial",
        "digest",
        "shutdown",
        "welcome",
        "trial_done",
        "failed",
        "version_refused",
    ] {
        assert!(schema.contains(&format!("\"{name}\"")), "{name} is not in {schema}");
    }
}
