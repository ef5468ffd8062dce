//! `[access]` and `[oidc]`: who is let in without a key, the policies of one's own, the districts they speak of, whose tokens are
//! taken, what is recorded. What people write comes in, the guard goes out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use kernel_access::{FULL_CLEARANCE, Guard, Issuer, KeyRing, Policies, Principal, Tokens};
use kernel_model::District;
use kernel_server::{Audit, AuditLevel};
use serde::{Deserialize, Serialize};

/// Who may see and do what.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Access {
    /// Roles of whoever proves nothing, with commas between.
    anonymous: String,
    /// Up to which grade that sees.
    anonymous_clearance: u8,
    /// File of policies, Cedar.
    policies: PathBuf,
    /// What is recorded of decisions: `off`, `writes` (with all refusals) or `all`.
    audit: String,
    /// MiB of one file of the record, and files that are kept.
    audit_mb: u64,
    audit_files: usize,
    /// Parts of the city.
    #[serde(skip_serializing)]
    districts: Vec<Outline>,
}

/// A district.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outline {
    name: String,
    outline: Vec<[f64; 2]>,
}

impl Default for Access {
    fn default() -> Self {
        Self {
            anonymous: "reader".to_owned(),
            anonymous_clearance: FULL_CLEARANCE,
            policies: PathBuf::new(),
            audit: "writes".to_owned(),
            audit_mb: 64,
            audit_files: 16,
            districts: Vec::new(),
        }
    }
}

impl Access {
    /// Where decisions are recorded, in a data folder that can be written.
    pub(crate) fn record(&self, data: &Path) -> anyhow::Result<Option<Arc<Audit>>> {
        let level = match self.audit.as_str() {
            "off" => return Ok(None),
            "writes" => AuditLevel::Writes,
            "all" => AuditLevel::All,
            other => bail!("access.audit is `off`, `writes` or `all`, not `{other}`"),
        };
        let dir = data.join("audit");
        let audit = Audit::open(&dir, level, self.audit_mb.max(1) << 20, self.audit_files);
        audit.map(Some).with_context(|| dir.display().to_string())
    }

    /// The guard with these keys.
    pub(crate) fn guard(&self, keys: KeyRing, oidc: &Oidc) -> anyhow::Result<Guard> {
        ensure!(
            self.anonymous_clearance <= FULL_CLEARANCE,
            "access.anonymous_clearance is a number from 0 to {FULL_CLEARANCE}"
        );
        let roles = self.anonymous.split(',').map(|role| role.trim().to_owned()).filter(|role| !role.is_empty());
        let anonymous = Principal::anonymous(roles, self.anonymous_clearance);
        let own = match self.policies.as_os_str().is_empty() {
            true => String::new(),
            false => std::fs::read_to_string(&self.policies)
                .with_context(|| format!("access.policies {}", self.policies.display()))?,
        };
        let policies = Policies::new(&own).with_context(|| format!("access.policies {}", self.policies.display()))?;
        let districts = self.districts.iter().map(Outline::read).collect::<anyhow::Result<Vec<_>>>()?;
        let guard = Guard::new(keys, policies, districts, anonymous);
        Ok(match oidc.read()? {
            Some(tokens) => guard.taking(tokens),
            None => guard,
        })
    }
}

/// `[oidc]`: whose bearer tokens are taken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Oidc {
    /// Address of the issuer, or nothing: no tokens are taken.
    issuer: String,
    /// For whom tokens must be.
    audience: String,
    /// Which algorithms may sign, with commas between.
    algorithms: String,
    /// Claims, with dots where one is inside another.
    roles_claim: String,
    districts_claim: String,
    clearance_claim: String,
}

impl Default for Oidc {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: String::new(),
            algorithms: "RS256".to_owned(),
            roles_claim: "roles".to_owned(),
            districts_claim: "districts".to_owned(),
            clearance_claim: "clearance".to_owned(),
        }
    }
}

impl Oidc {
    fn read(&self) -> anyhow::Result<Option<Tokens>> {
        if self.issuer.is_empty() {
            return Ok(None);
        }
        let algorithms = self.algorithms.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty());
        let tokens = Tokens::new(Issuer {
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            algorithms: algorithms.collect(),
            roles_claim: self.roles_claim.clone(),
            districts_claim: self.districts_claim.clone(),
            clearance_claim: self.clearance_claim.clone(),
        });
        Ok(Some(tokens.context("oidc")?))
    }
}

impl Outline {
    fn read(&self) -> anyhow::Result<District> {
        let name = &self.name;
        ensure!(!name.is_empty(), "access.districts: a district has a name");
        ensure!(self.outline.len() >= 3, "access.districts, {name}: an outline has three corners or more");
        let on_the_globe = |[lon, lat]: &[f64; 2]| lon.abs() <= 180.0 && lat.abs() <= 90.0;
        ensure!(
            self.outline.iter().all(on_the_globe),
            "access.districts, {name}: a corner is [longitude, latitude] in degrees"
        );
        Ok(District { name: Arc::from(name.as_str()), outline: self.outline.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_is_refused_with_its_field() {
        let refused = |toml: &str| {
            let dir = tempfile::tempdir().unwrap();
            let access: Access = toml::from_str(toml).unwrap();
            format!("{:#}", access.guard(KeyRing::open(dir.path()).unwrap(), &Oidc::default()).unwrap_err())
        };
        assert!(refused("anonymous_clearance = 10").contains("anonymous_clearance"));
        assert!(refused("policies = \"/nowhere/mine.cedar\"").contains("/nowhere/mine.cedar"));
        let two = "[[districts]]\nname = \"haidian\"\noutline = [[116.2, 39.9], [116.3, 39.9]]";
        assert!(refused(two).contains("haidian"));
        let swapped = "[[districts]]\nname = \"haidian\"\noutline = [[39.9, 116.2], [39.9, 116.3], [40.0, 116.2]]";
        assert!(refused(swapped).contains("longitude"));
    }
}
