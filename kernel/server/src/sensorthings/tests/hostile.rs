//! What hostile clients send: everything is answered, nothing with a failure of the service.

use super::support::{Service, city};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_addresses_are_refused_and_never_a_failure() {
    let service = Service::start().await;
    city(&service, 20).await;
    let deep = |open: &str, close: &str, times: usize| format!("{}1{}", open.repeat(times), close.repeat(times));
    let paths = [
        format!("Observations?$filter={} eq 1", deep("(", ")", 2_000)),
        format!("Observations?$filter={}true", "not ".repeat(3_000)),
        format!("Observations?$filter={} eq 1", deep("floor(", ")", 2_000)),
        format!("Observations?$filter=result eq 1{}", " and result eq 1".repeat(1_500)),
        format!("Observations?$filter=1{} eq 1", " add 1".repeat(2_000)),
        format!("Observations?$filter={}1 eq 1", "-".repeat(4_000)),
        format!("Things?$expand={}Things", "Locations/Things/".repeat(500)),
        format!("Things?$expand={}", deep("Locations($expand=Things($expand=", "))", 200)),
        format!("Things?$expand={}", "Locations,".repeat(500)),
        format!("Things?$orderby={}name", "name,".repeat(500)),
        format!(
            "Things?$filter=st_within(Locations/location, geography'{}POINT(1 1){}')",
            "GEOMETRYCOLLECTION(".repeat(500),
            ")".repeat(500)
        ),
        "Things?$filter=name eq 'open".to_owned(),
        "Things?$filter=%ff".to_owned(),
        "Things?$filter=%".to_owned(),
        "Things?$filter=name eq %00".to_owned(),
        "Things?$top=99999999999999999999999999".to_owned(),
        "Things?$top=-1".to_owned(),
        "Things?$skip=99999999999999999999999999".to_owned(),
        "Observations?$skip=99999999999999999999999999".to_owned(),
        "HistoricalLocations?$skip=99999999999999999999999999".to_owned(),
        "Observations?$skip=4000000".to_owned(),
        "Observations?$skiptoken=[]".to_owned(),
        "Observations?$skiptoken=[1,2,3]".to_owned(),
        "Observations?$skiptoken=%5B%22x%22,%221-1-1%22%5D".to_owned(),
        "Observations?$skiptoken=%5B%229999-12-31T23:59:59Z%22,%221-9-1%22%5D".to_owned(),
        "Things?$skiptoken=%7B%7D".to_owned(),
        "HistoricalLocations?$skiptoken=%5B1,%22' OR 1=1 --%22%5D".to_owned(),
        "Observations?$filter=phenomenonTime gt 9999-12-31T23:59:59Z".to_owned(),
        "Observations?$filter=phenomenonTime gt 0000-01-01T00:00:00Z".to_owned(),
        "Observations?$filter=phenomenonTime gt mindatetime() and phenomenonTime lt maxdatetime()".to_owned(),
        "Observations?$filter=phenomenonTime gt now() sub duration'P99999999999999D'".to_owned(),
        "Observations?$filter=result eq 1e308 mul 1e308".to_owned(),
        "Observations?$filter=result div 0 eq 1".to_owned(),
        "Observations?$filter=id eq '9999999999999999999999-1-1'".to_owned(),
        "Observations?$filter=id eq '1--9223372036854775808-18446744073709551615'".to_owned(),
        "Things?$filter=Datastreams/Observations/result gt 1".to_owned(),
        "Things?$filter=substring(name, 1e300, -5) eq 'x'".to_owned(),
        "Things?$filter=st_relate(Locations/location, geography'POINT(1 1)', 'nonsense')".to_owned(),
        "Things?$filter=geo.length(geography'LINESTRING EMPTY') eq 0".to_owned(),
        "Things?$filter=geography'POLYGON((0 0, 1 1, 0 1, 1 0, 0 0))' eq null".to_owned(),
        "Locations?$filter=st_intersects(location, geography'POLYGON((0 0, 1 1, 0 1, 1 0, 0 0))')".to_owned(),
        "Things('..%2F..%2Fetc%2Fpasswd')".to_owned(),
        "Things('%00')".to_owned(),
        "Locations('00000000-0000-0000-0000-000000000000@x')".to_owned(),
        "Locations('00000000-0000-0000-0000-000000000000@99999999999999999999')".to_owned(),
        "Observations('1-99999999999999999999-1')".to_owned(),
        "Datastreams(18446744073709551616)".to_owned(),
        format!("{}Things", "Things/".repeat(5_000)),
        "%".to_owned(),
        "Things?recorded=never".to_owned(),
        "Things?datetime=0000-01-01T00:00:00Z/9999-12-31T00:00:00Z".to_owned(),
        "Observations?datetime=0000-01-01T00:00:00Z/9999-12-31T00:00:00Z".to_owned(),
        "Observations?$orderby=Datastream/name".to_owned(),
        "Observations?$resultFormat=xml".to_owned(),
    ];
    for path in &paths {
        let answer = service.send("GET", path, "").await;
        let shown: String = path.chars().take(100).collect();
        assert!(answer.status >= 200 && answer.status < 500, "{shown}: {} {}", answer.status, answer.text);
    }
    for body in
        ["[".repeat(100_000), "{\"a\":".repeat(5_000), "\u{0}".to_owned(), "null".to_owned(), "1e999".to_owned()]
    {
        for (method, path) in [("POST", "Things"), ("PATCH", "Datastreams(1)"), ("POST", "CreateObservations")] {
            let answer = service.send(method, path, &body).await;
            assert_eq!(answer.status, 400, "{method} {path}: {}", answer.text);
        }
    }
    let mut nested = serde_json::json!({});
    for _ in 0..20 {
        nested = serde_json::json!({ "name": "n", "description": "d", "observationType": "o", "unitOfMeasurement": {}, "Thing": nested });
    }
    assert_eq!(service.send("POST", "Datastreams", &nested["Thing"]["Thing"].to_string()).await.status, 400);
    // The service goes on.
    assert_eq!(service.list("Things").await.len(), 4);
}

/// Without a key nothing is written, and everything is read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_no_key_only_reads() {
    let service = Service::start().await;
    for (method, wanted) in [("POST", 401), ("PATCH", 401), ("PUT", 401), ("DELETE", 401), ("GET", 200)] {
        let request = format!(
            "{method} /sta/v1.1/Things HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{{}}"
        );
        let answer = crate::tests::exchange(service.address, request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {wanted}")), "{method}: {answer}");
    }
}
