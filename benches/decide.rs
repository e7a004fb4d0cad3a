//! What a decision costs, whole and in its parts, on both evaluators. Run by `benches/run`, which
//! writes the bundles first.

mod inputs;

use criterion::{BenchmarkId, Criterion, Throughput};
use inputs::{CASES, Case, Result, directory, input, request};
use prost::Message;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;
use toolgate::audit::hash::Hasher;
use toolgate::audit::record::{DecisionRecord, Record};
use toolgate::bundle::compile::compile;
use toolgate::bundle::load::read_and_verify;
use toolgate::bundle::source::Source;
use toolgate::decide::decide;
use toolgate::engine::{Input, Options, PolicySet};
use toolgate::model::call::{Facts, Request};
use toolgate::model::json::{Json, Limits, Object, parse};
use toolgate::model::principal::{AuthenticatedBy, Principal, RolesFrom};
use toolgate::model::revision::EngineChoice;
use toolgate::model::time::Timestamp;
use toolgate::model::verdict::Verdict;
use toolgate::wire::{Question, reply, v1};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Friday, 2026-11-20T16:00:00Z: the time of the inputs.
const NOW: Timestamp = Timestamp::from_nanos(1_795_190_400_000_000_000);

fn main() -> Result<()> {
    let directory = directory()?;
    let mut criterion = Criterion::default()
        .measurement_time(Duration::from_secs(3))
        .warm_up_time(Duration::from_secs(1))
        .sample_size(50)
        .configure_from_args();
    for case in CASES {
        let text = input(&directory, case)?;
        json(&mut criterion, case, &text);
        wire(&mut criterion, case, &request(&text)?)?;
        let question = Question::read(request(&text)?, Limits::REQUEST)?;
        let request = identified(question, &text)?;
        for choice in [EngineChoice::Rvm, EngineChoice::Interpreter] {
            let set = policy_set(&directory, case, choice)?;
            decisions(&mut criterion, case, choice, &set, &request)?;
        }
        let set = policy_set(&directory, case, EngineChoice::Auto)?;
        let (verdict, _) = decide(&set, &request, &Facts::default(), NOW);
        if verdict.effect.as_str() != case.effect {
            return Err(format!("`{}` came out as {:?}", case.name, verdict.effect).into());
        }
        record(&mut criterion, case, &set, &request, &verdict);
    }
    criterion.final_summary();
    Ok(())
}

/// Reading the policy input's text: ours, and a lenient reader that keeps no number's text.
fn json(criterion: &mut Criterion, case: Case, text: &[u8]) {
    let mut group = criterion.benchmark_group("json");
    group.throughput(Throughput::Bytes(text.len().try_into().unwrap_or(u64::MAX)));
    group.bench_function(BenchmarkId::new("strict", case.name), |bencher| {
        bencher.iter(|| parse(black_box(text), Limits::REQUEST));
    });
    group.bench_function(BenchmarkId::new("serde_json", case.name), |bencher| {
        bencher.iter(|| serde_json::from_slice::<serde_json::Value>(black_box(text)));
    });
    group.finish();
}

/// From the bytes on the wire to a question.
fn wire(criterion: &mut Criterion, case: Case, request: &v1::DecideRequest) -> Result<()> {
    let bytes = request.encode_to_vec();
    let question = || -> Result<Question> {
        let request = v1::DecideRequest::decode(black_box(bytes.as_slice()))?;
        Ok(Question::read(request, Limits::REQUEST)?)
    };
    question()?;
    let mut group = criterion.benchmark_group("parse");
    group.bench_function(case.name, |bencher| bencher.iter(question));
    group.finish();
    Ok(())
}

fn decisions(
    criterion: &mut Criterion,
    case: Case,
    choice: EngineChoice,
    set: &PolicySet,
    request: &Request,
) -> Result<()> {
    let facts = Facts::default();
    let value = Input::of_request(request, &facts, NOW)?;
    let engine = match choice {
        EngineChoice::Interpreter => "interpreter",
        _ => "rvm",
    };
    let server = request.mcp.server.as_str();
    let evaluate = || set.evaluate(set.applicable(server), &value);
    if engine == "rvm" {
        let mut group = criterion.benchmark_group("convert");
        group.bench_function(case.name, |bencher| {
            bencher.iter(|| Input::of_request(black_box(request), &facts, NOW));
        });
        group.finish();
    }
    let mut group = criterion.benchmark_group("evaluate");
    group.bench_function(BenchmarkId::new(engine, case.name), |bencher| {
        bencher.iter(evaluate);
    });
    group.finish();
    let mut group = criterion.benchmark_group("decide");
    group.bench_function(BenchmarkId::new(engine, case.name), |bencher| {
        bencher.iter(|| decide(set, black_box(request), &facts, NOW));
    });
    group.finish();
    Ok(())
}

/// From the verdict to the record's line and to the bytes of the reply.
fn record(
    criterion: &mut Criterion,
    case: Case,
    set: &PolicySet,
    request: &Request,
    verdict: &Verdict,
) {
    let hasher = Hasher::new([7; 32]);
    let mut group = criterion.benchmark_group("record");
    group.bench_function(case.name, |bencher| {
        bencher.iter(|| {
            let mut record = DecisionRecord::new(request, verdict, Some(set.revision()));
            let hash = |content| hasher.hash(&request.tenant, NOW, content);
            record.arguments = request.arguments().map(hash);
            Record::Decision(Box::new(record)).unlinked(NOW, "bench")
        });
    });
    group.finish();
    let mut group = criterion.benchmark_group("reply");
    group.bench_function(case.name, |bencher| {
        bencher.iter(|| reply(black_box(verdict), Some(set.revision())).encode_to_vec());
    });
    group.finish();
}

fn policy_set(directory: &Path, case: Case, choice: EngineChoice) -> Result<PolicySet> {
    // Two cases share a policy: the last one of them is denied by it.
    let bundle = case.name.trim_end_matches("_deny");
    let source = Source {
        name: bundle.to_owned(),
        path: directory.join(bundle),
        servers: None,
    };
    let options = Options {
        choice,
        // What is compared is evaluating.
        memo_answers_max: 0,
        ..Options::default()
    };
    Ok(compile(read_and_verify(&[source])?, &options, 1)?.into_set())
}

/// The request as the server has it once it knows who asks; tenant and context as in the input.
fn identified(question: Question, input: &[u8]) -> Result<Request> {
    let input = parse(input, Limits::REQUEST)?;
    let toolgate::model::subject::Subject::Asserted(subject) = question.subject else {
        return Err("the request asserts no subject".into());
    };
    let text = |json: Option<&Json>| json.and_then(Json::as_str).unwrap_or_default().to_owned();
    let session = input.get("session").and_then(|session| session.get("id"));
    let context = input.get("context").and_then(Json::as_object);
    Ok(Request {
        phase: question.phase,
        tenant: text(input.get("tenant")),
        principal: Principal {
            id: subject.id,
            user: subject.user,
            agent: subject.agent,
            client: subject.client,
            roles: subject.roles,
            attributes: subject.attributes,
            delegation: subject.delegation,
            authenticated_by: AuthenticatedBy::Shim,
            roles_from: Some(RolesFrom::Shim),
        },
        mcp: question.mcp,
        definition_digest: None,
        untrusted_annotations: Object::new(),
        params: question.params,
        result: None,
        session_id: text(session),
        context: context.cloned().unwrap_or_default(),
    })
}
