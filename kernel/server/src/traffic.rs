//! Requests by their doors: how many, how they ended, how long they took. Requests come by, figures in the Prometheus text format
//! go out. A door's name is its route, never a path, so that there are as many as there are doors.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

/// Upper ends of the buckets of times, seconds.
const SECONDS: [f64; 11] = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 2.5, 10.0, 60.0];
/// Methods that have a name of their own; others are written as one.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

#[derive(Debug, Default, Clone)]
struct Times {
    counts: [u64; SECONDS.len()],
    count: u64,
    sum_s: f64,
}

#[derive(Debug, Default)]
struct Seen {
    requests: BTreeMap<(String, &'static str, u16), u64>,
    times: BTreeMap<String, Times>,
}

/// What came by.
#[derive(Debug, Default)]
pub(crate) struct Traffic(Mutex<Seen>);

impl Traffic {
    /// A request that was answered.
    pub(crate) fn count(&self, route: &str, method: &str, status: u16, took: Duration) {
        let method = METHODS.into_iter().find(|known| *known == method).unwrap_or("OTHER");
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *seen.requests.entry((route.to_owned(), method, status)).or_default() += 1;
        let times = seen.times.entry(route.to_owned()).or_default();
        let seconds = took.as_secs_f64();
        for (count, _) in times.counts.iter_mut().zip(SECONDS).filter(|(_, end)| seconds <= *end) {
            *count += 1;
        }
        times.count += 1;
        times.sum_s += seconds;
    }

    /// The figures.
    pub(crate) fn text(&self) -> String {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = "# HELP urbis_http_requests_total Requests answered, by route, method and status.\n\
                        # TYPE urbis_http_requests_total counter\n"
            .to_owned();
        // Writing to a string cannot fail.
        for ((route, method, status), count) in &seen.requests {
            let labels = format!("route=\"{route}\",method=\"{method}\",status=\"{status}\"");
            let _ = writeln!(text, "urbis_http_requests_total{{{labels}}} {count}");
        }
        text += "# HELP urbis_http_request_seconds Time until an answer began, by route.\n\
                 # TYPE urbis_http_request_seconds histogram\n";
        for (route, times) in &seen.times {
            for (count, end) in times.counts.iter().zip(SECONDS) {
                let _ = writeln!(text, "urbis_http_request_seconds_bucket{{route=\"{route}\",le=\"{end}\"}} {count}");
            }
            let (count, sum) = (times.count, times.sum_s);
            let _ = write!(
                text,
                "urbis_http_request_seconds_bucket{{route=\"{route}\",le=\"+Inf\"}} {count}\n\
                 urbis_http_request_seconds_sum{{route=\"{route}\"}} {sum}\n\
                 urbis_http_request_seconds_count{{route=\"{route}\"}} {count}\n"
            );
        }
        text
    }
}

/// Counts a request at the door that answers it.
pub(crate) async fn measure(State(traffic): State<Arc<Traffic>>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let route = request.extensions().get::<MatchedPath>().map_or("page", MatchedPath::as_str).to_owned();
    let method = request.method().clone();
    let response = next.run(request).await;
    traffic.count(&route, method.as_str(), response.status().as_u16(), begun.elapsed());
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_cumulative_and_methods_are_few() {
        let traffic = Traffic::default();
        traffic.count("/sql", "POST", 200, Duration::from_millis(4));
        traffic.count("/sql", "POST", 200, Duration::from_secs(70));
        traffic.count("/sql", "BREW", 400, Duration::from_micros(1));
        let text = traffic.text();
        for line in [
            "urbis_http_requests_total{route=\"/sql\",method=\"POST\",status=\"200\"} 2",
            "urbis_http_requests_total{route=\"/sql\",method=\"OTHER\",status=\"400\"} 1",
            "urbis_http_request_seconds_bucket{route=\"/sql\",le=\"0.0025\"} 1",
            "urbis_http_request_seconds_bucket{route=\"/sql\",le=\"0.005\"} 2",
            "urbis_http_request_seconds_bucket{route=\"/sql\",le=\"60\"} 2",
            "urbis_http_request_seconds_bucket{route=\"/sql\",le=\"+Inf\"} 3",
            "urbis_http_request_seconds_count{route=\"/sql\"} 3",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in {text}");
        }
    }
}
