//! A picture of the city without a screen: messages in, pixels out, on whatever adapter the machine has.

use viewer_render::{Gpu, Picture, Renderer};

use crate::{App, CameraPose, Error};

/// Draws the city that these messages tell of, each thing at its last known place. Without a camera it is seen obliquely as a whole.
///
/// # Errors
/// When a message is not understood, the machine has no graphics adapter, or the size cannot be made.
pub fn render(messages: &[Vec<u8>], width: u32, height: u32, camera: Option<CameraPose>) -> Result<Picture, Error> {
    let mut app = open(width, height)?;
    for bytes in messages {
        app.push(bytes, 0.0)?;
    }
    app.settle();
    if let Some(pose) = camera {
        app.set_camera(&pose)?;
    }
    picture(&mut app, width, height)
}

/// An empty city on an adapter without a screen, to be driven by hand.
///
/// # Errors
/// When the machine has no graphics adapter, or the size cannot be made.
pub fn open(width: u32, height: u32) -> Result<App, Error> {
    let gpu = pollster::block_on(Gpu::headless())?;
    Ok(App::new(Renderer::new(gpu, width, height)?))
}

/// Draws an app's present state.
///
/// # Errors
/// When the size cannot be made or the device fails.
pub fn picture(app: &mut App, width: u32, height: u32) -> Result<Picture, Error> {
    app.resize(width as f32, height as f32, 1.0)?;
    app.settle();
    let input = app.input();
    Ok(app.renderer().picture(&input, width, height)?)
}

/// Waits for a pick's answer: what is at a pixel of the present state.
///
/// # Errors
/// When the device fails.
pub fn pick(app: &mut App, x: f32, y: f32) -> Result<Option<crate::EntityId>, Error> {
    let request = app.pick(x, y);
    app.renderer().finish()?;
    Ok(request.poll()?.and_then(|pick| app.picked(pick)))
}
