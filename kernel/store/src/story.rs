//! What is known of one thing over valid time: statements come in, in the order in which they were recorded; out comes what
//! held at an instant. Every reader of history asks here, so that all of them mean the same.
//!
//! The algebra. A description states what began at its `valid_from`. It holds until its own `valid_to`, or until the state
//! that begins next, whichever is first; a later state counts also where it was recorded earlier, so that a correction of
//! the past leaves what followed. Of two descriptions with one beginning the one recorded last stands. A description that
//! states no beginning takes the place of everything recorded before it. A retirement ends the story at its instant: what
//! was said of later times goes. A thing comes back by a description that begins then or later, or that states no beginning.

use kernel_model::{Span, TimeUs};

/// What is said to hold from an instant on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct State<T> {
    /// `None`: from the beginning of time.
    pub(crate) from: Option<TimeUs>,
    pub(crate) to: Option<TimeUs>,
    /// The thing is not there from then on.
    pub(crate) gone: bool,
    pub(crate) what: T,
}

/// The states of one thing, by their beginnings, of which there is one each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Story<T> {
    states: Vec<State<T>>,
}

impl<T> Default for Story<T> {
    fn default() -> Self {
        Self { states: Vec::new() }
    }
}

impl<T> Story<T> {
    /// The same story told in other words.
    pub(crate) fn map<U>(self, words: impl Fn(T) -> U) -> Story<U> {
        let tell = |State { from, to, gone, what }| State { from, to, gone, what: words(what) };
        Story { states: self.states.into_iter().map(tell).collect() }
    }

    /// The states, by their beginnings.
    pub(crate) fn states(&self) -> &[State<T>] {
        &self.states
    }

    /// The thing is described.
    pub(crate) fn describe(&mut self, from: Option<TimeUs>, to: Option<TimeUs>, what: T) {
        let state = State { from, to, gone: false, what };
        let Some(begin) = from else {
            self.states.clear();
            return self.states.push(state);
        };
        let at = self.states.partition_point(|old| old.from < Some(begin));
        match self.states.get_mut(at).filter(|old| old.from == Some(begin)) {
            Some(old) => *old = state,
            None => self.states.insert(at, state),
        }
    }

    /// The thing is gone from an instant on.
    pub(crate) fn retire(&mut self, at: TimeUs, what: T) {
        self.states.retain(|old| old.from < Some(at));
        self.states.push(State { from: Some(at), to: None, gone: true, what });
    }

    /// The last state, also where it says that the thing is gone.
    pub(crate) fn last(&self) -> Option<&State<T>> {
        self.states.last()
    }

    /// The last state within a stretch of valid time in which the thing is there; `None`: as it stands at the end of all that
    /// was told, whatever its `valid_to`.
    pub(crate) fn within(&self, valid: Option<Span>) -> Option<&State<T>> {
        let Some(valid) = valid else { return self.last().filter(|state| !state.gone) };
        let ends = self.states.iter().skip(1).map(|next| next.from).chain([None]);
        let held = |(state, next): &(&State<T>, Option<TimeUs>)| {
            let to = match (state.to, *next) {
                (Some(to), Some(next)) => Some(to.min(next)),
                (to, next) => to.or(next),
            };
            let is_empty = matches!((state.from, to), (Some(from), Some(to)) if from >= to);
            !state.gone && !is_empty && Span { from: state.from, to }.intersects(&valid)
        };
        self.states.iter().zip(ends).filter(held).last().map(|(state, _)| state)
    }
}
