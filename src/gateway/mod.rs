//! Composes the stages: where each call stands. Sans-IO: handle one input, drain `poll_output` to `Timeout`.
