//! Keys that a client makes up: opaque to the server, but short and plain enough for logs, rows
//! and addresses.

macro_rules! opaque_keys {
    ($($(#[$doc:meta])* $name:ident($max:literal, $code:literal);)*) => {$(
        $(#[$doc])*
        #[derive(
            Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
        )]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The longest this may be, in characters.
            pub const MAX_CHARS: usize = $max;

            /// Checks a key: not empty, not too long, only `A–Z a–z 0–9 _ - . :`.
            ///
            /// # Errors
            #[doc = concat!("`", $code, "`.")]
            pub fn parse(text: &str) -> Result<Self, $crate::model::Invalid> {
                let plain = |c: char| c.is_ascii_alphanumeric() || "_-.:".contains(c);
                if text.is_empty() || text.len() > $max || !text.chars().all(plain) {
                    let message =
                        concat!("Use 1 to ", $max, " of the characters A-Z, a-z, 0-9, _, -, . and :.");
                    return Err($crate::model::Invalid::new($code, message));
                }
                Ok(Self(text.to_owned()))
            }

            /// The key as it was sent.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = $crate::model::Invalid;

            fn try_from(text: String) -> Result<Self, $crate::model::Invalid> {
                Self::parse(&text)
            }
        }

        impl From<$name> for String {
            fn from(key: $name) -> Self {
                key.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

pub(crate) use opaque_keys;
