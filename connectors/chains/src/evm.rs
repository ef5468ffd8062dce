//! The anchor `evm`: trees in, transactions of the contract `Anchors` out, over the JSON-RPC of a node (Ethereum execution
//! APIs). The node or a signer before it holds the account's key: nothing is signed here, and no key is in this program.
//! The contract is in `contracts/Anchors.sol`; a log is there under the SHA-256 of its name, on its writer's own shelf.

use std::time::{Duration, Instant};

use kernel_model::{Anchor, AnchorError, AnchorPoint, Anchored};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// First four bytes of the Keccak-256 of `anchor(bytes32,uint64,bytes32)`.
const ANCHOR: &str = "70c127c6";
/// Of `newest(bytes32,address)`.
const NEWEST: &str = "7169c662";
/// Of `includes(bytes32,address,uint64,bytes32,bytes32[])`.
const INCLUDES: &str = "a89323b7";
/// Longest wait for one answer of the node.
const ANSWER: Duration = Duration::from_secs(20);
/// Longest wait for a transaction to be in a block.
const MINED: Duration = Duration::from_secs(180);
/// Pause between two looks for it.
const PACE: Duration = Duration::from_millis(500);

/// A contract on an EVM chain.
pub struct EvmAnchor {
    agent: ureq::Agent,
    url: String,
    contract: String,
    writer: String,
}

impl std::fmt::Debug for EvmAnchor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EvmAnchor")
            .field("contract", &self.contract)
            .field("writer", &self.writer)
            .finish_non_exhaustive()
    }
}

impl EvmAnchor {
    /// The contract at `contract`, with transactions from the account `writer`, by the node at `url` (`http://`); addresses
    /// are 20 bytes in hexadecimal with `0x` before them.
    ///
    /// # Errors
    /// Where an address is none.
    pub fn new(url: &str, contract: &str, writer: &str) -> Result<Self, AnchorError> {
        let config = ureq::Agent::config_builder().timeout_global(Some(ANSWER)).http_status_as_error(false).build();
        let [url, contract, writer] = [url, contract, writer].map(str::to_owned);
        let anchor = Self { agent: config.into(), url, contract, writer };
        for address in [&anchor.contract, &anchor.writer] {
            if address_word(address).is_none() {
                return Err(anchor.away(format!("`{address}` is no address of 20 bytes, 0x...")));
            }
        }
        Ok(anchor)
    }

    /// Whether a leaf stands in the largest tree of a log, as the contract itself finds out.
    ///
    /// # Errors
    /// Where the node cannot be reached or refuses.
    pub fn includes(
        &self,
        origin: &str,
        index: u64,
        leaf_hash: &[u8; 32],
        proof: &[[u8; 32]],
    ) -> Result<bool, AnchorError> {
        let mut data = self.call_data(INCLUDES, origin);
        data += &number_word(index);
        data += &hex::encode(leaf_hash);
        // Where the hashes begin, how many there are, and they.
        data += &number_word(5 * 32);
        data += &number_word(proof.len() as u64);
        data += &proof.iter().map(hex::encode).collect::<String>();
        Ok(self.ask(&data)?.iter().any(|byte| *byte != 0))
    }

    /// A call's selector, log and writer.
    fn call_data(&self, selector: &str, origin: &str) -> String {
        format!("{selector}{}{}", log_word(origin), address_word(&self.writer).unwrap_or_default())
    }

    fn ask(&self, data: &str) -> Result<Vec<u8>, AnchorError> {
        let call = json!({ "to": self.contract, "data": format!("0x{data}") });
        let answer = self.rpc("eth_call", json!([call, "latest"]))?;
        let bytes = answer.as_str().and_then(|text| hex::decode(text.strip_prefix("0x")?).ok());
        bytes.filter(|bytes| !bytes.is_empty()).ok_or_else(|| self.away("there is no such contract there"))
    }

    fn rpc(&self, method: &str, parameters: Value) -> Result<Value, AnchorError> {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": parameters });
        let mut response = self.agent.post(&self.url).send_json(&body).map_err(|e| self.away(e))?;
        let mut answer: Value = response.body_mut().read_json().map_err(|e| self.away(e))?;
        match answer.get("error") {
            Some(error) => Err(self.away(format!("{method}: {error}"))),
            None => Ok(answer["result"].take()),
        }
    }

    /// Waits for a transaction; its height comes back.
    fn mined(&self, transaction: &str) -> Result<u64, AnchorError> {
        let begin = Instant::now();
        while begin.elapsed() < MINED {
            let receipt = self.rpc("eth_getTransactionReceipt", json!([transaction]))?;
            if receipt.is_object() {
                let height = receipt["blockNumber"]
                    .as_str()
                    .and_then(|text| u64::from_str_radix(text.strip_prefix("0x")?, 16).ok());
                return match (&receipt["status"], height) {
                    (status, Some(height)) if *status == "0x1" => Ok(height),
                    _ => Err(self.away(format!("the transaction {transaction} was refused by the contract"))),
                };
            }
            std::thread::sleep(PACE);
        }
        Err(self.away(format!("the transaction {transaction} is in no block after {} s", MINED.as_secs())))
    }

    fn away(&self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AnchorError {
        AnchorError::Away { anchor: self.name(), source: source.into() }
    }
}

impl Anchor for EvmAnchor {
    fn name(&self) -> String {
        format!("the contract {} at {}", self.contract, self.url)
    }

    fn newest(&mut self, origin: &str) -> Result<Option<Anchored>, AnchorError> {
        let answer = self.ask(&self.call_data(NEWEST, origin))?;
        let (size, root) = answer
            .split_at_checked(32)
            .filter(|(_, root)| root.len() == 32)
            .ok_or_else(|| self.away("its answer is not two words"))?;
        let size = size[24..].iter().fold(0_u64, |size, byte| size << 8 | u64::from(*byte));
        let point = AnchorPoint { origin: origin.to_owned(), size, root: hex::encode(root) };
        Ok((size > 0).then(|| Anchored { point, place: self.name() }))
    }

    fn anchor(&mut self, point: &AnchorPoint) -> Result<Anchored, AnchorError> {
        match self.newest(&point.origin)? {
            Some(held) if held.point == *point => return Ok(held),
            Some(held) if held.point.size >= point.size => {
                return Err(AnchorError::Refused {
                    anchor: self.name(),
                    origin: point.origin.clone(),
                    held: held.point.size,
                    root: held.point.root,
                });
            }
            _ => {}
        }
        let data = format!("0x{ANCHOR}{}{}{}", log_word(&point.origin), number_word(point.size), point.root);
        let transaction = json!({ "from": self.writer, "to": self.contract, "data": data });
        let sent = self.rpc("eth_sendTransaction", json!([transaction]))?;
        let hash = sent.as_str().ok_or_else(|| self.away("the node gave no transaction"))?.to_owned();
        let height = self.mined(&hash)?;
        let place = format!("transaction {hash} at height {height} of {}", self.name());
        Ok(Anchored { point: point.clone(), place })
    }
}

fn log_word(origin: &str) -> String {
    hex::encode(Sha256::digest(origin.as_bytes()))
}

fn number_word(number: u64) -> String {
    format!("{number:064x}")
}

/// An address as 32 bytes; nothing where it is none.
fn address_word(address: &str) -> Option<String> {
    let digits = address.strip_prefix("0x").filter(|digits| digits.len() == 40)?;
    hex::decode(digits).ok().map(|bytes| format!("{:0>64}", hex::encode(bytes)))
}
