//! Arrow Flight SQL with the client of arrow-flight.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{AsArray, Float64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, Schema};
use arrow_flight::error::FlightError;
use arrow_flight::sql::client::FlightSqlServiceClient;
use futures_util::TryStreamExt;
use kernel_query::Limits;
use kernel_wires::{Wire, flight};
use tonic::Code;
use tonic::transport::{Certificate, Channel, ClientTlsConfig};

use crate::city::{City, KEY, LIMITS};

type Client = FlightSqlServiceClient<Channel>;

async fn connect(wire: &Wire) -> Client {
    let channel = Channel::from_shared(format!("http://{}", wire.address)).unwrap().connect().await.unwrap();
    FlightSqlServiceClient::new(channel)
}

async fn rows(client: &mut Client, info: arrow_flight::FlightInfo) -> Result<Vec<RecordBatch>, FlightError> {
    let ticket = info.endpoint[0].ticket.clone().unwrap();
    client.do_get(ticket).await?.try_collect().await
}

async fn ask(client: &mut Client, sql: &str) -> Result<Vec<RecordBatch>, FlightError> {
    let info = client.execute(sql.to_owned(), None).await?;
    rows(client, info).await
}

/// The status in an error of whichever layer.
fn code(error: &FlightError) -> (Code, String) {
    match error {
        FlightError::Tonic(status) => (status.code(), status.message().to_owned()),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn statements_give_what_the_engine_gives() {
    let city = City::new();
    let wire = flight::serve("127.0.0.1:0", city.door(LIMITS, false), None).await.unwrap();
    let mut client = connect(&wire).await;
    let sql = "SELECT name, geometry FROM entities WHERE kind = 'building' ORDER BY name";
    let info = client.execute(sql.to_owned(), None).await.unwrap();
    let told = info.clone().try_decode_schema().unwrap();
    let batches = rows(&mut client, info).await.unwrap();
    assert_eq!(batches[0].schema().as_ref(), &told, "the columns are those that were told before");
    assert_eq!(batches[0].column(0).as_string::<i32>().value(1), "Tower");
    let geometry = told.field(1).metadata();
    assert_eq!(geometry["ARROW:extension:name"], "geoarrow.wkb");
    assert!(geometry["ARROW:extension:metadata"].contains("OGC:CRS84"));
    wire.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prepared_statements_take_values() {
    let city = City::new();
    let wire = flight::serve("127.0.0.1:0", city.door(LIMITS, false), None).await.unwrap();
    let mut client = connect(&wire).await;
    for sql in [
        "SELECT count(*) AS n FROM observations WHERE value > $1 AND value < $2",
        "SELECT count(*) AS n FROM observations WHERE value > ? AND value < ?",
    ] {
        let mut statement = client.prepare(sql.to_owned(), None).await.unwrap();
        assert_eq!(statement.parameter_schema().unwrap().field(1).data_type(), &DataType::Float64, "{sql}");
        let fields = ["$1", "$2"].map(|name| Field::new(name, DataType::Float64, true)).to_vec();
        for (least, most, wanted) in [(9.5, 20.0, 10), (0.0, 1.0, 0), (-1.0, 1000.0, 100)] {
            let columns = [least, most].map(|value| Arc::new(Float64Array::from(vec![value])) as _).to_vec();
            let values = RecordBatch::try_new(Arc::new(Schema::new(fields.clone())), columns).unwrap();
            statement.set_parameters(values).unwrap();
            let info = statement.execute().await.unwrap();
            let batches = rows(&mut client, info).await.unwrap();
            assert_eq!(batches[0].column(0).as_primitive::<Int64Type>().value(0), wanted, "{sql}: {least}..{most}");
        }
    }
    let mut statement = client.prepare("SELECT 1 FROM entities WHERE name = $1".to_owned(), None).await.unwrap();
    let (_, text) = code(&statement.execute().await.unwrap_err());
    assert!(text.contains("places for 1 values, 0 were given"), "{text}");
    let two = Arc::new(StringArray::from(vec!["Hall", "Tower"]));
    let schema = Schema::new(vec![Field::new("$1", DataType::Utf8, true)]);
    statement.set_parameters(RecordBatch::try_new(Arc::new(schema), vec![two]).unwrap()).unwrap();
    let (code, text) = code(&statement.execute().await.unwrap_err());
    assert_eq!(code, Code::Unimplemented, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_have_our_words_and_their_codes() {
    let city = City::new();
    let limits = Limits { deadline: Duration::from_millis(800), max_rows: 50 };
    let wire = flight::serve("127.0.0.1:0", city.door(limits, false), None).await.unwrap();
    let mut client = connect(&wire).await;
    for (sql, wanted, words) in [
        ("DELETE FROM entities", Code::PermissionDenied, "only reads"),
        ("SELEC 1", Code::InvalidArgument, "SQL"),
        ("SELECT nonsense FROM entities", Code::InvalidArgument, "nonsense"),
        ("SELECT value FROM observations", Code::ResourceExhausted, "cut after 50 rows"),
        ("SELECT count(*) FROM generate_series(1, 1000000000000)", Code::DeadlineExceeded, "cut after 800 ms"),
    ] {
        let (code, text) = code(&ask(&mut client, sql).await.unwrap_err());
        assert_eq!(code, wanted, "{sql}: {text}");
        assert!(text.contains(words), "{sql}: {text}");
    }
    let info = client.execute_update("DELETE FROM entities".to_owned(), None).await;
    assert_eq!(code(&info.unwrap_err()).0, Code::PermissionDenied);
    client.set_header("recorded", "yesterday");
    let (code, text) = code(&ask(&mut client, "SELECT 1").await.unwrap_err());
    assert_eq!((code, text.contains("recorded: `yesterday`")), (Code::InvalidArgument, true), "{text}");
    city.until_idle().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recorded_is_of_the_statement_also_when_its_rows_are_fetched_without_it() {
    let city = City::new();
    let wire = flight::serve("127.0.0.1:0", city.door(LIMITS, false), None).await.unwrap();
    let mut client = connect(&wire).await;
    client.set_header("recorded", "2020-01-01T00:00:00Z");
    let info = client.execute("SELECT count(*) FROM entity_revisions".to_owned(), None).await.unwrap();
    let mut other = connect(&wire).await;
    let then = rows(&mut other, info).await.unwrap();
    let now = ask(&mut other, "SELECT count(*) FROM entity_revisions").await.unwrap();
    let one = |batches: &[RecordBatch]| batches[0].column(0).as_primitive::<Int64Type>().value(0);
    assert_eq!((one(&then), one(&now)), (0, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_goes_or_does_not_read_ends_its_question() {
    let city = City::new();
    let wire = flight::serve("127.0.0.1:0", city.door(LIMITS, false), None).await.unwrap();
    // It goes while nothing comes.
    let mut client = connect(&wire).await;
    let endless =
        tokio::spawn(async move { ask(&mut client, "SELECT count(*) FROM generate_series(1, 1000000000000)").await });
    city.until_busy().await;
    endless.abort();
    city.until_idle().await;
    // It goes in the middle.
    let mut client = connect(&wire).await;
    let info =
        client.execute("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)".to_owned(), None).await.unwrap();
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    assert!(stream.try_next().await.unwrap().is_some());
    drop(stream);
    city.until_idle().await;
    // It stays and reads nothing more: the question ends when its time is over.
    let limits = Limits { deadline: Duration::from_secs(1), ..LIMITS };
    let wire = flight::serve("127.0.0.1:0", city.door(limits, false), None).await.unwrap();
    let mut client = connect(&wire).await;
    let info =
        client.execute("SELECT repeat('x', 1000) FROM generate_series(1, 1000000)".to_owned(), None).await.unwrap();
    let mut stream = client.do_get(info.endpoint[0].ticket.clone().unwrap()).await.unwrap();
    assert!(stream.try_next().await.unwrap().is_some());
    city.until_idle().await;
    let mut got = 0;
    let error = loop {
        match stream.try_next().await {
            Ok(Some(batch)) => got += batch.num_rows(),
            Ok(None) => panic!("it looks whole after {got} rows"),
            Err(error) => break error,
        }
    };
    assert_eq!(code(&error).0, Code::DeadlineExceeded, "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_a_bearer_token_or_a_password_over_tls() {
    let city = City::new();
    let (certificate, chain) = city.certificate();
    let wire = flight::serve("127.0.0.1:0", city.door(LIMITS, true), Some(&certificate)).await.unwrap();
    let tls = ClientTlsConfig::new()
        .domain_name("localhost")
        .ca_certificate(Certificate::from_pem(std::fs::read(chain).unwrap()));
    let channel = Channel::from_shared(format!("https://{}", wire.address)).unwrap().tls_config(tls).unwrap();
    let mut client = FlightSqlServiceClient::new(channel.connect().await.unwrap());
    let refused = async |client: &mut Client| code(&ask(client, "SELECT 1.5 AS x").await.unwrap_err());
    let (none, text) = refused(&mut client).await;
    assert_eq!((none, text.contains("an API key is needed")), (Code::Unauthenticated, true), "{text}");
    client.set_token("urbis_wrong".to_owned());
    let (wrong, text) = refused(&mut client).await;
    assert_eq!((wrong, text.contains("not one of this server's")), (Code::Unauthenticated, true), "{text}");
    assert!(client.get_catalogs().await.is_err() && client.get_table_types().await.is_err(), "nor what there is");
    client.clear_token();
    assert!(client.handshake("any", "urbis_wrong").await.is_err());
    client.handshake("any", KEY).await.unwrap();
    assert_eq!(client.token().map(String::as_str), Some(KEY), "the token is the key");
    let batches = ask(&mut client, "SELECT 1.5 AS x").await.unwrap();
    assert_eq!(batches[0].column(0).as_primitive::<Float64Type>().value(0), 1.5);
    let plain = Channel::from_shared(format!("http://{}", wire.address)).unwrap().connect().await.unwrap();
    assert!(ask(&mut FlightSqlServiceClient::new(plain), "SELECT 1").await.is_err(), "without TLS");
}
