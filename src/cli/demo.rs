//! `toolgate demo`: a PDP, an MCP server, and two agents behind shims; all of it real, in a
//! directory of its own. Each step is checked against what must come of it.

mod calls;
mod change;
mod client;
mod decisions;
mod evidence;
mod interactive;
mod pdp;
mod report;
mod server;
mod workspace;

use super::serve::runtime;
use super::{CliError, Exit, Output};
use change::Agents;
use clap::Args;
use client::Agent;
use pdp::{DemoPdp, Tail};
use report::{Report, Step};
use std::time::Instant;
use workspace::Workspace;

pub(super) use server::run as run_server;

/// What the internal agent sees.
const ALL_TOOLS: &[&str] = &["read_contract", "sign_contract", "send_email", "log_event"];
/// What the agent that talks to customers sees.
const CUSTOMER_TOOLS: &[&str] = &["read_contract", "send_email", "log_event"];
/// The revision of the bundle as it is embedded.
const REVISION: &str = "demo-1";

/// Show it all: decisions, a shim in front of an MCP server, a policy changed, the log verified.
#[derive(Debug, Args)]
pub struct Demo {
    /// Leave the PDP running afterwards, and say what to type next.
    #[arg(long)]
    interactive: bool,
}

impl Demo {
    /// Runs the demo.
    ///
    /// # Errors
    /// What could not be started, or what was not as it should be.
    pub fn run(&self, output: &Output) -> Result<Exit, CliError> {
        let started = Instant::now();
        let workspace = Workspace::create().map_err(CliError::failure)?;
        let mut report = Report::new(output);
        runtime()?.block_on(async {
            let pdp = play(&workspace, &mut report).await?;
            let running = if self.interactive {
                Some(pdp)
            } else {
                pdp.stop().await?;
                None
            };
            let (steps, summary) = evidence::examine(&workspace)?;
            report.section("What the log proves", steps);
            let problems = report.end(summary, started.elapsed());
            if let Some(pdp) = running {
                interactive::wait(output, &workspace, pdp).await?;
            }
            match problems.as_slice() {
                [] => Ok(Exit::Done),
                some => {
                    let text = format!("not as it should be:\n  {}", some.join("\n  "));
                    Err(CliError::failure(text))
                }
            }
        })
    }
}

/// All but the log. Afterwards the shims have ended and handed over what they know.
async fn play(workspace: &Workspace, report: &mut Report<'_>) -> Result<DemoPdp, CliError> {
    let mut pdp = DemoPdp::start(workspace).await?;
    let mut tail = Tail::new(&workspace.audit());
    let (internal, customer) = tokio::try_join!(
        Agent::connect(workspace, "agent_internal"),
        Agent::connect(workspace, "agent_customer"),
    )?;
    let mut agents = Agents { internal, customer };

    let lists = vec![
        calls::list(&mut agents.internal, ALL_TOOLS).await?,
        calls::list(&mut agents.customer, CUSTOMER_TOOLS).await?,
    ];
    report.section(
        "What each agent sees of the MCP server, through its shim",
        lists,
    );
    let steps = through_shims(&mut agents, &mut tail).await?;
    report.section("What they call, through their shims", steps);
    let steps = decisions::ask_all(&pdp).await?;
    report.section("What others may do, decided over gRPC", steps);
    let steps = change::all(workspace, &mut pdp, &mut agents, &mut tail).await?;
    report.section("Policies change while they work", steps);

    let Agents { internal, customer } = agents;
    tokio::try_join!(internal.hang_up(), customer.hang_up())?;
    Ok(pdp)
}

async fn through_shims(agents: &mut Agents, tail: &mut Tail) -> Result<Vec<Step>, CliError> {
    let mut steps = Vec::new();
    for call in calls::INTERNAL {
        steps.push(calls::make(&mut agents.internal, call, REVISION, tail).await?);
    }
    for call in calls::CUSTOMER {
        steps.push(calls::make(&mut agents.customer, call, REVISION, tail).await?);
    }
    Ok(steps)
}
