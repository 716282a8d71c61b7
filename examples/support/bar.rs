//! Shows a progress bar during a run.

use super::stop::Stop;
use connecteam_onboarding::{Assign, AssignError, Report, Waiting};
use indicatif::{ProgressBar, ProgressStyle};

/// Creates a progress bar, which disappears when it is dropped. The bar is hidden if standard error is not a terminal.
pub fn new(template: &str) -> ProgressBar {
    let style = ProgressStyle::with_template(template).expect("a valid template");
    ProgressBar::new(0).with_style(style)
}

/// Executes an assign run and shows its progress, until the run ends or the stop signal arrives.
pub async fn run(assign: Assign, stop: Stop) -> Result<Report, AssignError> {
    let bar = new("{bar:30} {pos}/{len} users, {msg} [{elapsed}]");
    let run = assign
        .on_progress(move |progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.settled);
            let waits = match progress.waiting {
                Some(Waiting::RateLimit { until }) => {
                    format!(
                        ", waits for the rate limit until {}",
                        httpdate::fmt_http_date(until)
                    )
                }
                Some(Waiting::OtherRun) => ", waits for another run on the pack".to_owned(),
                _ => String::new(),
            };
            bar.set_message(format!("{} requests{waits}", progress.requests));
        })
        .stop_when(stop);
    run.await
}
