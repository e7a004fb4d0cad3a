#[test]
fn adhoc() {
    use crate::engine::ast;
    let dirs = std::env::var("ADHOC").unwrap();
    for dir in dirs.split(' ') {
        let mut names: Vec<_> = std::fs::read_dir(dir)
            .unwrap()
            .map(|e| e.unwrap().path())
            .filter(|p| {
                p.extension().is_some_and(|e| e == "rego") && !p.to_string_lossy().contains("_test")
            })
            .collect();
        names.sort();
        let together = std::env::var("TOGETHER").is_ok();
        let mut all = vec![];
        for name in names {
            let module = crate::model::bundle::Module {
                path: name.file_name().unwrap().to_string_lossy().to_string(),
                source: std::fs::read_to_string(&name).unwrap(),
            };
            match ast::parse(&module) {
                Err(f) => println!("PARSE {f}"),
                Ok(m) => {
                    if together {
                        all.push(m)
                    } else {
                        let p = m.package.clone();
                        let data = crate::model::json::parse(
                            std::fs::read_to_string(format!("{dir}/data.json"))
                                .unwrap_or("{}".into())
                                .as_bytes(),
                            crate::model::json::Limits::REQUEST,
                        )
                        .unwrap();
                        let crate::model::json::Json::Object(data) = data else {
                            panic!()
                        };
                        let g = super::inspect(&[m], &data);
                        let r = if g
                            .findings
                            .iter()
                            .any(|f| f.severity == crate::model::finding::Severity::Error)
                        {
                            "REFUSED"
                        } else {
                            match (g.engine_for(&p), g.interpreter_refusals(&p).is_empty()) {
                                (crate::model::revision::EngineKind::Rvm, true) => "BOTH",
                                (crate::model::revision::EngineKind::Rvm, false) => "RVM",
                                (_, true) => "INT",
                                _ => "NEITHER?",
                            }
                        };
                        println!(
                            "GATE {} {r} {}",
                            name.file_stem().unwrap().to_string_lossy(),
                            g.findings
                                .iter()
                                .map(|f| format!("{}:{} {} ", f.line, f.column, f.code))
                                .collect::<String>()
                        );
                        if std::env::var("V").is_ok() {
                            for f in &g.findings {
                                println!("{f}");
                            }
                        }
                    }
                }
            }
        }
        if together {
            let g = super::inspect(&all, &crate::model::json::Object::new());
            for f in &g.findings {
                println!("{f}");
            }
            for m in &all {
                println!(
                    "{} {:?} {}",
                    m.package,
                    g.engine_for(&m.package),
                    g.interpreter_refusals(&m.package).len()
                );
            }
        }
    }
}
