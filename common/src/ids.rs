//! Identifiers. Each is its own type so that one cannot be passed for another.

use std::fmt;
use uuid::Uuid;

macro_rules! id {
    ($name:ident, $doc:literal) => {
        #[doc = $doc]
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(String);

        impl $name {
            /// A new id; ids of one process sort by creation time.
            pub fn random() -> Self {
                Self(Uuid::now_v7().simple().to_string())
            }

            /// The id in text form.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(QueryId, "One execution of a statement.");
id!(SessionId, "A client's session.");
id!(NodeId, "One server process in the cluster.");
