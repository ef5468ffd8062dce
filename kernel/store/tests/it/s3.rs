//! A real S3-compatible server on loopback, and the objects in it as files.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// As `make setup` installs it.
const SERVER: &str = "urbis/s3/versitygw-1.8.0";

/// A server with one bucket, `city`; what it holds outlives a stop.
pub(crate) struct S3 {
    program: PathBuf,
    folder: tempfile::TempDir,
    port: u16,
    running: Option<Child>,
}

impl S3 {
    /// `None`, with a word about it, where the server is not installed; that fails where `CI` is set.
    pub(crate) fn start() -> Option<Self> {
        let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
        let cache = cache.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")))?;
        let program = cache.join(SERVER);
        if !program.exists() {
            assert!(std::env::var_os("CI").is_none(), "{} is missing: make setup", program.display());
            println!("left out: needs {}", program.display());
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("objects/city")).unwrap();
        fs::create_dir(folder.path().join("beside")).unwrap();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut server = Self { program, folder, port, running: None };
        server.run();
        Some(server)
    }

    /// Starts it, or starts it again.
    pub(crate) fn run(&mut self) {
        let child = Command::new(&self.program)
            .args(["--port", &format!("127.0.0.1:{}", self.port)])
            .args(["--access", "id", "--secret", "not-very-secret", "--quiet", "posix", "--sidecar"])
            .args([self.folder.path().join("beside"), self.folder.path().join("objects")])
            .stdout(Stdio::null())
            .spawn();
        self.running = Some(child.unwrap());
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(20), "the server does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends it a signal by name.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.running.as_ref().map(|child| child.id().to_string());
        let sent = pid.map(|pid| Command::new("kill").args(["-s", name, &pid]).status().unwrap());
        assert!(sent.is_none_or(|status| status.success()), "no process for {name}");
    }

    /// Kills it, as a power cut would.
    pub(crate) fn kill(&mut self) {
        self.signal("KILL");
        self.running.take().map(|mut child| child.wait().unwrap());
    }

    /// How it is reached, as environment variables.
    pub(crate) fn variables(&self) -> [(&'static str, String); 4] {
        [
            ("AWS_ENDPOINT", format!("http://127.0.0.1:{}", self.port)),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
            ("AWS_ACCESS_KEY_ID", "id".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "not-very-secret".to_owned()),
        ]
    }

    /// The objects under a prefix, as files.
    pub(crate) fn objects(&self, prefix: &str) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut folders = vec![self.folder.path().join("objects/city").join(prefix)];
        while let Some(folder) = folders.pop() {
            for path in fs::read_dir(folder).into_iter().flatten().map(|entry| entry.unwrap().path()) {
                if path.is_dir() { folders.push(path) } else { found.push(path) }
            }
        }
        found.sort();
        found
    }
}

impl Drop for S3 {
    fn drop(&mut self) {
        self.kill();
    }
}
