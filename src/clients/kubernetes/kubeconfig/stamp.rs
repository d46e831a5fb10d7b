//! Noticing that a file has changed, by looking at it every two seconds: kubeconfigs are replaced as a whole by some
//! tools and written in place by others, lie on network disks and behind symlinks, so a look is what always works.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

const EVERY: Duration = Duration::from_secs(2);

/// The files a connection was made from, as they were then.
#[derive(Debug, Clone)]
pub(in crate::clients::kubernetes) struct Stamps(Vec<(PathBuf, Option<Stamp>)>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    inode: u64,
}

impl Stamps {
    /// Nothing to watch; still ends after a while, so that reading is tried again.
    pub(in crate::clients::kubernetes) fn none() -> Self {
        Self(Vec::new())
    }

    /// The files as they are now. Taken before they are read: one that is just being written is then seen to change.
    pub(super) fn of(files: &[PathBuf]) -> Self {
        Self(Vec::new()).and(files)
    }

    /// These files as well, but for those that are known already.
    pub(super) fn and(mut self, files: &[PathBuf]) -> Self {
        let mut files = files.to_vec();
        files.sort();
        files.dedup();
        files.retain(|file| self.0.iter().all(|(known, _)| known != file));
        let look = |path: PathBuf| {
            let stamp = std::fs::metadata(&path).ok().map(|it| Stamp::of(&it));
            (path, stamp)
        };
        self.0.extend(files.into_iter().map(look));
        self
    }

    /// Ends when a file has changed, appeared or gone.
    pub(in crate::clients::kubernetes) async fn changed(&self) {
        loop {
            tokio::time::sleep(EVERY).await;
            if self.0.is_empty() {
                return;
            }
            for (path, before) in &self.0 {
                let now = tokio::fs::metadata(path).await.ok();
                if now.map(|it| Stamp::of(&it)) != *before {
                    return;
                }
            }
        }
    }
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        #[cfg(unix)]
        let inode = std::os::unix::fs::MetadataExt::ino(metadata);
        #[cfg(not(unix))]
        let inode = 0;
        Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            inode,
        }
    }
}
