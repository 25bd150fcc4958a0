//! Words for the shell of another host.
//!
//! `ssh` hands one line of text to the user's shell there; there is no way around that shell.
//! So every word of such a line goes through [`quoted`], and what is run is always one of our
//! own scripts: what a user wrote reaches it as an argument, never as program text.

/// A word as a POSIX shell reads it back unchanged. Zero bytes cannot be in it; they are left
/// out, since no argument can hold one.
pub(super) fn quoted(word: &str) -> String {
    let mut text = String::with_capacity(word.len() + 2);
    text.push('\'');
    for character in word.chars().filter(|character| *character != '\0') {
        if character == '\'' {
            // Out of the quotes, one escaped quote, into them again.
            text.push_str("'\\''");
        } else {
            text.push(character);
        }
    }
    text.push('\'');
    text
}

/// A line that runs `script` with these arguments as `$1` and so on.
pub(super) fn command_line(script: &str, arguments: &[&str]) -> String {
    let words = ["sh", "-c", script, "sh"].into_iter().chain(arguments.iter().copied());
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use proptest::prelude::*;

    use super::*;

    fn by_a_shell(line: &str) -> Vec<u8> {
        Command::new("sh").arg("-c").arg(line).output().unwrap().stdout
    }

    #[test]
    fn what_a_shell_would_act_on_arrives_as_it_is() {
        let words = ["$HOME `id` $(id)", "it's", "a\nb", "", "-n", "\\", "*", "~", "!!", "é"];
        let line = command_line("printf '%s\\0' \"$@\"", &words);
        let wanted: Vec<u8> =
            words.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
        assert_eq!(by_a_shell(&line), wanted);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn every_word_arrives_as_it_is(
            words in proptest::collection::vec("(\\PC|[\n\t'\"\\\\$`!*])*", 1..4),
        ) {
            let arguments: Vec<&str> = words.iter().map(String::as_str).collect();
            let line = command_line("printf '%s\\0' \"$@\"", &arguments);
            let wanted: Vec<u8> =
                words.iter().flat_map(|word| [word.as_bytes(), b"\0"].concat()).collect();
            prop_assert_eq!(by_a_shell(&line), wanted);
        }
    }
}
