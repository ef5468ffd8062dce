//! What the town looks like.

use viewer_app::headless;

use crate::adapter::{app, folder, keep};
use crate::town;

#[test]
fn the_town_by_day_and_by_night() {
    let Some(mut app) = app(1280, 720) else { return };
    let entities = town::entities(&town::things());
    let states = town::states_message(&town::states(0.0));
    std::fs::write(folder().join("town_entities.arrows"), &entities).unwrap();
    for second in 0..20 {
        let message = town::states_message(&town::states(f64::from(second)));
        std::fs::write(folder().join(format!("town_states_{second}.arrows")), message).unwrap();
    }
    app.push(&entities, 0.0).unwrap();
    app.push(&states, 0.0).unwrap();
    let day = headless::picture(&mut app, 1280, 720).unwrap();
    keep(&day, "town_day.png");
    app.set_theme(viewer_app::Theme::Night);
    keep(&headless::picture(&mut app, 1280, 720).unwrap(), "town_night.png");
    app.set_theme(viewer_app::Theme::Day);
    let [lon, lat] = town::degrees(-60.0, -110.0);
    let street = viewer_app::CameraPose { lon_deg: lon, lat_deg: lat, height_m: 28.0, heading_deg: 30.0, pitch_deg: -12.0 };
    app.set_camera(&street).unwrap();
    keep(&headless::picture(&mut app, 1280, 720).unwrap(), "town_street.png");
}
