//! Who may ask the database: names from the environment, passwords from secrets.

use std::path::{Path, PathBuf};

/// `NAME@DATABASE`, with blanks between them.
const VARIABLE: &str = "DATABASE_USERS";
/// Where secrets are in a container. That of a user is `mongo-NAME`.
const SECRETS: &str = "/run/secrets";

/// Users that cannot be known.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UsersError {
    /// The variable.
    #[error("{VARIABLE}: {0:?} is not NAME@DATABASE")]
    Malformed(String),
    /// A secret.
    #[error("{0}: {1}; give the service the secret mongo-NAME of each of its users")]
    Secret(PathBuf, std::io::Error),
}

/// One who may read and write one database.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct User {
    /// Name.
    pub(crate) name: String,
    /// The database; that which knows the user, too.
    pub(crate) database: String,
    /// Password.
    pub(crate) password: String,
}

/// All of them; without any, everybody may do everything.
pub(crate) struct Users(pub(crate) Vec<User>);

impl Users {
    /// Reads them.
    ///
    /// # Errors
    /// When the variable is malformed, or a secret is not there.
    pub(crate) fn from_environment() -> Result<Self, UsersError> {
        Self::read(&std::env::var(VARIABLE).unwrap_or_default(), Path::new(SECRETS))
    }

    fn read(text: &str, secrets: &Path) -> Result<Self, UsersError> {
        let user = |text: &str| {
            let named = text.split_once('@').filter(|(name, database)| is_word(name) && is_word(database));
            let (name, database) = named.ok_or_else(|| UsersError::Malformed(text.to_owned()))?;
            let path = secrets.join(format!("mongo-{name}"));
            let password = std::fs::read_to_string(&path).map_err(|error| UsersError::Secret(path, error))?;
            Ok(User {
                name: name.to_owned(),
                database: database.to_owned(),
                password: password.trim_end().to_owned(),
            })
        };
        Ok(Self(text.split_whitespace().map(user).collect::<Result<_, _>>()?))
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_and_their_passwords_are_secrets() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("mongo-api"), "b7\n").unwrap();
        let read = |text: &str| Users::read(text, folder.path());
        let users = read(" api@console ").unwrap_or_else(|error| panic!("{error}"));
        let known: Vec<_> =
            users.0.iter().map(|one| [one.name.as_str(), &one.database, &one.password]).collect();
        assert_eq!(known, [["api", "console", "b7"]]);
        assert!(read("").unwrap_or_else(|error| panic!("{error}")).is_empty());
        for (text, words) in [("api", "NAME@DATABASE"), ("../x@a", "NAME@DATABASE"), ("web@a", "mongo-web")] {
            let error = read(text).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains(words), "{text}: {error}");
        }
    }
}
