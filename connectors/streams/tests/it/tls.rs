//! TLS and logins, with certificates made here: our broker and `mosquitto_pub`, our client and our broker.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use connectors_streams::mqtt::reason;
use connectors_streams::{Broker, BrokerLimits, Client, ClientSettings, ClientTls, Door, ServerTls};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};

use crate::foreign::has;
use crate::{Hand, LOCAL, next, until};

/// An authority, and certificates of it for `localhost` and for a client, as PEM files.
struct Certificates {
    dir: tempfile::TempDir,
}

impl Certificates {
    fn make() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, "authority");
        std::fs::write(dir.path().join("ca.pem"), params.self_signed(&key).unwrap().pem()).unwrap();
        let authority = Issuer::new(params, key);
        for name in ["localhost", "client"] {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            let signed = params.signed_by(&key, &authority).unwrap();
            std::fs::write(dir.path().join(format!("{name}.pem")), signed.pem()).unwrap();
            std::fs::write(dir.path().join(format!("{name}.key")), key.serialize_pem()).unwrap();
        }
        Self { dir }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn server(&self, clients: Option<&Path>) -> ServerTls {
        ServerTls::read(&self.file("localhost.pem"), &self.file("localhost.key"), clients).unwrap()
    }
}

async fn start(door: Door) -> Broker {
    Broker::start_behind(LOCAL, BrokerLimits::default(), door).await.unwrap()
}

fn mosquitto_pub(port: u16, arguments: &[&str]) -> bool {
    let mut command = Command::new("mosquitto_pub");
    command.args(["-h", "localhost", "-p", &port.to_string(), "-t", "a/b", "-m", "x", "-q", "1"]).args(arguments);
    command.output().unwrap().status.success()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mosquitto_pub_speaks_tls_with_us_and_nobody_else_does() {
    if !has("mosquitto_pub") {
        return;
    }
    let (ours, others) = (Certificates::make(), Certificates::make());
    let broker = start(Door::default().encrypted(ours.server(None))).await;
    let mut messages = broker.messages();
    let port = broker.address().port();
    let [ca, other] = [&ours, &others].map(|certificates| certificates.file("ca.pem").display().to_string());
    let said = tokio::task::spawn_blocking(move || {
        let good = mosquitto_pub(port, &["--cafile", &ca]);
        [good, mosquitto_pub(port, &["--cafile", &other]), mosquitto_pub(port, &[])]
    });
    assert_eq!(next(&mut messages).await.topic, "a/b");
    assert_eq!(said.await.unwrap(), [true, false, false]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn our_client_checks_the_broker_and_the_broker_its_client() {
    let (ours, others) = (Certificates::make(), Certificates::make());
    let broker = start(Door::default().encrypted(ours.server(Some(&ours.file("ca.pem"))))).await;
    let client = |authority: &Certificates, own: Option<&Certificates>, host: &str| {
        let own = own.map(|own| (own.file("client.pem"), own.file("client.key")));
        let own = own.as_ref().map(|(chain, key)| (chain.as_path(), key.as_path()));
        let tls = Some(ClientTls::read(&authority.file("ca.pem"), own).unwrap());
        let settings = ClientSettings::new(host, broker.address().port(), "client");
        Client::start(ClientSettings { tls, filters: vec!["a/#".into()], ..settings }).unwrap()
    };
    for (what, (wrong, _messages)) in [
        ("a broker of another authority", client(&others, Some(&ours), "localhost")),
        ("a broker of another name", client(&ours, Some(&ours), "127.0.0.1")),
        ("a client without certificate", client(&ours, None, "localhost")),
        ("a client of another authority", client(&ours, Some(&others), "localhost")),
    ] {
        tokio::time::sleep(Duration::from_millis(500)).await;
        assert!(!wrong.is_connected(), "{what}");
    }
    let (good, mut messages) = client(&ours, Some(&ours), "localhost");
    until(|| good.is_connected()).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
    let tls = ClientTls::read(&ours.file("ca.pem"), Some((&ours.file("client.pem"), &ours.file("client.key"))));
    let settings = ClientSettings::new("localhost", broker.address().port(), "speaker");
    let (second, _heard) = Client::start(ClientSettings { tls: Some(tls.unwrap()), ..settings }).unwrap();
    until(|| second.is_connected()).await;
    if has("mosquitto_pub") {
        let port = broker.address().port();
        let files = ["ca.pem", "client.pem", "client.key"].map(|name| ours.file(name).display().to_string());
        let said = tokio::task::spawn_blocking(move || {
            mosquitto_pub(port, &["--cafile", &files[0], "--cert", &files[1], "--key", &files[2]])
        });
        assert_eq!(next(&mut messages).await.topic, "a/b");
        assert!(said.await.unwrap());
    }
}

#[test]
fn files_that_are_no_certificates_are_named() {
    let certificates = Certificates::make();
    let [chain, key] = ["localhost.pem", "localhost.key"].map(|name| certificates.file(name));
    let read = |chain: &Path, key: &Path| ServerTls::read(chain, key, None).map(drop).unwrap_err().to_string();
    assert!(read(&certificates.file("none.pem"), &key).contains("none.pem"));
    assert!(read(&key, &key).contains("no certificate in it"));
    assert!(read(&chain, &chain).contains("localhost.pem"));
    assert!(read(&chain, &certificates.file("client.key")).contains("belong together"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_know_the_password_stays_outside() {
    let judge = |user: Option<&str>, password: Option<&[u8]>| user == Some("u") && password == Some(b"secret");
    let broker = start(Door::default().judged(judge)).await;
    for (user, password, wanted) in [
        (Some("u"), Some("secret"), reason::SUCCESS),
        (Some("u"), Some("wrong"), reason::LOGIN),
        (Some("u"), None, reason::LOGIN),
        (None, None, reason::LOGIN),
    ] {
        let (_hand, ack) = Hand::connect(broker.address(), "x", |connect| {
            connect.user = user.map(str::to_owned);
            connect.password = password.map(|password| password.to_owned().into());
        })
        .await;
        assert_eq!(ack.reason, wanted, "{user:?} {password:?}");
    }
    let settings = |password: &str| {
        let login = Some(("u".to_owned(), password.to_owned()));
        ClientSettings { login, ..ClientSettings::new("127.0.0.1", broker.address().port(), "ours") }
    };
    let (wrong, _messages) = Client::start(settings("wrong")).unwrap();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(!wrong.is_connected());
    let (right, _messages) = Client::start(settings("secret")).unwrap();
    until(|| right.is_connected()).await;
}
