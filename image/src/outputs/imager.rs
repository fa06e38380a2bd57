//! An entry for Raspberry Pi Imager's list of operating systems (rpi-imager, doc/json-schema).

use serde_json::{Value, json};

use crate::outputs::{Facts, Written};

/// Builds the list with one entry. `url` is relative: whoever publishes the image puts the address in front.
#[must_use]
pub fn build(facts: &Facts<'_>, written: &Written) -> Value {
    let image = &facts.config.image;
    let date = jiff::Timestamp::from_second(facts.lock.epoch)
        .map_or_else(|_| String::new(), |time| time.strftime("%Y-%m-%d").to_string());
    let file = written.image.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    json!({ "os_list": [{
        "name": format!("Tayberry {}", image.version),
        "description": "Hosts web applications on a Raspberry Pi 5",
        "url": file,
        "extract_size": written.disk_bytes,
        "extract_sha256": written.disk_sha256,
        "image_download_size": written.image_bytes,
        "image_download_sha256": written.image_sha256,
        "release_date": date,
        "devices": ["pi5-64bit"],
        // The files that Imager then writes are read by tayberry-format::imager.
        "init_format": "cloudinit",
    }] })
}
