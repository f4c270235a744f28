//! The media plane.
#[derive(Debug)]
pub struct MediaPlane;
