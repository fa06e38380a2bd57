//! What is decided in rescue: whether a person is needed, who may ask for what, and when the device tries by itself again.

use std::fmt::Write as _;
use std::net::IpAddr;
use std::time::Duration;

use tayberry_format::claim::ClaimCode;
use tayberry_format::slot::Slot;

use crate::access::Asker;
use crate::request::Request;
use crate::request::owner::Role;
use crate::request::problem::Kind;
use crate::request::rescue::Cause;

/// After so long without anybody who signed in, a device whose system is whole tries it again: a power cut at the wrong moments
/// must not leave a house without its server.
pub const UNATTENDED: Duration = Duration::from_secs(15 * 60);

/// What rescue sees when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The slot that the firmware starts.
    pub default: Slot,
    /// It would start, and every block of its system partition is as it was signed.
    pub own_whole: bool,
    /// The same of the other slot.
    pub other_whole: bool,
    /// The default slot was found whole before, and did not come up since.
    pub retried: bool,
    /// The slot that was left because it was damaged, and nothing has come up since.
    pub left: Option<Slot>,
    /// The firmware went here because the button was held, and not because it counted starts.
    pub held: bool,
}

/// The firmware goes to rescue by itself from this start on, counted since the power came on (`[boot_count>2]`).
pub const COUNTED: u32 = 3;

/// What follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Start the default slot again.
    Retry,
    /// Make this slot the default and start it: the default one is damaged.
    Leave(Slot),
    /// Ask a person.
    Serve(Cause),
}

/// Decides.
#[must_use]
pub fn decide(seen: Seen) -> Verdict {
    if seen.held {
        return Verdict::Serve(Cause::Button);
    }
    match (seen.own_whole, seen.other_whole, seen.retried) {
        // A drive that reads now one and now the other: it would go to and fro for ever.
        (false, true, _) if seen.left == Some(seen.default.other()) => Verdict::Serve(Cause::BothDamaged),
        (false, true, _) => Verdict::Leave(seen.default.other()),
        (false, false, _) => Verdict::Serve(Cause::BothDamaged),
        (true, _, false) => Verdict::Retry,
        (true, _, true) => Verdict::Serve(Cause::DoesNotStart),
    }
}

/// Whether `asker` may ask `request` of a device in rescue.
///
/// # Errors
/// With the kind of problem.
pub const fn check(asker: &Asker, request: &Request) -> Result<(), Kind> {
    match request {
        Request::Overview | Request::Authority | Request::SignIn(_) | Request::Claim(_) => Ok(()),
        Request::WhoAmI
        | Request::SignOut
        | Request::Rescue
        | Request::Export
        | Request::StartAgain
        | Request::FactoryReset(_)
        | Request::Updates
        | Request::ReceiveUpdate(_)
        | Request::CancelUpdate
        | Request::RestartIntoUpdate(_)
        | Request::RollBack(_) => match asker {
            Asker::Session(Role::Owner) => Ok(()),
            Asker::Nobody => Err(Kind::SignInFirst),
            _ => Err(Kind::Forbidden),
        },
        _ => Err(Kind::InRescue),
    }
}

/// What the screen and the serial console show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Screen<'a> {
    /// Host name.
    pub name: &'a str,
    /// Version of the rescue system.
    pub version: &'a str,
    /// Why the device is in rescue.
    pub cause: Cause,
    /// Addresses, loopback left out.
    pub addresses: &'a [IpAddr],
    /// The code that proves that somebody sees the screen.
    pub code: &'a ClaimCode,
    /// SHA-256 of the authority's certificate.
    pub fingerprint: &'a str,
}

/// Renders it: at most 80 columns, ASCII.
#[must_use]
pub fn render(screen: &Screen<'_>) -> String {
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments<'_>| {
        // Writing to a String cannot fail.
        write!(text, "{line}\r\n").unwrap_or_default();
    };
    line(format_args!(""));
    line(format_args!("  Tayberry {}   RESCUE", screen.version));
    line(format_args!(""));
    line(format_args!("  {}", screen.cause.sentence()));
    line(format_args!("  Open https://{}.local on a computer in the same network.", screen.name));
    line(format_args!(""));
    if screen.addresses.is_empty() {
        line(format_args!("  Address      none yet: plug in a network cable"));
    }
    for (index, address) in screen.addresses.iter().enumerate() {
        let host = if address.is_ipv6() { format!("[{address}]") } else { address.to_string() };
        line(format_args!("  {:12} https://{host}", if index == 0 { "Address" } else { "" }));
    }
    line(format_args!("  Rescue code  {}", screen.code));
    let halves = screen.fingerprint.split_at_checked(48).unwrap_or((screen.fingerprint, ""));
    line(format_args!("  SHA-256      {}", halves.0));
    line(format_args!("               {}", halves.1));
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::owner::Credentials;
    use crate::request::rescue::Erase;
    use tayberry_format::owner::Scope;

    #[test]
    fn the_table() {
        use Slot::{A, B};
        let seen = |own_whole, other_whole, retried| Seen {
            default: B,
            own_whole,
            other_whole,
            retried,
            left: None,
            held: false,
        };
        for (seen, wanted) in [
            (seen(true, true, false), Verdict::Retry),
            (seen(true, false, false), Verdict::Retry),
            (seen(true, true, true), Verdict::Serve(Cause::DoesNotStart)),
            (seen(true, false, true), Verdict::Serve(Cause::DoesNotStart)),
            (seen(false, true, false), Verdict::Leave(A)),
            (seen(false, true, true), Verdict::Leave(A)),
            (seen(false, false, false), Verdict::Serve(Cause::BothDamaged)),
            (seen(false, false, true), Verdict::Serve(Cause::BothDamaged)),
            (Seen { held: true, ..seen(false, true, false) }, Verdict::Serve(Cause::Button)),
            (Seen { left: Some(A), ..seen(false, true, false) }, Verdict::Serve(Cause::BothDamaged)),
            (Seen { left: Some(B), ..seen(false, true, false) }, Verdict::Leave(A)),
        ] {
            assert_eq!(decide(seen), wanted, "{seen:?}");
        }
    }

    #[test]
    fn it_ends_with_a_person_whatever_is_whole() {
        for whole in [[false, false], [false, true], [true, false], [true, true]] {
            let mut default = Slot::A;
            let (mut retried, mut left) = (false, None);
            let steps = (0..8).find(|_| {
                let is = |slot: Slot| whole[usize::from(slot == Slot::B)];
                match decide(Seen {
                    default,
                    own_whole: is(default),
                    other_whole: is(default.other()),
                    retried,
                    left,
                    held: false,
                }) {
                    Verdict::Serve(_) => return true,
                    Verdict::Retry => retried = true,
                    Verdict::Leave(slot) => (default, retried, left) = (slot, false, Some(slot.other())),
                }
                false
            });
            assert!(steps.is_some_and(|steps| steps <= 2), "{whole:?}: {steps:?}");
        }
    }

    #[test]
    fn strangers_learn_nothing_and_owners_get_only_what_rescue_can_do() {
        let sign_in = Request::SignIn(Credentials { name: String::new(), password: String::new() });
        let erase = Request::FactoryReset(Erase { name: String::new(), password: None });
        let owner = Asker::Session(Role::Owner);
        let token = Asker::Token(vec![Scope::Updates]);
        for (asker, request, wanted) in [
            (&Asker::Nobody, &Request::Overview, Ok(())),
            (&Asker::Nobody, &sign_in, Ok(())),
            (&Asker::Nobody, &Request::Rescue, Err(Kind::SignInFirst)),
            (&Asker::Nobody, &Request::Export, Err(Kind::SignInFirst)),
            (&Asker::Nobody, &erase, Err(Kind::SignInFirst)),
            (&token, &Request::Updates, Err(Kind::Forbidden)),
            (&Asker::Session(Role::Setup), &erase, Err(Kind::Forbidden)),
            (&owner, &erase, Ok(())),
            (&owner, &Request::RollBack(crate::request::update::RestartWish::default()), Ok(())),
            (&owner, &Request::Status, Err(Kind::InRescue)),
            (&owner, &Request::CheckForUpdate, Err(Kind::InRescue)),
        ] {
            assert_eq!(check(asker, request), wanted, "{asker:?} {request:?}");
        }
    }

    #[test]
    fn golden() {
        let addresses: Vec<IpAddr> = vec!["192.168.1.20".parse().unwrap(), "fd00::20".parse().unwrap()];
        let code = "12345678".to_owned().try_into().unwrap();
        let fingerprint = ["AB"; 32].join(":");
        let screen = Screen {
            name: "kitchen",
            version: "1.4.2",
            cause: Cause::BothDamaged,
            addresses: &addresses,
            code: &code,
            fingerprint: &fingerprint,
        };
        let text = render(&screen);
        assert_eq!(text.replace('\r', ""), include_str!("../fixtures/console-rescue.txt"));
        assert!(text.lines().all(|line| line.chars().count() <= 80));
        assert!(render(&Screen { addresses: &[], ..screen }).contains("plug in a network cable"));
    }
}
