//! Policies in Cedar (<https://www.cedarpolicy.com>): those that every server has, and a file of one's own. A principal and what it
//! wants come in, a decision goes out; of reading, a [`Sight`]. Policies are checked against the schema before any is used, and a
//! policy that cannot be evaluated decides against whoever asks.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{
    Authorizer, Context, Decision, Entities, Entity, EntityId, EntityTypeName, EntityUid, PolicySet, Request, Response,
    RestrictedExpression, Schema, ValidationMode, Validator,
};
use kernel_model::{District, Places, Sight, Traits, View};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::principal::Principal;

const DEFAULT: &str = include_str!("default.cedar");
const SCHEMA: &str = include_str!("schema.cedarschema");
/// Of which level cells are where what forbids the exact place does not say.
const CELL_LEVEL: u8 = 4;
/// `BeiDou` has no finer cells.
const FINEST_LEVEL: u8 = 10;
/// Larger files of policies are refused.
const MOST_BYTES: usize = 1 << 20;

/// What somebody wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Read,
    Locate,
    Detail,
    Write,
    Operate,
    Administer,
}

impl Action {
    const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Locate => "locate",
            Self::Detail => "detail",
            Self::Write => "write",
            Self::Operate => "operate",
            Self::Administer => "administer",
        }
    }

    /// The type of what it is done to.
    const fn to(self) -> &'static str {
        match self {
            Self::Read | Self::Locate | Self::Detail => "Thing",
            Self::Write => "Dataset",
            Self::Operate | Self::Administer => "City",
        }
    }
}

/// Policies that were checked.
pub struct Policies {
    set: PolicySet,
    schema: Schema,
    authorizer: Authorizer,
    version: String,
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Policies({})", self.version)
    }
}

/// A text of Cedar could not be made; nothing is decided by it.
type Doubt = Box<dyn std::error::Error + Send + Sync>;

impl Policies {
    /// Those of every server, and one's own.
    ///
    /// # Errors
    /// Where one's own are no policies, or speak of what the schema does not have.
    pub fn new(own: &str) -> Result<Self, Error> {
        if own.len() > MOST_BYTES {
            return Err(Error::Policy(format!("a file of them has at most {MOST_BYTES} bytes")));
        }
        let wrong = |why: String| Error::Policy(why);
        let text = format!("{DEFAULT}\n{own}");
        let set = PolicySet::from_str(&text).map_err(|error| wrong(error.to_string()))?;
        let (schema, _) = Schema::from_cedarschema_str(SCHEMA).map_err(|error| wrong(error.to_string()))?;
        let checked = Validator::new(schema.clone()).validate(&set, ValidationMode::Strict);
        if let Some(error) = checked.validation_errors().next() {
            return Err(wrong(error.to_string()));
        }
        if let Some(level) = set
            .policies()
            .filter_map(|policy| policy.annotation("cell_level"))
            .find(|level| cell_level(level).is_none())
        {
            return Err(wrong(format!("@cell_level(\"{level}\"): give a level from 1 to {FINEST_LEVEL}")));
        }
        let version = hex::encode(&Sha256::digest(&text)[..8]);
        Ok(Self { set, schema, authorizer: Authorizer::new(), version })
    }

    /// Says which policies they are: the same text, the same version.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// What a principal may see.
    pub fn sight(self: &Arc<Self>, principal: &Principal, districts: &Arc<[District]>) -> Sight {
        let always = |action| self.always(principal, action) == Some(Decision::Allow);
        let places = if always(Action::Locate) { Places::Exact } else { Places::Cells };
        if places == Places::Exact && always(Action::Read) && always(Action::Detail) {
            return Sight::WHOLE;
        }
        let (policies, principal) = (self.clone(), principal.clone());
        Sight::new(districts.clone(), places, move |traits| policies.view(&principal, traits))
    }

    /// Whether there can be anything that it may read.
    pub(crate) fn may_read(&self, principal: &Principal) -> bool {
        self.always(principal, Action::Read) != Some(Decision::Deny)
    }

    /// Whether it may write to a dataset, or, where none is named, to any.
    pub(crate) fn may_write(&self, principal: &Principal, dataset: Option<&str>) -> bool {
        let Some(dataset) = dataset else { return self.always(principal, Action::Write) != Some(Decision::Deny) };
        let name = HashMap::from([("name".to_owned(), RestrictedExpression::new_string(dataset.to_owned()))]);
        self.decide(principal, Action::Write, dataset, name).is_ok_and(|answer| allows(&answer))
    }

    pub(crate) fn writes_everywhere(&self, principal: &Principal) -> bool {
        self.always(principal, Action::Write) == Some(Decision::Allow)
    }

    pub(crate) fn may_operate(&self, principal: &Principal) -> bool {
        self.decide(principal, Action::Operate, "", HashMap::new()).is_ok_and(|answer| allows(&answer))
    }

    pub(crate) fn may_administer(&self, principal: &Principal) -> bool {
        self.decide(principal, Action::Administer, "", HashMap::new()).is_ok_and(|answer| allows(&answer))
    }

    fn view(&self, principal: &Principal, traits: &Traits) -> Option<View> {
        let ask = |action| self.decide(principal, action, "", attributes(traits)).ok();
        ask(Action::Read).filter(allows)?;
        let (locate, detail) = (ask(Action::Locate)?, ask(Action::Detail)?);
        let cell_level = (!allows(&locate))
            .then(|| self.annotations(&locate, "cell_level").filter_map(cell_level).min().unwrap_or(CELL_LEVEL));
        let hidden = if allows(&detail) {
            BTreeSet::new()
        } else {
            let names = self.annotations(&detail, "hide").flat_map(|names| names.split(','));
            names.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
        };
        let hidden = match hidden.is_empty() && !allows(&detail) {
            true => vec!["*".to_owned()],
            false => hidden.into_iter().collect(),
        };
        Some(View { cell_level, hidden })
    }

    /// What the policies that decided say of themselves.
    fn annotations<'a>(&'a self, answer: &'a Response, name: &'static str) -> impl Iterator<Item = &'a str> + 'a {
        answer.diagnostics().reason().filter_map(move |id| self.set.annotation(id, name))
    }

    /// The decision whatever it is done to; `None` where that makes a difference.
    fn always(&self, principal: &Principal, action: Action) -> Option<Decision> {
        let ask = || -> Result<Option<Decision>, Doubt> {
            let known = [person(principal)?].into_iter().chain(roles(principal)?);
            let entities = Entities::from_entities(known, Some(&self.schema))?;
            let request = Request::builder()
                .principal(uid("Person", &principal.id)?)
                .action(uid("Action", action.name())?)
                .unknown_resource_with_type(EntityTypeName::from_str(action.to())?)
                .context(Context::empty())
                .build();
            let answer = self.authorizer.is_authorized_partial(&request, &self.set, &entities);
            // A policy that cannot be evaluated is no reason to say yes to everything.
            let is_sure = answer.definitely_errored().next().is_none();
            Ok(answer.decision().filter(|decision| is_sure || *decision == Decision::Deny))
        };
        ask().unwrap_or(None)
    }

    fn decide(
        &self,
        principal: &Principal,
        action: Action,
        name: &str,
        attributes: HashMap<String, RestrictedExpression>,
    ) -> Result<Response, Doubt> {
        let resource = Entity::new(uid(action.to(), name)?, attributes, HashSet::new())?;
        let known = [person(principal)?, resource].into_iter().chain(roles(principal)?);
        let entities = Entities::from_entities(known, Some(&self.schema))?;
        let (who, what, to) = (uid("Person", &principal.id)?, uid("Action", action.name())?, uid(action.to(), name)?);
        let request = Request::new(who, what, to, Context::empty(), Some(&self.schema))?;
        Ok(self.authorizer.is_authorized(&request, &self.set, &entities))
    }
}

fn allows(answer: &Response) -> bool {
    answer.decision() == Decision::Allow && answer.diagnostics().errors().next().is_none()
}

fn cell_level(text: &str) -> Option<u8> {
    text.parse().ok().filter(|level| (1..=FINEST_LEVEL).contains(level))
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, Doubt> {
    Ok(EntityUid::from_type_name_and_id(EntityTypeName::from_str(kind)?, EntityId::new(id)))
}

fn texts(texts: impl IntoIterator<Item = String>) -> RestrictedExpression {
    RestrictedExpression::new_set(texts.into_iter().map(RestrictedExpression::new_string))
}

fn person(principal: &Principal) -> Result<Entity, Doubt> {
    let attributes = HashMap::from([
        ("name".to_owned(), RestrictedExpression::new_string(principal.name.clone())),
        ("districts".to_owned(), texts(principal.districts.iter().cloned())),
        ("clearance".to_owned(), RestrictedExpression::new_long(principal.clearance.into())),
        ("scopes".to_owned(), texts(principal.scopes.iter().map(|scope| scope.name().to_owned()))),
    ]);
    let roles = principal.roles.iter().map(|role| uid("Role", role)).collect::<Result<_, _>>()?;
    Ok(Entity::new(uid("Person", &principal.id)?, attributes, roles)?)
}

fn roles(principal: &Principal) -> Result<Vec<Entity>, Doubt> {
    principal.roles.iter().map(|role| Ok(Entity::new_no_attrs(uid("Role", role)?, HashSet::new()))).collect()
}

fn attributes(traits: &Traits) -> HashMap<String, RestrictedExpression> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let district = traits.district.iter().map(|district| ("district".to_owned(), text(district)));
    let always = [
        ("kind".to_owned(), text(traits.kind.name())),
        ("class".to_owned(), text(&traits.class)),
        ("dataset".to_owned(), text(&traits.dataset)),
        ("grade".to_owned(), RestrictedExpression::new_long(traits.grade.into())),
    ];
    always.into_iter().chain(district).collect()
}

#[cfg(test)]
mod tests;
