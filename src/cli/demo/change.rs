//! Policies that change while the PDP runs.

use super::calls::{self, Call, MASKED, NO_READ_CONTRACT, PERSONAL};
use super::client::Agent;
use super::pdp::{DemoPdp, Tail};
use super::report::Step;
use super::workspace::Workspace;
use crate::cli::CliError;
use std::time::Instant;

/// The policy that is edited.
const POLICY: &str = "contracts/contracts.rego";
/// The line that says who reads contracts, before and after.
const BEFORE: &str = r#"tg.has_any_role(["internal", "customer_facing"])"#;
const AFTER: &str = r#"tg.has_role("internal")"#;
/// What makes no policy.
const BROKEN: &str = "\nallow contains \"contracts.read\" if {\n";
/// The manifest, and the revision that it names.
const MANIFEST: &str = ".manifest";
const REVISION: &str = "demo-1";

/// The two agents.
pub struct Agents {
    /// Reads everything.
    pub internal: Agent,
    /// Talks to customers.
    pub customer: Agent,
}

/// Takes a right away, then breaks the policy, then gives the right back; a call after each.
pub async fn all(
    workspace: &Workspace,
    pdp: &mut DemoPdp,
    agents: &mut Agents,
    tail: &mut Tail,
) -> Result<Vec<Step>, CliError> {
    let original = Workspace::original(POLICY);
    let narrowed = original.replace(BEFORE, AFTER);
    let denied = Call::read("deny", &["no_matching_allow"], NO_READ_CONTRACT, PERSONAL);
    let allowed = Call::read("allow", &["contracts.read"], PERSONAL, &["***"]);
    let masked = Call::read("constrain", &["contracts.read"], MASKED, PERSONAL);
    let mut steps = Vec::new();

    let what = "contracts are read by internal agents alone";
    steps.push(edit(workspace, pdp, (&narrowed, "demo-2"), what).await?);
    steps.push(calls::make(&mut agents.customer, &denied, "demo-2", tail).await?);
    steps.push(calls::make(&mut agents.internal, &allowed, "demo-2", tail).await?);

    steps.push(break_policy(workspace, pdp, &narrowed).await?);
    steps.push(calls::make(&mut agents.customer, &denied, "demo-2", tail).await?);

    let what = "contracts are read as before";
    steps.push(edit(workspace, pdp, (original, "demo-3"), what).await?);
    steps.push(calls::make(&mut agents.customer, &masked, "demo-3", tail).await?);
    Ok(steps)
}

async fn edit(
    workspace: &Workspace,
    pdp: &mut DemoPdp,
    (policy, revision): (&str, &str),
    what: &str,
) -> Result<Step, CliError> {
    let manifest = Workspace::original(MANIFEST).replace(REVISION, revision);
    let started = Instant::now();
    write(workspace, POLICY, policy)?;
    write(workspace, MANIFEST, &manifest)?;
    pdp.in_force(revision).await?;
    Ok(Step {
        who: "the operator".to_owned(),
        what: format!("edits {POLICY}"),
        verdict: "in force".to_owned(),
        reasons: vec![revision.to_owned()],
        result: what.to_owned(),
        took: started.elapsed(),
        ..Step::default()
    })
}

async fn break_policy(
    workspace: &Workspace,
    pdp: &mut DemoPdp,
    policy: &str,
) -> Result<Step, CliError> {
    // The rule's end is missing at the end of the file.
    let line = policy.lines().count() + BROKEN.lines().count() + 1;
    let started = Instant::now();
    write(workspace, POLICY, &format!("{policy}{BROKEN}"))?;
    let why = pdp.refused().await?;
    let mut step = Step {
        who: "the operator".to_owned(),
        what: format!("breaks {POLICY}"),
        verdict: "refused".to_owned(),
        reasons: vec!["demo-2 stays".to_owned()],
        result: why.lines().next().unwrap_or_default().to_owned(),
        took: started.elapsed(),
        ..Step::default()
    };
    let place = format!("contracts.rego:{line}");
    step.check(why.contains(&place), || {
        format!("expected a finding at `{place}`, got `{why}`")
    });
    Ok(step)
}

fn write(workspace: &Workspace, name: &str, text: &str) -> Result<(), CliError> {
    workspace.replace(name, text).map_err(CliError::failure)
}
