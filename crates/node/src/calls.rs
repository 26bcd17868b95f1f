//! Calls of the master from asynchronous tasks, with patience.

use std::{future::Future, time::Duration};

use slapos_wire::client::{Client, ClientError};

/// The longest pause between attempts.
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Makes one blocking call on a worker thread.
pub(crate) async fn once<T, F>(client: &Client, call: F) -> Result<T, ClientError>
where
    T: Send + 'static,
    F: FnOnce(&Client) -> Result<T, ClientError> + Send + 'static,
{
    let client = client.clone();
    match tokio::task::spawn_blocking(move || call(&client)).await {
        Ok(result) => result,
        Err(panicked) => std::panic::resume_unwind(panicked.into_panic()),
    }
}

/// Repeats a call until the master answers, or refuses.
pub(crate) async fn patiently<T, F>(client: &Client, call: F) -> Result<T, ClientError>
where
    T: Send + 'static,
    F: Fn(&Client) -> Result<T, ClientError> + Clone + Send + 'static,
{
    let mut pause = Duration::from_millis(20);
    loop {
        match once(client, call.clone()).await {
            Err(error) if error.is_temporary() => {
                tracing::debug!(%error, "asking the master again");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
            result => return result,
        }
    }
}

/// Gives up when `interrupt` is ready first; the error is what it says.
pub(crate) async fn unless<T, I>(
    interrupt: impl Future<Output = I>,
    work: impl Future<Output = T>,
) -> Result<T, I> {
    tokio::select! {
        biased;
        why = interrupt => Err(why),
        result = work => Ok(result),
    }
}
