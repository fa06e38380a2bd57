//! The two sides of a service that is replaced without a gap: the new one starts on the side that is free, beside the old one, and the
//! gateway is told which of the two it asks. Everything else about a service is the same on both.

use super::values::Name;

/// Folder of [`super::gateway::FOLDER`], as the gateway sees it, too: a file by the name of a service says that side B is asked.
pub const FOLDER: &str = "side-b";

/// A side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Where every service starts when the device does, and where those stay that are stopped before they are replaced.
    #[default]
    A,
    /// The other.
    B,
}

impl Side {
    /// Both.
    pub const ALL: [Self; 2] = [Self::A, Self::B];

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// What a service is called there, as container and unit. No service's name holds an underscore.
    #[must_use]
    pub fn stem(self, service: &Name) -> String {
        self.stem_of(&service.to_string())
    }

    /// The same for a name that is one because a unit has it.
    #[must_use]
    pub fn stem_of(self, service: &str) -> String {
        match self {
            Self::A => format!("stack-{service}"),
            Self::B => format!("stack-{service}_b"),
        }
    }

    /// Its name in its networks, which the other side does not have.
    #[must_use]
    pub fn host(self, service: &Name) -> String {
        match self {
            Self::A => format!("{service}_a"),
            Self::B => format!("{service}_b"),
        }
    }
}

/// The service of a unit of either side, such as `stack-api_b.service`; none for other units.
#[must_use]
pub fn service_of(unit: &str) -> Option<&str> {
    let stem = unit.strip_prefix("stack-")?.strip_suffix(".service")?;
    Some(stem.strip_suffix("_b").unwrap_or(stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_have_names_of_their_own() {
        let name: Name = "web-b".parse().unwrap();
        let units = Side::ALL.map(|side| format!("{}.service", side.stem(&name)));
        assert_eq!(units, ["stack-web-b.service", "stack-web-b_b.service"]);
        assert!(units.iter().all(|unit| service_of(unit) == Some("web-b")));
        assert_eq!(service_of("tayberryd.service"), None);
        assert_ne!(Side::A.host(&name), Side::B.host(&name));
        assert!("web_b".parse::<Name>().is_err(), "nobody can take the name of the other side");
    }
}
