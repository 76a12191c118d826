//! Ctrl-C and its relatives: the first ends the program cleanly within a second, a second one ends it at once.

use std::io::Read;
use std::os::fd::IntoRawFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Set by a signal: whoever works looks at it and ends as soon as results are safe.
pub static STOP: AtomicBool = AtomicBool::new(false);
/// The latest signal; 0 if none came.
static SIGNAL: AtomicI32 = AtomicI32::new(0);
/// Where the handler writes to, so that a thread wakes up.
static WAKE: AtomicI32 = AtomicI32::new(-1);
/// What is being done, how many of it are done, and of how many.
static DOING: Mutex<Option<(&'static str, usize, usize)>> = Mutex::new(None);

/// Time for a clean end. Some steps cannot be left before they are over; all files that they write appear whole or not at all.
const GRACE: Duration = Duration::from_millis(700);

/// Begins to listen.
pub fn listen() {
    if let Ok((reader, writer)) = std::io::pipe() {
        WAKE.store(writer.into_raw_fd(), Ordering::Relaxed);
        std::thread::spawn(move || end_soon(reader));
    }
    let handler = on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the handler only uses atomics, write and _exit, which signals may interrupt anything for.
        let before = unsafe { libc::signal(signal, handler) };
        // `nohup` wants the program to outlive its terminal.
        if signal == libc::SIGHUP && before == libc::SIG_IGN {
            // SAFETY: as before.
            unsafe { libc::signal(signal, libc::SIG_IGN) };
        }
    }
}

extern "C" fn on_signal(signal: libc::c_int) {
    SIGNAL.store(signal, Ordering::Relaxed);
    if STOP.swap(true, Ordering::Relaxed) {
        // SAFETY: _exit may be called from a handler.
        unsafe { libc::_exit(128 + signal) };
    }
    // SAFETY: write may be called from a handler; the byte outlives the call.
    unsafe { libc::write(WAKE.load(Ordering::Relaxed), [0u8].as_ptr().cast(), 1) };
}

/// Waits for a signal, and ends the program if it has not ended by itself in time.
fn end_soon(mut signals: std::io::PipeReader) {
    if signals.read_exact(&mut [0]).is_err() {
        return;
    }
    std::thread::sleep(GRACE);
    super::tell(&format!("error: {}", last_words()));
    // SAFETY: nothing that is half done would be finished by whoever works in other threads.
    unsafe { libc::_exit(exit_code().unwrap_or(1).into()) };
}

/// What was done and is kept.
fn last_words() -> String {
    match *DOING.lock().unwrap_or_else(PoisonError::into_inner) {
        Some((what @ ("networks" | "trainings"), done, total)) => {
            format!("interrupted after {done} of {total} {what}, which are kept; run the same command again to go on")
        }
        _ => "interrupted; what was finished before is kept, run the same command again to go on".into(),
    }
}

/// Notes how many of what are done, for the last words; None when it is something else's turn.
pub fn doing(what: Option<(&'static str, usize, usize)>) {
    *DOING.lock().unwrap_or_else(PoisonError::into_inner) = what;
}

/// The exit code of a program that a signal ended: 130 for Ctrl-C, 143 for SIGTERM. None if no signal came.
pub fn exit_code() -> Option<u8> {
    let signal = SIGNAL.load(Ordering::Relaxed);
    u8::try_from(128 + signal).ok().filter(|_| signal != 0)
}
