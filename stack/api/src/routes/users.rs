//! Users of the console. Only the owner of the device decides who they are; none of them has a right over the device.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Problems, now};
use crate::App;
use crate::asking::Asking;
use crate::body::Body;
use crate::password;
use crate::problem::Problem;
use crate::store::{MOST_USERS, Role, User, is_duplicate};

/// Longest name, in characters.
const LONGEST_NAME: usize = 64;
/// Shortest password, in characters.
const SHORTEST_PASSWORD: usize = 10;

/// A new user.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewUser {
    /// 1 to 64 letters, digits, blanks, and `. _ - @`.
    name: String,
    /// 10 characters and more.
    password: String,
    /// `viewer` or `operator`.
    role: Role,
}

/// A user, as others see it.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Shown {
    name: String,
    role: Role,
    /// In seconds since 1970.
    created_at: i64,
}

impl From<User> for Shown {
    fn from(user: User) -> Self {
        Self { name: user.name, role: user.role, created_at: user.created_at }
    }
}

impl NewUser {
    /// # Errors
    /// With what is to be changed.
    fn check(&self) -> Result<(), Problem> {
        let letters = |letter: char| letter.is_alphanumeric() || " ._-@".contains(letter);
        let name = self.name.trim();
        if name.is_empty()
            || name.chars().count() > LONGEST_NAME
            || name != self.name
            || !name.chars().all(letters)
        {
            return Err(Problem::not_allowed("The name: 1 to 64 letters, digits, blanks, and . _ - @."));
        }
        if self.password.chars().count() < SHORTEST_PASSWORD || self.password.len() > password::LONGEST {
            return Err(Problem::not_allowed("The password: 10 to 256 characters."));
        }
        if self.role == Role::Owner {
            return Err(Problem::not_allowed(
                "Only the device says who its owner is: choose viewer or operator.",
            ));
        }
        Ok(())
    }
}

/// All users but the owner.
#[utoipa::path(get, path = "/users", tag = "users", responses((status = 200, body = Vec<Shown>), Problems))]
pub(super) async fn list(State(app): State<App>, asking: Asking) -> Result<Json<Vec<Shown>>, Problem> {
    asking.at_least(Role::Owner)?;
    Ok(Json(app.store.all_users().await?.into_iter().map(Shown::from).collect()))
}

/// Adds a user.
#[utoipa::path(post, path = "/users", tag = "users", request_body = NewUser, responses((status = 201, body = Shown), Problems))]
pub(super) async fn add(
    State(app): State<App>,
    asking: Asking,
    Body(new): Body<NewUser>,
) -> Result<(StatusCode, Json<Shown>), Problem> {
    asking.at_least(Role::Owner)?;
    new.check()?;
    let count = app.store.all_users().await?.len();
    if u64::try_from(count).unwrap_or(u64::MAX) >= MOST_USERS {
        return Err(Problem::conflict(format!("There are {MOST_USERS} users: remove one first.")));
    }
    let hash = password::hash(new.password).await?;
    let user = User { id: new.name.to_lowercase(), name: new.name, role: new.role, hash, created_at: now() };
    match app.store.add_user(&user).await {
        Err(error) if is_duplicate(&error) => {
            return Err(Problem::conflict(format!("There is a user {} already.", user.name)));
        }
        done => done?,
    }
    asking.note(&app, "user-added", &user.name).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

/// Removes a user, and ends that user's sessions.
#[utoipa::path(delete, path = "/users/{name}", tag = "users", params(("name" = String, Path)), responses((status = 204), Problems))]
pub(super) async fn remove(
    State(app): State<App>,
    asking: Asking,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    asking.at_least(Role::Owner)?;
    // Before, so that nothing is changed if it fails; after, for a sign-in meanwhile.
    app.sessions.end_all(&name).await?;
    if !app.store.remove_user(&name).await? {
        return Err(Problem::not_found());
    }
    app.sessions.end_all(&name).await?;
    asking.note(&app, "user-removed", &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_be_a_user() {
        let new = |name: &str, password: &str, role| {
            NewUser { name: name.into(), password: password.into(), role }.check().is_ok()
        };
        assert!(new("Grete Bäumle", "ten-letters", Role::Viewer));
        for (name, password, role) in [
            ("", "ten-letters", Role::Viewer),
            (" Grete", "ten-letters", Role::Viewer),
            ("Gre\nte", "ten-letters", Role::Viewer),
            ("<b>", "ten-letters", Role::Viewer),
            ("Grete", "short", Role::Viewer),
            ("Grete", "ten-letters", Role::Owner),
        ] {
            assert!(!new(name, password, role), "{name:?} {password} {role:?}");
        }
        assert!(!new("Grete", &"x".repeat(257), Role::Viewer));
    }
}
