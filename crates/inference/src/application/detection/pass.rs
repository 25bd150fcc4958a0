//! The one pass of a detector over a photo: decoded, laid into the model's frame, looked at.

use super::frame::{Frame, Placement};
use crate::engine::TensorView;
use crate::error::InputError;
use crate::{Input, Photo};

/// A frame and the photo that waits to be looked at in it.
pub(in crate::application) struct PhotoPass {
    frame: Frame,
    photo: Option<Photo>,
}

impl PhotoPass {
    pub(in crate::application) const fn new(frame: Frame) -> Self {
        Self { frame, photo: None }
    }

    pub(in crate::application) fn begin(&mut self, input: &Input) -> Result<(), InputError> {
        self.photo = Some(Photo::decode(&input.bytes, &input.name)?);
        Ok(())
    }

    /// Whether a photo waits.
    pub(in crate::application) const fn waits(&self) -> bool {
        self.photo.is_some()
    }

    pub(in crate::application) fn prepare(&mut self) -> Vec<TensorView<'_>> {
        if let Some(photo) = &self.photo {
            self.frame.place(photo);
        }
        vec![TensorView::f32(self.frame.shape(), self.frame.planes())]
    }

    /// The photo was looked at; where it lay is still known.
    pub(in crate::application) fn end(&mut self) {
        self.photo = None;
    }

    /// Height and width of the frame.
    pub(in crate::application) const fn size(&self) -> (usize, usize) {
        self.frame.size()
    }

    /// Where the last photo lay; `None` before the first.
    pub(in crate::application) const fn placement(&self) -> Option<Placement> {
        self.frame.placement()
    }
}
