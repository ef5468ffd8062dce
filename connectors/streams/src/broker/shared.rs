//! Shared subscriptions (MQTT 5.0, 4.8.2): `$share/<group>/<filter>`. Of the clients of a group one gets each message, in
//! turn; those that are connected come first.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::session::Session;
use crate::message::{Delivery, Message};
use crate::topic;

/// Group and filter of a shared subscription; `None` where it is not one, an error where it is wrong.
pub(crate) fn parse(filter: &str) -> Result<Option<&str>, ()> {
    let Some(rest) = filter.strip_prefix("$share/") else { return Ok(None) };
    match rest.split_once('/') {
        Some((group, filter)) if !group.is_empty() && !group.contains(['+', '#']) && topic::is_valid_filter(filter) => {
            Ok(Some(filter))
        }
        _ => Err(()),
    }
}

/// All shared subscriptions of a broker.
#[derive(Debug, Default)]
pub(crate) struct Shared(Vec<Group>);

#[derive(Debug)]
struct Group {
    /// As subscribed: `$share/<group>/<filter>`.
    name: String,
    members: Vec<Member>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Member {
    session: Arc<Session>,
    delivery: Delivery,
    number: Option<u32>,
}

impl Shared {
    pub(crate) fn join(&mut self, name: &str, session: &Arc<Session>, delivery: Delivery, number: Option<u32>) {
        self.leave(name, session);
        let member = Member { session: Arc::clone(session), delivery, number };
        match self.0.iter_mut().find(|group| group.name == name) {
            Some(group) => group.members.push(member),
            None => {
                self.0.push(Group { name: name.to_owned(), members: vec![member], next: AtomicUsize::default() });
            }
        }
    }

    pub(crate) fn leave(&mut self, name: &str, session: &Arc<Session>) {
        self.retain(|group, member| group != name || !Arc::ptr_eq(member, session));
    }

    /// A session that is no more.
    pub(crate) fn forget(&mut self, session: &Arc<Session>) {
        self.retain(|_, member| !Arc::ptr_eq(member, session));
    }

    fn retain(&mut self, keep: impl Fn(&str, &Arc<Session>) -> bool) {
        for group in &mut self.0 {
            let name = &group.name;
            group.members.retain(|member| keep(name, &member.session));
        }
        self.0.retain(|group| !group.members.is_empty());
    }

    /// Calls `offer` for the one of each group whose filter selects the message.
    pub(crate) fn choose(&self, message: &Message, mut offer: impl FnMut(&Session, Delivery, Option<u32>)) {
        for group in &self.0 {
            let filter = parse(&group.name).ok().flatten().unwrap_or_default();
            if !topic::matches(filter, &message.topic) {
                continue;
            }
            let turn = group.next.fetch_add(1, Ordering::Relaxed);
            let in_turn = || (0..group.members.len()).map(|n| &group.members[(turn + n) % group.members.len()]);
            let connected = in_turn().find(|member| member.session.absent_since().is_none());
            if let Some(member) = connected.or_else(|| in_turn().next()) {
                offer(&member.session, member.delivery, member.number);
            }
        }
    }
}
