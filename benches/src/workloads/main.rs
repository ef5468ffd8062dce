//! `workloads`: the store and its index asked in process, by the protocol of `benches/peers/PROTOCOL.md`: one JSON object a line
//! in, one out. Times are taken around one question, from the question to the whole answer in memory.

#![expect(clippy::print_stdout, reason = "answers go to standard output")]

mod ask;
mod buildings;
mod cells;
mod city;
mod commit;
mod load;
mod movers;
mod timing;

use std::io::BufRead;

use anyhow::{Context, anyhow};
use serde_json::{Value, json};

use crate::city::City;

fn main() -> anyhow::Result<()> {
    let mut city = None;
    for line in std::io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?).context("a request is a JSON object on one line")?;
        let close = request.get("close").is_some();
        let answer = match answer(&mut city, &request) {
            Ok(answer) => answer,
            Err(error) => json!({ "error": format!("{error:#}") }),
        };
        println!("{answer}");
        if close {
            break;
        }
    }
    Ok(())
}

fn answer(city: &mut Option<City>, request: &Value) -> anyhow::Result<Value> {
    if let Some(open) = request.get("open") {
        let text = |name: &str| open[name].as_str().with_context(|| format!("`open` has no `{name}`"));
        *city = Some(City::open(text("data")?.as_ref(), text("store")?.as_ref())?);
        return Ok(city::DESCRIPTION.clone());
    }
    let open = || anyhow!("the first request is `open`");
    if let Some(table) = request.get("load").and_then(Value::as_str) {
        return city.as_mut().ok_or_else(open)?.load(table);
    }
    if let Some(name) = request.get("ask").and_then(Value::as_str) {
        return ask::ask(city.as_mut().ok_or_else(open)?, name, request);
    }
    if request.get("close").is_some() {
        *city = None;
        return Ok(json!({}));
    }
    Err(anyhow!("no such request"))
}
