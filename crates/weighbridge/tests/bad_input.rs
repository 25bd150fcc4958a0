//! What a user gets wrong is answered with what, where, why and what to do; nothing is lost.

mod through_binary;

use std::os::unix::fs::PermissionsExt;

use through_binary::{Done, Home, checkout, privileged, traces};

/// The run must fail before anything is recorded, saying all of `parts`.
fn refused(home: &Home, arguments: &[&str], code: i32, parts: &[&str]) -> Done {
    let done = home.run(arguments);
    assert_eq!(done.code, Some(code), "{arguments:?}: {}{}", done.stdout, done.stderr);
    for part in parts {
        assert!(done.stderr.contains(part), "`{part}` is not in: {}", done.stderr);
    }
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
    assert_eq!(traces(&home.data()), Vec::<String>::new());
    let runs = home.run(&["runs"]);
    assert!(runs.stdout.contains("no runs yet"), "{}", runs.stdout);
    done
}

fn sample_photo() -> Vec<u8> {
    std::fs::read(checkout().join("examples/inputs/derain/rocket.jpg")).expect("a photo that ships")
}

fn with_input(name: &str, content: &[u8]) -> (Home, String) {
    let home = Home::new();
    home.file(&format!("photos/{name}"), content);
    let directory = home.path("photos").display().to_string();
    (home, directory)
}

#[test]
fn a_text_file_named_jpg_is_called_that() {
    let (home, photos) = with_input("note.jpg", b"this is no photo, it is a note about one\n");
    refused(
        &home,
        &["run", "--env", "native", "--app", "derain", "--inputs", &photos],
        1,
        &["note.jpg"],
    );
}

#[test]
fn a_corrupt_and_a_truncated_photo_are_refused_by_name() {
    let photo = sample_photo();
    let (home, photos) = with_input("half.jpg", &photo[..photo.len() / 3]);
    refused(
        &home,
        &["run", "--env", "native", "--app", "derain", "--inputs", &photos],
        1,
        &["half.jpg"],
    );
    let mut corrupt = photo;
    for byte in &mut corrupt[2..200] {
        *byte = 0x55;
    }
    let (home, photos) = with_input("corrupt.jpg", &corrupt);
    refused(
        &home,
        &["run", "--env", "native", "--app", "derain", "--inputs", &photos],
        1,
        &["corrupt.jpg"],
    );
}

#[test]
fn an_empty_file_and_an_empty_directory_are_refused() {
    let (home, photos) = with_input("nothing.jpg", b"");
    refused(&home, &["run", "--inputs", &photos], 1, &["nothing.jpg", "0 bytes"]);
    let home = Home::new();
    let empty = home.path("empty");
    std::fs::create_dir(&empty).expect("a directory");
    refused(
        &home,
        &["run", "--inputs", empty.to_str().expect("UTF-8")],
        1,
        &["empty", "holds no files"],
    );
    refused(&home, &["run", "--inputs", "/nowhere/photos"], 1, &["/nowhere/photos"]);
}

/// A PNG of a few bytes whose header promises 60,000 × 60,000 pixels.
fn decompression_bomb() -> Vec<u8> {
    fn chunk(out: &mut Vec<u8>, kind: &[u8; 4], data: &[u8]) {
        out.extend(u32::try_from(data.len()).expect("short").to_be_bytes());
        out.extend(kind);
        out.extend(data);
        let crc = kind.iter().chain(data).fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| {
                if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 }
            })
        });
        out.extend((!crc).to_be_bytes());
    }
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    let mut header = Vec::new();
    header.extend(60_000_u32.to_be_bytes());
    header.extend(60_000_u32.to_be_bytes());
    header.extend([8, 2, 0, 0, 0]);
    chunk(&mut png, b"IHDR", &header);
    chunk(&mut png, b"IDAT", &[0x78, 0x9c, 0x03, 0, 0, 0, 0, 1]);
    chunk(&mut png, b"IEND", &[]);
    png
}

#[test]
fn a_decompression_bomb_is_refused_by_its_size() {
    let (home, photos) = with_input("bomb.png", &decompression_bomb());
    refused(
        &home,
        &["run", "--env", "native", "--app", "derain", "--inputs", &photos],
        1,
        &["bomb.png", "60000"],
    );
}

fn with_model(content: Option<&[u8]>) -> (Home, String) {
    let home = Home::new();
    if let Some(content) = content {
        home.file("model.onnx", content);
    }
    let text = "[[environment]]\nkind = \"native\"\n[[workload]]\napplication = \"derain\"\nmodel = \"model.onnx\"\n";
    let file = home.file("model.toml", text).display().to_string();
    (home, file)
}

#[test]
fn models_that_cannot_be_used_are_refused() {
    let shipped = std::fs::read(checkout().join("models/derain.onnx")).expect("the model");
    let other = std::fs::read(checkout().join("models/traffic-light.onnx")).expect("the model");
    let (home, file) = with_model(None);
    refused(&home, &["run", &file], 1, &["model.onnx"]);
    let (home, file) = with_model(Some(&shipped[..shipped.len() / 2]));
    refused(&home, &["run", &file], 1, &["model.onnx"]);
    let (home, file) = with_model(Some(b"not a model at all"));
    refused(&home, &["run", &file], 1, &["model.onnx"]);
    // A whole model of another application: its input has fixed sides and another output.
    let (home, file) = with_model(Some(&other));
    refused(&home, &["run", &file], 1, &["derain", "image", "64"]);
}

#[test]
fn unknown_names_are_refused_with_the_nearest_known_one() {
    let home = Home::new();
    refused(&home, &["run", "--env", "contaner"], 2, &["contaner", "did you mean `container`?"]);
    refused(&home, &["run", "--env", "aws"], 2, &["not supported by this version"]);
    refused(&home, &["run", "--app", "derian"], 2, &["did you mean `derain`?"]);
    refused(&home, &["run", "--trials", "0"], 2, &["0"]);
    let file = home
        .file("typo.toml", "[[environment]]\nkind = \"native\"\ncpsu = 1\n")
        .display()
        .to_string();
    refused(&home, &["run", &file], 2, &["typo.toml:3:1", "did you mean `cpus`?"]);
    refused(&home, &["check", &file], 2, &["typo.toml:3:1"]);
    let file = home
        .file("zero.toml", "[[workload]]\napplication = \"derain\"\ntrials = 0\n")
        .display()
        .to_string();
    refused(&home, &["run", &file], 2, &["zero.toml:3:10", "trials = 0"]);
    let file = home
        .file(
            "price.toml",
            "[[environment]]\nkind = \"native\"\nprice = { entry = \"aws/us-east-1/c7i.larg\" }\n",
        )
        .display()
        .to_string();
    refused(&home, &["run", &file], 2, &["aws/us-east-1/c7i.larg", "aws/us-east-1/c7i.large"]);
    let file = home
        .file("big.toml", "[[environment]]\nkind = \"native\"\ncpus = 4000\n")
        .display()
        .to_string();
    refused(&home, &["run", &file], 2, &["4000 CPUs", "this host has"]);
}

#[test]
fn too_little_memory_is_a_recorded_failure_that_explains_137() {
    if !privileged() {
        return;
    }
    let home = Home::new();
    let file = home
        .file(
            "small.toml",
            "[[environment]]\nkind = \"container\"\nmemory = \"24MiB\"\n[[environment]]\nkind = \"native\"\nmemory = \"24MiB\"\n\
             [[workload]]\napplication = \"derain\"\ntrials = 1\n",
        )
        .display()
        .to_string();
    let done = home.run(&["run", &file, "--format", "json"]);
    assert_eq!(done.code, Some(3), "{}", done.stderr);
    let report: serde_json::Value =
        serde_json::from_str(&done.stdout).expect("a report all the same");
    for cell in report["cells"].as_array().expect("cells") {
        assert_eq!(cell["status"], "failed", "{cell}");
        let reason = cell["failures"][0]["reason"].as_str().expect("a reason");
        for part in ["out of memory", "24 MiB", "exit code 137", "128 + signal 9"] {
            assert!(reason.contains(part), "`{part}` is not in: {reason}");
        }
    }
    assert_eq!(traces(&home.data()), Vec::<String>::new());
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    let home = Home::new();
    // A file where the directory should be stops root as well, which permissions do not.
    home.file("home", "in the way");
    let done = home.run(&["run", "--env", "simulated"]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("home"), "{}", done.stderr);
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
    if rustix::process::geteuid().is_root() {
        return;
    }
    let home = Home::new();
    std::fs::create_dir(home.data()).expect("a directory");
    std::fs::set_permissions(home.data(), std::fs::Permissions::from_mode(0o500))
        .expect("read-only");
    let done = home.run(&["runs"]);
    assert_eq!(done.code, Some(1));
}

#[test]
fn a_full_disk_ends_the_run_with_what_to_do() {
    if !privileged() {
        return;
    }
    let home = Home::new();
    std::fs::create_dir(home.data()).expect("a directory");
    let data = home.data();
    let mounted = std::process::Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"])
        .arg(&data)
        .status()
        .expect("mount");
    assert!(mounted.success(), "root may mount a tmpfs");
    let done = home.run(&["run", "--env", "simulated", "--trials", "3000"]);
    let still_there = home.run(&["runs"]);
    let unmounted = std::process::Command::new("umount").arg(&data).status().expect("umount");
    assert!(unmounted.success());
    assert_eq!(done.code, Some(1), "{}{}", done.stdout, done.stderr);
    assert!(done.stderr.contains("full"), "{}", done.stderr);
    assert!(!done.stderr.contains("panicked"), "{}", done.stderr);
    assert!(still_there.code.is_some(), "killed by a signal: {}", still_there.stderr);
}

#[test]
fn a_registry_that_is_none_or_from_the_future_is_refused() {
    let home = Home::new();
    std::fs::create_dir(home.data()).expect("a directory");
    std::fs::write(
        home.data().join("registry.sqlite"),
        "this is no database, but long enough to be one",
    )
    .expect("written");
    let done = home.run(&["runs"]);
    assert_eq!(done.code, Some(1));
    assert!(done.stderr.contains("registry.sqlite"), "{}", done.stderr);

    let home = Home::new();
    assert_eq!(home.run(&["runs"]).code, Some(0));
    let path = home.data().join("registry.sqlite");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
        let mut registry =
            sqlx::ConnectOptions::connect(&options).await.expect("the registry opens");
        sqlx::raw_sql("PRAGMA user_version = 9999")
            .execute(&mut registry)
            .await
            .expect("marked as newer");
        sqlx::Connection::close(registry).await.expect("closed");
    });
    let done = home.run(&["runs"]);
    assert_eq!(done.code, Some(1), "{}", done.stderr);
    assert!(done.stderr.contains("newer"), "{}", done.stderr);
}
