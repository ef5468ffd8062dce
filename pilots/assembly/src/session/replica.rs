//! The one who works: shows its own edits at once, and keeps them until the log has them.

use std::collections::VecDeque;

use super::state::State;
use super::{Edit, Entry, Pose, Request, SessionError};

/// A client's side of a session.
#[derive(Debug, Clone)]
pub struct Replica {
    client: String,
    person: String,
    state: State,
    seen: u64,
    next: u64,
    waiting: VecDeque<Request>,
}

impl Replica {
    /// A client of a person; its name is its own for ever, and no other client's.
    pub fn new(client: impl Into<String>, person: impl Into<String>) -> Self {
        let (client, person) = (client.into(), person.into());
        Self { client, person, state: State::default(), seen: 0, next: 1, waiting: VecDeque::new() }
    }

    /// Makes an edit; the request is to be sent, and is kept until it is answered.
    pub fn edit(&mut self, edit: Edit) -> Request {
        let request = Request { client: self.client.clone(), person: self.person.clone(), number: self.next, edit };
        self.next += 1;
        self.waiting.push_back(request.clone());
        request
    }

    /// Takes in a piece of the log; what it has seen already is passed over.
    ///
    /// # Errors
    /// [`SessionError::Order`] where a piece is missing before: ask for the log since [`Replica::seen`].
    pub fn receive(&mut self, entries: &[Entry]) -> Result<(), SessionError> {
        for entry in entries.iter().filter(|entry| entry.number > self.seen).collect::<Vec<_>>() {
            if entry.number != self.seen + 1 {
                return Err(SessionError::Order { given: entry.number, last: self.seen });
            }
            self.seen = entry.number;
            self.state.apply(entry);
            if entry.request.client == self.client {
                self.next = self.next.max(entry.request.number + 1);
                self.waiting.retain(|waiting| waiting.number != entry.request.number);
            }
        }
        Ok(())
    }

    /// Number of the last entry it has.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// What was sent and not answered, or not sent: all of it is to be sent again after a cut, in this order.
    pub fn unanswered(&self) -> impl Iterator<Item = &Request> {
        self.waiting.iter()
    }

    /// What the log says, as far as it is known here.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Where a part is shown: where one's own last unanswered move puts it, else where the log has it.
    pub fn shown(&self, part: &str) -> Option<&Pose> {
        let own = self.waiting.iter().rev().find_map(|request| match &request.edit {
            Edit::Move { part: moved, pose } if moved == part => Some(pose),
            _ => None,
        });
        own.or_else(|| self.state.pose(part))
    }
}
