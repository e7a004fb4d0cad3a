//! The ends of the end-to-end comparison; `benches/run` starts them, each on its own core.
//!
//! - `e2e echo SOCKET REPLY_BYTES` answers each `Decide` with so many bytes: what gRPC alone costs.
//! - `e2e reply-bytes SOCKET CASE` calls `Decide` once and tells how many bytes came back.
//! - `e2e load SOCKET CASE CALLERS SECONDS` calls `Decide` in a closed loop.
//! - `e2e open SOCKET CASE CALLS_A_SECOND SECONDS` calls it at a fixed rate, whatever comes back;
//!   a call's time counts from when it was due.
//! - `e2e stream SOCKET CASE STREAMS SECONDS` asks on `DecideStream`, a window each.
//! - `e2e load-opa SOCKET CASE CALLERS SECONDS` posts the same input to OPA's REST interface.
//! - `e2e here CONFIG CASE THREADS CALLS` decides in this process, each thread its share.
//! - `e2e rvm BUNDLE CASE CALLS` evaluates alone: the least that a decision can cost.
//! - `e2e change BUNDLE ROUNDS` compiles a set whole, and as a change of its data alone.
//! - `e2e sync DIRECTORY SECONDS` appends a record's worth of bytes and waits for the disk.
//!
//! Each prints one line of JSON: calls, seconds, p50 and p99 in microseconds, effects.

mod callers;
mod echo;
mod here;
#[path = "../inputs/mod.rs"]
mod inputs;
mod plan;

use inputs::Result;
use plan::Plan;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match arguments.as_slice() {
        ["echo", socket, reply_bytes] => {
            let reply_bytes = reply_bytes.parse()?;
            runtime.block_on(echo::echo(socket, reply_bytes))
        }
        ["reply-bytes", socket, case] => {
            let plan = Plan::new(socket, case, "0")?;
            runtime.block_on(callers::reply_bytes(&plan))
        }
        ["load", socket, case, callers, seconds] => {
            let plan = Plan::new(socket, case, seconds)?;
            let callers = callers.parse()?;
            runtime.block_on(async { plan.closed(callers::decisions(&plan, callers).await?).await })
        }
        ["load-opa", socket, case, callers, seconds] => {
            let plan = Plan::new(socket, case, seconds)?;
            let callers = callers.parse()?;
            runtime.block_on(async { plan.closed(callers::documents(&plan, callers).await?).await })
        }
        ["open", socket, case, rate, seconds] => {
            let plan = Plan::new(socket, case, seconds)?;
            let rate = rate.parse()?;
            runtime.block_on(async { plan.open(callers::decisions(&plan, 64).await?, rate).await })
        }
        ["stream", socket, case, streams, seconds] => {
            let plan = Plan::new(socket, case, seconds)?;
            let streams = streams.parse()?;
            runtime.block_on(async { plan.closed(callers::streams(&plan, streams).await?).await })
        }
        ["here", config, case, threads, calls] => {
            here::decide(config, case, threads.parse()?, calls.parse()?)
        }
        ["rvm", bundle, case, calls] => here::evaluate(bundle, case, calls.parse()?),
        ["change", bundle, rounds] => here::change(bundle, rounds.parse()?),
        ["sync", directory, seconds] => here::sync(directory, seconds.parse()?),
        // `cargo bench` starts every bench; this one needs its other end.
        _ => {
            println!("e2e: run benches/run");
            Ok(())
        }
    }
}
