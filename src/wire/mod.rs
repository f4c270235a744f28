//! The only sockets, clocks and threads.
