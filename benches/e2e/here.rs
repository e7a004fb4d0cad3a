//! What is measured within this process.

use crate::inputs::{Result, directory, input, request};
use crate::plan::{Seen, case};
use std::hint::black_box;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;
use std::time::{Duration, Instant};
use toolgate::app::App;
use toolgate::bundle::compile::{compile, compiler};
use toolgate::bundle::load::read_and_verify;
use toolgate::bundle::source::Source;
use toolgate::config::{Config, Local, Overrides};
use toolgate::engine::{Input, Options};
use toolgate::identity::Peer;
use toolgate::model::json::{Limits, parse};
use toolgate::server::Remote;
use toolgate::wire::v1::Effect;

/// About what the record of a decision takes.
const RECORD_BYTES: usize = 1024;

/// Decides without a server: what a decision costs beside gRPC.
pub fn decide(config: &str, name: &str, threads: usize, calls: usize) -> Result<()> {
    let request = request(&input(&directory()?, case(name)?)?)?;
    let config = Config::load(config.as_ref(), &Overrides::none())?;
    let app = App::build(&config, NonZeroUsize::new(threads).ok_or("no threads")?)?;
    let peer = Remote::from(Peer::UnixUid(Local::of_process()?.uid));
    let decider = app.decider();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().build()?;
                runtime.block_on(async {
                    for _ in 0..calls / threads {
                        black_box(decider.decide(&peer, request.clone()).await);
                    }
                });
                std::io::Result::Ok(())
            });
        }
    });
    print(calls, started.elapsed());
    app.close();
    Ok(())
}

/// Evaluates one input again and again.
pub fn evaluate(bundle: &str, name: &str, calls: usize) -> Result<()> {
    let verified = read_and_verify(&[Source {
        name: "bundle".to_owned(),
        path: bundle.into(),
        servers: None,
    }])?;
    let compiled =
        compile(verified, &Options::default(), 1).map_err(|refused| format!("{refused:?}"))?;
    let set = compiled.into_set();
    let input = parse(&input(&directory()?, case(name)?)?, Limits::REQUEST)?;
    let input = Input::new(&input)?;
    let started = Instant::now();
    for _ in 0..calls {
        black_box(set.evaluate(set.packages().iter(), &input));
    }
    print(calls, started.elapsed());
    Ok(())
}

/// Compiles a set whole, and then again as the loader does where only data changed: that it does
/// not compare the data is why the same data will do. Prints seconds, each the least of its rounds.
pub fn change(bundle: &str, rounds: usize) -> Result<()> {
    let source = Source {
        name: "bundle".to_owned(),
        path: bundle.into(),
        servers: None,
    };
    let options = Options {
        replicas: NonZeroUsize::new(2).ok_or("no threads")?,
        ..Options::default()
    };
    let (mut read, mut whole, mut data) = (f64::MAX, f64::MAX, f64::MAX);
    for _ in 0..rounds {
        let started = Instant::now();
        let verified = read_and_verify(std::slice::from_ref(&source))?;
        read = read.min(started.elapsed().as_secs_f64());
        let compile = compiler(options);
        for (recompiled, seconds) in [(true, &mut whole), (false, &mut data)] {
            let verified = verified.clone();
            let started = Instant::now();
            let compiled = compile(verified, 1).map_err(|findings| format!("{findings:?}"))?;
            *seconds = seconds.min(started.elapsed().as_secs_f64());
            if compiled.recompiled() != recompiled {
                return Err("compiled when it need not, or not when it must".into());
            }
        }
    }
    let line = serde_json::json!({ "read": read, "whole": whole, "data": data });
    println!("{line}");
    Ok(())
}

/// Appends and syncs, one after the other: the least that a durable record can cost.
pub fn sync(directory: &str, seconds: f64) -> Result<()> {
    let path = Path::new(directory).join("sync.bin");
    let mut file = std::fs::File::create(&path)?;
    let measure = Duration::from_secs_f64(seconds);
    let start = Instant::now();
    let mut seen = Seen::default();
    while start.elapsed() < measure {
        let before = Instant::now();
        file.write_all(&[b'x'; RECORD_BYTES])?;
        file.sync_data()?;
        seen.count(Effect::Allow, before, Instant::now(), start);
    }
    std::fs::remove_file(path)?;
    seen.print(measure, case("rbac100k")?);
    Ok(())
}

fn print(calls: usize, took: Duration) {
    let line = serde_json::json!({ "calls": calls, "seconds": took.as_secs_f64() });
    println!("{line}");
}
