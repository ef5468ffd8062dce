//! The way to the first picture of the whole city. Where the processor draws, it is drafted: fewer pixels, no shadows and
//! patterns, and what lives comes with the next picture.

/// So long a draft waits for the end of the first snapshot and for the GPU: a city that takes longer is shown as it comes.
const MOST_WAITED_MS: f64 = 5_000.0;

/// See the module.
#[derive(Debug)]
pub(crate) struct FirstPicture {
    draft: bool,
    /// The first snapshot has been told to its end.
    told: bool,
    /// The first frame that holds all of it.
    whole_frame: Option<u64>,
    waited_ms: f64,
}

impl FirstPicture {
    pub(crate) fn new(draft: bool) -> Self {
        Self { draft, told: false, whole_frame: None, waited_ms: 0.0 }
    }

    /// Whether pictures are drafts for now.
    pub(crate) fn is_draft(&self) -> bool {
        self.draft
    }

    /// Whether a frame now would hold up the one that matters: half a city before the whole one, or the same draft again.
    pub(crate) fn waits(&mut self, step_ms: f64) -> bool {
        let due = self.told && self.whole_frame.is_none();
        self.waited_ms += step_ms;
        self.draft && !due && self.waited_ms < MOST_WAITED_MS
    }

    /// The first snapshot has been told to its end.
    pub(crate) fn told(&mut self) {
        self.told = true;
    }

    /// This frame was given to the GPU with everything that has been told.
    pub(crate) fn drawn(&mut self, frame: u64) {
        if self.told {
            self.whole_frame.get_or_insert(frame);
        }
    }

    /// Whether the GPU, which has finished so many frames, has finished one that holds the whole city.
    pub(crate) fn is_seen(&self, finished: u64) -> bool {
        self.whole_frame.is_some_and(|whole| finished >= whole)
    }

    /// Once the draft has been seen it has served: true that one time.
    pub(crate) fn ends_draft(&mut self, finished: u64) -> bool {
        let ends = self.draft && self.is_seen(finished);
        self.draft &= !ends;
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_draft_is_drawn_once_when_all_is_told_and_ends_when_it_was_seen() {
        let mut first = FirstPicture::new(true);
        assert!(first.waits(16.0), "half a city is not drawn");
        first.drawn(1);
        assert!(!first.is_seen(1), "a frame before the end of the telling is not the whole city");
        first.told();
        assert!(!first.waits(16.0), "now it is due");
        first.drawn(2);
        assert!(first.waits(16.0), "nor is the same draft drawn again");
        assert!(!first.ends_draft(1) && first.is_draft());
        assert!(first.ends_draft(2) && !first.ends_draft(2));
        assert!(!first.waits(16.0) && first.is_seen(2));
    }

    #[test]
    fn a_city_that_takes_long_is_shown_as_it_comes_and_a_quick_machine_never_waits() {
        let mut first = FirstPicture::new(true);
        assert!(first.waits(MOST_WAITED_MS - 1.0) && !first.waits(1.0));
        assert!(!FirstPicture::new(false).waits(0.0));
    }
}
