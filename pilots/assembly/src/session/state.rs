//! What a log says of the parts: a fold, the same for everybody who reads the same entries.

use std::collections::BTreeMap;

use super::{Edit, Entry, Outcome, Pose};

/// A comment pinned to a part.
#[derive(Debug, Clone, PartialEq)]
pub struct Comment {
    /// Number of its entry.
    pub entry: u64,
    /// Who.
    pub person: String,
    /// When, microseconds of UTC since 1970.
    pub at_us: i64,
    /// The part's id.
    pub part: String,
    /// What it says.
    pub text: String,
    /// Where, in the part's own frame, millimetres.
    pub at_mm: [f64; 3],
}

#[derive(Debug, Clone, PartialEq)]
struct Move {
    entry: u64,
    pose: Pose,
}

/// Parts, locks and comments after some entries.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct State {
    /// By part: moves that stand, the last one counts.
    moves: BTreeMap<String, Vec<Move>>,
    locks: BTreeMap<String, String>,
    comments: BTreeMap<u64, Comment>,
    /// By person: entries that an undo would take back, the last one first to go, with their parts.
    undoable: BTreeMap<String, Vec<(u64, String)>>,
}

impl State {
    /// Where a part was put; `None`: where the model has it.
    pub fn pose(&self, part: &str) -> Option<&Pose> {
        self.moves.get(part)?.last().map(|one| &one.pose)
    }

    /// Parts that are not where the model has them.
    pub fn poses(&self) -> impl Iterator<Item = (&str, &Pose)> {
        self.moves.iter().filter_map(|(part, moves)| Some((part.as_str(), &moves.last()?.pose)))
    }

    /// Who has a part locked.
    pub fn lock(&self, part: &str) -> Option<&str> {
        self.locks.get(part).map(String::as_str)
    }

    /// All comments, the oldest first.
    pub fn comments(&self) -> impl Iterator<Item = &Comment> {
        self.comments.values()
    }

    /// What an undo of a person would take back: an entry and its part.
    pub(super) fn undoable(&self, person: &str) -> Option<(u64, &str)> {
        self.undoable.get(person)?.last().map(|(entry, part)| (*entry, part.as_str()))
    }

    /// Takes an entry in.
    pub(super) fn apply(&mut self, entry: &Entry) {
        let person = &entry.request.person;
        match (&entry.outcome, &entry.request.edit) {
            (Outcome::Refused { .. }, _) => {}
            (Outcome::Undid { entry: undone }, _) => self.undo(person, *undone),
            (Outcome::Taken, Edit::Move { part, pose }) => {
                self.moves.entry(part.clone()).or_default().push(Move { entry: entry.number, pose: *pose });
                self.undoable.entry(person.clone()).or_default().push((entry.number, part.clone()));
            }
            (Outcome::Taken, Edit::Lock { part }) => _ = self.locks.insert(part.clone(), person.clone()),
            (Outcome::Taken, Edit::Unlock { part }) => _ = self.locks.remove(part),
            (Outcome::Taken, Edit::Comment { part, text, at_mm }) => {
                let (part, text, at_mm) = (part.clone(), text.clone(), *at_mm);
                self.undoable.entry(person.clone()).or_default().push((entry.number, part.clone()));
                let (person, at_us) = (person.clone(), entry.at_us);
                let comment = Comment { entry: entry.number, person, at_us, part, text, at_mm };
                self.comments.insert(entry.number, comment);
            }
            (Outcome::Taken, Edit::Undo) => {}
        }
    }

    fn undo(&mut self, person: &str, undone: u64) {
        self.comments.remove(&undone);
        let of = self.undoable.get_mut(person).and_then(|all| {
            let at = all.iter().rposition(|(entry, _)| *entry == undone)?;
            Some(all.remove(at).1)
        });
        let Some(part) = of else { return };
        if let Some(moves) = self.moves.get_mut(&part) {
            moves.retain(|one| one.entry != undone);
            if moves.is_empty() {
                self.moves.remove(&part);
            }
        }
    }
}
