//! The one who keeps the log.

use std::collections::{BTreeMap, BTreeSet};

use super::state::State;
use super::{Edit, Entry, NAME, Outcome, Request, SessionError, TEXT};

/// Most entries of one session.
const ENTRIES: usize = 1_000_000;
/// A lock of somebody who was not heard of for so long can be taken over: two minutes.
pub const LEASE_US: i64 = 120_000_000;

/// Where somebody is looking; not in the log, gone when they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Presence {
    /// Who.
    pub person: String,
    /// From where they look and at what, in the assembly, millimetres.
    pub eye_mm: [f64; 3],
    /// The same.
    pub target_mm: [f64; 3],
    /// The part they have selected.
    pub part: Option<String>,
    /// When they were last heard of, microseconds of UTC since 1970.
    pub seen_us: i64,
}

/// A session over the parts of one assembly.
#[derive(Debug, Clone)]
pub struct Session {
    parts: BTreeSet<String>,
    log: Vec<Entry>,
    state: State,
    /// By client: whose it is and its last request.
    clients: BTreeMap<String, (String, u64)>,
    /// By person.
    heard_us: BTreeMap<String, i64>,
    /// By client.
    presence: BTreeMap<String, Presence>,
}

impl Session {
    /// An empty one over parts by their ids.
    pub fn new(parts: impl IntoIterator<Item = String>) -> Self {
        Self {
            parts: parts.into_iter().collect(),
            log: Vec::new(),
            state: State::default(),
            clients: BTreeMap::new(),
            heard_us: BTreeMap::new(),
            presence: BTreeMap::new(),
        }
    }

    /// The session that a log is of, for going on with it.
    ///
    /// # Errors
    /// [`SessionError::Order`] where the log has a hole.
    pub fn replay(parts: impl IntoIterator<Item = String>, log: Vec<Entry>) -> Result<Self, SessionError> {
        let mut session = Self::new(parts);
        for entry in log {
            let last = session.log.len() as u64;
            if entry.number != last + 1 {
                return Err(SessionError::Order { given: entry.number, last });
            }
            session.push(entry);
        }
        Ok(session)
    }

    /// Takes a request in: once, whatever it is sent again. The entry that it became is returned when it is new.
    ///
    /// # Errors
    /// [`SessionError`], where it does not get into the log.
    pub fn submit(&mut self, request: Request, at_us: i64) -> Result<Option<&Entry>, SessionError> {
        let named = |name: &str| (1..=NAME).contains(&name.len());
        if !named(&request.client) || !named(&request.person) {
            return Err(SessionError::Name);
        }
        let last = match self.clients.get(&request.client) {
            Some((person, _)) if *person != request.person => {
                return Err(SessionError::Person { client: request.client, person: person.clone() });
            }
            known => known.map_or(0, |(_, last)| *last),
        };
        self.heard_us.insert(request.person.clone(), at_us);
        if request.number <= last {
            return Ok(None);
        }
        if request.number != last + 1 {
            return Err(SessionError::Gap { client: request.client, given: request.number, wanted: last + 1 });
        }
        if self.log.len() >= ENTRIES {
            return Err(SessionError::Full);
        }
        let outcome = self.judge(&request, at_us);
        self.push(Entry { number: self.log.len() as u64 + 1, at_us, request, outcome });
        Ok(self.log.last())
    }

    fn push(&mut self, entry: Entry) {
        self.state.apply(&entry);
        let Request { client, person, number, .. } = &entry.request;
        self.clients.insert(client.clone(), (person.clone(), *number));
        self.heard_us.insert(person.clone(), entry.at_us);
        self.log.push(entry);
    }

    fn judge(&self, request: &Request, at_us: i64) -> Outcome {
        let refused = |reason: String| Outcome::Refused { reason };
        let part = match &request.edit {
            Edit::Undo => {
                return match self.state.undoable(&request.person) {
                    None => refused("there is nothing of yours to take back".to_owned()),
                    Some((entry, part)) => match self.held_by_another(part, &request.person, at_us) {
                        Some(other) => refused(format!("`{part}` is locked by {other}")),
                        None => Outcome::Undid { entry },
                    },
                };
            }
            Edit::Move { part, .. } | Edit::Lock { part } | Edit::Unlock { part } | Edit::Comment { part, .. } => part,
        };
        if !self.parts.contains(part) {
            return refused(format!("there is no part `{part}`"));
        }
        let held = self.held_by_another(part, &request.person, at_us);
        match (&request.edit, held) {
            (Edit::Move { pose, .. }, _) if !pose.iter().all(|v| v.is_finite()) => {
                refused("a pose has finite numbers".to_owned())
            }
            (Edit::Comment { text, at_mm, .. }, _)
                if text.is_empty() || text.len() > TEXT || !at_mm.iter().all(|v| v.is_finite()) =>
            {
                refused(format!("a comment has 1 to {TEXT} bytes and a finite place"))
            }
            (Edit::Comment { .. }, _) | (_, None) => Outcome::Taken,
            (_, Some(other)) => refused(format!("`{part}` is locked by {other}")),
        }
    }

    /// Who else has a part locked and was heard of lately.
    fn held_by_another(&self, part: &str, person: &str, at_us: i64) -> Option<&str> {
        let holder = self.state.lock(part).filter(|holder| *holder != person)?;
        let heard = self.heard_us.get(holder).copied().unwrap_or(i64::MIN);
        (at_us.saturating_sub(heard) <= LEASE_US).then_some(holder)
    }

    /// Everything after an entry; of 0 everything.
    pub fn since(&self, number: u64) -> &[Entry] {
        self.log.get(usize::try_from(number).unwrap_or(usize::MAX)..).unwrap_or_default()
    }

    /// What the log says.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Somebody is here and looks around; hearing of them keeps their locks.
    pub fn here(&mut self, client: &str, presence: Presence) {
        self.heard_us.insert(presence.person.clone(), presence.seen_us);
        self.presence.insert(client.to_owned(), presence);
    }

    /// A client is gone.
    pub fn gone(&mut self, client: &str) {
        self.presence.remove(client);
    }

    /// Who is here: clients heard of within the lease.
    pub fn present(&self, at_us: i64) -> impl Iterator<Item = (&str, &Presence)> {
        let lately = move |one: &&Presence| at_us.saturating_sub(one.seen_us) <= LEASE_US;
        self.presence.iter().map(|(client, one)| (client.as_str(), one)).filter(move |(_, one)| lately(one))
    }
}
