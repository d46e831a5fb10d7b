//! Which backups may go. Invariant: the newest good one of a host never goes, whatever the policy says.

use jiff::{SignedDuration, Timestamp};

use crate::rack::backup::Record;

/// Which backups of each host are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// So many of the newest, at least.
    pub keep: usize,
    /// And everything younger than this; `None`: nothing for its age alone.
    pub keep_days: Option<u32>,
}

/// The indices of the records that may go, oldest first.
pub fn superfluous(records: &[Record], policy: Policy, now: Timestamp) -> Vec<usize> {
    let mut newest_first: Vec<usize> = (0..records.len()).collect();
    newest_first.sort_by_key(|index| std::cmp::Reverse(records.get(*index).map(|it| it.at)));
    let mut kept: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    let mut going = Vec::new();
    for index in newest_first {
        let Some(record) = records.get(index) else {
            continue;
        };
        let count = kept.entry(&record.host).or_default();
        let is_young = policy.keep_days.is_some_and(|days| {
            now.duration_since(record.at) < SignedDuration::from_hours(i64::from(days) * 24)
        });
        if *count < policy.keep.max(1) || is_young {
            *count += 1;
        } else {
            going.push(index);
        }
    }
    going.reverse();
    going
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::rack::backup::Datastore;

    pub(in crate::rack::backup) fn record(host: &str, day: i64) -> Record {
        Record {
            host: host.to_owned(),
            host_name: host.to_owned(),
            at: Timestamp::from_second(day * 86_400).unwrap(),
            version: "v1.33.4+k3s1".to_owned(),
            datastore: Datastore::Sqlite,
            data_dir: super::super::DATA_DIR.to_owned(),
            integrity: "ok".to_owned(),
            stopped_for: None,
            content_size: 1,
            content_sum: String::new(),
            size: 1,
            sum: String::new(),
            recipients: Vec::new(),
        }
    }

    fn going(records: &[Record], keep: usize, keep_days: Option<u32>) -> Vec<(String, i64)> {
        let now = Timestamp::from_second(100 * 86_400).unwrap();
        let policy = Policy { keep, keep_days };
        let all = superfluous(records, policy, now).into_iter();
        all.map(|index| {
            (
                records[index].host.clone(),
                records[index].at.as_second() / 86_400,
            )
        })
        .collect()
    }

    #[test]
    fn the_newest_of_each_host_stay_and_so_does_what_is_young() {
        let mut records: Vec<Record> = (90..100).map(|day| record("a", day)).collect();
        records.push(record("b", 3));
        let days = |from: i64, to: i64| {
            (from..to)
                .map(|day| ("a".to_owned(), day))
                .collect::<Vec<_>>()
        };
        assert_eq!(going(&records, 3, None), days(90, 97));
        assert_eq!(
            going(&records, 3, Some(5)),
            days(90, 96),
            "day 95 is five days old"
        );
        assert_eq!(
            going(&records, 0, None),
            days(90, 99),
            "the newest never goes"
        );
        assert_eq!(going(&[], 1, None), []);
    }
}
