//! A traveller's round: a closed line through the network and the instant it passes each point of it. Where it is at an
//! instant follows from the instant alone, so that a second start finds everyone where they would be.

use std::collections::VecDeque;

use crate::lanes::{Lane, Traveller};
use crate::plane::P;
use crate::random::Random;
use crate::roads::{Network, RoadClass};

/// Comfortable sideways acceleration in a turn, metres a second squared.
const SIDEWAYS_M_S2: f64 = 2.0;
/// Below this change of direction a crossing is driven straight on, radians.
const STRAIGHT_RAD: f64 = 0.12;

/// A closed round.
#[derive(Debug, Clone)]
pub(crate) struct Route {
    points: Vec<P>,
    /// Seconds from the start at which each point is passed; the last is the period.
    times_s: Vec<f64>,
    speeds_m_s: Vec<f64>,
    phase_s: f64,
}

/// Where a traveller is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fix {
    pub(crate) at: P,
    /// Unit vector of travel.
    pub(crate) way: P,
    pub(crate) speed_m_s: f64,
}

impl Route {
    /// Draws a round for one traveller; `None` where the network has none for it.
    pub(crate) fn draw(network: &Network, traveller: Traveller, random: &mut Random) -> Option<Self> {
        let pace = random.between(0.86, 1.12);
        let number = random.whole(0, 2);
        let lanes = (0..24).find_map(|_| closed_walk(network, traveller, random))?;
        let paths: Vec<Vec<P>> = lanes.iter().map(|lane| network.path(*lane, traveller, number)).collect();
        let cruise = |lane: &Lane| pace * traveller.cruise_m_s(network.roads[lane.road].class);
        let (mut points, mut limits) = (Vec::new(), Vec::new());
        for (i, here) in paths.iter().enumerate() {
            let next = (i + 1) % paths.len();
            let (now, then) = (cruise(&lanes[i]), cruise(&lanes[next]));
            points.extend_from_slice(here);
            limits.extend(here.iter().map(|_| now));
            let (turn, slow) = connect(here, &paths[next]);
            limits.extend(turn.iter().map(|_| slow.min(now).min(then)));
            points.extend(turn);
        }
        Some(Self::timed(points, limits, traveller, random))
    }

    /// Brakes before turns and speeds up after them, then notes the times.
    fn timed(mut points: Vec<P>, mut limits: Vec<f64>, traveller: Traveller, random: &mut Random) -> Self {
        points.push(points[0]);
        limits.push(limits[0]);
        let (gain, brake) = if traveller == Traveller::Pedestrian { (1.0, 1.0) } else { (1.1, 1.5) };
        let lengths: Vec<f64> = points.windows(2).map(|w| w[0].distance(w[1])).collect();
        let last = lengths.len();
        // Twice round, since the end of the round is also before its beginning.
        for _ in 0..2 {
            for i in 0..last {
                limits[i + 1] = limits[i + 1].min((limits[i].powi(2) + 2.0 * gain * lengths[i]).sqrt());
            }
            limits[0] = limits[last];
            for i in (0..last).rev() {
                limits[i] = limits[i].min((limits[i + 1].powi(2) + 2.0 * brake * lengths[i]).sqrt());
            }
            limits[last] = limits[0];
        }
        let mut times_s = vec![0.0];
        let mut now = 0.0;
        for (i, length) in lengths.iter().enumerate() {
            now += 2.0 * length / (limits[i] + limits[i + 1]);
            times_s.push(now);
        }
        Self { points, times_s, speeds_m_s: limits, phase_s: random.unit() * now }
    }

    fn period_s(&self) -> f64 {
        self.times_s.last().copied().unwrap_or(1.0)
    }

    /// Where the traveller is at an instant, seconds since 1970.
    pub(crate) fn at(&self, time_s: f64) -> Fix {
        let now = (time_s + self.phase_s).rem_euclid(self.period_s());
        let i = self.times_s.partition_point(|t| *t <= now).clamp(1, self.points.len() - 1) - 1;
        let (a, b) = (self.points[i], self.points[i + 1]);
        let length = a.distance(b);
        let (from, to) = (self.speeds_m_s[i], self.speeds_m_s[i + 1]);
        let since = now - self.times_s[i];
        let whole = self.times_s[i + 1] - self.times_s[i];
        let share_of_time = if whole > 0.0 { (since / whole).clamp(0.0, 1.0) } else { 0.0 };
        let speed_m_s = from + (to - from) * share_of_time;
        let gone = (since * f64::midpoint(from, speed_m_s)).clamp(0.0, length);
        let share = if length > 0.0 { gone / length } else { 0.0 };
        let way = self.way(i).lerp(self.way(i + 1), share).unit();
        Fix { at: a.lerp(b, share), way, speed_m_s }
    }

    /// The direction at a point: between the pieces before and after it.
    fn way(&self, i: usize) -> P {
        let last = self.points.len() - 1;
        let before = if i == 0 { self.points[last - 1] } else { self.points[i - 1] };
        let after = if i == last { self.points[1] } else { self.points[i + 1] };
        after.minus(before).unit()
    }
}

/// A walk at random that finds back to where it began.
fn closed_walk(network: &Network, traveller: Traveller, random: &mut Random) -> Option<Vec<Lane>> {
    let start = start(network, traveller, random)?;
    let steps = match traveller {
        Traveller::Pedestrian => random.whole(5, 12),
        Traveller::Bicycle => random.whole(10, 20),
        _ => random.whole(14, 30),
    };
    let mut walk = vec![start];
    for _ in 0..steps {
        let here = *walk.last()?;
        let onward = network.onward(here, traveller);
        walk.push(weighted(&onward, random, |lane| attraction(network, here, *lane, traveller))?);
    }
    let back = shortest(network, *walk.last()?, start, traveller)?;
    walk.extend(back);
    Some(walk)
}

fn start(network: &Network, traveller: Traveller, random: &mut Random) -> Option<Lane> {
    let open: Vec<usize> = (0..network.roads.len()).filter(|i| traveller.may_use(network.roads[*i].class)).collect();
    let road = weighted(&open, random, |i| network.roads[*i].length_m * busyness(network.roads[*i].class, traveller))?;
    Some(Lane { road, forward: random.chance(0.5) })
}

fn weighted<T: Copy>(choices: &[T], random: &mut Random, weight: impl Fn(&T) -> f64) -> Option<T> {
    let total: f64 = choices.iter().map(&weight).sum();
    let mut left = random.unit() * total;
    let chosen = choices.iter().find(|choice| {
        left -= weight(choice);
        left < 0.0
    });
    chosen.or(choices.last()).copied()
}

/// Drivers like wide roads and going straight on.
fn attraction(network: &Network, from: Lane, to: Lane, traveller: Traveller) -> f64 {
    let way = |lane: Lane, at_end: bool| {
        let line = &network.roads[lane.road].line;
        let last = line.len() - 1;
        let forward = if at_end == lane.forward { line[last].minus(line[last - 1]) } else { line[1].minus(line[0]) };
        if lane.forward { forward.unit() } else { forward.unit().times(-1.0) }
    };
    let straight = way(from, true).dot(way(to, false)).max(0.0);
    busyness(network.roads[to.road].class, traveller) * (0.5 + straight)
}

fn busyness(class: RoadClass, traveller: Traveller) -> f64 {
    match (traveller, class) {
        (Traveller::Pedestrian, RoadClass::Footway) => 2.2,
        (Traveller::Pedestrian, RoadClass::Primary) => 0.8,
        (Traveller::Pedestrian, _) | (_, RoadClass::Residential) => 1.0,
        (_, RoadClass::Primary) => 3.0,
        (_, RoadClass::Secondary) => 2.0,
        _ => 0.35,
    }
}

/// The fewest roads from the end of `from` to `goal`, `goal` left out.
fn shortest(network: &Network, from: Lane, goal: Lane, traveller: Traveller) -> Option<Vec<Lane>> {
    let index = |lane: Lane| lane.road * 2 + usize::from(lane.forward);
    let mut before: Vec<Option<Lane>> = vec![None; network.roads.len() * 2];
    let mut queue = VecDeque::from([from]);
    while let Some(lane) = queue.pop_front() {
        for next in network.onward(lane, traveller) {
            if next == goal {
                let mut way = Vec::new();
                let mut at = lane;
                while at != from {
                    way.push(at);
                    at = before[index(at)]?;
                }
                way.reverse();
                return Some(way);
            }
            if before[index(next)].is_none() && next != from {
                before[index(next)] = Some(lane);
                queue.push_back(next);
            }
        }
    }
    None
}

/// The points of a turn from one line's end to the next one's start, ends left out, and the speed it allows.
fn connect(here: &[P], ahead: &[P]) -> (Vec<P>, f64) {
    let ([.., b, a], [c, d, ..]) = (here, ahead) else { return (Vec::new(), f64::INFINITY) };
    let (out, into) = (a.minus(*b).unit(), d.minus(*c).unit());
    let angle = out.cross(into).atan2(out.dot(into)).abs();
    let chord = a.distance(*c);
    if angle < STRAIGHT_RAD {
        return (Vec::new(), f64::INFINITY);
    }
    // A cubic whose handles make a quarter turn all but a circle.
    let handle = chord * 0.39 * (1.0 + (angle - 1.6).max(0.0));
    let (first, second) = (a.plus(out.times(handle)), c.minus(into.times(handle)));
    let curve = |t: f64| {
        let s = 1.0 - t;
        let ends = a.times(s * s * s).plus(c.times(t * t * t));
        ends.plus(first.times(3.0 * s * s * t)).plus(second.times(3.0 * s * t * t))
    };
    let radius = chord / (2.0 * (angle / 2.0).sin());
    ((1..8).map(|i| curve(f64::from(i) / 8.0)).collect(), (SIDEWAYS_M_S2 * radius).sqrt().max(1.2))
}
