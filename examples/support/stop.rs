//! The stop signals: Ctrl-C, SIGTERM and SIGHUP; on Windows, the console events.

use super::output;
use super::problem::Problem;
use futures_util::future::{BoxFuture, FutureExt, Shared};

/// Ready at the first stop signal.
pub type Stop = Shared<BoxFuture<'static, ()>>;

/// Listens for the stop signals from now on. A second signal ends the program at once.
///
/// A signal that was ignored when the program started stays ignored, as `nohup` needs it.
pub fn signal() -> Stop {
    match listen() {
        Ok(stop) => stop.shared(),
        Err(error) => {
            output::note(format_args!("warning: no stop signals: {error}"));
            std::future::pending().boxed().shared()
        }
    }
}

/// Waits for the work. Fails if the stop signal comes first; the work is dropped then.
pub async fn unless_stopped<T>(stop: &Stop, work: impl Future<Output = T>) -> Result<T, Problem> {
    tokio::select! {
        biased;
        () = stop.clone() => Err(Problem::stopped()),
        done = work => Ok(done),
    }
}

/// Runs blocking work on another thread, so that a stop signal does not wait for it.
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
        // In this order, so that a signal does not see the flag that it sets itself.
        flag::register_conditional_shutdown(number, 128 + number, Arc::clone(&stopped))?;
        flag::register(number, Arc::clone(&stopped))?;
        let mut received = signal(SignalKind::from_raw(number))?;
        signals.push(async move { _ = received.recv().await }.boxed());
    }
    Ok(futures_util::future::select_all(signals).map(drop).boxed())
}

/// Whether the program was started with a signal ignored.
#[cfg(unix)]
pub fn is_ignored(signal: i32) -> bool {
    is_ignored_by_proc(signal).unwrap_or_else(|| is_ignored_by_shell(signal))
}

/// Reads `/proc`, which Linux has.
#[cfg(unix)]
pub fn is_ignored_by_proc(signal: i32) -> Option<bool> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))?;
    let mask = u64::from_str_radix(mask.trim(), 16).ok()?;
    Some(mask >> (signal - 1) & 1 == 1)
}

/// Asks a shell, which inherits ignored signals and so survives this one. macOS has no other safe way.
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
        // 128 + the number of Ctrl-C.
        std::process::exit(130);
    });
    Ok(stopped.map(drop).boxed())
}
