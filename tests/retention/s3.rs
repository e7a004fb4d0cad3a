//! A real S3 server, with object lock.

use super::{log, run_with, segments};
use crate::programs::tool;
use crate::util::Workplace;
use object_store::ClientOptions;
use object_store::aws::{AwsAuthorizer, AwsCredential};
use object_store::client::{HttpConnector, HttpRequest, HttpRequestBody, ReqwestConnector};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

const KEY: &str = "toolgate-test";
const SECRET: &str = "toolgate-test-secret";
const REGION: &str = "us-east-1";

struct Server {
    child: Child,
    endpoint: String,
}

impl Server {
    fn start(place: &Workplace) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = free.local_addr().unwrap();
        drop(free);
        for dir in ["s3", "meta", "versions"] {
            std::fs::create_dir(place.path(dir)).unwrap();
        }
        let mut child = Command::new(tool("bin/versitygw"))
            .current_dir(place.path(""))
            .args([
                "--access", KEY, "--secret", SECRET, "--region", REGION, "--quiet",
            ])
            .args(["--port", &address.to_string()])
            .args(["posix", "--sidecar"])
            .arg(place.path("meta"))
            .arg("--versioning-dir")
            .args([place.path("versions"), place.path("s3")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        while TcpStream::connect(address).is_err() {
            assert!(child.try_wait().unwrap().is_none(), "the S3 server ended");
            std::thread::yield_now();
        }
        let endpoint = format!("http://{address}");
        Self { child, endpoint }
    }

    /// A signed request: its status and what the server says.
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)]) -> (u16, String) {
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("{}/{path}", self.endpoint));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request: HttpRequest = request.body(HttpRequestBody::empty()).unwrap();
        let credential = AwsCredential {
            key_id: KEY.into(),
            secret_key: SECRET.into(),
            token: None,
        };
        let authorizer = AwsAuthorizer::new(&credential, "s3", REGION);
        authorizer.try_authorize(&mut request, None).unwrap();
        let options = ClientOptions::new().with_allow_http(true);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(async {
            let client = ReqwestConnector::default().connect(&options).unwrap();
            let response = client.execute(request).await.unwrap();
            let status = response.status().as_u16();
            let body = response.into_body().bytes().await.unwrap();
            (status, String::from_utf8_lossy(&body).into_owned())
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended = self.child.kill();
        let _ended = self.child.wait();
    }
}

/// What stands between two tags.
fn between<'a>(text: &'a str, tag: &str) -> Vec<&'a str> {
    let (start, end) = (format!("<{tag}>"), format!("</{tag}>"));
    let parts = text.split(&start).skip(1);
    parts.map(|part| part.split(&end).next().unwrap()).collect()
}

#[test]
fn records_are_kept_by_a_real_store_for_their_time() {
    let place = Workplace::new();
    let server = Server::start(&place);
    let lock = [("x-amz-bucket-object-lock-enabled", "true")];
    assert_eq!(server.ask("PUT", "audit", &lock).0, 200);
    log::write(&place.path("log"), &[400, 100, 1, 0], 20);
    let before = segments(&place.path("log"));
    let url = "s3://audit/logs";
    let variables = [
        ("AWS_ACCESS_KEY_ID", KEY),
        ("AWS_SECRET_ACCESS_KEY", SECRET),
        ("AWS_REGION", REGION),
        ("AWS_ENDPOINT", server.endpoint.as_str()),
        ("AWS_ALLOW_HTTP", "true"),
    ];
    let run = |arguments: &[&str]| run_with(&place, &variables, arguments);
    let archive = |more: &[&str]| {
        let arguments = ["audit", "archive", "log", "--to", url, "--output", "json"];
        run(&[&arguments, more].concat()).expect(0).json()
    };
    // Young by these rules: all goes to the first tier, locked there.
    let young = [
        "--hot-days",
        "500",
        "--warm-days",
        "600",
        "--object-lock",
        "compliance",
    ];
    archive(&young);
    assert_eq!(segments(&place.path("log")), before);
    let (status, listed) = server.ask("GET", "audit?prefix=logs%2F", &[]);
    assert_eq!(status, 200, "{listed}");
    let names = between(&listed, "Key");
    assert_eq!(names.len(), 3, "{listed}");
    for name in names {
        assert!(name.starts_with("logs/hot/pdp=2f1/log-"), "{name}");
        let path = format!("audit/{}", name.replace('=', "%3D"));
        let (status, retention) = server.ask("GET", &format!("{path}?retention="), &[]);
        assert_eq!(status, 200, "{retention}");
        assert_eq!(between(&retention, "Mode"), ["COMPLIANCE"], "{retention}");
        let (_, versions) = server.ask("GET", "audit?versions=", &[]);
        let version = versions
            .split("<Version>")
            .find(|version| version.contains(name))
            .map(|version| between(version, "VersionId")[0].to_owned());
        // Nobody can take away what is locked.
        let version = version.unwrap_or_else(|| panic!("{versions}"));
        let (status, told) = server.ask("DELETE", &format!("{path}?versionId={version}"), &[]);
        assert_eq!(status, 403, "{told}");
    }
    // By the usual rules two are older.
    let done = archive(&["--object-lock", "compliance"]);
    let acts = done["done"].as_array().unwrap().iter();
    let acts: Vec<_> = acts.map(|done| done["act"].as_str().unwrap()).collect();
    assert_eq!(acts, ["move", "move", "prune", "prune"]);
    assert_eq!(
        archive(&["--object-lock", "compliance"])["done"],
        serde_json::json!([])
    );
    let whole = run(&[
        "audit",
        "verify",
        "log",
        "--archive",
        url,
        "--output",
        "json",
    ]);
    let whole = whole.expect(0).json();
    assert_eq!(
        (&whole["first_seq"], &whole["records"]),
        (&0.into(), &160.into())
    );
    run(&["audit", "restore", "log", "--from", url]).expect(0);
    assert_eq!(segments(&place.path("log")), before);
    // Without the right to it, and without a server, nothing is changed.
    let wrong = [&variables[..], &[("AWS_SECRET_ACCESS_KEY", "wrong")]].concat();
    let refused = ["audit", "archive", "log", "--to", url];
    let told = run_with(&place, &wrong, &refused).expect(1);
    assert!(!told.err.contains(SECRET), "{told:?}");
    assert_eq!(segments(&place.path("log")), before);
}
