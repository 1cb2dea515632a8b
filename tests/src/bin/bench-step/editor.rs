//! Owns the clock: how long each step takes, from the key to the variables. Knows nothing of who answers.

use std::time::{Duration, Instant};

use remora_tests::bench::client::Client;
use serde_json::json;
use tokio::net::TcpStream;

/// Counted steps.
pub(crate) const STEPS: usize = 25;
/// The first ones pay for what is loaded once.
const WARM_UP: usize = 3;

/// Takes the time of each step; at the end the program is told to end.
pub(crate) async fn steps(mut client: Client<TcpStream>, file: &str) -> Option<Vec<Duration>> {
    let thread = client.stopped().await?;
    client.look(&thread).await?;
    client.breakpoints(file, &[]).await?;
    let mut steps = Vec::new();
    for _ in 0..WARM_UP + STEPS {
        let key = Instant::now();
        client.send("next", json!({"threadId": thread})).await?;
        client.stopped().await?;
        let variables = client.look(&thread).await?;
        steps.push(key.elapsed());
        assert!(variables.as_array().is_some_and(|shown| shown.len() > 3), "what is shown: {variables}");
        // Later and unseen, as VS Code does.
        client.ask("stackTrace", json!({"threadId": thread, "startFrame": 1, "levels": 19})).await?;
    }
    client.ask("disconnect", json!({"terminateDebuggee": true})).await;
    Some(steps.split_off(WARM_UP))
}
