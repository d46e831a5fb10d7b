//! What makes backups come by themselves: units for systemd, or a line for cron. Printed, never installed.

/// What is to be run, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule<'a> {
    /// The path of the program.
    pub program: &'a str,
    pub host: &'a str,
    pub recipients: &'a [String],
    pub keep: usize,
    /// Hours and minutes of each day.
    pub at: (u8, u8),
}

impl Schedule<'_> {
    fn words(&self) -> Vec<String> {
        let mut words = vec![
            self.program.to_owned(),
            "backup".to_owned(),
            self.host.to_owned(),
        ];
        for recipient in self.recipients {
            words.extend(["--recipient".to_owned(), recipient.clone()]);
        }
        words.extend(["--keep".to_owned(), self.keep.to_string()]);
        words
    }

    /// Two units for `systemctl --user`, with how to put them in place.
    pub fn systemd(&self) -> String {
        let name = format!("bramble-backup-{}", plain(self.host));
        let words: Vec<String> = self.words().iter().map(|word| for_systemd(word)).collect();
        let (hour, minute) = self.at;
        format!(
            "# ~/.config/systemd/user/{name}.service\n\
             [Unit]\n\
             Description=Backup of the k3s server {host}\n\
             After=network-online.target\n\
             \n\
             [Service]\n\
             Type=oneshot\n\
             ExecStart={line}\n\
             \n\
             # ~/.config/systemd/user/{name}.timer\n\
             [Unit]\n\
             Description=Backup of the k3s server {host}, every day\n\
             \n\
             [Timer]\n\
             OnCalendar=*-*-* {hour:02}:{minute:02}:00\n\
             Persistent=true\n\
             RandomizedDelaySec=10min\n\
             \n\
             [Install]\n\
             WantedBy=timers.target\n\
             \n\
             # then: systemctl --user daemon-reload; systemctl --user enable --now {name}.timer\n\
             # and so that it runs when nobody is logged in: loginctl enable-linger\n",
            host = for_systemd(self.host),
            line = words.join(" "),
        )
    }

    /// One line for `crontab -e`.
    pub fn cron(&self) -> String {
        let (hour, minute) = self.at;
        let words: Vec<String> = self.words().iter().map(|word| for_shell(word)).collect();
        // cron takes an unescaped % as the end of the line.
        let line = words.join(" ").replace('%', "\\%");
        format!("{minute} {hour} * * * {line}\n")
    }
}

/// What a person has to see to, because nobody is there to answer questions then.
pub const CONDITIONS: &str = "\
# Nobody answers questions then. It works when ssh gets in without one (a key in the agent or without a passphrase, the
# host key known), and when the user may use sudo there without a password, or is root.\n";

fn plain(text: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "._-".contains(letter);
    text.chars()
        .map(|letter| if is_plain(letter) { letter } else { '_' })
        .collect()
}

fn is_simple(word: &str) -> bool {
    !word.is_empty()
        && word
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "._-/@:[]".contains(letter))
}

fn for_systemd(word: &str) -> String {
    // Specifiers and variables are written twice.
    let word = word.replace('%', "%%").replace('$', "$$");
    if is_simple(&word) {
        return word;
    }
    let quoted = word.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{quoted}\"")
}

fn for_shell(word: &str) -> String {
    if is_simple(word) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_runs_the_backup_of_that_host_with_its_recipients() {
        let recipients = ["age1qqqq".to_owned()];
        let schedule = Schedule {
            program: "/usr/local/my bin/bramble",
            host: "pi@k3s-server:2222",
            recipients: &recipients,
            keep: 7,
            at: (3, 5),
        };
        let units = schedule.systemd();
        for part in [
            "ExecStart=\"/usr/local/my bin/bramble\" backup pi@k3s-server:2222 --recipient age1qqqq --keep 7\n",
            "OnCalendar=*-*-* 03:05:00\n",
            "bramble-backup-pi_k3s-server_2222.timer",
        ] {
            assert!(units.contains(part), "{part}: {units}");
        }
        assert_eq!(
            schedule.cron(),
            "5 3 * * * '/usr/local/my bin/bramble' backup pi@k3s-server:2222 --recipient age1qqqq --keep 7\n"
        );
        let odd = Schedule {
            host: "a%h'b",
            ..schedule
        };
        assert!(odd.cron().contains(r"'a\%h'\''b'"), "{}", odd.cron());
        assert!(odd.systemd().contains("\"a%%h'b\""), "{}", odd.systemd());
    }
}
