//! Filters against brute force over what was written: CQL2 in both languages, attribute parameters, boxes and filters in
//! other reference systems, pages beside a writer; and what is refused, with its reason.

use std::collections::BTreeSet;

use axum::http::StatusCode;
use kernel_model::{Change, Coord, EntityDraft, Geometry, Kind, Shape, SourceKey, TimeUs};
use serde_json::{Value, json};

use super::{City, nothing};

/// A thing as brute force sees it.
struct Thing {
    number: u32,
    class: &'static str,
    name: Option<String>,
    /// None where it has no geometry.
    place: Option<(f64, f64)>,
    seats: Option<i64>,
    rating: f64,
    open: Option<bool>,
    from: Option<TimeUs>,
}

const DAY_US: i64 = 86_400_000_000;

fn thing(number: u32) -> Thing {
    let class = ["cafe", "school", "Shop"][number as usize % 3];
    let place = (116.0 + f64::from(number % 40) / 100.0, 39.0 + f64::from(number / 40) / 100.0);
    Thing {
        number,
        class,
        name: (!number.is_multiple_of(5)).then(|| format!("Place {number} o'clock")),
        place: (number % 50 != 7).then_some(place),
        seats: (number % 4 != 3).then(|| i64::from(number % 17)),
        rating: f64::from(number % 11) / 4.0,
        open: number.is_multiple_of(2).then_some(number.is_multiple_of(3)),
        from: number.is_multiple_of(3).then(|| TimeUs(i64::from(number) * DAY_US)),
    }
}

fn things() -> Vec<Thing> {
    (0..400).map(thing).collect()
}

fn draft(thing: &Thing) -> Change {
    let mut draft = EntityDraft::new(SourceKey::new("test", thing.number.to_string()), Kind::Poi, thing.class);
    draft.geometry = thing.place.map(|(lon, lat)| Geometry::flat(Shape::Point(Coord::new(lon, lat, 0.0))));
    (draft.name, draft.valid_from) = (thing.name.clone(), thing.from);
    let mut said = |name: &str, value: Value| drop(draft.properties.insert(name.to_owned(), value));
    if let Some(seats) = thing.seats {
        said("seats", seats.into());
    }
    if let Some(open) = thing.open {
        said("open", open.into());
    }
    said("rating", thing.rating.into());
    said("mixed", if thing.number.is_multiple_of(2) { json!(7) } else { json!("7") });
    said("kind", "a word of the source".into());
    Change::Entity(draft)
}

async fn city() -> City {
    let city = nothing();
    let changes: Vec<Change> = things().iter().map(draft).collect();
    for part in changes.chunks(130) {
        city.commit(part.to_vec()).await;
    }
    city
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
        .collect()
}

impl City {
    /// Numbers of the things that a question finds, over all pages.
    async fn found(&self, query: &str) -> BTreeSet<u32> {
        let mut path = format!("/collections/poi/items?limit=90&{query}");
        let mut numbers = BTreeSet::new();
        let counted = self.hits(&path).await;
        loop {
            let page = self.json(&path).await;
            for feature in page["features"].as_array().unwrap() {
                let number = feature["properties"]["source_id"].as_str().unwrap().parse().unwrap();
                assert!(numbers.insert(number), "{query}: {number} twice");
            }
            match super::href(&page, "next") {
                Some(next) => path = next.strip_prefix("http://city.example/ogc").unwrap().to_owned(),
                None => break,
            }
        }
        assert_eq!(counted, numbers.len() as u64, "{query}: counted");
        numbers
    }
}

fn expected(takes: impl Fn(&Thing) -> bool) -> BTreeSet<u32> {
    things().iter().filter(|thing| takes(thing)).map(|thing| thing.number).collect()
}

type Takes = fn(&Thing) -> bool;

const TEXTS: [(&str, Takes); 33] = [
    ("class = 'cafe'", |t| t.class == "cafe"),
    ("class <> 'cafe' AND seats > 12", |t| t.class != "cafe" && t.seats.is_some_and(|s| s > 12)),
    ("NOT (class = 'cafe' OR class = 'school')", |t| t.class == "Shop"),
    ("CASEI(class) = CASEI('SHOP')", |t| t.class == "Shop"),
    ("CASEI(class) LIKE CASEI('S%')", |t| t.class != "cafe"),
    ("name LIKE 'Place 1_ o''clock'", |t| t.name.is_some() && (10..20).contains(&t.number)),
    ("name IS NULL", |t| t.name.is_none()),
    ("name IS NOT NULL AND open IS NULL", |t| t.name.is_some() && t.open.is_none()),
    ("seats IN (1, 3, 5)", |t| matches!(t.seats, Some(1 | 3 | 5))),
    ("seats NOT IN (1, 3, 5)", |t| t.seats.is_some_and(|s| ![1, 3, 5].contains(&s))),
    ("class IN ('cafe', 'Shop') AND rating BETWEEN 1 AND 1.5", |t| {
        t.class != "school" && (1.0..=1.5).contains(&t.rating)
    }),
    ("seats NOT BETWEEN 3 AND 12", |t| t.seats.is_some_and(|s| !(3..=12).contains(&s))),
    ("open = true", |t| t.open == Some(true)),
    ("open", |t| t.open == Some(true)),
    ("NOT open", |t| t.open == Some(false)),
    ("seats * 2 + 1 > rating * 8", |t| t.seats.is_some_and(|s| s as f64 * 2.0 + 1.0 > t.rating * 8.0)),
    ("seats div 5 = 2", |t| t.seats.is_some_and(|s| s / 5 == 2)),
    ("seats > rating", |t| t.seats.is_some_and(|s| s as f64 > t.rating)),
    ("mixed = 7", |t| t.number.is_multiple_of(2)),
    ("mixed = '7'", |t| t.number % 2 == 1),
    ("\"source:kind\" = 'a word of the source' AND kind = 'poi' AND rating = 0", |t| t.rating == 0.0),
    (
        "S_INTERSECTS(geometry, POLYGON((116.095 39.005, 116.195 39.005, 116.195 39.035, 116.095 39.035, 116.095 39.005)))",
        |t| t.place.is_some_and(|(x, y)| x > 116.095 && x < 116.195 && y > 39.005 && y < 39.035),
    ),
    ("S_INTERSECTS(BBOX(116.095, 39.005, 116.195, 39.035), geometry) AND class = 'cafe'", |t| {
        t.class == "cafe" && t.place.is_some_and(|(x, y)| x > 116.095 && x < 116.195 && y > 39.005 && y < 39.035)
    }),
    ("S_DISJOINT(geometry, BBOX(116.095, 38, 117, 40))", |t| t.place.is_some_and(|(x, _)| x < 116.095)),
    ("S_WITHIN(geometry, BBOX(116.095, 38, 117, 40)) OR seats = 1", |t| {
        t.place.is_some_and(|(x, _)| x > 116.095) || t.seats == Some(1)
    }),
    (
        "S_CONTAINS(BBOX(116.095, 38, 117, 40), geometry) AND NOT S_INTERSECTS(geometry, BBOX(116.2, 38, 117, 40))",
        |t| t.place.is_some_and(|(x, _)| x > 116.095 && x < 116.199),
    ),
    ("geometry IS NULL", |t| t.place.is_none()),
    ("valid_from > TIMESTAMP('1970-02-01T00:00:00Z')", |t| t.from.is_some_and(|f| f.0 > 31 * DAY_US)),
    ("valid_from <= DATE('1970-01-31')", |t| t.from.is_some_and(|f| f.0 < 31 * DAY_US)),
    ("T_DURING(valid_from, INTERVAL('1970-01-02', '1970-02-01'))", |t| {
        t.from.is_some_and(|f| f.0 > DAY_US && f.0 < 32 * DAY_US - 1)
    }),
    ("T_INTERSECTS(INTERVAL(valid_from, valid_to), INTERVAL('1970-02-01', '1970-02-10'))", |t| {
        t.from.is_none_or(|f| f.0 < 41 * DAY_US)
    }),
    ("T_AFTER(INTERVAL(valid_from, valid_to), DATE('1970-02-01'))", |t| t.from.is_some_and(|f| f.0 >= 32 * DAY_US)),
    ("T_BEFORE(recorded_at, TIMESTAMP('2000-01-01T00:00:00Z'))", |_| false),
];

#[tokio::test]
async fn cql2_text_says_what_brute_force_says() {
    let city = city().await;
    for (filter, takes) in TEXTS {
        let found = city.found(&format!("filter={}", encoded(filter))).await;
        assert_eq!(found, expected(takes), "{filter}");
    }
    // The same in JSON, as the crate writes it.
    for (filter, takes) in TEXTS {
        let json = cql2::parse_text(filter).unwrap().to_json().unwrap();
        let found = city.found(&format!("filter-lang=cql2-json&filter={}", encoded(&json))).await;
        assert_eq!(found, expected(takes), "{json}");
    }
}

#[tokio::test]
async fn parameters_named_like_properties_and_boxes_narrow_together() {
    let city = city().await;
    assert_eq!(city.found("class=cafe").await, expected(|t| t.class == "cafe"));
    assert_eq!(city.found("seats=3&open=true").await, expected(|t| t.seats == Some(3) && t.open == Some(true)));
    let within = |t: &Thing| t.place.is_none_or(|(x, y)| x > 116.095 && x < 116.195 && y > 39.005 && y < 39.035);
    assert_eq!(city.found("bbox=116.095,39.005,116.195,39.035").await, expected(within));
    assert_eq!(
        city.found("bbox=116.095,39.005,116.195,39.035&class=school&filter=seats%3E3").await,
        expected(|t| within(t) && t.class == "school" && t.seats.is_some_and(|s| s > 3))
    );
    assert_eq!(
        city.found("datetime=1970-01-10T00:00:00Z&class=cafe").await,
        expected(|t| t.class == "cafe" && t.from.is_none_or(|f| f.0 <= 9 * DAY_US))
    );
    assert_eq!(city.found("recorded=1970-01-10T00:00:00Z&filter=seats%3E3").await, BTreeSet::new());
}

#[tokio::test]
async fn boxes_and_filters_are_taken_in_other_systems_and_positions_given_in_them() {
    let city = city().await;
    let epsg = |code: u32| encoded(&format!("http://www.opengis.net/def/crs/EPSG/0/{code}"));
    let within = |t: &Thing| t.place.is_some_and(|(x, y)| x > 116.095 && x < 116.195 && y > 39.005 && y < 39.035);
    let box_of = format!("bbox=39.005,116.095,39.035,116.195&bbox-crs={}", epsg(4326));
    assert_eq!(city.found(&box_of).await, expected(|t| within(t) || t.place.is_none()), "latitude first");
    // 116.095..116.195 and 39.005..39.035 on the sphere of the maps of the web.
    let mercator = format!("bbox=12923636.26,4722289.2,12934768.21,4726588.1&bbox-crs={}", epsg(3857));
    assert_eq!(city.found(&mercator).await, expected(|t| within(t) || t.place.is_none()));
    let filter = encoded("S_INTERSECTS(geometry, BBOX(39.005, 116.095, 39.035, 116.195))");
    assert_eq!(city.found(&format!("filter={filter}&filter-crs={}", epsg(4490))).await, expected(within));
    for (code, wanted) in
        [(4326, [39.0, 116.0]), (3857, [12_913_060.93, 4_721_671.57]), (32650, [413_407.32, 4_317_252.16])]
    {
        let page = city.json(&format!("/collections/poi/items?limit=1&crs={}", epsg(code))).await;
        let place = page["features"][0]["geometry"]["coordinates"].as_array().unwrap();
        let off = [0, 1].map(|axis| (place[axis].as_f64().unwrap() - wanted[axis]).abs());
        assert!(off.iter().all(|off| *off < 1.0), "{code}: {place:?}");
    }
    let crs = city.json("/collections/poi").await["crs"].clone();
    let has =
        |code: u32| crs.as_array().unwrap().contains(&json!(format!("http://www.opengis.net/def/crs/EPSG/0/{code}")));
    assert!(has(4326) && has(3857) && has(32650) && has(4548), "{crs}");
    let (status, _, text) = city.ask(&format!("/collections/poi/items?crs={}", epsg(28992)), "*/*").await;
    assert_eq!(status, StatusCode::BAD_REQUEST, "the Netherlands' system does not reach Beijing: {text}");
}

#[tokio::test]
async fn what_a_filter_cannot_say_is_refused_with_its_reason() {
    let city = city().await;
    let deep = format!("{}1=1{}", "(".repeat(60), ")".repeat(60));
    // Read again at every bracket: without a bound this would take for ever.
    let slow = format!("{}1,2", "(".repeat(24));
    let long = format!("class = '{}'", "x".repeat(40_000));
    let many = vec!["seats = 1"; 600].join(" OR ");
    for (filter, word) in [
        ("clas = 'cafe'", "no property `clas` here; there are: id, kind, class"),
        ("class = 3", "a text stands where a number is wanted"),
        ("class > DATE('2020-01-01')", "is compared with a time"),
        ("valid_from > 'yesterday'", "is no date and no instant"),
        ("valid_from > TIMESTAMP('2020-01-01T00:00:00')", "without its offset"),
        ("name = NULL", "IS NULL"),
        ("class", "stands where something true or false is wanted"),
        ("geometry = 'x'", "S_INTERSECTS"),
        ("S_CROSSES(geometry, LINESTRING(0 0, 1 1))", "is not offered"),
        ("S_INTERSECTS(class, BBOX(0,0,1,1))", "a text stands where a geometry is wanted"),
        ("S_INTERSECTS(geometry, BBOX(0,0,400,1))", "not on the globe"),
        ("S_INTERSECTS(geometry, POINT(39 190))", "not on the globe"),
        ("A_CONTAINS(mixed, (1, 2))", "`a_contains` is not offered"),
        ("ACCENTI(class) = 'x'", "is not offered"),
        ("foo(class) = 1", "`foo` is not offered"),
        ("class = 'cafe' garbage", "filter: "),
        ("", "filter: "),
        (deep.as_str(), "nested deeper"),
        (slow.as_str(), "filter: "),
        (long.as_str(), "at most 32768 are taken"),
        (many.as_str(), "more than 1000 parts"),
    ] {
        let begun = std::time::Instant::now();
        let (status, _, text) = city.ask(&format!("/collections/poi/items?filter={}", encoded(filter)), "*/*").await;
        let error: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(status, StatusCode::BAD_REQUEST, "{filter}: {text}");
        assert!(error["description"].as_str().unwrap().contains(word), "{filter}: {text}");
        assert!(begun.elapsed().as_secs() < 10, "{filter} took {:?}", begun.elapsed());
    }
    let nested = format!("{}true{}", r#"{"op":"not","args":["#.repeat(60), "]}".repeat(60));
    for json in ["{", "[]", r#"{"op":"=","args":[{"property":"clas"},1]}"#, nested.as_str()] {
        let path = format!("/collections/poi/items?filter-lang=cql2-json&filter={}", encoded(json));
        assert_eq!(city.ask(&path, "*/*").await.0, StatusCode::BAD_REQUEST, "{json}");
    }
    for query in ["filter-lang=ecql&filter=1", "seats=many", "open=1", "crs=EPSG:1", "resultType=all", "token=zz"] {
        assert_eq!(
            city.ask(&format!("/collections/poi/items?{query}"), "*/*").await.0,
            StatusCode::BAD_REQUEST,
            "{query}"
        );
    }
}

#[tokio::test]
async fn pages_beside_a_writer_show_each_feature_that_was_there_once() {
    let city = city().await;
    let mut path = "/collections/poi/items?limit=25&filter=seats%3E%3D0".to_owned();
    let (mut ids, mut pages) = (Vec::new(), 0);
    loop {
        let page = city.json(&path).await;
        ids.extend(
            page["features"]
                .as_array()
                .unwrap()
                .iter()
                .map(|f| f["properties"]["source_id"].as_str().unwrap().to_owned()),
        );
        // Before the next page some things change, some that were shown go, others come.
        let again = things().into_iter().filter(|t| t.number % 16 == pages % 16);
        let mut changes: Vec<Change> =
            again.map(|t| draft(&Thing { name: Some(format!("page {pages}")), ..t })).collect();
        let mut fresh = thing(1_000 + pages);
        fresh.seats = Some(1);
        changes.push(draft(&fresh));
        changes.push(Change::Retire { source: SourceKey::new("test", ids[0].clone()), at: TimeUs(0) });
        city.commit(changes).await;
        pages += 1;
        match super::href(&page, "next") {
            Some(next) => path = next.strip_prefix("http://city.example/ogc").unwrap().to_owned(),
            None => break,
        }
    }
    let once: BTreeSet<_> = ids.iter().collect();
    assert_eq!(once.len(), ids.len(), "each once");
    let wanted = things().into_iter().filter(|t| t.seats.is_some());
    assert!(wanted.into_iter().all(|t| once.contains(&t.number.to_string())), "all that were there");
    assert!(pages > 10);
}

#[tokio::test]
async fn queryables_have_the_types_that_were_seen() {
    let city = city().await;
    let document = city.json("/collections/poi/queryables").await;
    let properties = &document["properties"];
    for (name, wanted) in [
        ("seats", json!("integer")),
        ("rating", json!("number")),
        ("open", json!("boolean")),
        ("class", json!("string")),
        ("source:kind", json!("string")),
        ("mixed", json!(["integer", "string"])),
    ] {
        assert_eq!(properties[name]["type"], wanted, "{name}");
    }
    assert_eq!(properties["geometry"]["x-ogc-role"], "primary-geometry");
    assert_eq!(document["additionalProperties"], false);
    let mut more = draft(&thing(1));
    if let Change::Entity(draft) = &mut more {
        draft.properties.insert("fresh".to_owned(), json!(1.5));
    }
    city.commit(vec![more]).await;
    assert_eq!(city.json("/collections/poi/queryables").await["properties"]["fresh"]["type"], "number");
    assert_eq!(city.found("fresh=1.5").await, BTreeSet::from([1]));
}
