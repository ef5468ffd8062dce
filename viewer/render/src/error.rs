//! What can go wrong between the program and the GPU, and what to do about it.

/// A failure of the graphics device or of a request to it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No adapter answered: neither WebGPU nor WebGL2 in a browser, neither Vulkan nor OpenGL on a machine.
    #[error("no graphics adapter for {wanted}: {reason}. {advice}")]
    NoAdapter {
        /// What was asked for, for example "WebGPU".
        wanted: &'static str,
        /// What the graphics library said.
        reason: String,
        /// What a person can do.
        advice: &'static str,
    },
    /// An adapter exists but gave no device.
    #[error(
        "the graphics adapter {adapter} gave no device: {reason}. Update the graphics driver or try another backend"
    )]
    NoDevice {
        /// The adapter's own name.
        adapter: String,
        /// What the graphics library said.
        reason: String,
    },
    /// The canvas could not be drawn to.
    #[error("the canvas cannot be drawn to: {0}. Another context may hold it: use a fresh canvas element")]
    Canvas(String),
    /// The picture's size is zero or larger than the device allows.
    #[error("a picture of {width} x {height} pixels cannot be made: each side must be 1 to {most}")]
    Size {
        /// Asked width in pixels.
        width: u32,
        /// Asked height in pixels.
        height: u32,
        /// The device's largest side in pixels.
        most: u32,
    },
    /// A read-back from the GPU failed.
    #[error("reading back from the graphics device failed: {0}. The device may be lost: start the viewer again")]
    ReadBack(String),
    /// The device reported an error on its own time.
    #[error("the graphics device reported: {0}")]
    Device(String),
}
