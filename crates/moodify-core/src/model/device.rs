//! A listener's devices.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use super::{DeviceName, Invalid, opaque::opaque_keys};

opaque_keys! {
    /// A device, named by itself: it keeps this key across connections.
    DeviceId(64, "invalid_device_id");
    /// Something a device can do, such as `audio` (it makes sound) or `volume`.
    Capability(32, "invalid_capability");
}

/// What a device is, for the picture next to its name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceKind {
    /// A page in a browser.
    Web,
    /// A phone.
    Phone,
    /// A tablet.
    Tablet,
    /// A program on a computer.
    Desktop,
    /// A loudspeaker.
    Speaker,
    /// A television.
    Tv,
    /// A car.
    Car,
    /// Whatever this version does not know: newer devices still work.
    #[default]
    #[serde(other)]
    Other,
}

/// What a device can do. Unknown abilities are kept: other devices may know them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Capabilities(BTreeSet<Capability>);

impl Capabilities {
    /// How many abilities a device may name.
    pub const MAX: usize = 32;

    /// These abilities.
    ///
    /// # Errors
    /// `too_many_capabilities`.
    pub fn new(names: impl IntoIterator<Item = Capability>) -> Result<Self, Invalid> {
        let names: BTreeSet<_> = names.into_iter().take(Self::MAX + 1).collect();
        if names.len() > Self::MAX {
            let message = format!("A device may name at most {} capabilities.", Self::MAX);
            return Err(Invalid::new("too_many_capabilities", message));
        }
        Ok(Self(names))
    }

    /// The abilities in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = &Capability> {
        self.0.iter()
    }
}

impl<'de> Deserialize<'de> for Capabilities {
    /// From a list of names, or from an object whose true members are the names.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Names(Vec<Capability>),
            Flags(std::collections::BTreeMap<Capability, bool>),
        }
        let names: Vec<_> = match Form::deserialize(deserializer)? {
            Form::Names(names) => names,
            Form::Flags(flags) => flags.into_iter().filter(|(_, on)| *on).map(|(name, _)| name).collect(),
        };
        Self::new(names).map_err(serde::de::Error::custom)
    }
}

/// A device of a listener.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Its own key.
    #[serde(rename = "device_id")]
    pub id: DeviceId,
    /// What the listener calls it.
    pub name: DeviceName,
    /// What it is.
    pub kind: DeviceKind,
    /// What it can do.
    pub capabilities: Capabilities,
}

/// A device that was seen at least once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownDevice {
    /// The device, as it described itself last.
    #[serde(flatten)]
    pub device: Device,
    /// When it was connected last.
    pub last_seen: Timestamp,
}

/// Whether a device is there: what the listener's other devices show.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevicePresence {
    /// The device.
    #[serde(flatten)]
    pub device: Device,
    /// Whether it is connected.
    pub online: bool,
    /// When it was connected last: now, while it is online.
    pub last_seen: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn device_ids_are_short_plain_keys() {
        for good in ["a", "phone-1", "A.b_c:d", &"x".repeat(64)] {
            assert_eq!(DeviceId::parse(good).unwrap().as_str(), good);
        }
        for bad in ["", " ", "a b", "a/b", "é", "a\0", "💿", "$ne", &"x".repeat(65)] {
            assert_eq!(DeviceId::parse(bad).unwrap_err().code, "invalid_device_id", "{bad:?}");
        }
    }

    #[test]
    fn capabilities_come_as_names_or_flags() {
        let names: Capabilities = serde_json::from_str(r#"["volume", "audio", "audio"]"#).unwrap();
        let flags: Capabilities =
            serde_json::from_str(r#"{"audio": true, "volume": true, "lyrics": false}"#).unwrap();
        assert_eq!(names, flags);
        assert_eq!(serde_json::to_string(&names).unwrap(), r#"["audio","volume"]"#);
        let many: Vec<_> = (0..=Capabilities::MAX).map(|n| n.to_string()).collect();
        assert!(serde_json::from_str::<Capabilities>(&serde_json::to_string(&many).unwrap()).is_err());
    }

    #[test]
    fn an_unknown_kind_is_just_another_device() {
        assert_eq!(serde_json::from_str::<DeviceKind>(r#""fridge""#).unwrap(), DeviceKind::Other);
        assert_eq!(serde_json::to_string(&DeviceKind::Tv).unwrap(), r#""tv""#);
    }
}
