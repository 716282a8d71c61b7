//! Ctrl-C.

/// Ready at Ctrl-C; where it cannot be heard, never.
pub async fn stopped() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}
