//! A journal of the harness: lines in a file, on the disk before anybody is told that they are. Knows not what they say.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use anyhow::Context as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

/// A handle; clones write to the same file.
#[derive(Clone)]
pub struct Journal {
    file: PathBuf,
    outbox: Sender<Entry>,
}

struct Entry {
    line: Vec<u8>,
    written: Option<oneshot::Sender<()>>,
}

impl Journal {
    pub fn create(file: PathBuf) -> anyhow::Result<Self> {
        let opened = File::create(&file).with_context(|| file.display().to_string())?;
        let (outbox, inbox) = channel();
        thread::Builder::new().name("journal".to_owned()).spawn(move || write(opened, &inbox))?;
        Ok(Self { file, outbox })
    }

    /// In its order, and nobody waits. If it cannot be written, the next `put` says so.
    pub fn note(&self, line: &impl Serialize) {
        drop(self.send(line, None));
    }

    /// On the disk once this returns.
    pub async fn put(&self, line: &impl Serialize) -> anyhow::Result<()> {
        let (written, done) = oneshot::channel();
        self.send(line, Some(written))?;
        done.await.with_context(|| format!("{} cannot be written", self.file.display()))
    }

    /// All lines so far.
    pub async fn lines<T: DeserializeOwned>(&self) -> anyhow::Result<Vec<T>> {
        let (written, done) = oneshot::channel();
        self.outbox.send(Entry { line: Vec::new(), written: Some(written) })?;
        done.await.with_context(|| format!("{} cannot be written", self.file.display()))?;
        read(&self.file)
    }

    fn send(
        &self,
        line: &impl Serialize,
        written: Option<oneshot::Sender<()>>,
    ) -> anyhow::Result<()> {
        let mut line = serde_json::to_vec(line)?;
        line.push(b'\n');
        self.outbox.send(Entry { line, written })?;
        Ok(())
    }
}

/// One `fsync` for all that came meanwhile.
fn write(mut file: File, inbox: &Receiver<Entry>) {
    while let Ok(first) = inbox.recv() {
        let mut text = first.line;
        let mut waiting = vec![first.written];
        for next in inbox.try_iter() {
            text.extend(next.line);
            waiting.push(next.written);
        }
        if file.write_all(&text).and_then(|()| file.sync_data()).is_err() {
            // Whoever waits, now or later, is told by the end of the channel.
            return;
        }
        for written in waiting.into_iter().flatten() {
            // Somebody who waits no longer needs no word.
            let _ = written.send(());
        }
    }
}

fn read<T: DeserializeOwned>(file: &Path) -> anyhow::Result<Vec<T>> {
    let text = std::fs::read(file).with_context(|| file.display().to_string())?;
    let lines = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| Ok(serde_json::from_slice(line)?)).collect()
}
