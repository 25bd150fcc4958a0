//! The experiment file: TOML text in, a checked [`Experiment`](asked::Experiment) out, or
//! an error with line, column and the nearest known name.
//!
//! Three steps, each with its own kind of mistake: [`keys`] refuses names that mean
//! nothing, [`written`] is the file's own shape and refuses values of the wrong type,
//! [`asked`] refuses what cannot be meant.

pub mod asked;
mod benchmark;
mod error;
mod fileio;
mod keys;
mod kinds;
mod schedule;
mod settings;
mod workload;
mod workload_again;
mod written;

pub use error::{FileError, Problem};
pub use written::{ExperimentFile, experiment_schema};

use asked::Experiment;

/// Reads an experiment file. `origin` is what the user calls it, for messages.
///
/// # Errors
///
/// Every problem of the first step that finds any, each with its place.
pub fn parse(text: &str, origin: &str) -> Result<Experiment, FileError> {
    let fail = |problems| FileError::new(origin, text, problems);
    let document =
        toml::de::DeTable::parse(text).map_err(|error| fail(vec![Problem::from_toml(&error)]))?;
    let unknown = keys::unknown_keys(&document);
    if !unknown.is_empty() {
        return Err(fail(unknown));
    }
    let written: ExperimentFile =
        toml::from_str(text).map_err(|error| fail(vec![Problem::from_toml(&error)]))?;
    asked::check(written).map_err(|mut problems| {
        for problem in &mut problems {
            problem.offset = keys::locate(&document, &problem.path);
        }
        problems.sort_by_key(|problem| problem.offset);
        fail(problems)
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{ApplicationName, EnvironmentKind, ModelSource, TaskSpec};

    fn complaint(text: &str) -> String {
        parse(text, "edge.toml").expect_err("the file is wrong").to_string()
    }

    #[test]
    fn the_whole_file_is_read() {
        let experiment = parse(
            r#"
            name = "edge"
            seed = 7
            restart = "run"
            [[environment]]
            name = "small"
            kind = "container"
            cpus = 0.5
            memory = "512MiB"
            price = { hourly = "0.085 USD" }
            [[workload]]
            kind = "application"
            application = "derain"
            inputs = "photos/"
            inputs_per_trial = 4
            trials = 50
            "#,
            "edge.toml",
        )
        .expect("a valid file");
        assert_eq!(experiment.environments[0].kind, EnvironmentKind::Container);
        assert_eq!(experiment.workloads[0].task, TaskSpec::Application(ApplicationName::Derain));
        assert_eq!(experiment.workloads[0].trials, 50);
        let again =
            parse(&asked::write(&experiment), "again").expect("what is written can be read");
        assert_eq!(again, experiment);
    }

    #[test]
    fn an_empty_file_is_the_main_job() {
        let experiment = parse("", "empty.toml").expect("valid");
        assert_eq!(experiment.environments.len(), 2);
        assert_eq!(experiment.workloads, Experiment::default().workloads);
    }

    #[test]
    fn unknown_keys_are_refused_with_place_and_nearest_name() {
        assert_eq!(
            complaint("seed = 1\n[[environment]]\nkind = \"native\"\n  cpu = 2\n"),
            "edge.toml:4:3: unknown key `environment.cpu`; did you mean `cpus`?"
        );
        assert_eq!(
            complaint(
                "[[environment]]\nkind = \"native\"\n[environment.price]\nhourli = \"1 USD\"\n"
            ),
            "edge.toml:4:1: unknown key `environment.price.hourli`; did you mean `hourly`?"
        );
    }

    #[test]
    fn settings_of_a_kind_are_checked_where_they_stand() {
        assert_eq!(
            complaint("[[environment]]\nkind = \"native\"\n[environment.docker]\nsockt = \"/s\"\n"),
            "edge.toml:4:1: unknown key `environment.docker.sockt`; did you mean `socket`?"
        );
        assert_eq!(
            complaint("[[environment]]\nkind = \"native\"\n[environment.ssh]\nport = 22\n"),
            "edge.toml:3:1: `ssh` says nothing to an environment of kind \"native\"; remove the \
             table, or set kind = \"ssh\""
        );
    }

    #[test]
    fn what_is_planned_is_refused_by_name() {
        assert!(
            complaint("[[load]]\nusers = 3")
                .starts_with("edge.toml:1:3: `load` is not supported by this")
        );
        assert_eq!(
            complaint("[[environment]]\nkind = \"aws\"\n"),
            "edge.toml:2:8: environment kind `aws` is not supported by this version; \
             this version has: native, container, docker, qemu, firecracker, ssh, simulated"
        );
    }

    #[test]
    fn impossible_values_are_refused_where_they_stand() {
        assert_eq!(
            complaint("[[workload]]\napplication = \"derain\"\ntrials = 0"),
            "edge.toml:3:10: `trials = 0` is out of range; give a number from 1 to 100000"
        );
        assert_eq!(
            complaint("[[workload]]\napplication = \"derane\""),
            "edge.toml:2:15: unknown application `derane`; did you mean `derain`?"
        );
        assert!(
            complaint("[[environment]]\nkind = \"native\"\nmemory = \"2\"")
                .contains("is not a size")
        );
        assert!(
            complaint("[[environment]]\nkind = \"native\"\n[[environment]]\nkind = \"native\"")
                .contains("two environments are named `native`")
        );
        assert!(
            complaint("[[environment]]\nkind = \"native\"\nprice = { hourly = \"much\" }")
                .contains("is not an amount of money")
        );
    }

    #[test]
    fn every_kind_of_workload_is_read_and_written_again() {
        let digest = "ab".repeat(32);
        let text = format!(
            r#"
            [[workload]]
            name = "own"
            application = "derain"
            model = "https://models.example/derain.onnx"
            sha256 = "{digest}"
            labels = "names.txt"
            [[workload]]
            name = "seeded"
            application = "derain"
            model = "seeded:yolov5s"
            [[workload]]
            kind = "onnx"
            model = "m.onnx"
            axes = {{ batch = 1, height = 224 }}
            expected = "out.npz"
            tolerance = 0.001
            [workload.tensors.mask]
            file = "mask.raw"
            dtype = "i64"
            shape = [1, 8]
            [workload.tensors.ids]
            high = 30000.0
            [[workload]]
            kind = "command"
            command = ["gzip", "-9", "a b"]
            files = ["data.bin"]
            runs_per_trial = 3
            timeout = "2m"
            "#
        );
        let experiment = parse(&text, "edge.toml").expect("valid");
        let [own, seeded, onnx, command] = experiment.workloads.as_slice() else {
            panic!("four workloads");
        };
        assert!(matches!(&own.model, Some(ModelSource::Address { .. })));
        assert_eq!(own.labels.as_deref(), Some("names.txt"));
        assert_eq!(seeded.model, Some(ModelSource::Seeded("yolov5s".into())));
        let TaskSpec::Onnx(spec) = &onnx.task else { panic!("{onnx:?}") };
        assert_eq!(spec.axes["height"], 224);
        assert_eq!(spec.tensors["mask"].shape, Some(vec![1, 8]));
        let TaskSpec::Command(spec) = &command.task else { panic!("{command:?}") };
        assert_eq!((spec.timeout_seconds, command.inputs_per_trial), (120, Some(3)));
        let again = parse(&asked::write(&experiment), "again").expect("written");
        assert_eq!(again, experiment);
        let json = serde_json::to_string(&experiment.workloads).expect("text");
        let read: Vec<crate::WorkloadSpec> = serde_json::from_str(&json).expect("read");
        assert_eq!(read, experiment.workloads);
    }

    #[test]
    fn a_key_that_says_nothing_to_its_kind_is_refused_where_it_stands() {
        assert_eq!(
            complaint("[[workload]]\nkind = \"command\"\ncommand = [\"true\"]\nmodel = \"m\""),
            "edge.toml:4:9: `model` says nothing to a workload of kind \"command\"; it belongs to \
             kind \"application\" and \"onnx\"; of \"command\" are: command, files, \
             runs_per_trial, timeout"
        );
        let refused = [
            ("kind = \"onnx\"\nmodel = \"m\"\nlabels = \"l\"", "4:10: `labels` says nothing"),
            ("application = \"derain\"\naxes = { a = 1 }", "3:8: `axes` says nothing"),
            ("kind = \"onnx\"", "1:1: a workload of kind \"onnx\" needs `model`"),
            ("kind = \"command\"\ncommand = []", "3:11: a workload of kind \"command\" needs"),
            ("trials = 3", "1:1: a workload of kind \"application\" needs `application`"),
            ("kind = \"onxx\"", "2:8: unknown workload kind `onxx`; did you mean `onnx`?"),
            ("kind = \"service\"", "2:8: workload kind `service` is not supported by this"),
            ("kind = \"onnx\"\nmodel = \"m\"\naxes = { batch = 0 }", "4:18: axis `batch`"),
            ("kind = \"onnx\"\nmodel = \"m\"\ntolerance = 0.1", "4:13: `tolerance` compares"),
            (
                "kind = \"onnx\"\nmodel = \"m\"\ntensors = { x = { dtype = \"f16\" } }",
                "4:27: `f16` elements are not supported",
            ),
            (
                "kind = \"onnx\"\nmodel = \"m\"\ntensors = { x = { dtpye = \"f32\" } }",
                "4:19: unknown key `workload.tensors.x.dtpye`; did you mean `dtype`?",
            ),
            (
                "kind = \"command\"\ncommand = [\"true\"]\ntimeout = \"soon\"",
                "4:11: `timeout = \"soon\"` is not a time",
            ),
            (
                "application = \"derain\"\nmodel = \"http://a.example/m\"",
                "3:9: `http://a.example/m` is not encrypted; use https://",
            ),
            (
                "application = \"derain\"\nmodel = \"https://a.example/m\"",
                "3:9: a model by address needs its `sha256`",
            ),
            (
                "application = \"derain\"\nmodel = \"m.onnx\"\nsha256 = \"00\"",
                "4:10: `sha256` is for a model that is given by address",
            ),
        ];
        for (text, expected) in refused {
            let found = complaint(&format!("[[workload]]\n{text}"));
            assert!(found.starts_with(&format!("edge.toml:{expected}")), "{found}");
        }
    }

    #[test]
    fn text_that_is_not_toml_is_refused_with_its_place() {
        assert!(complaint("name = \"a\"\nseed = = 3").starts_with("edge.toml:2:8: "));
    }

    proptest! {
        #[test]
        fn reading_never_panics(text in "\\PC*") {
            let _ = parse(&text, "any");
        }

        #[test]
        fn mutated_files_never_panic(at in 0_usize..120, with in "\\PC{0,3}") {
            let mut text: Vec<char> =
                "seed = 1\n[[environment]]\nkind = \"native\"\ncpus = 2\nprice = { hourly = \"1 USD\" }\n"
                    .chars().collect();
            let at = at.min(text.len());
            text.splice(at..(at + 1).min(text.len()), with.chars());
            let _ = parse(&text.into_iter().collect::<String>(), "any");
        }
    }
}
