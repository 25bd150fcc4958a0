use std::io::{self, IsTerminal, Write};

use anyhow::Context as _;

/// Writes to standard output, which may be a pipe that closes early.
pub(crate) fn write_bytes(bytes: &[u8]) -> anyhow::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).context("cannot write to standard output")
}

/// Writes a text and a final newline where it has none.
pub(crate) fn write_text(text: &str) -> anyhow::Result<()> {
    let newline = if text.ends_with('\n') { "" } else { "\n" };
    write_bytes(format!("{text}{newline}").as_bytes())
}

/// Writes a value as indented JSON.
pub(crate) fn write_json<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    write_text(&serde_json::to_string_pretty(value).context("cannot write JSON")?)
}

/// Writes a value as indented JSON piece by piece: the text may be longer than memory.
pub(crate) fn write_json_streamed<T: serde::Serialize>(value: &T) -> anyhow::Result<()> {
    let mut stdout = io::BufWriter::new(io::stdout().lock());
    serde_json::to_writer_pretty(&mut stdout, value)
        .map_err(io::Error::from)
        .and_then(|()| stdout.write_all(b"\n"))
        .and_then(|()| stdout.flush())
        .context("cannot write to standard output")
}

/// A bar for what takes long, on a terminal only.
pub(crate) fn file_progress(path: &std::path::Path, length: u64) -> indicatif::ProgressBar {
    const WORTH_A_BAR: u64 = 64 << 20;
    if length < WORTH_A_BAR {
        return indicatif::ProgressBar::hidden();
    }
    let bar = indicatif::ProgressBar::new(length);
    if let Ok(style) =
        indicatif::ProgressStyle::with_template("{prefix} {wide_bar} {bytes} of {total_bytes}")
    {
        bar.set_style(style);
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    bar.with_prefix(name)
}

/// Whether the reader of standard output closed it: `weighbridge runs | head -1`.
pub(crate) fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<io::Error>())
        .any(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
}

/// Whether to colour what goes to standard output: <https://no-color.org>.
pub(crate) fn coloured_stdout() -> bool {
    io::stdout().is_terminal() && colour_wanted()
}

pub(crate) fn colour_wanted() -> bool {
    let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|terminal| terminal != "dumb")
}

/// Columns of the terminal, 100 where there is none: a table in a file is as wide as one
/// that fits most screens.
pub(crate) fn width() -> usize {
    const WIDEST: usize = 100;
    rustix::termios::tcgetwinsize(io::stdout())
        .map(|size| usize::from(size.ws_col))
        .ok()
        .filter(|columns| *columns >= 40)
        .map_or(WIDEST, |columns| columns.min(WIDEST))
}

/// What failed, then why, one cause a line.
#[allow(clippy::print_stderr, reason = "the one place where errors reach a person")]
pub(crate) fn print_error(error: &anyhow::Error) {
    let (red, plain) = if io::stderr().is_terminal() && colour_wanted() {
        ("\x1b[1;31m", "\x1b[0m")
    } else {
        ("", "")
    };
    eprintln!("{red}error:{plain} {error}");
    let mut last = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        // Some libraries repeat their source in their own text.
        if !last.contains(&cause) {
            eprintln!("  because: {cause}");
        }
        last = cause;
    }
}

/// A note that is not part of the result.
#[allow(clippy::print_stderr, reason = "the one place where notes reach a person")]
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}
