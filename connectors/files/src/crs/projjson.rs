//! PROJJSON (GeoParquet 1.1, "crs") into a [`Crs`] by the codes in it: of the whole system, or of its horizontal and
//! vertical parts. A system without codes is refused.

use serde_json::Value;

use super::{AxisOrder, Crs, CrsError};

pub(super) fn read(value: &Value, order: AxisOrder) -> Result<Crs, CrsError> {
    if let Some(name) = code(value) {
        return Crs::parse(&name, order);
    }
    let refused = |why: &str| CrsError::Wkt(format!("PROJJSON {why}"));
    match value["type"].as_str() {
        Some("CompoundCRS") => {
            let parts: Vec<String> = value["components"].as_array().into_iter().flatten().filter_map(code).collect();
            match parts.as_slice() {
                [horizontal, vertical] => Crs::parse(&format!("{horizontal}+{vertical}"), order),
                _ => Err(refused("of a compound system whose parts have no codes")),
            }
        }
        Some("BoundCRS") => read(&value["source_crs"], order),
        _ => Err(refused("without a code")),
    }
}

fn code(value: &Value) -> Option<String> {
    let id = value.get("id").or_else(|| value["ids"].get(0))?;
    let code = match &id["code"] {
        Value::Number(code) => code.to_string(),
        Value::String(code) => code.clone(),
        _ => return None,
    };
    Some(format!("{}:{code}", id["authority"].as_str()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn codes_name_the_system() {
        let id = |code: u32| json!({ "authority": "EPSG", "code": code });
        let of = |value: &Value| read(value, AxisOrder::LonLat).map(|crs| crs.name().to_owned());
        assert_eq!(of(&json!({ "type": "ProjectedCRS", "id": id(28992) })), Ok("EPSG:28992".to_owned()));
        let parts = json!({ "type": "CompoundCRS", "components": [{ "id": id(28992) }, { "id": id(5709) }] });
        assert_eq!(of(&parts), Ok("EPSG:28992+5709".to_owned()));
        assert_eq!(of(&json!({ "id": { "authority": "OGC", "code": "CRS84" } })), Ok("OGC:CRS84".to_owned()));
        assert!(of(&json!({ "type": "ProjectedCRS", "name": "ours" })).is_err());
        assert!(of(&json!({ "type": "BoundCRS" })).is_err());
    }
}
