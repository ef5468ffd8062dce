//! Sessions: locks, undo, comments; twenty people over lines that are cut at random.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use pilots_assembly::{Edit, Entry, LEASE_US, Outcome, Presence, Replica, Request, Session, SessionError};
use proptest::prelude::*;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

const PARTS: [&str; 4] = ["rod", "piston", "pin", "cap"];

fn session() -> Session {
    Session::new(PARTS.map(str::to_owned))
}

fn pose(x: f64) -> [f64; 12] {
    [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, x, 0.0, 0.0]
}

fn put(part: &str, x: f64) -> Edit {
    Edit::Move { part: part.to_owned(), pose: pose(x) }
}

fn outcome(session: &mut Session, who: &mut Replica, edit: Edit, at_us: i64) -> Outcome {
    let entry = session.submit(who.edit(edit), at_us).unwrap().unwrap().clone();
    who.receive(session.since(who.seen())).unwrap();
    entry.outcome
}

#[test]
fn a_lock_keeps_others_out_until_it_is_let_go_or_its_holder_is_long_gone() {
    let (mut host, mut ann, mut bo) = (session(), Replica::new("a1", "Ann"), Replica::new("b1", "Bo"));
    let lock = || Edit::Lock { part: "rod".to_owned() };
    assert_eq!(outcome(&mut host, &mut ann, lock(), 0), Outcome::Taken);
    let refused = outcome(&mut host, &mut bo, put("rod", 1.0), 1);
    assert_eq!(refused, Outcome::Refused { reason: "`rod` is locked by Ann".to_owned() });
    assert_eq!(outcome(&mut host, &mut bo, put("pin", 1.0), 2), Outcome::Taken);
    assert_eq!(outcome(&mut host, &mut ann, put("rod", 2.0), 3), Outcome::Taken);
    // Being here keeps a lock, being gone for long loses it.
    let presence =
        |seen_us| Presence { person: "Ann".to_owned(), eye_mm: [0.0; 3], target_mm: [1.0; 3], part: None, seen_us };
    host.here("a1", presence(LEASE_US));
    assert!(matches!(outcome(&mut host, &mut bo, lock(), 2 * LEASE_US), Outcome::Refused { .. }));
    assert_eq!(host.present(2 * LEASE_US).count(), 1);
    assert_eq!(outcome(&mut host, &mut bo, lock(), 2 * LEASE_US + 1), Outcome::Taken);
    assert_eq!((host.state().lock("rod"), host.present(2 * LEASE_US + 1).count()), (Some("Bo"), 0));
}

#[test]
fn undo_takes_back_one_s_own_and_leaves_what_others_did() {
    let (mut host, mut ann, mut bo) = (session(), Replica::new("a1", "Ann"), Replica::new("b1", "Bo"));
    outcome(&mut host, &mut ann, put("rod", 1.0), 0);
    outcome(&mut host, &mut bo, put("rod", 2.0), 1);
    outcome(&mut host, &mut ann, put("pin", 3.0), 2);
    let note = Edit::Comment { part: "rod".to_owned(), text: "too tight".to_owned(), at_mm: [1.0, 2.0, 3.0] };
    outcome(&mut host, &mut ann, note, 3);
    assert_eq!(
        host.state().comments().map(|c| (c.person.as_str(), c.text.as_str())).collect::<Vec<_>>(),
        [("Ann", "too tight")]
    );
    assert_eq!(outcome(&mut host, &mut ann, Edit::Undo, 4), Outcome::Undid { entry: 4 });
    assert_eq!(host.state().comments().count(), 0);
    assert_eq!(outcome(&mut host, &mut ann, Edit::Undo, 5), Outcome::Undid { entry: 3 });
    assert_eq!(host.state().pose("pin"), None);
    assert_eq!(outcome(&mut host, &mut ann, Edit::Undo, 6), Outcome::Undid { entry: 1 });
    assert_eq!(host.state().pose("rod"), Some(&pose(2.0)), "Bo's move stands");
    assert!(matches!(outcome(&mut host, &mut ann, Edit::Undo, 7), Outcome::Refused { .. }));
    assert_eq!(outcome(&mut host, &mut bo, Edit::Undo, 8), Outcome::Undid { entry: 2 });
    assert_eq!(host.state().pose("rod"), None, "where the model has it");
    assert_eq!(host.since(0).len(), 9, "every one is in the log, with who and when");
}

#[test]
fn what_cannot_be_is_refused_with_a_reason() {
    let (mut host, mut ann) = (session(), Replica::new("a1", "Ann"));
    for edit in [
        put("wheel", 1.0),
        put("rod", f64::NAN),
        Edit::Comment { part: "rod".to_owned(), text: String::new(), at_mm: [0.0; 3] },
        Edit::Comment { part: "rod".to_owned(), text: "x".repeat(2_001), at_mm: [0.0; 3] },
    ] {
        assert!(matches!(outcome(&mut host, &mut ann, edit, 0), Outcome::Refused { .. }));
    }
    let request =
        |number, person: &str| Request { client: "a1".to_owned(), person: person.to_owned(), number, edit: Edit::Undo };
    assert!(matches!(host.submit(request(9, "Ann"), 0), Err(SessionError::Gap { wanted: 5, .. })));
    assert!(matches!(host.submit(request(5, "Bo"), 0), Err(SessionError::Person { .. })));
    assert!(matches!(host.submit(request(5, ""), 0), Err(SessionError::Name)));
    let mut late = Replica::new("c1", "Cy");
    assert!(matches!(late.receive(host.since(2)), Err(SessionError::Order { given: 3, last: 0 })));
    let mut torn = host.since(0).to_vec();
    torn.remove(1);
    assert!(Session::replay(PARTS.map(str::to_owned), torn).is_err());
}

/// A line that loses everything on it when it is cut.
#[derive(Default)]
struct Line {
    up: bool,
    to_host: VecDeque<Request>,
    to_client: VecDeque<Vec<Entry>>,
}

struct World {
    random: SmallRng,
    host: Session,
    clients: Vec<Replica>,
    lines: Vec<Line>,
    made: BTreeMap<String, u64>,
    now_us: i64,
}

impl World {
    fn new(seed: u64, people: usize) -> Self {
        // Two devices for every third person.
        let name = |i: usize| Replica::new(format!("client{i}"), format!("person{}", i - usize::from(i % 3 == 1)));
        Self {
            random: SmallRng::seed_from_u64(seed),
            host: session(),
            clients: (0..people).map(name).collect(),
            lines: (0..people).map(|_| Line::default()).collect(),
            made: BTreeMap::new(),
            now_us: 0,
        }
    }

    /// Connects: asks for what was missed and sends again what was not answered.
    fn connect(&mut self, i: usize) {
        let line = &mut self.lines[i];
        *line = Line { up: true, ..Line::default() };
        line.to_client.push_back(self.host.since(self.clients[i].seen()).to_vec());
        line.to_host.extend(self.clients[i].unanswered().cloned());
    }

    fn edit(&mut self, i: usize) {
        let part = PARTS[self.random.random_range(0..PARTS.len())].to_owned();
        let edit = match self.random.random_range(0..10) {
            0..5 => put(&part, self.random.random()),
            5 => Edit::Lock { part },
            6 => Edit::Unlock { part },
            7 => Edit::Comment { part, text: "here".to_owned(), at_mm: [0.0; 3] },
            _ => Edit::Undo,
        };
        let request = self.clients[i].edit(edit);
        *self.made.entry(request.client.clone()).or_default() += 1;
        if self.lines[i].up {
            self.lines[i].to_host.push_back(request);
        }
    }

    fn carry(&mut self, i: usize) {
        if !self.lines[i].up {
            return;
        }
        if let Some(request) = self.lines[i].to_host.pop_front() {
            self.now_us += 1_000;
            // A gap cannot come of an orderly line; its error would end the test.
            if let Some(entry) = self.host.submit(request, self.now_us).unwrap().cloned() {
                self.lines
                    .iter_mut()
                    .filter(|line| line.up)
                    .for_each(|line| line.to_client.push_back(vec![entry.clone()]));
            }
        }
        if let Some(entries) = self.lines[i].to_client.pop_front() {
            self.clients[i].receive(&entries).unwrap();
        }
    }

    fn step(&mut self) {
        let i = self.random.random_range(0..self.clients.len());
        match self.random.random_range(0..100) {
            0..3 => self.lines[i] = Line::default(),
            3..8 if !self.lines[i].up => self.connect(i),
            // The host falls over and goes on from its log; every line is cut.
            8 if self.random.random_range(0..20) == 0 => {
                self.host = Session::replay(PARTS.map(str::to_owned), self.host.since(0).to_vec()).unwrap();
                self.lines.iter_mut().for_each(|line| *line = Line::default());
            }
            9..30 => self.edit(i),
            _ => self.carry(i),
        }
    }

    fn settle(&mut self) {
        (0..self.clients.len()).for_each(|i| self.connect(i));
        while self.lines.iter().any(|line| !line.to_host.is_empty() || !line.to_client.is_empty()) {
            (0..self.clients.len()).for_each(|i| self.carry(i));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn twenty_people_over_cut_lines_come_to_one_state_and_nothing_is_lost(seed in any::<u64>()) {
        let mut world = World::new(seed, 20);
        for _ in 0..6_000 {
            world.step();
        }
        world.settle();
        let log = world.host.since(0);
        for client in &world.clients {
            prop_assert_eq!(client.state(), world.host.state());
            prop_assert_eq!((client.unanswered().count(), client.seen()), (0, log.len() as u64));
        }
        // Every edit that anybody made is in the log once, in the order in which that client made them.
        let mut told: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        log.iter().for_each(|e| told.entry(e.request.client.clone()).or_default().push(e.request.number));
        for (client, made) in &world.made {
            prop_assert_eq!(told.get(client).cloned().unwrap_or_default(), (1..=*made).collect::<Vec<_>>());
        }
        prop_assert!(log.len() > 500 && log.is_sorted_by_key(|e| (e.number, e.at_us)));
        let taken: BTreeSet<bool> = log.iter().map(|e| matches!(e.outcome, Outcome::Refused { .. })).collect();
        prop_assert_eq!(taken.len(), 2, "some are refused, some are not");
        let again = Session::replay(PARTS.map(str::to_owned), log.to_vec()).unwrap();
        prop_assert_eq!(again.state(), world.host.state());
    }
}
