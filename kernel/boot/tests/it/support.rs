//! A running `urbis`, requests to it, and where real input lies.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};

use serde_json::Value;

/// The program under test.
pub(crate) fn urbis() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_urbis"));
    command.env("URBIS_LOG", "warn");
    command
}

/// Runs to the end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    urbis().args(arguments).output().unwrap()
}

pub(crate) fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Must have ended with 0.
pub(crate) fn done(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "urbis {arguments:?}: {}", stderr(&output));
    stdout(&output)
}

/// Real input, or `None` with a word about it; missing it fails where `CI` is set.
pub(crate) fn shared(path: &str) -> Option<PathBuf> {
    let root = std::env::var_os("URBIS_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared"), PathBuf::from);
    let file = root.join(path);
    if file.exists() {
        return Some(file);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", file.display());
    println!("left out: needs ../shared/{path}");
    None
}

/// Whether a foreign program is installed; missing it fails where `CI` is set.
pub(crate) fn has(program: &str) -> bool {
    let found = Command::new(program).arg("--help").output().is_ok();
    assert!(found || std::env::var_os("CI").is_none(), "{program} is missing: make setup");
    if !found {
        println!("left out: needs {program}");
    }
    found
}

/// The interpreter that has other people's clients: `URBIS_CLIENTS_PYTHON`, or that of the environment beside its
/// requirements.
pub(crate) fn python() -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/.venv/bin/python");
    let python = std::env::var_os("URBIS_CLIENTS_PYTHON").map_or(beside, PathBuf::from);
    if python.exists() {
        return Some(python);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing: make setup", python.display());
    println!("left out: {} is missing", python.display());
    None
}

/// A server on free loopback ports.
pub(crate) struct Server {
    pub(crate) child: Child,
    pub(crate) url: String,
    pub(crate) mqtt: Option<String>,
    pub(crate) key: Option<String>,
    pub(crate) flight: Option<String>,
    pub(crate) pg: Option<String>,
}

impl Server {
    pub(crate) fn start(data: &Path, mqtt: &str) -> Self {
        Self::start_by(urbis(), data, mqtt)
    }

    /// Starts by a command that takes the arguments of `urbis`.
    pub(crate) fn start_by(command: Command, data: &Path, mqtt: &str) -> Self {
        Self::start_with(command, data, mqtt, None)
    }

    /// The same, with a configuration.
    pub(crate) fn start_with(mut command: Command, data: &Path, mqtt: &str, config: Option<&Path>) -> Self {
        command.args(["serve", "--listen", "127.0.0.1:0", "--mqtt", mqtt, "--data"]).arg(data);
        if let Some(config) = config {
            command.arg("--config").arg(config);
        }
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let (mut url, mut mqtt, mut key) = (None, None, None);
        let (mut flight, mut pg) = (None, None);
        for line in BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok) {
            match line.split_once(':').map(|(name, value)| (name, value.trim())) {
                Some(("mqtt", value)) => mqtt = value.split_once("://").map(|(_, address)| address.to_owned()),
                Some(("key", value)) => key = value.split_whitespace().next().map(str::to_owned),
                Some(("flight", value)) => flight = Some(value.to_owned()),
                Some(("pg", value)) => pg = Some(value.to_owned()),
                Some(("page", value)) => {
                    url = Some(value.trim_end_matches('/').to_owned());
                    break;
                }
                _ => {}
            }
        }
        Self { url: url.expect("the server says where its page is"), child, mqtt, key, flight, pg }
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent.get(format!("{}{path}", self.url)).call().unwrap();
        let body = response.body_mut().read_to_vec().unwrap();
        (response.status().as_u16(), String::from_utf8_lossy(&body).into_owned())
    }

    pub(crate) fn json(&self, path: &str) -> Value {
        let (status, body) = self.get(path);
        assert_eq!(status, 200, "{path}: {body}");
        serde_json::from_str(&body).unwrap()
    }

    /// Rows of a SQL answer.
    pub(crate) fn sql(&self, query: &str) -> Value {
        let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
        let mut response = agent.post(format!("{}/sql", self.url)).send(query).unwrap();
        let body = response.body_mut().read_to_string().unwrap();
        assert_eq!(response.status().as_u16(), 200, "{query}: {body}");
        let answer: Value = serde_json::from_str(&body).unwrap();
        assert_eq!(answer["truncated"], Value::Null);
        answer["rows"].clone()
    }

    /// The one number of a SQL answer.
    pub(crate) fn number(&self, query: &str) -> i64 {
        let rows = self.sql(query);
        rows[0].as_object().unwrap().values().next().unwrap().as_i64().unwrap()
    }

    /// Asks until the answer is as wanted, ten seconds at most.
    pub(crate) fn until(&self, query: &str, wanted: i64) {
        for _ in 0..100 {
            if self.number(query) == wanted {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        panic!("{query} is {} after 10 s, not {wanted}", self.number(query));
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
