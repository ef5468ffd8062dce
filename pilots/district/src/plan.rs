//! The plan: which lines of the board are streets, what stands between them, and how much room each block has.

use crate::roads::{RoadClass, Street, street};

/// What a block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Zone {
    Residential,
    Hutong,
    Office,
    Commercial,
    Industrial,
    Campus,
    School,
    Park,
}

use RoadClass::{Alley, Footway, Primary, Residential, Secondary, Service};

struct Line {
    at: f64,
    class: RoadClass,
    name: &'static str,
    name_en: &'static str,
}

const fn line(at: f64, class: RoadClass, name: &'static str, name_en: &'static str) -> Line {
    Line { at, class, name, name_en }
}

/// Streets from south to north, by their place west to east. The names are invented.
const NORTHWARD: [Line; 7] = [
    line(-520.0, Primary, "云帆西路", "Yunfan West Road"),
    line(-345.0, Secondary, "海清路", "Haiqing Road"),
    line(-172.0, Residential, "银杏街", "Yinxing Street"),
    line(8.0, Primary, "知行大街", "Zhixing Avenue"),
    line(182.0, Residential, "书院街", "Shuyuan Street"),
    line(350.0, Secondary, "芳华路", "Fanghua Road"),
    line(520.0, Primary, "云帆东路", "Yunfan East Road"),
];

/// Streets from west to east, by their place south to north.
const EASTWARD: [Line; 7] = [
    line(-520.0, Primary, "学府南路", "Xuefu South Road"),
    line(-352.0, Residential, "柳荫街", "Liuyin Street"),
    line(-186.0, Secondary, "丹青路", "Danqing Road"),
    line(-12.0, Primary, "启明大街", "Qiming Avenue"),
    line(168.0, Residential, "听雨街", "Tingyu Street"),
    line(346.0, Secondary, "望山路", "Wangshan Road"),
    line(520.0, Primary, "学府北路", "Xuefu North Road"),
];

/// Blocks from north to south, west to east in each row.
const ZONES: [&str; 6] = ["RRSRHH", "PPRCRH", "PPOOCR", "UCOOOR", "URCOIR", "RHHRIH"];

/// A rectangle of the board.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rect {
    pub(crate) west: f64,
    pub(crate) south: f64,
    pub(crate) east: f64,
    pub(crate) north: f64,
}

impl Rect {
    pub(crate) fn width(&self) -> f64 {
        self.east - self.west
    }

    pub(crate) fn depth(&self) -> f64 {
        self.north - self.south
    }

    pub(crate) fn centre(&self) -> (f64, f64) {
        (f64::midpoint(self.west, self.east), f64::midpoint(self.south, self.north))
    }

    pub(crate) fn inset(&self, by: f64) -> Self {
        Self { west: self.west + by, south: self.south + by, east: self.east - by, north: self.north - by }
    }
}

/// A block between streets.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) number: usize,
    pub(crate) zone: Zone,
    /// Between the centre lines of the streets around it.
    pub(crate) gross: Rect,
    /// Inside their sidewalks.
    pub(crate) net: Rect,
    /// The rectangles between the lanes inside, which are to be built on.
    pub(crate) plots: Vec<Rect>,
}

/// The whole plan.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    pub(crate) blocks: Vec<Block>,
    pub(crate) streets: Vec<Street>,
}

fn zone(column: usize, row: usize) -> Zone {
    match ZONES[5 - row].as_bytes()[column] {
        b'R' => Zone::Residential,
        b'H' => Zone::Hutong,
        b'O' => Zone::Office,
        b'C' => Zone::Commercial,
        b'I' => Zone::Industrial,
        b'U' => Zone::Campus,
        b'S' => Zone::School,
        _ => Zone::Park,
    }
}

/// The park and the campus are larger than one cell.
fn is_merged(a: Zone, b: Zone) -> bool {
    a == b && matches!(a, Zone::Park | Zone::Campus)
}

impl Plan {
    pub(crate) fn draw() -> Self {
        let mut plan = Self::default();
        plan.draw_streets();
        for row in 0..6 {
            for column in 0..6 {
                let zone = zone(column, row);
                let starts = (column == 0 || !is_merged(zone, self::zone(column - 1, row)))
                    && (row == 0 || !is_merged(zone, self::zone(column, row - 1)));
                if starts {
                    plan.draw_block(zone, column, row);
                }
            }
        }
        plan
    }

    fn draw_streets(&mut self) {
        for (i, line) in NORTHWARD.iter().enumerate() {
            let is_open = |row: usize| i == 0 || i == 6 || !is_merged(zone(i - 1, row), zone(i, row));
            for (from, to) in runs(is_open) {
                let ends = ((line.at, EASTWARD[from].at), (line.at, EASTWARD[to].at));
                self.streets.push(street(line.class, line.name, line.name_en, ends.0, ends.1));
            }
        }
        for (i, line) in EASTWARD.iter().enumerate() {
            let is_open = |column: usize| i == 0 || i == 6 || !is_merged(zone(column, i - 1), zone(column, i));
            for (from, to) in runs(is_open) {
                let ends = ((NORTHWARD[from].at, line.at), (NORTHWARD[to].at, line.at));
                self.streets.push(street(line.class, line.name, line.name_en, ends.0, ends.1));
            }
        }
    }

    fn draw_block(&mut self, zone: Zone, column: usize, row: usize) {
        let last = |from: usize, same: &dyn Fn(usize) -> bool| {
            (from + 1..6).take_while(|i| same(*i)).last().unwrap_or(from) + 1
        };
        let east = last(column, &|c| is_merged(zone, self::zone(c, row)));
        let north = last(row, &|r| is_merged(zone, self::zone(column, r)));
        let (w, e, s, n) = (&NORTHWARD[column], &NORTHWARD[east], &EASTWARD[row], &EASTWARD[north]);
        let gross = Rect { west: w.at, south: s.at, east: e.at, north: n.at };
        let net = Rect {
            west: w.at + w.class.reach_m(),
            south: s.at + s.class.reach_m(),
            east: e.at - e.class.reach_m(),
            north: n.at - n.class.reach_m(),
        };
        let number = self.blocks.len() + 1;
        let plots = self.draw_lanes(number, zone, &gross, &net);
        self.blocks.push(Block { number, zone, gross, net, plots });
    }

    /// Lanes inside the block, from street to street, and the plots between them.
    fn draw_lanes(&mut self, number: usize, zone: Zone, gross: &Rect, net: &Rect) -> Vec<Rect> {
        let (class, name, name_en, columns, rows) = match zone {
            Zone::Residential if number.is_multiple_of(2) => (Service, "小区路", "Estate Lane", 1, 2),
            Zone::Residential | Zone::Office => (Service, "内街", "Inner Lane", 2, 2),
            Zone::Commercial => (Service, "商巷", "Market Lane", 2, 1),
            Zone::Industrial => (Service, "厂区路", "Works Lane", 1, 3),
            Zone::Hutong => (Alley, "胡同", "Hutong", 1, 4),
            Zone::Campus => (Footway, "校园步道", "Campus Walk", 2, 3),
            Zone::School | Zone::Park => (Footway, "", "", 1, 1),
        };
        let share = |from: f64, to: f64, i: usize, of: usize| from + (to - from) * i as f64 / of as f64;
        for i in 1..columns {
            let u = share(net.west, net.east, i, columns);
            let (name, name_en) = lane_name(name, name_en, number, i);
            self.streets.push(street(class, &name, &name_en, (u, gross.south), (u, gross.north)));
        }
        for i in 1..rows {
            let v = share(net.south, net.north, i, rows);
            let (name, name_en) = lane_name(name, name_en, number, columns + i);
            self.streets.push(street(class, &name, &name_en, (gross.west, v), (gross.east, v)));
        }
        let (reach, mut plots) = (class.reach_m(), Vec::new());
        for row in 0..rows {
            for column in 0..columns {
                let gap = |i: usize, of: usize| if i == 0 || i == of { 0.0 } else { reach };
                plots.push(Rect {
                    west: share(net.west, net.east, column, columns) + gap(column, columns),
                    east: share(net.west, net.east, column + 1, columns) - gap(column + 1, columns),
                    south: share(net.south, net.north, row, rows) + gap(row, rows),
                    north: share(net.south, net.north, row + 1, rows) - gap(row + 1, rows),
                });
            }
        }
        plots
    }
}

/// The district's alleys have names of their own, as alleys do.
fn lane_name(name: &str, name_en: &str, block: usize, number: usize) -> (String, String) {
    const ALLEYS: [(&str, &str); 18] = [
        ("柳荫", "Liuyin"),
        ("棋盘", "Qipan"),
        ("豆腐", "Doufu"),
        ("金丝", "Jinsi"),
        ("后井", "Houjing"),
        ("草帽", "Caomao"),
        ("砚池", "Yanchi"),
        ("竹竿", "Zhugan"),
        ("灯市", "Dengshi"),
        ("双槐", "Shuanghuai"),
        ("笔管", "Biguan"),
        ("琉璃", "Liuli"),
        ("羊角", "Yangjiao"),
        ("半亩", "Banmu"),
        ("梧桐", "Wutong"),
        ("石榴", "Shiliu"),
        ("银碗", "Yinwan"),
        ("月牙", "Yueya"),
    ];
    if name == "胡同" {
        let (zh, en) = ALLEYS[(block * 3 + number) % ALLEYS.len()];
        return (format!("{zh}胡同"), format!("{en} Hutong"));
    }
    (format!("{name}{block}-{number}"), format!("{name_en} {block}-{number}"))
}

/// The longest runs of open cells among six, as from and to lines.
fn runs(is_open: impl Fn(usize) -> bool) -> Vec<(usize, usize)> {
    let mut out: Vec<(usize, usize)> = Vec::new();
    for i in (0..6).filter(|i| is_open(*i)) {
        match out.last_mut() {
            Some(last) if last.1 == i => last.1 = i + 1,
            _ => out.push((i, i + 1)),
        }
    }
    out
}
