//! Roomgate beside real programs: baresip and SIPp dial it, Chromium joins by the page, tshark reads what was said.
//! Each test runs a server of its own, on ports and in a folder of its own. What they leave (logs, recordings,
//! snapshots) lies below the build folder, in `tmp/interop`.

mod baresip;
mod browser;
mod capture;
mod endpoints;
mod gateway;
mod media;
mod meeting;
mod pins;
mod sipp;
mod slates;
mod support;
