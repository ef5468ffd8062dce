//! Things that become other things: a split, a merge, several into several. The predecessors end at the instant, the
//! successors are described from it on, and a link is kept for each pair. It is taken whole, or refused whole with a reason;
//! the same again changes nothing.

use std::borrow::Cow;
use std::collections::HashSet;

use kernel_model::{Descent, EntityDraft, EntityId, SourceKey, Succession, TimeUs};

use crate::commit::Gathering;
use crate::lineage::with_ancestors;
use crate::rows::LineageRow;

/// Most links of one succession.
const MOST_LINKS: usize = 10_000;

impl<'a> Gathering<'a> {
    pub(crate) fn succession(&mut self, succession: &'a Succession) {
        let predecessors = match self.checked(succession) {
            Ok(predecessors) => predecessors,
            Err((source, reason)) => return self.refuse(&source, reason),
        };
        for draft in &succession.successors {
            let mut draft = Cow::Borrowed(draft);
            if draft.valid_from.is_none() {
                draft.to_mut().valid_from = Some(succession.at);
            }
            self.entity(draft);
        }
        let kind = Descent::of(succession.predecessors.len(), succession.successors.len());
        let successors = succession.successors.iter().filter_map(|draft| self.find_entity(&draft.source));
        for successor in successors.collect::<Vec<_>>() {
            for predecessor in &predecessors {
                self.link(*predecessor, successor, kind, succession.at);
            }
        }
        for predecessor in predecessors {
            self.retire(predecessor, succession.at);
        }
    }

    fn link(&mut self, predecessor: EntityId, successor: EntityId, kind: Descent, at: TimeUs) {
        if self.is_linked(&predecessor, &successor, at) {
            return;
        }
        self.lineage.link(predecessor, successor, at);
        self.lineage_rows.push(LineageRow { predecessor, successor, kind, valid_time: at });
        self.outcome().links += 1;
    }

    fn is_linked(&self, predecessor: &EntityId, successor: &EntityId, at: TimeUs) -> bool {
        let known = [&self.live.lineage, &self.lineage];
        known.iter().any(|lineage| lineage.predecessors(successor).contains(&(*predecessor, at)))
    }

    /// The predecessors' ids, or whose fault it is and which.
    fn checked(&self, succession: &Succession) -> Result<Vec<EntityId>, (SourceKey, String)> {
        let Succession { predecessors, successors, at } = succession;
        let whole = |reason: &str| {
            let source = predecessors.first().or_else(|| successors.first().map(|draft| &draft.source)).cloned();
            (source.unwrap_or_else(|| SourceKey::new("", "")), reason.to_owned())
        };
        if predecessors.is_empty() || successors.is_empty() {
            return Err(whole("a succession needs what ends and what comes of it: name at least one of each"));
        }
        if predecessors.len().saturating_mul(successors.len()) > MOST_LINKS {
            return Err(whole("this succession has more than 10,000 links: send it as several"));
        }
        let mut named = HashSet::new();
        let sources = predecessors.iter().chain(successors.iter().map(|draft| &draft.source));
        if let Some(twice) = sources.into_iter().find(|source| !named.insert(*source)) {
            let reason = "it stands twice in one succession: a thing that goes on under its name is not its own successor, \
                          give the new one an id of its own";
            return Err((twice.clone(), reason.to_owned()));
        }
        let ids =
            predecessors.iter().map(|source| Ok((source, self.predecessor(source)?))).collect::<Result<Vec<_>, _>>()?;
        for (n, draft) in successors.iter().enumerate() {
            self.check_successor(draft, *at, &successors[..n]).map_err(|reason| (draft.source.clone(), reason))?;
        }
        for (source, id) in &ids {
            self.check_predecessor(id, succession).map_err(|reason| ((*source).clone(), reason))?;
        }
        self.check_circles(&ids, successors)?;
        Ok(ids.into_iter().map(|(_, id)| id).collect())
    }

    fn predecessor(&self, source: &SourceKey) -> Result<EntityId, (SourceKey, String)> {
        let reason = "it was never described, so nothing can come of it: send its description first";
        self.find_entity(source).ok_or_else(|| (source.clone(), reason.to_owned()))
    }

    fn check_successor(&self, draft: &EntityDraft, at: TimeUs, earlier: &[EntityDraft]) -> Result<(), String> {
        if let Some(from) = draft.valid_from.filter(|from| *from != at) {
            return Err(format!("it begins at {from}, its predecessors end at {at}: give both the same instant"));
        }
        if let Some(to) = draft.valid_to.filter(|to| *to <= at) {
            return Err(format!("it ends at {to}, before it begins at {at}: give a valid_to that is later"));
        }
        let is_known = |parent: &SourceKey| {
            self.find_entity(parent).is_some() || earlier.iter().any(|sibling| sibling.source == *parent)
        };
        match draft.parent.as_ref().filter(|parent| !is_known(parent)) {
            Some(parent) => Err(format!("its parent {parent} was never described: describe the parent first")),
            None => Ok(()),
        }
    }

    /// It is there right before the instant; or this very succession ended it and is told again.
    fn check_predecessor(&self, id: &EntityId, succession: &Succession) -> Result<(), String> {
        let (story, at) = (self.story(id), succession.at);
        if let Some(begin) = story.states().first().and_then(|first| first.from).filter(|begin| *begin >= at) {
            return Err(format!("it begins only at {begin}, so nothing can come of it at {at}: give a later instant"));
        }
        let told_before = succession.successors.iter().all(|draft| {
            let successor = self.find_entity(&draft.source);
            successor.is_some_and(|successor| self.is_linked(id, &successor, at))
        });
        match story.last().filter(|last| last.gone && !told_before) {
            Some(gone) => {
                let since = gone.from.map(|at| at.to_string()).unwrap_or_default();
                Err(format!("it is gone already since {since}: nothing can come of it at {at}"))
            }
            None => Ok(()),
        }
    }

    /// No successor is something that a predecessor came of.
    fn check_circles(
        &self,
        predecessors: &[(&SourceKey, EntityId)],
        successors: &[EntityDraft],
    ) -> Result<(), (SourceKey, String)> {
        let before = |id: &EntityId| {
            let links = self.live.lineage.predecessors(id).iter().chain(self.lineage.predecessors(id));
            links.map(|(predecessor, _)| *predecessor).collect()
        };
        let ancestors = with_ancestors(predecessors.iter().map(|(_, id)| *id), before);
        let known = successors.iter().filter_map(|draft| Some((&draft.source, self.find_entity(&draft.source)?)));
        match known.into_iter().find(|(_, id)| ancestors.contains(id)) {
            None => Ok(()),
            Some((source, _)) => {
                let reason = "its predecessors came of it themselves: give what comes of them an id of its own";
                Err((source.clone(), reason.to_owned()))
            }
        }
    }
}
