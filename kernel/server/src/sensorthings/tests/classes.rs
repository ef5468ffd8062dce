//! Annex A of OGC 18-088, class by class.

use serde_json::{Value, json};

use super::support::{Service, city};

const SETS: [&str; 8] = [
    "Things",
    "Locations",
    "HistoricalLocations",
    "Datastreams",
    "Sensors",
    "ObservedProperties",
    "Observations",
    "FeaturesOfInterest",
];

/// A.1: every entity has its mandatory properties, control information and links.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entities_have_what_the_data_model_wants() {
    let service = Service::start().await;
    city(&service, 3).await;
    let root = service.get("").await;
    let named: Vec<_> = root["value"].as_array().unwrap().iter().map(|set| set["name"].as_str().unwrap()).collect();
    assert!(SETS.iter().all(|set| named.contains(set)), "{root}");
    assert!(root["serverSettings"]["conformance"].as_array().unwrap().len() > 20);
    for (set, links, properties) in [
        ("Things", &["Datastreams", "Locations", "HistoricalLocations"][..], &["name", "description"][..]),
        ("Locations", &["Things", "HistoricalLocations"], &["name", "description", "encodingType", "location"]),
        ("HistoricalLocations", &["Thing", "Locations"], &["time"]),
        (
            "Datastreams",
            &["Thing", "Sensor", "ObservedProperty", "Observations"],
            &["name", "description", "observationType", "unitOfMeasurement"],
        ),
        ("Sensors", &["Datastreams"], &["name", "description", "encodingType", "metadata"]),
        ("ObservedProperties", &["Datastreams"], &["name", "definition", "description"]),
        ("Observations", &["Datastream", "FeatureOfInterest"], &["phenomenonTime", "result", "resultTime"]),
        ("FeaturesOfInterest", &["Observations"], &["name", "description", "encodingType", "feature"]),
    ] {
        let all = service.list(set).await;
        assert!(!all.is_empty(), "{set}");
        for entity in &all {
            let own = service.get(entity["@iot.selfLink"].as_str().unwrap()).await;
            assert_eq!(*entity, own, "an entity is the same in its collection and at its address");
            for name in properties {
                assert!(entity.get(*name).is_some(), "{set} {name}: {entity}");
            }
            for name in links {
                let link = entity[format!("{name}@iot.navigationLink")].as_str().unwrap();
                let there = service.get(link).await;
                assert!(there.get("value").is_some() || there.get("@iot.id").is_some(), "{link}");
            }
        }
    }
}

/// A.2: addresses to collections, entities, properties, values, links and references.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resource_paths_lead_to_entities() {
    let service = Service::start().await;
    city(&service, 3).await;
    assert_eq!(service.get("Datastreams(1)/name").await, json!({ "name": "temperature at mast-a" }));
    assert_eq!(service.send("GET", "Datastreams(1)/name/$value", "").await.text, "temperature at mast-a");
    assert_eq!(service.get("Datastreams(1)/unitOfMeasurement/symbol").await, json!({ "symbol": "Cel" }));
    let thing = service.get("Datastreams(1)/Thing").await;
    assert_eq!(thing["name"], "mast-a");
    let id = thing["@iot.id"].as_str().unwrap();
    assert_eq!(service.ids(&format!("Things('{id}')/Datastreams")).await, ["1", "2"]);
    assert_eq!(
        service.get(&format!("Things('{id}')/Datastreams(2)/ObservedProperty/name")).await,
        json!({ "name": "humidity" })
    );
    assert_eq!(service.send("GET", &format!("Things('{id}')/properties/owner/$value"), "").await.text, "mast-a ltd");
    let references = service.list(&format!("Things('{id}')/Datastreams/$ref")).await;
    assert_eq!(
        references[1],
        json!({ "@iot.selfLink": format!("http://{}/sta/v1.1/Datastreams(2)", service.address) })
    );
    assert_eq!(service.list("ObservedProperties('humidity')/Datastreams").await.len(), 2);
    for missing in [
        "Nothing",
        "Things('00000000-0000-0000-0000-000000000000')",
        "Things(1)",
        "Datastreams(99)",
        "Datastreams(1)/Thing/nosuch",
        "Things/Datastreams",
        &format!("Things('{id}')/Datastreams(3)"),
        "Observations('1-1-1')",
        "Observations('x')",
    ] {
        assert_eq!(service.refused("GET", missing, "").await.0, 404, "{missing}");
    }
}

/// A.3: `$expand`, `$select`, `$orderby`, `$top`, `$skip`, `$count`, `$filter`, pages.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn questions_have_options() {
    let service = Service::start().await;
    city(&service, 250).await;
    let expanded = service
        .get("Things?$filter=name eq 'mast-a'&$expand=Datastreams($select=name;$expand=ObservedProperty,Observations($top=2;$count=true)),Locations")
        .await;
    let thing = &expanded["value"][0];
    let stream = &thing["Datastreams"][0];
    assert_eq!(stream["ObservedProperty"]["name"], "temperature");
    assert_eq!((stream["Observations@iot.count"].as_u64(), stream.get("@iot.id")), (Some(250), None));
    assert_eq!(stream["Observations"].as_array().unwrap().len(), 2);
    assert_eq!(thing["Locations"][0]["location"]["coordinates"], json!([116.3, 39.9]));
    let next = stream["Observations@iot.nextLink"].as_str().unwrap();
    assert_eq!(service.list(next).await[0]["result"], 124);
    assert_eq!(
        service.list("Datastreams?$select=id,name").await[0],
        json!({ "@iot.id": 1, "name": "temperature at mast-a" })
    );
    // The newest first, and every order the other way round.
    let newest = service.get("Datastreams(1)/Observations?$top=1&$orderby=phenomenonTime desc&$count=true").await;
    assert_eq!((&newest["@iot.count"], &newest["value"][0]["result"]), (&json!(250), &json!(125)));
    for key in ["phenomenonTime", "resultTime", "result", "id"] {
        let up = all(&service, &format!("Datastreams(1)/Observations?$orderby={key} asc&$top=60")).await;
        let mut down = all(&service, &format!("Datastreams(1)/Observations?$orderby={key} desc&$top=70")).await;
        down.reverse();
        assert_eq!(up.len(), 250, "{key}");
        assert_eq!(up, down, "{key}");
    }
    let names = |path| service.list(path);
    assert_eq!(names("Things?$orderby=name desc&$top=1").await[0]["name"], "vehicle bus");
    assert_eq!(
        names("Datastreams?$orderby=Thing/name desc,name asc&$select=name").await[0]["name"],
        "humidity at mast-b"
    );
    assert_eq!(service.ids("Datastreams?$skip=1&$top=2").await, ["2", "3"]);
    assert_eq!(service.get("Things?$top=0&$count=true").await, json!({ "@iot.count": 4, "value": [] }));
    assert_eq!(all(&service, "Observations?$top=37").await.len(), 1_000);
    assert_eq!(all(&service, "Things?$top=1").await.len(), 4);
    assert_eq!(all(&service, "Things?$top=1&$orderby=name").await.len(), 4);
    assert_eq!(all(&service, "HistoricalLocations?$top=3").await.len(), 10);
    assert_eq!(all(&service, "HistoricalLocations?$top=3&$orderby=time asc").await.len(), 10);
}

/// All ids of a collection, page by page.
async fn all(service: &Service, path: &str) -> Vec<String> {
    let (mut ids, mut next) = (Vec::new(), path.to_owned());
    loop {
        let page = service.get(&next).await;
        ids.extend(page["value"].as_array().unwrap().iter().map(|entity| entity["@iot.id"].to_string()));
        match page["@iot.nextLink"].as_str() {
            Some(link) => next = link.to_owned(),
            None => break,
        }
        assert!(ids.len() < 10_000, "{path} does not end");
    }
    let mut once = ids.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), ids.len(), "{path}: every entity once");
    ids
}

/// A.3: operators and functions, of every kind, in and out of the index.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_are_those_of_the_standard() {
    let service = Service::start().await;
    city(&service, 100).await;
    for (path, wanted) in [
        ("Datastreams(1)/Observations?$filter=result gt 10 and result le 12", 4),
        ("Datastreams(1)/Observations?$filter=result mul 2 mod 2 eq 0", 50),
        ("Datastreams(1)/Observations?$filter=not (result lt 49.5)", 2),
        ("Observations?$filter=phenomenonTime ge 1970-01-01T00:01:40Z", 4),
        ("Observations?$filter=phenomenonTime gt 1970-01-01T08:01:00%2B08:00 and Datastream/id eq 2", 40),
        ("Observations?$filter=second(phenomenonTime) eq 7 and Datastream/Thing/name eq 'mast-b'", 4),
        ("Observations?$filter=resultTime eq null", 200),
        ("Observations?$filter=Datastream/ObservedProperty/name eq 'humidity' and result eq 1", 2),
        ("Datastreams?$filter=Thing/name eq 'mast-a'", 2),
        ("Things?$filter=Datastreams/name eq 'humidity at mast-b'", 1),
        ("Things?$filter=properties/owner eq 'mast-a ltd'", 1),
        ("Things?$filter=startswith(name,'mast') and endswith(name,'-b')", 1),
        ("Things?$filter=substringof('ast', name) or length(name) eq 6", 2),
        ("Things?$filter=toupper(name) eq 'MAST-A'", 1),
        (
            "Things?$filter=st_within(Locations/location, geography'POLYGON((116 38, 116.35 38, 116.35 40, 116 40, 116 38))')",
            2,
        ),
        ("Locations?$filter=st_intersects(location, geography'POINT(1 1)')", 1),
        ("Locations?$filter=geo.distance(location, geography'POINT(116.3 39.9)') lt 0.01", 1),
        ("FeaturesOfInterest?$filter=st_contains(geography'POLYGON((0 -1,3 -1,3 3,0 3,0 -1))', feature)", 1),
        ("HistoricalLocations?$filter=time gt 1970-01-01T00:00:08Z", 2),
        ("HistoricalLocations?$filter=Thing/name eq 'vehicle bus'", 10),
    ] {
        let page = service.get(&format!("{path}&$top=1000&$count=true")).await;
        let found = page["value"].as_array().unwrap().len();
        assert_eq!((found, page["@iot.count"].as_u64()), (wanted, Some(wanted as u64)), "{path}: {page}");
    }
}

fn thing() -> Value {
    json!({
        "name": "Oven", "description": "bakes", "properties": { "owner": "Ann" },
        "Locations": [{ "name": "Kitchen", "description": "downstairs", "encodingType": "application/geo+json",
            "location": { "type": "Point", "coordinates": [10.0, 52.0] } }],
        "Datastreams": [{ "name": "Heat", "description": "of the oven",
            "observationType": "http://www.opengis.net/def/observationType/OGC-OM/2.0/OM_Measurement",
            "unitOfMeasurement": { "name": "degree Celsius", "symbol": "°C", "definition": "ucum:Cel" },
            "ObservedProperty": { "name": "Oven Heat", "definition": "http://example.org/heat", "description": "hot" },
            "Sensor": { "name": "Pt100", "description": "a wire", "encodingType": "text/plain", "metadata": "n/a" },
            "Observations": [{ "phenomenonTime": "2026-01-01T00:00:00Z", "result": 180 },
                             { "phenomenonTime": "2026-01-01T00:01:00Z", "result": 181.5 }] }]
    })
}

/// A.4: creating, with entities in entities, linking, updating, deleting.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn entities_are_created_updated_and_deleted() {
    let service = Service::start().await;
    let (oven, created) = service.create("Things", &thing()).await;
    assert_eq!((&created["name"], &created["properties"]), (&json!("Oven"), &json!({ "owner": "Ann" })));
    let streams = service
        .list(&format!("{oven}/Datastreams?$expand=Sensor,ObservedProperty,Observations($orderby=result)"))
        .await;
    assert_eq!(
        (&streams[0]["Sensor"]["name"], &streams[0]["ObservedProperty"]["@iot.id"]),
        (&json!("Pt100"), &json!("oven_heat"))
    );
    assert_eq!(streams[0]["unitOfMeasurement"]["symbol"], "°C");
    assert_eq!(streams[0]["Observations"][1]["result"], 181.5);
    assert_eq!(
        service.list(&format!("{oven}/HistoricalLocations?$expand=Locations")).await[0]["Locations"][0]["name"],
        "Kitchen"
    );

    // Observations: with a place of their own, with what has no column; again; corrected; gone.
    let observation = json!({ "phenomenonTime": "2026-01-01T00:02:00Z", "result": 190, "parameters": { "door": "open" },
        "FeatureOfInterest": { "name": "Cake", "description": "in it", "encodingType": "application/geo+json",
            "feature": { "type": "Point", "coordinates": [10.0, 52.1] } } });
    let (address, kept) = service.create("Datastreams(1)/Observations", &observation).await;
    assert_eq!((&kept["parameters"], &kept["result"]), (&json!({ "door": "open" }), &json!(190)));
    assert_eq!(service.get(&format!("{address}/FeatureOfInterest")).await["name"], "Cake");
    let feature =
        service.get(&format!("{address}/FeatureOfInterest")).await["@iot.selfLink"].as_str().unwrap().to_owned();
    assert_eq!(service.list(&format!("{feature}/Observations")).await.len(), 1);
    let again = json!({ "phenomenonTime": "2026-01-01T00:01:00Z", "result": 181.5 });
    service.create("Datastreams(1)/Observations", &again).await;
    let count = |path: &'static str| service.get(path);
    assert_eq!(count("Datastreams(1)/Observations?$count=true&$top=0").await["@iot.count"], 3);
    let patched = service.send("PATCH", &address, r#"{"result": 191}"#).await;
    assert_eq!((patched.status, &patched.json()["result"]), (200, &json!(191)), "{}", patched.text);
    assert_eq!(service.get(&address).await["parameters"], json!({ "door": "open" }));
    assert_eq!(count("Datastreams(1)/Observations?$count=true&$top=0").await["@iot.count"], 3);
    assert_eq!(service.list("Datastreams(1)/Observations?$top=1").await[0]["@iot.selfLink"], json!(address));
    assert_eq!(service.send("DELETE", &address, "").await.status, 200);
    assert_eq!(service.refused("GET", &address, "").await.0, 404);
    assert_eq!(service.get("Datastreams(1)/Observations?$count=true").await["@iot.count"], 2);
    assert_eq!(service.list("Observations").await.len(), 2);

    // What is told stays for questions of before.
    let before = kernel_model::TimeUs::now().to_string();
    let patched = service.send("PATCH", &oven, r#"{"name": "Stove", "properties": {"owner": "Bob"}}"#).await.json();
    assert_eq!(
        (&patched["name"], &patched["description"], &patched["properties"]["owner"]),
        (&json!("Stove"), &json!("bakes"), &json!("Bob"))
    );
    assert_eq!(service.get(&format!("{oven}?recorded={before}")).await["name"], "Oven");
    assert_eq!(service.get(&format!("{oven}?datetime={before}")).await["name"], "Oven");
    assert_eq!(service.list(&format!("{oven}/Locations")).await.len(), 1, "an update of words leaves it where it is");

    // A new Location is a new HistoricalLocation.
    let garden = json!({ "name": "Garden", "description": "outside", "encodingType": "application/geo+json",
        "location": { "type": "Point", "coordinates": [10.5, 52.5] } });
    let (garden, _) = service.create(&format!("{oven}/Locations"), &garden).await;
    assert_eq!(service.list(&format!("{oven}/Locations")).await[0]["name"], "Garden");
    assert_eq!(service.list(&format!("{oven}/HistoricalLocations")).await.len(), 2);
    let moved = r#"{"location": {"type": "Point", "coordinates": [11, 53]}}"#;
    assert_eq!(service.send("PATCH", &garden, moved).await.status, 200);
    assert_eq!(
        service.list("FeaturesOfInterest?$filter=name eq 'Stove'").await[0]["feature"]["coordinates"],
        json!([11.0, 53.0])
    );

    // Links to what is there.
    let sensor = service.list("Sensors").await[0]["@iot.id"].clone();
    let stream = json!({ "name": "Fan", "description": "turns", "observationType": "OM_Measurement",
        "unitOfMeasurement": { "name": "per minute", "symbol": "/min", "definition": "ucum:/min" },
        "Thing": { "@iot.id": created["@iot.id"] }, "Sensor": { "@iot.id": sensor },
        "ObservedProperty": { "@iot.id": "oven_heat" } });
    let (fan, _) = service.create("Datastreams", &stream).await;
    assert_eq!(service.list(&format!("Sensors('{}')/Datastreams", sensor.as_str().unwrap())).await.len(), 2);
    assert_eq!(service.send("PATCH", &fan, r#"{"name": "Big fan"}"#).await.json()["name"], "Big fan");
    let put = json!({ "name": "F", "description": "f", "observationType": "OM_Measurement",
        "unitOfMeasurement": { "name": "per minute", "symbol": "/min", "definition": "ucum:/min" } });
    assert_eq!(service.send("PUT", &fan, &put.to_string()).await.json()["description"], "f");
    assert_eq!(service.send("DELETE", &fan, "").await.status, 200);
    assert_eq!(service.list("Datastreams").await.len(), 1);

    // With a Thing its Datastreams and Observations go.
    assert_eq!(service.send("DELETE", &oven, "").await.status, 200);
    for set in ["Things", "Datastreams", "Observations", "HistoricalLocations"] {
        assert_eq!(service.get(&format!("{set}?$count=true")).await["@iot.count"], 0, "{set}");
    }
    assert_eq!(service.get(&format!("Things?$count=true&recorded={before}")).await["@iot.count"], 1);
}

/// A.4: what is wrong is refused, and then nothing is written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_created_is_refused_by_name() {
    let service = Service::start().await;
    city(&service, 3).await;
    let sequence = service.state.reader.snapshot().sequence();
    let mut no_sensor = thing();
    no_sensor["Datastreams"][0].as_object_mut().unwrap().remove("Sensor");
    for (method, path, body, status, words) in [
        ("POST", "Things", json!({ "name": "x" }).to_string(), 400, "needs `description`"),
        ("POST", "Things", json!({ "name": 1, "description": "" }).to_string(), 400, "of another type"),
        ("POST", "Things", json!({ "name": "x", "description": "", "nosuch": 1 }).to_string(), 400, "has no `nosuch`"),
        ("POST", "Things", no_sensor.to_string(), 400, "needs a Sensor"),
        ("POST", "Things", "{".to_owned(), 400, "no JSON"),
        ("POST", "Things", "[]".to_owned(), 400, "JSON object"),
        ("POST", "Nothing", "{}".to_owned(), 404, "no entity set"),
        ("POST", "Datastreams(99)/Observations", r#"{"result":1}"#.to_owned(), 404, "no Datastream 99"),
        ("POST", "Datastreams(1)/Observations", r#"{"result":"dry"}"#.to_owned(), 400, "no number"),
        ("POST", "Datastreams(1)/Observations", r#"{"result":1,"phenomenonTime":"2026"}"#.to_owned(), 400, "RFC 3339"),
        ("POST", "Observations", r#"{"result":1}"#.to_owned(), 400, "say one Datastream"),
        ("POST", "Datastreams(1)", r#"{"result":1}"#.to_owned(), 405, "in a collection"),
        ("PATCH", "Datastreams(1)", r#"{"unitOfMeasurement":{"symbol":"K"}}"#.to_owned(), 409, "cannot become K"),
        ("PATCH", "Things", "{}".to_owned(), 400, "its own address"),
        ("DELETE", "Things", String::new(), 400, "one entity"),
        ("OPTIONS", "Things", String::new(), 405, "OPTIONS"),
    ] {
        let (found, description) = service.refused(method, path, &body).await;
        assert!(found == status && description.contains(words), "{method} {path} {body}: {found} {description}");
    }
    assert_eq!(service.state.reader.snapshot().sequence(), sequence, "nothing was written");
}

/// A.6: Observations as rows, out and in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn observations_come_and_go_as_rows() {
    let service = Service::start().await;
    city(&service, 3).await;
    let rows =
        service.get("Observations?$resultFormat=dataArray&$orderby=phenomenonTime&$select=phenomenonTime,result").await;
    let first = &rows["value"][0];
    assert_eq!(first["components"], json!(["phenomenonTime", "result"]));
    assert_eq!(
        (&first["dataArray@iot.count"], &first["dataArray"][0]),
        (&json!(3), &json!(["1970-01-01T00:00:01Z", 0.5]))
    );
    let body = json!([
        { "Datastream": { "@iot.id": 1 }, "components": ["phenomenonTime", "result"], "dataArray@iot.count": 3,
          "dataArray": [["2026-01-01T00:00:00Z", 1], ["2026-01-01T00:00:01Z", "wet"], ["2026-01-01T00:00:02Z", 3]] },
        { "Datastream": { "@iot.id": 2 }, "components": ["result"], "dataArray": [[4], [4]] },
    ]);
    let answer = service.send("POST", "CreateObservations", &body.to_string()).await;
    assert_eq!(answer.status, 201, "{}", answer.text);
    let links = answer.json();
    assert_eq!((links.as_array().unwrap().len(), &links[1]), (5, &json!("error")));
    assert_eq!(service.get(links[2].as_str().unwrap()).await["result"], 3);
    assert_eq!(service.get("Datastreams(2)/Observations?$count=true").await["@iot.count"], 5);
}
