//! Progress: a bar on a terminal, a line now and then in a log.

use std::io::IsTerminal;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanDuration, ProgressBar, ProgressStyle};
use naslens::data::Watch;
use naslens::pipeline::Progress;

const LOG_INTERVAL: Duration = Duration::from_secs(15);

/// Shows how far a long stage is.
pub struct Reporter {
    bar: Option<ProgressBar>,
    unit: &'static str,
    last_line: Instant,
}

impl Reporter {
    /// For items called `unit` (plural).
    pub fn new(unit: &'static str) -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let bar = ProgressBar::new(0);
            let style = ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar
        });
        Reporter { bar, unit, last_line: Instant::now() }
    }

    /// `done` of `total` after `seconds`, of which `resumed` were there before.
    pub fn update(&mut self, done: usize, total: usize, resumed: usize, seconds: f64) {
        super::signals::doing(Some((self.unit, done, total)));
        let fresh = done - resumed;
        let rate = fresh as f64 / seconds.max(1e-9);
        let message = if fresh == 0 {
            self.unit.to_string()
        } else {
            let left = Duration::from_secs_f64((total - done) as f64 / rate);
            format!("{}, {}, {} left", self.unit, pace(rate), HumanDuration(left))
        };
        match &self.bar {
            Some(bar) => {
                bar.set_length(total as u64);
                bar.set_position(done as u64);
                bar.set_message(message);
            }
            None if self.last_line.elapsed() > LOG_INTERVAL => {
                self.last_line = Instant::now();
                super::tell(&format!("{done}/{total} {message}"));
            }
            None => {}
        }
    }
}

/// A rate in items per second; below one, the seconds of each.
fn pace(rate: f64) -> String {
    if rate < 1.0 { format!("{:.1} s each", 1.0 / rate) } else { format!("{rate:.1}/s") }
}

impl Drop for Reporter {
    /// Removes the bar.
    fn drop(&mut self) {
        super::signals::doing(None);
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Shows how far `work` is, in items called `unit`, for as long as it goes on.
pub fn during<T>(unit: &'static str, work: impl FnOnce(&mut (dyn FnMut(Progress) + Send)) -> T) -> T {
    let mut reporter = Reporter::new(unit);
    work(&mut |p| reporter.update(p.done, p.total, p.resumed, p.seconds))
}

/// The same for work that counts only.
pub fn counting<T>(unit: &'static str, work: impl FnOnce(&mut dyn FnMut(usize, usize)) -> T) -> T {
    let (mut reporter, start) = (Reporter::new(unit), Instant::now());
    work(&mut |done, total| reporter.update(done, total, 0, start.elapsed().as_secs_f64()))
}

/// Reading images: Ctrl-C ends it, and what takes longer than a moment shows how far it is.
pub fn watch() -> Watch<'static> {
    Watch { stop: &super::STOP, on_progress: &images_read, on_note: &|note| super::tell(&format!("warning: {note}")) }
}

const MOMENT: Duration = Duration::from_millis(500);

fn images_read(done: usize, total: usize) {
    static READING: Mutex<Option<(Instant, Option<Reporter>)>> = Mutex::new(None);
    let mut reading = READING.lock().unwrap_or_else(PoisonError::into_inner);
    let (start, reporter) = reading.get_or_insert_with(|| (Instant::now(), None));
    if start.elapsed() > MOMENT {
        let reporter = reporter.get_or_insert_with(|| Reporter::new("images"));
        reporter.update(done, total, 0, start.elapsed().as_secs_f64());
    }
    if done == total {
        *reading = None;
    }
}

#[cfg(test)]
mod tests {
    use super::pace;

    #[test]
    fn a_rate_below_one_is_given_as_seconds_of_each() {
        assert_eq!([pace(554.6), pace(1.0), pace(0.0385)], ["554.6/s", "1.0/s", "26.0 s each"]);
    }
}
