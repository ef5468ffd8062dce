//! What the town looks like: claims about pixels, and pictures kept for people to look at.

use viewer_app::{App, CameraPose, Picture, Theme, headless};

use crate::adapter::{app, folder, keep};
use crate::town;

const WIDTH: u32 = 640;
const HEIGHT: u32 = 360;

fn told(width: u32, height: u32) -> Option<App> {
    let mut app = app(width, height)?;
    app.push(&town::entities(&town::things()), 0.0).unwrap();
    app.push(&town::states_message(&town::states(0.0)), 0.0).unwrap();
    app.settle();
    Some(app)
}

/// How many pixels differ by more than a shade.
fn differing(a: &Picture, b: &Picture) -> usize {
    let shade = |pair: (&[u8], &[u8])| pair.0.iter().zip(pair.1).any(|(x, y)| x.abs_diff(*y) > 8);
    a.bytes.chunks(4).zip(b.bytes.chunks(4)).filter(|pair| shade((pair.0, pair.1))).count()
}

fn mean(picture: &Picture, rows: std::ops::Range<u32>) -> [f64; 3] {
    let from = (rows.start * picture.width * 4) as usize;
    let to = (rows.end * picture.width * 4) as usize;
    let count = f64::from((rows.end - rows.start) * picture.width);
    std::array::from_fn(|part| picture.bytes[from..to].chunks(4).map(|p| f64::from(p[part])).sum::<f64>() / count)
}

/// The eye south of the tower, looking at it.
fn at_the_tower() -> CameraPose {
    let [lon_deg, lat_deg] = town::degrees(55.0, -245.0);
    CameraPose { lon_deg, lat_deg, height_m: 120.0, heading_deg: 0.0, pitch_deg: -16.0 }
}

#[test]
fn the_town_by_day_and_by_night() {
    let Some(mut app) = told(1280, 720) else { return };
    if std::env::var_os("URBIS_ARTEFACTS").is_some() {
        std::fs::write(folder().join("town_entities.arrows"), town::entities(&town::things())).unwrap();
        for second in 0..20 {
            let message = town::states_message(&town::states(f64::from(second)));
            std::fs::write(folder().join(format!("town_states_{second}.arrows")), message).unwrap();
        }
    }
    let day = headless::picture(&mut app, 1280, 720).unwrap();
    keep(&day, "town_day.png");
    let [red, _, blue] = mean(&day, 0..24);
    assert!(blue > red + 10.0, "the sky is at the top: {red} {blue}");
    let colours: std::collections::BTreeSet<[u8; 3]> =
        day.bytes.chunks(4).map(|p| [p[0] / 16, p[1] / 16, p[2] / 16]).collect();
    assert!(colours.len() > 100, "a city has many colours: {}", colours.len());

    app.set_theme(Theme::Night);
    let night = headless::picture(&mut app, 1280, 720).unwrap();
    keep(&night, "town_night.png");
    let bright = |picture: &Picture| mean(picture, 0..720).iter().sum::<f64>();
    assert!(bright(&night) < bright(&day) * 0.5);
    app.set_theme(Theme::Day);
    app.set_camera(&at_the_tower()).unwrap();
    keep(&headless::picture(&mut app, 1280, 720).unwrap(), "town_tower.png");
}

#[test]
fn the_tower_is_picked_where_it_stands_and_lights_up() {
    let Some(mut app) = told(WIDTH, HEIGHT) else { return };
    app.set_camera(&at_the_tower()).unwrap();
    let tower = town::id(1, town::TOWER);
    let (x, y) = (WIDTH as f32 / 2.0, HEIGHT as f32 * 0.5);
    assert_eq!(headless::pick(&mut app, x, y).unwrap(), Some(tower));
    assert_eq!(headless::pick(&mut app, x, 4.0).unwrap(), None, "the sky is nothing");

    let plain = headless::picture(&mut app, WIDTH, HEIGHT).unwrap();
    let again = headless::picture(&mut app, WIDTH, HEIGHT).unwrap();
    assert_eq!(plain, again, "the same state draws the same picture");
    app.hover(Some(tower));
    let hovered = headless::picture(&mut app, WIDTH, HEIGHT).unwrap();
    app.hover(None);
    app.select(Some(tower));
    let selected = headless::picture(&mut app, WIDTH, HEIGHT).unwrap();
    keep(&selected, "town_selected.png");
    for lit in [&hovered, &selected] {
        let count = differing(&plain, lit);
        assert!((800..40_000).contains(&count), "{count} pixels changed");
    }
    let [r, g, b, _] = selected.pixel(x as u32, y as u32).unwrap();
    assert!(r > g && g > b, "the selection is orange: {r} {g} {b}");
    assert_eq!(selected.pixel(4, 4), plain.pixel(4, 4));
}

#[test]
fn a_hidden_layer_is_neither_seen_nor_picked() {
    let Some(mut app) = told(WIDTH, HEIGHT) else { return };
    app.set_camera(&at_the_tower()).unwrap();
    let with = headless::picture(&mut app, WIDTH, HEIGHT).unwrap();
    app.set_layer("buildings", false).unwrap();
    let without = headless::picture(&mut app, WIDTH, HEIGHT).unwrap();
    assert!(differing(&with, &without) > 40_000, "{}", differing(&with, &without));
    let picked = headless::pick(&mut app, WIDTH as f32 / 2.0, HEIGHT as f32 * 0.5).unwrap();
    assert_ne!(picked, Some(town::id(1, town::TOWER)));
    app.set_layer("buildings", true).unwrap();
    assert_eq!(headless::picture(&mut app, WIDTH, HEIGHT).unwrap(), with);
    assert!(app.set_layer("castles", true).is_err());
    assert!(app.layers().iter().any(|layer| layer.name == "vehicles" && layer.count == town::CARS as usize));
}

#[test]
fn a_removed_tower_is_gone_and_an_older_record_does_not_bring_it_back() {
    let Some(mut app) = told(WIDTH, HEIGHT) else { return };
    app.set_camera(&at_the_tower()).unwrap();
    let tower = town::things().into_iter().find(|thing| thing.id == town::id(1, town::TOWER)).unwrap();
    let pick = |app: &mut App| {
        app.settle();
        headless::pick(app, WIDTH as f32 / 2.0, HEIGHT as f32 * 0.45).unwrap()
    };
    let mut lower = tower.clone();
    (lower.seq, lower.extrude) = (5, Some(3.0));
    app.push(&town::entities(&[lower]), 0.0).unwrap();
    assert_ne!(pick(&mut app), Some(tower.id), "it has shrunk");
    app.push(&town::entities(std::slice::from_ref(&tower)), 0.0).unwrap();
    assert_ne!(pick(&mut app), Some(tower.id), "sequence 1 is older than 5");
    let mut back = tower.clone();
    back.seq = 6;
    app.push(&town::entities(&[back.clone()]), 0.0).unwrap();
    assert_eq!(pick(&mut app), Some(tower.id));
    (back.seq, back.removed) = (7, true);
    app.push(&town::entities(&[back]), 0.0).unwrap();
    assert_ne!(pick(&mut app), Some(tower.id));
}

#[test]
fn the_camera_comes_back_as_it_was_set() {
    let Some(mut app) = told(64, 64) else { return };
    let wanted = at_the_tower();
    app.set_camera(&wanted).unwrap();
    let got = app.camera_pose().unwrap();
    assert!((got.lon_deg - wanted.lon_deg).abs() < 1e-6 && (got.lat_deg - wanted.lat_deg).abs() < 1e-6);
    assert!((got.height_m - wanted.height_m).abs() < 0.01 && (got.pitch_deg - wanted.pitch_deg).abs() < 1e-9);
    assert!(app.set_camera(&CameraPose { lat_deg: f64::NAN, ..wanted }).is_err());
    assert!(headless::render(&[], 0, 10, None).is_err(), "a picture without a width");
}
