//! Create, replace, update and delete as clients do it: with the key, round trips, conditions, refusals, and the history that
//! stays.

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode, header};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::{City, city, nothing};

impl City {
    async fn send(
        &self,
        method: Method,
        path: &str,
        more: &[(&str, &str)],
        body: &Value,
    ) -> (StatusCode, HeaderMap, String) {
        let kind = if method == Method::PATCH { "application/merge-patch+json" } else { "application/geo+json" };
        let mut request =
            Request::builder().method(method).uri(format!("/ogc{path}")).header(header::HOST, "city.example");
        if !more.iter().any(|(name, _)| *name == "authorization") {
            request = request.header(header::AUTHORIZATION, format!("Bearer {}", self.key));
        }
        if !more.iter().any(|(name, _)| *name == "content-type") {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        for (name, value) in more {
            request = request.header(*name, *value);
        }
        let response = self.router.clone().oneshot(request.body(Body::from(body.to_string())).unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let bytes = axum::body::to_bytes(response.into_body(), 1 << 24).await.unwrap();
        (status, headers, String::from_utf8(bytes.to_vec()).unwrap())
    }
}

fn tree(name: &str) -> Value {
    json!({
        "type": "Feature",
        "geometry": { "type": "Point", "coordinates": [116.3, 39.9, 51.5] },
        "properties": { "class": "oak", "name": name, "height_reference": "EPSG:5705", "planted": 1987, "tags": ["a", { "b": 1 }] },
    })
}

fn local(headers: &HeaderMap) -> String {
    let location = headers[header::LOCATION].to_str().unwrap();
    location.strip_prefix("http://city.example/ogc").unwrap().to_owned()
}

fn tag(headers: &HeaderMap) -> &str {
    headers[header::ETAG].to_str().unwrap()
}

#[tokio::test]
async fn a_feature_is_created_replaced_changed_and_deleted_and_its_history_stays() {
    let city = nothing();
    let items = "/collections/vegetation/items";
    let (status, headers, text) = city.send(Method::POST, items, &[], &tree("young")).await;
    assert_eq!(status, StatusCode::CREATED, "{text}");
    let path = local(&headers);
    let first = city.json(&path).await;
    assert_eq!(first["geometry"], tree("")["geometry"]);
    let said = &first["properties"];
    assert_eq!(
        (&said["name"], &said["planted"], &said["tags"]),
        (&"young".into(), &1987.into(), &json!(["a", { "b": 1 }]))
    );
    assert_eq!((&said["height_reference"], &said["dataset"]), (&"EPSG:5705".into(), &"features".into()));
    let young = said["recorded_at"].as_str().unwrap().to_owned();

    // What was got is put back with one word changed.
    let mut again = first.clone();
    again["properties"]["name"] = "old".into();
    let (status, replaced, text) = city.send(Method::PUT, &path, &[("if-match", tag(&headers))], &again).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{text}");
    assert_ne!(tag(&replaced), tag(&headers));
    let second = city.json(&path).await;
    assert_eq!(second["properties"]["name"], "old");
    for kept in ["class", "planted", "tags", "source_id", "height_reference", "parent", "valid_from"] {
        assert_eq!(second["properties"][kept], first["properties"][kept], "{kept}");
    }
    assert_eq!((&second["geometry"], &second["id"]), (&first["geometry"], &first["id"]));

    let (status, _, text) = city.send(Method::PUT, &path, &[("if-match", tag(&headers))], &again).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED, "{text}");

    let patch = json!({ "properties": { "name": null, "tags": null, "crown_m": 7.5 } });
    let (status, patched, text) = city.send(Method::PATCH, &path, &[("if-match", "*")], &patch).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{text}");
    let third = city.json(&path).await["properties"].clone();
    assert_eq!((&third["name"], &third["crown_m"], &third["planted"]), (&Value::Null, &7.5.into(), &1987.into()));
    assert!(third.get("tags").is_none());
    assert_eq!(
        city.json(&format!("{path}?recorded={young}")).await["properties"]["name"],
        "young",
        "the history stays"
    );

    let request = Request::get(format!("/ogc{path}")).header(header::IF_NONE_MATCH, tag(&patched));
    let response = city.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::NOT_MODIFIED);

    let (status, _, _) = city.send(Method::DELETE, &path, &[("if-match", tag(&headers))], &Value::Null).await;
    assert_eq!(status, StatusCode::PRECONDITION_FAILED);
    let (status, _, text) = city.send(Method::DELETE, &path, &[], &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT, "{text}");
    assert_eq!(city.ask(&path, "*/*").await.0, StatusCode::NOT_FOUND);
    assert_eq!(city.json(&format!("{path}?recorded={young}")).await["properties"]["name"], "young");
    let (status, _, _) = city.send(Method::DELETE, &path, &[], &Value::Null).await;
    assert_eq!(status, StatusCode::NOT_FOUND, "it is gone");
}

#[tokio::test]
async fn what_is_sent_in_another_system_lands_where_it_is() {
    let city = nothing();
    let mut there = tree("there");
    there["geometry"]["coordinates"] = json!([39.9, 116.3, 51.5]);
    let epsg = [("content-crs", "<http://www.opengis.net/def/crs/EPSG/0/4326>")];
    let (status, headers, text) = city.send(Method::POST, "/collections/vegetation/items", &epsg, &there).await;
    assert_eq!(status, StatusCode::CREATED, "{text}");
    let feature = city.json(&local(&headers)).await;
    assert_eq!(feature["geometry"]["coordinates"], json!([116.3, 39.9, 51.5]));
    assert!(feature["properties"]["lineage"].as_str().unwrap().starts_with("EPSG:4326 -> OGC:CRS84"), "{feature}");
}

#[tokio::test]
async fn who_writes_says_who_it_is_and_what_is_wrong_is_said() {
    let city = city().await;
    let items = "/collections/poi/items";
    let nobody = [("authorization", "Bearer urbis_00")];
    let (status, ..) = city.send(Method::POST, items, &nobody, &tree("x")).await;
    assert!(matches!(status, StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED), "{status}");
    let request = Request::delete("/ogc/collections/poi/items/x").body(Body::empty()).unwrap();
    assert_eq!(city.router.clone().oneshot(request).await.unwrap().status(), StatusCode::UNAUTHORIZED);

    let with = |change: &dyn Fn(&mut Value)| {
        let mut feature = tree("x");
        change(&mut feature);
        feature
    };
    for (body, status, word) in [
        (with(&|f| f["type"] = "Point".into()), 422, "its type is not `Feature`"),
        (with(&|f| f["properties"]["height_reference"] = Value::Null), 422, "height_reference"),
        (with(&|f| f["geometry"]["coordinates"] = json!([39.9, 116.3])), 422, "longitude first"),
        (with(&|f| f["properties"]["kind"] = "road".into()), 422, "cannot be changed"),
        (with(&|f| f["properties"]["valid_from"] = "2020".into()), 422, "RFC 3339"),
        (with(&|f| f["properties"]["parent"] = "0192f0c1-7b1e-7cc2-9a53-2f4f7d6b1a10".into()), 422, "no feature's id"),
        (with(&|f| f["properties"]["dataset"] = 7.into()), 422, "is no name"),
        (json!([]), 422, "no JSON object"),
        (
            with(&|f| {
                f["properties"]["dataset"] = "test".into();
                f["properties"]["source_id"] = "poi-7".into();
            }),
            409,
            "replace it with PUT",
        ),
    ] {
        let (found, _, text) = city.send(Method::POST, items, &[], &body).await;
        assert_eq!(found.as_u16(), status, "{body}: {text}");
        assert!(text.contains(word), "{body}: {text}");
    }
    let (status, ..) = city.send(Method::POST, items, &[("content-type", "text/csv")], &tree("x")).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let (status, ..) = city.send(Method::POST, "/collections/castle/items", &[], &tree("x")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert_eq!(city.json("/collections/poi").await["description"].as_str().unwrap().split(' ').next(), Some("250"));

    let options = Request::options(format!("/ogc{items}")).body(Body::empty()).unwrap();
    let response = city.router.clone().oneshot(options).await.unwrap();
    assert_eq!(response.headers()[header::ALLOW], "GET, HEAD, OPTIONS, POST");
}
