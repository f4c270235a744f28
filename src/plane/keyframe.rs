//! keyframe.
