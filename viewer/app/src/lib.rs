//! The city on screen: Arrow messages, pointer events and the time go in; pictures, picked ids and figures come out, in a
//! browser's canvas or without a screen. It fetches nothing and stores nothing: it shows what it was last told, and where
//! it was told nothing (the height of the ground, the shape of a sensor) the picture is a drawing and not a measurement.
//!
//! Layers of this crate: `message` (Arrow to rows) -> `city`, `motion`, `readings` (what is known) -> `build` (triangles) ->
//! `stage` (the renderer's objects) -> `app` (everything together) -> `headless` and `web` (its two surroundings).

mod app;
mod build;
mod checked;
mod city;
mod columns;
mod error;
mod first;
#[cfg(not(target_arch = "wasm32"))]
pub mod headless;
mod id;
mod layer;
pub mod local;
pub mod message;
pub mod motion;
mod palette;
mod pose;
mod readings;
mod shapes;
mod stage;
pub mod sun;
pub mod triangulate;
mod view;
#[cfg(target_arch = "wasm32")]
pub mod web;
pub mod wkb;

pub use app::{App, Label, LayerInfo, Stats, Theme};
pub use error::{Error, WkbError};
pub use id::EntityId;
pub use layer::Layer;
pub use pose::CameraPose;
pub use readings::{Legend, Reading, Readings};
pub use view::{Drag, Orbit, View};
pub use viewer_render::Picture;
