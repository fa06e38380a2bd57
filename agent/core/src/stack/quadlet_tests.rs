//! The units of a whole stack, as a golden file.

use super::*;
use crate::stack::secret::Known;

/// What is rendered of `good.yaml`, all in one. `TAYBERRY_GOLDEN=1` writes it anew.
#[test]
fn golden() {
    let stack = Stack::parse(include_str!("../../fixtures/stack/good.yaml")).unwrap();
    let users = stack.services.keys().cloned().zip((1..).map(|number| number * USERS)).collect();
    let known = |number: usize| Known { id: format!("{number:025x}"), value: String::new() };
    let kept = stack.secrets.keys().cloned().zip((1..).map(known)).collect();
    let redis =
        Image { id: "d1".repeat(32), names: vec!["localhost/tayberry/redis:8".into()], layer: String::new() };
    let system = [redis];
    let all: String = render(&stack, &users, &Kept(kept), System { images: &system, switches: 2 })
        .into_iter()
        .flat_map(|wanted| [Some(wanted.file), wanted.twin.map(|twin| twin.file)])
        .flatten()
        .map(|file| format!("=== {}\n{}\n", file.name, file.text))
        .collect();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/stack/good.units");
    if std::env::var_os("TAYBERRY_GOLDEN").is_some() {
        std::fs::write(path, &all).unwrap();
    }
    assert_eq!(all, std::fs::read_to_string(path).unwrap_or_default());
}
