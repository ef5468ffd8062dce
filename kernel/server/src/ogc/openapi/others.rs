//! All other paths of the program: a line or a few for each, in the order of the router.

use serde_json::{Map, Value, json};

use super::{Operation, path_parameter, query_parameter, reference};

const JSON: &str = "application/json";
const TEXT: &str = "text/plain";
const ARROW: &str = "application/vnd.apache.arrow.stream";

fn object() -> Value {
    json!({ "type": "object" })
}

fn get(id: &str, summary: &'static str, tag: &'static str, media: &'static str) -> Operation {
    let schema = if media == JSON { json!({ "type": ["object", "array"] }) } else { json!({ "type": "string" }) };
    Operation::new(id, summary, tag).gives("200", &[(media, schema)])
}

fn post(id: &str, summary: &'static str, tag: &'static str) -> Operation {
    Operation::new(id, summary, tag).guarded()
}

impl Operation {
    fn query(mut self, name: &str, description: &str, schema: Value) -> Self {
        self.parameters.push(query_parameter(name, description, schema));
        self
    }

    fn path(mut self, name: &str, description: &str, schema: Value) -> Self {
        self.parameters.push(path_parameter(name, description, schema));
        self
    }

    fn times(self) -> Self {
        self.with(&["datetime", "recorded"])
    }

    fn limit(self) -> Self {
        self.query("limit", "How many at most", json!({ "type": "integer", "minimum": 0 }))
    }

    /// What is not said of rows in their columns.
    fn rows(self) -> Self {
        let text = || json!({ "type": "string" });
        let mut said = self;
        for name in ["dataset", "unit", "crs", "height_reference"] {
            said = said.query(name, "Where no column says it; docs/arrow.md", text());
        }
        said.query("bulk", "Straight into segments, all of it or nothing", json!({ "type": "boolean" }))
            .takes(&[ARROW], json!({}))
            .gives("200", &[(JSON, object())])
    }
}

/// The paths, below `root`.
#[expect(clippy::too_many_lines, reason = "a list of paths")]
pub(super) fn paths(root: &str) -> Map<String, Value> {
    let mut paths = Map::new();
    let mut add = |path: &str, method: &str, operation: Operation| {
        let item = paths.entry(path.to_owned()).or_insert_with(|| json!({ "servers": [{ "url": root }] }));
        item[method] = operation.value();
    };
    let uuid = || json!({ "type": "string", "format": "uuid" });
    let text = || json!({ "type": "string" });
    let number = || json!({ "type": "integer", "minimum": 0 });
    add("/health", "get", get("getHealth", "Whether it can be used", "Operation", JSON));
    add("/metrics", "get", get("getMetrics", "Figures for Prometheus", "Operation", TEXT));
    add(
        "/live",
        "get",
        Operation::new("live", "WebSocket: a snapshot, then what changes, as Arrow IPC", "Live")
            .query("bbox", "west,south,east,north", text())
            .query("kinds", "Kinds of things, with commas", text())
            .gives("101", &[]),
    );
    add(
        "/alerts",
        "get",
        get("getAlerts", "Alerts after a number", "Alarms", JSON)
            .query("since", "The last known number", number())
            .limit(),
    );
    add(
        "/alerts/live",
        "get",
        Operation::new("liveAlerts", "WebSocket: alerts as they come", "Alarms")
            .query("since", "The last known number", number())
            .query("rule", "Of one rule only", text())
            .gives("101", &[]),
    );
    add(
        "/alerts/{number}/acknowledge",
        "post",
        post("acknowledgeAlert", "Somebody has taken note of an alert", "Alarms")
            .path("number", "The alert", number())
            .takes(&[JSON], json!({ "type": "object", "required": ["by"], "properties": { "by": text() }, "additionalProperties": false }))
            .gives("200", &[(JSON, object())]),
    );
    add("/sql", "post", {
        let forms = [
            (JSON, reference("schemas", "answer")),
            ("text/csv", json!({})),
            (TEXT, json!({})),
            (ARROW, json!({})),
            ("application/vnd.apache.parquet", json!({})),
            ("application/flatgeobuf", json!({})),
            ("application/geo+json", json!({})),
        ];
        Operation::new("ask", "One question in SQL that only reads; docs/sql.md", "SQL")
            .takes(&[JSON], reference("schemas", "question"))
            .gives("200", &forms)
    });
    add(
        "/changes",
        "post",
        post("change", "Writes changes as one commit or not at all; docs/changes.md", "Writes")
            .takes(&[JSON], reference("schemas", "changes"))
            .gives("200", &[(JSON, object())]),
    );
    add("/observations", "post", post("observe", "Readings as an Arrow stream; docs/arrow.md", "Writes").rows());
    add("/positions", "post", post("locate", "Fixes as an Arrow stream; docs/arrow.md", "Writes").rows());
    add(
        "/hooks/{name}",
        "post",
        Operation::new("hook", "What another service sends, signed (X-Hub-Signature-256); docs/streams.md", "Writes")
            .path("name", "The webhook of the configuration", text())
            .takes(&[JSON], json!({}))
            .gives("200", &[(JSON, object())]),
    );
    add(
        "/assets/{id}/receipt",
        "get",
        get("getReceipt", "A receipt that is checked offline", "Ledger", TEXT).path("id", "A thing", uuid()).query(
            "leaf",
            "The leaf; without it the newest",
            number(),
        ),
    );
    add("/log/checkpoint", "get", get("getCheckpoint", "The signed checkpoint (C2SP tlog-checkpoint)", "Ledger", TEXT));
    add("/log/key", "get", get("getLogKey", "The log's public key", "Ledger", TEXT));
    add(
        "/log/tile/{tile}",
        "get",
        Operation::new("getLogTile", "A tile of the log (C2SP tlog-tiles)", "Ledger")
            .path("tile", "Such as 0/x000/000", text())
            .gives("200", &[("application/octet-stream", json!({}))])
            .gives("404", &[]),
    );
    add("/api/info", "get", get("getInfo", "The city in short", "Things", JSON));
    add(
        "/api/search",
        "get",
        get("search", "Things by id, name or class, places by code", "Things", JSON)
            .query("q", "What", text())
            .limit()
            .times(),
    );
    add(
        "/api/entities/{id}",
        "get",
        get("getEntity", "One thing in full", "Things", JSON).path("id", "The thing", uuid()).times(),
    );
    add(
        "/api/datastreams/{id}/observations",
        "get",
        get("getObservations", "The newest readings of a series", "Things", JSON)
            .path("id", "The datastream's number", number())
            .limit()
            .times(),
    );
    paths
}
