//! Tests of [`super`]: what is refused, and with which words.

use super::*;

const GOOD: &str = include_str!("../appliance.toml");

fn error(text: &str) -> String {
    Config::parse(Path::new("appliance.toml"), text).unwrap_err().to_string()
}

#[test]
fn the_shipped_configuration_is_good() {
    let config = Config::parse(Path::new("appliance.toml"), GOOD).unwrap();
    assert_eq!(config.flavour().unwrap().page_size, 4096);
}

#[test]
fn every_image_of_a_registry_is_locked() {
    let paths = crate::paths::Paths::find(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
    let (config, lock) =
        (Config::load(&paths.config()).unwrap(), crate::lock::Lock::load(&paths.lock()).unwrap());
    let begun: Vec<_> =
        config.container.iter().filter_map(|(name, one)| Some((name, one.image.as_ref()?))).collect();
    assert!(!begun.is_empty(), "the stack has a database of a registry");
    for (name, reference) in begun {
        assert!(lock.image_of(name, reference).is_some_and(|image| !image.layer.is_empty()), "{name}");
    }
}

#[test]
fn mistakes_are_named_with_their_place_and_what_is_allowed() {
    let unknown = error(&GOOD.replace("hostname =", "hostnam ="));
    assert!(unknown.contains("line 7, column 1") && unknown.contains("expected one of"), "{unknown}");
    let wrong_type = error(&GOOD.replace("version = \"0.1.0\"", "version = 1"));
    assert!(
        wrong_type.contains("line 6, column 11") && wrong_type.contains("expected a string"),
        "{wrong_type}"
    );
    let kernel = error(&GOOD.replace("kernel = \"debian\"", "kernel = \"bsd\""));
    assert!(kernel.contains("there is debian, raspberrypi"), "{kernel}");
    let name = error(&GOOD.replace("hostname = \"tayberry\"", "hostname = \"Tay Berry\""));
    assert!(name.contains("image.hostname"), "{name}");
    let watchdog = error(&GOOD.replace("watchdog = 15", "watchdog = 16"));
    assert!(watchdog.contains("image.watchdog: \"16\" is not allowed"), "{watchdog}");
}
