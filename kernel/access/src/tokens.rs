//! Bearer tokens of an OpenID Connect issuer (OpenID Connect Core 1.0; JWT, RFC 7519). A token comes in, who has it goes out, or
//! why it is refused. Its signature, issuer, audience and times are checked; which algorithms may sign is said by the
//! configuration and never by the token; keys come from the issuer's own address only and are fetched anew when a token
//! names one that is not known, not more often than every few seconds. Nothing is believed that is not signed.

use std::collections::{BTreeSet, HashMap};
use std::sync::{PoisonError, RwLock};
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::{Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header};
use kernel_model::TimeUs;
use serde::Deserialize;
use serde_json::Value;

use crate::error::{Error, Refusal};
use crate::principal::{FULL_CLEARANCE, Principal, Scope};

/// Longer texts are no tokens of ours.
const TOKEN_BYTES: usize = 16 << 10;
/// Larger documents of an issuer are not read.
const DOCUMENT_BYTES: usize = 1 << 20;
/// Keys of an issuer that are looked at.
const KEYS: usize = 64;
/// Shortest time between two looks at the issuer's keys.
const LOOK: Duration = Duration::from_secs(10);
/// After so long keys are fetched anew, also where all are known: the issuer may have dropped one.
const OLD: Duration = Duration::from_secs(3_600);
/// Longest time for one document.
const PATIENCE: Duration = Duration::from_secs(5);
/// How far clocks may differ, seconds.
const LEEWAY_S: u64 = 30;

/// Whose tokens are taken, and what they say.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// Its address, exactly as `iss` says it.
    pub issuer: String,
    /// What `aud` must name.
    pub audience: String,
    /// Which algorithms may sign, such as `RS256`: none with a shared secret.
    pub algorithms: Vec<String>,
    /// The claim with the roles, with dots where it is inside another: `realm_access.roles`.
    pub roles_claim: String,
    /// The claim with the districts.
    pub districts_claim: String,
    /// The claim with the clearance.
    pub clearance_claim: String,
}

#[derive(Default)]
struct Known {
    keys: HashMap<String, (DecodingKey, Option<Algorithm>)>,
    fetched: Option<Instant>,
    /// Also where it failed.
    looked: Option<Instant>,
}

/// Takes tokens of one issuer.
pub struct Tokens {
    issuer: Issuer,
    algorithms: Vec<Algorithm>,
    client: reqwest::Client,
    known: RwLock<Known>,
    /// One looks at a time.
    looking: tokio::sync::Mutex<()>,
}

impl std::fmt::Debug for Tokens {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tokens({})", self.issuer.issuer)
    }
}

/// Of an issuer's own description (OpenID Connect Discovery 1.0, 3) what is needed here.
#[derive(Deserialize)]
struct Description {
    issuer: String,
    jwks_uri: String,
}

impl Tokens {
    /// Nothing is fetched yet.
    ///
    /// # Errors
    /// Where the issuer's address is not https (http is for this machine), or an algorithm is none that may sign.
    pub fn new(issuer: Issuer) -> Result<Self, Error> {
        let wrong = |why: String| Error::Issuer { issuer: issuer.issuer.clone(), why };
        check_address(&issuer.issuer).map_err(wrong)?;
        if issuer.audience.is_empty() {
            return Err(wrong("an audience is needed: tokens for others are not for us".to_owned()));
        }
        let algorithm = |name: &String| match name.parse::<Algorithm>() {
            Ok(Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512) | Err(_) => Err(wrong(format!(
                "`{name}` is no algorithm with a public key: give RS256, PS256, ES256, ES384 or EdDSA"
            ))),
            Ok(algorithm) => Ok(algorithm),
        };
        let algorithms = issuer.algorithms.iter().map(algorithm).collect::<Result<Vec<_>, _>>()?;
        if algorithms.is_empty() {
            return Err(wrong("an algorithm is needed, such as RS256".to_owned()));
        }
        let client = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build();
        let client = client.map_err(|error| wrong(error.to_string()))?;
        Ok(Self { issuer, algorithms, client, known: RwLock::default(), looking: tokio::sync::Mutex::default() })
    }

    /// Fetches the issuer's keys where a token names one that is not known, or they are old. What fails is told in the log; the
    /// token is then refused as one with an unknown key.
    pub async fn prepare(&self, token: &str) {
        let Some(kid) = key_id(token) else { return };
        if !self.wants(&kid) {
            return;
        }
        let _one = self.looking.lock().await;
        if !self.wants(&kid) {
            return;
        }
        self.known.write().unwrap_or_else(PoisonError::into_inner).looked = Some(Instant::now());
        match self.fetch().await {
            Ok(keys) => {
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                (known.keys, known.fetched) = (keys, Some(Instant::now()));
            }
            Err(error) => tracing::warn!(%error, "bearer tokens are held against the keys that are known"),
        }
    }

    fn wants(&self, kid: &str) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let is_old = known.fetched.is_none_or(|at| at.elapsed() >= OLD);
        let may_look = known.looked.is_none_or(|at| at.elapsed() >= LOOK);
        may_look && (is_old || !known.keys.contains_key(kid))
    }

    async fn fetch(&self) -> Result<HashMap<String, (DecodingKey, Option<Algorithm>)>, Error> {
        let wrong = |why: String| Error::Issuer { issuer: self.issuer.issuer.clone(), why };
        let about = format!("{}/.well-known/openid-configuration", self.issuer.issuer.trim_end_matches('/'));
        let description: Description = self.document(&about).await?;
        if description.issuer != self.issuer.issuer {
            return Err(wrong(format!("{about} calls itself {}", description.issuer)));
        }
        check_address(&description.jwks_uri).map_err(wrong)?;
        let set: JwkSet = self.document(&description.jwks_uri).await?;
        Ok(set.keys.iter().take(KEYS).filter_map(key).collect())
    }

    async fn document<T: serde::de::DeserializeOwned>(&self, address: &str) -> Result<T, Error> {
        let wrong =
            |why: String| Error::Issuer { issuer: self.issuer.issuer.clone(), why: format!("{address}: {why}") };
        let sent = self.client.get(address).send().await.and_then(reqwest::Response::error_for_status);
        let mut answer = sent.map_err(|error| wrong(error.without_url().to_string()))?;
        let mut bytes = Vec::new();
        while let Some(chunk) = answer.chunk().await.map_err(|error| wrong(error.without_url().to_string()))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > DOCUMENT_BYTES {
                return Err(wrong("it is too large".to_owned()));
            }
        }
        serde_json::from_slice(&bytes).map_err(|error| wrong(error.to_string()))
    }

    /// Who has a token.
    ///
    /// # Errors
    /// Where it is none, is not signed by a key of the issuer that is known, is for others, is too old or too new.
    pub fn who(&self, token: &str) -> Result<Principal, Refusal> {
        let refused = |why: &str| Refusal::Token(why.to_owned());
        if token.len() > TOKEN_BYTES {
            return Err(refused("it is too long"));
        }
        let header = decode_header(token).map_err(|_| refused("it is no signed JWT"))?;
        if !self.algorithms.contains(&header.alg) {
            return Err(refused("its algorithm is not one that this server takes"));
        }
        let kid = header.kid.as_deref().ok_or_else(|| refused("it names no key (kid)"))?;
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let (key, own) = known.keys.get(kid).ok_or_else(|| refused("its key is not one of the issuer's"))?;
        if own.is_some_and(|own| own != header.alg) {
            return Err(refused("its key is for another algorithm"));
        }
        let mut validation = Validation::new(header.alg);
        validation.leeway = LEEWAY_S;
        validation.validate_nbf = true;
        validation.set_audience(&[&self.issuer.audience]);
        validation.set_issuer(&[&self.issuer.issuer]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let claims = decode::<Value>(token, key, &validation).map_err(|error| refused(&error.to_string()))?.claims;
        self.principal(&claims).ok_or_else(|| refused("its subject is no text"))
    }

    fn principal(&self, claims: &Value) -> Option<Principal> {
        let subject = claims.get("sub")?.as_str().filter(|subject| !subject.is_empty())?;
        let name = ["preferred_username", "name"].into_iter().find_map(|claim| claims.get(claim)?.as_str());
        let clearance = claim(claims, &self.issuer.clearance_claim).and_then(Value::as_u64).unwrap_or(0);
        let expires = claims.get("exp").and_then(Value::as_f64).map(|seconds| TimeUs((seconds * 1e6) as i64));
        Some(Principal {
            id: format!("token:{}#{subject}", self.issuer.issuer),
            name: name.unwrap_or(subject).to_owned(),
            roles: texts(claim(claims, &self.issuer.roles_claim)),
            districts: texts(claim(claims, &self.issuer.districts_claim)),
            clearance: u8::try_from(clearance).unwrap_or(0).min(FULL_CLEARANCE),
            scopes: Scope::ALL.into(),
            expires,
        })
    }
}

/// Tokens cross a network only under TLS; a loopback address is this machine.
fn check_address(address: &str) -> Result<(), String> {
    let url = reqwest::Url::parse(address).map_err(|error| format!("`{address}` is no address: {error}"))?;
    let is_here = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_here => Ok(()),
        _ => Err(format!("`{address}` is not https")),
    }
}

fn key_id(token: &str) -> Option<String> {
    if token.len() > TOKEN_BYTES {
        return None;
    }
    decode_header(token).ok()?.kid
}

/// A key that signs, by its id.
fn key(jwk: &Jwk) -> Option<(String, (DecodingKey, Option<Algorithm>))> {
    if jwk.common.public_key_use.as_ref().is_some_and(|of| *of != PublicKeyUse::Signature) {
        return None;
    }
    let algorithm = jwk.common.key_algorithm.and_then(|own| own.to_string().parse().ok());
    Some((jwk.common.key_id.clone()?, (DecodingKey::from_jwk(jwk).ok()?, algorithm)))
}

/// A claim, perhaps inside others.
fn claim<'a>(claims: &'a Value, path: &str) -> Option<&'a Value> {
    claims.get(path).or_else(|| path.split('.').try_fold(claims, |inside, name| inside.get(name)))
}

/// A list of texts, or a text with spaces between words.
fn texts(claim: Option<&Value>) -> BTreeSet<String> {
    match claim {
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(words)) => words.split_whitespace().map(str::to_owned).collect(),
        _ => BTreeSet::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issuer() -> Issuer {
        Issuer {
            issuer: "https://id.example".to_owned(),
            audience: "urbis".to_owned(),
            algorithms: vec!["RS256".to_owned()],
            roles_claim: "realm_access.roles".to_owned(),
            districts_claim: "districts".to_owned(),
            clearance_claim: "clearance".to_owned(),
        }
    }

    #[test]
    fn what_cannot_be_trusted_is_refused_at_the_start() {
        let refused = |change: fn(&mut Issuer)| {
            let mut issuer = issuer();
            change(&mut issuer);
            Tokens::new(issuer).unwrap_err().to_string()
        };
        assert!(refused(|issuer| issuer.issuer = "http://id.example".to_owned()).contains("not https"));
        assert!(refused(|issuer| issuer.algorithms = vec!["HS256".to_owned()]).contains("public key"));
        assert!(refused(|issuer| issuer.algorithms = vec!["none".to_owned()]).contains("public key"));
        assert!(refused(|issuer| issuer.algorithms.clear()).contains("algorithm is needed"));
        assert!(refused(|issuer| issuer.audience.clear()).contains("audience"));
        assert!(Tokens::new(issuer()).is_ok());
    }

    #[test]
    fn a_token_that_is_not_signed_is_none() {
        let tokens = Tokens::new(issuer()).unwrap();
        // {"alg":"none"}.{"sub":"admin"}.
        for token in ["eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9.", "", "a.b.c", "...", &"a".repeat(TOKEN_BYTES + 1)] {
            assert!(matches!(tokens.who(token), Err(Refusal::Token(_))), "{token}");
        }
    }

    #[test]
    fn claims_are_read_from_where_they_are_said_to_be() {
        let tokens = Tokens::new(issuer()).unwrap();
        let claims = serde_json::json!({
            "sub": "7", "exp": 2_000_000_000, "realm_access": { "roles": ["reader", 3] }, "districts": "haidian xicheng",
            "clearance": 300, "roles": ["administrator"],
        });
        let principal = tokens.principal(&claims).unwrap();
        assert_eq!(principal.id, "token:https://id.example#7");
        assert_eq!(principal.roles, ["reader".to_owned()].into());
        assert_eq!(principal.districts, ["haidian".to_owned(), "xicheng".to_owned()].into());
        assert_eq!(principal.clearance, 0, "what is no clearance is none");
        assert_eq!(principal.expires, Some(TimeUs(2_000_000_000_000_000)));
    }
}
