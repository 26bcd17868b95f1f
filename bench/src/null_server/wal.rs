//! A log with group commit: one sync serves all who wait.

use std::{
    fs::File,
    io::Write as _,
    os::unix::fs::FileExt as _,
    path::Path,
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
};

use anyhow::{Context as _, Result, ensure};
use tokio::sync::oneshot;

/// Bytes that may wait for the disk; who comes then is refused.
const WAITING_MAX: usize = 256 << 20;

pub(super) struct Wal {
    shared: Arc<Shared>,
}

struct Shared {
    batch: Mutex<Batch>,
    wake: Condvar,
}

#[derive(Default)]
struct Batch {
    records: Vec<u8>,
    waiting: Vec<oneshot::Sender<()>>,
}

impl Wal {
    /// Starts a log in a file of so many megabytes, used as a ring: its blocks exist already, so
    /// a sync writes data and nothing about the file. 0: a file that grows.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(super) fn start(path: &Path, megabytes: u64) -> Result<Self> {
        let make = || -> std::io::Result<File> {
            let mut file = File::options().create(true).write(true).truncate(true).open(path)?;
            let zeros = vec![0; 1 << 20];
            for _ in 0..megabytes {
                file.write_all(&zeros)?;
            }
            file.sync_all()?;
            Ok(file)
        };
        let file = make().with_context(|| format!("make the log {}", path.display()))?;
        let shared = Arc::new(Shared { batch: Mutex::default(), wake: Condvar::new() });
        let writer = shared.clone();
        thread::spawn(move || write(&writer, &file, megabytes << 20));
        Ok(Self { shared })
    }

    /// Comes back when the record is on disk.
    ///
    /// # Errors
    /// When it will not be: the disk failed, or too much waits for it.
    pub(super) async fn append(&self, record: &[u8]) -> Result<()> {
        let (durable, wait) = oneshot::channel();
        {
            let mut batch = self.shared.batch.lock().unwrap_or_else(PoisonError::into_inner);
            ensure!(batch.records.len() < WAITING_MAX, "too much waits for the log");
            batch.records.extend_from_slice(&(record.len() as u64).to_le_bytes());
            batch.records.extend_from_slice(record);
            batch.waiting.push(durable);
        }
        self.shared.wake.notify_one();
        wait.await.context("the log failed")
    }
}

/// Writes batch after batch; ends, and with it everybody's waiting, when the disk fails.
fn write(shared: &Shared, file: &File, room: u64) {
    let mut at = 0;
    loop {
        let batch = {
            let batch = shared.batch.lock().unwrap_or_else(PoisonError::into_inner);
            let some = shared.wake.wait_while(batch, |batch| batch.waiting.is_empty());
            std::mem::take(&mut *some.unwrap_or_else(PoisonError::into_inner))
        };
        let length = batch.records.len() as u64;
        if room > 0 && at + length > room {
            at = 0;
        }
        let written = file.write_all_at(&batch.records, at).and_then(|()| file.sync_data());
        if let Err(error) = written {
            crate::output::remark(&format!("the log failed: {error}"));
            return;
        }
        at += length;
        for durable in batch.waiting {
            let _ = durable.send(());
        }
    }
}
