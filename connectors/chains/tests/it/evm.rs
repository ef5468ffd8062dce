//! The anchor `evm` on a real node (anvil) with the contract compiled from the tree (solc), both from npm below
//! `$URBIS_EVM/node_modules`. Where they are missing the test says so; with `CI=true` they are required.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use connectors_chains::EvmAnchor;
use kernel_model::{Anchor, AnchorPoint};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::law;

/// The first account that anvil makes, whose key it holds.
const WRITER: &str = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
/// The second one.
const OTHER: &str = "0x70997970c51812dc3a010c7d01b50e0d17dc79c8";

fn modules() -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts");
    let folder = std::env::var_os("URBIS_EVM").map_or_else(beside, PathBuf::from);
    if folder.join("node_modules/.bin/anvil").exists() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "anvil is missing: make setup");
    println!("left out: needs anvil and solc from npm below $URBIS_EVM");
    None
}

struct Node {
    child: Child,
    url: String,
    contract: String,
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn rpc(url: &str, method: &str, parameters: Value) -> Value {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
    let answer: Value = ureq::post(url).send_json(&body).unwrap().body_mut().read_json().unwrap();
    assert!(answer.get("error").is_none(), "{method}: {answer}");
    answer["result"].clone()
}

impl Node {
    fn start(modules: &Path) -> Self {
        let compiled = Command::new("node")
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("contracts/compile.cjs"))
            .env("URBIS_EVM", modules)
            .output()
            .unwrap();
        let compiled: Value = serde_json::from_slice(&compiled.stdout).unwrap();
        // The program itself, not the script before it, so that it ends with the test.
        let program = modules.join("node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");
        let program = if program.exists() { program } else { modules.join("node_modules/.bin/anvil") };
        let mut child =
            Command::new(program).args(["--port", "0", "--hardfork", "paris"]).stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut lines = lines.skip_while(|line| !line.contains("Listening on"));
        let line = lines.next().unwrap();
        let url = format!("http://{}", line.rsplit(' ').next().unwrap());
        // Somebody has to read on, or it waits for its output.
        std::thread::spawn(move || lines.for_each(drop));
        let code = format!("0x{}", compiled["bytecode"].as_str().unwrap());
        let sent = rpc(&url, "eth_sendTransaction", json!([{ "from": WRITER, "data": code }]));
        let receipt = rpc(&url, "eth_getTransactionReceipt", json!([sent]));
        let contract = receipt["contractAddress"].as_str().unwrap().to_owned();
        Self { child, url, contract }
    }

    fn anchor(&self, writer: &str) -> EvmAnchor {
        EvmAnchor::new(&self.url, &self.contract, writer).unwrap()
    }
}

#[test]
fn a_contract_keeps_the_laws_and_finds_leaves() {
    let Some(modules) = modules() else { return };
    let node = Node::start(&modules);
    law(|| node.anchor(WRITER));
    // Who writes without being asked writes on a shelf of his own.
    let mut other = node.anchor(OTHER);
    assert_eq!(other.newest("a.example/log").unwrap(), None);

    // A tree of five leaves, every one of them proven on the chain, and no other.
    let leaves: Vec<[u8; 32]> = (0..5_u8).map(|n| Sha256::new().chain_update([0, n]).finalize().into()).collect();
    let root = AnchorPoint { origin: "five.example/log".to_owned(), size: 5, root: hex::encode(root(&leaves)) };
    let placed = other.anchor(&root).unwrap();
    assert!(placed.place.starts_with("transaction 0x"), "{}", placed.place);
    for (index, leaf) in leaves.iter().enumerate() {
        let proof = proof(&leaves, index);
        let index = index as u64;
        assert!(other.includes("five.example/log", index, leaf, &proof).unwrap());
        assert!(!other.includes("five.example/log", index, &[9; 32], &proof).unwrap());
        assert!(!other.includes("five.example/log", (index + 1) % 5, leaf, &proof).unwrap());
        assert!(!other.includes("five.example/log", index, leaf, &proof[1..]).unwrap());
        assert!(!other.includes("none.example/log", index, leaf, &proof).unwrap());
    }
    // Told past our own look, the contract itself refuses what goes back.
    let smaller = format!("0x70c127c6{}{:064x}{}", hex::encode(Sha256::digest("five.example/log")), 4, "11".repeat(32));
    let call = json!([{ "from": OTHER, "to": node.contract, "data": smaller }, "latest"]);
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "eth_call", "params": call });
    let answer: Value = ureq::post(&node.url).send_json(&body).unwrap().body_mut().read_json().unwrap();
    assert!(answer["error"].is_object(), "{answer}");
}

#[test]
fn what_is_no_node_or_no_contract_is_told() {
    let mut nobody = EvmAnchor::new("http://127.0.0.1:9", WRITER, WRITER).unwrap();
    assert!(nobody.newest("a.example/log").unwrap_err().to_string().starts_with("the contract 0xf39f"));
    assert!(EvmAnchor::new("http://127.0.0.1:9", "0x12", WRITER).is_err());
    let Some(modules) = modules() else { return };
    let node = Node::start(&modules);
    let mut empty = EvmAnchor::new(&node.url, OTHER, WRITER).unwrap();
    assert!(empty.newest("a.example/log").unwrap_err().to_string().contains("no such contract"));
}

fn join(left: [u8; 32], right: [u8; 32]) -> [u8; 32] {
    Sha256::new().chain_update([1]).chain_update(left).chain_update(right).finalize().into()
}

/// RFC 6962, 2.1, straight from its definition.
fn root(leaves: &[[u8; 32]]) -> [u8; 32] {
    match leaves {
        [leaf] => *leaf,
        _ => {
            let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
            join(root(left), root(right))
        }
    }
}

/// RFC 6962, 2.1.1.
fn proof(leaves: &[[u8; 32]], index: usize) -> Vec<[u8; 32]> {
    if leaves.len() == 1 {
        return Vec::new();
    }
    let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
    let (mut path, beside) = if index < left.len() {
        (proof(left, index), root(right))
    } else {
        (proof(right, index - left.len()), root(left))
    };
    path.push(beside);
    path
}
