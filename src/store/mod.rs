//! Rooms, endpoints and bindings at rest.
