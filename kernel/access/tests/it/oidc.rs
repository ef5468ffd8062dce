//! Tokens of a real OpenID Connect server (oidc-provider for Node) are taken, and those that are for others, too old, changed, signed
//! otherwise or by nobody are not.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use kernel_access::{Issuer, Principal, Refusal, Tokens};
use serde_json::Value;

struct Server {
    child: Child,
    issuer: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Whether Node and the package are there; missing they fail where `CI` is set.
fn is_there(folder: &Path) -> bool {
    let found =
        folder.join("node_modules/oidc-provider").exists() && Command::new("node").arg("--version").output().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "oidc-provider is missing: make setup");
    if !found {
        println!("left out: needs Node and `npm ci` in {}", folder.display());
    }
    found
}

fn start(folder: &Path, port: u16, kid: &str) -> Server {
    let mut child = Command::new("node")
        .arg(folder.join("server.mjs"))
        .args([&port.to_string(), kid])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.map_while(Result::ok).any(|line| line == "ready"), "the issuer starts");
    Server { child, issuer: format!("http://127.0.0.1:{port}") }
}

impl Server {
    async fn token(&self, resource: &str) -> String {
        let form = format!(
            "grant_type=client_credentials&client_id=station&client_secret=secret-of-the-station&resource={resource}"
        );
        let answer = reqwest::Client::new()
            .post(format!("{}/token", self.issuer))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form)
            .send()
            .await
            .unwrap();
        let answer: Value = answer.json().await.unwrap();
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

fn taking(issuer: &str, algorithms: &[&str]) -> Tokens {
    Tokens::new(Issuer {
        issuer: issuer.to_owned(),
        audience: "urbis".to_owned(),
        algorithms: algorithms.iter().map(|name| (*name).to_owned()).collect(),
        roles_claim: "roles".to_owned(),
        districts_claim: "districts".to_owned(),
        clearance_claim: "clearance".to_owned(),
    })
    .unwrap()
}

async fn who(tokens: &Tokens, token: &str) -> Result<Principal, Refusal> {
    tokens.prepare(token).await;
    tokens.who(token)
}

fn refused(answer: Result<Principal, Refusal>, word: &str) {
    match answer {
        Err(Refusal::Token(why)) => assert!(why.contains(word), "{why}"),
        other => panic!("{word}: {other:?}"),
    }
}

#[tokio::test]
async fn tokens_of_a_real_issuer_are_judged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc");
    if !is_there(&folder) {
        return;
    }
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = start(&folder, port, "first");
    let tokens = taking(&server.issuer, &["RS256"]);
    let good = server.token("https://urbis").await;
    let principal = who(&tokens, &good).await.unwrap();
    assert_eq!(principal.id, format!("token:{}#station", server.issuer));
    assert!(principal.roles.contains("reader") && principal.districts.contains("haidian"));
    assert_eq!(principal.clearance, 3);
    assert!(principal.expires.is_some());

    refused(who(&tokens, &server.token("https://other").await).await, "InvalidAudience");
    refused(who(&taking(&server.issuer, &["ES256"]), &good).await, "algorithm");
    let elsewhere = taking(&format!("http://localhost:{port}"), &["RS256"]);
    refused(who(&elsewhere, &good).await, "key");
    // Another payload under the signature, no signature, and no algorithm.
    let parts: Vec<&str> = good.split('.').collect();
    let other: Vec<&str> = [parts[0], "eyJzdWIiOiJhZG1pbiIsInJvbGVzIjpbImFkbWluaXN0cmF0b3IiXX0", parts[2]].to_vec();
    refused(who(&tokens, &other.join(".")).await, "");
    refused(who(&tokens, &format!("{}.{}.", parts[0], parts[1])).await, "");
    refused(who(&tokens, &format!("eyJhbGciOiJub25lIn0.{}.", parts[1])).await, "no signed JWT");

    // The issuer has another key from now on.
    drop(server);
    let server = start(&folder, port, "second");
    let next = server.token("https://urbis").await;
    refused(who(&tokens, &next).await, "key");
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert!(who(&tokens, &next).await.is_ok(), "an unknown key is looked for, after a while");
    refused(who(&tokens, &good).await, "key");
}
