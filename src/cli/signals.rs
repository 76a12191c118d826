//! Ctrl-C and its relatives: the first asks for a clean end, a second one ends the program at once.

use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

/// Set by a signal: whoever works looks at it and ends as soon as results are safe.
pub static STOP: AtomicBool = AtomicBool::new(false);
/// The latest signal; 0 if none came.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// Begins to listen.
pub fn listen() {
    let handler = on_signal as extern "C" fn(libc::c_int) as libc::sighandler_t;
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP] {
        // SAFETY: the handler only uses atomics and _exit, which signals may interrupt anything for.
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
}

/// The exit code of a program that a signal ended: 130 for Ctrl-C, 143 for SIGTERM. None if no signal came.
pub fn exit_code() -> Option<u8> {
    let signal = SIGNAL.load(Ordering::Relaxed);
    u8::try_from(128 + signal).ok().filter(|_| signal != 0)
}
