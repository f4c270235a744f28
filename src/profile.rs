//! Device families: `sip-profiles/*.toml`. A quirk is a named policy here, chosen by how a device names itself, and
//! never a comparison of names in the code.

use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

use serde::Deserialize;

/// The files of all families, built in. The first whose prefix fits counts; the generic one ends the list.
const FILES: [&str; 4] = [
    include_str!("../sip-profiles/baresip.toml"),
    include_str!("../sip-profiles/cisco-ce.toml"),
    include_str!("../sip-profiles/poly.toml"),
    include_str!("../sip-profiles/generic.toml"),
];

/// How one family of devices is treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// For people: "Cisco TelePresence (TC, CE, RoomOS)".
    pub name: String,
    /// Whether a pound that comes before any digit belongs to the dialling, and not to a PIN.
    pub ignore_leading_pound: bool,
    /// Whether key frames are asked for by INFO `picture_fast_update` (RFC 5168) of those who gave us no way in RTCP.
    pub keyframe_info: bool,
    /// The H.264 packetization mode to choose where both are offered.
    pub prefer_h264_mode: u8,
    /// What its digests are asked for in, in this order: a challenge for each.
    pub digests: Vec<DigestAlgorithm>,
}

/// A digest algorithm, by the name that RFC 8760 gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum DigestAlgorithm {
    #[serde(rename = "MD5")]
    Md5,
    #[serde(rename = "SHA-256")]
    Sha256,
}

impl Default for Profile {
    fn default() -> Self {
        Self {
            name: "generic".to_owned(),
            ignore_leading_pound: true,
            keyframe_info: true,
            prefer_h264_mode: 1,
            digests: vec![DigestAlgorithm::Md5, DigestAlgorithm::Sha256],
        }
    }
}

impl Profile {
    /// Of a device of which nothing is known.
    pub fn generic() -> Arc<Self> {
        Profiles::embedded().generic.clone()
    }
}

/// All families.
#[derive(Debug)]
pub struct Profiles {
    families: Vec<Family>,
    generic: Arc<Profile>,
}

#[derive(Debug)]
struct Family {
    user_agents: Vec<String>,
    origins: Vec<String>,
    profile: Arc<Profile>,
}

impl Profiles {
    /// The families that are built in.
    pub fn embedded() -> &'static Self {
        static EMBEDDED: LazyLock<Profiles> = LazyLock::new(|| {
            // Built in and proved by a test: a file that cannot be read is left out all the same.
            let read = |text: &&str| {
                parse(text)
                    .inspect_err(|error| tracing::error!(%error, "a built-in profile cannot be read"))
                    .ok()
            };
            Profiles::new(FILES.iter().filter_map(read))
        });
        &EMBEDDED
    }

    fn new(files: impl Iterator<Item = File>) -> Self {
        let mut families = Vec::new();
        let mut generic = Arc::default();
        for file in files {
            let profile = Arc::new(file.profile());
            if file.user_agent.is_empty() && file.origin.is_empty() {
                generic = profile;
            } else {
                families.push(Family { user_agents: file.user_agent, origins: file.origin, profile });
            }
        }
        Self { families, generic }
    }

    /// The family of a device, by the beginning of its User-Agent, or by the user name in its `o=` line where a
    /// proxy has put its own User-Agent.
    pub fn find(&self, user_agent: Option<&str>, origin: Option<&str>) -> Arc<Profile> {
        let begins = |text: Option<&str>, prefixes: &[String]| {
            text.is_some_and(|text| {
                prefixes.iter().any(|prefix| {
                    text.get(..prefix.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(prefix))
                })
            })
        };
        let by_agent = self.families.iter().find(|family| begins(user_agent, &family.user_agents));
        let family = by_agent.or_else(|| self.families.iter().find(|family| begins(origin, &family.origins)));
        family.map_or_else(|| self.generic.clone(), |family| family.profile.clone())
    }
}

/// One file as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    name: String,
    /// Beginnings of User-Agent.
    #[serde(default)]
    user_agent: Vec<String>,
    /// Beginnings of the user name in `o=`.
    #[serde(default)]
    origin: Vec<String>,
    #[serde(default)]
    policies: Policies,
    /// Pages and keys for those who set the device up; not read by the gateway.
    #[serde(default, rename = "set-up")]
    _set_up: BTreeMap<String, String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Policies {
    ignore_leading_pound: Option<Policy<bool>>,
    keyframe_info: Option<Policy<bool>>,
    prefer_h264_mode: Option<Policy<u8>>,
    digests: Option<Policy<Vec<DigestAlgorithm>>>,
}

/// A value and where it is known from.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Policy<T> {
    value: T,
    #[serde(rename = "source")]
    _source: String,
}

fn parse(text: &str) -> Result<File, toml::de::Error> {
    toml::from_str(text)
}

impl File {
    fn profile(&self) -> Profile {
        let default = Profile::default();
        let policies = &self.policies;
        let flag =
            |policy: &Option<Policy<bool>>, default| policy.as_ref().map_or(default, |policy| policy.value);
        Profile {
            name: self.name.clone(),
            ignore_leading_pound: flag(&policies.ignore_leading_pound, default.ignore_leading_pound),
            keyframe_info: flag(&policies.keyframe_info, default.keyframe_info),
            prefer_h264_mode: policies
                .prefer_h264_mode
                .as_ref()
                .map_or(default.prefer_h264_mode, |policy| policy.value.min(1)),
            digests: policies
                .digests
                .as_ref()
                .map(|policy| policy.value.clone())
                .filter(|digests| !digests.is_empty())
                .unwrap_or(default.digests),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_file_can_be_read() {
        for file in FILES {
            if let Err(error) = parse(file) {
                panic!("{error}\n{file}");
            }
        }
        assert_eq!(Profiles::embedded().families.len(), FILES.len() - 1);
    }

    #[test]
    fn a_device_is_known_by_the_beginning_of_its_user_agent_or_by_its_origin() {
        let profiles = Profiles::embedded();
        let name = |agent, origin| profiles.find(agent, origin).name.clone();
        assert_eq!(name(Some("TANDBERG/529 (ce9.1.4.8a1ac8e) Cisco-MX700ST"), None), "Cisco TelePresence");
        assert_eq!(name(Some("PolycomHDX8000HD/3.1.12"), None), "Poly");
        assert_eq!(name(Some("Proxy/1"), Some("StudioX30")), "Poly");
        assert_eq!(name(Some("baresip v1.0.0 (x86_64/linux)"), Some("-")), "baresip 1");
        assert_eq!(name(Some("baresip v3"), Some("-")), "generic");
        assert_eq!(name(None, None), "generic");
        assert_eq!(Profile::generic().name, "generic");
    }

    #[test]
    fn an_unknown_policy_is_an_error() {
        assert!(parse("name = \"x\"\n[policies.blink]\nvalue = true\nsource = \"nobody\"\n").is_err());
        assert!(parse("name = \"x\"\n[policies.keyframe-info]\nvalue = true\n").is_err(), "no source");
    }
}
