//! Where readers put what they find.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use super::checks::Checks;
use super::summary::Tally;
use super::wide::Wide;
use super::writer::LongWriter;
use super::{ImportConfig, ImportError, Progress, Summary};
use crate::benchmark::schema::{Measurement, Subject};

/// Takes measurements, tells progress, and says when to stop.
pub struct Sink<'a> {
    long: Option<LongWriter<'a>>,
    wide: Option<Wide>,
    checks: Checks,
    tally: Tally,
    stop: &'a AtomicBool,
    on_progress: &'a mut dyn FnMut(Progress),
    started: Instant,
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        long: Option<LongWriter<'a>>,
        wide: Option<Wide>,
        stop: &'a AtomicBool,
        on_progress: &'a mut dyn FnMut(Progress),
    ) -> Self {
        Sink {
            long,
            wide,
            checks: Checks::default(),
            tally: Tally::default(),
            stop,
            on_progress,
            started: Instant::now(),
        }
    }

    /// Adds measurements of one architecture; an architecture may come several times. What is not a measurement is emptied or
    /// refused.
    pub fn add(&mut self, subject: &Subject, mut rows: Vec<Measurement>) -> Result<(), ImportError> {
        self.checks.apply(subject, &mut rows)?;
        let rows = &rows;
        self.tally.add(subject, rows);
        if let Some(wide) = &mut self.wide {
            wide.add(subject, rows)?;
        }
        match &mut self.long {
            Some(long) => long.add(subject, rows),
            None => Ok(()),
        }
    }

    /// Tells how far the reading is, and ends it if someone wants that.
    pub fn progress(&mut self, done: u64, total: u64) -> Result<(), ImportError> {
        if self.stop.load(Ordering::Relaxed) {
            return Err(ImportError::Interrupted);
        }
        (self.on_progress)(Progress { done: done.min(total), total, seconds: self.started.elapsed().as_secs_f64() });
        Ok(())
    }

    /// Says what is left out, and why.
    pub fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        let notes = &mut self.tally.summary.notes;
        if !notes.contains(&text) && notes.len() < 20 {
            notes.push(text);
        }
    }

    /// Ends the output files.
    pub(super) fn finish(self, config: &ImportConfig, format: &str) -> Result<Summary, ImportError> {
        let mut summary = self.tally.finish();
        summary.notes.extend(self.checks.notes());
        if summary.rows == 0 {
            let reason = format!("no measurement is in it that {format} knows");
            return Err(ImportError::own(&config.source, "the whole of it", reason, "see `naslens list imports`"));
        }
        if let Some(long) = self.long {
            long.finish()?;
        }
        if let (Some(wide), Some(path)) = (self.wide, &config.wide) {
            wide.write(path, config, format)?;
        }
        let (source, out, wide) = (config.source.clone(), config.out.clone(), config.wide.clone());
        Ok(Summary { format: format.into(), source, out, wide, ..summary })
    }
}
