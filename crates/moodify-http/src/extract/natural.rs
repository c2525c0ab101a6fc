use serde::Deserialize;

/// A count or a place as the contract writes it: int32, not negative. For fields of JSON bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "u32")]
pub(crate) struct Natural(u32);

impl Natural {
    pub(crate) fn get(self) -> u32 {
        self.0
    }
}

impl TryFrom<u32> for Natural {
    type Error = &'static str;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        if i32::try_from(number).is_ok() { Ok(Self(number)) } else { Err("the number is too large") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_31_bits() {
        assert_eq!(serde_json::from_str::<Natural>("2147483647").unwrap().get(), 2_147_483_647);
        for bad in ["2147483648", "4294967295", "4294967296", "-1", "1.5", "1e3", "\"1\"", "null"] {
            assert!(serde_json::from_str::<Natural>(bad).is_err(), "{bad}");
        }
    }
}
