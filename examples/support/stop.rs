//! Waits for the stop signals: Ctrl-C, SIGTERM and SIGHUP on Unix, and the console events on Windows.

use super::output;
use super::problem::Problem;
use futures_util::future::{BoxFuture, FutureExt, Shared};

/// A future that completes at the first stop signal.
pub type Stop = Shared<BoxFuture<'static, ()>>;

/// Starts listening for stop signals. A second stop signal ends the program at once.
///
/// A signal that was ignored when the program started stays ignored, as `nohup` requires.
pub fn signal() -> Stop {
    match listen() {
        Ok(stop) => stop.shared(),
        Err(error) => {
            output::note(format_args!("warning: no stop signals: {error}"));
            std::future::pending().boxed().shared()
        }
    }
}

/// Waits for a future. If a stop signal arrives before the future completes, drops the future and returns an error.
pub async fn unless_stopped<T>(stop: &Stop, work: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::select! {
        biased;
        () = stop.clone() => Err(Problem::stopped()),
        done = work => Ok(done),
    }
}

/// Runs a blocking closure on another thread, so that a stop signal is handled while the closure blocks.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let done = tokio::task::spawn_blocking(work).await;
    done.expect("the work does not panic")
}

#[cfg(unix)]
fn listen() -> std::io::Result<BoxFuture<'static, ()>> {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    use signal_hook::flag;
    use std::sync::{Arc, atomic::AtomicBool};
    use tokio::signal::unix::{SignalKind, signal};

    let stopped = Arc::new(AtomicBool::new(false));
    let mut signals = vec![std::future::pending().boxed()];
    for number in [SIGINT, SIGTERM, SIGHUP] {
        if is_ignored(number) {
            continue;
        }
        // The shutdown handler ends the program only if `stopped` is set. Handlers run in the order of registration, so
        // at the first signal the shutdown handler runs before the next handler sets `stopped`. Therefore only a second
        // signal ends the program.
        flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&stopped))?;
        flag::register(number, Arc::clone(&stopped))?;
        let mut received = signal(SignalKind::from_raw(number))?;
        signals.push(async move { _ = received.recv().await }.boxed());
    }
    Ok(futures_util::future::select_all(signals).map(drop).boxed())
}

/// Returns whether a signal was ignored when the program started.
#[cfg(unix)]
pub fn is_ignored(signal: i32) -> bool {
    is_ignored_by_proc(signal).unwrap_or_else(|| is_ignored_by_shell(signal))
}

/// Reads the ignored signals from `/proc`. Returns `None` on systems without `/proc`.
#[cfg(unix)]
pub fn is_ignored_by_proc(signal: i32) -> Option<bool> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    Some(mask >> (signal - 1) & 1 == 1)
}

/// Starts a shell that sends the signal to itself. The shell inherits ignored signals, so an ignored signal does not
/// end the shell. On macOS, every other way to detect ignored signals needs unsafe code.
#[cfg(unix)]
pub fn is_ignored_by_shell(signal: i32) -> bool {
    std::process::Command::new("/bin/sh")
        .args(["-c", &format!("kill -{signal} $$")])
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(windows)]
fn listen() -> std::io::Result<BoxFuture<'static, ()>> {
    use tokio::signal::windows::{ctrl_break, ctrl_c, ctrl_close, ctrl_shutdown};

    let (mut c, mut pause) = (ctrl_c()?, ctrl_break()?);
    let (mut close, mut shutdown) = (ctrl_close()?, ctrl_shutdown()?);
    let mut event = async move || {
        tokio::select! {
            _ = c.recv() => {}
            _ = pause.recv() => {}
            _ = close.recv() => {}
            _ = shutdown.recv() => {}
        }
    };
    let (first, stopped) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        event().await;
        let _ = first.send(());
        event().await;
        // By convention, the exit status is 128 plus the signal number. SIGINT (Ctrl-C) has number 2.
        std::process::exit(130);
    });
    Ok(stopped.map(drop).boxed())
}
