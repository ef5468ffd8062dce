//! What time it is: the machine's clock, or another one that a test sets back and forth.

use std::fmt;
use std::sync::Arc;

use kernel_model::TimeUs;

/// Says what time it is; clones are the same clock.
#[derive(Clone, Default)]
pub struct Clock(Option<Arc<dyn Fn() -> TimeUs + Send + Sync>>);

impl fmt::Debug for Clock {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(if self.0.is_some() { "Clock(set)" } else { "Clock" })
    }
}

impl Clock {
    /// Another clock than the machine's.
    pub fn set(says: impl Fn() -> TimeUs + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(says)))
    }

    pub(crate) fn now(&self) -> TimeUs {
        self.0.as_ref().map_or_else(TimeUs::now, |says| says())
    }
}
