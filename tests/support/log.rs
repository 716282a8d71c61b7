//! A `tracing` subscriber that stores all spans and events.

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, LazyLock, Mutex};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<(Level, String)>>>);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = write!(self.0, " {}={value:?}", field.name());
    }
}

impl Log {
    /// Starts to record the spans and events of the current thread.
    pub fn start() -> (Self, tracing::subscriber::DefaultGuard) {
        // With only one subscriber, `tracing` may cache that a call site is disabled. A second subscriber prevents such
        // caching.
        static SECOND: LazyLock<tracing::Dispatch> =
            LazyLock::new(|| tracing::Dispatch::new(Log::default()));
        LazyLock::force(&SECOND);
        let log = Self::default();
        let guard = tracing::subscriber::set_default(log.clone());
        (log, guard)
    }

    pub fn text(&self) -> String {
        let lines = self.0.lock().expect("no panic");
        lines.iter().map(|(_, line)| format!("{line}\n")).collect()
    }

    pub fn lines(&self, level: Level) -> Vec<String> {
        let lines = self.0.lock().expect("no panic");
        let ours = |line: &str| line.contains("connecteam_onboarding");
        let lines = lines.iter().filter(|(at, line)| *at == level && ours(line));
        lines.map(|(_, line)| line.clone()).collect()
    }

    fn add(&self, metadata: &Metadata<'_>, what: &str, record: impl FnOnce(&mut Line)) {
        let mut line = Line(format!("{what} {}", metadata.target()));
        record(&mut line);
        let mut lines = self.0.lock().expect("no panic");
        lines.push((*metadata.level(), line.0));
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let what = format!("span {}", span.metadata().name());
        self.add(span.metadata(), &what, |line| span.record(line));
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line("record".to_owned());
        values.record(&mut line);
        self.0
            .lock()
            .expect("no panic")
            .push((Level::TRACE, line.0));
    }

    fn event(&self, event: &Event<'_>) {
        self.add(event.metadata(), "event", |line| event.record(line));
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
