//! The acknowledgements a connection owes its publisher: packets go in as they come, are marked durable in any order,
//! and come out in the order in which they came in (MQTT 5.0, 4.6).

use std::collections::VecDeque;

use crate::message::Delivery;

#[derive(Debug, Default)]
pub(crate) struct Owed {
    packets: VecDeque<Open>,
}

#[derive(Debug)]
struct Open {
    id: u16,
    delivery: Delivery,
    is_durable: bool,
}

impl Owed {
    /// A packet that came in.
    pub(crate) fn push(&mut self, id: u16, delivery: Delivery) {
        self.packets.push_back(Open { id, delivery, is_durable: false });
    }

    /// Packets not yet acknowledged.
    pub(crate) fn len(&self) -> usize {
        self.packets.len()
    }

    pub(crate) fn contains(&self, id: u16) -> bool {
        self.packets.iter().any(|packet| packet.id == id)
    }

    /// Marks the eldest open packet of this id.
    pub(crate) fn durable(&mut self, id: u16) {
        if let Some(packet) = self.packets.iter_mut().find(|packet| packet.id == id && !packet.is_durable) {
            packet.is_durable = true;
        }
    }

    /// The next to acknowledge, if the eldest is durable.
    pub(crate) fn pop(&mut self) -> Option<(u16, Delivery)> {
        let packet = self.packets.pop_front_if(|packet| packet.is_durable)?;
        Some((packet.id, packet.delivery))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn acknowledgements_leave_in_the_order_of_the_packets() {
        let mut owed = Owed::default();
        for id in [7, 8, 7, 9] {
            owed.push(id, Delivery::AtLeastOnce);
        }
        owed.durable(8);
        assert_eq!(owed.pop(), None, "7 came first and is not durable");
        owed.durable(7);
        assert_eq!(
            [owed.pop(), owed.pop(), owed.pop()],
            [7, 8, 0].map(|id| (id != 0).then_some((id, Delivery::AtLeastOnce)))
        );
        assert!(owed.contains(7) && owed.len() == 2);
        owed.durable(9);
        owed.durable(7);
        assert_eq!(owed.pop().map(|(id, _)| id), Some(7));
        assert_eq!(owed.pop().map(|(id, _)| id), Some(9));
    }
}
