use std::path::Path;

use weighbridge_experiment::RunId;

/// A systemd unit that takes a campaign up again after every boot, until it is over.
///
/// `Restart=on-failure` leaves alone what ended by itself: exit status 3 says that the
/// campaign is over and some slot is missing. Directives: systemd.service(5),
/// systemd.exec(5), systemd.unit(5).
pub(crate) fn unit(campaign: &RunId, name: &str, executable: &Path, home: &Path) -> String {
    format!(
        "[Unit]
Description=Weighbridge campaign {name} ({campaign})
Wants=network-online.target time-sync.target
After=network-online.target time-sync.target

[Service]
Type=exec
Environment={home}
ExecStart={executable} campaign continue {campaign}
Restart=on-failure
RestartSec=30s
SuccessExitStatus=3
RestartPreventExitStatus=2
KillSignal=SIGTERM
TimeoutStopSec=2min

[Install]
WantedBy=multi-user.target
",
        home = quoted(&format!("WEIGHBRIDGE_HOME={}", home.display())),
        executable = quoted(&executable.display().to_string()),
    )
}

/// A word as systemd reads it back: quoted, `%` doubled, `$` doubled.
fn quoted(word: &str) -> String {
    let mut text = String::from("\"");
    for character in word.chars() {
        match character {
            '"' | '\\' => text.extend(['\\', character]),
            '%' | '$' => text.extend([character, character]),
            _ => text.push(character),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_goes_on_with_the_campaign_and_quotes_what_it_names() {
        let text = unit(
            &RunId::from_random(0xabc),
            "week",
            Path::new("/opt/weigh bridge/100%"),
            Path::new("/var/lib/weighbridge"),
        );
        assert!(
            text.contains("ExecStart=\"/opt/weigh bridge/100%%\" campaign continue 000000000abc\n"),
            "{text}"
        );
        assert!(text.contains("Environment=\"WEIGHBRIDGE_HOME=/var/lib/weighbridge\"\n"));
        assert!(text.contains("WantedBy=multi-user.target"));
    }
}
