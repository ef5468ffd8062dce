//! The API as clients meet it: a small store behind a socket on loopback, plain requests, and GDAL.

mod filters;
mod writes;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::process::Command;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use kernel_model::{Change, Coord, EntityDraft, Geometry, HeightReference, Kind, Shape, SourceKey, TimeUs};
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

use crate::state::AppState;

/// A city of three kinds: 250 points of interest in a grid, one solid, one road that runs past a corner; one point of
/// interest is gone.
pub(super) struct City {
    pub(super) router: Router,
    pub(super) state: Arc<AppState>,
    pub(super) key: String,
    _dir: TempDir,
}

fn poi(i: u32) -> Change {
    let mut draft = EntityDraft::new(SourceKey::new("test", format!("poi-{i}")), Kind::Poi, "cafe");
    let (lon, lat) = (116.0 + f64::from(i % 50) / 100.0, 39.0 + f64::from(i / 50) / 100.0);
    draft.geometry = Some(Geometry::flat(Shape::Point(Coord::new(lon, lat, 0.0))));
    draft.name = (i == 7).then(|| "<b>Café</b> & \"Söhne\"".to_owned());
    draft.valid_from = (i < 10).then_some(TimeUs(i64::from(i) * 86_400_000_000));
    draft.valid_to = (i < 10).then_some(TimeUs(i64::from(i + 1) * 86_400_000_000));
    draft.properties.insert("opening".to_owned(), "08:00".into());
    draft.properties.insert("class".to_owned(), "amenity".into());
    Change::Entity(draft)
}

fn solid() -> Change {
    let at = |lon: f64, lat: f64, h: f64| Coord::new(4.35 + lon, 52.01 + lat, h);
    let floor = vec![at(0.0, 0.0, 1.5), at(0.0, 1e-4, 1.5), at(1e-4, 0.0, 1.5), at(0.0, 0.0, 1.5)];
    let wall = vec![at(0.0, 0.0, 1.5), at(1e-4, 0.0, 1.5), at(1e-4, 0.0, 9.25), at(0.0, 0.0, 9.25), at(0.0, 0.0, 1.5)];
    let mut draft = EntityDraft::new(SourceKey::new("delft", "b1"), Kind::Building, "residential");
    draft.geometry = Some(Geometry::with_height(Shape::MultiPolygon(vec![vec![floor], vec![wall]])));
    draft.height_reference = HeightReference::Vertical("EPSG:5709".to_owned());
    Change::Entity(draft)
}

fn road() -> Change {
    let mut draft = EntityDraft::new(SourceKey::new("test", "road"), Kind::Road, "primary");
    let ends = vec![Coord::new(115.0, 39.5, 0.0), Coord::new(116.5, 38.0, 0.0)];
    draft.geometry = Some(Geometry::flat(Shape::LineString(ends)));
    Change::Entity(draft)
}

/// An empty city.
pub(super) fn nothing() -> City {
    let dir = tempfile::tempdir().unwrap();
    let (state, key) = crate::tests::state(dir.path());
    City { router: super::router(&state, "/ogc"), state, key, _dir: dir }
}

pub(super) async fn city() -> City {
    let city = nothing();
    city.commit((0..200).map(poi).collect()).await;
    city.commit(vec![solid(), road()]).await;
    city.commit((200..251).map(poi).collect()).await;
    city.commit(vec![Change::Retire { source: SourceKey::new("test", "poi-250"), at: TimeUs(0) }]).await;
    city
}

impl City {
    pub(super) async fn commit(&self, changes: Vec<Change>) {
        let receipt = self.state.ingest.commit(changes).await.unwrap();
        assert_eq!(receipt.outcome.rejected, []);
    }

    /// How many match, counted.
    async fn hits(&self, path: &str) -> u64 {
        let sign = if path.contains('?') { '&' } else { '?' };
        self.json(&format!("{path}{sign}resultType=hits")).await["numberMatched"].as_u64().unwrap()
    }

    pub(super) async fn ask(&self, path: &str, accept: &str) -> (StatusCode, String, String) {
        let request =
            Request::get(format!("/ogc{path}")).header(header::HOST, "city.example").header(header::ACCEPT, accept);
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let (status, kind) = (response.status(), response.headers()[header::CONTENT_TYPE].to_str().unwrap().to_owned());
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap();
        (status, kind, String::from_utf8(bytes.to_vec()).unwrap())
    }

    pub(super) async fn json(&self, path: &str) -> Value {
        let (status, _, text) = self.ask(path, "*/*").await;
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str(&text).unwrap()
    }

    /// Count of matching and the ids on all pages from this one on.
    pub(super) async fn walk(&self, path: &str) -> (u64, Vec<String>, usize) {
        let (mut ids, mut pages, matched) = (Vec::new(), 0, self.hits(path).await);
        let mut path = path.to_owned();
        loop {
            let page = self.json(&path).await;
            let features = page["features"].as_array().unwrap();
            assert_eq!(page["numberReturned"].as_u64().unwrap(), features.len() as u64);
            ids.extend(features.iter().map(|feature| feature["id"].as_str().unwrap().to_owned()));
            assert!(page["numberMatched"].as_u64().is_none_or(|counted| counted == matched));
            pages += 1;
            match href(&page, "next") {
                Some(next) => path = next.strip_prefix("http://city.example/ogc").unwrap().to_owned(),
                None => return (matched, ids, pages),
            }
        }
    }
}

pub(super) fn href(document: &Value, rel: &str) -> Option<String> {
    let links = document["links"].as_array()?;
    links.iter().find(|link| link["rel"] == rel)?["href"].as_str().map(str::to_owned)
}

#[tokio::test]
async fn every_link_of_the_landing_page_leads_somewhere() {
    let city = city().await;
    let landing = city.json("/").await;
    for rel in ["self", "alternate", "service-desc", "service-doc", "conformance", "data"] {
        let href = href(&landing, rel).unwrap();
        let (status, _, _) = city.ask(href.strip_prefix("http://city.example/ogc").unwrap(), "*/*").await;
        assert_eq!(status, StatusCode::OK, "{rel} {href}");
    }
    let collections = city.json("/collections").await;
    let ids: Vec<_> =
        collections["collections"].as_array().unwrap().iter().map(|c| c["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["building", "road", "poi"], "only kinds that there are");
    assert_eq!(
        city.json("/collections/poi").await["extent"]["spatial"]["bbox"][0],
        serde_json::json!([116.0, 39.0, 116.49, 39.04])
    );
    assert_eq!(city.json("/collections/building").await["storageCrs"], "http://www.opengis.net/def/crs/OGC/1.3/CRS84");
}

#[tokio::test]
async fn the_description_names_every_reference_it_uses() {
    let api = city().await.json("/api").await;
    let text = api.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).map(|rest| rest.split('"').next().unwrap()) {
        assert!(api.pointer(reference).is_some(), "{reference}");
    }
    assert_eq!(api["openapi"], "3.1.0");
}

#[tokio::test]
async fn pages_show_every_feature_once() {
    let city = city().await;
    let (matched, ids, pages) = city.walk("/collections/poi/items").await;
    assert_eq!((matched, ids.len(), pages), (250, 250, 3));
    let mut sorted = ids.clone();
    sorted.sort();
    sorted.dedup();
    assert_eq!(ids, sorted, "in order of ids, each once");
    assert_eq!(city.walk("/collections/poi/items?limit=1000").await, (250, ids.clone(), 1));
    assert_eq!(city.walk("/collections/poi/items?limit=125").await, (250, ids, 2), "a full last page has no next");
}

#[tokio::test]
async fn bbox_and_datetime_choose() {
    let city = city().await;
    let count = async |query: &str| city.walk(&format!("/collections/{query}")).await.1.len();
    assert_eq!(count("poi/items?bbox=116.095,38.9,116.195,39.015").await, 20, "ten columns, two rows");
    assert_eq!(count("poi/items?bbox=170,-90,116.005,90").await, 5, "across the antimeridian");
    // The road's own box meets this one, the road does not: it runs from 115,39.5 to 116.5,38.
    assert_eq!(count("road/items?bbox=116.2,39.2,116.4,39.4").await, 0);
    assert_eq!(count("road/items?bbox=115.4,38.9,115.6,39.1").await, 1);
    // Ten things are valid for one day each from 1970-01-01 on, the other 240 do not say; one went when 1970 began.
    assert_eq!(count("poi/items?datetime=1970-01-03T12:00:00Z&limit=1000").await, 241);
    assert_eq!(count("poi/items?datetime=../1970-01-02T00:00:00Z&limit=1000").await, 243);
    assert_eq!(count("poi/items?datetime=/1969-12-31T23:59:59Z&limit=1000").await, 241, "an empty end is open too");
    assert_eq!(count("poi/items?datetime=1970-01-09T00:00:00Z/..&limit=1000").await, 242);
    assert_eq!(
        count("poi/items?datetime=1970-01-02T00:00:00Z/1970-01-03T00:00:00Z&limit=1000").await,
        242,
        "both ends"
    );
    assert_eq!(count("poi/items?recorded=1970-01-01T00:00:00Z&limit=1000").await, 0, "nothing was known");
}

#[tokio::test]
async fn a_feature_is_shown_as_it_was_and_as_it_was_known_to_be() {
    let city = city().await;
    let bridge = |name: &str, from: &str| {
        let mut draft = EntityDraft::new(SourceKey::new("test", "bridge"), Kind::Bridge, "foot");
        (draft.name, draft.valid_from) = (Some(name.to_owned()), Some(TimeUs::parse(from).unwrap()));
        vec![Change::Entity(draft)]
    };
    let before = TimeUs::now().to_string();
    city.commit(bridge("wooden", "1900-01-01T00:00:00Z")).await;
    city.commit(bridge("iron", "1950-01-01T00:00:00Z")).await;
    let known = TimeUs::now().to_string();
    city.commit(bridge("stone", "1920-01-01T00:00:00Z")).await;
    let gone =
        Change::Retire { source: SourceKey::new("test", "bridge"), at: TimeUs::parse("2000-01-01T00:00:00Z").unwrap() };
    city.commit(vec![gone]).await;

    let (status, _, text) = city.ask("/collections/bridge/items", "*/*").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "there is none now: {text}");
    let items = "/collections/bridge/items";
    let names = async |query: &str| {
        let page = city.json(&format!("{items}?{query}")).await;
        let features = page["features"].as_array().unwrap().clone();
        assert_eq!(city.hits(&format!("{items}?{query}")).await, features.len() as u64);
        let name = |feature: &Value| feature["properties"]["name"].as_str().unwrap().to_owned();
        features.iter().map(name).collect::<Vec<_>>().join(" ")
    };
    for (query, wanted) in [
        ("datetime=1899-12-31T23:59:59Z", ""),
        ("datetime=1910-01-01T00:00:00Z", "wooden"),
        ("datetime=1930-01-01T00:00:00Z", "stone"),
        ("datetime=1960-01-01T08:00:00%2B08:00", "iron"),
        ("datetime=2000-01-01T00:00:00Z", ""),
        ("datetime=1910-01-01T00:00:00Z/1930-01-01T00:00:00Z", "stone"),
        ("datetime=../1910-01-01T00:00:00Z", "wooden"),
        ("datetime=1999-01-01T00:00:00Z/..", "iron"),
        ("datetime=2000-01-01T00:00:00Z/..", ""),
    ] {
        assert_eq!(names(query).await, wanted, "{query}");
    }
    assert_eq!(names(&format!("datetime=1930-01-01T00:00:00Z&recorded={known}")).await, "wooden", "not yet corrected");
    assert_eq!(names(&format!("recorded={known}")).await, "iron");
    assert_eq!(names(&format!("recorded={before}")).await, "");

    let page = city.json(&format!("{items}?datetime=1930-01-01T00:00:00Z")).await;
    let id = page["features"][0]["id"].as_str().unwrap().to_owned();
    let item = city.json(&format!("{items}/{id}?datetime=1910-01-01T00:00:00Z")).await;
    assert_eq!(
        (&item["properties"]["name"], &item["properties"]["valid_from"]),
        (&"wooden".into(), &"1900-01-01T00:00:00Z".into())
    );
    assert!(href(&item, "alternate").unwrap().contains("datetime=1910-01-01T00:00:00Z"));
    let item = city.json(&format!("{items}/{id}?recorded={known}")).await;
    assert_eq!(item["properties"]["name"], "iron");
    let (status, _, text) = city.ask(&format!("{items}/{id}?datetime=2010-01-01T00:00:00Z"), "*/*").await;
    assert!(status == StatusCode::NOT_FOUND && text.contains("at that time"), "{text}");
    let (_, _, html) = city.ask(&format!("{items}?datetime=1910-01-01T00:00:00Z"), "text/html").await;
    assert!(html.contains("wooden") && html.contains("f=html&amp;datetime=1910-01-01T00:00:00Z"), "{html}");
    for (query, word) in [
        ("recorded=yesterday", "recorded: `yesterday` is not an RFC 3339 instant"),
        ("recorded=../2000-01-01T00:00:00Z", "recorded: "),
        ("datetime=2000-01-01T00:00:00", "with its offset"),
        ("datetime=2000-01-01T00:00:00Z/1999-01-01T00:00:00Z", "begins before it ends"),
        ("datetime=2000-01-01T00:00:00+08:00", "+ is written %2B"),
    ] {
        for path in
            [format!("{items}?{query}"), format!("{items}/{id}?{query}"), format!("/collections/poi/items?{query}")]
        {
            let (status, kind, text) = city.ask(&path, "*/*").await;
            assert_eq!((status, kind.as_str()), (StatusCode::BAD_REQUEST, "application/json"), "{path}");
            assert!(
                serde_json::from_str::<Value>(&text).unwrap()["description"].as_str().unwrap().contains(word),
                "{text}"
            );
        }
    }
}

/// A walk over pages of one recorded instant shows that instant, whatever is written meanwhile.
#[tokio::test]
async fn pages_of_a_recorded_instant_stay_as_they_were() {
    let city = city().await;
    let known = TimeUs::now().to_string();
    let first = city.json(&format!("/collections/poi/items?recorded={known}&limit=100")).await;
    let gone = |i: u32| Change::Retire { source: SourceKey::new("test", format!("poi-{i}")), at: TimeUs(0) };
    city.commit((0..250).map(gone).collect()).await;
    let next = href(&first, "next").unwrap();
    assert!(next.contains("recorded="), "{next}");
    let (matched, ids, pages) = city.walk(next.strip_prefix("http://city.example/ogc").unwrap()).await;
    assert_eq!((matched, ids.len(), pages), (250, 150, 2));
    assert_eq!(city.walk("/collections/poi/items?datetime=1969-01-01T00:00:00Z&limit=1000").await.1.len(), 241);
}

#[tokio::test]
async fn a_feature_says_all_that_is_known() {
    let city = city().await;
    let page = city.json("/collections/building/items").await;
    let id = page["features"][0]["id"].as_str().unwrap();
    let feature = city.json(&format!("/collections/building/items/{id}")).await;
    assert_eq!(feature["geometry"], page["features"][0]["geometry"]);
    assert_eq!(feature["geometry"]["type"], "MultiPolygon");
    assert_eq!(feature["geometry"]["coordinates"][1][0][2], serde_json::json!([4.35 + 1e-4, 52.01, 9.25]));
    assert_eq!(feature["properties"]["height_reference"], "EPSG:5709");
    assert_eq!(href(&feature, "collection").unwrap(), "http://city.example/ogc/collections/building");
    let poi = &city.json("/collections/poi/items?limit=1").await["features"][0]["properties"];
    assert_eq!(
        (&poi["class"], &poi["source:class"], &poi["opening"]),
        (&"cafe".into(), &"amenity".into(), &"08:00".into())
    );
}

#[tokio::test]
async fn what_cannot_be_met_is_refused_in_the_standards_words() {
    let city = city().await;
    let id = city.json("/collections/road/items").await["features"][0]["id"].as_str().unwrap().to_owned();
    for (path, status) in [
        ("/collections/bridge".to_owned(), 404),
        ("/collections/bridge/items".to_owned(), 404),
        ("/collections/castle/items".to_owned(), 404),
        (format!("/collections/poi/items/{id}"), 404),
        ("/collections/poi/items/7".to_owned(), 404),
        ("/collections/poi/items?limit=0".to_owned(), 400),
        ("/collections/poi/items?bbox=1,2,3".to_owned(), 400),
        ("/collections/poi/items?datetime=today".to_owned(), 400),
        ("/collections/poi/items?colour=red".to_owned(), 400),
        ("/collections?limit=3".to_owned(), 400),
        ("/?f=pdf".to_owned(), 400),
        ("/colections".to_owned(), 404),
    ] {
        let (found, kind, text) = city.ask(&path, "*/*").await;
        assert_eq!((found.as_u16(), kind.as_str()), (status, "application/json"), "{path}");
        let error: Value = serde_json::from_str(&text).unwrap();
        assert!(error["code"].is_string() && error["description"].is_string(), "{text}");
    }
}

#[tokio::test]
async fn the_pages_for_people_are_html_and_escape_what_came_from_outside() {
    let city = city().await;
    let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
    for path in ["", "/", "/api", "/conformance", "/collections", "/collections/poi", "/collections/poi/items"] {
        let (status, kind, text) = city.ask(path, browser).await;
        assert_eq!((status, kind.as_str()), (StatusCode::OK, "text/html; charset=utf-8"), "{path}");
        assert!(text.starts_with("<!doctype html>") && text.contains("f=json"), "{path}");
        assert!(!text.contains("<b>Café"), "{path}");
    }
    let (_, _, text) = city.ask("/collections/poi/items?limit=250", browser).await;
    assert!(text.contains("&lt;b&gt;Café&lt;/b&gt; &amp; &quot;Söhne&quot;"));
    assert_eq!(text.matches("<tr><td><a href").count(), 250);
}

async fn listen(router: Router) -> SocketAddr {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// GDAL's own client lists the collections, follows the pages and reads the solids.
#[tokio::test(flavor = "multi_thread")]
async fn gdal_lists_and_reads_it() {
    if Command::new("ogrinfo").arg("--version").output().is_err() {
        println!("left out: needs ogrinfo (GDAL)");
        return;
    }
    let city = city().await;
    let url = format!("OAPIF:http://{}/ogc", listen(city.router.clone()).await);
    let run = move |arguments: &[&str]| {
        let output = Command::new("ogrinfo")
            .arg("-ro")
            .arg("-oo")
            .arg("PAGE_SIZE=100")
            .arg(&url)
            .args(arguments)
            .output()
            .unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    let (list, pois, building) =
        tokio::task::spawn_blocking(move || (run(&[]), run(&["-so", "poi"]), run(&["building"]))).await.unwrap();
    assert!(["building", "road", "poi"].iter().all(|name| list.contains(name)), "{list}");
    assert!(pois.contains("Feature Count: 250"), "{pois}");
    assert!(building.contains("MULTIPOLYGON Z") && building.contains("9.25"), "{building}");
}

#[tokio::test]
async fn the_empty_city_has_no_collections() {
    assert_eq!(nothing().json("/collections").await["collections"], serde_json::json!([]));
}

/// Every route of the program is described, and nothing else is.
#[tokio::test]
async fn the_description_has_every_path_of_the_routers() {
    let api = city().await.json("/api").await;
    let described = |paths: &Value, own: bool| -> BTreeSet<String> {
        let paths = paths.as_object().unwrap().iter().filter(|(_, item)| item["servers"].is_null() == own);
        let names = paths.map(|(path, _)| path.replace("collectionId", "kind").replace("featureId", "id"));
        names.filter(|path| !["/building/", "/road/", "/poi/"].iter().any(|kind| path.contains(kind))).collect()
    };
    let routes = |source: &str, begin: &str| -> BTreeSet<String> {
        let mut routes = BTreeSet::new();
        let mut rest = source;
        while let Some(at) = rest.find(begin) {
            rest = &rest[at + begin.len()..];
            routes.insert(rest.split('"').next().unwrap().to_owned());
        }
        routes
    };
    let own = routes(include_str!("mod.rs"), "&at(\"");
    let own: BTreeSet<String> = own.into_iter().filter(|path| !path.contains("{*")).collect();
    assert_eq!(described(&api["paths"], true), own);
    let mut others = routes(include_str!("../router.rs"), ".route(\"");
    others.insert("/log/tile/{tile}".to_owned());
    assert_eq!(described(&api["paths"], false), others);
}
