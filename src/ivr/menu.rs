//! Collects digits, prompts again, gives up.

#[derive(Debug)]
pub struct Menu;
#[derive(Debug)]
pub struct MenuConfig;
#[derive(Debug)]
pub enum MenuOutput {}
