//! What masking costs: a tool result of about 50 KB, structured and as a text copy.

use criterion::{Criterion, Throughput};
use std::hint::black_box;
use toolgate::model::json::Json;
use toolgate::model::obligation::Obligation;
use toolgate::obligation::apply;

/// Rows of which the structured document and its text copy make about 50 KB.
const ROWS: u64 = 170;

fn result() -> Json {
    let row = |id: u64| {
        let members = [
            ("id", Json::from(id)),
            ("name", format!("Customer Number {id}").into()),
            ("email", format!("customer{id}@example.com").into()),
            ("phone", format!("+43 1 {id:07}").into()),
            ("note", "called twice: prefers mornings".into()),
        ];
        Json::object(members)
    };
    let structured = Json::object([("customers", Json::array((1..=ROWS).map(row)))]);
    let text = Json::object([
        ("type", "text".to_owned()),
        ("text", structured.to_string()),
    ]);
    Json::object([
        ("content", Json::array([text])),
        ("structuredContent", structured),
        ("isError", false.into()),
    ])
}

fn main() {
    let fields = |names: [&str; 2]| names.map(str::to_owned).to_vec();
    let cases = [
        (
            "mask",
            vec![Obligation::MaskFields {
                fields: fields(["email", "phone"]),
            }],
        ),
        (
            "drop",
            vec![Obligation::DropFields {
                fields: fields(["email", "phone"]),
            }],
        ),
        (
            "mask_absent",
            vec![Obligation::MaskFields {
                fields: fields(["ssn", "/iban"]),
            }],
        ),
        ("limit_rows", vec![Obligation::LimitRows { rows: 100 }]),
        (
            "limit_bytes",
            vec![Obligation::LimitBytes { bytes: 1 << 20 }],
        ),
        ("nothing", Vec::new()),
    ];
    let result = result();
    let bytes = result.to_bytes().len();
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("obligation/apply");
    group.throughput(Throughput::Bytes(u64::try_from(bytes).unwrap_or(u64::MAX)));
    for (name, obligations) in &cases {
        group.bench_function(*name, |bencher| {
            bencher.iter(|| apply(black_box(&result), black_box(obligations)));
        });
    }
    group.finish();
    criterion.final_summary();
}
