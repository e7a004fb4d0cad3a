//! Which answers may be taken again for the same question, and for how long.

use crate::server::asking::{Decisions, call};
use crate::server::{Server, block_on, config, write_files};
use toolgate::wire::v1::{DecideRequest, DecideResponse, Effect};

const AUDIT: &str = "[audit]\ndir = \"audit\"\n";

async fn answer(
    policies: &[(&str, &str)],
    limits: &str,
    question: DecideRequest,
) -> DecideResponse {
    let dir = tempfile::tempdir().unwrap();
    write_files(&dir.path().join("main"), policies.iter().copied());
    let server = Server::start(dir, &config(&format!("{limits}{AUDIT}"))).await;
    let mut client = Decisions::new(server.unix().await);
    let reply = client.decide(question).await.unwrap().into_inner();
    server.stop().await;
    reply
}

/// How long the answer may be taken again, in seconds before it would be no longer valid.
fn seconds_before_invalid(reply: &DecideResponse) -> Option<i64> {
    let until = reply.cacheable_until?;
    let valid = reply.valid_until.unwrap();
    assert_eq!(until.nanos, valid.nanos);
    Some(valid.seconds - until.seconds)
}

const PLAIN: &str = "allow contains \"a\" if input.mcp.name == \"read\"\n";
const TIMED: &str = "allow contains \"a\" if input.time.ns > 0\n";

#[test]
fn an_answer_lasts_where_no_policy_can_read_what_changes() {
    block_on(async {
        for (policy, effect, expected) in [
            (PLAIN, Effect::Allow, Some(25)),
            (TIMED, Effect::Allow, None),
            (
                "allow contains \"a\" if not input.facts.x\n",
                Effect::Allow,
                None,
            ),
            (
                "allow contains \"a\" if count(input.session.labels) == 0\n",
                Effect::Allow,
                None,
            ),
            (
                "allow contains \"a\" if is_object(input)\n",
                Effect::Allow,
                None,
            ),
            ("deny contains \"a\"\n", Effect::Deny, None),
            (
                "allow contains \"a\"\napprove contains {\"by\": [\"legal\"], \"code\": \"sign\"}\n",
                Effect::RequireApproval,
                None,
            ),
            // Owed to the result, or to the log.
            (
                "allow contains \"a\"\nconstrain contains {\"type\": \"mask_fields\", \"fields\": [\"x\"]}\n",
                Effect::Constrain,
                None,
            ),
            (
                "allow contains \"a\"\nconstrain contains {\"type\": \"audit\", \"level\": \"full\"}\n",
                Effect::Constrain,
                None,
            ),
            (
                "allow contains \"a\"\nconstrain contains {\"type\": \"rewrite_arguments\", \"patch\": [{\"op\": \"add\", \"path\": \"/x\", \"value\": 1}]}\n",
                Effect::Constrain,
                Some(25),
            ),
        ] {
            let policy = format!("package policies.crm\n{policy}");
            let reply = answer(&[("p.rego", &policy)], "", call("crm/read")).await;
            assert_eq!(reply.effect(), effect, "{policy}: {:?}", reply.reasons);
            assert_eq!(seconds_before_invalid(&reply), expected, "{policy}");
        }
    });
}

#[test]
fn only_policies_for_the_server_count() {
    block_on(async {
        let plain = format!("package policies.plain\n{PLAIN}");
        let scope =
            "# METADATA\n# custom:\n#   toolgate:\n#     servers: [docs]\npackage policies.timed\n";
        let timed = format!("{scope}{TIMED}");
        let both = [
            ("plain.rego", plain.as_str()),
            ("timed.rego", timed.as_str()),
        ];
        let reply = answer(&both, "", call("crm/read")).await;
        assert_eq!(seconds_before_invalid(&reply), Some(25));
        let reply = answer(&both, "", call("docs/read")).await;
        assert_eq!(seconds_before_invalid(&reply), None);
    });
}

#[test]
fn never_longer_than_the_verdict_and_as_long_as_is_configured() {
    block_on(async {
        let plain = format!("package policies.crm\n{PLAIN}");
        let plain = [("p.rego", plain.as_str())];
        let dry = DecideRequest {
            dry_run: true,
            ..call("crm/read")
        };
        for (limits, question, expected) in [
            ("[limits]\ncacheable_seconds = 0\n", call("crm/read"), None),
            (
                "[limits]\ncacheable_seconds = 29\n",
                call("crm/read"),
                Some(1),
            ),
            (
                "[limits]\ncacheable_seconds = 3600\n",
                call("crm/read"),
                Some(0),
            ),
            ("", dry, None),
        ] {
            let reply = answer(&plain, limits, question).await;
            assert_eq!(seconds_before_invalid(&reply), expected, "{limits}");
        }
    });
}
