//! Work for the pool.
#[derive(Debug)]
pub struct Job;
#[derive(Debug)]
pub struct JobDone;
