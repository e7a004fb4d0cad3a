use super::*;
#[test]
fn probe() {
    let Ok(files) = std::env::var("LINT_PROBE") else {
        return;
    };
    let sources: Vec<Module> = files
        .split(':')
        .map(|path| Module {
            path: path.to_owned(),
            source: std::fs::read_to_string(path).unwrap(),
        })
        .collect();
    let started = std::time::Instant::now();
    let found = fail_open(&parsed(&sources), Severity::Error);
    println!("took {:?}", started.elapsed());
    for finding in found {
        println!("{finding}");
    }
    for finding in policy_shape(&parsed(&sources), &BTreeMap::new()) {
        println!("{finding}");
    }
}
