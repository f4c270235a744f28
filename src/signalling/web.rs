//! The page's messages to and from leg events.
